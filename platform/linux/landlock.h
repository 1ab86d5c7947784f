/*
 * landlock.h - a confined payload's files, ports and peers, a second time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_LANDLOCK_H
#define COUNTERSIGN_PLATFORM_LINUX_LANDLOCK_H

#include "common/error.h"
#include "common/plan.h"

/* The newest version whose rights this code knows. */
#define LANDLOCK_ABI_MAX 9

/* The version that the kernel has; 0 none, or it is switched off. */
int landlock_abi(void);

/*
 * Lets this thread, which has no_new_privs, from now on only: read and run
 * everything; write devices of the (private) /dev, the private folders and the
 * plan's roots; no TCP ports unless the plan has the host's network; no
 * abstract sockets and no signals to the outside. Each as far as the version
 * goes. abi: landlock_abi() or less, not 0. 0 or an errno.
 */
MUST_CHECK int landlock_enter(const struct plan *p, int abi);

#endif
