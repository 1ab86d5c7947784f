/*
 * seal.h - everything read-only, except the roots that a card declares.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_SEAL_H
#define COUNTERSIGN_PLATFORM_LINUX_SEAL_H

#include "common/error.h"
#include "common/plan.h"

#include <stdbool.h>

/* A root: the folder as it was opened, and its mounts that stay writable. */
struct seal_root {
	int folder;
	int tree;
};

struct seal {
	const struct plan *p;
	struct seal_root roots[PLAN_ROOTS_MAX];
	bool userns;		/* without root */
	bool by_remount;	/* the way of kernels before 5.12 */
};

/* The four in this order; each 0 or an errno. */

/*
 * Opens the roots of s->p, without following any symbolic link (ELOOP), and
 * not where private folders will lie (EINVAL).
 */
MUST_CHECK int seal_open(struct seal *s);
/*
 * Makes all mounts of this process's namespace private, read-only, nosuid and
 * nodev: a disk can be written through a mount that is read-only, and chroots
 * have a /dev of their own. (Not nodev in a user namespace, where the private
 * /dev is made of those nodes, and a disk is root's anyway.)
 * Sets s->by_remount if that was the way to do it.
 */
MUST_CHECK int seal_all(struct seal *s);
/*
 * Puts the roots back where they were opened, writable, nosuid and nodev. What
 * is mounted below them is, too, if it holds files; the kernel's own file
 * systems there become read-only, and as a root they are EINVAL.
 */
MUST_CHECK int seal_place(const struct seal *s);
/* Closes what is open; also after a failure. */
void seal_close(struct seal *s);

/*
 * The root number i as it was placed, to read the folder by. -1 and errno.
 */
int seal_reopen(const struct seal *s, size_t i);
/*
 * Makes the file of that descriptor (O_PATH) a read-only mount of its own.
 * Linux 5.12. 0 or an errno.
 */
MUST_CHECK int seal_file(int fd);

/* Blanks and the like stand as \040 in mountinfo (proc(5)). In place. */
void seal_unescape(char *path);
/*
 * Whether the mount of that number in mountinfo is what its path leads to. One
 * that lies under another is out of everybody's reach: of two on the same
 * folder a remount, before Linux 5.12, only ever meets the upper one. False
 * and errno EACCES where we may not look.
 */
bool seal_is_reachable(const char *path, long number);

#endif
