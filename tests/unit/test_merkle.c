/*
 * test_merkle.c - the hash tree over a log's records.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Every proof of every size to SIZES is made and verified, against roots that
 * are computed the way RFC 6962 writes them down, recursively.
 */
#include "common/merkletree.h"
#include "tests/harness/test.h"

#define SIZES 300
#define FLIPPED 40		/* sizes whose proofs get every bit flipped */

static struct sha256 leaf[SIZES], root[SIZES + 1];
static struct merkletree tree;

/* MTH of RFC 6962, section 2.1. */
static struct sha256
mth(size_t from, size_t n)
{
	struct sha256 left, right, h;
	size_t k = 1;

	if (n == 0) {
		digest_sha256(bytes_of(NULL, 0), &h);
		return h;
	}
	if (n == 1)
		return leaf[from];
	while (2 * k < n)
		k *= 2;
	left = mth(from, k);
	right = mth(from + k, n - k);
	merkle_node(&left, &right, &h);
	return h;
}

static void
plant(void)
{
	uint8_t record[2];
	size_t i;

	CHECK_INT(digest_init(), 0);
	for (i = 0; i < SIZES; i++) {
		record[0] = (uint8_t)i;
		record[1] = (uint8_t)(i >> 8);
		merkle_leaf(bytes_of(record, i % 3), &leaf[i]);
		leaf[i].b[0] = (uint8_t)i;
		leaf[i].b[1] = (uint8_t)(i >> 8);
		CHECK_INT(merkletree_add(&tree, &leaf[i]), 0);
	}
	for (i = 0; i <= SIZES; i++)
		root[i] = mth(0, i);
}

TEST(known_hashes)
{
	/* RFC 6962: the empty tree; 0x00; 0x01 and two hashes. */
	static const char *const want[] = {
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	};
	struct merkle_frontier f = { .size = 0 };
	struct sha256 h, node;
	uint8_t b[65] = { 1 };
	char hex[65];

	CHECK_INT(digest_init(), 0);
	merkle_frontier_root(&f, &h);
	hex_encode(bytes_of(h.b, 32), hex);
	CHECK_STR(hex, want[0]);
	merkle_leaf(bytes_of(NULL, 0), &h);
	hex_encode(bytes_of(h.b, 32), hex);
	CHECK_STR(hex, want[1]);
	memcpy(b + 1, h.b, 32);
	memcpy(b + 33, h.b, 32);
	merkle_node(&h, &h, &node);
	digest_sha256(bytes_of(b, sizeof(b)), &h);
	CHECK(sha256_equal(&h, &node));
}

TEST(roots)
{
	struct merkle_frontier f = { .size = 0 }, g;
	struct merkle_source s = merkletree_source(&tree);
	struct sha256 h;
	size_t i;

	plant();
	for (i = 0; i <= SIZES; i++) {
		CHECK_INT((intmax_t)f.size, (intmax_t)i);
		merkle_frontier_root(&f, &h);
		CHECK(sha256_equal(&h, &root[i]));
		CHECK_INT(merkle_root(&s, i, &h), 0);
		CHECK(sha256_equal(&h, &root[i]));
		/* A frontier from elsewhere grows like one's own. */
		CHECK_INT(merkle_frontier_of(&s, i, &g), 0);
		if (i == SIZES)
			break;
		merkle_frontier_add(&f, &leaf[i]);
		merkle_frontier_add(&g, &leaf[i]);
		merkle_frontier_root(&g, &h);
		CHECK(sha256_equal(&h, &root[i + 1]));
	}
	merkletree_fini(&tree);
	merkletree_fini(&tree);
}

/* Each of these is refused: the proof and all that it speaks of, changed. */
static void
refuse_inclusion(size_t i, size_t n, struct sha256 *proof, size_t count)
{
	struct sha256 bad = leaf[i];
	size_t k, bit;

	bad.b[5] ^= 1;
	CHECK_INT(merkle_verify_inclusion(&bad, i, n, proof, count, &root[n]),
	    ERR_SIGNATURE);
	bad = root[n];
	bad.b[31] ^= 0x80;
	CHECK_INT(merkle_verify_inclusion(&leaf[i], i, n, proof, count, &bad),
	    ERR_SIGNATURE);
	CHECK(merkle_verify_inclusion(&leaf[i], i, n, proof, count + 1,
	    &root[n]) == ERR_SYNTAX);
	if (count > 0)
		CHECK_INT(merkle_verify_inclusion(&leaf[i], i, n, proof,
		    count - 1, &root[n]), ERR_SYNTAX);
	for (k = 0; k < n && n <= FLIPPED; k++)
		if (k != i)
			CHECK(merkle_verify_inclusion(&leaf[i], k, n, proof,
			    count, &root[n]) != 0);
	for (k = 0; k < count && n <= FLIPPED; k++)
		for (bit = 0; bit < 256; bit++) {
			proof[k].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
			CHECK_INT(merkle_verify_inclusion(&leaf[i], i, n,
			    proof, count, &root[n]), ERR_SIGNATURE);
			proof[k].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
}

TEST(inclusion)
{
	struct sha256 proof[MERKLE_PROOF_MAX + 1] = { { { 0 } } };
	struct merkle_source s = merkletree_source(&tree);
	size_t i, n, count;

	plant();
	for (n = 1; n <= SIZES; n++)
		for (i = 0; i < n; i++) {
			CHECK_INT(merkle_prove_inclusion(&s, i, n, proof,
			    &count), 0);
			CHECK_INT(merkle_verify_inclusion(&leaf[i], i, n,
			    proof, count, &root[n]), 0);
			refuse_inclusion(i, n, proof, count);
		}
	CHECK_INT(merkle_prove_inclusion(&s, 7, 7, proof, &count), ERR_RANGE);
	CHECK_INT(merkle_prove_inclusion(&s, 0, 0, proof, &count), ERR_RANGE);
	CHECK_INT(merkle_prove_inclusion(&s, 0, (UINT64_C(1) << 63) + 1,
	    proof, &count), ERR_RANGE);
	CHECK_INT(merkle_verify_inclusion(&leaf[0], 0, 0, proof, 0, &root[0]),
	    ERR_RANGE);
	/* The source has no more. */
	CHECK_INT(merkle_prove_inclusion(&s, 0, 2 * SIZES, proof, &count),
	    ERR_RANGE);
	CHECK_INT(merkle_prove_inclusion(&s, SIZES, 2 * SIZES, proof, &count),
	    ERR_RANGE);
	merkletree_fini(&tree);
}

static void
refuse_consistency(size_t m, size_t n, struct sha256 *proof, size_t count)
{
	struct sha256 bad = root[m];
	size_t k, bit;

	if (m > 0) {
		bad.b[0] ^= 1;
		CHECK_INT(merkle_verify_consistency(m, &bad, n, &root[n],
		    proof, count), ERR_SIGNATURE);
		bad = root[n];
		bad.b[0] ^= 1;
		CHECK_INT(merkle_verify_consistency(m, &root[m], n, &bad,
		    proof, count), ERR_SIGNATURE);
	}
	CHECK_INT(merkle_verify_consistency(m, &root[m], n, &root[n], proof,
	    count + 1), ERR_SYNTAX);
	if (count > 0)
		CHECK_INT(merkle_verify_consistency(m, &root[m], n, &root[n],
		    proof, count - 1), ERR_SYNTAX);
	for (k = 0; k < count && n <= FLIPPED; k++)
		for (bit = 0; bit < 256; bit++) {
			proof[k].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
			CHECK_INT(merkle_verify_consistency(m, &root[m], n,
			    &root[n], proof, count), ERR_SIGNATURE);
			proof[k].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
}

TEST(consistency)
{
	struct sha256 proof[MERKLE_PROOF_MAX + 1] = { { { 0 } } };
	struct merkle_source s = merkletree_source(&tree);
	size_t m, n, count;

	plant();
	for (n = 0; n <= SIZES; n++)
		for (m = 0; m <= n; m++) {
			CHECK_INT(merkle_prove_consistency(&s, m, n, proof,
			    &count), 0);
			CHECK_INT(merkle_verify_consistency(m, &root[m], n,
			    &root[n], proof, count), 0);
			refuse_consistency(m, n, proof, count);
		}
	/* What the empty tree is said to be is looked at, too. */
	CHECK_INT(merkle_verify_consistency(0, &root[1], 5, &root[5], proof,
	    0), ERR_SIGNATURE);
	CHECK_INT(merkle_verify_consistency(5, &root[5], 5, &root[4], proof,
	    0), ERR_SIGNATURE);
	CHECK_INT(merkle_verify_consistency(6, &root[6], 5, &root[5], proof,
	    0), ERR_RANGE);
	CHECK_INT(merkle_prove_consistency(&s, 6, 5, proof, &count),
	    ERR_RANGE);
	CHECK_INT(merkle_prove_consistency(&s, 1, (UINT64_C(1) << 63) + 1,
	    proof, &count), ERR_RANGE);
	CHECK_INT(merkle_prove_consistency(&s, SIZES, SIZES + 1, proof,
	    &count), ERR_RANGE);
	CHECK_INT(merkle_prove_consistency(&s, SIZES - 3, 2 * SIZES, proof,
	    &count), ERR_RANGE);
	CHECK_INT(merkle_root(&s, SIZES + 1, proof), ERR_RANGE);
	merkletree_fini(&tree);
}

/* A log as large as logs can be: all leaves the same. */
static int
same(void *arg, unsigned level, uint64_t n, struct sha256 *ret_hash)
{
	(void)arg;
	(void)n;
	*ret_hash = leaf[0];
	while (level-- > 0)
		merkle_node(ret_hash, ret_hash, ret_hash);
	return 0;
}

TEST(the_largest_log)
{
	const uint64_t size[] = { UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1,
	    (UINT64_C(1) << 62) + 1 };
	const uint64_t old[] = { 1, UINT64_C(1) << 62, (UINT64_C(1) << 61) + 1,
	    UINT64_C(0x3fffffffffffffff) };
	struct sha256 proof[MERKLE_PROOF_MAX], a, b;
	struct merkle_source s = { same, NULL };
	size_t i, k, count;

	CHECK_INT(digest_init(), 0);
	memset(&leaf[0], 7, sizeof(leaf[0]));
	for (i = 0; i < 3; i++) {
		CHECK_INT(merkle_root(&s, size[i], &a), 0);
		for (k = 0; k < 4; k++) {
			CHECK_INT(merkle_prove_consistency(&s, old[k],
			    size[i], proof, &count), 0);
			CHECK_INT(merkle_root(&s, old[k], &b), 0);
			CHECK_INT(merkle_verify_consistency(old[k], &b,
			    size[i], &a, proof, count), 0);
			CHECK_INT(merkle_prove_inclusion(&s, old[k], size[i],
			    proof, &count), 0);
			CHECK_INT(merkle_verify_inclusion(&leaf[0], old[k],
			    size[i], proof, count, &a), 0);
		}
	}
}

TEST(a_tree_without_memory)
{
	OOM_LOOP {
		struct merkletree t = { .size = 0 };
		struct sha256 l = { { 1 } };
		int i, err = 0;

		for (i = 0; i < 40 && err == 0; i++)
			err = merkletree_add(&t, &l);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		merkletree_fini(&t);
	}
}

TEST_MAIN()
