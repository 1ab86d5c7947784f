/*
 * privileges.c - who this process is, and giving that up for good.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 */
#include "platform/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* No program that we could ever start gets a capability from its file. */
static void
empty_bounding_set(void)
{
	int cap;

	/* The kernel says EINVAL past its last capability. */
	for (cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 &&
		    errno == EINVAL)
			break;
}

static int
clear_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) == 0 ? 0 : ERR_IO;
}

static int
change_identity(const struct identity *id)
{
	gid_t groups[IDENTITY_GROUPS_MAX];
	size_t i;

	for (i = 0; i < id->n_groups; i++)
		groups[i] = id->groups[i];
	if (setgroups(id->n_groups, groups) != 0 ||
	    setresgid(id->gid, id->gid, id->gid) != 0 ||
	    setresuid(id->uid, id->uid, id->uid) != 0)
		return ERR_PERMISSION;
	return 0;
}

/* Everything is as it should be, and nothing leads back. */
static int
verify(const struct identity *id)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) != 0 ||
	    getresgid(&rgid, &egid, &sgid) != 0)
		return ERR_IO;
	if (ruid != id->uid || euid != id->uid || suid != id->uid ||
	    rgid != id->gid || egid != id->gid || sgid != id->gid)
		return ERR_PERMISSION;
	if (setuid(0) == 0 || seteuid(0) == 0 || setreuid(0, 0) == 0)
		return ERR_PERMISSION;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 :
	    ERR_PERMISSION;
}

int
privileges_drop(const struct identity *id)
{
	int r;

	if (id->uid == 0)
		return ERR_PERMISSION;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_IO;
	if (privileges_is_root()) {
		/* While we still may: afterwards CAP_SETPCAP is gone. */
		empty_bounding_set();
		if ((r = change_identity(id)) != 0)
			return r;
	}
	if ((r = clear_capabilities()) != 0)
		return r;
	return verify(id);
}
