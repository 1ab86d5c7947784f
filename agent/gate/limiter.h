/*
 * limiter.h - how many records unverified input may cause.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Whoever can reach the device without a trusted key could otherwise fill its
 * disk with refusals. So such input writes at most LIMITER_PER_MINUTE records
 * a minute; what comes beyond is counted and told in one refused_summary.
 */
#ifndef COUNTERSIGN_AGENT_GATE_LIMITER_H
#define COUNTERSIGN_AGENT_GATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_PER_MINUTE 20
#define LIMITER_WINDOW_MS 60000

/* All zero is a fresh limiter. */
struct limiter {
	uint64_t window_start;	/* boot-time clock, ms */
	unsigned used;		/* records in this window */
	uint64_t held_back;	/* not recorded in this window */
	uint64_t due;		/* nor in earlier ones: for the summary */
};

/*
 * Whether one more record may be written at boot_ms; counts it, or counts it
 * as held back.
 */
bool limiter_take(struct limiter *l, uint64_t boot_ms);

/* Counts one as held back that something else did not let through. */
void limiter_hold(struct limiter *l, uint64_t boot_ms);

/*
 * How many were held back and are due for a summary at boot_ms: none of a
 * window that still runs. What it tells is not told again.
 */
uint64_t limiter_due(struct limiter *l, uint64_t boot_ms);

/* When the next summary falls due (boot-time ms), or UINT64_MAX for never. */
uint64_t limiter_deadline(const struct limiter *l);

#endif
