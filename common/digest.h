/*
 * digest.h - SHA-256 and SHA-512, and the hash that names every payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 *
 * The only user of libsodium's hash functions (FIPS 180-4).
 */
#ifndef COUNTERSIGN_COMMON_DIGEST_H
#define COUNTERSIGN_COMMON_DIGEST_H

#include "common/bytes.h"

#define SHA256_SIZE 32
#define SHA512_SIZE 64
/* "sha256:", 64 hex digits and a NUL. */
#define DIGEST_TEXT_SIZE 72

struct sha256 {
	uint8_t b[SHA256_SIZE];
};

/*
 * Makes libsodium ready: once in each process, before anything of digest,
 * ed25519, signer or keyfile. Calling it again does nothing. ERR_CRYPTO.
 */
MUST_CHECK int digest_init(void);

/* SHA-256 of a. */
void digest_sha256(struct bytes a, struct sha256 *ret_d);

/* SHA-512 of a. */
void digest_sha512(struct bytes a, uint8_t ret_d[SHA512_SIZE]);

/*
 * SHA-256 of pieces: init, any number of updates, one final. After final the
 * context is spent until the next init. The inside belongs to libsodium.
 */
struct digest_ctx {
	uint64_t opaque[14];
};

void digest_ctx_init(struct digest_ctx *c);
void digest_ctx_update(struct digest_ctx *c, struct bytes a);
void digest_ctx_final(struct digest_ctx *c, struct sha256 *ret_d);

/*
 * The hash of a payload, here and in every record:
 * SHA-256(PAE(type, payload)), with PAE(type, body) =
 * "DSSEv1" SP len(type) SP type SP len(body) SP body and lengths as decimal
 * numbers without leading zeros (DSSE v1.0.0, protocol.md). The PAE is not
 * built in memory.
 */
void digest_pae(struct bytes type, struct bytes payload, struct sha256 *ret_d);

/* SHA-512(PAE(type, payload)), which an approval's pre-image holds. */
void digest_pae512(struct bytes type, struct bytes payload,
    uint8_t ret_d[SHA512_SIZE]);

/* Whether two digests are the same. Not constant time: digests are public. */
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

/* Writes "sha256:<64 lower-case hex digits>" and a NUL. */
void digest_text(const struct sha256 *d, char ret_text[DIGEST_TEXT_SIZE]);

/* Reads exactly what digest_text() writes. ERR_SYNTAX for anything else. */
MUST_CHECK int digest_parse(struct bytes text, struct sha256 *ret_d);

#endif
