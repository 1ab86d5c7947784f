/*
 * steward.c - who runs service scripts where no manager starts the services.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (starts it, asks it), runner (is it).
 *
 * CLONE_PARENT: its parent is the gate's, so that no orphan below it comes to
 * the gate, which adopts those of its own tree (prctl(2),
 * PR_SET_CHILD_SUBREAPER) and ends them.
 */
#include "platform/steward.h"

#include "platform/linux/cgroup.h"
#include "platform/linux/tender.h"
#include "platform/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define READY_MS 5000
/* Where the child's descriptors are out of the way of those it wants. */
#define LIFTED 16
/* What is passed on for one run. */
enum { GIVEN_PLAN, GIVEN_SOCKET, GIVEN_HELD, GIVEN };

/* ---- the gate's end ------------------------------------------------------ */

bool
steward_is_needed(void)
{
	struct manager m;

	manager_find(&m);
	return geteuid() == 0 &&
	    (m.kind == MANAGER_OPENRC || m.kind == MANAGER_SCRIPTS);
}

/* The child: from a copy of the gate to the runner's program. */
__attribute__((noreturn)) static void
become_steward(int program, int socket)
{
	static char name[] = "countersign-runner", role[] = "--steward";
	char *const argv[] = { name, role, NULL };
	char *const envp[] = { NULL };
	char path[32];
	sigset_t none;
	int i, null;

	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	program = fcntl(program, F_DUPFD_CLOEXEC, LIFTED);
	socket = fcntl(socket, F_DUPFD_CLOEXEC, LIFTED);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (program < 0 || socket < 0 || null < 0 || setsid() < 0)
		_exit(127);
	for (i = 0; i < STEWARD_FD; i++)
		if (null == i ? fcntl(i, F_SETFD, 0) != 0 : dup2(null, i) < 0)
			_exit(127);
	if (dup2(socket, STEWARD_FD) < 0)
		_exit(127);
	/* An older kernel: all of ours are close-on-exec. */
	(void)syscall(SYS_close_range, (unsigned)STEWARD_FD + 1,
	    (unsigned)LIFTED - 1, 0u);
	(void)syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	(void)execve(path, argv, envp);
	_exit(127);
}

/* It says one byte when it stands. */
static int
await_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;
	int n;

	do {
		n = poll(&p, 1, READY_MS);
	} while (n < 0 && errno == EINTR);
	return n == 1 && read(fd, &byte, 1) == 1 ? 0 : ERR_IO;
}

int
steward_start(int runner_fd, int *ret_fd)
{
	int fds[2], r;
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return ERR_IO;
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL,
	    NULL);
	if (pid == 0)
		become_steward(runner_fd, fds[1]);
	r = pid > 0 ? 0 : errno == EINVAL ? ERR_UNSUPPORTED : ERR_IO;
	(void)close(fds[1]);
	if (r == 0)
		r = await_ready(fds[0]);
	if (r != 0)
		(void)close(fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}

/* Aligned as its header asks (cmsg(3)). */
union control {
	struct cmsghdr head;
	char space[CMSG_SPACE(GIVEN * sizeof(int))];
};

static int
give(int steward, const int given[GIVEN])
{
	union control c;
	char byte = 'r';
	struct iovec text = { &byte, 1 };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1,
	    .msg_control = c.space, .msg_controllen = sizeof(c.space) };
	ssize_t n;

	memset(&c, 0, sizeof(c));
	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	c.head.cmsg_len = CMSG_LEN(GIVEN * sizeof(int));
	memcpy(CMSG_DATA(&c.head), given, GIVEN * sizeof(int));
	do {
		n = sendmsg(steward, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : ERR_IO;
}

int
steward_ask(int steward, int plan_fd, int held, int *ret_fd)
{
	int given[GIVEN] = { plan_fd, -1, held };
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return ERR_IO;
	given[GIVEN_SOCKET] = fds[1];
	r = give(steward, given);
	(void)close(fds[1]);
	if (r != 0)
		(void)close(fds[0]);
	else
		*ret_fd = fds[0];
	return r;
}

/* ---- the steward --------------------------------------------------------- */

/* Takes what give() sent. 0; 1 it was something else; negative: gone. */
static int
take(int fd, int given[GIVEN])
{
	union control c;
	char byte;
	struct iovec text = { &byte, 1 };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1,
	    .msg_control = c.space, .msg_controllen = sizeof(c.space) };
	ssize_t n;

	memset(&c, 0, sizeof(c));
	do {
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return ERR_CLOSED;
	/* The gate sends nothing else. */
	if (m.msg_controllen < c.head.cmsg_len ||
	    c.head.cmsg_type != SCM_RIGHTS ||
	    c.head.cmsg_len != CMSG_LEN(GIVEN * sizeof(int)))
		return 1;
	memcpy(given, CMSG_DATA(&c.head), GIVEN * sizeof(int));
	return 0;
}

/*
 * What a service is not to have of ours: our folder and mask, the priority with
 * which the agent survives, its ban on core files, and its control group: where
 * scripts start services these are not in groups, or the script sees to it. The
 * gate needs its own for itself (pens.c).
 */
static void
settle(void)
{
	/* Where version 2 is: alone, and beside version 1. */
	static const char *const groups[] = { "/sys/fs/cgroup",
	    "/sys/fs/cgroup/unified" };
	const struct rlimit core = { 0, RLIM_INFINITY };
	size_t i;
	int fd;

	(void)prctl(PR_SET_NAME, "countersign-svc", 0, 0, 0);
	(void)umask(022);
	(void)!chdir("/");
	(void)setrlimit(RLIMIT_CORE, &core);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "0", 1);
		(void)close(fd);
	}
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (cgroup_join(PLAN_CGROUP_V2, groups[i]) == 0)
			break;
}

int
steward_serve(int fd)
{
	int given[GIVEN], i, r;

	settle();
	/* Tenders end when they end: nobody waits. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR || write(fd, "", 1) != 1)
		return 1;
	while ((r = take(fd, given)) >= 0) {
		if (r > 0)
			continue;
		if (fork() == 0) {
			(void)close(fd);
			_exit(tender_serve(given[GIVEN_PLAN],
			    given[GIVEN_SOCKET]));
		}
		for (i = 0; i < GIVEN; i++)
			(void)close(given[i]);
	}
	return 0;
}
