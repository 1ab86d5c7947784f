/*
 * watch.h - who wants to know what is new of a card, or of the fleet.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * A watcher is told that there is something new and looks at the store and
 * the output file itself, from where it stands: nothing is buffered for it.
 */
#ifndef COUNTERSIGN_CONSOLE_WATCH_H
#define COUNTERSIGN_CONSOLE_WATCH_H

#include "common/digest.h"

#define WATCH_BUCKETS 256

struct watcher {
	struct sha256 card;
	void (*wake)(void *ctx);
	void *ctx;
	struct watcher *next, **at;
};

/* All zero is empty. */
struct watch {
	struct watcher *buckets[WATCH_BUCKETS];
};

/* In the place of a card: something about the fleet, an alarm. */
extern const struct sha256 watch_fleet;

/* card, wake and ctx are set. The watcher's memory stays the caller's. */
void watch_add(struct watch *w, struct watcher *r);
/* Idempotent; fine on a watcher that is all zero. */
void watch_remove(struct watcher *r);
/* Calls every watcher of the card. A wake function adds and removes none. */
void watch_wake(struct watch *w, const struct sha256 *card);

#endif
