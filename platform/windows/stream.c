/*
 * stream.c - blocking connections, for a tool that does one thing at a time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 *
 * A connection is a descriptor of the C library (a pipe of pipes.h), or a
 * socket, whose number is marked.
 */
#include "platform/stream.h"

#include "platform/pipes.h"
#include "platform/windows/io.h"

#include <stdio.h>
#include <string.h>
#include <ws2tcpip.h>

#define SOCKET_MARK 0x40000000
/* How long a pipe waits; a socket has its own. The tool has one connection. */
static DWORD pipe_wait = INFINITE;

static SOCKET
socket_of(int fd)
{
	return (SOCKET)(fd & ~SOCKET_MARK);
}

static bool
is_socket(int fd)
{
	return fd >= SOCKET_MARK;
}

/* Connects without waiting longer than that. */
static bool
connect_within(SOCKET s, const struct addrinfo *a, unsigned ms)
{
	struct timeval limit = { (long)(ms / 1000), (long)(ms % 1000) * 1000 };
	fd_set done, failed;
	u_long flag = 1;
	bool ok = false;

	if (ioctlsocket(s, (long)FIONBIO, &flag) != 0)
		return false;
	if (connect(s, a->ai_addr, (int)a->ai_addrlen) == 0) {
		ok = true;
	} else if (WSAGetLastError() == WSAEWOULDBLOCK) {
		FD_ZERO(&done);
		FD_ZERO(&failed);
		FD_SET(s, &done);
		FD_SET(s, &failed);
		ok = select(0, NULL, &done, &failed, &limit) > 0 &&
		    FD_ISSET(s, &done);
	}
	flag = 0;
	return ok && ioctlsocket(s, (long)FIONBIO, &flag) == 0;
}

static int
dial_each(const struct addrinfo *list, unsigned within_ms, int *ret_fd)
{
	const struct addrinfo *a;
	SOCKET s;

	for (a = list; a != NULL; a = a->ai_next) {
		s = WSASocketW(a->ai_family, a->ai_socktype, a->ai_protocol,
		    NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
		if (s == INVALID_SOCKET || s >= SOCKET_MARK)
			continue;
		if (connect_within(s, a, within_ms)) {
			*ret_fd = (int)s | SOCKET_MARK;
			return 0;
		}
		(void)closesocket(s);
	}
	return ERR_CLOSED;
}

int
stream_dial(const char *host, uint16_t port, unsigned within_ms, int *ret_fd)
{
	struct addrinfo hints, *list = NULL;
	WSADATA data;
	char service[8];
	int err;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
		return ERR_IO;
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	(void)snprintf(service, sizeof(service), "%u", (unsigned)port);
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return ERR_NOT_FOUND;
	err = dial_each(list, within_ms, ret_fd);
	freeaddrinfo(list);
	return err;
}

static int
socket_error(void)
{
	switch (WSAGetLastError()) {
	case WSAETIMEDOUT:
	case WSAEWOULDBLOCK:
		return ERR_AGAIN;
	case WSAECONNRESET:
	case WSAECONNABORTED:
	case WSAESHUTDOWN:
		return ERR_CLOSED;
	default:
		return ERR_IO;
	}
}

int
stream_read(int fd, void *p, size_t n, size_t *ret_n)
{
	int got;

	if (!is_socket(fd))
		return io_read(win_handle(fd), p, n, pipe_wait, ret_n);
	got = recv(socket_of(fd), p, n < INT_MAX ? (int)n : INT_MAX, 0);
	if (got < 0)
		return socket_error();
	*ret_n = (size_t)got;
	return 0;
}

int
stream_write(int fd, struct bytes a)
{
	int n;

	if (!is_socket(fd))
		return io_write(win_handle(fd), a, pipe_wait);
	while (a.n > 0) {
		n = send(socket_of(fd), (const char *)a.p,
		    a.n < INT_MAX ? (int)a.n : INT_MAX, 0);
		if (n < 0)
			return socket_error();
		a.p += n;
		a.n -= (size_t)n;
	}
	return 0;
}

void
stream_set_wait(int fd, unsigned ms)
{
	DWORD limit = ms;

	if (!is_socket(fd)) {
		pipe_wait = ms == 0 ? INFINITE : ms;
		return;
	}
	(void)setsockopt(socket_of(fd), SOL_SOCKET, SO_RCVTIMEO,
	    (const char *)&limit, sizeof(limit));
	(void)setsockopt(socket_of(fd), SOL_SOCKET, SO_SNDTIMEO,
	    (const char *)&limit, sizeof(limit));
}

void
stream_close(int *fd)
{
	if (*fd >= 0 && is_socket(*fd)) {
		(void)closesocket(socket_of(*fd));
		*fd = -1;
	} else {
		pipes_close(fd);
	}
}
