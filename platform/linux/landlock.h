/*
 * landlock.h - which files, ports and peers a confined process has.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, courier, gate. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_LANDLOCK_H
#define COUNTERSIGN_PLATFORM_LINUX_LANDLOCK_H

#include "common/error.h"
#include "common/plan.h"

#include <stddef.h>
#include <stdint.h>

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

/* Rights of a rule: those of the kernel's landlock.h. */
#define LANDLOCK_EXECUTE (1ull << 0)
#define LANDLOCK_WRITE_FILE (1ull << 1)
#define LANDLOCK_READ_FILE (1ull << 2)
#define LANDLOCK_READ_DIR (1ull << 3)
#define LANDLOCK_REMOVE_DIR (1ull << 4)
#define LANDLOCK_REMOVE_FILE (1ull << 5)
#define LANDLOCK_MAKE_DIR (1ull << 7)
#define LANDLOCK_MAKE_REG (1ull << 8)
#define LANDLOCK_REFER (1ull << 13)		/* from version 2 */
#define LANDLOCK_TRUNCATE (1ull << 14)		/* 3 */
#define LANDLOCK_IOCTL_DEV (1ull << 15)		/* 5 */
#define LANDLOCK_RESOLVE_UNIX (1ull << 16)	/* 9: sockets by path */

/* These rights at and below that path; what is not there needs no rule. */
struct landlock_rule {
	const char *path;
	uint64_t rights;
};

/* What else is refused, as far as the version knows it. */
struct landlock_walls {
	uint64_t ports;		/* TCP, from version 4 */
	uint64_t peers;		/* from version 6 */
};
#define LANDLOCK_BIND (1ull << 0)
#define LANDLOCK_CONNECT (1ull << 1)
#define LANDLOCK_ABSTRACT (1ull << 0)
#define LANDLOCK_SIGNALS (1ull << 1)

/*
 * Lets this thread, which has no_new_privs, have of all files only what the
 * rules say, and no ports and peers that the walls name. Rights that the
 * version does not know are passed over. abi as below. 0 or an errno.
 */
MUST_CHECK int landlock_confine(const struct landlock_rule *rules, size_t n,
    const struct landlock_walls *walls, int abi);

#endif
