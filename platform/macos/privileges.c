/*
 * privileges.c - who this process is, and giving that up for good.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 */
#include "platform/privileges.h"

#include "platform/macos/seatbelt.h"

#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors of the courier. */
#define DESCRIPTORS 256

bool
privileges_is_root(void)
{
	return geteuid() == 0;
}

uint32_t
privileges_uid(void)
{
	return geteuid();
}

uint32_t
privileges_gid(void)
{
	return getegid();
}

/*
 * setgroups(2) also says that opendirectoryd is not to be asked for more
 * groups of ours than are listed. setgid(2) and setuid(2) as root set the real,
 * the effective and the saved one.
 */
static int
change_identity(const struct identity *id)
{
	gid_t groups[IDENTITY_GROUPS_MAX + 1];
	size_t i;

	groups[0] = id->gid;
	for (i = 0; i < id->n_groups && i + 1 < NGROUPS_MAX; i++)
		groups[i + 1] = id->groups[i];
	if (setgroups((int)i + 1, groups) != 0 || setgid(id->gid) != 0 ||
	    setuid(id->uid) != 0)
		return ERR_PERMISSION;
	return 0;
}

int
privileges_drop(const struct identity *id)
{
	int r;

	if (id->uid == 0)
		return ERR_PERMISSION;
	if (privileges_is_root() && (r = change_identity(id)) != 0)
		return r;
	if (getuid() != id->uid || geteuid() != id->uid ||
	    getgid() != id->gid || getegid() != id->gid)
		return ERR_PERMISSION;
	/* And nothing leads back. */
	if (setuid(0) == 0 || seteuid(0) == 0 || setreuid(0, 0) == 0)
		return ERR_PERMISSION;
	return 0;
}

/*
 * The courier's walls here are Seatbelt and the limits. A kernel or a version
 * that does not take the profile: the courier must not go on, as where
 * no_new_privs fails on Linux.
 */
int
privileges_confine_courier(struct confinement *ret_c)
{
	const struct rlimit none = { 0, 0 };
	const struct rlimit few = { DESCRIPTORS, DESCRIPTORS };

	if (setrlimit(RLIMIT_CORE, &none) != 0 ||
	    setrlimit(RLIMIT_NOFILE, &few) != 0 ||
	    seatbelt_enter(SEATBELT_COURIER, NULL) != 0)
		return ERR_IO;
	/* The profile allows no exec(2) at all, hence none with more rights. */
	*ret_c = (struct confinement){ .no_new_privs = true };
	return 0;
}
