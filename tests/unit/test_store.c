/*
 * test_store.c - tests of console/store, whatever database is behind it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "console/store/store.h"
#include "console/turn.h"
#include "tests/harness/store_fixture.h"
#include "tests/harness/test.h"

#include <sys/stat.h>

static struct sha256
hash_of(int n)
{
	struct sha256 h;

	memset(h.b, n, sizeof(h.b));
	h.b[0] = (uint8_t)(n >> 8);
	return h;
}

static struct store_device
add_device(struct store *s, int n, const char *org)
{
	struct store_device d;

	memset(&d, 0, sizeof(d));
	(void)snprintf(d.id, sizeof(d.id), "d-%026d", n);
	(void)snprintf(d.org, sizeof(d.org), "%s", org);
	memset(d.key, n, sizeof(d.key));
	d.enrolled = 1000 + n;
	CHECK_INT(store_device_add(s, &d), 0);
	return d;
}

/* ---- the whole ---- */

TEST(only_the_owner_may_read_it)
{
	struct store_fixture f;
	struct stat st;

	CHECK(store_fixture_open(&f));
	CHECK_INT(stat(f.path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	store_fixture_close(&f);
}

TEST(transactions)
{
	struct store_fixture f;
	struct buf b;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 100);
	CHECK_INT(store_commit(f.s), 0);
	store_rollback(f.s);
	CHECK_INT(store_begin(f.s), 0);
	CHECK_INT(store_begin(f.s), 0);
	CHECK_INT(store_value_set(f.s, "a", bytes_str("one")), 0);
	store_rollback(f.s);
	CHECK_INT(store_value_get(f.s, "a", &b), ERR_NOT_FOUND);
	CHECK_INT(store_begin(f.s), 0);
	CHECK_INT(store_value_set(f.s, "a", bytes_str("one")), 0);
	CHECK_INT(store_value_set(f.s, "a", bytes_str("two")), 0);
	CHECK_INT(store_value_set(f.s, "e", bytes_str("")), 0);
	CHECK_INT(store_commit(f.s), 0);
	CHECK(store_fixture_reopen(&f));
	CHECK_INT(store_value_get(f.s, "a", &b), 0);
	CHECK_MEM(b.p, b.n, "two", 3);
	buf_clear(&b);
	CHECK_INT(store_value_get(f.s, "e", &b), 0);
	CHECK_INT(b.n, 0);
	buf_free(&b);
	store_fixture_close(&f);
}

TEST(another_programs_file_is_left_alone)
{
	struct store_fixture f;
	struct store *s;
	char path[128];
	FILE *file;

	CHECK(store_fixture_open(&f));
	(void)snprintf(path, sizeof(path), "%s/other", f.folder);
	file = fopen(path, "w");
	CHECK(file != NULL);
	(void)fprintf(file, "this is no database, and long enough to be read "
	    "as the header of one, which has a hundred bytes: ....... .......");
	(void)fclose(file);
	CHECK_INT(store_open(path, &s), ERR_CORRUPT);
	CHECK_INT(store_open("/nonexistent/db", &s), ERR_PERMISSION);
	store_fixture_close(&f);
}

TEST(backup)
{
	struct store_fixture f;
	struct store *copy;
	char path[128];
	struct buf b;

	CHECK(store_fixture_open(&f));
	(void)snprintf(path, sizeof(path), "%s/copy", f.folder);
	CHECK_INT(store_value_set(f.s, "a", bytes_str("x")), 0);
	CHECK_INT(store_backup(f.s, path), 0);
	CHECK_INT(store_backup(f.s, path), ERR_EXISTS);
	CHECK_INT(store_backup(f.s, "/nonexistent/x"), ERR_PERMISSION);
	CHECK_INT(store_open(path, &copy), 0);
	buf_init(&b, 10);
	CHECK_INT(store_value_get(copy, "a", &b), 0);
	CHECK_MEM(b.p, b.n, "x", 1);
	buf_free(&b);
	store_close(copy);
	store_fixture_close(&f);
}

/* ---- people and tokens ---- */

static int
count_user(void *ctx, const struct store_user *u)
{
	(*(int *)ctx)++;
	return u->name[0] == '\0' ? ERR_CORRUPT : 0;
}

TEST(users)
{
	struct store_user u, got;
	struct store_fixture f;
	uint8_t seed[32], out[32];
	int n = 0;

	CHECK(store_fixture_open(&f));
	memset(&u, 0, sizeof(u));
	memset(seed, 7, sizeof(seed));
	memcpy(u.name, "ann", 4);
	memcpy(u.role, "admin", 6);
	memcpy(u.token_id, "0123456789abcdef", 17);
	u.token = hash_of(3);
	u.created = 99;
	CHECK_INT(store_user_add(f.s, &u, NULL), 0);
	CHECK_INT(store_user_add(f.s, &u, NULL), ERR_EXISTS);
	CHECK_INT(store_user_find(f.s, "0123456789abcdef", &got), 0);
	CHECK_STR(got.name, "ann");
	CHECK(sha256_equal(&got.token, &u.token));
	CHECK(!got.has_seed);
	CHECK_INT(store_user_find(f.s, "0123456789abcdee", &got),
	    ERR_NOT_FOUND);
	CHECK_INT(store_user_seed(f.s, "ann", out), ERR_NOT_FOUND);
	memcpy(u.name, "bob", 4);
	memcpy(u.token_id, "fedcba9876543210", 17);
	CHECK_INT(store_user_add(f.s, &u, seed), 0);
	CHECK_INT(store_user_seed(f.s, "bob", out), 0);
	CHECK_MEM(out, 32, seed, 32);
	CHECK_INT(store_user_each(f.s, count_user, &n), 0);
	CHECK_INT(n, 2);
	CHECK_INT(store_user_remove(f.s, "ann"), 0);
	CHECK_INT(store_user_remove(f.s, "ann"), ERR_NOT_FOUND);
	store_fixture_close(&f);
}

TEST(tokens_are_used_once)
{
	struct store_token t, got;
	struct store_fixture f;
	uint8_t key[32];

	CHECK(store_fixture_open(&f));
	memset(&t, 0, sizeof(t));
	memset(key, 9, sizeof(key));
	t.secret = hash_of(1);
	memcpy(t.org, "acme", 5);
	t.expires = 50;
	CHECK_INT(store_token_add(f.s, &t), 0);
	CHECK_INT(store_token_add(f.s, &t), ERR_EXISTS);
	CHECK_INT(store_token_find(f.s, &t.secret, &got), 0);
	CHECK(!got.used);
	CHECK_STR(got.org, "acme");
	CHECK_INT(store_token_use(f.s, &t.secret, key), 0);
	CHECK_INT(store_token_use(f.s, &t.secret, key), ERR_NOT_FOUND);
	CHECK_INT(store_token_find(f.s, &t.secret, &got), 0);
	CHECK(got.used);
	CHECK_MEM(got.key, 32, key, 32);
	t.secret = hash_of(2);
	CHECK_INT(store_token_find(f.s, &t.secret, &got), ERR_NOT_FOUND);
	store_fixture_close(&f);
}

/* ---- devices and journals ---- */

static int
collect_device(void *ctx, const struct store_device *d)
{
	buf_printf(ctx, "%c", d->id[27]);
	return 0;
}

TEST(devices)
{
	struct store_device d, got;
	struct store_fixture f;
	struct sha256 root;
	uint64_t size = 0;
	struct buf b;
	int i;

	CHECK(store_fixture_open(&f));
	for (i = 5; i > 0; i--)
		d = add_device(f.s, i, i % 2 == 0 ? "even" : "odd");
	CHECK_INT(store_device_add(f.s, &d), ERR_EXISTS);
	d.next = 7;
	d.seen = 8;
	d.lockdown = true;
	CHECK_INT(store_device_update(f.s, &d), 0);
	CHECK_INT(store_device_set_alarm(f.s, d.n, "look"), 0);
	CHECK_INT(store_device_set_alarm(f.s, 999, "look"), ERR_NOT_FOUND);
	CHECK_INT(store_device_update(f.s, &d), 0);
	CHECK_INT(store_device_find(f.s, d.id, &got), 0);
	CHECK_INT(got.next, 7);
	CHECK_STR(got.alarm, "look");
	CHECK(got.lockdown && got.n == d.n);
	CHECK_INT(store_device_find(f.s, "d-x", &got), ERR_NOT_FOUND);
	got.n = 999;
	CHECK_INT(store_device_update(f.s, &got), ERR_NOT_FOUND);
	buf_init(&b, 100);
	CHECK_INT(store_device_each(f.s, NULL, "", 100, collect_device, &b),
	    0);
	CHECK_MEM(b.p, b.n, "12345", 5);
	buf_clear(&b);
	CHECK_INT(store_device_each(f.s, "odd", "d-00000000000000000000000001",
	    1, collect_device, &b), 0);
	CHECK_MEM(b.p, b.n, "3", 1);
	buf_clear(&b);
	CHECK_INT(store_checkpoint_get(f.s, d.n, &size, &root, &b),
	    ERR_NOT_FOUND);
	root = hash_of(7);
	CHECK_INT(store_checkpoint_set(f.s, d.n, 12, &root,
	    bytes_str("note")), 0);
	root = hash_of(0);
	CHECK_INT(store_checkpoint_get(f.s, d.n, &size, &root, &b), 0);
	CHECK_INT(size, 12);
	CHECK_INT(root.b[1], 7);
	CHECK_MEM(b.p, b.n, "note", 4);
	buf_free(&b);
	store_fixture_close(&f);
}

static int
collect_record(void *ctx, const struct store_record *r)
{
	buf_printf(ctx, "%llu%.*s ", (unsigned long long)r->index,
	    (int)r->payload.n, (const char *)r->payload.p);
	return 0;
}

static void
add_record(struct store *s, int64_t device, uint64_t index, int card,
    const char *payload)
{
	struct store_record r;

	memset(&r, 0, sizeof(r));
	r.index = index;
	r.has_card = card != 0;
	r.card = hash_of(card);
	r.payload = bytes_str(payload);
	CHECK_INT(store_record_add(s, device, &r), 0);
}

/* What a walk gives, as text. */
#define CHECK_WALK(call, want) do {					\
	buf_clear(&b);							\
	CHECK_INT((call), 0);						\
	CHECK_MEM(b.p, b.n, (want), strlen(want));			\
} while (0)

TEST(records)
{
	struct store_device d, e;
	struct store_record r;
	struct store_fixture f;
	struct sha256 one = hash_of(1);
	uint64_t bytes;
	struct buf b;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 4096);
	d = add_device(f.s, 1, "a");
	e = add_device(f.s, 2, "a");
	add_record(f.s, d.n, 0, 0, "g");
	add_record(f.s, d.n, 1, 1, "a");
	add_record(f.s, d.n, 2, 2, "b");
	add_record(f.s, d.n, 3, 1, "cc");
	/* The same card digest at another device is another device's. */
	add_record(f.s, e.n, 0, 1, "x");
	memset(&r, 0, sizeof(r));
	r.index = 3;
	CHECK_INT(store_record_add(f.s, d.n, &r), ERR_EXISTS);
	r.index = UINT64_MAX;
	CHECK_INT(store_record_add(f.s, d.n, &r), ERR_NO_SPACE);
	CHECK_WALK(store_record_each(f.s, d.n, 0, 100, collect_record, &b),
	    "0g 1a 2b 3cc ");
	CHECK_WALK(store_record_each(f.s, d.n, 1, 2, collect_record, &b),
	    "1a 2b ");
	CHECK_WALK(store_record_each(f.s, d.n, 4, 2, collect_record, &b), "");
	CHECK_WALK(store_record_each(f.s, d.n, UINT64_MAX, 2, collect_record,
	    &b), "");
	CHECK_WALK(store_record_each_of_card(f.s, d.n, &one, 0, 100,
	    collect_record, &b), "1a 3cc ");
	CHECK_WALK(store_record_each_of_card(f.s, d.n, &one, 2, 100,
	    collect_record, &b), "3cc ");
	CHECK_WALK(store_record_each_of_card(f.s, e.n, &one, 0, 100,
	    collect_record, &b), "0x ");
	CHECK_INT(store_record_bytes(f.s, d.n, 1, 4, &bytes), 0);
	CHECK_INT(bytes, 4);
	CHECK_INT(store_record_bytes(f.s, d.n, 4, 9, &bytes), 0);
	CHECK_INT(bytes, 0);
	buf_free(&b);
	store_fixture_close(&f);
}

TEST(blobs_belong_to_who_brought_them)
{
	struct store_device d, e;
	struct store_fixture f;
	struct sha256 h, got;
	struct buf b;
	bool fresh;
	int i;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 100);
	d = add_device(f.s, 1, "a");
	e = add_device(f.s, 2, "a");
	for (i = 1; i < 4; i++) {
		h = hash_of(i);
		CHECK_INT(store_blob_add(f.s, d.n, &h, bytes_str("blob"),
		    &fresh), 0);
		CHECK(fresh);
	}
	CHECK_INT(store_blob_add(f.s, d.n, &h, bytes_str("blob"), &fresh), 0);
	CHECK(!fresh);
	CHECK_INT(store_blob_get(f.s, e.n, &h, &b), ERR_NOT_FOUND);
	CHECK_INT(store_blob_add(f.s, e.n, &h, bytes_str("blob"), &fresh), 0);
	CHECK(fresh);
	CHECK_INT(store_blob_get(f.s, e.n, &h, &b), 0);
	CHECK_MEM(b.p, b.n, "blob", 4);
	CHECK_INT(store_blob_next(f.s, d.n, NULL, &got, &b), 0);
	h = hash_of(1);
	CHECK(sha256_equal(&got, &h));
	CHECK_INT(store_blob_next(f.s, d.n, &got, &got, &b), 0);
	CHECK_INT(store_blob_next(f.s, d.n, &got, &got, &b), 0);
	CHECK_INT(store_blob_next(f.s, d.n, &got, &got, &b), ERR_NOT_FOUND);
	buf_free(&b);
	store_fixture_close(&f);
}

/* ---- cards ---- */

static struct store_card
add_card(struct store *s, int n, const char *device, const char *state)
{
	struct store_card c;

	memset(&c, 0, sizeof(c));
	c.digest = hash_of(n);
	(void)snprintf(c.id, sizeof(c.id), "id-%d", n);
	memcpy(c.org, "acme", 5);
	(void)snprintf(c.device, sizeof(c.device), "%s", device);
	memcpy(c.submitted_by, n % 2 == 0 ? "ann" : "bob", 4);
	c.submitted = 100 + n;
	c.expires = 1000 + n;
	(void)snprintf(c.state, sizeof(c.state), "%s", state);
	c.envelope = bytes_str("{}");
	CHECK_INT(store_card_add(s, &c), 0);
	return c;
}

static int
collect_card(void *ctx, const struct store_card *c)
{
	buf_printf(ctx, "%s ", c->id + 3);
	return 0;
}

static int
collect_state(void *ctx, const char *state, int64_t n)
{
	buf_printf(ctx, "%s=%d ", state, (int)n);
	return 0;
}

static int
collect_digest(void *ctx, const struct sha256 *digest)
{
	buf_printf(ctx, "%d ", digest->b[1]);
	return 0;
}

TEST(cards)
{
	struct store_card_filter all, some;
	struct store_card c, got;
	struct store_fixture f;
	struct sha256 digest;
	struct buf b;
	int64_t t;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 4096);
	(void)add_card(f.s, 1, "d-1", "undelivered");
	(void)add_card(f.s, 2, "d-1", "pending");
	(void)add_card(f.s, 3, "d-2", "undelivered");
	c = add_card(f.s, 4, "d-2", "finished");
	CHECK_INT(store_card_add(f.s, &c), ERR_EXISTS);
	CHECK_INT(store_card_find(f.s, &c.digest, &b, &got), 0);
	CHECK_STR(got.id, "id-4");
	CHECK_MEM(got.envelope.p, got.envelope.n, "{}", 2);
	CHECK_INT(store_card_find_id(f.s, "id-4", &digest), 0);
	CHECK(sha256_equal(&digest, &c.digest));
	CHECK_INT(store_card_find_id(f.s, "id-9", &digest), ERR_NOT_FOUND);
	memset(&all, 0, sizeof(all));
	CHECK_WALK(store_card_each(f.s, &all, collect_card, &b), "4 3 2 1 ");
	some = all;
	some.max = 2;
	some.before = 104;
	CHECK_WALK(store_card_each(f.s, &some, collect_card, &b), "3 2 ");
	some = all;
	some.device = "d-1";
	CHECK_WALK(store_card_each(f.s, &some, collect_card, &b), "2 1 ");
	some.state = "pending";
	CHECK_WALK(store_card_each(f.s, &some, collect_card, &b), "2 ");
	some.device = NULL;
	some.state = "undelivered";
	CHECK_WALK(store_card_each(f.s, &some, collect_card, &b), "3 1 ");
	some.org = "other";
	CHECK_WALK(store_card_each(f.s, &some, collect_card, &b), "");
	some = all;
	some.submitted_by = "ann";
	CHECK_WALK(store_card_each(f.s, &some, collect_card, &b), "4 2 ");
	CHECK_WALK(store_card_each_in(f.s, "d-1", "pending", collect_digest,
	    &b), "2 ");
	CHECK_WALK(store_card_each_state(f.s, collect_state, &b),
	    "finished=1 pending=1 undelivered=2 ");
	CHECK_INT(store_card_next_expiry(f.s, &t), 0);
	CHECK_INT(t, 1001);
	CHECK_WALK(store_card_each_undelivered(f.s, 1002, collect_card, &b),
	    "1 ");
	memcpy(c.state, "killed", 7);
	c.has_records = true;
	CHECK_INT(store_card_update(f.s, &c), 0);
	CHECK_INT(store_card_find(f.s, &c.digest, NULL, &got), 0);
	CHECK_STR(got.state, "killed");
	CHECK(got.has_records);
	CHECK_INT(got.envelope.n, 0);
	c.digest = hash_of(99);
	CHECK_INT(store_card_update(f.s, &c), ERR_NOT_FOUND);
	buf_free(&b);
	store_fixture_close(&f);
}

/* ---- the outbox, output, trust ---- */

static int
collect_out(void *ctx, const struct store_out *o)
{
	buf_printf(ctx, "%d:%d ", o->kind, o->digest.b[1]);
	return 0;
}

static int64_t
add_out(struct store *s, int kind, int card, int digest, int64_t expires)
{
	struct store_out o;
	int64_t n = 0;

	memset(&o, 0, sizeof(o));
	o.kind = kind;
	memcpy(o.device, "d-1", 4);
	o.card = hash_of(card);
	o.digest = hash_of(digest);
	o.expires = expires;
	o.body = bytes_str("body");
	CHECK_INT(store_out_add(s, &o, &n), 0);
	CHECK_INT(store_out_add(s, &o, &n), ERR_EXISTS);
	return n;
}

TEST(the_outbox_keeps_its_order)
{
	struct store_fixture f;
	struct sha256 h;
	int64_t first, n;
	struct buf b;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 4096);
	first = add_out(f.s, 1, 1, 1, 50);
	(void)add_out(f.s, 2, 1, 5, 60);
	(void)add_out(f.s, 1, 2, 2, 70);
	(void)add_out(f.s, 2, 2, 6, 80);
	CHECK_WALK(store_out_each(f.s, "d-1", 0, 99, collect_out, &b),
	    "1:1 2:5 1:2 2:6 ");
	CHECK_WALK(store_out_each(f.s, "d-1", first, 2, collect_out, &b),
	    "2:5 1:2 ");
	CHECK_WALK(store_out_each(f.s, "d-2", 0, 99, collect_out, &b), "");
	h = hash_of(5);
	CHECK_INT(store_out_answer(f.s, "d-1", 1, &h), 0);
	CHECK_INT(store_out_count(f.s, "d-1", &n), 0);
	CHECK_INT(n, 4);
	CHECK_INT(store_out_answer(f.s, "d-1", 2, &h), 0);
	CHECK_INT(store_out_answer(f.s, "d-1", 2, &h), 0);
	CHECK_INT(store_out_expire(f.s, 50), 0);
	CHECK_WALK(store_out_each(f.s, "d-1", 0, 99, collect_out, &b),
	    "1:2 2:6 ");
	h = hash_of(2);
	CHECK_INT(store_out_drop_card(f.s, "d-1", &h), 0);
	CHECK_INT(store_out_count(f.s, "d-1", &n), 0);
	CHECK_INT(n, 0);
	/* A number is never given twice: cursors stay right. */
	CHECK(add_out(f.s, 1, 1, 1, 50) > first + 3);
	buf_free(&b);
	store_fixture_close(&f);
}

static int
collect_output(void *ctx, const struct store_output *o)
{
	buf_printf(ctx, "%d%s ", o->card.b[1], o->ended ? "e" : "");
	return 0;
}

TEST(outputs)
{
	struct store_output o, got;
	struct store_fixture f;
	struct buf b;
	int i;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 4096);
	for (i = 1; i < 5; i++) {
		memset(&o, 0, sizeof(o));
		o.card = hash_of(i);
		memcpy(o.device, i < 4 ? "d-1" : "d-2", 4);
		o.ended = i == 1;
		o.total = 7;
		CHECK_INT(store_output_set(f.s, &o), 0);
	}
	CHECK_WALK(store_output_each_open(f.s, "d-1", collect_output, &b),
	    "2 3 1e ");
	o.card = hash_of(2);
	memcpy(o.device, "d-1", 4);
	o.state = STORE_OUTPUT_COMPLETE;
	o.hash = hash_of(9);
	CHECK_INT(store_output_set(f.s, &o), 0);
	CHECK_WALK(store_output_each_open(f.s, "d-1", collect_output, &b),
	    "3 1e ");
	CHECK_INT(store_output_find(f.s, &o.card, &got), 0);
	CHECK_INT(got.state, STORE_OUTPUT_COMPLETE);
	CHECK(sha256_equal(&got.hash, &o.hash));
	CHECK_INT(store_output_next(f.s, "d-1", NULL, &got), 0);
	CHECK_INT(got.card.b[1], 1);
	CHECK_INT(store_output_next(f.s, "d-1", &got.card, &got), 0);
	CHECK_INT(store_output_next(f.s, "d-1", &got.card, &got), 0);
	CHECK_INT(store_output_next(f.s, "d-1", &got.card, &got),
	    ERR_NOT_FOUND);
	buf_free(&b);
	store_fixture_close(&f);
}

static int
collect_trust(void *ctx, const struct store_trust *t)
{
	buf_printf(ctx, "%d%.*s ", (int)t->version, (int)t->envelope.n,
	    (const char *)t->envelope.p);
	return 0;
}

static int
collect_org(void *ctx, const char *org)
{
	buf_printf(ctx, "%s ", org);
	return 0;
}

TEST(trust_files)
{
	struct store_trust t;
	struct store_fixture f;
	struct buf b, e;
	int i;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 4096);
	buf_init(&e, 4096);
	memset(&t, 0, sizeof(t));
	memcpy(t.org, "acme", 5);
	memcpy(t.file, "root", 5);
	t.envelope = bytes_str("r");
	for (i = 3; i > 0; i--) {
		t.version = i;
		CHECK_INT(store_trust_add(f.s, &t), 0);
		CHECK_INT(store_trust_add(f.s, &t), ERR_EXISTS);
	}
	memcpy(t.file, "people", 7);
	CHECK_INT(store_trust_add(f.s, &t), 0);
	CHECK_WALK(store_trust_each(f.s, "acme", "root", "", 1, collect_trust,
	    &b), "2r 3r ");
	CHECK_INT(store_trust_find(f.s, "acme", "root", "", 0, &e, &t), 0);
	CHECK_INT(t.version, 3);
	CHECK_MEM(t.envelope.p, t.envelope.n, "r", 1);
	CHECK_INT(store_trust_find(f.s, "acme", "root", "", 2, NULL, &t), 0);
	CHECK_INT(t.version, 2);
	CHECK_INT(store_trust_find(f.s, "acme", "root", "", 4, NULL, &t),
	    ERR_NOT_FOUND);
	CHECK_INT(store_trust_find(f.s, "acme", "root", "d-1", 0, NULL, &t),
	    ERR_NOT_FOUND);
	CHECK_INT(store_trust_reset(f.s, "acme", "root", ""), 0);
	CHECK_INT(store_trust_reset(f.s, "acme", "people", ""), 0);
	CHECK_INT(store_trust_find(f.s, "acme", "root", "", 1, NULL, &t), 0);
	CHECK_INT(store_trust_find(f.s, "acme", "people", "", 0, NULL, &t),
	    ERR_NOT_FOUND);
	(void)add_device(f.s, 1, "beta");
	CHECK_WALK(store_org_each(f.s, collect_org, &b), "acme beta ");
	buf_free(&e);
	buf_free(&b);
	store_fixture_close(&f);
}

TEST(what_a_device_has_installed)
{
	struct store_installed i, got;
	struct store_device d;
	struct store_fixture f;

	CHECK(store_fixture_open(&f));
	d = add_device(f.s, 1, "a");
	CHECK_INT(store_installed_find(f.s, d.n, "root", &got), 0);
	CHECK_INT(got.version, 0);
	CHECK(!got.has_refused);
	memset(&i, 0, sizeof(i));
	i.version = 3;
	i.digest = hash_of(3);
	CHECK_INT(store_installed_set(f.s, d.n, "root", &i), 0);
	i.has_refused = true;
	i.refused = hash_of(4);
	CHECK_INT(store_installed_set(f.s, d.n, "root", &i), 0);
	CHECK_INT(store_installed_find(f.s, d.n, "root", &got), 0);
	CHECK_INT(got.version, 3);
	CHECK(got.has_refused && sha256_equal(&got.refused, &i.refused));
	CHECK_INT(store_installed_find(f.s, d.n, "people", &got), 0);
	CHECK_INT(got.version, 0);
	store_fixture_close(&f);
}

/* ---- turns ---- */

struct member {
	struct turn_member m;
	struct turn *t;
	struct member *other;
	int told, err;
	bool again;
};

static void
on_told(void *ctx, int err)
{
	struct member *m = ctx;

	m->told++;
	m->err = err;
	if (m->other != NULL)
		turn_leave(m->t, &m->other->m);
	if (m->again)
		turn_join(m->t, &m->m);
}

TEST(a_turn_tells_all_who_joined)
{
	struct member m[3];
	struct store_fixture f;
	struct turn t;
	struct buf b;
	size_t i;

	CHECK(store_fixture_open(&f));
	buf_init(&b, 100);
	memset(m, 0, sizeof(m));
	turn_init(&t, f.s);
	for (i = 0; i < 3; i++) {
		m[i].m.settled = on_told;
		m[i].m.ctx = &m[i];
		m[i].t = &t;
		turn_join(&t, &m[i].m);
		turn_join(&t, &m[i].m);
	}
	m[0].again = true;
	CHECK_INT(turn_begin(&t), 0);
	CHECK_INT(store_value_set(f.s, "a", bytes_str("x")), 0);
	CHECK_INT(turn_settle(&t), 0);
	CHECK(m[0].told == 1 && m[1].told == 1 && m[2].told == 1);
	CHECK_INT(store_value_get(f.s, "a", &b), 0);
	/* One that joined again is in the next turn; what is taken back. */
	m[0].again = false;
	turn_join(&t, &m[1].m);
	turn_join(&t, &m[2].m);
	m[2].other = &m[1];
	m[1].other = &m[2];
	CHECK_INT(turn_begin(&t), 0);
	CHECK_INT(store_value_set(f.s, "b", bytes_str("x")), 0);
	turn_fail(&t, ERR_NO_SPACE);
	CHECK_INT(m[0].told, 2);
	CHECK_INT(m[0].err, ERR_NO_SPACE);
	/* One of the two left before it could be told. */
	CHECK_INT(m[1].told + m[2].told, 3);
	CHECK_INT(store_value_get(f.s, "b", &b), ERR_NOT_FOUND);
	CHECK_INT(turn_settle(&t), 0);
	CHECK_INT(m[0].told, 2);
	buf_free(&b);
	store_fixture_close(&f);
}

TEST_MAIN()
