/*
 * tokens.h - secrets that are given out once and kept as hashes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * An API token is "cst_", 16 hex digits that name it, "_" and a secret of 32
 * random bytes as base64url. The store has the name and the SHA-256 of the
 * secret's text: it is found by the one and compared by the other.
 */
#ifndef COUNTERSIGN_CONSOLE_TOKENS_H
#define COUNTERSIGN_CONSOLE_TOKENS_H

#include "common/digest.h"
#include "console/store/store.h"

/* "cst_", 16 digits, "_", 43 characters, a NUL. */
#define TOKENS_TEXT_SIZE (4 + 16 + 1 + 43 + 1)

/* A new API token. ERR_IO (no random bytes). */
MUST_CHECK int tokens_make(char ret_text[TOKENS_TEXT_SIZE],
    char ret_id[STORE_TOKEN_ID_SIZE], struct sha256 *ret_secret);
/* Takes one apart. ERR_SYNTAX. */
MUST_CHECK int tokens_parse(const char *text,
    char ret_id[STORE_TOKEN_ID_SIZE], struct sha256 *ret_secret);
/* Whether the hashes are the same, in the same time wherever they differ. */
bool tokens_equal(const struct sha256 *a, const struct sha256 *b);

/* An enrolment secret: 43 characters of base64url. ERR_IO. */
#define TOKENS_SECRET_SIZE 44
MUST_CHECK int tokens_make_secret(char ret_text[TOKENS_SECRET_SIZE],
    struct sha256 *ret_hash);

#endif
