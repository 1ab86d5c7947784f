/*
 * sockets.c - local sockets.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/pipes.h"

#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16
/* How long one who listens may take to end. */
#define LINGER_MS 1000

static int
error_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case ECONNREFUSED:
		return ERR_CLOSED;
	case EADDRINUSE:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	default:
		return ERR_IO;
	}
}

static int
address_of(const char *path, struct sockaddr_un *ret_a)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(a.sun_path))
		return ERR_TOO_LARGE;
	memcpy(a.sun_path, path, n + 1);
	*ret_a = a;
	return 0;
}

int
pipes_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un a;
	int fd, r;

	if ((r = address_of(path, &a)) != 0)
		return r;
	if ((fd = native_socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
		return ERR_IO;
	while ((r = connect(fd, (const struct sockaddr *)&a, sizeof(a))) != 0 &&
	    errno == EINTR)
		;
	if (r != 0) {
		r = error_of(errno);
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * Whether who listens there hangs up: one that is just being ended. Whoever
 * lives takes the connection, or lets it wait.
 */
static bool
hangs_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&p, 1, LINGER_MS) > 0 && recv(fd, &byte, 1,
	    MSG_DONTWAIT) <= 0;
}

/*
 * Removes the socket at path if it is ours and nobody listens there any more.
 * ERR_EXISTS if something is there that must stay.
 */
static int
remove_stale(const char *path)
{
	struct stat st;
	int fd, r;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : error_of(errno);
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return ERR_EXISTS;
	r = pipes_connect(path, &fd);
	if (r == 0) {
		if (hangs_up(fd))
			r = ERR_CLOSED;
		(void)close(fd);
	}
	if (r != ERR_CLOSED)
		return r == 0 ? ERR_EXISTS : r;
	return unlink(path) == 0 ? 0 : error_of(errno);
}

int
pipes_listen(const char *path, unsigned mode, uint32_t gid, int *ret_fd)
{
	struct sockaddr_un a;
	bool bound = false;
	int fd, r;

	if ((r = address_of(path, &a)) != 0 || (r = remove_stale(path)) != 0)
		return r;
	if ((fd = native_socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
		return ERR_IO;
	/* Until listen(2) nobody gets in: first the rights, then that. */
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0) {
		bound = true;
		if ((gid == PIPES_GID_KEEP ||
		    lchown(path, (uid_t)-1, (gid_t)gid) == 0) &&
		    chmod(path, (mode_t)mode) == 0 &&
		    fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
		    listen(fd, BACKLOG) == 0) {
			*ret_fd = fd;
			return 0;
		}
	}
	r = error_of(errno);
	(void)close(fd);
	if (bound)
		(void)unlink(path);
	return r;
}

void
pipes_unlisten(int *listener, const char *path)
{
	if (*listener < 0)
		return;
	(void)unlink(path);
	(void)close(*listener);
	*listener = -1;
}

int
pipes_accept(int listener, int *ret_fd, struct peer *ret_peer)
{
	int fd, r;

	while ((fd = native_accept(listener)) < 0 &&
	    (errno == EINTR || errno == ECONNABORTED))
		;
	if (fd < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN :
		    ERR_IO;
	if ((r = pipes_peer(fd, ret_peer)) != 0) {
		(void)close(fd);
		return ERR_DENIED;
	}
	*ret_fd = fd;
	return 0;
}

bool
peer_is_in_group(const struct peer *p, uint32_t gid)
{
	size_t i;

	if (p->gid == gid)
		return true;
	for (i = 0; i < p->n_groups; i++)
		if (p->groups[i] == gid)
			return true;
	return false;
}

int
pipes_pair(int ret_fds[2])
{
	int fds[2];

	if (native_socketpair(fds) != 0)
		return ERR_IO;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}
