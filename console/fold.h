/*
 * fold.h - a device's records, folded into what the store says of it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * The cards are folded by queue.h, as on the device itself. In memory are only
 * the open cards of devices that are connected; an ended one is folded again
 * from its own records when somebody asks.
 */
#ifndef COUNTERSIGN_CONSOLE_FOLD_H
#define COUNTERSIGN_CONSOLE_FOLD_H

#include "common/queue.h"
#include "console/ledger.h"

/*
 * Records of one card, and of all open cards of a device: more is nonsense,
 * since 10,000 may wait (CAP_PENDING), and would hold up everybody.
 */
#define FOLD_RECORDS_MAX 4096
#define FOLD_LOAD_MAX 50000
/* What has ended is let go of after so many records, by folding anew. */
#define FOLD_ANEW 65536

/* The open cards of one device. */
struct fold;

/* They are read from the store when the first record comes. ERR_NOMEM. */
MUST_CHECK int fold_open(struct store *s, struct fold **ret_f);
/* NULL is fine. */
void fold_close(struct fold *f);
struct store *fold_store(const struct fold *f);

/* Records are missing here: what was folded so far says nothing any more. */
void fold_anew(struct fold *f);

/* Round the records of one message: nobody else looks at the store between.
 * The store's errors. */
MUST_CHECK int fold_begin(struct fold *f, const char *device);
MUST_CHECK int fold_end(struct fold *f);

/*
 * Folds a record: cards, outputs, trust files, what waits in the outbox. A
 * record that makes no sense becomes an alarm on the device, never an error:
 * it is evidence. The store's errors; then f is to be closed.
 */
MUST_CHECK int fold_record(struct fold *f, struct store_device *d,
    uint64_t index, const struct record *rec, int64_t now,
    struct ledger_effects *ret_e);

/*
 * One card as its records make it; *ret_item is NULL if there are none that
 * count. The caller frees *ret_q with queue_free(). ERR_CORRUPT they make no
 * sense, ERR_TOO_LARGE there are too many; the store's errors.
 */
MUST_CHECK int fold_card(struct store *s, int64_t device,
    const struct sha256 *card, struct queue **ret_q,
    const struct queue_item **ret_item);

#endif
