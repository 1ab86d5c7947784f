/*
 * merkle.h - the hash tree over a log's records (RFC 6962, section 2.1).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * A leaf is SHA-256(0x00 || record), a node SHA-256(0x01 || left || right); the
 * tree of n records has the largest power of two below n of them on its left.
 * The root of no records is the SHA-256 of nothing.
 *
 * Proving needs hashes of complete subtrees only, wherever they are kept:
 * struct merkle_source. Adding needs at most one of each size: the frontier.
 */
#ifndef COUNTERSIGN_COMMON_MERKLE_H
#define COUNTERSIGN_COMMON_MERKLE_H

#include "common/digest.h"

/* Longest path in a tree of up to 2^63 records. */
#define MERKLE_PROOF_MAX 64

void merkle_leaf(struct bytes record, struct sha256 *ret_hash);
void merkle_node(const struct sha256 *left, const struct sha256 *right,
    struct sha256 *ret_hash);

/* ---- growing ---- */

/*
 * The complete subtrees that a tree of `size` records is made of, largest
 * first: nodes[i] belongs to the i-th highest bit that is set in size.
 */
struct merkle_frontier {
	uint64_t size;
	struct sha256 nodes[64];
};

/* All zeros is the empty one. Adds the hash of the next leaf. */
void merkle_frontier_add(struct merkle_frontier *f, const struct sha256 *leaf);
void merkle_frontier_root(const struct merkle_frontier *f,
    struct sha256 *ret_root);

/* ---- proving ---- */

struct merkle_source {
	/*
	 * The hash of the complete subtree over the leaves
	 * [n << level, (n + 1) << level). Asked only within the size of the
	 * proof. 0, or an error that ends the proof.
	 */
	int (*hash)(void *arg, unsigned level, uint64_t n,
	    struct sha256 *ret_hash);
	void *arg;
};

/* The frontier of the tree of its first `size` leaves. The source's errors. */
MUST_CHECK int merkle_frontier_of(const struct merkle_source *s,
    uint64_t size, struct merkle_frontier *ret_f);
/* The root of the tree of its first `size` leaves. The source's errors. */
MUST_CHECK int merkle_root(const struct merkle_source *s, uint64_t size,
    struct sha256 *ret_root);

/*
 * That leaf `index` is in the tree of `size` (RFC 6962, 2.1.1), and that the
 * tree of `old` records is a beginning of that of `size` (2.1.2): the hashes,
 * into an array of MERKLE_PROOF_MAX, and how many. Empty where index is the
 * only leaf; where old is 0 or size. ERR_RANGE index >= size, old > size, size
 * over 2^63; the source's errors.
 */
MUST_CHECK int merkle_prove_inclusion(const struct merkle_source *s,
    uint64_t index, uint64_t size, struct sha256 *ret_proof, size_t *ret_n);
MUST_CHECK int merkle_prove_consistency(const struct merkle_source *s,
    uint64_t old, uint64_t size, struct sha256 *ret_proof, size_t *ret_n);

/* ---- verifying ---- */

/*
 * Whether the proof shows that the leaf with that hash is number `index` of the
 * tree with that root (RFC 9162, 2.1.3.2). ERR_RANGE index >= size; ERR_SYNTAX
 * the proof has another length than it has to have; ERR_SIGNATURE it leads to
 * another root.
 */
MUST_CHECK int merkle_verify_inclusion(const struct sha256 *leaf,
    uint64_t index, uint64_t size, const struct sha256 *proof, size_t n,
    const struct sha256 *root);

/*
 * Whether the proof shows that the tree (old, old_root) is a beginning of the
 * tree (size, root) (RFC 9162, 2.1.4.2). Everything begins with the empty tree
 * and with itself: then the proof is empty, and the roots are compared where
 * they say the same. ERR_RANGE old > size; ERR_SYNTAX its length is wrong;
 * ERR_SIGNATURE it does not lead to these roots.
 */
MUST_CHECK int merkle_verify_consistency(uint64_t old,
    const struct sha256 *old_root, uint64_t size, const struct sha256 *root,
    const struct sha256 *proof, size_t n);

#endif
