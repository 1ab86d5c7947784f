/*
 * crc32c.h - CRC-32C (Castagnoli), as in RFC 3720 appendix B.4.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Tells torn writes and decay from what was written. It keeps nobody out who
 * wants to change a journal: hashes and signatures do that.
 */
#ifndef COUNTERSIGN_COMMON_CRC32C_H
#define COUNTERSIGN_COMMON_CRC32C_H

#include "common/bytes.h"

/*
 * The CRC of what crc is the CRC of, followed by a; begin with 0.
 * crc32c(0, "123456789") is 0xe3069283.
 */
uint32_t crc32c(uint32_t crc, struct bytes a);

#endif
