/*
 * test_gate_faults.c - the deciding half of the agent on a disk on which every
 * call fails, is cut short, finds it full or is the last: no card runs twice,
 * nothing that was told is missing, and what was changed is noticed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 *
 * Core, journal and blobs are the agent's own; the disk is in memory, and the
 * runner only notes that it was started. Two cards come, one waits for a
 * person and one does not; segments are small, so that several begin; each end
 * of a card is followed by a checkpoint and by what an idle agent does. The
 * files of the epochs' secrets are not on this disk (test_epochs.c).
 */
#include "agent/gate/blobs.h"
#include "agent/gate/core.h"
#include "agent/gate/journal_inside.h"
#include "common/digest.h"
#include "tests/harness/kit.h"

/* The device whose key the fixture has: its id is made from it. */
#undef KIT_DEVICE
#define KIT_DEVICE "d-zsi67zrels5wysxadmco4pkad4"

#include "file_memory.h"
#include "common/audit.h"
#include "tests/harness/core_fixture.h"
#include "tests/harness/records.h"

/* A segment is full after so many bytes, at a multiple of so many records. */
#define SEGMENT_BYTES 1500
#define SEGMENT_RECORDS 4
#define CHECKPOINT "checkpoint"
#define CHECKPOINT_SIZE (8 + SHA256_SIZE)
#define TURNS_MOST 64

static struct journal *journal;
static struct blobs *blobs;
static struct journal_start begun;
static unsigned boots;

/* What the world saw of each card. */
enum { BY_HAND, BY_ITSELF, CARDS };

static struct {
	const struct fx_card *card;
	unsigned starts;	/* of its runner */
	bool told_end;		/* a sync told that its end is recorded */
	enum card_state end;
} seen[CARDS];

/* What syncs told: the tree of so many records. */
static struct journal_seal told[TURNS_MOST];
static size_t n_told;
static uint64_t sealed;		/* by a checkpoint that is there for sure */
static unsigned segments;	/* begun in the newest life */

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
disk_load_state(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	(void)arg;
	return blobs_read_state(blobs, name, ret_b);
}

static bool
disk_wants_state(void *arg)
{
	(void)arg;
	return journal != NULL && journal_wants_state(journal);
}

static int
disk_begin_segment(void *arg, const struct sha256 *name,
    struct bytes snapshot)
{
	int err;

	(void)arg;
	if ((err = blobs_put_state(blobs, name, snapshot)) != 0 ||
	    (err = blobs_sync(blobs)) != 0)
		return err;
	if ((err = journal_rotate(journal)) == 0)
		segments++;
	return err;
}

static int
disk_each(void *arg, core_fold_fn *fold, void *to)
{
	struct journal_cursor at;
	struct entry e;
	struct buf b;
	int r;

	(void)arg;
	if ((r = blobs_sync(blobs)) != 0 || (r = journal_sync(journal)) != 0)
		return r;
	journal_seek(&at, journal_first(journal));
	buf_init(&b, ENTRY_MAX);
	while ((r = journal_read(journal, &at, &b, &e)) > 0)
		if ((r = fold(to, e.index, e.payload)) != 0)
			break;
	buf_free(&b);
	return r;
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

/* 0, ERR_NOT_FOUND, ERR_CORRUPT, or the disk's error. */
static int
read_checkpoint(struct journal_seal *ret_seal)
{
	struct reader r;
	struct buf b;
	int err;

	buf_init(&b, CHECKPOINT_SIZE);
	err = file_read(DISK, CHECKPOINT, CHECKPOINT_SIZE, &b);
	if (err == 0 && b.n != CHECKPOINT_SIZE)
		err = ERR_CORRUPT;
	if (err == 0) {
		reader_init(&r, buf_bytes(&b));
		ret_seal->size = reader_u64le(&r);
		memcpy(ret_seal->root.b, r.rest.p, SHA256_SIZE);
	}
	buf_free(&b);
	return err;
}

static int
make_checkpoint(void)
{
	uint8_t b[CHECKPOINT_SIZE];
	struct sha256 root;
	uint64_t size = journal_synced(journal);
	size_t i;
	int err;

	if ((err = journal_root(journal, size, &root)) != 0)
		return err;
	for (i = 0; i < 8; i++)
		b[i] = (uint8_t)(size >> (8 * i));
	memcpy(b + 8, root.b, sizeof(root.b));
	err = file_replace(DISK, CHECKPOINT, bytes_of(b, sizeof(b)));
	if (err == 0)
		sealed = size;
	return err;
}

static int
open_journal(struct fx *f)
{
	struct journal_seal seal = { .size = 0 };
	int err = read_checkpoint(&seal);

	memset(&begun, 0, sizeof(begun));
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	err = journal_open(DISK, err == 0 ? &seal : NULL, replay, f, &journal,
	    &begun);
	if (err != 0)
		return err;
	journal_set_segment(journal, SEGMENT_BYTES, SEGMENT_RECORDS);
	return core_replayed(f->core);
}

/* As agent/gate/open.c does it. */
static int
start(struct fx *f)
{
	int err;

	(void)snprintf(f->boot_id, sizeof(f->boot_id), "boot-%u", ++boots);
	f->core = fx_new_core(f);
	if ((err = blobs_open(DISK, &blobs)) != 0 ||
	    (err = open_journal(f)) != 0)
		return err;
	if (begun.torn) {
		err = core_note_recovered(f->core, f->m, begun.torn_bytes,
		    &begun.torn_hash);
		if (err == 0)
			err = core_recover(f->core, f->m, true);
		if (err == 0)
			err = journal_sync(journal);
		if (err == 0)
			err = journal_recovered(journal);
	}
	if (err == 0)
		err = core_first_epoch(f->core, f->m);
	if (err == 0)
		err = core_recover(f->core, f->m, false);
	return err == 0 ? journal_sync(journal) : err;
}

/* What an idle agent does. A full disk ends nothing. */
static int
tend(void)
{
	int got;

	while ((got = journal_check_step(journal)) == 1)
		;
	while (got == 0 && (got = journal_compress_step(journal,
	    sealed)) == 1)
		got = 0;
	return got == ERR_NO_SPACE ? 0 : got;
}

/* The end of a turn: sync, then what happens outside. */
static int
turn(struct fx *f)
{
	bool ended = false;
	struct effect e;
	int err, i;

	if ((err = core_turn(f->core, f->m)) != 0 ||
	    (err = journal_sync(journal)) != 0)
		return err;
	if (n_told < TURNS_MOST) {
		told[n_told].size = journal_synced(journal);
		err = journal_root(journal, told[n_told].size,
		    &told[n_told].root);
		if (err != 0)
			return err;
		n_told++;
	}
	for (i = 0; i < CARDS; i++)
		if (state_is_end(fx_state(f, &seen[i].card->digest))) {
			ended = ended || !seen[i].told_end;
			seen[i].told_end = true;
			seen[i].end = fx_state(f, &seen[i].card->digest);
		}
	while (core_next_effect(f->core, &e)) {
		CHECK_INT(e.kind, EFFECT_START);
		for (i = 0; i < CARDS; i++)
			if (sha256_equal(&e.card, &seen[i].card->digest))
				seen[i].starts++;
	}
	if (ended && (err = make_checkpoint()) == 0)
		err = tend();
	return err;
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

static int
approve(struct fx *f, int i)
{
	struct fx_word *w;
	int err;

	if (fx_state(f, &seen[i].card->digest) != STATE_PENDING)
		return 0;
	w = fx_word(f, &(struct fx_say){ .card = seen[i].card,
	    .decision = APPROVAL_APPROVE });
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
			err = approve(f, i);
		if (err == 0)
			err = let_run(f, i);
		f->m.boot_ms += 10;
	}
	return err;
}

/* ---- the oracle ---- */

static int
audit_blob(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	int err = blobs_read(blobs, name, ret_b, NULL);

	(void)arg;
	if (err == ERR_CORRUPT) {
		buf_clear(ret_b);
		err = blobs_read_state(blobs, name, ret_b);
	}
	return err;
}

/* Who comes later and was not there finds nothing wrong. */
static void
check_audit(void)
{
	struct audit_source source = { NULL, audit_blob };
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
check_told(void)
{
	struct sha256 root;
	size_t i;

	for (i = 0; i < n_told; i++) {
		CHECK_MSG(told[i].size <= journal_synced(journal),
		    "%" PRIu64 " of %" PRIu64 " records",
		    journal_synced(journal), told[i].size);
		CHECK_INT(journal_root(journal, told[i].size, &root), 0);
		CHECK(sha256_equal(&root, &told[i].root));
	}
}

static void
check_all(struct fx *f)
{
	enum card_state s;
	int i;

	for (i = 0; i < CARDS; i++) {
		s = fx_state(f, &seen[i].card->digest);
		CHECK_MSG(state_is_end(s), "card %d is %s", i, state_word(s));
		CHECK_MSG(seen[i].starts <= 1, "card %d ran %u times", i,
		    seen[i].starts);
		/* What a sync told of is what it stays. */
		if (seen[i].told_end)
			CHECK_STR(state_word(s), state_word(seen[i].end));
		if (s == STATE_FINISHED)
			CHECK_INT(seen[i].starts, 1);
		else
			CHECK_MSG(s == STATE_INTERRUPTED ||
			    (i == BY_ITSELF && s == STATE_CANCELLED),
			    "card %d is %s: %s", i, state_word(s),
			    fx_item(f, &seen[i].card->digest)->reason);
		if (seen[i].starts == 1)
			CHECK(s == STATE_FINISHED || s == STATE_INTERRUPTED);
	}
	check_told();
	CHECK_INT(tend(), 0);
	check_audit();
}

/* It starts, all is done, and what was told is still there. */
static void
check_after(struct fx *f)
{
	int err = start(f), i;

	CHECK_MSG(err == 0, "%s at %" PRIu64 ": %s %s", err_word(err),
	    begun.bad_index, begun.why, core_error(f->core));
	check_told();
	for (i = 0; i < 2; i++)
		CHECK_INT(everything(f), 0);
	check_all(f);
	stop(f);
}

/* ---- the beginning ---- */

static struct disk base;

/* An enrolled device with its trust files, which has not yet a card. */
static void
prepare(struct fx *f)
{
	static const struct fx_ask asks[CARDS] = {
		{ .tool = NULL }, { .tool = "disk.free" }
	};
	struct journal_start s;
	uint64_t index;
	size_t k;
	int i;

	disk_init();
	CHECK_INT(blobs_open(DISK, &blobs), 0);
	memset(seen, 0, sizeof(seen));
	fx_open(f);
	for (k = 0; k < f->n_blobs; k++)
		CHECK_INT(blobs_put(blobs, &f->blobs[k].name,
		    bytes_of(f->blobs[k].p, f->blobs[k].n)), 0);
	CHECK_INT(blobs_sync(blobs), 0);
	CHECK_INT(journal_open(DISK, NULL, replay, f, &journal, &s), 0);
	for (k = 0; k < f->n_records; k++) {
		CHECK_INT(journal_append(journal, bytes_of(f->records[k].p,
		    f->records[k].n), true, &index), 0);
		free(f->records[k].p);
	}
	CHECK_INT(journal_sync(journal), 0);
	f->n_records = 0;
	for (i = 0; i < CARDS; i++)
		seen[i].card = fx_card(f, &asks[i]);
	stop(f);
	f->host.append = disk_append;
	f->host.load = disk_load;
	f->host.load_state = disk_load_state;
	f->host.wants_state = disk_wants_state;
	f->host.begin_segment = disk_begin_segment;
	f->host.each = disk_each;
	disk_crash(DISK_KEEP);
	disk_copy(&base, &disk);
}

static void
again(void)
{
	int i;

	disk_fini();
	disk_copy(&disk, &base);
	n_told = 0;
	sealed = 0;
	segments = 0;
	for (i = 0; i < CARDS; i++) {
		seen[i].starts = 0;
		seen[i].told_end = false;
	}
}

static void
finish(struct fx *f)
{
	fx_drop(f);
	disk_fini();
	disk = base;
	disk_fini();
}

/* One life with its accident, as it was set up, and what a start makes of it.
 * The time is put back, so that each life is the same. */
static void
live_and_check(struct fx *f, enum disk_crash mode, bool *ret_fired)
{
	struct moment before = f->m;

	if (start(f) == 0)
		(void)everything(f);
	*ret_fired = disk.dead || disk.failed;
	stop(f);
	disk_crash(mode);
	disk.capacity = SIZE_MAX;
	check_after(f);
	f->m = before;
}

TEST(no_accident)
{
	struct fx f;

	prepare(&f);
	again();
	CHECK_INT(start(&f), 0);
	CHECK_INT(everything(&f), 0);
	/* It holds what the others are about. */
	CHECK_MSG(segments >= 3, "%u segments", segments);
	CHECK(journal->segments[0].gzip);
	CHECK_INT(seen[BY_HAND].starts, 1);
	CHECK_INT(seen[BY_ITSELF].starts, 1);
	CHECK_INT(sealed, journal_synced(journal));
	check_all(&f);
	stop(&f);
	check_after(&f);
	finish(&f);
}

TEST(crash_at_every_call)
{
	static const enum disk_crash modes[] = { DISK_LOSE, DISK_HALF,
	    DISK_HOLE };
	unsigned long n;
	struct fx f;
	bool fired;
	size_t k;

	prepare(&f);
	for (k = 0; k < KIT_COUNT(modes); k++)
		for (n = 1, fired = true; fired; n++) {
			again();
			disk.die_at = n;
			disk.shorten = k == 1;
			live_and_check(&f, modes[k], &fired);
		}
	finish(&f);
}

TEST(error_at_every_call)
{
	static const int errors[] = { ERR_IO, ERR_NO_SPACE };
	unsigned long n;
	struct fx f;
	bool fired;
	size_t e;

	prepare(&f);
	for (e = 0; e < KIT_COUNT(errors); e++)
		for (n = 1, fired = true; fired; n++) {
			again();
			disk.fail_at = n;
			disk.fail_err = errors[e];
			disk.shorten = n % 2 == 0;
			live_and_check(&f, DISK_KEEP, &fired);
		}
	finish(&f);
}

TEST(full_from_every_call_on)
{
	unsigned long n, calls;
	struct fx f;
	bool fired;

	prepare(&f);
	again();
	CHECK_INT(start(&f), 0);
	CHECK_INT(everything(&f), 0);
	calls = disk.calls;
	stop(&f);
	for (n = 1; n <= calls; n += 2) {
		again();
		disk.full_at = n;
		disk.spare = n % 7 * 200;
		live_and_check(&f, DISK_KEEP, &fired);
	}
	finish(&f);
}

/* ---- somebody's hand ---- */

/* Locked down with a reason, or nothing below the checkpoint is changed. */
static bool
is_noticed(struct fx *f, const char *what, size_t at)
{
	struct sha256 root;
	uint64_t index;
	int err = start(f), got = 1;
	bool noticed = err == ERR_CORRUPT;

	if (noticed)
		CHECK_MSG(begun.why[0] != '\0' ||
		    core_error(f->core)[0] != '\0' || journal == NULL,
		    "%s %zu: no word", what, at);
	else
		CHECK_MSG(err == 0, "%s %zu: %s", what, at, err_word(err));
	while (err == 0 && got == 1)
		got = journal_check_step(journal);
	if (err == 0 && got == ERR_CORRUPT) {
		noticed = true;
		CHECK(journal_fault(journal, &index)[0] != '\0');
	}
	if (!noticed) {
		CHECK_INT(got, 0);
		CHECK_INT(journal_root(journal, sealed, &root), 0);
		CHECK_INT(read_checkpoint(&told[0]), 0);
		CHECK(sha256_equal(&root, &told[0].root));
	}
	stop(f);
	return noticed;
}

/* Every so many bytes of each file of the journal, of both kinds of change. */
TEST(changes)
{
	unsigned noticed = 0, passed = 0;
	struct disk_names names;
	struct moment before;
	struct disk whole;
	size_t i, at, size;
	struct fx f;
	int node;

	prepare(&f);
	again();
	CHECK_INT(start(&f), 0);
	CHECK_INT(everything(&f), 0);
	stop(&f);
	disk_crash(DISK_KEEP);
	disk_copy(&whole, &disk);
	before = f.m;
	node = disk.nodes[0].names.a[disk_find(&disk.nodes[0].names,
	    "journal")].node;
	names = disk.nodes[node].names;
	for (i = 0; i < names.n; i++) {
		node = names.a[i].node;
		size = whole.nodes[node].now.n;
		for (at = i; at < size; at += 13) {
			disk_fini();
			disk_copy(&disk, &whole);
			if (at % 2 == 0)
				disk.nodes[node].now.p[at] ^= 0x11;
			else
				disk_resize(&disk.nodes[node].now, at);
			if (is_noticed(&f, names.a[i].name, at))
				noticed++;
			else
				passed++;
			f.m = before;
		}
	}
	/* Of a compressed file's header some bytes say nothing. */
	CHECK_MSG(noticed > 100 && passed < 10, "%u noticed, %u not", noticed,
	    passed);
	disk_fini();
	disk = whole;
	finish(&f);
}

TEST_MAIN()
