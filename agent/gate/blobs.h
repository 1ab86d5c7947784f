/*
 * blobs.h - the payloads of cards and trust files, each under its digest.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Folder `blobs` of the state folder. A file's name is the hex of the digest
 * that records name, SHA-256(PAE(type, payload)), so a blob proves itself: what
 * is read is what was signed, or it is not given.
 */
#ifndef COUNTERSIGN_AGENT_GATE_BLOBS_H
#define COUNTERSIGN_AGENT_GATE_BLOBS_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/envelope.h"

struct blobs;

/* Opens or makes the folder; leftovers of a crash go. ERR_PERMISSION,
 * ERR_NO_SPACE, ERR_NOMEM, ERR_IO. */
MUST_CHECK int blobs_open(int state_dir, struct blobs **ret_b);
/* NULL is fine. */
void blobs_close(struct blobs *b);

/*
 * Stores the payload under its digest, which the caller computed. It is on disk
 * after blobs_sync(), which comes before journal_sync() of the record that
 * names it. One that is there already is not written again. ERR_NO_SPACE:
 * nothing happened; ERR_IO.
 */
MUST_CHECK int blobs_put(struct blobs *b, const struct sha256 *name,
    struct bytes payload);
/* One sync of the folder for all that was put; no work if nothing was. An
 * error is final. */
MUST_CHECK int blobs_sync(struct blobs *b);

/*
 * Appends the blob to *ret_b, which must be empty. Of whichever payload type
 * the digest makes it: *ret_type (may be NULL). ERR_NOT_FOUND; ERR_CORRUPT its
 * bytes have another digest; ERR_IO, the buffer's errors.
 */
MUST_CHECK int blobs_read(struct blobs *b, const struct sha256 *name,
    struct buf *ret_b, enum payload_type *ret_type);
/*
 * The same two for a snapshot (snapshot.h), whose name is its plain SHA-256.
 */
MUST_CHECK int blobs_put_state(struct blobs *b, const struct sha256 *name,
    struct bytes snapshot);
MUST_CHECK int blobs_read_state(struct blobs *b, const struct sha256 *name,
    struct buf *ret_b);
/* Its size. ERR_NOT_FOUND, ERR_IO. */
MUST_CHECK int blobs_size(struct blobs *b, const struct sha256 *name,
    uint64_t *ret_size);
/* Removes it, with its last record. One that is not there is no error. */
MUST_CHECK int blobs_remove(struct blobs *b, const struct sha256 *name);

#endif
