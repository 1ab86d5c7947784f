/*
 * ed25519.h - verifying Ed25519 signatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * The only user of libsodium's verification. Signing is signer.h, in another
 * object, so that a program that only verifies links no signing code.
 */
#ifndef COUNTERSIGN_COMMON_ED25519_H
#define COUNTERSIGN_COMMON_ED25519_H

#include "common/bytes.h"

#define ED25519_PUBLIC_SIZE 32
#define ED25519_SIGNATURE_SIZE 64

/*
 * Whether sig is pk's signature over msg (RFC 8032 5.1.7, cofactorless, with
 * libsodium's stricter rules): a signature of another length than 64, an S
 * that is not below the group order, an R or a key of small order and a key
 * that is not in canonical form are refused. 0 or ERR_SIGNATURE.
 */
MUST_CHECK int ed25519_verify(const uint8_t pk[ED25519_PUBLIC_SIZE],
    struct bytes msg, struct bytes sig);

#endif
