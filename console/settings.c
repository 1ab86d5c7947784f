/*
 * settings.c - what the console is told by its configuration file.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/settings.h"

#include "common/doc.h"
#include "console/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
copy_text(struct bytes text, char *dst, size_t size)
{
	if (text.n >= size)
		return ERR_TOO_LARGE;
	if (text.n > 0)
		memcpy(dst, text.p, text.n);
	dst[text.n] = '\0';
	return 0;
}

int
settings_parse_listen(struct bytes text, struct settings_listen *ret_l)
{
	struct settings_listen l;
	struct bytes host;
	uint32_t port = 0;
	size_t colon, i;
	int err;

	for (colon = text.n; colon > 0 && text.p[colon - 1] != ':'; colon--)
		;
	if (colon < 2 || text.n - colon < 1 || text.n - colon > 5)
		return ERR_SYNTAX;
	for (i = colon; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return ERR_SYNTAX;
		port = port * 10 + (uint32_t)(text.p[i] - '0');
	}
	if (port > 65535)
		return ERR_RANGE;
	host = bytes_of(text.p, colon - 1);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = bytes_of(host.p + 1, host.n - 2);
	else if (memchr(host.p, ':', host.n) != NULL)
		return ERR_SYNTAX;
	if ((err = copy_text(host, l.host, sizeof(l.host))) != 0)
		return err;
	l.port = (uint16_t)port;
	*ret_l = l;
	return 0;
}

bool
settings_is_loopback(const struct settings_listen *l)
{
	return strncmp(l->host, "127.", 4) == 0 || strcmp(l->host, "::1") == 0;
}

/* A string member that is an address to listen on. */
static void
read_listen(struct doc_obj *o, struct settings_listen *ret_l)
{
	struct bytes text = { NULL, 0 };
	int err;

	doc_text(o, "listen", TEXT_LINE, 3, SETTINGS_HOST_SIZE, &text);
	if (text.n > 0 && (err = settings_parse_listen(text, ret_l)) != 0)
		doc_fail(o, "listen", err);
}

static void
read_agents(struct doc_obj *root, struct settings *s)
{
	struct bytes text = { NULL, 0 };
	struct doc_obj o, names;
	int err;

	doc_obj(root, "agents", &o);
	read_listen(&o, &s->agents);
	doc_arr(&o, "names", SETTINGS_NAMES_MAX, &names);
	while (doc_next(&names)) {
		doc_text(&names, NULL, TEXT_LINE, 1, SETTINGS_HOST_SIZE - 1,
		    &text);
		err = copy_text(text, s->names[s->n_names],
		    sizeof(s->names[0]));
		if (err != 0)
			doc_fail(&o, "names", err);
		else
			s->n_names++;
	}
	if (s->n_names == 0)
		doc_fail(&o, "names", ERR_RANGE);
	if (doc_opt_text(&o, "address", TEXT_LINE, 3,
	    sizeof(s->address) - 1, &text) &&
	    (err = copy_text(text, s->address, sizeof(s->address))) != 0)
		doc_fail(&o, "address", err);
	doc_end(&o);
}

static void
read_limits(struct doc_obj *root, struct settings *s)
{
	struct doc_obj o;

	s->connections = 4096;
	s->unproven = 256;
	s->api_connections = 1024;
	s->device_mb = 8192;
	if (!doc_opt_obj(root, "limits", &o))
		return;
	(void)doc_opt_int(&o, "connections", 1, 1000000, &s->connections);
	(void)doc_opt_int(&o, "unproven", 1, 100000, &s->unproven);
	(void)doc_opt_int(&o, "api_connections", 1, 100000,
	    &s->api_connections);
	(void)doc_opt_int(&o, "device_mb", 1, 1 << 30, &s->device_mb);
	doc_end(&o);
}

/* ---- logs and witnesses ---- */

/* "name" and "key", a verifier key of that kind and of that name. */
static int
read_key(struct doc_obj *o, uint8_t kind, struct note_key *ret_key)
{
	struct bytes name = { NULL, 0 }, key = { NULL, 0 };
	int err;

	doc_text(o, "name", TEXT_LINE, 1, NOTE_NAME_MAX, &name);
	doc_text(o, "key", TEXT_LINE, 1, NOTE_VKEY_SIZE, &key);
	if (name.n == 0 || key.n == 0)
		return ERR_MISSING_FIELD;
	if ((err = note_key_parse(key, ret_key)) == 0 &&
	    (ret_key->kind != kind || !bytes_is(name, ret_key->name)))
		err = ERR_KEY;
	if (err != 0)
		doc_fail(o, "key", err);
	return err;
}

static void
read_logs(struct doc_obj *root, struct settings *s)
{
	struct doc_obj list, o;
	size_t i;

	if (!doc_opt_arr(root, "witness_logs", SETTINGS_LOGS_MAX, &list))
		return;
	s->logs = calloc(SETTINGS_LOGS_MAX, sizeof(*s->logs));
	if (s->logs == NULL)
		doc_fail(root, "witness_logs", ERR_NOMEM);
	while (s->logs != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &o);
		if (read_key(&o, NOTE_ED25519, &s->logs[s->n_logs]) != 0)
			return;
		doc_end(&o);
		for (i = 0; i < s->n_logs; i++)
			if (strcmp(s->logs[i].name,
			    s->logs[s->n_logs].name) == 0)
				doc_fail(root, "witness_logs", ERR_EXISTS);
		s->n_logs++;
	}
}

static void
read_witness(struct doc_obj *o, struct settings_witness *w)
{
	struct bytes url = { NULL, 0 };

	if (read_key(o, NOTE_COSIGNATURE, &w->key) != 0)
		return;
	doc_text(o, "url", TEXT_LINE, 8, SETTINGS_URL_SIZE - 32, &url);
	doc_end(o);
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	if (copy_text(url, w->url, sizeof(w->url)) != 0 ||
	    (strncmp(w->url, "https://", 8) != 0 &&
	    strncmp(w->url, "http://", 7) != 0))
		doc_fail(o, "url", ERR_SYNTAX);
}

static void
read_witnesses(struct doc_obj *root, struct settings *s)
{
	struct bytes name = { NULL, 0 };
	struct doc_obj list, o;
	size_t i;

	if (doc_opt_text(root, "witness_name", TEXT_LINE, 1, NOTE_NAME_MAX,
	    &name) && copy_text(name, s->witness_name,
	    sizeof(s->witness_name)) != 0)
		doc_fail(root, "witness_name", ERR_TOO_LARGE);
	if (!doc_opt_arr(root, "witnesses", SETTINGS_WITNESSES_MAX, &list))
		return;
	s->witnesses = calloc(SETTINGS_WITNESSES_MAX, sizeof(*s->witnesses));
	if (s->witnesses == NULL)
		doc_fail(root, "witnesses", ERR_NOMEM);
	while (s->witnesses != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &o);
		read_witness(&o, &s->witnesses[s->n_witnesses]);
		for (i = 0; i < s->n_witnesses; i++)
			if (strcmp(s->witnesses[i].key.name,
			    s->witnesses[s->n_witnesses].key.name) == 0)
				doc_fail(root, "witnesses", ERR_EXISTS);
		s->n_witnesses++;
	}
}

static int
parse(struct bytes text, char *why, size_t why_size, struct settings *s)
{
	struct bytes data = { NULL, 0 };
	struct doc_obj root, api;
	struct doc *d;
	int err;

	if ((err = doc_parse(text, 0, &d)) != 0) {
		(void)snprintf(why, why_size, "it is no JSON that can be "
		    "read (%s)", err_text(err));
		return err;
	}
	root = doc_root(d);
	doc_text(&root, "data", TEXT_LINE, 1, 3000, &data);
	read_agents(&root, s);
	doc_obj(&root, "api", &api);
	read_listen(&api, &s->api);
	(void)doc_opt_bool(&api, "behind_proxy", &s->behind_proxy);
	doc_end(&api);
	read_limits(&root, s);
	read_logs(&root, s);
	read_witnesses(&root, s);
	doc_end(&root);
	if ((err = doc_error(d)) != 0) {
		(void)snprintf(why, why_size, "\"%s\": %s",
		    doc_error_field(d), err_text(err));
	} else if (!settings_is_loopback(&s->api) && !s->behind_proxy) {
		(void)snprintf(why, why_size, "\"api.listen\" is not an "
		    "address of this machine only: put a TLS terminator in "
		    "front and say \"behind_proxy\":true");
		err = ERR_DENIED;
	} else {
		err = bytes_dup_str(data, &s->data);
	}
	doc_free(d);
	return err;
}

int
settings_read(const char *path, char *why, size_t why_size,
    struct settings *ret_s)
{
	struct settings *s;
	struct buf text;
	int err;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ERR_NOMEM;
	buf_init(&text, SETTINGS_FILE_CAP);
	if ((err = files_read(path, &text)) != 0)
		(void)snprintf(why, why_size, "it cannot be read (%s)",
		    err_text(err));
	else
		err = parse(buf_bytes(&text), why, why_size, s);
	buf_free(&text);
	if (err == 0)
		*ret_s = *s;
	else
		settings_free(s);
	free(s);
	return err;
}

void
settings_free(struct settings *s)
{
	free(s->data);
	free(s->logs);
	free(s->witnesses);
	s->data = NULL;
	s->logs = NULL;
	s->witnesses = NULL;
	s->n_logs = s->n_witnesses = 0;
}
