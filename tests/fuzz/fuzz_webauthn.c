/*
 * fuzz_webauthn.c - assertions that are signed, whatever they say.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The first byte is how many of the next are authenticatorData; the rest is
 * clientDataJSON. This signs them itself, so that the fuzzer gets to what comes
 * behind the signature, and holds what is taken against a plain reading.
 */
#include "common/digest.h"
#include "common/json.h"
#include "common/signer.h"
#include "common/webauthn.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define START "{\"type\":\"webauthn.get\",\"challenge\":\"Y2hhbGxlbmdl\"," \
    "\"origin\":\"https://a.example\",\"crossOrigin\":false"

static void
check_taken(const struct webauthn_assertion *a)
{
	struct bytes c = a->client_data;
	struct sha256 rp;

	digest_sha256(bytes_str("a.example"), &rp);
	if (a->auth_data.n < 37 || memcmp(a->auth_data.p, rp.b, 32) != 0 ||
	    (a->auth_data.p[32] & 0x05) != 0x05 ||
	    (a->auth_data.p[32] & 0x40) != 0)
		abort();
	if (c.n <= strlen(START) || memcmp(c.p, START, strlen(START)) != 0 ||
	    c.p[c.n - 1] != '}' ||
	    memmem(c.p, c.n, "\"topOrigin\"", 11) != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t seed[32] = { 5 }, sig[64], msg[300];
	struct bytes origin = bytes_str("https://a.example");
	struct webauthn_key key = { .alg = WEBAUTHN_EDDSA,
	    .rp_id = bytes_str("a.example"), .origins = &origin,
	    .n_origins = 1 };
	struct webauthn_assertion a = { .sig = { sig, 64 } };
	const char *reason = NULL;
	struct sha256 client;
	struct signer s;
	size_t auth;

	if (n < 1 || n - 1 < p[0] || digest_init() != 0 ||
	    signer_from_seed(seed, &s) != 0)
		return 0;
	auth = p[0];
	key.public = s.public;
	a.auth_data = bytes_of(p + 1, auth);
	a.client_data = bytes_of(p + 1 + auth, n - 1 - auth);
	digest_sha256(a.client_data, &client);
	memcpy(msg, a.auth_data.p, auth);
	memcpy(msg + auth, client.b, 32);
	if (signer_sign(&s, bytes_of(msg, auth + 32), sig) != 0)
		abort();
	if (webauthn_verify(&key, &a, bytes_str("challenge"), &reason) == 0)
		check_taken(&a);
	else if (reason == NULL || strcmp(reason, "sign") == 0)
		abort();
	return 0;
}
