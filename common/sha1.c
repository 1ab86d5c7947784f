/*
 * sha1.c - SHA-1 from mbedTLS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 */
#include "common/sha1.h"

#include <mbedtls/sha1.h>
#include <string.h>

int
sha1(struct bytes a, uint8_t *ret_digest)
{
	uint8_t digest[SHA1_LEN];

	if (mbedtls_sha1(a.p, a.n, digest) != 0)
		return ERR_CRYPTO;
	memcpy(ret_digest, digest, sizeof(digest));
	return 0;
}
