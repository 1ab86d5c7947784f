/*
 * cosignature.h - a witness's word for a checkpoint, with the time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * C2SP tlog-cosignature, version 1.0.0, of Ed25519 keys: a note signature of
 * kind 0x04 whose value is a u64 big-endian time (POSIX seconds) and a
 * signature over "cosignature/v1\ntime <time>\n" and the checkpoint's text.
 */
#ifndef COUNTERSIGN_COMMON_COSIGNATURE_H
#define COUNTERSIGN_COMMON_COSIGNATURE_H

#include "common/note.h"

#define COSIGNATURE_SIZE (8 + ED25519_SIGNATURE_SIZE)

/* Appends the line of that key (kind NOTE_COSIGNATURE) over the text of a
 * checkpoint. The buffer's errors; ERR_RANGE a time below 1; ERR_CRYPTO. */
MUST_CHECK int cosignature_sign(struct buf *b, struct bytes text,
    const struct note_key *key, const struct signer *signer, int64_t time);

/*
 * Whether the witness with that key has cosigned the text, in one of these
 * lines, and when. ERR_NOT_FOUND none is its; ERR_SIGNATURE one is and does not
 * verify, or has no time; ERR_SYNTAX a line of another form; ERR_NOMEM.
 */
MUST_CHECK int cosignature_verify(struct bytes text, struct bytes lines,
    const struct note_key *key, int64_t *ret_time);

#endif
