/*
 * backoff.c - when to connect again: full jitter, doubling, reset, retry after.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/backoff.h"

void
backoff_init(struct backoff *b, uint32_t first_ms)
{
	*b = (struct backoff){ .first_ms = first_ms > 0 ? first_ms : 1 };
}

void
backoff_up(struct backoff *b, uint64_t now)
{
	b->up = true;
	b->up_since = now;
}

void
backoff_ask(struct backoff *b, uint64_t now, uint32_t seconds)
{
	if (seconds > BACKOFF_ASKED_MAX_S)
		seconds = BACKOFF_ASKED_MAX_S;
	b->not_before = now + (uint64_t)seconds * 1000;
}

uint64_t
backoff_next(struct backoff *b, uint64_t now, uint32_t random)
{
	uint64_t bound, at;

	if (b->up && now - b->up_since >= BACKOFF_GOOD_MS)
		b->n = 0;
	b->up = false;
	bound = (uint64_t)b->first_ms << b->n;
	if (bound >= BACKOFF_MAX_MS)
		bound = BACKOFF_MAX_MS;
	else
		b->n++;
	/* 0 to bound, both included. */
	at = now + ((bound + 1) * random >> 32);
	if (at < b->not_before)
		at = b->not_before;
	b->not_before = 0;
	return at;
}
