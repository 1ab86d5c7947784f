/*
 * native.c - calls whose form differs between Linux and macOS: Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli, console.
 */
#include "platform/posix/native.h"

#include "platform/linux/starter.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

int
native_pipe(int ret_fds[2])
{
	return pipe2(ret_fds, O_CLOEXEC);
}

int
native_socket(int domain, int type, int protocol)
{
	return socket(domain, type | SOCK_CLOEXEC, protocol);
}

int
native_socketpair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds);
}

int
native_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

ssize_t
native_send(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL);
}

int
native_open(const char *path, int flags, unsigned mode)
{
	return starter_open(path, flags, mode);
}

const struct passwd *
native_next_account(FILE **io_f)
{
	const struct passwd *p;
	int fd;

	if (*io_f == NULL) {
		if ((fd = starter_open("/etc/passwd", O_RDONLY, 0)) < 0)
			return NULL;
		if ((*io_f = fdopen(fd, "r")) == NULL) {
			(void)close(fd);
			return NULL;
		}
	}
	if ((p = fgetpwent(*io_f)) == NULL) {
		(void)fclose(*io_f);
		*io_f = NULL;
	}
	return p;
}

int
native_open_program(const char *path, enum program_owner owner,
    struct program *ret_p)
{
	return starter_calls != NULL ?
	    starter_calls->program(path, owner, ret_p) : ERR_UNSUPPORTED;
}

int
native_sync(int fd)
{
	return fsync(fd);
}

static int64_t
to_ns(struct timespec ts)
{
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
native_mtime_ns(const struct stat *st)
{
	return to_ns(st->st_mtim);
}

int64_t
native_ctime_ns(const struct stat *st)
{
	return to_ns(st->st_ctim);
}

int
native_forbid_tracing(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void
native_hide_memory(void *p, size_t n)
{
	(void)madvise(p, n, MADV_DONTDUMP);
	(void)madvise(p, n, MADV_WIPEONFORK);
}

void
native_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}
