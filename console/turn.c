/*
 * turn.c - one commit for everything that happened in a turn of the loop.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/turn.h"

/* Brought in one round of the loop: somebody streams. */
#define BUSY ((uint64_t)48 << 10)
/* What one commit takes at most: it is in memory until then. */
#define TOTAL_MAX ((uint64_t)8 << 20)

void
turn_init(struct turn *t, struct store *store)
{
	t->store = store;
	t->first = NULL;
	t->telling = NULL;
	t->brought = t->total = 0;
}

void
turn_weigh(struct turn *t, size_t n)
{
	t->brought += n;
	t->total += n;
}

bool
turn_is_busy(struct turn *t)
{
	bool busy = t->brought >= BUSY && t->total < TOTAL_MAX;

	t->brought = 0;
	return busy;
}

int
turn_begin(struct turn *t)
{
	return store_begin(t->store);
}

bool
turn_is_shared(const struct turn *t)
{
	return t->first != NULL && t->first->next != NULL;
}

void
turn_join(struct turn *t, struct turn_member *m)
{
	if (m->joined)
		return;
	m->joined = true;
	m->next = t->first;
	t->first = m;
}

static bool
take_off(struct turn_member **at, struct turn_member *m)
{
	for (; *at != NULL; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			return true;
		}
	return false;
}

void
turn_leave(struct turn *t, struct turn_member *m)
{
	if (!m->joined)
		return;
	if (!take_off(&t->first, m))
		(void)take_off(&t->telling, m);
	m->joined = false;
}

/* One that is told may join the next turn, leave, or make another leave. */
static void
tell_all(struct turn *t, int err)
{
	struct turn_member *m;

	t->brought = t->total = 0;
	t->telling = t->first;
	t->first = NULL;
	while ((m = t->telling) != NULL) {
		t->telling = m->next;
		m->joined = false;
		m->settled(m->ctx, err);
	}
}

int
turn_settle(struct turn *t)
{
	int err = store_commit(t->store);

	tell_all(t, err);
	return err;
}

void
turn_fail(struct turn *t, int err)
{
	store_rollback(t->store);
	tell_all(t, err);
}
