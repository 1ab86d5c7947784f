/*
 * backoff.h - when to connect again: full jitter, doubling, reset, retry after.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * Pure: times are boot-time milliseconds that the caller passes in, and so is
 * chance. The wait is rand(0, min(300 s, first * 2^n)), so that a fleet whose
 * console restarts does not come back in one moment.
 */
#ifndef COUNTERSIGN_AGENT_COURIER_BACKOFF_H
#define COUNTERSIGN_AGENT_COURIER_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_MAX_MS 300000u	/* no wait is longer by itself */
#define BACKOFF_GOOD_MS 60000u	/* up so long: begin with the first again */
/* The most that a console's retry_after is obeyed: nobody is locked out for
 * longer by one bad answer. */
#define BACKOFF_ASKED_MAX_S 3600u

struct backoff {
	uint32_t first_ms;	/* bound of the first wait */
	unsigned n;		/* failures since the last good link */
	bool up;
	uint64_t up_since;
	uint64_t not_before;	/* what the console asked for; 0 nothing */
};

/* first_ms 0 counts as 1. */
void backoff_init(struct backoff *b, uint32_t first_ms);
/* A link stands as of now. */
void backoff_up(struct backoff *b, uint64_t now);
/* The console asks not to be called for so long. */
void backoff_ask(struct backoff *b, uint64_t now, uint32_t seconds);
/*
 * The link broke, or did not come up: when to connect again. random is evenly
 * spread over all its values.
 */
uint64_t backoff_next(struct backoff *b, uint64_t now, uint32_t random);

#endif
