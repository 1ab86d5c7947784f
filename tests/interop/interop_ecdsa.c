/*
 * interop_ecdsa.c - runs Wycheproof's ECDSA P-256 vectors against p256.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Signatures in DER (type EcdsaVerify) or as r and s (EcdsaP1363Verify).
 * Groups of other curves and hashes are skipped.
 */
#include "common/p256.h"
#include "tests/harness/wycheproof.h"

#include <string.h>

static uint8_t point[P256_POINT_SIZE];
static bool raw;

static const char *
group(struct doc_obj *o, struct doc_obj *key)
{
	struct bytes curve, sha, type = { NULL, 0 };
	const char *skip = NULL;
	struct buf uncompressed;

	doc_str(key, "curve", &curve);
	doc_str(o, "sha", &sha);
	(void)doc_opt_str(o, "type", &type);
	raw = bytes_is(type, "EcdsaP1363Verify");
	uncompressed = interop_hex(key, "uncompressed");
	if (!bytes_is(curve, "secp256r1") && !bytes_is(curve, "P-256"))
		skip = "another curve";
	else if (!bytes_is(sha, "SHA-256"))
		skip = "another hash";
	else if (uncompressed.n != sizeof(point))
		skip = "a key of another size";
	else
		memcpy(point, uncompressed.p, sizeof(point));
	buf_free(&uncompressed);
	return skip;
}

static bool
verify(struct bytes msg, struct bytes sig)
{
	return (raw ? es256_verify_raw(point, msg, sig) :
	    es256_verify(point, msg, sig)) == 0;
}

int
main(int argc, char **argv)
{
	static const struct wycheproof w = { group, verify };

	return wycheproof_main(&w, argc, argv);
}
