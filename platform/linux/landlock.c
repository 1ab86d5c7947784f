/*
 * landlock.c - a confined payload's files, ports and peers, a second time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * Documentation/userspace-api/landlock.rst of the kernel. What the mounts, the
 * identity and the filter hold already is held here once more; alone it is
 * what keeps `observe` from abstract sockets of the host's network.
 */
#include "platform/linux/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Of the kernel's landlock.h, which is often older than the kernel. Bits of
 * handled_access_fs in the order in which versions brought them.
 */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_ALL_V1 ((1ull << 13) - 1)	/* execute … make_sym */
#define FS_REFER (1ull << 13)		/* version 2 */
#define FS_TRUNCATE (1ull << 14)	/* 3 */
#define FS_IOCTL_DEV (1ull << 15)	/* 5 */
#define FS_RESOLVE_UNIX (1ull << 16)	/* 9: sockets by path */
#define NET_ALL_V4 3ull			/* bind and connect, TCP */
#define SCOPE_ALL_V6 3ull		/* abstract sockets, signals */
#define RULE_PATH 1
#define CREATE_VERSION 1u

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

struct ruleset {
	uint64_t fs;
	uint64_t net;		/* from version 4 */
	uint64_t scoped;	/* from version 6 */
};

struct path_rule {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_VERSION);

	if (abi <= 0)
		return 0;
	return abi < LANDLOCK_ABI_MAX ? (int)abi : LANDLOCK_ABI_MAX;
}

/* All rights on files that the version has. */
static uint64_t
all_rights(int abi)
{
	uint64_t rights = FS_ALL_V1;

	if (abi >= 2)
		rights |= FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	if (abi >= 9)
		rights |= FS_RESOLVE_UNIX;
	return rights;
}

/* At and below path; what is not there needs no rule. 0 or an errno. */
static int
allow(int ruleset, const char *path, uint64_t rights)
{
	struct path_rule rule = { .allowed = rights };
	int error = 0;

	rule.folder = open(path, O_PATH | O_CLOEXEC);
	if (rule.folder < 0)
		return errno == ENOENT ? 0 : errno;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) != 0)
		error = errno;
	(void)close(rule.folder);
	return error;
}

static int
add_rules(const struct plan *p, int ruleset, uint64_t all)
{
	/* Folders of the run's own: anything but devices. */
	const uint64_t own = all & ~FS_IOCTL_DEV;
	uint64_t read = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR;
	size_t i;
	int error;

	/* Whoever may have Unix sockets at all reaches those of the system,
	 * as any account does: `systemctl status`. */
	read |= all & FS_RESOLVE_UNIX;
	if ((error = allow(ruleset, "/", read)) != 0 ||
	    (error = allow(ruleset, "/dev", all & (read | FS_WRITE_FILE |
	    FS_TRUNCATE | FS_IOCTL_DEV))) != 0 ||
	    (error = allow(ruleset, "/dev/shm", own)) != 0 ||
	    (error = allow(ruleset, "/tmp", own)) != 0 ||
	    (error = allow(ruleset, "/var/tmp", own)) != 0)
		return error;
	for (i = 0; i < p->n_roots && error == 0; i++)
		error = allow(ruleset, p->roots[i], own);
	return error;
}

int
landlock_enter(const struct plan *p, int abi)
{
	struct ruleset rules = { .fs = all_rights(abi) };
	int fd, error;

	if (abi >= 4 && p->net != PLAN_NET_HOST)
		rules.net = NET_ALL_V4;
	if (abi >= 6)
		rules.scoped = SCOPE_ALL_V6;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
	    abi >= 6 ? (size_t)24 : abi >= 4 ? (size_t)16 : (size_t)8, 0);
	if (fd < 0)
		return errno;
	error = add_rules(p, fd, rules.fs);
	if (error == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		error = errno;
	(void)close(fd);
	return error;
}
