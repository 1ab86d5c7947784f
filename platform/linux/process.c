/*
 * process.c - starting, signalling and reaping child processes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (courier, runner), console, tests.
 *
 * The child shares our memory until it execs (CLONE_VM | CLONE_VFORK): what
 * runs in it makes system calls on its own stack and writes nothing of ours.
 */
#include "platform/process.h"

#include "platform/linux/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000	/* Linux 5.2; not in every C library */
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)	/* Linux 5.11 */
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#define CHILD_STACK (64 * 1024)
#define SIGNALS 64		/* the kernel's number of signals */

static char *const no_env[] = { NULL };

/* What the child is handed. */
struct child {
	const struct process_spec *spec;
	int error_fd;	/* the errno goes here if exec did not come about */
	int base;	/* numbers below it are the child's, from it on ours */
};

/* ---- in the child -------------------------------------------------------- */

/*
 * Its stack is gone when it has exec'd, without any of its functions having
 * returned: what the address sanitizer notes about their variables would stay.
 */
#define IN_CHILD __attribute__((no_sanitize("address")))

/*
 * Every signal to its default, none blocked. By the system call, because the C
 * library keeps books about handlers in memory that is the parent's. All bytes
 * zero is SIG_DFL without flags on every processor.
 */
IN_CHILD static void
reset_signals(void)
{
	const unsigned long action[16] = { 0 };
	const unsigned long none[2] = { 0 };
	int i;

	for (i = 1; i <= SIGNALS; i++)
		(void)syscall(SYS_rt_sigaction, i, action, NULL, SIGNALS / 8);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL,
	    SIGNALS / 8);
}

/* The directory entry of getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Marks each descriptor from base on that the buffer of entries names. */
IN_CHILD static void
mark_entries(const char *p, const char *end, int base)
{
	const struct entry *e;
	const char *c;
	int fd;

	for (; p < end; p += e->length) {
		e = (const void *)p;
		fd = 0;
		for (c = e->name; *c >= '0' && *c <= '9'; c++)
			fd = fd * 10 + (*c - '0');
		if (c != e->name && *c == '\0' && fd >= base)
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
}

/*
 * Everything from base on closes at exec. Kernels before 5.11 do not have the
 * call for it: then by the list in /proc, or one number after the other.
 */
IN_CHILD static void
close_on_exec_from(int base)
{
	_Alignas(8) char entries[4096];
	struct rlimit limit;
	long n;
	int dir, fd;

	if (syscall(SYS_close_range, (unsigned)base, ~0u,
	    CLOSE_RANGE_CLOEXEC) == 0)
		return;
	dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0) {
		while ((n = syscall(SYS_getdents64, dir, entries,
		    sizeof(entries))) > 0)
			mark_entries(entries, entries + n, base);
		(void)close(dir);
		if (n == 0)
			return;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur > 1024 * 1024)
		limit.rlim_cur = 1024 * 1024;
	for (fd = base; (rlim_t)fd < limit.rlim_cur; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* A copy of fd at base or above, closed at exec; -1. */
IN_CHILD static int
lift(int fd, int base)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, base);
}

/* The mapping of that child number, or NULL. */
IN_CHILD static const struct process_fd *
mapping_of(const struct process_spec *spec, int number)
{
	size_t i;

	for (i = 0; i < spec->n_fds; i++)
		if (spec->fds[i].child == number)
			return &spec->fds[i];
	return NULL;
}

/*
 * Numbers below base become what the spec says. Sources are lifted out of the
 * way first, so that no order of numbers overwrites one still needed.
 */
IN_CHILD static bool
arrange(const struct process_spec *spec, int base)
{
	const struct process_fd *m;
	int lifted[PROCESS_FD_HIGHEST + 1];
	int i, null;

	for (i = 0; i < base; i++) {
		m = mapping_of(spec, i);
		lifted[i] = m != NULL ? lift(m->parent, base) : -1;
		if (m != NULL && lifted[i] < 0)
			return false;
		if (m != NULL || i > 2)
			continue;
		if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
			return false;
		if ((lifted[i] = lift(null, base)) < 0)
			return false;
		(void)close(null);
	}
	for (i = 0; i < base; i++) {
		if (lifted[i] < 0)
			(void)close(i);
		else if (dup2(lifted[i], i) < 0)
			return false;
	}
	close_on_exec_from(base);
	return true;
}

/* The list of strings in the form that execve(2) has always had. */
IN_CHILD static char *const *
as_argv(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} u = { list };

	return list != NULL ? u.out : no_env;
}

/*
 * Becomes the program open at fd. Emulators do not have execveat(2), and where
 * TOMOYO asks for the name it is /dev/fd/N, which not every /dev has: then by
 * the name that /proc gives the descriptor, which is the very file too.
 */
IN_CHILD static void
become(int fd, const struct process_spec *spec)
{
	char path[] = "/proc/self/fd/0000000000";
	char *end = path + sizeof(path) - 1, *p = end;

	(void)syscall(SYS_execveat, fd, "", as_argv(spec->argv),
	    as_argv(spec->envp), AT_EMPTY_PATH);
	if (errno != ENOSYS && errno != ENOENT)
		return;
	do {
		*--p = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	/* Leading zeroes are none of a descriptor's: moves it to the front. */
	for (end = path + 14; *p != '\0'; )
		*end++ = *p++;
	*end = '\0';
	(void)execve(path, as_argv(spec->argv), as_argv(spec->envp));
}

IN_CHILD static int
child_main(void *arg)
{
	struct child c = *(const struct child *)arg;
	const struct process_spec *spec = c.spec;
	int exec_fd = -1, error;

	reset_signals();
	/* Its own number may be one that the spec wants. */
	if ((c.error_fd = lift(c.error_fd, c.base)) < 0)
		_exit(127);
	if (spec->exec_fd >= 0 &&
	    (exec_fd = lift(spec->exec_fd, c.base)) < 0)
		goto fail;
	if (spec->new_session && setsid() < 0)
		goto fail;
	if (!arrange(spec, c.base))
		goto fail;
	if (exec_fd >= 0)
		become(exec_fd, spec);
	else
		(void)execve(spec->path, as_argv(spec->argv),
		    as_argv(spec->envp));
fail:
	error = errno;
	(void)!write(c.error_fd, &error, sizeof(error));
	_exit(127);
}

/* ---- in the parent ------------------------------------------------------- */

static int
check_spec(const struct process_spec *spec, int *ret_base)
{
	int base = 3;
	size_t i, j;

	if (spec->argv == NULL || spec->argv[0] == NULL ||
	    spec->n_fds > PROCESS_FDS_MAX)
		return ERR_USAGE;
	if (spec->exec_fd < 0 && (spec->path == NULL || spec->path[0] != '/'))
		return ERR_USAGE;
	for (i = 0; i < spec->n_fds; i++) {
		if (spec->fds[i].parent < 0 || spec->fds[i].child < 0 ||
		    spec->fds[i].child > PROCESS_FD_HIGHEST)
			return ERR_USAGE;
		for (j = 0; j < i; j++)
			if (spec->fds[j].child == spec->fds[i].child)
				return ERR_USAGE;
		if (spec->fds[i].child >= base)
			base = spec->fds[i].child + 1;
	}
	*ret_base = base;
	return 0;
}

/*
 * Makes the child and returns its pid, or -1. With every signal blocked: a
 * handler of ours must not run on the shared memory in the child.
 */
static pid_t
clone_child(struct child *c, char *stack, int *ret_pidfd)
{
	const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	sigset_t all, old;
	char *top = stack + CHILD_STACK;
	int pidfd = -1, error;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = clone(child_main, top, flags | CLONE_PIDFD, c, &pidfd);
	/* Emulators know no pidfd; older kernels overlook the flag. */
	if (pid < 0 && errno == EINVAL)
		pid = clone(child_main, top, flags, c);
	error = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	*ret_pidfd = pidfd;
	return pid;
}

/* What the child reported: 0 if it became the program (end of file). */
static int
read_error(int fd)
{
	int error = 0;
	ssize_t n;

	do {
		n = read(fd, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : 0;
}

static int
start(struct child *c, int error_pipe[2], char *stack, struct process *ret_p)
{
	struct process p = { 0, -1 };
	int error;

	c->error_fd = error_pipe[1];
	p.pid = clone_child(c, stack, &p.pidfd);
	error = p.pid < 0 ? errno : 0;
	(void)close(error_pipe[1]);
	if (error == 0 && (error = read_error(error_pipe[0])) != 0)
		(void)!process_wait_end(&p, NULL);
	(void)close(error_pipe[0]);
	if (error == 0)
		*ret_p = p;
	return error;
}

int
process_start(const struct process_spec *spec, int *ret_errno,
    struct process *ret_p)
{
	struct child c = { .spec = spec };
	int error_pipe[2], error, r;
	char *stack;

	if (starter_calls != NULL)
		return starter_calls->start(spec, ret_errno, ret_p);
	if ((r = check_spec(spec, &c.base)) != 0)
		return r;
	stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED) {
		error = errno;
	} else {
		error = pipe2(error_pipe, O_CLOEXEC) != 0 ? errno :
		    start(&c, error_pipe, stack, ret_p);
		(void)munmap(stack, CHILD_STACK);
	}
	if (error != 0 && ret_errno != NULL)
		*ret_errno = error;
	return error == 0 ? 0 : ERR_IO;
}

int
process_kill(const struct process *p, int signal)
{
	long r;

	if (p->pid <= 0)
		return ERR_NOT_FOUND;
	if (p->pidfd >= 0)
		r = syscall(SYS_pidfd_send_signal, p->pidfd, signal, NULL, 0);
	else
		r = kill(p->pid, signal);
	return r == 0 ? 0 : errno == ESRCH ? ERR_NOT_FOUND : ERR_IO;
}

static uint64_t
to_us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static int
reap(struct process *p, int options, struct process_end *ret_end)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (p->pid <= 0)
		return ERR_NOT_FOUND;
	do {
		pid = wait4(p->pid, &status, options, &usage);
	} while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return ERR_AGAIN;
	if (pid < 0)
		return ERR_NOT_FOUND;
	if (ret_end != NULL) {
		ret_end->by_signal = WIFSIGNALED(status);
		ret_end->code = WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status);
		ret_end->cpu_us = to_us(usage.ru_utime) + to_us(usage.ru_stime);
		ret_end->max_rss_kb = (uint64_t)usage.ru_maxrss;
	}
	if (p->pidfd >= 0)
		(void)close(p->pidfd);
	*p = (struct process){ 0, -1 };
	return 0;
}

int
process_wait(struct process *p, struct process_end *ret_end)
{
	if (starter_calls != NULL)
		return starter_calls->wait(p, false, ret_end);
	return reap(p, WNOHANG, ret_end);
}

int
process_wait_end(struct process *p, struct process_end *ret_end)
{
	if (starter_calls != NULL)
		return starter_calls->wait(p, true, ret_end);
	return reap(p, 0, ret_end);
}
