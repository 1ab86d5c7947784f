/*
 * links.h - which devices are connected, by their id.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#ifndef COUNTERSIGN_CONSOLE_LINKS_H
#define COUNTERSIGN_CONSOLE_LINKS_H

#include "common/bytes.h"
#include "common/deviceid.h"

#include <stddef.h>

/* What there is to look for. */
enum link_news {
	LINK_NEWS_OUT,		/* cards, approvals, cancels, withdrawals */
	LINK_NEWS_TRUST,	/* trust files too */
	LINK_NEWS_ALARM		/* alarm and checkpoint of the device */
};

/*
 * A proven connection, as the rest of the console sees it. What the functions
 * do is the session's business.
 */
struct link_entry {
	char device[DEVICEID_SIZE];
	/* Something new waits for it in the store: send it now. */
	void (*poke)(void *ctx, enum link_news news);
	/* A witness cosigned its newest checkpoint: the lines. */
	void (*cosigned)(void *ctx, struct bytes lines);
	/* Another connection proved to be this device: this one has to go. */
	void (*replace)(void *ctx);
	void *ctx;
	struct link_entry *next, **at;
};

struct links {
	struct link_entry **buckets;
	size_t n_buckets;	/* a power of 2 */
	size_t n;
};

/* Room for many: grows as needed. ERR_NOMEM. */
MUST_CHECK int links_init(struct links *l);
void links_fini(struct links *l);
/* Replaces (and tells) one with the same device. */
void links_add(struct links *l, struct link_entry *e);
/* Idempotent. */
void links_remove(struct links *l, struct link_entry *e);
/* The entry of that device, or NULL. */
struct link_entry *links_find(const struct links *l, const char *device);
/* Hands on a witness's lines to that device if it is connected. */
void links_cosigned(struct links *l, const char *device, struct bytes lines);
/* Pokes that device if it is connected. */
void links_poke(struct links *l, const char *device, enum link_news news);
/*
 * Pokes those in up to n buckets from that one on, and returns the bucket to
 * go on with: l->n_buckets after the last. Whoever was there at the start is
 * poked, though devices come and go in between.
 */
size_t links_poke_some(struct links *l, size_t bucket, size_t n,
    enum link_news news);

#endif
