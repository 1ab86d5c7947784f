/*
 * keyfile.h - a signing key in a file, under a passphrase.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli (people's, proposers' and owners' keys), console (its services'
 * keys, without a passphrase).
 *
 * The only user of libsodium's password hashing and secretbox. JSON text:
 *
 *	{"v":1,"kind":"countersign-key","use":"approver","public":"<base64>",
 *	 "kdf":{"name":"argon2id","ops":3,"mem":268435456,"salt":"<base64>"},
 *	 "box":{"nonce":"<base64>","ct":"<base64>"}}
 *
 * The box is XSalsa20-Poly1305 over the seed (32 bytes) and the word of
 * `use`, with the argon2id hash (RFC 9106) of the passphrase as the key; so
 * neither `use` nor `public` can be changed without the passphrase. A service
 * key has "kdf":null and "seed":"<base64>" in place of the box: the file's
 * mode alone protects it.
 */
#ifndef COUNTERSIGN_COMMON_KEYFILE_H
#define COUNTERSIGN_COMMON_KEYFILE_H

#include "common/bytes.h"
#include "common/signer.h"

#define KEYFILE_MAX 4096
#define KEYFILE_SALT_SIZE 16
#define KEYFILE_NONCE_SIZE 24
#define KEYFILE_MAX_PASSPHRASE 1024

/* What keygen uses: libsodium's "moderate", about a second. */
#define KEYFILE_OPS 3
#define KEYFILE_MEM ((size_t)256 << 20)
/* What a file may ask for: a hostile one gets no more than this. */
#define KEYFILE_MAX_OPS 16
#define KEYFILE_MAX_MEM ((size_t)1 << 30)
#define KEYFILE_MIN_MEM ((size_t)8 << 10)

/* What a key is for; a tool refuses one that was made for something else. */
enum keyfile_use {
	KEYFILE_APPROVER,	/* a person's approvals */
	KEYFILE_PROPOSER,	/* cards */
	KEYFILE_ROOT,		/* the trust files, one use each */
	KEYFILE_PEOPLE,
	KEYFILE_POLICY,
	KEYFILE_DEVICE,
	KEYFILE_TIMESTAMP,
	KEYFILE_AGENT		/* a device's own */
};

/* What a file says without its passphrase. */
struct keyfile_info {
	enum keyfile_use use;
	uint8_t public[SIGNER_PUBLIC_SIZE];
	bool encrypted;
};

/* What a new file is made of. The caller brings and wipes what is secret. */
struct keyfile_new {
	enum keyfile_use use;
	const uint8_t *seed;		/* SIGNER_SEED_SIZE random bytes */
	struct bytes passphrase;	/* empty: not encrypted */
	/* Only with a passphrase: random bytes, and the cost. */
	uint8_t salt[KEYFILE_SALT_SIZE];
	uint8_t nonce[KEYFILE_NONCE_SIZE];
	size_t ops;			/* 1 to KEYFILE_MAX_OPS */
	size_t mem;			/* bytes */
};

/* The word of a use ("approver"), and the use of a word (ERR_RANGE). */
const char *keyfile_use_word(enum keyfile_use use);
MUST_CHECK int keyfile_use_of(struct bytes word, enum keyfile_use *ret_use);

/*
 * Appends the text of a new file, with a newline. Takes as long as the
 * password hash does. ERR_RANGE (ops, mem, passphrase too long), ERR_NOMEM,
 * ERR_CRYPTO, the buffer's errors; on failure b's content is as it was.
 */
MUST_CHECK int keyfile_write(const struct keyfile_new *n, struct buf *b);

/*
 * Reads what needs no passphrase. ERR_TOO_LARGE (over KEYFILE_MAX), ERR_RANGE
 * (ops or mem beyond the caps, an unknown use), doc.h's errors for the rest;
 * ERR_CORRUPT if an unencrypted file's seed is not its public key's.
 */
MUST_CHECK int keyfile_read_info(struct bytes text,
    struct keyfile_info *ret_i);

/*
 * Opens a file. An unencrypted one ignores the passphrase. The caller ends
 * *ret_s with signer_wipe(). keyfile_read_info()'s errors; ERR_PASSPHRASE if
 * it is wrong or empty, or the box was damaged, which cannot be told apart;
 * ERR_CORRUPT if the box holds another key or use than the file says;
 * ERR_NOMEM, ERR_CRYPTO.
 */
MUST_CHECK int keyfile_open(struct bytes text, struct bytes passphrase,
    struct keyfile_info *ret_i, struct signer *ret_s);

#endif
