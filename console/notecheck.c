/*
 * notecheck.c - whether a checkpoint is the device's own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/notecheck.h"

#include "common/base64.h"
#include "common/digest.h"
#include "common/ed25519.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 128
#define KEY_HASH 4
#define SIZE_DIGITS 16		/* below 2^53 */
/* An em dash and a space before each signature. */
#define SIGNATURE_MARK "\xe2\x80\x94 "

/* The next line off *rest, without its newline. False at the end. */
static bool
next_line(struct bytes *rest, struct bytes *ret_line)
{
	const uint8_t *end;

	if (rest->n == 0 || (end = memchr(rest->p, '\n', rest->n)) == NULL)
		return false;
	*ret_line = bytes_of(rest->p, (size_t)(end - rest->p));
	*rest = bytes_of(end + 1, rest->n - ret_line->n - 1);
	return true;
}

/* The first 4 bytes of SHA-256(name, newline, algorithm 1, key). */
static void
key_hash(const char *name, const uint8_t key[32], uint8_t ret_hash[KEY_HASH])
{
	static const uint8_t separator[] = { '\n', 0x01 };
	struct digest_ctx c;
	struct sha256 h;

	digest_ctx_init(&c);
	digest_ctx_update(&c, bytes_str(name));
	digest_ctx_update(&c, bytes_of(separator, sizeof(separator)));
	digest_ctx_update(&c, bytes_of(key, 32));
	digest_ctx_final(&c, &h);
	memcpy(ret_hash, h.b, KEY_HASH);
}

static int
parse_size(struct bytes line, uint64_t *ret_size)
{
	uint64_t v = 0;
	size_t i;

	if (line.n < 1 || line.n > SIZE_DIGITS ||
	    (line.n > 1 && line.p[0] == '0'))
		return ERR_SYNTAX;
	for (i = 0; i < line.n; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return ERR_SYNTAX;
		v = v * 10 + (uint64_t)(line.p[i] - '0');
	}
	*ret_size = v;
	return 0;
}

/* Whether the line is a good signature of that key over text. */
static bool
is_signature(struct bytes line, struct bytes text, const char *name,
    const uint8_t key[32])
{
	char prefix[NAME_SIZE + 8];
	uint8_t want[KEY_HASH];
	struct bytes sig;
	struct buf b;
	int n;
	bool good;

	n = snprintf(prefix, sizeof(prefix), SIGNATURE_MARK "%s ", name);
	if (n < 0 || (size_t)n >= sizeof(prefix) || line.n <= (size_t)n ||
	    memcmp(line.p, prefix, (size_t)n) != 0)
		return false;
	key_hash(name, key, want);
	buf_init(&b, 256);
	good = base64_decode(bytes_of(line.p + n, line.n - (size_t)n),
	    &b) == 0 && b.n == KEY_HASH + ED25519_SIGNATURE_SIZE &&
	    memcmp(b.p, want, KEY_HASH) == 0;
	if (good) {
		sig = bytes_of(b.p + KEY_HASH, ED25519_SIGNATURE_SIZE);
		good = ed25519_verify(key, text, sig) == 0;
	}
	buf_free(&b);
	return good;
}

int
notecheck(struct bytes note, const char *org, const char *device,
    const uint8_t key[32], uint64_t *ret_size)
{
	struct bytes rest = note, line, text;
	char name[NAME_SIZE];
	uint64_t size;
	size_t lines = 0;
	int n, err;

	n = snprintf(name, sizeof(name), "%s/%s", org, device);
	if (n < 0 || (size_t)n >= sizeof(name))
		return ERR_SYNTAX;
	if (!next_line(&rest, &line) || !bytes_is(line, name) ||
	    !next_line(&rest, &line))
		return ERR_SYNTAX;
	if ((err = parse_size(line, &size)) != 0)
		return err;
	/* The root hash and what else the text has, up to an empty line. */
	while (next_line(&rest, &line) && line.n > 0)
		lines++;
	if (lines == 0 || line.n != 0)
		return ERR_SYNTAX;
	/* What is signed ends with the newline before the empty line. */
	text = bytes_of(note.p, (size_t)(line.p - note.p));
	while (next_line(&rest, &line))
		if (is_signature(line, text, name, key)) {
			*ret_size = size;
			return 0;
		}
	return ERR_SIGNATURE;
}
