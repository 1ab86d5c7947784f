/*
 * merkletree.h - the hashes of a log's tree, held in memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 *
 * For who proves over records that were read through once: 64 bytes a record.
 * What an agent has in its tiles is read from there (struct merkle_source).
 */
#ifndef COUNTERSIGN_COMMON_MERKLETREE_H
#define COUNTERSIGN_COMMON_MERKLETREE_H

#include "common/merkle.h"

/* All zeros is the empty tree. */
struct merkletree {
	uint64_t size;
	struct merkletree_row {
		struct sha256 *hash;	/* of the complete subtrees */
		size_t n, room;
	} row[64];
};

/* Frees its memory; the empty tree again. Idempotent. */
void merkletree_fini(struct merkletree *t);
/* Adds the next leaf's hash. ERR_NOMEM, and the tree is as it was. */
MUST_CHECK int merkletree_add(struct merkletree *t,
    const struct sha256 *leaf);
/* To prove with, for any size up to t->size; good until the tree ends. Asked
 * for more it says ERR_RANGE. */
struct merkle_source merkletree_source(struct merkletree *t);

#endif
