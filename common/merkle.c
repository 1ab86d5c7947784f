/*
 * merkle.c - the hash tree over a log's records (RFC 6962, section 2.1).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/merkle.h"

#include <string.h>

#define SIZE_MAX_LEAVES (UINT64_C(1) << 63)

void
merkle_leaf(struct bytes record, struct sha256 *ret_hash)
{
	static const uint8_t mark[1] = { 0 };
	struct digest_ctx c;

	digest_ctx_init(&c);
	digest_ctx_update(&c, bytes_of(mark, sizeof(mark)));
	digest_ctx_update(&c, record);
	digest_ctx_final(&c, ret_hash);
}

void
merkle_node(const struct sha256 *left, const struct sha256 *right,
    struct sha256 *ret_hash)
{
	uint8_t b[1 + 2 * SHA256_SIZE] = { 1 };

	memcpy(b + 1, left->b, SHA256_SIZE);
	memcpy(b + 1 + SHA256_SIZE, right->b, SHA256_SIZE);
	digest_sha256(bytes_of(b, sizeof(b)), ret_hash);
}

static unsigned
count_bits(uint64_t v)
{
	unsigned n = 0;

	for (; v != 0; v &= v - 1)
		n++;
	return n;
}

static unsigned
trailing_ones(uint64_t v)
{
	unsigned n = 0;

	for (; (v & 1) != 0; v >>= 1)
		n++;
	return n;
}

/* The largest power of two below n; n is at least 2. */
static uint64_t
split(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k <<= 1;
	return k;
}

/* ---- growing ---- */

void
merkle_frontier_add(struct merkle_frontier *f, const struct sha256 *leaf)
{
	unsigned n = count_bits(f->size), merged = trailing_ones(f->size);
	struct sha256 hash = *leaf;

	/* Each one bit at the end is a subtree that is complete now. */
	while (merged-- > 0)
		merkle_node(&f->nodes[--n], &hash, &hash);
	f->nodes[n] = hash;
	f->size++;
}

void
merkle_frontier_root(const struct merkle_frontier *f, struct sha256 *ret_root)
{
	unsigned n = count_bits(f->size);
	struct sha256 hash;

	if (n == 0) {
		digest_sha256(bytes_of(NULL, 0), ret_root);
		return;
	}
	hash = f->nodes[--n];
	while (n-- > 0)
		merkle_node(&f->nodes[n], &hash, &hash);
	*ret_root = hash;
}

/* ---- proving ---- */

int
merkle_frontier_of(const struct merkle_source *s, uint64_t size,
    struct merkle_frontier *ret_f)
{
	struct merkle_frontier f = { .size = size };
	uint64_t from = 0;
	unsigned level, n = 0;
	int err;

	for (level = 64; level-- > 0;)
		if ((size >> level & 1) != 0) {
			err = s->hash(s->arg, level, from >> level,
			    &f.nodes[n++]);
			if (err != 0)
				return err;
			from += UINT64_C(1) << level;
		}
	*ret_f = f;
	return 0;
}

int
merkle_root(const struct merkle_source *s, uint64_t size,
    struct sha256 *ret_root)
{
	struct merkle_frontier f;
	int err = merkle_frontier_of(s, size, &f);

	if (err == 0)
		merkle_frontier_root(&f, ret_root);
	return err;
}

/*
 * The hash of the tree over the leaves from..from+n, n at least 1. from is a
 * multiple of the power of two that holds n, as it is wherever RFC 6962 cuts.
 */
static int
hash_of_range(const struct merkle_source *s, uint64_t from, uint64_t n,
    struct sha256 *ret_hash)
{
	struct sha256 hash[64], last;
	unsigned level, count = 0;
	int err;

	for (level = 64; level-- > 0;)
		if ((n >> level & 1) != 0) {
			err = s->hash(s->arg, level, from >> level,
			    &hash[count++]);
			if (err != 0)
				return err;
			from += UINT64_C(1) << level;
		}
	last = hash[--count];
	while (count-- > 0)
		merkle_node(&hash[count], &last, &last);
	*ret_hash = last;
	return 0;
}

/* Adds the hash of a range to a proof. */
static int
add_range(const struct merkle_source *s, uint64_t from, uint64_t n,
    struct sha256 *proof, size_t *count)
{
	int err = hash_of_range(s, from, n, &proof[*count]);

	if (err == 0)
		(*count)++;
	return err;
}

/* From the root down is found, from the leaf up is wanted. */
static void
reverse(struct sha256 *proof, size_t n)
{
	struct sha256 kept;
	size_t i;

	for (i = 0; i < n / 2; i++) {
		kept = proof[i];
		proof[i] = proof[n - 1 - i];
		proof[n - 1 - i] = kept;
	}
}

int
merkle_prove_inclusion(const struct merkle_source *s, uint64_t index,
    uint64_t size, struct sha256 *ret_proof, size_t *ret_n)
{
	struct sha256 proof[MERKLE_PROOF_MAX];
	uint64_t from = 0, n = size, k;
	size_t count = 0;
	int err = 0;

	if (index >= size || size > SIZE_MAX_LEAVES)
		return ERR_RANGE;
	while (n > 1 && err == 0) {
		k = split(n);
		if (index - from < k) {
			err = add_range(s, from + k, n - k, proof, &count);
			n = k;
		} else {
			err = add_range(s, from, k, proof, &count);
			from += k;
			n -= k;
		}
	}
	if (err != 0)
		return err;
	reverse(proof, count);
	memcpy(ret_proof, proof, count * sizeof(proof[0]));
	*ret_n = count;
	return 0;
}

int
merkle_prove_consistency(const struct merkle_source *s, uint64_t old,
    uint64_t size, struct sha256 *ret_proof, size_t *ret_n)
{
	struct sha256 proof[MERKLE_PROOF_MAX + 1];
	uint64_t from = 0, n = size, left = old, k;
	size_t count = 0;
	bool is_whole = true;	/* the old tree is this subtree so far */
	int err = 0;

	if (old > size || size > SIZE_MAX_LEAVES)
		return ERR_RANGE;
	if (old == 0 || old == size) {
		*ret_n = 0;
		return 0;
	}
	while (left < n && err == 0) {
		k = split(n);
		if (left <= k) {
			err = add_range(s, from + k, n - k, proof, &count);
			n = k;
		} else {
			err = add_range(s, from, k, proof, &count);
			from += k;
			n -= k;
			left -= k;
			is_whole = false;
		}
	}
	if (err == 0 && !is_whole)
		err = add_range(s, from, n, proof, &count);
	if (err != 0)
		return err;
	reverse(proof, count);
	memcpy(ret_proof, proof, count * sizeof(proof[0]));
	*ret_n = count;
	return 0;
}

/* ---- verifying ---- */

int
merkle_verify_inclusion(const struct sha256 *leaf, uint64_t index,
    uint64_t size, const struct sha256 *proof, size_t n,
    const struct sha256 *root)
{
	struct sha256 hash = *leaf;
	uint64_t at = index, last = size - 1;
	size_t i;

	if (index >= size)
		return ERR_RANGE;
	for (i = 0; i < n; i++) {
		if (last == 0)
			return ERR_SYNTAX;
		if ((at & 1) != 0 || at == last) {
			merkle_node(&proof[i], &hash, &hash);
			while ((at & 1) == 0 && at != 0) {
				at >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&hash, &proof[i], &hash);
		}
		at >>= 1;
		last >>= 1;
	}
	if (last != 0)
		return ERR_SYNTAX;
	return sha256_equal(&hash, root) ? 0 : ERR_SIGNATURE;
}

/* The part with a path: 0 < old < size. */
static int
follow(uint64_t old, const struct sha256 *old_root, uint64_t size,
    const struct sha256 *root, const struct sha256 *proof, size_t n)
{
	uint64_t at = old - 1, last = size - 1;
	struct sha256 a, b;
	size_t i = 0;

	for (; (at & 1) != 0; at >>= 1)
		last >>= 1;
	/* A complete old tree stands for itself at the path's beginning. */
	if (at == 0)
		a = *old_root;
	else if (n > 0)
		a = proof[i++];
	else
		return ERR_SYNTAX;
	b = a;
	for (; i < n; i++) {
		if (last == 0)
			return ERR_SYNTAX;
		if ((at & 1) != 0 || at == last) {
			merkle_node(&proof[i], &a, &a);
			merkle_node(&proof[i], &b, &b);
			while ((at & 1) == 0 && at != 0) {
				at >>= 1;
				last >>= 1;
			}
		} else {
			merkle_node(&b, &proof[i], &b);
		}
		at >>= 1;
		last >>= 1;
	}
	if (last != 0)
		return ERR_SYNTAX;
	return sha256_equal(&a, old_root) && sha256_equal(&b, root) ? 0 :
	    ERR_SIGNATURE;
}

int
merkle_verify_consistency(uint64_t old, const struct sha256 *old_root,
    uint64_t size, const struct sha256 *root, const struct sha256 *proof,
    size_t n)
{
	struct sha256 empty;

	if (old > size)
		return ERR_RANGE;
	if (old != 0 && old != size)
		return follow(old, old_root, size, root, proof, n);
	if (n != 0)
		return ERR_SYNTAX;
	if (old == size)
		return sha256_equal(old_root, root) ? 0 : ERR_SIGNATURE;
	digest_sha256(bytes_of(NULL, 0), &empty);
	return sha256_equal(old_root, &empty) ? 0 : ERR_SIGNATURE;
}
