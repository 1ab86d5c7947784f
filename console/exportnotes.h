/*
 * exportnotes.h - what an export has besides the journal itself: checkpoint,
 * cosignatures, alarms and their evidence.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve, export).
 */
#ifndef COUNTERSIGN_CONSOLE_EXPORTNOTES_H
#define COUNTERSIGN_CONSOLE_EXPORTNOTES_H

#include "common/note.h"
#include "console/store/store.h"

/*
 * Appends the members checkpoint and cosig/<key id> of an archive, as a device
 * has them: its newest note, and of each witness the newest that it cosigned.
 * self: we as a witness. The store's errors.
 */
MUST_CHECK int exportnotes_put(struct store *s, const struct store_device *d,
    const struct note_key *self, struct buf *b);

/* How far the evidence of a device has been written; all zero: not at all. */
struct exportnotes_alarms {
	int64_t n;		/* the alarm at hand, or the last one */
	bool inside;		/* its records are being written */
	int64_t records;	/* of them that have been */
};

/*
 * Appends the next member: evidence/alarm-<n>.json, or some of the records
 * that contradict ours, evidence/alarm-<n>/<number of the first>.seg.
 * ERR_NOT_FOUND: there are no more; the store's errors.
 */
MUST_CHECK int exportnotes_alarm(struct store *s,
    const struct store_device *d, struct exportnotes_alarms *at,
    struct buf *b);

#endif
