/*
 * rights.c - who a payload is, and what it may do as that.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * capabilities(7). The order matters: dropping from the bounding set needs a
 * capability, changing the user loses them, and what an exec keeps has to
 * stand in the set that the exec looks at.
 */
#include "platform/linux/rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define BIT(cap) (1ull << (cap))

/* Not FSETID: a set-id bit is to go when somebody writes to the file. */
#define REPAIR_CAPS							\
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |	\
	    BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL))

int
rights_become(const struct plan *p)
{
	gid_t groups[PLAN_GROUPS_MAX];
	size_t i;

	if (geteuid() != 0)
		return p->uid == geteuid() && p->gid == getegid() ? 0 : EPERM;
	for (i = 0; i < p->n_groups; i++)
		groups[i] = p->groups[i];
	if (setgroups(p->n_groups, groups) != 0 ||
	    setresgid(p->gid, p->gid, p->gid) != 0 ||
	    setresuid(p->uid, p->uid, p->uid) != 0)
		return errno;
	return 0;
}

/* Nothing but `keep` can ever be had again. */
static int
bound(uint64_t keep)
{
	int cap;

	/* The kernel says EINVAL past its last capability. */
	for (cap = 0; cap < 64; cap++)
		if ((keep & BIT(cap)) == 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return errno == EINVAL && cap > CAP_MAC_ADMIN ? 0 :
			    errno;
	return 0;
}

static int
set_capabilities(uint64_t effective, uint64_t inheritable)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int i;

	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = data[i].effective;
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &head, data) != 0 ? errno : 0;
}

int
rights_confine(const struct plan *p)
{
	const uint64_t ambient = p->profile == PLAN_OBSERVE &&
	    p->read == PLAN_READ_ALL ? BIT(CAP_DAC_READ_SEARCH) : 0;
	uint64_t keep = p->profile == PLAN_REPAIR ? REPAIR_CAPS : ambient;
	int error;

	if ((p->flags & PLAN_FLAG_USERNS) != 0)
		keep = 0;
	if ((error = bound(keep)) != 0)
		return error;
	/* Permitted ones outlive the change of user, until they are set. */
	if (keep != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return errno;
	if ((error = rights_become(p)) != 0 ||
	    (error = set_capabilities(keep, keep & ambient)) != 0)
		return error;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return errno;
	if ((keep & ambient) != 0 && prctl(PR_CAP_AMBIENT,
	    PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) != 0)
		return errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 ? errno : 0;
}

int
rights_keep_kill(void)
{
	return set_capabilities(BIT(CAP_KILL), 0);
}
