/*
 * linkfile.c - where the console is: link.json and the enrolment token.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/linkfile.h"

#include "common/doc.h"
#include "common/jsonw.h"
#include "common/wire.h"
#include "platform/file.h"
#include "platform/secrets.h"

#include <stdlib.h>
#include <string.h>

#define LINKFILE_CAP (256u * 1024u)
#define DEFAULT_PORT 443

void
linkfile_free(struct linkfile *l)
{
	free(l->host);
	free(l->path);
	free(l->ca_pem);
	memset(l, 0, sizeof(*l));
}

static int
copy_text(struct bytes v, char **ret_s)
{
	return *ret_s != NULL ? ERR_STATE : bytes_dup_str(v, ret_s);
}

int
linkfile_read(int state_dir, struct linkfile *ret_l)
{
	struct bytes host = { NULL, 0 }, path = host, ca = host;
	struct linkfile l = { NULL, 0, NULL, NULL };
	struct doc *d = NULL;
	int64_t v, port = 0;
	struct doc_obj o;
	struct buf text;
	int err;

	buf_init(&text, LINKFILE_CAP);
	err = file_read(state_dir, LINKFILE_NAME, LINKFILE_CAP, &text);
	if (err == 0)
		err = doc_parse(buf_bytes(&text), 0, &d);
	if (err == 0) {
		o = doc_root(d);
		doc_int(&o, "v", 1, 1, &v);
		doc_text(&o, "host", TEXT_LINE, 1, WIRE_HOST_CAP, &host);
		doc_int(&o, "port", 1, 65535, &port);
		doc_text(&o, "path", TEXT_LINE, 1, WIRE_PATH_CAP, &path);
		doc_text(&o, "ca", TEXT_PLAIN, 1, WIRE_CA_CAP, &ca);
		doc_end(&o);
		err = doc_error(d);
	}
	if (err == 0 && (err = copy_text(host, &l.host)) == 0 &&
	    (err = copy_text(path, &l.path)) == 0)
		err = copy_text(ca, &l.ca_pem);
	l.port = (uint16_t)port;
	doc_free(d);
	buf_free(&text);
	if (err != 0) {
		linkfile_free(&l);
		return err;
	}
	*ret_l = l;
	return 0;
}

int
linkfile_write(int state_dir, const struct linkfile *l)
{
	struct jsonw w;
	struct buf b;
	int err;

	buf_init(&b, LINKFILE_CAP);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "host", l->host);
	jsonw_int(&w, "port", l->port);
	jsonw_cstr(&w, "path", l->path);
	jsonw_cstr(&w, "ca", l->ca_pem);
	jsonw_obj_end(&w);
	if ((err = buf_error(&b)) == 0)
		err = file_replace(state_dir, LINKFILE_NAME, buf_bytes(&b));
	buf_free(&b);
	return err;
}

/* ---- the token ---- */

/* Decimal digits only, 1 to 65535. */
static int
parse_port(struct bytes text, uint16_t *ret_port)
{
	unsigned v = 0;
	size_t i;

	if (text.n == 0 || text.n > 5)
		return ERR_RANGE;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return ERR_RANGE;
		v = v * 10 + (unsigned)(text.p[i] - '0');
	}
	if (v == 0 || v > 65535)
		return ERR_RANGE;
	*ret_port = (uint16_t)v;
	return 0;
}

/* HOST[:PORT], where HOST may be an address in brackets. */
static int
parse_authority(struct bytes a, struct linkfile *ret_l)
{
	const uint8_t *end, *colon;
	struct bytes host = a, port = { NULL, 0 };

	if (a.n > 0 && a.p[0] == '[') {
		if ((end = memchr(a.p, ']', a.n)) == NULL)
			return ERR_RANGE;
		host = bytes_of(a.p + 1, (size_t)(end - a.p) - 1);
		colon = end + 1 < a.p + a.n ? end + 1 : NULL;
		if (colon != NULL && *colon != ':')
			return ERR_RANGE;
	} else {
		colon = memchr(a.p, ':', a.n);
		if (colon != NULL)
			host = bytes_of(a.p, (size_t)(colon - a.p));
	}
	if (host.n == 0 || host.n > WIRE_HOST_CAP)
		return ERR_RANGE;
	ret_l->port = DEFAULT_PORT;
	if (colon != NULL) {
		port = bytes_of(colon + 1, (size_t)(a.p + a.n - colon) - 1);
		if (parse_port(port, &ret_l->port) != 0)
			return ERR_RANGE;
	}
	return copy_text(host, &ret_l->host);
}

static int
parse_url(struct bytes url, struct linkfile *ret_l)
{
	static const char scheme[] = "wss://";
	const size_t skip = sizeof(scheme) - 1;
	const uint8_t *slash;
	struct bytes rest;
	int err;

	if (url.n <= skip || memcmp(url.p, scheme, skip) != 0)
		return ERR_RANGE;
	rest = bytes_of(url.p + skip, url.n - skip);
	if ((slash = memchr(rest.p, '/', rest.n)) == NULL)
		return ERR_RANGE;
	err = parse_authority(bytes_of(rest.p, (size_t)(slash - rest.p)),
	    ret_l);
	if (err != 0)
		return err;
	return copy_text(bytes_of(slash, (size_t)(rest.p + rest.n - slash)),
	    &ret_l->path);
}

int
token_parse(struct bytes text, struct token *ret_t)
{
	struct bytes kind = { NULL, 0 }, url = kind, ca = kind, secret = kind;
	struct token t;
	struct doc *d = NULL;
	struct doc_obj o;
	int64_t v;
	int err;

	memset(&t, 0, sizeof(t));
	if ((err = doc_parse(text, 0, &d)) != 0)
		return err;
	o = doc_root(d);
	doc_int(&o, "v", 1, 1, &v);
	doc_text(&o, "kind", TEXT_LINE, 1, 64, &kind);
	doc_text(&o, "url", TEXT_LINE, 1, 2048, &url);
	doc_text(&o, "ca", TEXT_PLAIN, 1, WIRE_CA_CAP, &ca);
	doc_text(&o, "secret", TEXT_LINE, 1, WIRE_SECRET_CAP, &secret);
	doc_end(&o);
	if ((err = doc_error(d)) == 0 && !bytes_is(kind, "countersign-token"))
		err = ERR_SYNTAX;
	if (err == 0 && (err = parse_url(url, &t.link)) == 0 &&
	    (err = copy_text(ca, &t.link.ca_pem)) == 0)
		err = copy_text(secret, &t.secret);
	doc_free(d);
	if (err != 0) {
		token_free(&t);
		return err;
	}
	*ret_t = t;
	return 0;
}

void
token_free(struct token *t)
{
	linkfile_free(&t->link);
	if (t->secret != NULL)
		secrets_wipe(t->secret, strlen(t->secret));
	free(t->secret);
	t->secret = NULL;
}
