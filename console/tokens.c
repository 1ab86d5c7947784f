/*
 * tokens.c - secrets that are given out once and kept as hashes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/tokens.h"

#include "common/base64.h"
#include "platform/random.h"
#include "platform/secrets.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "cst_"
#define ID_DIGITS (STORE_TOKEN_ID_SIZE - 1)
#define SECRET_BYTES 32
#define SECRET_CHARS (TOKENS_SECRET_SIZE - 1)

int
tokens_make_secret(char ret_text[TOKENS_SECRET_SIZE], struct sha256 *ret_hash)
{
	uint8_t random[SECRET_BYTES];
	struct buf b;
	int err;

	if ((err = random_fill(random, sizeof(random))) != 0)
		return err;
	buf_init(&b, SECRET_CHARS);
	base64url_encode(&b, bytes_of(random, sizeof(random)));
	secrets_wipe(random, sizeof(random));
	if ((err = buf_error(&b)) == 0) {
		memcpy(ret_text, b.p, SECRET_CHARS);
		ret_text[SECRET_CHARS] = '\0';
		digest_sha256(buf_bytes(&b), ret_hash);
		secrets_wipe(b.p, b.n);
	}
	buf_free(&b);
	return err;
}

int
tokens_make(char ret_text[TOKENS_TEXT_SIZE], char ret_id[STORE_TOKEN_ID_SIZE],
    struct sha256 *ret_secret)
{
	char secret[TOKENS_SECRET_SIZE];
	uint8_t id[ID_DIGITS / 2];
	int err;

	if ((err = random_fill(id, sizeof(id))) != 0 ||
	    (err = tokens_make_secret(secret, ret_secret)) != 0)
		return err;
	hex_encode(bytes_of(id, sizeof(id)), ret_id);
	(void)snprintf(ret_text, TOKENS_TEXT_SIZE, PREFIX "%s_%s", ret_id,
	    secret);
	secrets_wipe(secret, sizeof(secret));
	return 0;
}

int
tokens_parse(const char *text, char ret_id[STORE_TOKEN_ID_SIZE],
    struct sha256 *ret_secret)
{
	size_t prefix = strlen(PREFIX);
	uint8_t id[ID_DIGITS / 2];

	if (strlen(text) != TOKENS_TEXT_SIZE - 1 ||
	    memcmp(text, PREFIX, prefix) != 0 ||
	    text[prefix + ID_DIGITS] != '_' ||
	    hex_decode(bytes_of(text + prefix, ID_DIGITS), id,
	    sizeof(id)) != 0)
		return ERR_SYNTAX;
	memcpy(ret_id, text + prefix, ID_DIGITS);
	ret_id[ID_DIGITS] = '\0';
	digest_sha256(bytes_str(text + prefix + ID_DIGITS + 1), ret_secret);
	return 0;
}

bool
tokens_equal(const struct sha256 *a, const struct sha256 *b)
{
	unsigned char differ = 0;
	size_t i;

	for (i = 0; i < SHA256_SIZE; i++)
		differ |= (unsigned char)(a->b[i] ^ b->b[i]);
	return differ == 0;
}
