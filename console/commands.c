/*
 * commands.c - what the console's administrator does from the command line.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/commands.h"

#include "common/jsonw.h"
#include "common/link.h"
#include "common/text.h"
#include "console/conlog.h"
#include "console/files.h"
#include "console/identity.h"
#include "console/serve.h"
#include "console/tokens.h"
#include "platform/clock.h"
#include "platform/secrets.h"

#include <stdio.h>
#include <string.h>

#define HOURS_DEFAULT 24
#define HOURS_MAX (24 * 90)
#define OUT_MAX 65536

static int
usage(const char *text)
{
	conlog_error("%s: see countersign-console --help", text);
	return 2;
}

static int
failed(const char *what, int err, const char *mend)
{
	conlog_error("%s (%s): %s", what, err_text(err), mend);
	return 1;
}

/* ---- enrol-token ---- */

/* "HOST:PORT" as agents are to reach it: as told, or the name and port. */
static int
find_address(const struct settings *settings, char *ret, size_t size)
{
	const char *name = settings->names[0];
	uint16_t port = settings->agents.port;
	int err;

	if (settings->address[0] != '\0') {
		(void)snprintf(ret, size, "%s", settings->address);
		return 0;
	}
	if (port == 0 && (err = serve_agents_port(settings, &port)) != 0)
		return err;
	(void)snprintf(ret, size, strchr(name, ':') != NULL ? "[%s]:%u" :
	    "%s:%u", name, port);
	return 0;
}

static void
write_token(struct buf *b, const char *address, struct bytes ca,
    const char *secret)
{
	char url[SETTINGS_HOST_SIZE + 64];
	struct jsonw w;

	(void)snprintf(url, sizeof(url), "wss://%s%s", address, LINK_PATH);
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "kind", "countersign-token");
	jsonw_cstr(&w, "url", url);
	jsonw_str(&w, "ca", ca);
	jsonw_cstr(&w, "secret", secret);
	jsonw_obj_end(&w);
	buf_put_u8(b, '\n');
}

static int
add_token(struct store *s, const struct options *o, char *secret)
{
	struct store_token t;
	int err;

	memset(&t, 0, sizeof(t));
	(void)snprintf(t.org, sizeof(t.org), "%s", o->org);
	t.created = clock_wall_s();
	t.expires = t.created + (o->hours > 0 ? o->hours : HOURS_DEFAULT) *
	    3600;
	if ((err = tokens_make_secret(secret, &t.secret)) != 0)
		return err;
	return store_token_add(s, &t);
}

static int
give_out(const struct options *o, struct buf *b)
{
	int err = buf_error(b);

	if (err == 0 && o->out != NULL)
		err = files_replace(o->out, buf_bytes(b));
	else if (err == 0)
		printf("%.*s", (int)b->n, (const char *)b->p);
	if (err != 0)
		return failed("the token cannot be written", err,
		    "check --out");
	if (o->out != NULL && o->json)
		printf("{\"token\":\"written\"}\n");
	else if (o->out != NULL)
		printf("token written: bring it to the device and run "
		    "`countersignd enrol --token FILE` there\n");
	return 0;
}

int
command_enrol_token(const struct settings *settings, struct store *s,
    const struct options *o)
{
	char address[SETTINGS_HOST_SIZE + 16], secret[TOKENS_SECRET_SIZE];
	struct identity id;
	struct buf b;
	bool fresh;
	int code, err;

	if (o->org == NULL || text_check(bytes_str(o->org), TEXT_ORG,
	    NULL) != 0)
		return usage("enrol-token needs --org NAME ([a-z0-9.-], at "
		    "most 63)");
	if (o->hours < 0 || o->hours > HOURS_MAX)
		return usage("--hours is 1 to 2160");
	if ((err = find_address(settings, address, sizeof(address))) != 0)
		return failed("the agents' port is not known", err,
		    "start `serve` first, or give \"agents.listen\" a port");
	if ((err = identity_load(s, settings, clock_wall_s(), &fresh,
	    &id)) != 0)
		return failed("there is no certificate", err,
		    "check \"agents.names\" in the configuration");
	if ((err = add_token(s, o, secret)) != 0) {
		identity_free(&id);
		return failed("the token cannot be kept", err,
		    "check the console's folder");
	}
	buf_init(&b, OUT_MAX);
	write_token(&b, address, buf_bytes(&id.ca), secret);
	identity_free(&id);
	code = give_out(o, &b);
	secrets_wipe(secret, sizeof(secret));
	if (b.p != NULL)
		secrets_wipe(b.p, b.size);
	buf_free(&b);
	return code;
}

/* ---- backup ---- */

int
command_backup(const struct settings *settings, struct store *s,
    const struct options *o)
{
	int err;

	(void)settings;
	if (o->n_words != 1)
		return usage("backup needs the file to write");
	err = store_backup(s, o->words[0]);
	if (err == ERR_EXISTS)
		return failed("there is a file of that name", err,
		    "give a new one");
	if (err != 0)
		return failed("the backup could not be made", err,
		    "check the disk's space and the file's folder");
	if (o->json)
		printf("{\"backup\":\"written\"}\n");
	else
		printf("backup written; the output of actions is in the "
		    "folder transcripts, which is copied as files\n");
	return 0;
}
