/*
 * messages.c - whole messages between the runner and its payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 */
#include "platform/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

static int
make_quiet(int fds[2])
{
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	(void)close(fds[0]);
	(void)close(fds[1]);
	return ERR_IO;
}

int
messages_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0)
		return ERR_IO;
	return make_quiet(ret_fds);
}

int
messages_pipe(int ret_fds[2])
{
	if (pipe2(ret_fds, O_CLOEXEC) != 0)
		return ERR_IO;
	return make_quiet(ret_fds);
}

int
messages_put(int fd, struct bytes m)
{
	ssize_t n;

	do {
		n = write(fd, m.p, m.n);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
	return (size_t)n == m.n ? 0 : ERR_IO;
}

int
messages_get(int fd, uint8_t *ret_p, size_t n, size_t *ret_n)
{
	ssize_t got;

	do {
		got = read(fd, ret_p, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
	if (got == 0)
		return ERR_CLOSED;
	*ret_n = (size_t)got;
	return 0;
}

int
messages_turn(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		(void)close(fd);
		return -1;
	}
	return fd;
}
