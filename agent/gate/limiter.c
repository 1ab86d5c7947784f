/*
 * limiter.c - how many records unverified input may cause.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/limiter.h"

static bool
window_is_over(const struct limiter *l, uint64_t boot_ms)
{
	/* A boot clock that went back can only be another boot. */
	return boot_ms < l->window_start ||
	    boot_ms - l->window_start >= LIMITER_WINDOW_MS;
}

static void
begin_window(struct limiter *l, uint64_t boot_ms)
{
	if ((l->used > 0 || l->held_back > 0) && !window_is_over(l, boot_ms))
		return;
	l->window_start = boot_ms;
	l->used = 0;
	/* A flood that goes on must not put the summary off. */
	l->due += l->held_back;
	l->held_back = 0;
}

void
limiter_hold(struct limiter *l, uint64_t boot_ms)
{
	begin_window(l, boot_ms);
	l->held_back++;
}

bool
limiter_take(struct limiter *l, uint64_t boot_ms)
{
	begin_window(l, boot_ms);
	if (l->used >= LIMITER_PER_MINUTE) {
		l->held_back++;
		return false;
	}
	l->used++;
	return true;
}

uint64_t
limiter_due(struct limiter *l, uint64_t boot_ms)
{
	uint64_t n;

	if (window_is_over(l, boot_ms)) {
		l->due += l->held_back;
		l->held_back = 0;
	}
	n = l->due;
	l->due = 0;
	return n;
}

uint64_t
limiter_deadline(const struct limiter *l)
{
	if (l->due > 0)
		return l->window_start;
	if (l->held_back == 0)
		return UINT64_MAX;
	return l->window_start + LIMITER_WINDOW_MS;
}
