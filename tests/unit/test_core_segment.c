/*
 * test_core_segment.c - states and epochs: what a segment begins with, and a
 * start that begins there.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/core_fixture.h"

/* A device that has run, refused and kept something, in segments of `every`. */
static void
live(struct fx *f, size_t every)
{
	struct fx_card *c;
	int i;

	fx_open(f);
	CHECK_INT(core_first_epoch(f->core, f->m), 0);
	f->segment_every = every;
	for (i = 0; i < 6; i++) {
		c = fx_run(f, &(struct fx_ask){ 0 });
		fx_pass(f, 5);
		fx_end(f, &c->digest, "finished", i % 2);
		fx_turn(f);
	}
	fx_offer(f, fx_card(f, &(struct fx_ask){ .tool = "off" }));
	fx_said(f, &(struct fx_say){ .card = c });
	CHECK_INT(f->reply.answer, CORE_REFUSED);
	c = fx_take(f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve@example.org" });
	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	(void)fx_usual(f);
}

static size_t
count(struct fx *f, enum record_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < f->n_records; i++)
		n += fx_record(f, i)->kind == kind;
	return n;
}

TEST(a_segment_begins_with_a_state_and_an_epoch)
{
	const struct record *r;
	struct trust_held h;
	struct sha256 d;
	struct fx f;
	size_t i, k;

	live(&f, 8);
	CHECK(count(&f, RECORD_STATE) >= 3);
	CHECK_INT(count(&f, RECORD_EPOCH), count(&f, RECORD_STATE) + 1);
	for (i = 8; i < f.n_records; i++) {
		r = fx_record(&f, i);
		if (r->kind != RECORD_STATE)
			continue;
		CHECK_INT(r->format, SNAPSHOT_FORMAT);
		CHECK_INT(r->n_files, TRUST_FILES);
		CHECK(trust_held(core_trust_files(f.core), TRUST_POLICY, &h));
		for (k = 0; k < r->n_files; k++)
			if (bytes_is(r->files[k].file, "policy"))
				CHECK(sha256_equal(&r->files[k].digest,
				    &h.digest));
		CHECK(!r->has[RF_SOURCE]);
		/* Its name is its plain hash. */
		for (k = 0; k < f.n_blobs; k++) {
			digest_sha256(bytes_of(f.blobs[k].p, f.blobs[k].n),
			    &d);
			if (sha256_equal(&d, &r->digest))
				break;
		}
		CHECK(k < f.n_blobs);
		CHECK_INT(fx_record(&f, i + 1)->kind, RECORD_EPOCH);
	}
	fx_close(&f);
}

TEST(every_length_of_a_segment)
{
	struct fx f;
	size_t every;

	for (every = 3; every < 40; every++) {
		live(&f, every);
		fx_restart(&f, "boot-2", every % 2 == 0);
		fx_check_replay(&f);
		fx_close(&f);
	}
}

/* The agent starts where the last segment begins, and goes on from there. */
TEST(a_start_in_the_last_segment)
{
	struct fx_card *c;
	struct core *late;
	struct fx f;

	live(&f, 7);
	CHECK(f.segment > 0);
	late = fx_core_from(&f, f.segment);
	core_free(f.core);
	f.core = late;
	CHECK(core_blocked(f.core, f.m) == NULL);
	CHECK_INT(core_recover(f.core, f.m, false), 0);
	c = fx_run(&f, &(struct fx_ask){ 0 });
	fx_end(&f, &c->digest, "finished", 0);
	fx_turn(&f);
	fx_check_replay(&f);
	fx_close(&f);
}

/* A lockdown, one that a record has and one that none has yet. */
TEST(a_lockdown_stands_in_the_state)
{
	const struct record *r;
	struct fx f;
	size_t i, last = 0;

	live(&f, 0);
	f.segment_every = 1;
	core_seal(f.core, "local", "local:eve", "lockdown");
	CHECK_INT(core_lockdown(f.core, f.m, true, "local", "local:eve",
	    bytes_str("drill")), 0);
	/* The state came first: it does not have it yet. */
	CHECK_INT(fx_record(&f, f.n_records - 3)->kind, RECORD_STATE);
	CHECK(!fx_record(&f, f.n_records - 3)->has[RF_SOURCE]);
	CHECK_INT(core_note_version(f.core, f.m, "x", &f.pin.root), 0);
	for (i = 0; i < f.n_records; i++)
		if (fx_record(&f, i)->kind == RECORD_STATE)
			last = i;
	r = fx_record(&f, last);
	CHECK(bytes_is(r->reason, "drill") &&
	    bytes_is(r->by, "local:eve") && bytes_is(r->source, "local"));
	fx_restart(&f, "boot-2", false);
	CHECK(core_lock(f.core)->on);
	fx_close(&f);
}

TEST(a_full_disk_begins_no_segment)
{
	struct fx_card *c;
	struct fx f;
	size_t before;

	live(&f, 0);
	before = count(&f, RECORD_STATE);
	f.segment_every = 1;
	c = fx_take(&f, &(struct fx_ask){ 0 });
	CHECK(count(&f, RECORD_STATE) > before);
	before = count(&f, RECORD_STATE);
	f.full = true;
	fx_said(&f, &(struct fx_say){ .card = c, .who = "ada",
	    .role = APPROVAL_ADMIN, .decision = APPROVAL_DENY });
	CHECK_STATE(&f, c, "denied");
	CHECK_INT(count(&f, RECORD_STATE), before);
	f.full = false;
	fx_close(&f);
}

/* Running time, not the clock's: and only where there were records. */
TEST(an_epoch_a_day)
{
	struct fx f;

	live(&f, 0);
	fx_turn(&f);
	CHECK_INT(core_standing(f.core)->epoch, 1);
	f.m.clock += 10 * 86400;
	fx_turn(&f);
	CHECK_INT(core_standing(f.core)->epoch, 1);
	f.m.boot_ms += 86400000;
	fx_turn(&f);
	CHECK_INT(core_standing(f.core)->epoch, 2);
	f.m.boot_ms += 2 * UINT64_C(86400000);
	fx_turn(&f);
	/* Nothing was appended since. */
	CHECK_INT(core_standing(f.core)->epoch, 2);
	fx_close(&f);
}

/* Sums what is later in one boot; another boot never adds more than it ran. */
TEST(running_time)
{
	struct fx f;
	int64_t at;

	live(&f, 0);
	at = core_standing(f.core)->running_ms;
	f.m.boot_ms += 5000;
	CHECK_INT(core_note_version(f.core, f.m, "x", &f.pin.root), 0);
	CHECK_INT(core_standing(f.core)->running_ms, at + 5000);
	f.m.boot_ms = 100;
	CHECK_INT(core_note_version(f.core, f.m, "y", &f.pin.root), 0);
	CHECK_INT(core_standing(f.core)->running_ms, at + 5000);
	f.m.boot_ms = 400;
	CHECK_INT(core_note_version(f.core, f.m, "z", &f.pin.root), 0);
	CHECK_INT(core_standing(f.core)->running_ms, at + 5300);
	fx_close(&f);
}

/* ---- what does not go together ---- */

static int
replay_changed(struct fx *f, size_t from, size_t at,
    void (*change)(struct record *), const char *why)
{
	struct core_config cfg = { .host = &f->host, .arg = f };
	struct core *c;
	struct record rec;
	struct buf b;
	size_t i;
	int err = 0;

	CHECK_INT(core_new(&cfg, &c), 0);
	for (i = from; i <= at && err == 0; i++) {
		buf_init(&b, CAP_RECORD);
		rec = *fx_record(f, i);
		if (i == at)
			change(&rec);
		record_write(&b, &rec);
		CHECK_INT(buf_error(&b), 0);
		err = core_replay(c, i, buf_bytes(&b));
		buf_free(&b);
	}
	if (err != 0)
		CHECK_MSG(strstr(core_error(c), why) != NULL, "%s",
		    core_error(c));
	core_free(c);
	return err;
}

static void
more_epoch(struct record *r)
{
	r->epoch++;
}

static void
more_running(struct record *r)
{
	r->running_ms++;
}

static void
more_floor(struct record *r)
{
	r->floor--;
}

static void
more_format(struct record *r)
{
	r->format++;
}

static void
less_files(struct record *r)
{
	r->n_files--;
}

static void
a_lock(struct record *r)
{
	record_set_str(r, RF_SOURCE, "local");
	record_set_str(r, RF_BY, "local:x");
	record_set_str(r, RF_REASON, "");
}

static void
other_name(struct record *r)
{
	r->digest.b[0] ^= 1;
}

static void
nothing(struct record *r)
{
	(void)r;
}

TEST(a_state_that_is_not_so)
{
	static const struct {
		void (*change)(struct record *);
		const char *why;
		bool always;	/* also where all before it is folded */
	} t[] = {
		{ more_epoch, "epoch", true },
		{ more_running, "running", true },
		{ more_floor, "floor", true },
		{ more_format, "format", true },
		{ less_files, "files", true },
		{ a_lock, "lockdown", true },
		{ other_name, "snapshot", false },
	};
	struct fx f;
	size_t i;

	live(&f, 9);
	CHECK_INT(replay_changed(&f, f.segment, f.segment, nothing, ""), 0);
	for (i = 0; i < KIT_COUNT(t); i++) {
		CHECK_INT(replay_changed(&f, f.segment, f.segment,
		    t[i].change, t[i].why), ERR_CORRUPT);
		if (t[i].always)
			CHECK_INT(replay_changed(&f, 0, f.segment,
			    t[i].change, t[i].why), ERR_CORRUPT);
	}
	/* One that begins with something else. */
	CHECK_INT(replay_changed(&f, f.segment + 1, f.segment + 1, nothing,
	    "does not begin with a state"), ERR_CORRUPT);
	fx_close(&f);
}

static void
other_key(struct record *r)
{
	static uint8_t key[RECORD_DEVICE_KEY] = { 7 };

	record_set_bytes(r, RF_EPOCH_KEY, bytes_of(key, sizeof(key)));
}

static void
other_sig(struct record *r)
{
	static uint8_t sig[64] = { 7 };

	r->sigs[0].sig = bytes_of(sig, sizeof(sig));
}

TEST(an_epoch_that_is_not_so)
{
	struct fx f;
	size_t at;

	live(&f, 9);
	for (at = 0; fx_record(&f, at)->kind != RECORD_EPOCH; at++)
		;
	CHECK_INT(replay_changed(&f, 0, at, nothing, ""), 0);
	CHECK_INT(replay_changed(&f, 0, at, more_epoch, "not the next"),
	    ERR_CORRUPT);
	CHECK_INT(replay_changed(&f, 0, at, other_key, "did not sign"),
	    ERR_CORRUPT);
	CHECK_INT(replay_changed(&f, 0, at, other_sig, "did not sign"),
	    ERR_CORRUPT);
	fx_close(&f);
}

/* ---- the clock, and what was pruned ---- */

static int
each_from_the_last(void *arg, core_fold_fn *fold, void *to)
{
	struct fx *f = arg;
	size_t i;
	int err = 0;

	for (i = f->segment; i < f->n_records && err == 0; i++)
		err = fold(to, i, bytes_of(f->records[i].p,
		    f->records[i].n));
	return err;
}

TEST(the_clock_goes_back_as_far_as_the_journal)
{
	struct fx_card *ran;
	struct fx f;
	int64_t begin;

	live(&f, 0);
	f.segment_every = 1;
	CHECK_INT(core_note_version(f.core, f.m, "x", &f.pin.root), 0);
	f.segment_every = 0;
	begin = f.m.clock;
	f.host.each = each_from_the_last;
	ran = fx_run(&f, &(struct fx_ask){ 0 });
	fx_end(&f, &ran->digest, "finished", 0);
	fx_pass(&f, 3 * 86400);
	CHECK_INT(core_note_version(f.core, f.m, "y", &f.pin.root), 0);
	fx_turn(&f);
	CHECK_STATE(&f, ran, "none");
	f.m.clock = begin - 10;
	CHECK_INT(core_clock_reset(f.core, f.m, "local:root",
	    bytes_str("x"), &f.reply), 0);
	CHECK_INT(f.reply.answer, CORE_REFUSED);
	CHECK_STR(f.reply.reason, "too_far_back");
	f.m.clock = begin + 10;
	CHECK_INT(core_clock_reset(f.core, f.m, "local:root",
	    bytes_str("x"), &f.reply), 0);
	CHECK_INT(f.reply.answer, CORE_ACCEPTED);
	CHECK_STATE(&f, ran, "finished");
	CHECK_INT(fx_offer(&f, ran)->answer, CORE_KNOWN);
	fx_close(&f);
}

/* ---- the snapshot's bytes ---- */

TEST(a_snapshot_cut_or_changed)
{
	struct standing s;
	struct trust *t;
	struct queue *q;
	struct buf b, again;
	struct fx f;
	size_t i;
	int err;

	live(&f, 0);
	fx_snapshot(f.core, f.m, &b);
	for (i = 0; i < b.n; i++) {
		err = snapshot_decode(bytes_of(b.p, i), fx_load, &f, &s, &t,
		    &q);
		CHECK_MSG(err == ERR_CORRUPT, "%zu: %d", i, err);
	}
	for (i = 0; i < b.n; i++) {
		b.p[i] ^= 0x15;
		err = snapshot_decode(buf_bytes(&b), fx_load, &f, &s, &t, &q);
		b.p[i] ^= 0x15;
		if (err != 0)
			continue;
		/* Another state, but one: it is written as it was read. */
		buf_init(&again, SNAPSHOT_CAP);
		snapshot_encode(&again, &s, t, q, INT64_MIN);
		CHECK_INT(buf_error(&again), 0);
		buf_free(&again);
		standing_fini(&s);
		trust_free(t);
		queue_free(q);
	}
	buf_put_u8(&b, 0);
	CHECK_INT(snapshot_decode(buf_bytes(&b), fx_load, &f, &s, &t, &q),
	    ERR_CORRUPT);
	b.p[0]++;
	CHECK_INT(snapshot_decode(buf_bytes(&b), fx_load, &f, &s, &t, &q),
	    ERR_VERSION);
	buf_free(&b);
	fx_close(&f);
}

TEST(no_memory_for_a_snapshot)
{
	struct standing s;
	struct trust *t;
	struct queue *q;
	struct buf b;
	struct fx f;
	int err = ERR_NOMEM;
	unsigned long n;

	live(&f, 0);
	fx_snapshot(f.core, f.m, &b);
	for (n = 1; err != 0; n++) {
		test_oom_left = n;
		err = snapshot_decode(buf_bytes(&b), fx_load, &f, &s, &t, &q);
		test_oom_left = 0;
		CHECK_MSG(err == 0 || err == ERR_NOMEM, "%lu: %d", n, err);
	}
	CHECK(n > 20);
	standing_fini(&s);
	trust_free(t);
	queue_free(q);
	buf_free(&b);
	fx_close(&f);
}

TEST_MAIN()
