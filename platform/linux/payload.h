/*
 * payload.h - from the runner's process to the interpreter, step by step.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_PAYLOAD_H
#define COUNTERSIGN_PLATFORM_LINUX_PAYLOAD_H

#include "platform/sandbox.h"

/* What a payload is made of besides its plan. */
struct payload {
	const struct plan *plan;
	int report;		/* takes the first failure; closes at exec */
	int end;		/* takes the end that its init sees, or -1 */
	int mounted;		/* a byte comes when its init has mounted: */
	bool *unseen;		/* whether it saw all of the roots */
	int broker;		/* becomes PLAN_FD_BROKER, or -1 */
	int groups[PLAN_CGROUPS_MAX];	/* control groups' folders, or -1 */
	bool joined;		/* born into the version 2 group */
	int landlock;		/* version to use; 0 none */
	uint64_t others;	/* processes that its uid has already */
};

/* What the init of a pid namespace tells about its payload's end. */
struct payload_end {
	int status;		/* in waitpid(2)'s form */
	uint32_t survivors;	/* were alive then, and killed */
};

/* Whether the payload lives in a pid namespace, below an init of ours. */
bool payload_has_init(const struct plan *p);
/*
 * The system calls it may make, by its profile. In a user namespace it is
 * still who the agent is: no Unix sockets, or that user's service manager
 * would start for it what it likes.
 */
bool payload_has_unix(const struct plan *p);

/* Opens what the payload needs from outside. 0 or an errno. */
MUST_CHECK int payload_open(struct payload *y);
/* Closes what payload_open() opened. */
void payload_close(struct payload *y);

/*
 * Makes its process (with an init, that one) in the namespaces of its profile.
 * It takes the steps of the profile one after the other and becomes the
 * interpreter; the first that fails goes to `report` as a struct
 * sandbox_failure. Returns the process's id, or -1 and errno.
 */
int payload_clone(struct payload *y);

#endif
