/*
 * starter.h - who starts others, so that the gate can do without.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The service is two processes: the *starter*, which the service manager
 * started, and the gate, its child, which decides and is confined (guard.h). A
 * card of profile full has what root has, and whatever confines a process holds
 * for all that it starts: so the gate starts nothing, it asks the starter. That
 * one parses no word of anybody else, and does a fixed few things (process.h,
 * program.h, the account files, the service manager's notes): what it starts is
 * the courier and the runner, and nothing else.
 *
 * Everything else calls process.h and the like as it always does: in the gate
 * they ask. Where a system has no starter (macOS, Windows) they do it at once.
 */
#ifndef COUNTERSIGN_PLATFORM_STARTER_H
#define COUNTERSIGN_PLATFORM_STARTER_H

#include "common/error.h"

#include <stdbool.h>

struct starter {
	int courier_fd;		/* the programs, as program_open() did: the */
	int runner_fd;		/* starter runs these, whatever is asked */
	const char *courier_user;
	int gates;		/* what only the gate keeps; 0 none */
	bool (*may_renew)(void *arg);	/* whether SIGHUP is passed on; NULL:
					 * always */
	void *arg;
};

/* Which of the two we are; starter_split()'s results besides errors. */
#define STARTER_IS_OVER 0	/* the starter; the gate has ended */
#define STARTER_IS_GATE 1

/*
 * Splits this process, which has one thread, no child and no loop yet. In the
 * gate, and where there is no starter, it returns STARTER_IS_GATE at once. In
 * the starter it does what it is asked and passes on SIGTERM, SIGINT and SIGHUP
 * until the gate has ended: then STARTER_IS_OVER, *ret_code is its exit code,
 * or it ends itself by the signal that ended the gate. Neither outlives the
 * other. ERR_IO.
 */
MUST_CHECK int starter_split(const struct starter *s, int *ret_code);

/* Whether we are a gate that has a starter. */
bool starter_is_there(void);

#endif
