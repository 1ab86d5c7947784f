/*
 * keyid.c - the short name of a public key.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/keyid.h"
#include "common/digest.h"

#define KEYID_BYTES 16

void
keyid_make(struct bytes public, char ret_id[KEYID_SIZE])
{
	struct sha256 d;

	digest_sha256(public, &d);
	hex_encode(bytes_of(d.b, KEYID_BYTES), ret_id);
}

bool
keyid_is(struct bytes text)
{
	uint8_t raw[KEYID_BYTES];

	return hex_decode(text, raw, sizeof(raw)) == 0;
}
