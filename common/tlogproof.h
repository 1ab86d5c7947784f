/*
 * tlogproof.h - one record's place in a log, to be verified without the log.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 *
 * C2SP tlog-proof, version 1: a text file with the index, the inclusion proof
 * and the checkpoint with its cosignatures, named *.tlog-proof. Beside it one
 * needs the record's bytes and the keys.
 */
#ifndef COUNTERSIGN_COMMON_TLOGPROOF_H
#define COUNTERSIGN_COMMON_TLOGPROOF_H

#include "common/checkpoint.h"
#include "common/merkle.h"

/* Extra data that we read, as bytes; and a whole file. */
#define TLOGPROOF_EXTRA_MAX 65536u
#define TLOGPROOF_MAX (2 * TLOGPROOF_EXTRA_MAX + MERKLE_PROOF_MAX * 45u + \
	NOTE_MAX + 64u)

struct tlogproof {
	struct bytes extra;	/* base64, as it stands there; p NULL: no line.
				 * Nobody has signed it. */
	uint64_t index;
	struct sha256 proof[MERKLE_PROOF_MAX];
	size_t n_proof;
	struct bytes signed_note;	/* all of it */
	struct note note;
	struct checkpoint checkpoint;
};

/*
 * Appends the file, without extra data. The note is put there as it is.
 * ERR_TOO_LARGE a longer proof; the buffer's errors.
 */
MUST_CHECK int tlogproof_put(struct buf *b, uint64_t index,
    const struct sha256 *proof, size_t n_proof, struct bytes signed_note);

/*
 * Reads such a file; ret_p points into it. ERR_SYNTAX; ERR_TOO_LARGE; the
 * note's and the checkpoint's errors.
 */
MUST_CHECK int tlogproof_parse(struct bytes file, struct tlogproof *ret_p);

/*
 * Whether that record is where the proof says, in the log with that key. Whose
 * cosignatures it asks for besides is the caller's business (cosignature.h,
 * over note.text). ERR_KEY another origin; note_verify()'s and
 * merkle_verify_inclusion()'s errors.
 */
MUST_CHECK int tlogproof_verify(const struct tlogproof *p,
    struct bytes record, const struct note_key *key);

#endif
