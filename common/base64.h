/*
 * base64.h - strict base64 and base64url (RFC 4648 sections 4 and 5).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, cli, console.
 *
 * Each byte string has exactly one text here: a decoder that took a second
 * spelling would let two texts name the same bytes. Not constant time.
 */
#ifndef COUNTERSIGN_COMMON_BASE64_H
#define COUNTERSIGN_COMMON_BASE64_H

#include "common/bytes.h"

/*
 * Appends a as base64 (alphabet with + and /, padded with =). No line breaks.
 * A failure is the buffer's (buf_error).
 */
void base64_encode(struct buf *b, struct bytes a);

/*
 * Appends the bytes that a padded base64 text stands for; an empty text stands
 * for none. ERR_SYNTAX if the length is no multiple of 4, the padding is wrong
 * or the last character has bits that are not zero; ERR_CHARACTER for anything
 * outside the alphabet (white space and line breaks too); the buffer's error
 * (ERR_TOO_LARGE, ERR_NOMEM), which then has failed. ret_b's content is the
 * same as before on every failure.
 */
MUST_CHECK int base64_decode(struct bytes text, struct buf *ret_b);

/* The same with - and _ in the alphabet, and no padding. */
void base64url_encode(struct buf *b, struct bytes a);

/* As base64_decode(); ERR_CHARACTER for a = anywhere. */
MUST_CHECK int base64url_decode(struct bytes text, struct buf *ret_b);

#endif
