/*
 * events.h - what the system tells a process: stop, begin anew, a child ended.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * Signals on Linux and macOS; on Windows the service manager's controls, the
 * console's keys and processes that have ended. One shape for a loop: a
 * descriptor that becomes readable.
 */
#ifndef COUNTERSIGN_PLATFORM_EVENTS_H
#define COUNTERSIGN_PLATFORM_EVENTS_H

#include "common/error.h"

#include <stdbool.h>

/* What to be told of; bits. */
#define EVENTS_STOP 0x1u	/* SIGTERM, SIGINT; stop, shutdown, Ctrl-C */
#define EVENTS_RENEW 0x2u	/* SIGHUP; on Windows never */
#define EVENTS_CHILDREN 0x4u	/* SIGCHLD; a child of process.h has ended */

/* Most open at a time in one process. */
#define EVENTS_OPEN_MAX 4

/* What happened since the last look. */
struct events {
	unsigned stops;		/* how often we were asked to stop */
	bool renew;
	bool children;		/* perhaps one of ours has ended */
};

/*
 * A close-on-exec, non-blocking descriptor (on Windows a socket) that becomes
 * readable when one of these happens; from then on such a signal no longer
 * ends the process. Each open one is told of everything. ERR_NO_SPACE too many
 * are open; ERR_IO.
 */
MUST_CHECK int events_open(unsigned which, int *ret_fd);

/* What happened, and forgets it: the descriptor is no longer readable. */
void events_take(int fd, struct events *ret_e);

/* Closes *fd unless it is -1, and sets it to -1. What it was told of goes back
 * to how it was when nobody else is to be told. */
void events_close(int *fd);

#endif
