/*
 * signer.h - Ed25519 signing keys in memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (device key), cli, console. Never in the courier or runner.
 *
 * The only user of libsodium's signing. The caller brings the random bytes
 * and wipes what it holds of them.
 */
#ifndef COUNTERSIGN_COMMON_SIGNER_H
#define COUNTERSIGN_COMMON_SIGNER_H

#include "common/bytes.h"

#define SIGNER_SEED_SIZE 32
#define SIGNER_PUBLIC_SIZE 32
#define SIGNER_SIGNATURE_SIZE 64

/* A key pair: secret. End its life with signer_wipe(). */
struct signer {
	uint8_t secret[64];
	uint8_t public[SIGNER_PUBLIC_SIZE];
};

/*
 * The key pair of a seed of 32 random bytes (RFC 8032 5.1.5). digest_init()
 * must have been called. ERR_CRYPTO.
 */
MUST_CHECK int signer_from_seed(const uint8_t seed[SIGNER_SEED_SIZE],
    struct signer *ret_s);

/* Copies the seed out, to store it. Secret. */
void signer_seed(const struct signer *s, uint8_t ret_seed[SIGNER_SEED_SIZE]);

/* The signature over msg; deterministic (RFC 8032 5.1.6). ERR_CRYPTO. */
MUST_CHECK int signer_sign(const struct signer *s, struct bytes msg,
    uint8_t ret_sig[SIGNER_SIGNATURE_SIZE]);

/* Overwrites the key in a way that the compiler keeps. Idempotent. */
void signer_wipe(struct signer *s);

/* The same for any memory that held a secret (a seed, a passphrase). */
void signer_wipe_memory(void *p, size_t n);

#endif
