/*
 * sweep.c - ending everything that runs as one user.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 *
 * kill(-1) takes one look at all processes under the kernel's lock, which fork
 * waits for: nothing slips through, however fast it multiplies.
 */
#include "platform/linux/sweep.h"

#include "platform/linux/starter.h"
#include "platform/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The real and saved user of the one who kills: a process may be signalled by
 * whom it belongs to by these, and this user has no processes. (Real uid 0
 * would let it kill root's.) The lower half of the user who is swept is taken
 * off it: two that sweep at the same moment must not kill one another.
 */
#define NOBODY 4294967293u
#define STACK_SIZE (16u * 1024)

/* Shares our memory: nothing but system calls, and no errno. */
static int
kill_all(void *arg)
{
	const uint32_t uid = *(const uint32_t *)arg;
	const uint32_t nobody = NOBODY - (uid & 0xffff);

	/* Not through the C library, which would change all our threads. */
	if (syscall(SYS_setresuid, nobody, uid, nobody) != 0)
		return 1;
	/* One that was just ending is no failure, nor that there was none. */
	return syscall(SYS_kill, -1, SIGKILL) != 0 && errno != ESRCH ? 2 : 0;
}

int
sweep_user(uint32_t uid)
{
	int pid, status = 0, error = 0, waited = -1;
	char *stack;

	if (uid == 0 || uid == NOBODY || uid == UINT32_MAX)
		return EINVAL;
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return errno;
	/* No SIGCHLD: it is nobody's business but ours. */
	pid = clone(kill_all, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, &uid);
	while (pid > 0 && (waited = waitpid(pid, &status,
	    (int)__WCLONE)) < 0 && errno == EINTR)
		;
	if (pid < 0 || waited != pid)
		error = errno;
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		error = EPERM;
	(void)munmap(stack, STACK_SIZE);
	return error;
}

int
sandbox_sweep(uint32_t uid)
{
	int error;

	if (starter_calls != NULL)
		return starter_calls->sweep(uid);
	if ((error = sweep_user(uid)) == 0)
		return 0;
	return error == EINVAL ? ERR_USAGE : ERR_IO;
}
