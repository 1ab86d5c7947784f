/*
 * export.h - a device's journal as it was replicated, raw or as an archive.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve, export).
 *
 * Raw: entries in their frames, one after the other, as in a segment file. As
 * an archive (tar): what lies in the device's own state folder, journal/,
 * blobs/, transcripts/, tiles/, checkpoint and cosig/, so that `countersign
 * audit verify` reads either; and evidence/, what contradicted the journal.
 * Where records are missing (resume.h) journal/ begins behind them, as that of
 * a device does which has removed its oldest, and earlier/ has the others.
 * Both end with the records that there were when it was begun. It is made
 * piece by piece: no more of it is in memory than a blob.
 */
#ifndef COUNTERSIGN_CONSOLE_EXPORT_H
#define COUNTERSIGN_CONSOLE_EXPORT_H

#include "common/note.h"
#include "console/store/store.h"

struct export;

/* What an export is of. */
struct export_order {
	struct store *store;
	const char *transcripts;	/* the spool's folder */
	const struct note_key *self;	/* we as a witness */
	struct store_device device;
	bool tar;
	uint64_t from;			/* raw: the first index */
};

/* Everything but the device and its strings is copied. ERR_NOMEM; the
 * store's errors. */
MUST_CHECK int export_new(const struct export_order *o,
    struct export **ret_x);
/* NULL is fine. */
void export_free(struct export *x);
/*
 * Empties b (of EXPORT_PIECE_MAX bytes) and puts the next piece into it; an
 * empty one is the end. ERR_IO; the buffer's and the store's errors.
 */
#define EXPORT_PIECE_MAX ((size_t)80 << 20)
MUST_CHECK int export_next(struct export *x, struct buf *b);

#endif
