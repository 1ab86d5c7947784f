/*
 * identities.h - who a card that only looks is run as.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * As root: one of the accounts of platform/observers.h, which nothing else runs
 * as while it is taken. Otherwise everything runs as who we are.
 */
#ifndef COUNTERSIGN_AGENT_GATE_IDENTITIES_H
#define COUNTERSIGN_AGENT_GATE_IDENTITIES_H

#include "platform/observers.h"
#include "platform/privileges.h"

/* How long a start waits for one that other agents of this machine have all. */
#define IDENTITIES_WAIT_MS 5000u

/* None taken. */
#define IDENTITY_NONE (-1)

struct identities {
	int held[OBSERVERS];	/* of observers_hold(), or -1 */
};

void identities_init(struct identities *ids);

/*
 * Takes a free account: until identities_release() it is this card's. *ret_slot
 * says which. What still runs as it, of a card whose agent and runner died, is
 * killed first. Waits at most wait_ms for other agents of this machine.
 * ERR_NOT_FOUND the machine has not all of them; ERR_EXISTS all are taken;
 * ERR_UNSUPPORTED; ERR_IO; privileges_find_user()'s errors.
 */
MUST_CHECK int identities_take(struct identities *ids, unsigned wait_ms,
    struct identity *ret_id, int *ret_slot);
/*
 * The descriptor by which an account is held, -1 of IDENTITY_NONE: whoever else
 * has it open holds it too. The runner does: what it has to end as that user
 * must not be another agent's card by then.
 */
int identities_held(const struct identities *ids, int slot);
/* Gives it back; sets *slot to IDENTITY_NONE. Idempotent. */
void identities_release(struct identities *ids, int *slot);

/*
 * Kills whatever runs as one of the accounts that no agent holds: what an
 * earlier one left. 0 also where there are none; the first error else.
 */
int identities_sweep(struct identities *ids);

/*
 * Whether all accounts are there and fit: 0, or ERR_NOT_FOUND and a sentence
 * that names those that are missing and what makes them.
 */
MUST_CHECK int identities_check(char *ret_why, size_t n);

#endif
