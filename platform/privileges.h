/*
 * privileges.h - who this process is, and giving that up for good.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 */
#ifndef COUNTERSIGN_PLATFORM_PRIVILEGES_H
#define COUNTERSIGN_PLATFORM_PRIVILEGES_H

#include "common/bytes.h"

/* Most supplementary groups of an identity. */
#define IDENTITY_GROUPS_MAX 32

/* An account as the kernel sees it. */
struct identity {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[IDENTITY_GROUPS_MAX];	/* supplementary, gid apart */
	size_t n_groups;
};

/* Whether we run as root (effective uid 0). */
bool privileges_is_root(void);
/* Our effective uid and gid. */
uint32_t privileges_uid(void);
uint32_t privileges_gid(void);

/*
 * The account of that name from /etc/passwd and the groups of /etc/group that
 * list it; no name service is asked. ERR_NOT_FOUND no such name; ERR_SYNTAX
 * the entry is malformed; ERR_TOO_LARGE in more than IDENTITY_GROUPS_MAX
 * groups; ERR_IO the file cannot be read.
 */
MUST_CHECK int privileges_find_user(const char *name, struct identity *ret_id);
/* The same from the contents of the two files: what the above is made of. */
MUST_CHECK int privileges_parse_user(struct bytes passwd, struct bytes group,
    const char *name, struct identity *ret_id);
/* The number of that group from /etc/group. Errors as above. */
MUST_CHECK int privileges_find_group(const char *name, uint32_t *ret_gid);
/*
 * The name of that uid in /etc/passwd, for records and messages; n is the size
 * of ret_name with its NUL. ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO.
 */
MUST_CHECK int privileges_name_user(uint32_t uid, char *ret_name, size_t n);

/*
 * Becomes that account for good: groups, gid and uid (real, effective, saved),
 * no capability left in any set, no_new_privs; then checks that root cannot be
 * had back. Where the process is not root this is possible only if it is that
 * very account already (its groups are then left alone). After a failure the
 * process must exit: it may be half-way. ERR_PERMISSION, ERR_IO.
 */
MUST_CHECK int privileges_drop(const struct identity *id);

/*
 * What confine_courier() could do. Each is true where it holds from now on.
 */
struct confinement {
	bool no_new_privs;
	bool seccomp;
	bool landlock;
	int landlock_abi;	/* 0 none */
};

/*
 * Confines the courier, after privileges_drop() and before it reads a byte
 * from the network; every thread must be started later. It keeps: its open
 * descriptors, TCP and UDP sockets, reading files below /etc and the
 * resolver's folder, memory and threads. It loses: starting programs and
 * processes, any file it might write, files elsewhere, other processes, Unix
 * sockets, and the system calls that a network client has no use for. No core
 * dumps, at most 256 descriptors. (Standard error may be a file: it can go on
 * writing there.)
 * ERR_IO if no_new_privs or the limits fail: the courier must not go on.
 * Missing Landlock or seccomp is no error and is told in ret_c.
 */
MUST_CHECK int privileges_confine_courier(struct confinement *ret_c);

#endif
