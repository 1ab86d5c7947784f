/*
 * core_inside.h - the inside of the core: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_CORE_INSIDE_H
#define COUNTERSIGN_AGENT_GATE_CORE_INSIDE_H

#include "agent/gate/budgets.h"
#include "agent/gate/core.h"
#include "common/caps.h"
#include "common/people.h"
#include "common/rules.h"

/* Runs at the same time: one that changes things, four that look. */
#define SLOTS_CHANGING 1
#define SLOTS_LOOKING 4

/* Refused cards that are remembered; more are refused without a claim. */
#define CORE_REFUSED_MAX 20000

/* A card that waits for others. */
struct core_after {
	struct sha256 card;
	struct sha256 after[CAP_AFTER];
	size_t n;
};

/* Whether those that a card comes after have finished with exit code 0. */
enum core_wait { CORE_WAIT_GO, CORE_WAIT_LATER, CORE_WAIT_NEVER };

struct core {
	struct core_config cfg;
	struct trust *trust;		/* NULL before the genesis record */
	struct queue *queue;
	struct standing s;
	struct standing_lock seal;	/* a lock that is not recorded */
	uint64_t landmark, landmark_segment;
	bool hold;
	/* Why an approved card did not start, in the turn that was last. */
	bool no_room, no_account;
	struct limiter limiter;
	struct budgets budgets;		/* of people whose cards are refused */
	struct core_after *after;	/* open cards that wait for others */
	size_t n_after, after_size;
	bool after_known;		/* all of them are in it */
	bool after_failed;		/* a card has ended badly */
	bool replaying;
	bool taken_back;		/* the replay had a `clock` */
	bool in_segment;		/* its first records are written */
	bool policy_changed;		/* since the last turn */
	char error[200];
	struct effect *effects;		/* a queue: first, n, size */
	size_t effects_first, effects_n, effects_size;
};

/* A card of the queue with all that a decision on it needs. */
struct dossier {
	struct card *card;
	struct verdict verdict;
	struct rules rules;
};

/* ---- core.c ---- */

/*
 * Stamps, encodes, appends and folds. must, name and blob: struct core_host.
 * ERR_NO_SPACE if the disk is full and the record is no must; then nothing
 * happened. Any other error ends the agent.
 */
MUST_CHECK int core_emit(struct core *c, struct moment m, struct record *rec,
    bool must, const struct sha256 *name, struct bytes blob);
/* The same without a blob, for what must be recorded. */
MUST_CHECK int core_emit_must(struct core *c, struct moment m,
    struct record *rec);

/* Whether the clock is so far behind that it cannot be right. */
bool core_clock_is_wrong(const struct core *c, struct moment m);

/* Notes an effect. ERR_NOMEM. */
MUST_CHECK int core_effect(struct core *c, enum effect_kind kind,
    const struct sha256 *card, const char *reason);

/* A query for policy_decide() about a card on this device. */
void core_query(const struct core *c, const struct card *card,
    struct bytes proposer, struct policy_query *ret_q);

/*
 * Loads the card and decides on it as things stand. ERR_STATE without people,
 * policy and device entry; ERR_CORRUPT its blob is not what it was; ERR_NOMEM,
 * ERR_IO. The caller ends it with dossier_close().
 */
MUST_CHECK int dossier_open(const struct core *c, struct moment m,
    const struct queue_item *item, struct dossier *ret_d);
void dossier_close(struct dossier *d);

/*
 * A reason that a local person or the courier gave, fit for a record: it is
 * not worth failing for.
 */
struct bytes core_reason(struct bytes reason);

/* Fills in a reply. Texts are cut. Always returns 0. */
int core_reply(struct core_reply *ret_r, enum core_answer answer,
    const char *reason, const char *detail);

/* ERR_CORRUPT, with words in core_error(). */
int core_corrupt(struct core *c, uint64_t index, const char *what);

/* ---- core_segment.c ---- */

/* Begins a segment if the journal wants one: state, then a new epoch. */
MUST_CHECK int core_segment(struct core *c, struct moment m);
/* A new epoch, where a day of running time has had records. */
MUST_CHECK int core_daily_epoch(struct core *c, struct moment m);
/* The core of an empty start becomes what the state record's snapshot says. */
MUST_CHECK int core_load_state(struct core *c, uint64_t index,
    const struct record *rec);
/* Whether a state record names the files that are held. */
bool core_has_files(const struct core *c, const struct record *rec);
/* The queue, folded anew from all that the journal has. */
MUST_CHECK int core_rebuild_queue(struct core *c);

/* ---- schedule.c ---- */

/* How many cards run that change things, and that look. */
void core_count_running(const struct core *c, unsigned *ret_changing,
    unsigned *ret_looking);

/* ---- after.c ---- */

/* Notes that a card which was taken in waits for others. ERR_NOMEM. */
MUST_CHECK int core_note_after(struct core *c, const struct card *card);
enum core_wait core_after_others(const struct core *c,
    const struct sha256 *after, size_t n);
/* Cancels what waits for a card that has ended badly. */
MUST_CHECK int core_cancel_after(struct core *c, struct moment m);

/* ---- consent.c ---- */

/* An accepted approval of an item, as rules.h takes it. */
void consent_approval(const struct queue_item *item,
    const struct queue_approval *a, const char *device,
    struct approval *ret_a);
/*
 * Whether the item's approvals that count now, and one more (or NULL), are
 * what the rules ask for.
 */
bool consent_is_enough(const struct core *c, const struct dossier *d,
    const struct queue_item *item, const struct approval *more,
    struct rules_missing *ret_m);

#endif
