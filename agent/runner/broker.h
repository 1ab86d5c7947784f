/*
 * broker.h - services, for a `repair` that may not talk to their manager.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * The payload has root's number: with a Unix socket to the service manager it
 * would be root without limits. So it asks the runner, which does the verbs to
 * the units that the plan declares, and nothing else.
 *
 * A request is one message, "ID VERB UNIT": ID 1 to 20 digits, VERB one of
 * start, stop, restart, reload, status. The answer is "ID CODE\n" and what the
 * manager's program said. CODE is its exit code, or one of these.
 */
#ifndef COUNTERSIGN_AGENT_RUNNER_BROKER_H
#define COUNTERSIGN_AGENT_RUNNER_BROKER_H

#include "common/plan.h"
#include "platform/clock.h"
#include "platform/manager.h"
#include "platform/process.h"
#include "platform/sandbox.h"

#define BROKER_UNAVAILABLE 69	/* no manager, or it could not be run */
#define BROKER_REFUSED 77	/* not part of the approved action */
#define BROKER_TOO_LONG 124	/* after BROKER_MS it was given up */

#define BROKER_REQUEST_MAX 512u
#define BROKER_ANSWER_MAX (32u * 1024)	/* what is longer is cut */
/* How long one request may take; the card's own deadline comes on top. */
#define BROKER_MS 200000u

/* What it does at the moment. */
enum broker_step {
	BROKER_IDLE,
	BROKER_LOOKING,		/* systemctl show: what the unit is made of */
	BROKER_ACTING,
	BROKER_AWAITING		/* a script, which the steward runs */
};

struct broker {
	struct sandbox_helper helper;
	const struct plan *plan;
	struct manager manager;
	int socket;		/* to the payload */
	int timer;
	enum broker_step step;
	struct process child;
	int output;		/* of the child, or -1 */
	int steward;		/* runs the scripts, or -1 */
	struct buf text;	/* what it said */
	char id[24];		/* of the request */
	const char *verb;
	const char *unit;	/* in the plan: */
	uint32_t service;	/* its index there, */
	uint32_t verb_bit;	/* and the verb's */
	bool gave_up;
	uint32_t done;		/* requests that were carried out */
	uint32_t refused;
	/* As broker_finish() found them. */
	uint32_t left;		/* processes of services that stay */
	uint32_t ended;		/* processes of a script that was killed */
};

/*
 * Makes it ready: with this, sandbox_start() and sandbox_wait() serve the
 * payload. ERR_IO, ERR_UNSUPPORTED.
 */
MUST_CHECK int broker_open(struct broker *b, const struct plan *p);
/* The same with a manager that is not the machine's, and no steward: for
 * tests. */
MUST_CHECK int broker_open_with(struct broker *b, const struct plan *p,
    const struct manager *m);
/*
 * After the payload's end: ends a script that still runs, and counts. Services
 * that were started stay. Waits at most within_ms.
 */
void broker_finish(struct broker *b, unsigned within_ms);
/* Lets go; what it runs was killed by sandbox_wait(). */
void broker_close(struct broker *b);

/*
 * Which of the plan's services a request means: its index, its id and verb. -1
 * it is none, or not declared. Pure; ret_id is "" where it has none.
 */
int broker_permits(const struct plan *p, struct bytes request,
    char ret_id[24], const char **ret_verb);

#endif
