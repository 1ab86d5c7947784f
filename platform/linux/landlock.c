/*
 * landlock.c - which files, ports and peers a confined process has.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, courier, gate.
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

#define FS_ALL_V1 ((1ull << 13) - 1)	/* execute … make_sym */
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
		rights |= LANDLOCK_REFER;
	if (abi >= 3)
		rights |= LANDLOCK_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_IOCTL_DEV;
	if (abi >= 9)
		rights |= LANDLOCK_RESOLVE_UNIX;
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

int
landlock_confine(const struct landlock_rule *rules, size_t n,
    const struct landlock_walls *walls, int abi)
{
	struct ruleset set = { .fs = all_rights(abi) };
	uint64_t rights;
	int fd, error = 0;
	size_t i;

	if (abi >= 4)
		set.net = walls->ports;
	if (abi >= 6)
		set.scoped = walls->peers;
	fd = (int)syscall(SYS_landlock_create_ruleset, &set,
	    abi >= 6 ? (size_t)24 : abi >= 4 ? (size_t)16 : (size_t)8, 0);
	if (fd < 0)
		return errno;
	for (i = 0; i < n && error == 0; i++)
		if ((rights = rules[i].rights & set.fs) != 0)
			error = allow(fd, rules[i].path, rights);
	if (error == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		error = errno;
	(void)close(fd);
	return error;
}

int
landlock_enter(const struct plan *p, int abi)
{
	const uint64_t all = all_rights(abi);
	/* Folders of the run's own: anything but devices. */
	const uint64_t own = all & ~LANDLOCK_IOCTL_DEV;
	/* Whoever may have Unix sockets at all reaches those of the system,
	 * as any account does: `systemctl status`. */
	const uint64_t read = LANDLOCK_EXECUTE | LANDLOCK_READ_FILE |
	    LANDLOCK_READ_DIR | LANDLOCK_RESOLVE_UNIX;
	struct landlock_rule rules[5 + PLAN_ROOTS_MAX] = {
		{ "/", read },
		{ "/dev", read | LANDLOCK_WRITE_FILE | LANDLOCK_TRUNCATE |
		    LANDLOCK_IOCTL_DEV },
		{ "/dev/shm", own }, { "/tmp", own }, { "/var/tmp", own },
	};
	const struct landlock_walls walls = {
		p->net != PLAN_NET_HOST ? LANDLOCK_BIND | LANDLOCK_CONNECT : 0,
		LANDLOCK_ABSTRACT | LANDLOCK_SIGNALS,
	};
	size_t i;

	for (i = 0; i < p->n_roots; i++)
		rules[5 + i] = (struct landlock_rule){ p->roots[i], own };
	return landlock_confine(rules, 5 + p->n_roots, &walls, abi);
}
