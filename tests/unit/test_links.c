/*
 * test_links.c - tests of console/links.c and console/watch.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "console/links.h"
#include "console/watch.h"
#include "tests/harness/test.h"

#define MANY 500

struct peer {
	struct link_entry e;
	int poked, trust, replaced;
};

static void
poke(void *ctx, enum link_news news)
{
	struct peer *p = ctx;

	p->poked++;
	p->trust += news == LINK_NEWS_TRUST;
}

static void
replace(void *ctx)
{
	((struct peer *)ctx)->replaced++;
}

static void
name_peer(struct peer *p, int n)
{
	memset(p, 0, sizeof(*p));
	(void)snprintf(p->e.device, sizeof(p->e.device), "d-%026d", n);
	p->e.poke = poke;
	p->e.replace = replace;
	p->e.ctx = p;
}

TEST(many_devices)
{
	static struct peer peers[MANY];
	struct links l;
	size_t at;
	int i;

	CHECK_INT(links_init(&l), 0);
	for (i = 0; i < MANY; i++) {
		name_peer(&peers[i], i);
		links_add(&l, &peers[i].e);
	}
	CHECK_INT(l.n, MANY);
	for (i = 0; i < MANY; i++)
		CHECK(links_find(&l, peers[i].e.device) == &peers[i].e);
	CHECK(links_find(&l, "d-nobody") == NULL);
	links_poke(&l, peers[7].e.device, LINK_NEWS_OUT);
	links_poke(&l, "d-nobody", LINK_NEWS_OUT);
	for (at = 0; at < l.n_buckets;)
		at = links_poke_some(&l, at, 7, LINK_NEWS_TRUST);
	for (i = 0; i < MANY; i++) {
		CHECK_INT(peers[i].poked, i == 7 ? 2 : 1);
		CHECK_INT(peers[i].trust, 1);
	}
	for (i = 0; i < MANY; i += 2)
		links_remove(&l, &peers[i].e);
	links_remove(&l, &peers[0].e);
	CHECK_INT(l.n, MANY / 2);
	for (i = 0; i < MANY; i++)
		CHECK((links_find(&l, peers[i].e.device) != NULL) ==
		    (i % 2 == 1));
	links_fini(&l);
}

/* The buckets double while they are gone through. */
TEST(who_was_there_is_poked_whoever_comes)
{
	static struct peer peers[MANY];
	struct links l;
	size_t at;
	int i;

	CHECK_INT(links_init(&l), 0);
	for (i = 0; i < 60; i++) {
		name_peer(&peers[i], i);
		links_add(&l, &peers[i].e);
	}
	at = links_poke_some(&l, 0, 20, LINK_NEWS_TRUST);
	for (; i < MANY; i++) {
		name_peer(&peers[i], i);
		links_add(&l, &peers[i].e);
	}
	while (at < l.n_buckets)
		at = links_poke_some(&l, at, 20, LINK_NEWS_TRUST);
	for (i = 0; i < 60; i++)
		CHECK(peers[i].trust >= 1);
	links_fini(&l);
}

TEST(the_second_one_takes_over)
{
	struct peer a, b;
	struct links l;

	CHECK_INT(links_init(&l), 0);
	name_peer(&a, 1);
	name_peer(&b, 1);
	links_add(&l, &a.e);
	links_add(&l, &b.e);
	CHECK_INT(a.replaced, 1);
	CHECK_INT(b.replaced, 0);
	CHECK_INT(l.n, 1);
	CHECK(links_find(&l, a.e.device) == &b.e);
	/* The first one's end must not take the second one out. */
	links_remove(&l, &a.e);
	CHECK(links_find(&l, a.e.device) == &b.e);
	links_remove(&l, &b.e);
	links_fini(&l);
}

TEST(without_memory_chains_grow)
{
	static struct peer peers[MANY];
	struct links l;
	int i;

	OOM_LOOP {
		if (links_init(&l) != 0) {
			CHECK(OOM_FIRED());
			continue;
		}
		for (i = 0; i < MANY; i++) {
			name_peer(&peers[i], i);
			links_add(&l, &peers[i].e);
		}
		for (i = 0; i < MANY; i++)
			CHECK(links_find(&l, peers[i].e.device) != NULL);
		links_fini(&l);
	}
}

static void
wake(void *ctx)
{
	(*(int *)ctx)++;
}

TEST(watchers_are_woken_for_their_card)
{
	static struct watch w;
	struct watcher r[4];
	int woken[4] = { 0 };
	struct sha256 a = { { 1 } }, b = { { 1, 2 } };
	size_t i;

	memset(r, 0, sizeof(r));
	for (i = 0; i < 4; i++) {
		r[i].card = i < 2 ? a : b;
		r[i].wake = wake;
		r[i].ctx = &woken[i];
		watch_remove(&r[i]);
		watch_add(&w, &r[i]);
	}
	watch_wake(&w, &a);
	CHECK(woken[0] == 1 && woken[1] == 1 && woken[2] == 0);
	watch_remove(&r[1]);
	watch_remove(&r[1]);
	watch_remove(&r[3]);
	watch_wake(&w, &a);
	watch_wake(&w, &b);
	CHECK(woken[0] == 2 && woken[1] == 1 && woken[2] == 1 &&
	    woken[3] == 0);
	watch_remove(&r[0]);
	watch_remove(&r[2]);
	watch_wake(&w, &a);
	CHECK_INT(woken[0], 2);
}

TEST_MAIN()
