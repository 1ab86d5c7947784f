/*
 * resume.h - a journal that goes on behind records which we never had.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * A device removes its oldest records by age. A console that was restored from
 * an old copy of its database, or came too late, gets their hashes instead:
 * the tree goes on, and all that follows is proven as ever. What happened in
 * between is not known here. The first record behind such a gap is a `state`;
 * its snapshot says which cards were open then, and folding goes on from it.
 */
#ifndef COUNTERSIGN_CONSOLE_RESUME_H
#define COUNTERSIGN_CONSOLE_RESUME_H

#include "common/queue.h"
#include "common/standing.h"
#include "console/store/trees.h"

/*
 * Where the records go on behind the last gap. ERR_NOT_FOUND: there is none;
 * the store's errors.
 */
MUST_CHECK int resume_at(struct store *s, int64_t device, uint64_t *ret_at);
/*
 * What that snapshot says; the caller frees both. ERR_CORRUPT: it is not there
 * or does not read; the store's errors.
 */
MUST_CHECK int resume_read(struct store *s, int64_t device,
    const struct sha256 *snapshot, struct standing *ret_s,
    struct queue **ret_q);
/*
 * The cards as they were behind the last gap: those records from *ret_at on
 * are still to be folded. An empty queue and 0 where there is no gap; an empty
 * one too where nothing is known of then. The caller frees it.
 */
MUST_CHECK int resume_queue(struct store *s, int64_t device,
    uint64_t *ret_at, struct queue **ret_q);

#endif
