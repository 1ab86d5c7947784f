/*
 * users.c - adding, listing and removing users of the API.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/commands.h"

#include "common/jsonw.h"
#include "common/keyfile.h"
#include "common/text.h"
#include "console/conlog.h"
#include "console/files.h"
#include "console/tokens.h"
#include "platform/clock.h"
#include "platform/secrets.h"

#include <stdio.h>
#include <string.h>

static const char *const roles[] = {
	"admin", "operator", "proposer", "auditor"
};

static bool
is_role(const char *role)
{
	size_t i;

	for (i = 0; role != NULL && i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(roles[i], role) == 0)
			return true;
	return false;
}

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

/* The first line of a file, without its newline. */
static int
read_passphrase(const char *path, struct buf *b)
{
	const uint8_t *end;
	int err;

	if (path == NULL)
		return 0;
	if ((err = files_read(path, b)) != 0)
		return err;
	end = b->n > 0 ? memchr(b->p, '\n', b->n) : NULL;
	if (end != NULL)
		b->n = (size_t)(end - b->p);
	return 0;
}

static void
wipe_and_free(struct buf *b)
{
	if (b->p != NULL)
		secrets_wipe(b->p, b->size);
	buf_free(b);
}

/* Opens a proposer's key file; its seed is kept in the store. */
static int
read_key(const struct options *o, uint8_t seed[SIGNER_SEED_SIZE])
{
	struct keyfile_info info;
	struct buf text, pass;
	struct signer s;
	int code = 0, err;

	buf_init(&text, KEYFILE_MAX);
	buf_init(&pass, KEYFILE_MAX_PASSPHRASE);
	if ((err = files_read(o->proposer_key, &text)) != 0)
		code = failed("the key file cannot be read", err,
		    "check --proposer-key");
	else if ((err = read_passphrase(o->passphrase_file, &pass)) != 0)
		code = failed("the passphrase cannot be read", err,
		    "check --passphrase-file");
	else if ((err = keyfile_open(buf_bytes(&text), buf_bytes(&pass), &info,
	    &s)) != 0)
		code = failed("the key file cannot be opened", err,
		    "give its passphrase with --passphrase-file");
	if (code == 0) {
		if (info.use != KEYFILE_PROPOSER)
			code = failed("this key was made for something else",
			    ERR_KEY, "make one with `countersign keygen --use "
			    "proposer`");
		signer_seed(&s, seed);
		signer_wipe(&s);
	}
	wipe_and_free(&pass);
	wipe_and_free(&text);
	return code;
}

static void
print_user(const struct options *o, const struct store_user *u,
    const char *token)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	if (o->json) {
		jsonw_init(&w, &b);
		jsonw_obj(&w, NULL);
		jsonw_cstr(&w, "name", u->name);
		jsonw_cstr(&w, "role", u->role);
		jsonw_cstr(&w, "org", u->org);
		jsonw_bool(&w, "proposer_key", u->has_seed);
		if (token != NULL)
			jsonw_cstr(&w, "token", token);
		jsonw_obj_end(&w);
	} else if (token != NULL) {
		buf_put_str(&b, token);
	} else {
		buf_printf(&b, "%s  %s  %s%s", u->name, u->role,
		    u->org[0] != '\0' ? u->org : "every org",
		    u->has_seed ? "  with a proposer's key" : "");
	}
	if (buf_error(&b) == 0)
		printf("%.*s\n", (int)b.n, (const char *)b.p);
	wipe_and_free(&b);
}

static int
check_options(const struct options *o)
{
	if (o->name == NULL || text_check(bytes_str(o->name), TEXT_NAME,
	    NULL) != 0)
		return usage("user add needs --name NAME");
	if (!is_role(o->role))
		return usage("user add needs --role admin, operator, proposer "
		    "or auditor");
	if (o->org != NULL && text_check(bytes_str(o->org), TEXT_ORG,
	    NULL) != 0)
		return usage("--org is no name of an org");
	if (o->proposer_key != NULL && strcmp(o->role, "proposer") != 0)
		return usage("--proposer-key goes with --role proposer");
	return 0;
}

static int
add(struct store *s, const struct options *o)
{
	uint8_t seed[SIGNER_SEED_SIZE];
	char token[TOKENS_TEXT_SIZE];
	struct store_user u;
	int code, err;

	if ((code = check_options(o)) != 0)
		return code;
	memset(&u, 0, sizeof(u));
	u.has_seed = o->proposer_key != NULL;
	if (u.has_seed && (code = read_key(o, seed)) != 0)
		return code;
	(void)snprintf(u.name, sizeof(u.name), "%s", o->name);
	(void)snprintf(u.role, sizeof(u.role), "%s", o->role);
	(void)snprintf(u.org, sizeof(u.org), "%s",
	    o->org != NULL ? o->org : "");
	u.created = clock_wall_s();
	if ((err = tokens_make(token, u.token_id, &u.token)) == 0)
		err = store_user_add(s, &u, u.has_seed ? seed : NULL);
	secrets_wipe(seed, sizeof(seed));
	if (err == 0)
		print_user(o, &u, token);
	secrets_wipe(token, sizeof(token));
	if (err == ERR_EXISTS)
		return failed("there is a user of that name", err,
		    "remove it first, or take another name");
	if (err != 0)
		return failed("the user cannot be kept", err,
		    "check the console's folder");
	return 0;
}

static int
list_user(void *ctx, const struct store_user *u)
{
	print_user(ctx, u, NULL);
	return 0;
}

int
command_user(const struct settings *settings, struct store *s,
    const struct options *o)
{
	struct options copy = *o;
	const char *what = o->n_words > 0 ? o->words[0] : "";
	int err;

	(void)settings;
	if (strcmp(what, "add") == 0 && o->n_words == 1)
		return add(s, o);
	if (strcmp(what, "list") == 0 && o->n_words == 1) {
		err = store_user_each(s, list_user, &copy);
		return err == 0 ? 0 : failed("the users cannot be read", err,
		    "check the console's folder");
	}
	if (strcmp(what, "remove") == 0 && o->n_words == 2) {
		err = store_user_remove(s, o->words[1]);
		return err == 0 ? 0 : failed("the user cannot be removed", err,
		    "`user list` shows who there is");
	}
	return usage("user takes add, list or remove NAME");
}
