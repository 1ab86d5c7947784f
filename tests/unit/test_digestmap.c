/*
 * test_digestmap.c - finding things by digest: growth, equal keys, removal.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/digestmap.h"
#include "tests/harness/test.h"

#define MANY 1000

struct thing {
	struct digestmap_node node;
	int number;
};

static struct thing things[MANY];

static void
prepare(struct thing *t, int number)
{
	memset(t, 0, sizeof(*t));
	digest_sha256(bytes_of(&number, sizeof(number)), &t->node.key);
	t->node.owner = t;
	t->number = number;
}

TEST(empty)
{
	struct digestmap m = { 0 };
	struct sha256 key = { { 0 } };
	struct thing t;

	prepare(&t, 1);
	CHECK(digestmap_find(&m, &key) == NULL);
	CHECK(digestmap_next(&m, NULL) == NULL);
	digestmap_remove(&m, &t.node);
	digestmap_free(&m);
}

TEST(many)
{
	struct digestmap m = { 0 };
	const struct digestmap_node *n;
	bool seen[MANY] = { false };
	struct thing *t;
	int i, count = 0;

	for (i = 0; i < MANY; i++) {
		prepare(&things[i], i);
		CHECK_INT(digestmap_add(&m, &things[i].node), 0);
	}
	CHECK_INT(m.n, MANY);
	for (i = 0; i < MANY; i++) {
		t = digestmap_find(&m, &things[i].node.key);
		CHECK(t == &things[i]);
	}
	for (n = digestmap_next(&m, NULL); n != NULL;
	    n = digestmap_next(&m, n), count++) {
		t = n->owner;
		CHECK(!seen[t->number]);
		seen[t->number] = true;
	}
	CHECK_INT(count, MANY);
	for (i = 0; i < MANY; i += 2)
		digestmap_remove(&m, &things[i].node);
	digestmap_remove(&m, &things[0].node);
	CHECK_INT(m.n, MANY / 2);
	for (i = 0; i < MANY; i++) {
		t = digestmap_find(&m, &things[i].node.key);
		CHECK(t == (i % 2 == 0 ? NULL : &things[i]));
	}
	digestmap_free(&m);
	CHECK(digestmap_find(&m, &things[1].node.key) == NULL);
}

/* Of two with one key, the one that came first; then the other. */
TEST(equal_keys)
{
	struct digestmap m = { 0 };
	struct thing a, b;

	prepare(&a, 7);
	prepare(&b, 7);
	CHECK_INT(digestmap_add(&m, &a.node), 0);
	CHECK_INT(digestmap_add(&m, &b.node), 0);
	CHECK(digestmap_find(&m, &a.node.key) == &a);
	digestmap_remove(&m, &a.node);
	CHECK(digestmap_find(&m, &a.node.key) == &b);
	digestmap_free(&m);
}

TEST(no_memory)
{
	struct digestmap m = { 0 };
	struct thing t;
	int err;

	OOM_LOOP {
		prepare(&t, 1);
		err = digestmap_add(&m, &t.node);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK_INT(m.n, err == 0 ? 1 : 0);
		digestmap_free(&m);
	}
}

TEST_MAIN()
