/*
 * gate_world.h - the deciding half of the agent on a disk in memory, and what
 * the world sees of it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 *
 * Core, journal, blobs, transcripts and the epochs' secrets are the agent's
 * own; the disk is file_memory.h's, and the runner only notes that it was
 * started and prints a line. Two cards come, one waits for a person and one
 * does not; segments are small, so that several begin, each with an epoch; each
 * end of a card is followed by a checkpoint that the epoch's key has signed and
 * by what an idle agent does.
 */
#ifndef COUNTERSIGN_TESTS_FAULT_GATE_WORLD_H
#define COUNTERSIGN_TESTS_FAULT_GATE_WORLD_H

#include "agent/gate/blobs.h"
#include "agent/gate/core.h"
#include "agent/gate/epochs.h"
#include "agent/gate/journal_inside.h"
#include "agent/gate/transcripts.h"
#include "common/digest.h"
#include "tests/harness/kit.h"

#include <stdlib.h>
#include <unistd.h>

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
#define CHECKPOINT_SIZE (8 + SHA256_SIZE + SIGNER_SIGNATURE_SIZE)
#define SIGNED (8 + SHA256_SIZE)	/* what of it the epoch's key signs */
#define TURNS_MOST 64

static struct journal *journal;
static struct blobs *blobs;
static struct epochs *epochs;
static struct transcripts *transcripts;
static struct transcript *printing;	/* of the card that runs */
static struct identity_key *identity;
static struct journal_start begun;
static unsigned boots;

/* What the world saw of each card. */
enum { BY_HAND, BY_ITSELF, CARDS };

static struct {
	const struct fx_card *card;
	unsigned starts;	/* of its runner */
	bool told_end;		/* a sync told that its end is recorded */
	enum card_state end;
	bool finished;		/* what it printed is on disk for sure */
	struct sha256 printed;
} seen[CARDS];

/* What syncs told: the tree of so many records. */
static struct journal_seal told[TURNS_MOST];
static size_t n_told;
static uint64_t sealed;		/* by a checkpoint that is there for sure */
static unsigned segments;	/* begun in the newest life */

/* ---- the agent's way to the disk ---- */

/* As gate_sync() does it. */
static int
sync_all(void)
{
	int err;

	if ((err = blobs_sync(blobs)) != 0 ||
	    (err = journal_sync(journal)) != 0)
		return err;
	return epochs_settle(epochs);
}

static int
disk_next_epoch(void *arg, const struct core_epoch *ask,
    struct buf *ret_payload, uint8_t ret_key[RECORD_DEVICE_KEY],
    uint8_t ret_sig[64])
{
	int err;

	(void)arg;
	if (epochs_is_pending(epochs) && (err = sync_all()) != 0)
		return err;
	return epochs_next(epochs, identity, ask, ret_payload, ret_key,
	    ret_sig);
}

/* The room for what the card prints is there before its intent. */
static const char *
disk_plan(void *arg, const struct card *card, const struct verdict *v,
    struct core_plan *ret_plan)
{
	static const uint8_t salt[TRANSCRIPT_SALT] = { 5 };
	int err;

	transcript_abandon(printing);
	printing = NULL;
	err = transcript_create(transcripts, &card->digest, 1000, salt,
	    &printing);
	if (err == ERR_EXISTS &&
	    (err = transcripts_remove(transcripts, &card->digest)) == 0)
		err = transcript_create(transcripts, &card->digest, 1000,
		    salt, &printing);
	if (err != 0)
		return err == ERR_NO_SPACE ? "disk_full" : "disk_error";
	return fx_plan(arg, card, v, ret_plan);
}

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
	if ((r = sync_all()) != 0)
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
	transcript_abandon(printing);
	printing = NULL;
	transcripts_close(transcripts);
	transcripts = NULL;
	epochs_free(epochs);
	epochs = NULL;
}

static uint8_t checkpoint[CHECKPOINT_SIZE];	/* as it was read */

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
		memcpy(checkpoint, b.p, CHECKPOINT_SIZE);
	}
	buf_free(&b);
	return err;
}

/* By the key of the epoch that it covers, if it covers it. */
static int
check_checkpoint(const struct fx *f, uint64_t size)
{
	const struct standing *s = core_standing(f->core);

	if (s->epoch == 0 || size <= s->epoch_index)
		return 0;
	return ed25519_verify(s->epoch_key, bytes_of(checkpoint, SIGNED),
	    bytes_of(checkpoint + SIGNED, SIGNER_SIGNATURE_SIZE)) == 0 ? 0 :
	    ERR_CORRUPT;
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
	err = epochs_sign(epochs, bytes_of(b, SIGNED), b + SIGNED);
	if (err != 0)
		return err;
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
	if ((err = core_replayed(f->core)) != 0)
		return err;
	return check_checkpoint(f, seal.size);
}

static bool no_key;	/* the secret of the newest epoch is gone */

/* As agent/gate/open.c does it. */
static int
start(struct fx *f)
{
	int err;

	(void)snprintf(f->boot_id, sizeof(f->boot_id), "boot-%u", ++boots);
	f->core = fx_new_core(f);
	CHECK_INT(epochs_new(DISK, &epochs), 0);
	if ((err = blobs_open(DISK, &blobs)) != 0 ||
	    (err = transcripts_open(DISK, TRANSCRIPTS_CAP,
	    &transcripts)) != 0 || (err = open_journal(f)) != 0)
		return err;
	err = epochs_open(epochs, core_standing(f->core)->epoch,
	    core_standing(f->core)->epoch_key);
	if (err == ERR_NOT_FOUND)
		no_key = true;
	if (err != 0)
		return err;
	if (begun.torn) {
		err = core_note_recovered(f->core, f->m, begun.torn_bytes,
		    &begun.torn_hash);
		if (err == 0)
			err = core_recover(f->core, f->m, true);
		if (err == 0)
			err = sync_all();
		if (err == 0)
			err = journal_recovered(journal);
	}
	if (err == 0)
		err = core_first_epoch(f->core, f->m);
	if (err == 0)
		err = core_recover(f->core, f->m, false);
	return err == 0 ? sync_all() : err;
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
	    (err = sync_all()) != 0)
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

/* What it prints, to the end: as runs.c does it. */
static int
print(int i)
{
	struct transcript_summary s;
	int err;

	if (printing == NULL)
		return 0;
	(void)!transcript_append(printing, 1, 5, bytes_str("a line\n"));
	err = transcript_finish(printing, &s);
	printing = NULL;
	seen[i].finished = err == 0 && !s.truncated;
	seen[i].printed = s.hash;
	return 0;
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
	if ((err = print(i)) != 0)
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

/* ---- for an auditor ---- */

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

/* ---- the beginning ---- */

static struct disk base;

/* The device's own key, which does not change: in a file of the real disk. */
static void
open_identity(void)
{
	char path[] = "/tmp/cs-fault-XXXXXX";
	uint8_t seed[32];
	int fd = mkstemp(path);

	memset(seed, FX_KEY, sizeof(seed));
	CHECK(fd >= 0 && write(fd, seed, sizeof(seed)) == sizeof(seed));
	(void)close(fd);
	CHECK_INT(identity_open(path, false, &identity), 0);
	(void)unlink(path);
	CHECK_STR(identity_device(identity), KIT_DEVICE);
}

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
	open_identity();
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
	f->host.next_epoch = disk_next_epoch;
	f->host.plan = disk_plan;
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
		seen[i].finished = false;
	}
	no_key = false;
}

static void
finish(struct fx *f)
{
	fx_drop(f);
	identity_close(identity);
	disk_fini();
	disk = base;
	disk_fini();
}

#endif
