/*
 * fuzz_envelope.c - envelopes: what was read and written again is the same.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
compare(const struct envelope *a, const struct envelope *b)
{
	size_t i;

	if (!bytes_equal(a->type, b->type) ||
	    !bytes_equal(a->payload, b->payload) || a->n_sigs != b->n_sigs)
		abort();
	for (i = 0; i < a->n_sigs; i++) {
		if (!bytes_equal(a->sigs[i].keyid, b->sigs[i].keyid) ||
		    !bytes_equal(a->sigs[i].sig, b->sigs[i].sig))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t key[32] = { 1 };
	const uint8_t *const keys[1] = { key };
	struct envelope_doc first, second;
	struct buf b;
	bool valid;

	if (digest_init() != 0 ||
	    envelope_parse(bytes_of(p, n), 1 << 20, &first) != 0)
		return 0;
	if (first.e.n_sigs < 1 || first.e.n_sigs > ENVELOPE_MAX_SIGS ||
	    first.e.type.n < 1)
		abort();
	if (envelope_verify_ed25519(&first.e, keys, 1, &valid) !=
	    ERR_SIGNATURE || valid)
		abort();
	buf_init(&b, 4 << 20);
	envelope_write(&b, &first.e);
	if (buf_error(&b) != 0 ||
	    envelope_parse(buf_bytes(&b), b.n, &second) != 0)
		abort();
	compare(&first.e, &second.e);
	buf_free(&b);
	envelope_free(&first);
	envelope_free(&second);
	return 0;
}
