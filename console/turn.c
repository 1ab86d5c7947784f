/*
 * turn.c - one commit for everything that happened in a turn of the loop.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/turn.h"

void
turn_init(struct turn *t, struct store *store)
{
	t->store = store;
	t->first = NULL;
	t->telling = NULL;
}

int
turn_begin(struct turn *t)
{
	return store_begin(t->store);
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
