/*
 * native.c - calls whose form differs between Linux and macOS: macOS.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 */
#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/vm_inherit.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* sys/ptrace.h, which cross compilers lack. */
#define PT_DENY_ATTACH 31
int ptrace(int request, pid_t pid, caddr_t address, int data);

/* Marks both, or closes both: -1. */
static int
close_on_exec(const int fds[2])
{
	int error, i;

	for (i = 0; i < 2; i++)
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0) {
			error = errno;
			(void)close(fds[0]);
			(void)close(fds[1]);
			errno = error;
			return -1;
		}
	return 0;
}

/* A socket that says EPIPE and closes at exec; -1 and closed. */
static int
tame(int fd)
{
	const int one = 1;
	int error;

	if (fd < 0 || (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof(one)) == 0))
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

int
native_pipe(int ret_fds[2])
{
	int fds[2];

	if (pipe(fds) != 0 || close_on_exec(fds) != 0)
		return -1;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int
native_socket(int domain, int type, int protocol)
{
	return tame(socket(domain, type, protocol));
}

int
native_socketpair(int ret_fds[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return -1;
	if ((fds[0] = tame(fds[0])) < 0) {
		(void)close(fds[1]);
		return -1;
	}
	if ((fds[1] = tame(fds[1])) < 0) {
		(void)close(fds[0]);
		return -1;
	}
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int
native_accept(int listener)
{
	int fd = accept(listener, NULL, NULL), flags;

	/* It takes the listener's O_NONBLOCK over, as it does not on Linux. */
	if (fd >= 0 && (flags = fcntl(fd, F_GETFL)) >= 0)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return tame(fd);
}

/* The socket itself was told: native_socket(). */
ssize_t
native_send(int fd, const void *p, size_t n)
{
	return send(fd, p, n, 0);
}

/*
 * fsync(2) hands over to the drive, which may keep it in its cache;
 * F_FULLFSYNC waits until it is on the medium (fcntl(2)). File systems that do
 * not know it (network, FAT) say so.
 */
int
native_open(const char *path, int flags, unsigned mode)
{
	return open(path, flags | O_CLOEXEC, (mode_t)mode);
}

const struct passwd *
native_next_account(FILE **io_f)
{
	const struct passwd *p;

	/* There the accounts are no file: only whether it has begun. */
	if (*io_f == NULL)
		setpwent();
	*io_f = stdin;
	if ((p = getpwent()) == NULL) {
		endpwent();
		*io_f = NULL;
	}
	return p;
}

int
native_open_program(const char *path, enum program_owner owner,
    struct program *ret_p)
{
	(void)path;
	(void)owner;
	(void)ret_p;
	return ERR_UNSUPPORTED;
}

int
native_sync(int fd)
{
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	if (errno == ENOTSUP || errno == EOPNOTSUPP || errno == ENOTTY ||
	    errno == EINVAL)
		return fsync(fd);
	return -1;
}

static int64_t
to_ns(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
native_mtime_ns(const struct stat *st)
{
	return to_ns(st->st_mtimespec);
}

int64_t
native_ctime_ns(const struct stat *st)
{
	return to_ns(st->st_ctimespec);
}

/*
 * A debugger is refused from now on, also root's (ptrace(2)). Task ports of a
 * process of another owner, or of one signed with the hardened runtime, are
 * the kernel's to refuse.
 */
int
native_forbid_tracing(void)
{
	return ptrace(PT_DENY_ATTACH, 0, NULL, 0);
}

void
native_hide_memory(void *p, size_t n)
{
	(void)minherit(p, n, VM_INHERIT_NONE);
	(void)madvise(p, n, MADV_ZERO_WIRED_PAGES);
}

void
native_wipe(void *p, size_t n)
{
	(void)memset_s(p, n, 0, n);
}
