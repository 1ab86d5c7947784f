/*
 * after.c - cards that wait for others: cancelled when one of these failed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Which cards a card comes after stands in its payload only. So what waits for
 * others is noted when it comes in, and after a start found once among the open
 * cards; then a card that ended badly is all that has to be looked at.
 */
#include "agent/gate/core_inside.h"

#include <stdlib.h>
#include <string.h>

static struct core_after *
place(struct core *c)
{
	struct core_after *p;
	size_t size;

	if (c->n_after == c->after_size) {
		size = c->after_size == 0 ? 16 : 2 * c->after_size;
		p = realloc(c->after, size * sizeof(*p));
		if (p == NULL)
			return NULL;
		c->after = p;
		c->after_size = size;
	}
	return &c->after[c->n_after++];
}

int
core_note_after(struct core *c, const struct card *card)
{
	struct core_after *a;

	/* Those that are there will be found with the others. */
	if (card->n_after == 0 || !c->after_known)
		return 0;
	if ((a = place(c)) == NULL)
		return ERR_NOMEM;
	a->card = card->digest;
	a->n = card->n_after;
	memcpy(a->after, card->after, card->n_after * sizeof(a->after[0]));
	return 0;
}

/* After a start: which open cards wait for others? */
static int
find_all(struct core *c, struct moment m)
{
	const struct queue_item *item;
	struct dossier d;
	int err;

	c->n_after = 0;
	c->after_known = true;
	for (item = queue_first_open(c->queue); item != NULL;
	    item = queue_next_open(c->queue, item)) {
		err = dossier_open(c, m, item, &d);
		if (err == 0)
			err = core_note_after(c, d.card);
		dossier_close(&d);
		/* Without the trust files nothing is known: another time. */
		if (err == ERR_STATE) {
			c->after_known = false;
			return 0;
		}
		/* A damaged card is told when it would run. */
		if (err != 0 && err != ERR_CORRUPT)
			return err;
	}
	return 0;
}

enum core_wait
core_after_others(const struct core *c, const struct sha256 *after, size_t n)
{
	const struct queue_item *other;
	enum core_wait w = CORE_WAIT_GO;
	size_t i;

	for (i = 0; i < n; i++) {
		other = queue_find(c->queue, &after[i]);
		if (other == NULL || !state_is_end(other->state))
			w = CORE_WAIT_LATER;
		else if (other->state != STATE_FINISHED ||
		    other->result.exit_code != 0)
			return CORE_WAIT_NEVER;
	}
	return w;
}

/* One round; whoever is cancelled may have others waiting for it. */
static int
cancel_round(struct core *c, struct moment m)
{
	const struct queue_item *item;
	struct record rec;
	size_t i, kept = 0;
	int err = 0;

	for (i = 0; i < c->n_after && err == 0; i++) {
		const struct core_after *a = &c->after[i];

		item = queue_find(c->queue, &a->card);
		if (item == NULL || !state_is_open(item->state))
			continue;
		if (item->state == STATE_RUNNING || core_after_others(c,
		    a->after, a->n) != CORE_WAIT_NEVER) {
			c->after[kept++] = *a;
			continue;
		}
		record_init(&rec, RECORD_CANCELLED);
		record_set_digest(&rec, RF_CARD, &a->card);
		record_set_str(&rec, RF_BY, "device");
		record_set_str(&rec, RF_REASON, "after_failed");
		err = core_emit_must(c, m, &rec);
	}
	for (; i < c->n_after; i++)
		c->after[kept++] = c->after[i];
	c->n_after = kept;
	return err;
}

int
core_cancel_after(struct core *c, struct moment m)
{
	int err = 0;

	while (err == 0 && c->after_failed) {
		if (!c->after_known && (err = find_all(c, m)) != 0)
			return err;
		if (!c->after_known)
			return 0;
		c->after_failed = false;
		err = cancel_round(c, m);
	}
	return err;
}
