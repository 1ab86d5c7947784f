/*
 * sweep.h - ending everything that runs as one user.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_SWEEP_H
#define COUNTERSIGN_PLATFORM_LINUX_SWEEP_H

#include "common/error.h"

#include <stdint.h>

/*
 * Kills all that runs as that user, at one stroke, without waiting for it to
 * die: kill(2) of -1, by a process that for this has that user's rights and
 * cannot be killed with them. Needs root. 0 or an errno; EINVAL for uid 0.
 */
MUST_CHECK int sweep_user(uint32_t uid);

#endif
