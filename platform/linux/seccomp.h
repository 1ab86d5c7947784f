/*
 * seccomp.h - the system calls that a confined payload is refused.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_SECCOMP_H
#define COUNTERSIGN_PLATFORM_LINUX_SECCOMP_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

/* Processors whose numbers the table has. */
enum seccomp_arch { SECCOMP_X86_64 = 0, SECCOMP_AARCH64 = 1 };
#define SECCOMP_ARCHES 2

/* What differs between profiles. */
struct seccomp_policy {
	bool unix_sockets;	/* AF_UNIX; else only connected pairs */
	bool internet;		/* AF_INET and AF_INET6: TCP, UDP, ping */
	bool root;		/* uid 0, whose share of the kernel is the
				 * system's: no inotify */
	bool no_shared_files;	/* none is mapped shared: setid.h */
};

/* Most instructions of a filter; it is far below BPF_MAXINSNS. */
#define SECCOMP_CODE_MAX 480

struct seccomp_program {
	struct sock_filter code[SECCOMP_CODE_MAX];
	unsigned short n;
};

/*
 * Makes the filter for a processor: a pure function. Calls of another ABI than
 * the processor's own end the process; numbers that this code does not know
 * (x32 among them) are answered with ENOSYS.
 * ERR_TOO_LARGE if it does not fit, which the tests rule out.
 */
MUST_CHECK int seccomp_build(enum seccomp_arch arch,
    const struct seccomp_policy *policy, struct seccomp_program *ret_program);

/*
 * Puts this thread, which has no_new_privs, under the filter for good. 0 or an
 * errno; ENOTSUP a processor that the table does not have.
 */
MUST_CHECK int seccomp_enter(const struct seccomp_policy *policy);

/* What happens to a call of the table. */
enum seccomp_rule {
	SECCOMP_ALLOW,
	SECCOMP_EPERM,
	SECCOMP_ENOSYS,
	SECCOMP_CLONE,		/* no new namespaces */
	SECCOMP_SOCKET,		/* by family, type and protocol */
	SECCOMP_PAIR,		/* socketpair(2) */
	SECCOMP_IOCTL,		/* none that types, none for snapshots, none
				 * with keys of a file system */
	SECCOMP_FCNTL,		/* no leases: who opens the file would wait */
	SECCOMP_INOTIFY,	/* not root's */
	SECCOMP_MAP,		/* no huge pages, which no limit counts; and
				 * perhaps no shared files */
	SECCOMP_HUGE_FILE,
	SECCOMP_HUGE_SHARED,
	SECCOMP_LIMIT,		/* that of core files stays as it is */
	SECCOMP_LIMIT_OF,
	SECCOMP_PERSONALITY,	/* none but the plain one */
	SECCOMP_MODE_1,		/* no set-id bits in the mode, argument 1 */
	SECCOMP_MODE_2,
	SECCOMP_OPEN_1,		/* nor in that of a file that flags, argument */
	SECCOMP_OPEN_2,		/* 1 or 2, make */
	SECCOMP_RULES
};

/* The table: calls that are not simply allowed. For the tests. */
struct seccomp_call {
	const char *name;
	int16_t number[SECCOMP_ARCHES];	/* -1: that processor has none */
	uint8_t rule;			/* enum seccomp_rule */
};

extern const struct seccomp_call seccomp_calls[];
extern const size_t seccomp_n_calls;

#endif
