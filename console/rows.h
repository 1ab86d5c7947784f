/*
 * rows.h - the cards and outputs that a message of records changes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * A card has some five records, mostly in one message: its row is read once,
 * changed in memory, and written once, at the message's end, before anybody
 * else looks at the store.
 */
#ifndef COUNTERSIGN_CONSOLE_ROWS_H
#define COUNTERSIGN_CONSOLE_ROWS_H

#include "console/store/store.h"

#define ROWS_BUCKETS 256

/* What is known of one card. */
struct row {
	struct row *next;
	struct sha256 digest;
	bool has_card;			/* there is such a card */
	bool fresh;			/* it is not in the store yet */
	bool card_changed;
	struct store_card card;
	uint8_t *envelope;		/* of a fresh one */
	bool has_output, output_read, output_changed;
	struct store_output output;
};

struct rows {
	struct store *store;
	struct row *buckets[ROWS_BUCKETS];
	size_t n;
};

void rows_init(struct rows *r, struct store *s);
/* Lets go of everything, written or not. */
void rows_clear(struct rows *r);
/* The row of that card, read if need be. ERR_NOMEM; the store's errors. */
MUST_CHECK int rows_find(struct rows *r, const struct sha256 *digest,
    struct row **ret_row);
/* A card that is not in the store; the envelope is copied. ERR_NOMEM. */
MUST_CHECK int rows_add(struct row *row, const struct store_card *c,
    struct bytes envelope);
/* Reads the output's row if it was not; row->has_output says if there is one.
 * The store's errors. */
MUST_CHECK int rows_read_output(struct rows *r, struct row *row);
/* Writes what changed, and forgets it all. The store's errors. */
MUST_CHECK int rows_flush(struct rows *r);

#endif
