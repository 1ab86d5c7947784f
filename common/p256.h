/*
 * p256.h - verifying ECDSA signatures on P-256 with SHA-256 (ES256).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * The only user of mbedTLS's elliptic curves. FIPS 186-5 section 6.4.2.
 */
#ifndef COUNTERSIGN_COMMON_P256_H
#define COUNTERSIGN_COMMON_P256_H

#include "common/bytes.h"
#include "common/digest.h"

/* An uncompressed point: 0x04, x, y (SEC 1 2.3.3). */
#define P256_POINT_SIZE 65
/* r and s, 32 bytes each, big-endian (IEEE P1363). */
#define P256_RS_SIZE 64

/*
 * Whether it is an uncompressed point on the curve, coordinates below the
 * field's prime. ERR_KEY, ERR_NOMEM.
 */
MUST_CHECK int p256_check_point(const uint8_t point[P256_POINT_SIZE]);

/*
 * Whether r and s sign the hash under the key. ERR_KEY for a point that
 * p256_check_point() refuses; ERR_SIGNATURE, also where r or s is not from 1
 * to n-1; ERR_NOMEM.
 */
MUST_CHECK int p256_verify(const uint8_t point[P256_POINT_SIZE],
    const struct sha256 *hash, const uint8_t rs[P256_RS_SIZE]);

/*
 * The same over a message that is hashed here, with the signature in strict
 * DER (der.h), as WebAuthn has it, or as exactly 64 bytes. p256_verify()'s
 * errors, and ERR_SIGNATURE for a signature of another form.
 */
MUST_CHECK int es256_verify(const uint8_t point[P256_POINT_SIZE],
    struct bytes msg, struct bytes der);
MUST_CHECK int es256_verify_raw(const uint8_t point[P256_POINT_SIZE],
    struct bytes msg, struct bytes rs);

#endif
