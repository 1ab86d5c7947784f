/*
 * core.h - what the gate decides: bytes, state and now in, records out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The core holds the trust files and the queue, and changes them in one way
 * only: by folding a journal record. Everything that happens to the device
 * (an envelope, a veto, a runner's end, the clock) is a call of one core_*
 * function, which decides and emits records; the host appends each to the
 * journal and the core folds it. Starting after a crash folds the same records
 * again, so what is on disk and what is in memory cannot differ.
 *
 * Effects on the world (a run, a stop) are only noted here. The host carries
 * them out after the records are synced: core_next_effect().
 *
 * No clock, no file descriptor, no libuv: tests drive the core alone.
 */
#ifndef COUNTERSIGN_AGENT_GATE_CORE_H
#define COUNTERSIGN_AGENT_GATE_CORE_H

#include "agent/gate/limiter.h"
#include "common/card.h"
#include "common/deviceid.h"
#include "common/envelope.h"
#include "common/policy.h"
#include "common/queue.h"
#include "common/record.h"
#include "common/standing.h"
#include "common/trust.h"

/* The moment of one loop turn. */
struct moment {
	int64_t clock;		/* the wall clock, s since 1970 */
	uint64_t boot_ms;	/* boot-time clock */
};

/* A clock this far below the floor cannot be right: nothing starts. */
#define CORE_CLOCK_SLACK_S 300

enum effect_kind {
	EFFECT_START,		/* an exec_intent was recorded: run the card */
	EFFECT_STOP		/* stop the run of the card; reason says why */
};

struct effect {
	enum effect_kind kind;
	struct sha256 card;
	char reason[24];	/* "veto", "cancel", "lockdown" */
};

/* How an approved card would be run: what exec_intent names. */
struct core_plan {
	struct sha256 plan;		/* digest of the plan's bytes */
	char interpreter[256];
	struct sha256 interpreter_hash;
	struct sha256 runner_hash;
};

/* What the statement of a new epoch says besides its key. */
struct core_epoch {
	const char *org;
	const char *device;
	int64_t epoch;
	int64_t issued;			/* seconds */
};

/* Takes one record of the journal. */
typedef int core_fold_fn(void *to, uint64_t index, struct bytes payload);

/*
 * What the core asks of its host. Every function gets `arg` first.
 */
struct core_host {
	/*
	 * Appends the record to the journal (not yet synced). blob, where not
	 * empty, is stored under `name` and synced before. must: a record that
	 * the reserve on a full disk is kept for. Any error but ERR_NO_SPACE
	 * of a record that is no must ends the agent.
	 */
	int (*append)(void *arg, struct bytes payload, bool must,
	    const struct sha256 *name, struct bytes blob,
	    uint64_t *ret_index);
	/* The bytes of a blob; ret_b is the caller's. ERR_NOT_FOUND, … */
	int (*load)(void *arg, const struct sha256 *name, struct buf *ret_b);
	/* The same of a snapshot, whose name is its plain SHA-256. */
	int (*load_state)(void *arg, const struct sha256 *name,
	    struct buf *ret_b);
	/* Whether the next record begins a segment: with a `state`. */
	bool (*wants_state)(void *arg);
	/*
	 * Stores the snapshot under that name, syncs it and begins a segment.
	 * ERR_NO_SPACE: there is no room, and the last one goes on.
	 */
	int (*begin_segment)(void *arg, const struct sha256 *name,
	    struct bytes snapshot);
	/*
	 * Makes the key of the next epoch, keeps its secret, and signs the
	 * statement of it, which ret_payload gets, with the key before.
	 * ERR_NO_SPACE: there will be another occasion.
	 */
	int (*next_epoch)(void *arg, const struct core_epoch *ask,
	    struct buf *ret_payload, uint8_t ret_key[RECORD_DEVICE_KEY],
	    uint8_t ret_sig[64]);
	/*
	 * Gives every record of the journal to fold, in order, those just
	 * appended too: from record 0, or from the `state` that what was not
	 * pruned begins with. Its errors, or fold's.
	 */
	int (*each)(void *arg, core_fold_fn *fold, void *to);
	/* n random bytes. */
	int (*random)(void *arg, void *ret_p, size_t n);
	/*
	 * Whether the card's interpreter and profile are to be had here: NULL,
	 * or the word to refuse it with, and a text for people ("" before). Not
	 * final is "sandbox_unavailable".
	 */
	const char *(*offers)(void *arg, const struct card *card,
	    const struct verdict *v, char ret_detail[REFUSAL_DETAIL_SIZE]);
	/*
	 * Makes the plan of the card and keeps it for EFFECT_START, which may
	 * not come: then it is asked again, and the new one counts. NULL, or
	 * a word why it cannot be: "disk_full" has the card wait for room,
	 * "account_busy" for an account to look as.
	 */
	const char *(*plan)(void *arg, const struct card *card,
	    const struct verdict *v, struct core_plan *ret_plan);
};

struct core;

struct core_config {
	const struct core_host *host;
	void *arg;
	char boot_id[40];
	int64_t release_date;	/* floor of the clock, s since 1970 */
};

/* An empty core. ERR_NOMEM. */
MUST_CHECK int core_new(const struct core_config *cfg, struct core **ret_c);
void core_free(struct core *c);

/* ---- replay ---- */

/*
 * Folds one record of the journal, in order: from record 0, or from a `state`
 * with its snapshot. ERR_CORRUPT (see core_error for words) if it makes no
 * sense: tampering, or a defect of ours.
 */
MUST_CHECK int core_replay(struct core *c, uint64_t index,
    struct bytes payload);
/*
 * After the last of them, before anything else: where the clock was taken back
 * the digests that were forgotten meanwhile are remembered again. Errors of
 * the host's each(), ERR_CORRUPT, ERR_NOMEM.
 */
MUST_CHECK int core_replayed(struct core *c);
const char *core_error(const struct core *c);

/*
 * After the replay: ends what was running as exec_interrupted, gives open
 * cards a new nonce after another boot or if the journal's tail was cut,
 * cancels open `auto` cards then. 0, or an error of append.
 */
MUST_CHECK int core_recover(struct core *c, struct moment m, bool tail_cut);

/* ---- the device itself ---- */

/* What the first record of a journal says. */
struct core_genesis {
	const char *org;
	const char *device;
	const uint8_t *key;		/* 32 bytes, public */
	const struct sha256 *machine;
	const char *pin;
	const char *pin_from;		/* "argument", "file", "typed" */
	const char *previous_device;	/* or NULL */
	struct bytes previous_checkpoint;	/* a note; or empty */
};

/* Begins a journal that is empty. */
MUST_CHECK int core_begin(struct core *c, struct moment m,
    const struct core_genesis *g);
/*
 * Records the first epoch if there is none yet. Nothing may be appended behind
 * it before it is synced and a checkpoint is made over it.
 */
MUST_CHECK int core_first_epoch(struct core *c, struct moment m);
/* Notes that a torn tail was cut. */
MUST_CHECK int core_note_recovered(struct core *c, struct moment m,
    uint64_t bytes, const struct sha256 *hash);
/* Notes which build of a program runs, if it is another than before. */
MUST_CHECK int core_note_version(struct core *c, struct moment m,
    const char *program, const struct sha256 *hash);
/* Nothing new starts any more: the agent is about to end. */
void core_hold(struct core *c);
/*
 * Locks without a record: a lockdown takes effect before it can be recorded,
 * and a journal that is evidence takes no record. A lock for signs of tampering
 * stays one.
 */
void core_seal(struct core *c, const char *source, const char *by,
    const char *reason);

/* ---- what happens ---- */

/* An envelope by way of the console (local false) or the control socket. */
enum core_answer {
	CORE_ACCEPTED,		/* recorded; it counts */
	CORE_KNOWN,		/* seen before: no record, no effect */
	CORE_REFUSED		/* recorded as refused, or held back */
};

struct core_reply {
	enum core_answer answer;
	struct sha256 card;	/* where it is about one */
	bool has_card;
	char reason[48];	/* of a refusal */
	char detail[200];
};

/*
 * Each decides on one input at that moment, emits its records and tells what
 * came of it. They return 0, or an error of append that ends the agent.
 */
MUST_CHECK int core_card(struct core *c, struct moment m,
    const struct envelope *e, struct core_reply *ret_r);
MUST_CHECK int core_approval(struct core *c, struct moment m,
    const struct envelope *e, struct core_reply *ret_r);
MUST_CHECK int core_cancel(struct core *c, struct moment m,
    const struct envelope *e, struct core_reply *ret_r);
MUST_CHECK int core_trust(struct core *c, struct moment m,
    const struct envelope *e, struct core_reply *ret_r);

/* The console takes a card back, unsigned. */
MUST_CHECK int core_withdraw(struct core *c, struct moment m,
    const struct sha256 *card, struct bytes reason);
/* The device's own people: `by` is "local:NAME". */
MUST_CHECK int core_veto(struct core *c, struct moment m,
    const struct sha256 *card, const char *by, struct bytes reason,
    struct core_reply *ret_r);
/* One for signs of tampering is not lifted: then nothing happens. */
MUST_CHECK int core_lockdown(struct core *c, struct moment m, bool on,
    const char *source, const char *by, struct bytes reason);
/*
 * Takes the clock's floor back to the clock (but not behind the trust files).
 * Digests that were forgotten since are remembered again: the queue is folded
 * anew from the whole journal. What of it was pruned cannot be folded: a clock
 * before the oldest segment is refused, `too_far_back`.
 */
MUST_CHECK int core_clock_reset(struct core *c, struct moment m,
    const char *by, struct bytes reason, struct core_reply *ret_r);

/* Something unreadable came over the link; a child broke its rules. */
MUST_CHECK int core_link_refused(struct core *c, struct moment m,
    struct bytes reason, uint32_t length, const struct sha256 *hash);
MUST_CHECK int core_violation(struct core *c, struct moment m,
    const char *role, const char *reason);

/* A run began, ended (rec: kind exec_result with its own fields set). */
MUST_CHECK int core_started(struct core *c, struct moment m,
    const struct sha256 *card, uint32_t pid, const char *enforced);
MUST_CHECK int core_ended(struct core *c, struct moment m,
    struct record *rec);

/*
 * Once a turn, after all input: expires cards, lets approvals lapse, follows a
 * changed policy, and intends the runs that may start now.
 */
MUST_CHECK int core_turn(struct core *c, struct moment m);

/*
 * When the next thing falls due without input: seconds from m on (at least 1),
 * or -1 for never. An approved card that waits for what nobody reports (room on
 * the disk, its rate, the clock) is looked at once a minute; for an account
 * that another agent has, once a second.
 */
int64_t core_wait_s(const struct core *c, struct moment m);

/* The next effect, oldest first; false when there is none. */
bool core_next_effect(struct core *c, struct effect *ret_e);

/* ---- looking ---- */

/* max(clock, floor): what `now` is everywhere. */
int64_t core_now(const struct core *c, struct moment m);
const struct queue *core_queue(const struct core *c);
const struct trust *core_trust_files(const struct core *c);
/* What the records come to besides: the accepted roots, the epoch, … */
const struct standing *core_standing(const struct core *c);
/*
 * One above the index of the newest record that ended a card or began an
 * epoch; and that of the newest `state`. 0: none since this start.
 */
uint64_t core_landmark(const struct core *c);
uint64_t core_landmark_segment(const struct core *c);
/* The lockdown that holds: a recorded one, or core_seal()'s. */
const struct standing_lock *core_lock(const struct core *c);
const char *core_org(const struct core *c);
const char *core_device(const struct core *c);
/* The word for what keeps anything from running now, or NULL. */
const char *core_blocked(const struct core *c, struct moment m);
/*
 * What an approved card waits for, in words; NULL it is not approved, or runs.
 * card: what it says, or NULL: then not whether it comes after others.
 */
const char *core_waits_for(const struct core *c, struct moment m,
    const struct queue_item *item, const struct card *card);
/* The same of the one that is first. */
const char *core_first_waits_for(const struct core *c, struct moment m);

/*
 * Looks at a card as things stand, for `show`: loads and parses it, decides
 * and appends who is still missing (rules_missing_text) to ret_missing. The
 * caller frees *ret_card. ERR_NOT_FOUND, ERR_STATE trust files are missing.
 */
MUST_CHECK int core_examine(const struct core *c, struct moment m,
    const struct sha256 *digest, struct card **ret_card,
    struct verdict *ret_v, struct buf *ret_missing);

#endif
