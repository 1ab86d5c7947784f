/*
 * mounts.h - what a confined payload sees of the file system.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_MOUNTS_H
#define COUNTERSIGN_PLATFORM_LINUX_MOUNTS_H

#include "common/error.h"
#include "common/plan.h"

#include <stdbool.h>

/* Where the payload finds what is not the system's. */
#define MOUNTS_OWN "/dev/countersign"

/* What differs besides the plan. */
struct mounts_options {
	bool own_proc;	/* in a pid namespace: a new /proc */
	bool userns;	/* without root: no device nodes can be made */
	bool mask_pipes;	/* root, without Landlock */
	bool by_remount;	/* the way of kernels before 5.12 */
};

/* What came of it. */
struct mounts_result {
	bool by_remount;	/* which way was taken */
	bool unseen;		/* the roots hold more files than are looked
				 * at: one may be a set-id program */
};

/*
 * Turns the mount namespace of this process, which has it for itself, into the
 * payload's: everything read-only, nosuid and nodev; a private /dev; private,
 * capped /tmp, /var/tmp and /dev/shm; the plan's roots writable, nosuid and
 * nodev; set-id programs that lie in a root, read-only (setid.h); last of all,
 * masks: what the plan names, and with root's eyes (`repair`, or read all) the
 * system's password files with their copies and root's keys; each under all of
 * the names that mounts give it. A masked file cannot be opened, a masked
 * folder is empty.
 * With services the runner's program stands at MOUNTS_OWN/systemctl.
 * Leaves the umask at 0.
 *
 * 0 or an errno; the process must not go on then. ELOOP a root has a symbolic
 * link in its path; EINVAL one lies where private folders do.
 * ret_result may be NULL.
 */
MUST_CHECK int mounts_enter(const struct plan *p,
    const struct mounts_options *o, struct mounts_result *ret_result);

#endif
