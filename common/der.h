/*
 * der.h - an ECDSA signature in DER, read strictly.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * WebAuthn carries ES256 signatures as Ecdsa-Sig-Value ::= SEQUENCE { r
 * INTEGER, s INTEGER } (RFC 3279 2.2.3). mbedTLS's reader also takes BER, so
 * one signature would have many spellings; this one takes DER (X.690) alone.
 */
#ifndef COUNTERSIGN_COMMON_DER_H
#define COUNTERSIGN_COMMON_DER_H

#include "common/bytes.h"

/* r and s, 32 bytes each, big-endian. */
#define DER_RS_SIZE 64

/*
 * Reads a signature over a curve of 256 bits: one-byte lengths only, integers
 * positive, of the fewest bytes and at most 32 bytes wide, nothing after r and
 * s and nothing after the sequence. ERR_SYNTAX. That r and s are from 1 to
 * n-1 is p256_verify()'s to check.
 */
MUST_CHECK int der_ecdsa_read(struct bytes der, uint8_t ret_rs[DER_RS_SIZE]);

/* Appends the DER form of r and s. Failures are the buffer's. */
void der_ecdsa_write(struct buf *b, const uint8_t rs[DER_RS_SIZE]);

#endif
