/*
 * checkpoint.h - what a log says of itself: how many records, which root.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * C2SP tlog-checkpoint, version 1.0.0: the text of a signed note whose lines
 * are the origin, the size, the root in base64, and extensions, which we do not
 * write and do not read.
 */
#ifndef COUNTERSIGN_COMMON_CHECKPOINT_H
#define COUNTERSIGN_COMMON_CHECKPOINT_H

#include "common/digest.h"
#include "common/note.h"

struct checkpoint {
	struct bytes origin;	/* points into the text */
	uint64_t size;		/* records; below 2^63 */
	struct sha256 root;
};

/* Appends the text. Failures are the buffer's. */
void checkpoint_put(struct buf *b, struct bytes origin, uint64_t size,
    const struct sha256 *root);
/* Reads the text of a note (note.text). ERR_SYNTAX, ERR_NOMEM. */
MUST_CHECK int checkpoint_parse(struct bytes text, struct checkpoint *ret_c);
/*
 * Parses a note, reads the checkpoint in it, and verifies the signature of that
 * key, whose name has to be the origin. note_parse()'s and note_verify()'s
 * errors; ERR_SYNTAX; ERR_KEY another origin.
 */
MUST_CHECK int checkpoint_open(struct bytes signed_note,
    const struct note_key *key, struct note *ret_n, struct checkpoint *ret_c);

/* The next line off *rest, without its newline; false where there is none. */
bool checkpoint_next_line(struct bytes *rest, struct bytes *ret_line);
/* A hash in base64. ERR_SYNTAX, ERR_NOMEM. */
MUST_CHECK int checkpoint_parse_hash(struct bytes line,
    struct sha256 *ret_hash);
/* A number as C2SP writes it: decimal, no sign, no leading zero, below 2^63.
 * ERR_SYNTAX. */
MUST_CHECK int checkpoint_parse_size(struct bytes line, uint64_t *ret_size);

#endif
