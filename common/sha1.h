/*
 * sha1.h - SHA-1, for Sec-WebSocket-Accept and nothing else.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 *
 * RFC 6455 4.2.2 asks for it as a check against confusion, not as security.
 */
#ifndef COUNTERSIGN_COMMON_SHA1_H
#define COUNTERSIGN_COMMON_SHA1_H

#include "common/bytes.h"

#define SHA1_LEN 20

/* The digest of a (FIPS 180-4), SHA1_LEN bytes. ERR_CRYPTO. */
MUST_CHECK int sha1(struct bytes a, uint8_t *ret_digest);

#endif
