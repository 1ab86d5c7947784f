/*
 * stream.c - blocking connections, for a tool that does one thing at a time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 */
#include "platform/stream.h"

#include "platform/posix/native.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int
error_of(int e)
{
	switch (e) {
	case EAGAIN:
	case EINPROGRESS:
		return ERR_AGAIN;
	case ECONNRESET:
	case EPIPE:
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
		return ERR_CLOSED;
	default:
		return ERR_IO;
	}
}

void
stream_set_wait(int fd, unsigned ms)
{
	struct timeval t = { .tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static int
dial_one(const struct addrinfo *a, unsigned within_ms, int *ret_fd)
{
	int fd, one = 1, err;

	fd = native_socket(a->ai_family, a->ai_socktype, a->ai_protocol);
	if (fd < 0)
		return ERR_IO;
	stream_set_wait(fd, within_ms);
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
		err = error_of(errno);
		close(fd);
		return err == ERR_AGAIN ? ERR_CLOSED : err;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_fd = fd;
	return 0;
}

int
stream_dial(const char *host, uint16_t port, unsigned within_ms, int *ret_fd)
{
	struct addrinfo want, *list, *a;
	char service[8];
	int err = ERR_NOT_FOUND;

	memset(&want, 0, sizeof(want));
	want.ai_socktype = SOCK_STREAM;
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	if (getaddrinfo(host, service, &want, &list) != 0)
		return ERR_NOT_FOUND;
	for (a = list; a != NULL; a = a->ai_next)
		if ((err = dial_one(a, within_ms, ret_fd)) == 0)
			break;
	freeaddrinfo(list);
	return err;
}

int
stream_read(int fd, void *p, size_t n, size_t *ret_n)
{
	ssize_t r;

	do
		r = recv(fd, p, n, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_of(errno);
	*ret_n = (size_t)r;
	return 0;
}

int
stream_write(int fd, struct bytes a)
{
	while (a.n > 0) {
		ssize_t r = native_send(fd, a.p, a.n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_of(errno);
		a.p += r;
		a.n -= (size_t)r;
	}
	return 0;
}

void
stream_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
