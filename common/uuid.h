/*
 * uuid.h - UUID version 7, the id of a card.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_UUID_H
#define COUNTERSIGN_COMMON_UUID_H

#include "common/bytes.h"

/* 36 characters and a NUL. */
#define UUID_TEXT_SIZE 37
#define UUID_RANDOM_SIZE 10

/*
 * Whether text is a UUID of version 7 and variant 10 (RFC 9562 5.7) in its
 * one form here: lower case, 8-4-4-4-12 digits. 0 or ERR_SYNTAX.
 */
MUST_CHECK int uuid_check(struct bytes text);

/*
 * Writes the UUID of a Unix time in milliseconds (its low 48 bits) and ten
 * random bytes, of which 74 bits are used.
 */
void uuid_make(uint64_t ms, const uint8_t rnd[UUID_RANDOM_SIZE],
    char ret_text[UUID_TEXT_SIZE]);

#endif
