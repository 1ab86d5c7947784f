/*
 * steward.h - who runs service scripts where no manager starts the services.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd (starts it), gate (asks it), runner (asks it; is it).
 *
 * systemd is told to start a service, and starts it. The scripts of OpenRC and
 * System V start it themselves, below whoever runs them: a daemon that an
 * action restarts that way would be one of the processes that end with the
 * action. So they are run by a process that stands beside the gate and not
 * below it. It knows the plan and does what that declares; nothing of the
 * payload is among its descendants.
 *
 *	countersignd, before it splits ── steward_start() ──> steward, once
 *	gate ── steward_ask() ────> a process of it for each run: its tender
 *	runner ── steward_put() ──> the tender: a service and a verb
 *
 * A tender ends with its run. What its scripts have left running stays, as the
 * system's own; a script that still runs is ended then, with all of it that
 * has not gone into a session of its own: that is a daemon by now.
 */
#ifndef COUNTERSIGN_PLATFORM_STEWARD_H
#define COUNTERSIGN_PLATFORM_STEWARD_H

#include "common/bytes.h"
#include "common/plan.h"

#include <stdbool.h>

/* Most of what a script says that is handed on; what is longer is cut. */
#define STEWARD_TEXT_MAX (32u * 1024)

/* ---- gate ---- */

/* Whether services here are started by scripts, and by us: needs root. */
bool steward_is_needed(void);
/*
 * Starts it: the runner's program, open at runner_fd, as `countersign-runner
 * --steward`. Before starter_split(), as the sibling of the service's main
 * process; it ends when *ret_fd is closed. Waits until it stands, at most 5 s.
 * ERR_UNSUPPORTED on this system, or we are the first process of a container;
 * ERR_IO.
 */
MUST_CHECK int steward_start(int runner_fd, int *ret_fd);
/*
 * A tender for one run. plan_fd: a file with the plan, whose offset stays.
 * held: a descriptor (the run's output) that it keeps open to its own end, so
 * that whoever waits for the end of file waits for it too. *ret_fd is for the
 * runner, as PLAN_FD_STEWARD. Does not wait. ERR_IO the steward has gone.
 */
MUST_CHECK int steward_ask(int steward, int plan_fd, int held, int *ret_fd);

/* ---- runner ---- */

/*
 * Asks the tender for a service of the plan by its index, and one verb's bit.
 * One at a time. verb 0: end the script that runs, which is answered like its
 * end. Does not wait. ERR_IO it has gone.
 */
MUST_CHECK int steward_put(int fd, uint32_t service, uint32_t verb);
/*
 * The answer: appends what the script said, and sets its exit code, 128 and
 * the signal's number, or STEWARD_REFUSED, STEWARD_FAILED (it could not be
 * run). ERR_AGAIN there is none yet; ERR_CLOSED it has gone; ERR_IO.
 */
MUST_CHECK int steward_get(int fd, struct buf *ret_text, int *ret_code);
#define STEWARD_REFUSED (-1)
#define STEWARD_FAILED (-2)

/* What a tender has to say at its end. */
struct steward_report {
	uint32_t left;		/* processes of services that it leaves */
	uint32_t ended;		/* processes of a script that it killed */
};
/*
 * Ends the tender, and closes and resets *fd. Waits at most within_ms.
 * ERR_AGAIN it took longer, ERR_CLOSED it had gone: ret_report untouched.
 */
int steward_finish(int *fd, unsigned within_ms,
    struct steward_report *ret_report);

/*
 * The steward itself, on a socket: until the gate closes its end. Returns the
 * exit code.
 */
int steward_serve(int fd);
/* Its descriptor in `countersign-runner --steward`. */
#define STEWARD_FD 3

#endif
