/*
 * config.c - what the gate is told by its configuration file.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/config.h"

#include "common/doc.h"
#include "platform/file.h"
#include "platform/paths.h"
#include "platform/service.h"
#include "platform/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_STDERR, LOG_SYSTEM };

static const struct doc_word log_words[] = {
	{ "stderr", LOG_STDERR },
	{ "syslog", LOG_SYSTEM },
	{ NULL, 0 }
};

static const struct doc_word forward_words[] = {
	{ "off", FORWARD_OFF },
	{ "syslog", FORWARD_SYSLOG },
	{ "journald", FORWARD_JOURNALD },
	{ NULL, 0 }
};

/* A key, where its value goes, and what holds without it. */
struct config_key {
	const char *name;
	size_t offset;
	const char *(*fallback)(void);
	bool is_path;
};

static const char *
nothing(void)
{
	return "";
}

static const char *
group_name(void)
{
	return "countersign";
}

static const struct config_key keys[] = {
	{ "state", offsetof(struct config, state), paths_state, true },
	{ "socket", offsetof(struct config, socket), paths_socket, true },
	{ "group", offsetof(struct config, group), group_name, false },
	{ "courier_user", offsetof(struct config, courier_user),
	    paths_courier_user, false },
	{ "programs", offsetof(struct config, programs), paths_programs,
	    true },
	{ "proxy", offsetof(struct config, proxy), nothing, false },
	{ "proxy_auth", offsetof(struct config, proxy_auth), nothing, false },
	{ "forward_socket", offsetof(struct config, forward_socket), nothing,
	    false },
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static char **
slot_of(struct config *c, const struct config_key *k)
{
	return (char **)(void *)((char *)c + k->offset);
}

void
config_free(struct config *c)
{
	size_t i;

	for (i = 0; i < N_KEYS; i++)
		free(*slot_of(c, &keys[i]));
	free(c->file);
	free(c->given);
	memset(c, 0, sizeof(*c));
}

/* Reads one key, or takes its fallback. */
static int
key_read(struct doc_obj *o, const struct config_key *k, struct config *c)
{
	struct bytes v = bytes_str(k->fallback());

	(void)doc_opt_text(o, k->name, TEXT_LINE, 0, 1024, &v);
	if (k->is_path && !paths_is_absolute(v))
		doc_fail(o, k->name, ERR_RANGE);
	return bytes_dup_str(v, slot_of(c, k));
}

static int
config_parse(struct bytes text, char *why, size_t why_size,
    struct config *ret_c)
{
	struct config c = { 0 };
	struct doc *d = NULL;
	struct doc_obj o;
	int err, log = service_is_mute() ? LOG_SYSTEM : LOG_STDERR;
	int forward = FORWARD_OFF;
	size_t i;

	if ((err = doc_parse(text, 0, &d)) != 0) {
		snprintf(why, why_size, "it is not valid JSON (%s)",
		    err_text(err));
		return err;
	}
	o = doc_root(d);
	for (i = 0; i < N_KEYS && err == 0; i++)
		err = key_read(&o, &keys[i], &c);
	if (doc_has(&o, "log"))
		doc_enum(&o, "log", log_words, &log);
	c.log_to_system = log == LOG_SYSTEM;
	if (doc_has(&o, "forward"))
		doc_enum(&o, "forward", forward_words, &forward);
	c.forward = (enum config_forward)forward;
	doc_end(&o);
	if (err == 0 && (err = doc_error(d)) != 0)
		snprintf(why, why_size, "\"%s\": %s", doc_error_field(d),
		    err_text(err));
	doc_free(d);
	if (err != 0) {
		config_free(&c);
		return err;
	}
	*ret_c = c;
	return 0;
}

/* The file's text, if nobody else could have written it. */
static int
read_owned(const char *path, struct buf *ret_b)
{
	size_t n = paths_folder(path);
	char folder[4096];
	int dir = -1, fd = -1, err;

	/* Without its slash, which would follow a link. */
	snprintf(folder, sizeof(folder), "%.*s", n > 1 ? (int)(n - 1) : 1,
	    n > 0 ? path : ".");
	if ((err = file_open_dir(folder, &dir)) == 0 &&
	    (err = file_open_read(dir, path + n, &fd)) == 0 &&
	    (err = file_check_owned(fd)) == 0)
		err = file_read(dir, path + n, CONFIG_FILE_CAP, ret_b);
	file_close(&fd);
	file_close(&dir);
	return err;
}

/* Where it stands, as an action would find it; "" if there is none. */
static int
name_file(const char *path, bool required, struct config *c)
{
	char real[PLACES_PATH_SIZE] = "";
	int err;

	(void)!places_resolve(path, real);
	c->required = required;
	if ((err = bytes_dup_str(bytes_str(real), &c->file)) != 0 ||
	    (err = bytes_dup_str(bytes_str(path), &c->given)) != 0)
		config_free(c);
	return err;
}

int
config_read(const char *path, bool required, char *why, size_t why_size,
    struct config *ret_c)
{
	struct buf text;
	int err;

	why[0] = '\0';
	buf_init(&text, CONFIG_FILE_CAP);
	err = read_owned(path, &text);
	if (err == ERR_NOT_FOUND && !required) {
		buf_put_str(&text, "{}");
		err = buf_error(&text);
	}
	if (err == 0) {
		err = config_parse(buf_bytes(&text), why, why_size, ret_c);
		if (err == 0)
			err = name_file(path, required, ret_c);
	} else {
		snprintf(why, why_size, "%s", err == ERR_PERMISSION ?
		    "it must be root's (or the agent's own) and not writable"
		    " by others" : err_text(err));
	}
	buf_free(&text);
	return err;
}

int
config_check(const struct config *c, char *why, size_t why_size)
{
	struct config fresh;
	int err = config_read(c->given, c->required, why, why_size, &fresh);

	if (err == 0)
		config_free(&fresh);
	return err;
}
