/*
 * offers.h - what this machine can hold a card to, found out at each start.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * The runner's probe goes through each profile and tries what it is to keep
 * out (sandbox.h). It runs beside the rest of the start.
 */
#ifndef COUNTERSIGN_AGENT_GATE_OFFERS_H
#define COUNTERSIGN_AGENT_GATE_OFFERS_H

#include "agent/gate/identities.h"
#include "platform/process.h"
#include "platform/sandbox.h"

/* How long the probe may take before nothing but `full` is offered. */
#define OFFERS_WAIT_MS 30000u

struct offers {
	struct identities *ids;
	int slot;		/* the account that it tries `observe` as */
	struct process probe;
	int output;		/* of the probe, or -1 */
	char why[SANDBOX_TEXT_SIZE];	/* why `observe` is not tried; "" */
	/* For other agents that have all accounts: worth another try. */
	bool busy;
	struct sandbox_offer offer;
};

/*
 * Starts the probe of the runner that is open at runner_fd. Takes an account
 * out of ids until offers_finish(). What fails is kept for that.
 */
void offers_begin(struct offers *o, int runner_fd, struct identities *ids);
/*
 * Waits for its end, at most OFFERS_WAIT_MS, and says what came of it:
 * o->offer, always in a usable state. 0, or why the probe itself told nothing:
 * ERR_IO it could not be run, ERR_AGAIN it took too long, offer_read()'s
 * errors.
 */
int offers_finish(struct offers *o);

/* What is offered before anything was tried: only `full`. */
void offers_none(struct sandbox_offer *ret_o, const char *why);

#endif
