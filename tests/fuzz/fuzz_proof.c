/*
 * fuzz_proof.c - proofs: one spelling, one key, and a reason for each refusal.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The keys are those of tests/harness/proofs.h, so that the seeds are good
 * proofs and the fuzzer starts behind the signatures.
 */
#include "common/digest.h"
#include "common/proof.h"
#include "tests/harness/proofs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define N_KEYS 6

static struct person_key keys[N_KEYS];
static uint8_t preimage[115], credential[32];

static void
setup(void)
{
	static const enum proof_kind kinds[N_KEYS] = { PROOF_ED25519,
	    PROOF_SSH, PROOF_SK, PROOF_SK, PROOF_WEBAUTHN, PROOF_WEBAUTHN };
	size_t i;

	if (digest_init() != 0 ||
	    hex_decode(bytes_str(PROOFS_B), preimage, sizeof(preimage)) != 0 ||
	    hex_decode(bytes_str(PROOFS_CREDENTIAL), credential, 32) != 0)
		abort();
	for (i = 0; i < N_KEYS; i++) {
		struct person_key *k = &keys[i];
		bool es256 = i == 3 || i == 5;

		k->kind = kinds[i];
		k->alg = es256 ? PROOF_ALG_ES256 : PROOF_ALG_ED25519;
		if (hex_decode(bytes_str(es256 ? PROOFS_P256_POINT :
		    PROOFS_ED25519_PUBLIC), k->public,
		    proof_public_size(k->alg)) != 0)
			abort();
		k->application = bytes_str(i == 2 || i == 3 ?
		    PROOFS_APPLICATION : "");
		k->credential_id = bytes_of(credential, 32);
		k->rp_id = bytes_str(PROOFS_RP_ID);
		k->origins[0] = bytes_str(PROOFS_ORIGIN);
		k->n_origins = 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes field = bytes_of(p, n);
	const char *reason;
	struct proof proof;
	struct buf b;
	size_t i, taken = 0;

	if (keys[0].kind == 0)
		setup();
	buf_init(&b, PROOF_MAX);
	if (proof_read(field, &proof) == 0) {
		proof_write(&b, &proof);
		if (!bytes_equal(buf_bytes(&b), field))
			abort();
	}
	for (i = 0; i < N_KEYS; i++) {
		reason = NULL;
		if (proof_verify(&keys[i], bytes_of(preimage,
		    sizeof(preimage)), field, &reason) == 0)
			taken++;
		else if (reason == NULL)
			abort();
	}
	if (taken > 1)
		abort();
	buf_free(&b);
	return 0;
}
