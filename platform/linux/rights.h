/*
 * rights.h - who a payload is, and what it may do as that.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_RIGHTS_H
#define COUNTERSIGN_PLATFORM_LINUX_RIGHTS_H

#include "common/error.h"
#include "common/plan.h"

/*
 * Becomes the user of the plan, with all the capabilities that go with it.
 * Without root that can only be who we are; our groups stay then, because
 * nobody but root can give them up. 0 or an errno.
 */
MUST_CHECK int rights_become(const struct plan *p);
/*
 * The same, with the capabilities of the plan's profile for good: `observe`
 * none, or with read all CAP_DAC_READ_SEARCH in the ambient set; `repair`
 * CHOWN, DAC_OVERRIDE, FOWNER, SETUID, SETGID, KILL. The bounding set has no
 * others; in a user namespace there are none. 0 or an errno.
 */
MUST_CHECK int rights_confine(const struct plan *p);
/*
 * For a process that from now on only kills others and waits for them: no
 * capability but CAP_KILL. 0 or an errno.
 */
MUST_CHECK int rights_keep_kill(void);

#endif
