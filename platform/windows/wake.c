/*
 * wake.c - a socket that another thread makes readable.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, on Windows.
 */
#include "platform/windows/wake.h"

#include <string.h>

static SOCKET
socket_of(int fd)
{
	return (SOCKET)fd;
}

static bool
connect_to_itself(SOCKET s)
{
	struct sockaddr_in a;
	int n = (int)sizeof(a);
	u_long yes = 1;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind(s, (const struct sockaddr *)&a, n) == 0 &&
	    getsockname(s, (struct sockaddr *)&a, &n) == 0 &&
	    connect(s, (const struct sockaddr *)&a, n) == 0 &&
	    ioctlsocket(s, (long)FIONBIO, &yes) == 0;
}

int
wake_open(int *ret_fd)
{
	WSADATA data;
	SOCKET s;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
		return ERR_IO;
	s = WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0,
	    WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
	if (s == INVALID_SOCKET)
		return ERR_IO;
	if (s > INT_MAX || !connect_to_itself(s)) {
		(void)closesocket(s);
		return ERR_IO;
	}
	*ret_fd = (int)s;
	return 0;
}

void
wake_ring(int fd)
{
	/* When there is no room for more, it is readable already. */
	(void)send(socket_of(fd), "", 1, 0);
}

void
wake_quiet(int fd)
{
	char c[16];

	while (recv(socket_of(fd), c, sizeof(c), 0) > 0)
		;
}

void
wake_close(int *fd)
{
	if (*fd >= 0)
		(void)closesocket(socket_of(*fd));
	*fd = -1;
}
