/*
 * watch.c - who wants to know what is new of a card, or of the fleet.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/watch.h"

const struct sha256 watch_fleet;

void
watch_add(struct watch *w, struct watcher *r)
{
	struct watcher **at = &w->buckets[r->card.b[0] % WATCH_BUCKETS];

	r->next = *at;
	r->at = at;
	if (r->next != NULL)
		r->next->at = &r->next;
	*at = r;
}

void
watch_remove(struct watcher *r)
{
	if (r->at == NULL)
		return;
	*r->at = r->next;
	if (r->next != NULL)
		r->next->at = r->at;
	r->at = NULL;
	r->next = NULL;
}

void
watch_wake(struct watch *w, const struct sha256 *card)
{
	struct watcher *r;

	for (r = w->buckets[card->b[0] % WATCH_BUCKETS]; r != NULL;
	    r = r->next)
		if (sha256_equal(&r->card, card))
			r->wake(r->ctx);
}
