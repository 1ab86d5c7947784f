/*
 * pipes.c - pipes, and reading and writing descriptors whole.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli.
 */
#include "platform/pipes.h"

#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

int
pipes_open(int ret_fds[2])
{
	int fds[2];

	if (native_pipe(fds) != 0)
		return ERR_IO;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

void
pipes_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int
pipes_forgo_signal(void)
{
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? ERR_IO : 0;
}

bool
pipes_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

int
pipes_read_all(int fd, struct buf *b)
{
	uint8_t *room;
	ssize_t n;

	do {
		if ((room = buf_reserve(b, 4096)) == NULL)
			return buf_error(b);
		n = read(fd, room, 4096);
		if (n > 0)
			buf_commit(b, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? ERR_IO : 0;
}

int
pipes_write_all(int fd, struct bytes a)
{
	ssize_t n;

	while (a.n > 0) {
		n = write(fd, a.p, a.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE ? ERR_CLOSED :
			    errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
		a.p += n;
		a.n -= (size_t)n;
	}
	return 0;
}
