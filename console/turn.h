/*
 * turn.h - one commit for everything that happened in a turn of the loop.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Connections that wrote to the store join the turn; at its end there is one
 * commit, and each is told whether it holds. Only then it may say `have`. While
 * a device streams its journal, a turn goes on for some rounds of the loop.
 */
#ifndef COUNTERSIGN_CONSOLE_TURN_H
#define COUNTERSIGN_CONSOLE_TURN_H

#include "console/store/store.h"

/* err: 0 if what was written in the turn is on disk; else none of it is. */
typedef void turn_settled_fn(void *ctx, int err);

struct turn_member {
	turn_settled_fn *settled;
	void *ctx;
	struct turn_member *next;
	bool joined;
};

struct turn {
	struct store *store;
	uint64_t brought;		/* bytes since the loop went round */
	uint64_t total;			/* bytes in all of it */
	struct turn_member *first;	/* of this turn */
	struct turn_member *telling;	/* of the last one, not yet told */
};

void turn_init(struct turn *t, struct store *store);
/* Opens the turn's transaction, if it is not open. The store's errors. */
MUST_CHECK int turn_begin(struct turn *t);
/* Wants to be told how it ended. Idempotent within a turn. */
void turn_join(struct turn *t, struct turn_member *m);
/* Does not want to any more (it is being freed). */
void turn_leave(struct turn *t, struct turn_member *m);
/* So many bytes came into the turn. */
void turn_weigh(struct turn *t, size_t n);
/*
 * Whether the turn may go on for another round of the loop, since one brought
 * so much that there is more to come, and one commit costs less than two. The
 * caller bounds the time.
 */
bool turn_is_busy(struct turn *t);
/* Whether more than one joined it. */
bool turn_is_shared(const struct turn *t);
/* Commits, and tells all. Returns what it tells. */
int turn_settle(struct turn *t);
/* Takes everything of this turn back, and tells all with err (not 0). */
void turn_fail(struct turn *t, int err);

#endif
