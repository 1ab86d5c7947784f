/*
 * planner.h - from an approved card to what the runner is told.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A plan follows from the signed bytes of card and policy, constant tables and
 * the machine's interpreters, and from nothing else.
 */
#ifndef COUNTERSIGN_AGENT_GATE_PLANNER_H
#define COUNTERSIGN_AGENT_GATE_PLANNER_H

#include "agent/gate/core.h"
#include "agent/gate/config.h"
#include "agent/gate/executor.h"
#include "agent/gate/identities.h"
#include "agent/gate/interpreter.h"

struct planner {
	struct executor *executor;
	const struct program *runner;
	const struct config *config;
	struct identities identities;
	struct interpreter_cache cache;
	/* Other agents had all accounts when `observe` was to be tried: what
	 * is approved for it waits until it has been. */
	bool untried;
};

/* What one run needs; it owns its buffers. */
struct prepared {
	struct sha256 card;
	struct buf plan;	/* bytes for executor_start() */
	struct buf script;	/* prologue and text */
	uint64_t timeout_ms;
	uint64_t output_bytes;	/* kept of both streams together */
	int account;		/* taken from the planner; IDENTITY_NONE */
};

/* Frees the buffers; the account stays taken. */
void prepared_free(struct prepared *p);
/* Gives the account back, once nothing runs as it any more, and frees. */
void planner_release(struct planner *p, struct prepared *prepared);

/*
 * Whether the card's interpreter, profile, write roots and services are to be
 * had here: NULL, or "sandbox_unavailable" (with the layer that failed in
 * ret_detail), "no_interpreter" or a word of roots_check().
 */
const char *planner_offers(struct planner *p, const struct verdict *v,
    char ret_detail[REFUSAL_DETAIL_SIZE]);

/*
 * Makes the plan. NULL and both results, or a word why it cannot be:
 * "no_interpreter", "plan_too_large", "survivors_unavailable", "no_memory",
 * "no_account" (those to look as are not fit), "sandbox_unavailable", a word of
 * roots_check(), which looks again; "account_busy": none is free, and the card
 * can wait. The caller ends it with planner_release().
 */
const char *planner_make(struct planner *p, const struct card *card,
    const struct verdict *v, struct prepared *ret_prepared,
    struct core_plan *ret_plan);

#endif
