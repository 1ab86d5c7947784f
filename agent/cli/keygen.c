/*
 * keygen.c - `countersign keygen`.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/keys.h"

#include "common/jsonw.h"
#include "platform/random.h"
#include "platform/secrets.h"
#include "platform/userfile.h"

#include <string.h>

static int
read_use(const struct args *a, enum keyfile_use *ret_use)
{
	const char *word = args_get(a, "--use");

	*ret_use = KEYFILE_APPROVER;
	if (word == NULL || (keyfile_use_of(bytes_str(word), ret_use) == 0 &&
	    *ret_use != KEYFILE_AGENT))
		return CLI_DONE;
	return complain(CLI_USAGE, "it is approver, proposer, root, people,"
	    " policy, device or timestamp", "keygen: --use %s", word);
}

/* The key file's text, of a new random seed. */
static int
make(struct keyfile_new *n, struct buf *ret_text, struct signer *ret_s)
{
	uint8_t seed[SIGNER_SEED_SIZE];
	int err;

	if ((err = random_fill(seed, sizeof(seed))) != 0 ||
	    (err = random_fill(n->salt, sizeof(n->salt))) != 0 ||
	    (err = random_fill(n->nonce, sizeof(n->nonce))) != 0)
		return err;
	n->seed = seed;
	n->ops = KEYFILE_OPS;
	n->mem = KEYFILE_MEM;
	if ((err = signer_from_seed(seed, ret_s)) == 0)
		err = keyfile_write(n, ret_text);
	secrets_wipe(seed, sizeof(seed));
	n->seed = NULL;
	return err;
}

static int
write_public(const char *path, enum keyfile_use use, const struct signer *s)
{
	struct buf b;
	int err;

	buf_init(&b, 4096);
	keys_write_public(&b, use, s->public);
	if ((err = buf_error(&b)) == 0)
		err = userfile_write(path, buf_bytes(&b), USERFILE_PUBLIC,
		    false);
	buf_free(&b);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

static int
tell(const struct args *a, const char *out, enum keyfile_use use,
    const struct signer *s)
{
	struct buf b;
	int code;

	buf_init(&b, 4096);
	keys_write_public(&b, use, s->public);
	if (args_json(a)) {
		b.n -= b.n > 0;		/* its newline */
		code = say_json(&b);
	} else {
		char id[KEYID_SIZE];

		keyid_make(bytes_of(s->public, sizeof(s->public)), id);
		say("key      %s (%s)\nkey id   %s\n", out,
		    keyfile_use_word(use), id);
		say("public   ");
		say_buf(&b);
		code = CLI_DONE;
	}
	buf_free(&b);
	return code;
}

static void
tell_next(const char *out, enum keyfile_use use, bool encrypted)
{
	if (!encrypted && use != KEYFILE_PROPOSER)
		say_next("this key has no passphrase: whoever reads %s can"
		    " sign with it", out);
	if (use == KEYFILE_ROOT)
		say_next("keep %s offline; countersign trust init --root-key"
		    " %s", out, out);
	else if (use == KEYFILE_APPROVER || use == KEYFILE_PROPOSER)
		say_next("give the public half (--public FILE) to whoever"
		    " signs the people file");
}

static int
keygen(const struct args *a)
{
	char passphrase[KEYS_PASSPHRASE_SIZE] = "";
	const char *out = args_get(a, "--out"), *public;
	struct keyfile_new n = { 0 };
	struct signer s;
	struct buf text;
	int err, code;

	if (out == NULL)
		return complain(CLI_USAGE, "say --out FILE", "keygen: no file"
		    " for the key");
	if ((code = read_use(a, &n.use)) != CLI_DONE)
		return code;
	if (strcmp(out, "-") != 0 && userfile_exists(out))
		return complain_err(ERR_EXISTS, out);
	if (!args_has(a, "--no-passphrase") && (code =
	    keys_new_passphrase(a, out, passphrase)) != CLI_DONE)
		return code;
	n.passphrase = bytes_str(passphrase);
	buf_init(&text, KEYFILE_MAX);
	err = make(&n, &text, &s);
	secrets_wipe(passphrase, sizeof(passphrase));
	if (err == 0)
		err = userfile_write(out, buf_bytes(&text), USERFILE_PRIVATE,
		    true);
	if (text.n > 0)
		secrets_wipe(text.p, text.n);
	buf_free(&text);
	code = err != 0 ? complain_err(err, out) : CLI_DONE;
	public = args_get(a, "--public");
	if (code == CLI_DONE && public != NULL)
		code = write_public(public, n.use, &s);
	if (code == CLI_DONE)
		code = tell(a, out, n.use, &s);
	if (code == CLI_DONE)
		tell_next(out, n.use, !args_has(a, "--no-passphrase"));
	signer_wipe(&s);
	return code;
}

static const struct option keygen_options[] = {
	{ "--out", "FILE", "the new key file; never overwrites" },
	{ "--public", "FILE", "writes the public half, to hand on" },
	{ "--use", "USE", "approver (default), proposer, root, people, policy,"
	    " device, timestamp" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ "--no-passphrase", NULL, "for a service: the file's mode alone"
	    " protects it" },
	{ NULL, NULL, NULL }
};

const struct command commands_key[] = {
	{ "keygen", "--out FILE", "Makes an Ed25519 key in a file, under a"
	    " passphrase.",
	    "  countersign keygen --out alice.key --public alice.pub\n"
	    "  countersign keygen --use root --out root.key\n"
	    "  countersign keygen --use proposer --no-passphrase --out"
	    " ai.key --public ai.pub\n",
	    keygen_options, 0, 0, keygen },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
