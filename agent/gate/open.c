/*
 * open.c - the gate's state on disk: opened, replayed, recovered.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/gate.h"

#include "common/version.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/random.h"

#include <stdio.h>
#include <string.h>

#define KEY_NAME "device.key"
#define LOCK_NAME "lockdown"
/* 2026-11-01T00:00:00Z: no clock of a device can be before this release. */
#define RELEASE_DATE INT64_C(1793491200)

int
gate_sync(struct gate *g)
{
	int err;

	if ((err = blobs_sync(g->blobs)) != 0 ||
	    (err = journal_sync(g->journal)) != 0)
		return err;
	return epochs_settle(g->epochs);
}

/* ---- what the core asks of its host ---- */

static int
host_append(void *arg, struct bytes payload, bool must,
    const struct sha256 *name, struct bytes blob, uint64_t *ret_index)
{
	struct gate *g = arg;
	int err = 0;

	if (g->journal == NULL)
		return ERR_STATE;
	/* The blob is on disk before its record can be, whichever sync that
	 * is: a new segment begins with one of its own. */
	if (name != NULL && (err = blobs_put(g->blobs, name, blob)) == 0)
		err = blobs_sync(g->blobs);
	if (err != 0)
		return err;
	return journal_append(g->journal, payload, must, ret_index);
}

static int
host_load(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	struct gate *g = arg;

	return blobs_read(g->blobs, name, ret_b, NULL);
}

static int
host_load_state(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	struct gate *g = arg;

	return blobs_read_state(g->blobs, name, ret_b);
}

static bool
host_wants_state(void *arg)
{
	struct gate *g = arg;

	return g->journal != NULL && journal_wants_state(g->journal);
}

/* The snapshot is on disk before the segment is that begins with it. */
static int
host_begin_segment(void *arg, const struct sha256 *name,
    struct bytes snapshot)
{
	struct gate *g = arg;
	int err;

	if ((err = blobs_put_state(g->blobs, name, snapshot)) != 0 ||
	    (err = blobs_sync(g->blobs)) != 0)
		return err;
	return journal_rotate(g->journal);
}

/* A key that waits for its record gets it on disk first. */
static int
host_next_epoch(void *arg, const struct core_epoch *ask,
    struct buf *ret_payload, uint8_t ret_key[RECORD_DEVICE_KEY],
    uint8_t ret_sig[64])
{
	struct gate *g = arg;
	int err;

	if (epochs_is_pending(g->epochs) && (err = gate_sync(g)) != 0)
		return err;
	return epochs_next(g->epochs, g->key, ask, ret_payload, ret_key,
	    ret_sig);
}

/* A journal is read as far as it is synced. */
static int
host_each(void *arg, core_fold_fn *fold, void *to)
{
	struct gate *g = arg;
	struct journal_cursor at;
	struct buf payload;
	struct entry e;
	int r;

	if ((r = gate_sync(g)) != 0)
		return r;
	memset(&at, 0, sizeof(at));
	journal_seek(&at, journal_first(g->journal));
	buf_init(&payload, ENTRY_MAX);
	while ((r = journal_read(g->journal, &at, &payload, &e)) > 0)
		if ((r = fold(to, e.index, e.payload)) != 0)
			break;
	buf_free(&payload);
	return r;
}

static int
host_random(void *arg, void *ret_p, size_t n)
{
	(void)arg;
	return random_fill(ret_p, n);
}

static const char *
host_offers(void *arg, const struct card *card, const struct verdict *v,
    char ret_detail[REFUSAL_DETAIL_SIZE])
{
	struct gate *g = arg;

	(void)card;
	return planner_offers(&g->planner, v, ret_detail);
}

static const char *
host_plan(void *arg, const struct card *card, const struct verdict *v,
    struct core_plan *ret_plan)
{
	struct gate *g = arg;
	struct prepared p;
	const char *word = planner_make(&g->planner, card, v, &p, ret_plan);
	int err;

	if (word != NULL)
		return word;
	if ((err = runs_prepare(g->runs, &p)) == 0)
		return NULL;
	planner_release(&g->planner, &p);
	return err == ERR_NO_SPACE ? "disk_full" : err == ERR_NOMEM ?
	    "no_memory" : "disk_error";
}

static const struct core_host host = {
	.append = host_append,
	.load = host_load,
	.load_state = host_load_state,
	.wants_state = host_wants_state,
	.begin_segment = host_begin_segment,
	.next_epoch = host_next_epoch,
	.each = host_each,
	.random = host_random,
	.offers = host_offers,
	.plan = host_plan,
};

/* ---- opening ---- */

static int
complain(struct gate *g, const char *what, int err, const char *todo)
{
	const char *slash = strrchr(what, '/');

	snprintf(g->trouble, sizeof(g->trouble), "%s",
	    slash != NULL ? slash + 1 : what);
	log_event(&g->log, SERVICE_ERROR, "%s: %s: %s", what, err_text(err),
	    todo);
	return err;
}

/* Nothing is appended behind the first epoch before there is a checkpoint. */
static bool
lacks_checkpoint(const struct gate *g)
{
	const struct standing *s = core_standing(g->core);

	return checkpoints_size(g->checkpoints) == 0 && (s->epoch > 1 ||
	    (s->epoch == 1 && s->epoch_index + 1 < s->next));
}

static int
replay(void *arg, uint64_t index, struct bytes payload)
{
	struct gate *g = arg;
	int err = core_replay(g->core, index, payload);

	/* Now, for a torn end is cut off only after the replay. */
	return err == 0 && lacks_checkpoint(g) ? ERR_CORRUPT : err;
}

/*
 * The journal is evidence from here on: it is closed as it is, and nothing
 * runs. Always ERR_CORRUPT.
 */
static int
keep_evidence(struct gate *g, const char *reason, const char *detail)
{
	journal_close(g->journal);
	g->journal = NULL;
	(void)tamper_seal(g, reason, detail, bytes_of(NULL, 0));
	return ERR_CORRUPT;
}

static int
journal_is_corrupt(struct gate *g, const struct journal_start *start)
{
	const char *why = core_error(g->core);
	char detail[300];

	if (why[0] == '\0' && lacks_checkpoint(g))
		return keep_evidence(g, "checkpoint_missing", "");
	snprintf(detail, sizeof(detail), "record %llu: %s",
	    (unsigned long long)start->bad_index, why[0] != '\0' ? why :
	    start->why);
	return keep_evidence(g, start->rolled_back ? "journal_rolled_back" :
	    "journal_tampered", detail);
}

/*
 * What is not there any more was pruned by age, or somebody took it: no policy
 * lets go of a record before that time, so the state that is first now must be
 * that old.
 */
static int
check_pruned(struct gate *g, const struct journal_start *start)
{
	struct journal_cursor at;
	struct record_doc *d = NULL;
	struct buf payload;
	struct entry e;
	int r;

	if (start->first == 0)
		return 0;
	journal_seek(&at, start->first);
	buf_init(&payload, ENTRY_MAX);
	r = journal_read(g->journal, &at, &payload, &e);
	if (r == 0)
		r = ERR_CORRUPT;
	if (r == 1 && (r = record_read(e.payload, &d)) == 0 &&
	    (record_of(d)->kind != RECORD_STATE ||
	    core_standing(g->core)->running_ms - record_of(d)->running_ms <=
	    CAP_RETENTION_DAYS_MIN * INT64_C(86400000)))
		r = ERR_CORRUPT;
	record_free(d);
	buf_free(&payload);
	return r < 0 && r != ERR_NOMEM && r != ERR_IO ? ERR_CORRUPT : r;
}

static int
open_journal(struct gate *g, struct journal_start *ret_start)
{
	struct journal_seal seal;
	int err, sealed;

	memset(ret_start, 0, sizeof(*ret_start));
	sealed = checkpoints_read(g->checkpoints, &seal);
	if (sealed == ERR_CORRUPT)
		return keep_evidence(g, "checkpoint_damaged", "");
	if (sealed != 0 && sealed != ERR_NOT_FOUND)
		return complain(g, "the checkpoint", sealed,
		    "see that the state folder is the agent's own, and that"
		    " its disk works");
	err = journal_open(g->state_dir, sealed == 0 ? &seal : NULL, replay,
	    g, &g->journal, ret_start);
	if (err == 0)
		err = core_replayed(g->core);
	if (err == ERR_CORRUPT)
		return journal_is_corrupt(g, ret_start);
	if (err == 0 && (err = check_pruned(g, ret_start)) == ERR_CORRUPT)
		return keep_evidence(g, "journal_tampered",
		    "its oldest records are gone before their time");
	if (err == ERR_EXISTS)
		return complain(g, g->config.state, err,
		    "another agent uses this state folder: stop it first");
	if (err != 0)
		return complain(g, "the journal", err,
		    "see that the state folder is the agent's own, and that"
		    " its disk has room");
	return 0;
}

static int
open_core(struct gate *g)
{
	struct core_config cfg = { .host = &host, .arg = g,
	    .release_date = RELEASE_DATE };
	int err;

	if ((err = clock_boot_id(cfg.boot_id)) != 0)
		return complain(g, "the boot id", err,
		    "mount /proc where the agent runs");
	return core_new(&cfg, &g->core);
}

/* Whether the folder is of a device whose key must be there. */
static bool
has_journal(const struct gate *g)
{
	int dir = -1, err = file_open_dir_at(g->state_dir, "journal", &dir);

	file_close(&dir);
	return err != ERR_NOT_FOUND;
}

static int
open_key(struct gate *g, bool make)
{
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%s", g->config.state, KEY_NAME);
	err = identity_open(path, make, &g->key);
	if (err == ERR_NOT_FOUND && !has_journal(g))
		return complain(g, "this device is not enrolled", err,
		    "run countersignd enrol --token FILE");
	if (err == 0)
		return 0;
	err = complain(g, path, err, "the device key must be a file of the"
	    " agent's own with mode 0600: put it back, or enrol again"
	    " (countersignd enrol)");
	/* It says nothing of the journal. */
	return err == ERR_NOT_FOUND || err == ERR_CORRUPT ? ERR_PERMISSION :
	    err;
}

/* What witnesses have cosigned was this journal, and not more of it. */
static int
witnesses_check(struct gate *g)
{
	char detail[80];
	int err = checkpoints_read_cosigned(g->checkpoints, detail);

	if (err == ERR_ROLLBACK)
		return keep_evidence(g, "journal_rolled_back", detail);
	if (err == ERR_CONFLICT)
		return keep_evidence(g, "journal_tampered", detail);
	return err == ERR_CORRUPT ? keep_evidence(g, "checkpoint_damaged",
	    detail) : err;
}

/* The epoch's key and the checkpoint go with the journal, or somebody took
 * one of them away. */
static int
open_seals(struct gate *g)
{
	const struct standing *s = core_standing(g->core);
	int err;

	err = checkpoints_check(g->checkpoints);
	if (err == ERR_NOT_FOUND)
		return keep_evidence(g, "checkpoint_missing", "");
	if (err == ERR_CORRUPT)
		return keep_evidence(g, "checkpoint_damaged",
		    "the epoch's key has not signed it");
	if (err == 0)
		err = witnesses_check(g);
	if (err == ERR_CORRUPT)
		return err;
	if (err != 0)
		return complain(g, "the checkpoint", err, "see that the disk"
		    " works and has room");
	err = epochs_open(g->epochs, s->epoch, s->epoch_key);
	if (err == ERR_NOT_FOUND)
		return keep_evidence(g, "epoch_key_missing", "");
	if (err != 0)
		return complain(g, "the epoch's key", err, "see that the"
		    " state folder is the agent's own");
	return 0;
}

int
gate_anchor(struct gate *g)
{
	int err;

	if (journal_next(g->journal) == 0)
		return 0;
	if ((err = core_first_epoch(g->core, gate_moment())) != 0 ||
	    (err = gate_sync(g)) != 0)
		return err;
	/* With the first in place, its absence is a sign. */
	return checkpoints_size(g->checkpoints) == 0 ?
	    checkpoints_make(g->checkpoints) : 0;
}

/* `recovered` and what follows are the gate's first records of this start. */
static int
note_torn(struct gate *g, const struct journal_start *start)
{
	int err;

	if (!start->torn)
		return 0;
	log_event(&g->log, SERVICE_WARNING, "the journal's torn end was cut"
	    " bytes=%llu: open cards need new approvals",
	    (unsigned long long)start->torn_bytes);
	err = core_note_recovered(g->core, gate_moment(), start->torn_bytes,
	    &start->torn_hash);
	if (err == 0)
		err = core_recover(g->core, gate_moment(), true);
	if (err == 0)
		err = gate_sync(g);
	return err == 0 ? journal_recovered(g->journal) : err;
}

int
gate_open(struct gate *g, bool make_key)
{
	struct journal_start start;
	int err;

	g->state_dir = -1;
	/* What a status is made of, whatever becomes of the rest. */
	if ((err = open_core(g)) != 0 ||
	    (err = checkpoints_new(g, &g->checkpoints)) != 0)
		return err;
	err = make_key ? file_make_dir(g->config.state, &g->state_dir) :
	    file_open_dir(g->config.state, &g->state_dir);
	if (err == ERR_NOT_FOUND)
		return complain(g, "this device is not enrolled", err,
		    "run countersignd enrol --token FILE");
	if (err == 0)
		err = file_check_private(g->state_dir);
	if (err != 0)
		return complain(g, g->config.state, err, "the state folder"
		    " must be the agent's own (no link), with mode 0700");
	if ((err = open_key(g, make_key)) != 0)
		return err;
	if ((err = blobs_open(g->state_dir, &g->blobs)) != 0)
		return complain(g, "the folder blobs", err, "see that it is"
		    " the agent's own, and that its disk works and has room");
	if ((err = transcripts_open(g->state_dir, TRANSCRIPTS_CAP,
	    &g->transcripts)) != 0)
		return complain(g, "the folder transcripts", err, "see that it"
		    " is the agent's own, and that its disk works and has"
		    " room");
	if ((err = epochs_new(g->state_dir, &g->epochs)) != 0)
		return err;
	if (tamper_is_flagged(g))
		return ERR_CORRUPT;
	if ((err = open_journal(g, &start)) != 0 ||
	    (err = open_seals(g)) != 0)
		return err;
	if ((err = gate_anchor(g)) != 0)
		return complain(g, "the first checkpoint", err,
		    "see that the disk works and has room");
	return note_torn(g, &start);
}

/* ---- after opening ---- */

static bool
has_lock_flag(const struct gate *g)
{
	uint64_t size;
	int64_t changed;

	/* Whatever stands there, or cannot be looked at, locks. */
	return file_stat(g->state_dir, LOCK_NAME, &size, &changed) !=
	    ERR_NOT_FOUND;
}

/* A copy of this disk in another machine is another device. */
static int
check_machine(struct gate *g)
{
	struct sha256 machine;
	int err = identity_machine(&machine);

	if (err == ERR_NOT_FOUND)
		return 0;
	if (err != 0)
		return err;
	if (sha256_equal(&machine, &core_standing(g->core)->machine) ||
	    core_lock(g->core)->on)
		return 0;
	log_event(&g->log, SERVICE_ERROR, "this is another machine than the"
	    " one that was enrolled: locked down; enrol again"
	    " (countersignd enrol)");
	return core_lockdown(g->core, gate_moment(), true, "tamper", "device",
	    bytes_str("other_machine"));
}

static int
note_program(struct gate *g, const char *name, const struct program *p)
{
	struct sha256 hash;
	int err = interpreter_hash(&g->planner.cache, p, hash.b);

	if (err != 0)
		return err;
	return core_note_version(g->core, gate_moment(), name, &hash);
}

static int
note_programs(struct gate *g)
{
	int err = 0;

	if (g->own_file.fd >= 0) {
		err = note_program(g, "countersignd", &g->own_file);
	} else {
		/* Started from a place that no packet owns: it is noted. */
		log_event(&g->log, SERVICE_WARNING,
		    "countersignd itself may be changed by others");
	}
	if (err == 0)
		err = note_program(g, "countersign-courier",
		    &g->courier_file);
	if (err == 0)
		err = note_program(g, "countersign-runner", &g->runner_file);
	return err;
}

int
gate_recover(struct gate *g)
{
	int err;

	if (g->journal == NULL)
		return 0;
	if (has_lock_flag(g) && !core_lock(g->core)->on &&
	    (err = core_lockdown(g->core, gate_moment(), true, "local",
	    "local:flag", bytes_str("flag_file"))) != 0)
		return err;
	if ((err = check_machine(g)) != 0 ||
	    (err = core_recover(g->core, gate_moment(), false)) != 0 ||
	    (err = note_programs(g)) != 0)
		return err;
	return gate_sync(g);
}

int
gate_lockdown(struct gate *g, bool on, const char *by, struct bytes reason)
{
	int err = 0;

	if (on) {
		core_seal(g->core, "local", by, "lockdown");
		runs_stop_all(g->runs, "lockdown");
		/* A flag that cannot be written must not stop the lockdown. */
		if (file_replace(g->state_dir, LOCK_NAME, reason) != 0)
			log_event(&g->log, SERVICE_ERROR, "the lockdown's"
			    " flag file cannot be written");
	}
	if (g->journal != NULL)
		err = core_lockdown(g->core, gate_moment(), on, "local", by,
		    reason);
	if (err == 0 && !on) {
		if ((err = gate_sync(g)) == 0 &&
		    has_lock_flag(g) &&
		    (err = file_remove(g->state_dir, LOCK_NAME)) == 0)
			err = file_sync_dir(g->state_dir);
	}
	return err;
}

/* ---- programs ---- */

static int
open_program(const struct config *c, const struct log *log, const char *name,
    struct program *ret_p)
{
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%s", c->programs, name);
	err = program_open(path, PROGRAM_OWNER_SELF, ret_p);
	if (err != 0)
		log_event(log, SERVICE_ERROR, "%s: %s: the agent's programs"
		    " and the folders above them must be root's (or the"
		    " agent's own) and not writable by others", path,
		    err_text(err));
	return err;
}

int
gate_find_programs(const struct config *c, const struct log *log,
    struct gate_programs *ret_p)
{
	int err = open_program(c, log, "countersign-courier",
	    &ret_p->courier);

	return err != 0 ? err : open_program(c, log, "countersign-runner",
	    &ret_p->runner);
}

static bool
is_installed_anew(const struct config *c, const struct program *was)
{
	char path[4096];
	struct program now;
	bool anew = true;

	snprintf(path, sizeof(path), "%s/countersign-runner", c->programs);
	if (program_open(path, PROGRAM_OWNER_SELF, &now) == 0) {
		anew = !program_is_same(was, &now);
		program_close(&now);
	}
	return anew;
}

bool
gate_may_renew(const struct config *c, const struct program *runner,
    const struct log *log)
{
	char why[256];

	if (config_check(c, why, sizeof(why)) == 0 ||
	    is_installed_anew(c, runner))
		return true;
	log_event(log, SERVICE_ERROR, "%s: %s: mend it; until then the agent"
	    " goes on with what it was told before", c->given, why);
	return false;
}

static size_t
keep_courier(void *user, int *ret_pids, size_t n)
{
	struct gate *g = user;

	if (g->uplink == NULL || n == 0 || uplink_pid(g->uplink) == 0)
		return 0;
	ret_pids[0] = uplink_pid(g->uplink);
	return 1;
}

int
gate_open_programs(struct gate *g)
{
	struct executor_config cfg = { .loop = g->loop, .keep = keep_courier,
	    .user = g };
	struct gate_programs programs;
	int err;

	/* Now: not every system has it later, when another took its name. */
	if (program_open_own(&g->own_file) != 0)
		g->own_file.fd = -1;
	if (g->runner_file.fd < 0) {
		if ((err = gate_find_programs(&g->config, &g->log,
		    &programs)) != 0)
			return err;
		g->courier_file = programs.courier;
		g->runner_file = programs.runner;
	}
	cfg.runner_fd = g->runner_file.fd;
	cfg.name = g->config.state;
	cfg.steward = g->steward;
	if ((err = executor_open(&cfg, &g->executor)) != 0)
		return complain(g, "the executor", err,
		    "the system refuses what runs need");
	g->planner.executor = g->executor;
	g->planner.runner = &g->runner_file;
	g->planner.config = &g->config;
	identities_init(&g->planner.identities);
	/* Before anything of ours runs as one of the accounts. */
	if (identities_sweep(&g->planner.identities) != 0)
		log_event(&g->log, SERVICE_WARNING, "what an earlier agent"
		    " left running could not be swept");
	offers_begin(&g->offers, g->runner_file.fd, &g->planner.identities);
	if ((err = runs_new(g, &g->runs)) != 0)
		return err;
	return outbox_new(g, &g->outbox);
}

void
gate_close(struct gate *g)
{
	runs_free(g->runs);
	outbox_free(g->outbox);
	executor_close(g->executor);
	program_close(&g->courier_file);
	program_close(&g->runner_file);
	program_close(&g->own_file);
	linkfile_free(&g->link);
	journal_close(g->journal);
	transcripts_close(g->transcripts);
	blobs_close(g->blobs);
	core_free(g->core);
	epochs_free(g->epochs);
	checkpoints_free(g->checkpoints);
	if (g->key != NULL)
		identity_close(g->key);
	file_close(&g->state_dir);
	config_free(&g->config);
}
