/*
 * tree.h - our own Merkle tree over each device's replicated records.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * RFC 6962's tree, kept as the tiles of C2SP tlog-tiles in the store: a tile
 * has up to 256 hashes of its level, and each level is 8 of the tree's. It
 * grows in the transaction that adds the records, so that there is never one
 * without the other. Of a tree in the making only the edge of its lowest level
 * is in memory, for as long as a message is taken in.
 */
#ifndef COUNTERSIGN_CONSOLE_TREE_H
#define COUNTERSIGN_CONSOLE_TREE_H

#include "common/merkle.h"
#include "console/store/trees.h"

#define TREE_WIDTH 256u				/* hashes in a full tile */
#define TREE_TILE (TREE_WIDTH * SHA256_SIZE)	/* its bytes */

/* ---- growing ---- */

struct tree {
	struct store *store;
	int64_t device;
	uint64_t size;		/* leaves */
	uint8_t edge[TREE_TILE];	/* of the lowest level: size % 256 */
	bool dirty;
};

/*
 * Opens the tree of a device where it ends. One that is behind the records (a
 * database of an older version) is brought up to them first. ERR_CORRUPT if
 * its edge is not there; the store's errors.
 */
MUST_CHECK int tree_open(struct tree *t, struct store *s,
    struct store_device *d);
/* Adds the next leaf (merkle_leaf()). The store's errors. */
MUST_CHECK int tree_add(struct tree *t, const struct sha256 *leaf);
/* Writes the edge; the tree may be added to after that. The store's errors. */
MUST_CHECK int tree_flush(struct tree *t);

/* ---- asking ---- */

/* All of these: ERR_RANGE beyond the tree's tiles; the store's errors. */

/* The hash of one leaf. */
MUST_CHECK int tree_leaf(struct store *s, int64_t device, uint64_t index,
    struct sha256 *ret_leaf);
/* The root of the first `size` records, of which we have all. */
MUST_CHECK int tree_root(struct store *s, int64_t device, uint64_t size,
    struct sha256 *ret_root);
/*
 * That the tree of `size` begins with the one of `old` (0 < old <= size):
 * *ret_n hashes, at most MERKLE_PROOF_MAX.
 */
MUST_CHECK int tree_prove(struct store *s, int64_t device, uint64_t old,
    uint64_t size, struct sha256 ret_proof[MERKLE_PROOF_MAX], size_t *ret_n);

#endif
