/*
 * keys.c - key files, passphrases and public keys, as people name them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/keys.h"

#include "common/base64.h"
#include "common/doc.h"
#include "common/jsonw.h"
#include "common/sshsig.h"
#include "platform/secrets.h"
#include "platform/terminal.h"
#include "platform/userfile.h"

#include <string.h>

#define PUBLIC_KIND "countersign-public"

/* ---- passphrases ---- */

/* The first line of a file. */
static int
passphrase_from_file(const char *path, char ret_text[KEYS_PASSPHRASE_SIZE])
{
	struct buf b;
	size_t n;
	int err;

	buf_init(&b, 1u << 20);
	if ((err = userfile_read(path, 65536, &b)) != 0) {
		buf_free(&b);
		return complain_err(err, path);
	}
	for (n = 0; n < b.n && b.p[n] != '\n' && b.p[n] != '\r'; n++)
		;
	err = n < KEYS_PASSPHRASE_SIZE && memchr(b.p, 0, n) == NULL ?
	    0 : ERR_TOO_LARGE;
	if (err == 0 && n > 0) {
		memcpy(ret_text, b.p, n);
	}
	if (err == 0)
		ret_text[n] = '\0';
	secrets_wipe(b.p, b.n);
	buf_free(&b);
	if (err != 0)
		return complain_err(err, path);
	return CLI_DONE;
}

static int
no_terminal(const char *path)
{
	return complain(CLI_USAGE, "give --passphrase-file FILE", "%s: there"
	    " is no terminal to ask for a passphrase", path);
}

static int
passphrase_for(const struct args *a, const char *path,
    char ret_text[KEYS_PASSPHRASE_SIZE])
{
	const char *file = args_get(a, "--passphrase-file");
	char question[300];
	int err;

	if (file != NULL)
		return passphrase_from_file(file, ret_text);
	snprintf(question, sizeof(question), "Passphrase of %.200s: ", path);
	err = terminal_ask(question, true, ret_text, KEYS_PASSPHRASE_SIZE);
	if (err == ERR_NOT_FOUND)
		return no_terminal(path);
	return err != 0 ? complain_err(err, "the passphrase") : CLI_DONE;
}

int
keys_new_passphrase(const struct args *a, const char *path,
    char ret_text[KEYS_PASSPHRASE_SIZE])
{
	const char *file = args_get(a, "--passphrase-file");
	char again[KEYS_PASSPHRASE_SIZE];
	int code, err;

	if (file != NULL)
		code = passphrase_from_file(file, ret_text);
	else
		code = passphrase_for(a, path, ret_text);
	if (code != CLI_DONE)
		return code;
	if (ret_text[0] == '\0')
		return complain(CLI_USAGE, "give one, or say --no-passphrase"
		    " for a key that a service uses", "the passphrase is"
		    " empty");
	if (file != NULL)
		return CLI_DONE;
	err = terminal_ask("Once more: ", true, again, sizeof(again));
	if (err == 0 && strcmp(again, ret_text) != 0)
		err = ERR_PASSPHRASE;
	secrets_wipe(again, sizeof(again));
	return err != 0 ? complain(CLI_FAILED, "start again", "the two"
	    " passphrases differ") : CLI_DONE;
}

/* ---- public keys ---- */

void
keys_write_public(struct buf *b, enum keyfile_use use,
    const uint8_t public[SIGNER_PUBLIC_SIZE])
{
	struct bytes key = bytes_of(public, SIGNER_PUBLIC_SIZE);
	char id[KEYID_SIZE];
	struct jsonw w;

	keyid_make(key, id);
	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "kind", PUBLIC_KIND);
	jsonw_cstr(&w, "use", keyfile_use_word(use));
	jsonw_b64(&w, "public", key);
	jsonw_cstr(&w, "keyid", id);
	jsonw_obj_end(&w);
	buf_put_str(b, "\n");
}

static int
parse_public(struct bytes text, struct public_key *k)
{
	struct bytes kind, key, use, id;
	struct doc_obj o;
	struct doc *d;
	int64_t v;
	int err;

	if ((err = doc_parse(text, JSON_PLAIN_TEXT, &d)) != 0)
		return err;
	o = doc_root(d);
	doc_int(&o, "v", 1, 1, &v);
	doc_str(&o, "kind", &kind);
	doc_str(&o, "use", &use);
	doc_b64(&o, "public", SIGNER_PUBLIC_SIZE, SIGNER_PUBLIC_SIZE, &key);
	doc_str(&o, "keyid", &id);
	doc_end(&o);
	if ((err = doc_error(d)) == 0 && !bytes_is(kind, PUBLIC_KIND))
		err = ERR_SYNTAX;
	if (err == 0)
		err = keyfile_use_of(use, &k->use);
	if (err == 0)
		memcpy(k->public, key.p, key.n);
	doc_free(d);
	k->has_use = true;
	return err;
}

/* "TYPE BASE64 COMMENT", one line. */
static int
parse_ssh(struct bytes text, struct public_key *k)
{
	const uint8_t *space = memchr(text.p, ' ', text.n);
	struct sshsig_public pub = { .kind = SSHSIG_ED25519 };
	struct bytes field;
	struct buf blob;
	int err;

	if (space == NULL)
		return ERR_SYNTAX;
	space++;
	field = bytes_of(space, text.n - (size_t)(space - text.p));
	for (text.n = 0; text.n < field.n && field.p[text.n] > ' '; text.n++)
		;
	field.n = text.n;
	buf_init(&blob, 4096);
	if ((err = base64_decode(field, &blob)) == 0)
		err = sshsig_read_public(buf_bytes(&blob), &pub);
	if (err == 0 && pub.application.n >= sizeof(k->application))
		err = ERR_TOO_LARGE;
	if (err == 0) {
		k->kind = pub.kind == SSHSIG_ED25519 ? PROOF_SSH : PROOF_SK;
		k->alg = pub.kind == SSHSIG_SK_ECDSA ? PROOF_ALG_ES256 :
		    PROOF_ALG_ED25519;
		memcpy(k->public, pub.point.p, pub.point.n);
		if (pub.application.n > 0)
			memcpy(k->application, pub.application.p,
			    pub.application.n);
	}
	buf_free(&blob);
	return err;
}

static bool
begins(struct bytes text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.p, prefix, n) == 0;
}

static int
parse_any(struct bytes text, struct public_key *k)
{
	struct keyfile_info info;
	int err;

	if (begins(text, "ssh-") || begins(text, "sk-"))
		return parse_ssh(text, k);
	if (keyfile_read_info(text, &info) == 0) {
		memcpy(k->public, info.public, sizeof(info.public));
		k->use = info.use;
		k->has_use = true;
		err = 0;
	} else {
		err = parse_public(text, k);
	}
	k->kind = PROOF_ED25519;
	k->alg = PROOF_ALG_ED25519;
	return err;
}

int
keys_read_public(const char *path, struct public_key *ret_k)
{
	struct public_key k;
	struct buf text;
	int err;

	memset(&k, 0, sizeof(k));
	buf_init(&text, 1u << 20);
	err = userfile_read(path, 65536, &text);
	if (err != 0) {
		buf_free(&text);
		return complain_err(err, path);
	}
	err = parse_any(buf_bytes(&text), &k);
	if (text.n > 0)
		secrets_wipe(text.p, text.n);
	buf_free(&text);
	if (err != 0)
		return complain(CLI_FAILED, "give a file that `countersign"
		    " keygen` or ssh-keygen (ed25519, ed25519-sk, ecdsa-sk)"
		    " made", "%s: this is no public key", path);
	keyid_make(bytes_of(k.public, proof_public_size(k.alg)), k.id);
	*ret_k = k;
	return CLI_DONE;
}

bool
keys_is_private(const char *path)
{
	struct keyfile_info info;
	struct buf text;
	bool is;

	buf_init(&text, 1u << 20);
	is = userfile_read(path, KEYFILE_MAX, &text) == 0 &&
	    keyfile_read_info(buf_bytes(&text), &info) == 0;
	if (text.n > 0)
		secrets_wipe(text.p, text.n);
	buf_free(&text);
	return is;
}

/* ---- opening ---- */

static int
check_use(const char *path, const struct keyfile_info *info, unsigned uses)
{
	if ((uses & KEYS_USE(info->use)) != 0)
		return CLI_DONE;
	return complain(CLI_USAGE, "make one for this with countersign keygen"
	    " --use", "%s: this key was made for another use (%s)", path,
	    keyfile_use_word(info->use));
}

static int
open_text(const struct args *a, const char *path, unsigned uses,
    struct bytes text, struct signer *ret_s)
{
	char passphrase[KEYS_PASSPHRASE_SIZE] = "";
	struct keyfile_info info;
	int err, code;

	if (keyfile_read_info(text, &info) != 0)
		return complain(CLI_FAILED, "give a file that `countersign"
		    " keygen` made", "%s: this is no key file", path);
	if ((code = check_use(path, &info, uses)) != CLI_DONE)
		return code;
	if (info.encrypted &&
	    (code = passphrase_for(a, path, passphrase)) != CLI_DONE)
		return code;
	err = keyfile_open(text, bytes_str(passphrase), &info, ret_s);
	secrets_wipe(passphrase, sizeof(passphrase));
	if (err == ERR_PASSPHRASE)
		return complain(CLI_FAILED, "try again", "%s: the passphrase"
		    " is wrong", path);
	return err != 0 ? complain_err(err, path) : CLI_DONE;
}

int
keys_open(const struct args *a, const char *path, unsigned uses,
    struct signer *ret_s)
{
	struct buf text;
	int err, code;

	buf_init(&text, 1u << 20);
	if ((err = userfile_read(path, KEYFILE_MAX, &text)) != 0)
		code = complain_err(err, path);
	else if (strcmp(path, "-") != 0 &&
	    userfile_check_private(path) != 0)
		code = complain(CLI_REFUSED, "chmod 600 it", "%s: others may"
		    " read this key", path);
	else
		code = open_text(a, path, uses, buf_bytes(&text), ret_s);
	if (text.n > 0)
		secrets_wipe(text.p, text.n);
	buf_free(&text);
	return code;
}
