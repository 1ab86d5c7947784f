/*
 * deviceid.c - the name of a device, made from its public key.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, console, cli.
 */
#include "common/deviceid.h"

#include "common/digest.h"

#include <string.h>

#define CHARS 26
static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void
deviceid_make(const uint8_t key[32], char ret_id[DEVICEID_SIZE])
{
	struct sha256 d;
	unsigned acc = 0, bits = 0;
	size_t i, at = 0;

	digest_sha256(bytes_of(key, 32), &d);
	ret_id[0] = 'd';
	ret_id[1] = '-';
	for (i = 0; i < CHARS; i++) {
		if (bits < 5) {
			acc = (acc << 8 | d.b[at++]) & 0xffff;
			bits += 8;
		}
		bits -= 5;
		ret_id[2 + i] = alphabet[acc >> bits & 31];
	}
	ret_id[2 + CHARS] = '\0';
}

bool
deviceid_is(struct bytes text)
{
	size_t i;

	if (text.n != DEVICEID_SIZE - 1 || text.p[0] != 'd' ||
	    text.p[1] != '-')
		return false;
	for (i = 2; i < text.n; i++)
		if (memchr(alphabet, text.p[i], 32) == NULL)
			return false;
	return true;
}
