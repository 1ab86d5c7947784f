/*
 * digestmap.h - finding things by a digest, without memory of its own for
 * them: each thing holds its node.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Keys are SHA-256 digests, so their first bytes are the hash. Somebody who
 * grinds digests to fill one chain makes a look-up as slow as a walk through
 * what he got into the map, which the caps bound.
 */
#ifndef COUNTERSIGN_COMMON_DIGESTMAP_H
#define COUNTERSIGN_COMMON_DIGESTMAP_H

#include "common/digest.h"

/* Part of the thing; the caller fills in key and owner. */
struct digestmap_node {
	struct digestmap_node *next;
	struct sha256 key;
	void *owner;
};

/* All zeros is an empty map. */
struct digestmap {
	struct digestmap_node **chains;
	size_t n_chains;	/* a power of two, or 0 */
	size_t n;		/* nodes in it */
};

/* Adds the node; keys may stand in it several times. ERR_NOMEM. */
MUST_CHECK int digestmap_add(struct digestmap *m,
    struct digestmap_node *node);
/* Takes the node out; nothing if it is not in. */
void digestmap_remove(struct digestmap *m, struct digestmap_node *node);
/* The owner of the oldest node with that key, or NULL. */
void *digestmap_find(const struct digestmap *m, const struct sha256 *key);
/*
 * Going through all, in no order: the first node for NULL, NULL after the
 * last. Nothing may be added or removed in between.
 */
struct digestmap_node *digestmap_next(const struct digestmap *m,
    const struct digestmap_node *node);
/* Frees the map's own memory and empties it; the nodes are the caller's. */
void digestmap_free(struct digestmap *m);

#endif
