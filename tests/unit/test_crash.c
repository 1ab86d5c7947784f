/*
 * test_crash.c - the deciding half of the agent on a disk that crashes at every
 * call: nothing runs twice, nothing that was told is lost.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 *
 * Core, journal and blobs are the agent's own; the disk is in memory. After
 * each crash the device starts again as the agent does, everybody sends
 * everything again, and in the end each card has ended once and the auditor
 * finds nothing.
 */
#include "agent/gate/blobs.h"
#include "agent/gate/core.h"
#include "agent/gate/journal.h"
#include "common/digest.h"
#include "tests/harness/kit.h"

/* The device whose key the fixture has: its id is made from it. */
#undef KIT_DEVICE
#define KIT_DEVICE "d-zsi67zrels5wysxadmco4pkad4"

#include "../fault/file_memory.h"
#include "common/audit.h"
#include "tests/harness/core_fixture.h"
#include "tests/harness/records.h"

static struct journal *journal;
static struct blobs *blobs;
static unsigned boots;

/* What the world saw of each card. */
enum { BY_HAND, BY_ITSELF, DENIED, CARDS };

static struct {
	const struct fx_card *card;
	unsigned starts;	/* of its runner */
	bool told_end;		/* a sync told that its end is recorded */
	enum card_state end;
} seen[CARDS];

/* ---- the agent's way to the disk ---- */

static int
disk_append(void *arg, struct bytes payload, bool must,
    const struct sha256 *name, struct bytes blob, uint64_t *ret_index)
{
	int err = 0;

	(void)arg;
	if (name != NULL && (err = blobs_put(blobs, name, blob)) == 0)
		err = blobs_sync(blobs);
	return err != 0 ? err : journal_append(journal, payload, must,
	    ret_index);
}

static int
disk_load(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	(void)arg;
	return blobs_read(blobs, name, ret_b, NULL);
}

static int
replay(void *arg, uint64_t index, struct bytes payload)
{
	struct fx *f = arg;

	return core_replay(f->core, index, payload);
}

static void
stop(struct fx *f)
{
	core_free(f->core);
	f->core = NULL;
	journal_close(journal);
	journal = NULL;
	blobs_close(blobs);
	blobs = NULL;
}

/* As agent/gate/open.c does it. */
static int
start(struct fx *f)
{
	struct journal_start s;
	int err;

	(void)snprintf(f->boot_id, sizeof(f->boot_id), "boot-%u", ++boots);
	f->core = fx_new_core(f);
	if ((err = blobs_open(DISK, &blobs)) != 0)
		return err;
	err = journal_open(DISK, 0, replay, f, &journal, &s);
	CHECK_MSG(err != ERR_CORRUPT, "%s %s", s.why, core_error(f->core));
	if (err == 0 && s.torn) {
		err = core_note_recovered(f->core, f->m, s.torn_bytes,
		    &s.torn_hash);
		if (err == 0)
			err = core_recover(f->core, f->m, true);
		if (err == 0)
			err = journal_sync(journal);
		if (err == 0)
			err = journal_recovered(journal);
	}
	if (err == 0)
		err = core_recover(f->core, f->m, false);
	return err == 0 ? journal_sync(journal) : err;
}

/* The end of a turn: sync, then what happens outside. */
static int
turn(struct fx *f)
{
	struct effect e;
	int err, i;

	if ((err = core_turn(f->core, f->m)) != 0 ||
	    (err = journal_sync(journal)) != 0)
		return err;
	for (i = 0; i < CARDS; i++)
		if (seen[i].card != NULL && state_is_end(fx_state(f,
		    &seen[i].card->digest))) {
			seen[i].told_end = true;
			seen[i].end = fx_state(f, &seen[i].card->digest);
		}
	while (core_next_effect(f->core, &e)) {
		CHECK_INT(e.kind, EFFECT_START);
		for (i = 0; i < CARDS; i++)
			if (seen[i].card != NULL && sha256_equal(&e.card,
			    &seen[i].card->digest))
				seen[i].starts++;
	}
	return 0;
}

/* ---- what everybody does, again and again ---- */

static int
send_card(struct fx *f, int i)
{
	int err = core_card(f->core, f->m, &seen[i].card->k.e, &f->reply);

	/* A disk that is full refuses for now. */
	if (err == 0)
		CHECK_MSG(f->reply.answer != CORE_REFUSED ||
		    strcmp(f->reply.reason, "disk_full") == 0, "%s: %s",
		    f->reply.reason, f->reply.detail);
	return err != 0 ? err : turn(f);
}

/* Yes or no to a card that still waits. */
static int
answer(struct fx *f, int i, enum approval_decision d)
{
	struct fx_word *w;
	int err;

	if (fx_state(f, &seen[i].card->digest) != STATE_PENDING)
		return 0;
	w = fx_word(f, &(struct fx_say){ .card = seen[i].card,
	    .decision = d });
	err = core_approval(f->core, f->m, &w->k.e, &f->reply);
	return err != 0 ? err : turn(f);
}

/* What runs starts and ends. */
static int
let_run(struct fx *f, int i)
{
	const struct sha256 *card = &seen[i].card->digest;
	struct record rec;
	int err;

	if (fx_state(f, card) != STATE_RUNNING)
		return 0;
	err = core_started(f->core, f->m, card, 77, "profile=observe");
	if (err == 0)
		err = turn(f);
	if (err != 0)
		return err;
	sample_record(&rec, RECORD_EXEC_RESULT, false);
	record_set_digest(&rec, RF_CARD, card);
	record_set_str(&rec, RF_OUTCOME, "finished");
	err = core_ended(f->core, f->m, &rec);
	return err != 0 ? err : turn(f);
}

/* The first error ends the agent. */
static int
everything(struct fx *f)
{
	int err = 0, i;

	for (i = 0; i < CARDS && err == 0; i++) {
		err = send_card(f, i);
		if (err == 0 && i == BY_HAND)
			err = answer(f, i, APPROVAL_APPROVE);
		if (err == 0 && i == DENIED)
			err = answer(f, i, APPROVAL_DENY);
		if (err == 0)
			err = let_run(f, i);
		f->m.boot_ms += 10;
	}
	return err;
}

/* ---- after the storm ---- */

static int
audit_blob_of(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	return disk_load(arg, name, ret_b);
}

static void
check_audit(struct fx *f)
{
	struct audit_source source = { f, audit_blob_of };
	struct journal_cursor c;
	struct audit *a;
	struct entry e;
	struct buf b;
	int got;

	CHECK_INT(audit_new(&source, &a), 0);
	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, 0);
	while ((got = journal_read(journal, &c, &b, &e)) == 1)
		if (audit_record(a, e.index, e.payload) != 0)
			CHECK_MSG(false, "record %" PRIu64 ": %.120s",
			    e.index, audit_finding(a)->text);
	CHECK_INT(got, 0);
	buf_free(&b);
	audit_free(a);
}

static void
check_all(struct fx *f)
{
	enum card_state s;
	int i;

	for (i = 0; i < CARDS; i++) {
		s = fx_state(f, &seen[i].card->digest);
		CHECK_MSG(state_is_end(s), "card %d is %s", i, state_word(s));
		CHECK(seen[i].starts <= 1);
		/* What a sync told of is what it stays. */
		if (seen[i].told_end)
			CHECK_STR(state_word(s), state_word(seen[i].end));
		if (s == STATE_FINISHED)
			CHECK_INT(seen[i].starts, 1);
		else
			CHECK_MSG(s == STATE_INTERRUPTED ||
			    (i == DENIED && s == STATE_DENIED) ||
			    (i == BY_ITSELF && s == STATE_CANCELLED),
			    "card %d is %s: %s", i, state_word(s),
			    fx_item(f, &seen[i].card->digest)->reason);
		if (seen[i].starts == 1)
			CHECK(s == STATE_FINISHED || s == STATE_INTERRUPTED);
	}
	check_audit(f);
}

static void
prepare(struct fx *f, struct disk *ret_disk)
{
	static const struct fx_ask asks[CARDS] = {
		{ .tool = NULL }, { .tool = "disk.free" }, { .tool = NULL }
	};
	int i;

	disk_init();
	CHECK_INT(blobs_open(DISK, &blobs), 0);
	memset(seen, 0, sizeof(seen));
	fx_open(f);
	/* The same records, on the disk. */
	{
		struct journal_start s;
		uint64_t index;
		size_t k;

		for (k = 0; k < f->n_blobs; k++)
			CHECK_INT(blobs_put(blobs, &f->blobs[k].name,
			    bytes_of(f->blobs[k].p, f->blobs[k].n)), 0);
		CHECK_INT(blobs_sync(blobs), 0);
		CHECK_INT(journal_open(DISK, 0, replay, f, &journal, &s), 0);
		for (k = 0; k < f->n_records; k++) {
			CHECK_INT(journal_append(journal, bytes_of(
			    f->records[k].p, f->records[k].n), true, &index),
			    0);
			free(f->records[k].p);
		}
		CHECK_INT(journal_sync(journal), 0);
		f->n_records = 0;
	}
	for (i = 0; i < CARDS; i++)
		seen[i].card = fx_card(f, &asks[i]);
	stop(f);
	f->host.append = disk_append;
	f->host.load = disk_load;
	disk_crash(DISK_KEEP);
	disk_copy(ret_disk, &disk);
}

static void
forget_what_was_seen(void)
{
	int i;

	for (i = 0; i < CARDS; i++) {
		seen[i].starts = 0;
		seen[i].told_end = false;
	}
}

/* A crash at call n, another at call m of the start after it (0: none). */
static bool
storm(struct fx *f, enum disk_crash mode, unsigned long n, unsigned long m)
{
	struct moment began = f->m;
	bool fired;
	int i;

	forget_what_was_seen();
	disk.die_at = n;
	if (start(f) == 0)
		(void)everything(f);
	fired = disk.dead;
	stop(f);
	disk_crash(mode);
	if (m > 0) {
		disk.die_at = m;
		if (start(f) == 0)
			(void)everything(f);
		fired = disk.dead;
		stop(f);
		disk_crash(mode);
	}
	CHECK_INT(start(f), 0);
	for (i = 0; i < 2; i++)
		CHECK_INT(everything(f), 0);
	check_all(f);
	stop(f);
	f->m = began;
	return fired;
}

TEST(crash_at_every_call)
{
	enum disk_crash mode;
	struct disk base;
	unsigned long n;
	struct fx f;

	prepare(&f, &base);
	for (mode = DISK_LOSE; mode < DISK_CRASHES; mode++) {
		n = 0;
		do {
			disk_fini();
			disk_copy(&disk, &base);
		} while (storm(&f, mode, ++n, 0));
		CHECK_MSG(n > 60, "only %lu calls", n);
	}
	fx_drop(&f);
	disk_fini();
	disk = base;
	disk_fini();
}

/* And again while it recovers. */
TEST(crash_after_a_crash)
{
	unsigned long n, m;
	enum disk_crash mode;
	struct disk base;
	struct fx f;

	prepare(&f, &base);
	for (mode = DISK_LOSE; mode < DISK_CRASHES; mode++)
		for (n = 25; n < 80; n += 9)
			for (m = 1; m < 60; m += 4) {
				disk_fini();
				disk_copy(&disk, &base);
				(void)storm(&f, mode, n, m);
			}
	fx_drop(&f);
	disk_fini();
	disk = base;
	disk_fini();
}

/* Each call fails once with an error: the agent ends and starts again. */
TEST(error_at_every_call)
{
	static const int errors[] = { ERR_IO, ERR_NO_SPACE };
	struct disk base;
	unsigned long n;
	bool fired;
	struct fx f;
	size_t e;

	prepare(&f, &base);
	for (e = 0; e < KIT_COUNT(errors); e++)
		for (n = 1, fired = true; fired; n++) {
			struct moment began = f.m;

			disk_fini();
			disk_copy(&disk, &base);
			forget_what_was_seen();
			disk.fail_at = n;
			disk.fail_err = errors[e];
			if (start(&f) == 0)
				(void)everything(&f);
			fired = disk.failed;
			stop(&f);
			disk_crash(DISK_KEEP);
			CHECK_INT(start(&f), 0);
			CHECK_INT(everything(&f), 0);
			CHECK_INT(everything(&f), 0);
			check_all(&f);
			stop(&f);
			f.m = began;
		}
	fx_drop(&f);
	disk_fini();
	disk = base;
	disk_fini();
}

TEST_MAIN()
