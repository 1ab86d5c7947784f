/*
 * budgets.c - how many refusals one person's signed input may have recorded.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/budgets.h"
#include "agent/gate/limiter.h"

#include <string.h>

static struct budget *
budget_of(struct budgets *b, struct bytes person)
{
	struct budget *p, *oldest = &b->people[0];

	for (p = b->people; p < b->people + BUDGETS_PEOPLE; p++) {
		if (bytes_is(person, p->person))
			return p;
		if (p->last < oldest->last)
			oldest = p;
	}
	memset(oldest, 0, sizeof(*oldest));
	if (person.n < sizeof(oldest->person) && person.n > 0)
		memcpy(oldest->person, person.p, person.n);
	return oldest;
}

bool
budgets_take(struct budgets *b, struct bytes person, uint64_t boot_ms)
{
	struct budget *p = budget_of(b, person);

	/* A boot clock that went back can only be another boot. */
	if (p->used == 0 || boot_ms < p->window_start ||
	    boot_ms - p->window_start >= LIMITER_WINDOW_MS) {
		p->window_start = boot_ms;
		p->used = 0;
	}
	p->last = boot_ms;
	if (p->used >= BUDGETS_PER_MINUTE)
		return false;
	p->used++;
	return true;
}
