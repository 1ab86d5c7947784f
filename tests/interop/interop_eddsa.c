/*
 * interop_eddsa.c - runs Wycheproof's EdDSA vectors against ed25519.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/ed25519.h"
#include "tests/harness/wycheproof.h"

#include <string.h>

static uint8_t public[ED25519_PUBLIC_SIZE];

static const char *
group(struct doc_obj *o, struct doc_obj *key)
{
	struct bytes curve = { NULL, 0 };
	struct buf pk;
	const char *skip = NULL;

	(void)o;
	pk = interop_hex(key, "pk");
	if (doc_opt_str(key, "curve", &curve) &&
	    !bytes_is(curve, "edwards25519") && !bytes_is(curve, "Ed25519"))
		skip = "another curve";
	else if (pk.n != sizeof(public))
		skip = "a key of another size";
	else
		memcpy(public, pk.p, sizeof(public));
	buf_free(&pk);
	return skip;
}

static bool
verify(struct bytes msg, struct bytes sig)
{
	return ed25519_verify(public, msg, sig) == 0;
}

int
main(int argc, char **argv)
{
	static const struct wycheproof w = { group, verify };

	return wycheproof_main(&w, argc, argv);
}
