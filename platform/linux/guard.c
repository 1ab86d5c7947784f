/*
 * guard.c - what the gate gives up, of what it would not pass on.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * capabilities(7): execve() of a program by user 0 gives all of the bounding
 * set, which stays whole. prctl(2), PR_SET_MDWE.
 */
#include "platform/guard.h"

#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define REFUSE_EXEC_GAIN 1ul
#define NO_INHERIT 2ul

#define CAP(x) (UINT64_C(1) << (x))

static const uint64_t kept = CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) |
    CAP(CAP_FOWNER) | CAP(CAP_KILL) | CAP(CAP_SETGID) | CAP(CAP_SETUID) |
    CAP(CAP_IPC_LOCK);

static bool
keep_few(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
	unsigned i;

	memset(d, 0, sizeof(d));
	if (syscall(SYS_capget, &head, d) != 0)
		return false;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		d[i].permitted &= (uint32_t)(kept >> (32 * i));
		d[i].effective &= d[i].permitted;
		d[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, d) == 0;
}

void
guard_gate(struct guard *ret_g)
{
	ret_g->capabilities = keep_few();
	/* An older kernel knows only the kind that children inherit. */
	ret_g->no_new_code = prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN | NO_INHERIT,
	    0, 0, 0) == 0;
}
