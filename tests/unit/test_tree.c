/*
 * test_tree.c - tests of console/tree.c: the tree over a replicated journal.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "console/store/schema.h"
#include "console/tree.h"
#include "tests/harness/store_fixture.h"
#include "tests/harness/test.h"

#include <sqlite3.h>

static struct sha256
leaf_of(uint64_t n)
{
	struct sha256 h;

	merkle_leaf(bytes_of(&n, sizeof(n)), &h);
	return h;
}

static struct store_device
add_device(struct store *s)
{
	struct store_device d;

	memset(&d, 0, sizeof(d));
	(void)snprintf(d.id, sizeof(d.id), "d-aaaaaaaaaaaaaaaaaaaaaaaaaa");
	(void)snprintf(d.org, sizeof(d.org), "acme");
	CHECK_INT(store_device_add(s, &d), 0);
	return d;
}

/* Grows the tree to that size, in messages of some leaves each. */
static void
grow(struct store *s, struct store_device *d, uint64_t size, uint64_t step)
{
	struct sha256 leaf;
	struct tree t;
	uint64_t i;

	while (d->tree < size) {
		CHECK_INT(tree_open(&t, s, d), 0);
		for (i = 0; i < step && t.size < size; i++) {
			leaf = leaf_of(t.size);
			CHECK_INT(tree_add(&t, &leaf), 0);
		}
		CHECK_INT(tree_flush(&t), 0);
		d->tree = d->next = t.size;
	}
}

/* The root of the first leaves, by the frontier. */
static struct sha256
root_of(uint64_t size)
{
	struct merkle_frontier f;
	struct sha256 h;
	uint64_t i;

	memset(&f, 0, sizeof(f));
	for (i = 0; i < size; i++) {
		h = leaf_of(i);
		merkle_frontier_add(&f, &h);
	}
	merkle_frontier_root(&f, &h);
	return h;
}

TEST(every_size_of_a_small_tree)
{
	static const uint64_t steps[] = { 1, 7, 256, 300 };
	struct store_fixture f;
	struct store_device d;
	struct sha256 got, want;
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		CHECK(store_fixture_open(&f));
		CHECK_INT(store_begin(f.s), 0);
		d = add_device(f.s);
		grow(f.s, &d, 700, steps[i]);
		for (n = 0; n <= 700; n += n < 20 ? 1 : 17) {
			want = root_of(n);
			CHECK_INT(tree_root(f.s, d.n, n, &got), 0);
			CHECK(sha256_equal(&got, &want));
		}
		CHECK_INT(tree_root(f.s, d.n, 701, &got), ERR_RANGE);
		want = leaf_of(699);
		CHECK_INT(tree_leaf(f.s, d.n, 699, &got), 0);
		CHECK(sha256_equal(&got, &want));
		CHECK_INT(tree_leaf(f.s, d.n, 700, &got), ERR_RANGE);
		CHECK_INT(store_commit(f.s), 0);
		store_fixture_close(&f);
	}
}

TEST(three_levels_and_their_proofs)
{
	static const uint64_t sizes[] = { 1, 255, 256, 257, 512, 4097, 65535,
		65536, 65537, 66000 };
	struct sha256 proof[MERKLE_PROOF_MAX], roots[10];
	struct store_fixture f;
	struct store_device d;
	struct sha256 got;
	size_t i, j, n;

	CHECK(store_fixture_open(&f));
	CHECK_INT(store_begin(f.s), 0);
	d = add_device(f.s);
	grow(f.s, &d, 66000, 131);
	for (i = 0; i < 10; i++) {
		roots[i] = root_of(sizes[i]);
		CHECK_INT(tree_root(f.s, d.n, sizes[i], &got), 0);
		CHECK_MSG(sha256_equal(&got, &roots[i]), "size %llu",
		    (unsigned long long)sizes[i]);
		for (j = 0; j <= i; j++) {
			CHECK_INT(tree_prove(f.s, d.n, sizes[j], sizes[i],
			    proof, &n), 0);
			CHECK_INT(merkle_verify_consistency(sizes[j],
			    &roots[j], sizes[i], &roots[i], proof, n), 0);
		}
	}
	CHECK_INT(store_commit(f.s), 0);
	store_fixture_close(&f);
}

TEST(an_edge_that_is_gone_is_said)
{
	struct store_fixture f;
	struct store_device d;
	struct tree t;

	CHECK(store_fixture_open(&f));
	d = add_device(f.s);
	grow(f.s, &d, 10, 10);
	CHECK_INT(store_tile_set(f.s, d.n, 0, 0, bytes_of(&d, 32)), 0);
	CHECK_INT(tree_open(&t, f.s, &d), ERR_CORRUPT);
	d.tree = d.next = 300;
	CHECK_INT(tree_open(&t, f.s, &d), ERR_CORRUPT);
	store_fixture_close(&f);
}

/* A database of the first version: what it lacks is made of what it has. */
TEST(an_old_database_is_brought_up)
{
	static const char rows[] =
	    "INSERT INTO device(n, id, org, key, version, system, arch, "
	    "split, enrolled, seen, next, bytes, alarm, lockdown, note_size, "
	    "note) VALUES(1, 'd-aaaaaaaaaaaaaaaaaaaaaaaaaa', 'acme', x'01', "
	    "'', '', '', 0, 0, 5, 300, 0, 'look at it', 0, 9, 'note');"
	    "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c "
	    "WHERE i < 299) INSERT INTO record(key, payload) "
	    "SELECT (1 << 40) + i, CAST('r' || i AS BLOB) FROM c;";
	struct merkle_frontier want;
	struct store_fixture f;
	struct store_device d;
	struct sha256 h, got;
	char text[16];
	struct tree t;
	sqlite3 *db;
	int i;

	CHECK(store_fixture_open(&f));
	store_close(f.s);
	CHECK_INT(unlink(f.path), 0);
	CHECK_INT(sqlite3_open(f.path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, schema_steps[0], NULL, NULL, NULL),
	    SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_close(db), SQLITE_OK);
	CHECK_INT(store_open(f.path, &f.s), 0);
	CHECK_INT(store_device_find_n(f.s, 1, &d), 0);
	CHECK_INT(d.tree, 0);
	CHECK_INT(d.next, 300);
	/* A checkpoint of which no root was kept is not held against it. */
	CHECK_INT(d.note_checked, 9);
	CHECK_INT(tree_open(&t, f.s, &d), 0);
	CHECK_INT(d.tree, 300);
	memset(&want, 0, sizeof(want));
	for (i = 0; i < 300; i++) {
		(void)snprintf(text, sizeof(text), "r%d", i);
		merkle_leaf(bytes_str(text), &h);
		merkle_frontier_add(&want, &h);
	}
	merkle_frontier_root(&want, &h);
	CHECK_INT(tree_root(f.s, d.n, 300, &got), 0);
	CHECK(sha256_equal(&got, &h));
	store_fixture_close(&f);
}

TEST_MAIN()
