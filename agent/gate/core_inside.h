/*
 * core_inside.h - the inside of the core: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_CORE_INSIDE_H
#define COUNTERSIGN_AGENT_GATE_CORE_INSIDE_H

#include "agent/gate/core.h"
#include "common/caps.h"
#include "common/people.h"
#include "common/rules.h"

/* Runs at the same time: one that changes things, four that look. */
#define SLOTS_CHANGING 1
#define SLOTS_LOOKING 4

/* Programs whose build is noted: gate, courier, runner. */
#define CORE_PROGRAMS 4

struct core_program {
	char name[32];
	struct sha256 hash;
};

struct core {
	struct core_config cfg;
	struct trust *trust;		/* NULL before the genesis record */
	struct queue *queue;
	char org[TEXT_ORG_MAX + 1];
	char device[DEVICEID_SIZE];
	struct core_lock lock;
	struct sha256 machine;
	struct core_program programs[CORE_PROGRAMS];
	bool hold;
	struct limiter limiter;
	int64_t last_record;		/* time of the newest record */
	bool replaying;
	bool policy_changed;		/* since the last turn */
	char error[160];
	uint64_t *roots;		/* indexes of the records of roots */
	size_t n_roots;
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
