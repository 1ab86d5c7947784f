/*
 * ed25519.c - verifying Ed25519 signatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/ed25519.h"

#include <sodium/crypto_sign.h>

_Static_assert(ED25519_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "key size");
_Static_assert(ED25519_SIGNATURE_SIZE == crypto_sign_BYTES, "signature size");

int
ed25519_verify(const uint8_t pk[ED25519_PUBLIC_SIZE], struct bytes msg,
    struct bytes sig)
{
	static const uint8_t nothing[1];

	if (sig.n != ED25519_SIGNATURE_SIZE)
		return ERR_SIGNATURE;
	if (msg.n == 0)
		msg.p = nothing;
	if (crypto_sign_verify_detached(sig.p, msg.p, msg.n, pk) != 0)
		return ERR_SIGNATURE;
	return 0;
}
