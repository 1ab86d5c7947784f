/*
 * setid.h - programs in a root that run with others' rights.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_SETID_H
#define COUNTERSIGN_PLATFORM_LINUX_SETID_H

#include "platform/linux/seal.h"

/*
 * Takes from what was placed by seal_place() the set-id programs, and those
 * with capabilities, that lie in the roots already: each becomes a read-only
 * mount, or is covered by `mask` where the kernel is older than Linux 5.12.
 * The kernel takes the bits off a program that is written to, but not if that
 * is done through shared memory: what stands in it then would run, outside,
 * as the owner.
 *
 * Looks at some ten thousand files; *ret_unseen: there were more, and shared
 * mappings of files must be refused. 0 or an errno.
 */
MUST_CHECK int setid_hold(const struct seal *s, const char *mask,
    bool *ret_unseen);

#endif
