/*
 * fuzz_witness.c - what a log asks a witness, and proof files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * What is read is written again to the same bytes. Nothing that nobody signed
 * is ever cosigned.
 */
#include "common/tlogproof.h"
#include "common/witness.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_request(struct bytes a)
{
	static const uint8_t public[ED25519_PUBLIC_SIZE] = { 3 };
	struct witness_log log = { NULL, 1, 0, { { 0 } } };
	struct witness_request r;
	struct note_key key;
	struct buf b;

	if (witness_parse_request(a, &r) != 0)
		return;
	buf_init(&b, WITNESS_REQUEST_MAX);
	if (witness_put_request(&b, r.old, r.proof, r.n_proof,
	    r.signed_note) != 0 || !bytes_equal(buf_bytes(&b), a))
		abort();
	buf_free(&b);
	if (note_key_init(bytes_str("acme/d-1"), NOTE_ED25519, public,
	    &key) != 0)
		abort();
	log.keys = &key;
	log.size = r.old;
	if (witness_check(&r, NULL) != WITNESS_UNKNOWN ||
	    witness_check(&r, &log) != WITNESS_FORBIDDEN)
		abort();
}

static void
check_proof(struct bytes a)
{
	struct tlogproof p;
	struct buf b;

	if (tlogproof_parse(a, &p) != 0)
		return;
	buf_init(&b, TLOGPROOF_MAX);
	if (tlogproof_put(&b, p.index, p.proof, p.n_proof,
	    p.signed_note) != 0 ||
	    (p.extra.p == NULL && !bytes_equal(buf_bytes(&b), a)))
		abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (digest_init() != 0)
		abort();
	check_request(bytes_of(p, n));
	check_proof(bytes_of(p, n));
	return 0;
}
