/*
 * signer.c - Ed25519 signing keys in memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (device key), cli, console. Never in the courier or runner.
 */
#include "common/signer.h"

#include <sodium/crypto_sign.h>
#include <sodium/utils.h>
#include <string.h>

_Static_assert(sizeof(((struct signer *)0)->secret) ==
    crypto_sign_SECRETKEYBYTES, "secret key size");
_Static_assert(SIGNER_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "key size");
_Static_assert(SIGNER_SEED_SIZE == crypto_sign_SEEDBYTES, "seed size");
_Static_assert(SIGNER_SIGNATURE_SIZE == crypto_sign_BYTES, "signature size");

int
signer_from_seed(const uint8_t seed[SIGNER_SEED_SIZE], struct signer *ret_s)
{
	struct signer s;
	int r = 0;

	if (crypto_sign_seed_keypair(s.public, s.secret, seed) != 0)
		r = ERR_CRYPTO;
	else
		*ret_s = s;
	signer_wipe(&s);
	return r;
}

void
signer_seed(const struct signer *s, uint8_t ret_seed[SIGNER_SEED_SIZE])
{
	/* libsodium's secret key is the seed, then the public key. */
	memcpy(ret_seed, s->secret, SIGNER_SEED_SIZE);
}

int
signer_sign(const struct signer *s, struct bytes msg,
    uint8_t ret_sig[SIGNER_SIGNATURE_SIZE])
{
	static const uint8_t nothing[1];

	if (msg.n == 0)
		msg.p = nothing;
	if (crypto_sign_detached(ret_sig, NULL, msg.p, msg.n, s->secret) != 0)
		return ERR_CRYPTO;
	return 0;
}

void
signer_wipe(struct signer *s)
{
	sodium_memzero(s, sizeof(*s));
}

void
signer_wipe_memory(void *p, size_t n)
{
	sodium_memzero(p, n);
}
