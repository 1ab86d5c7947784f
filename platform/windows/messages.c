/*
 * messages.c - no payload asks its runner for anything here.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 */
#include "platform/messages.h"

int
messages_pair(int ret_fds[2])
{
	(void)ret_fds;
	return ERR_UNSUPPORTED;
}

int
messages_pipe(int ret_fds[2])
{
	(void)ret_fds;
	return ERR_UNSUPPORTED;
}

int
messages_put(int fd, struct bytes m)
{
	(void)fd;
	(void)m;
	return ERR_UNSUPPORTED;
}

int
messages_get(int fd, uint8_t *ret_p, size_t n, size_t *ret_n)
{
	(void)fd;
	(void)ret_p;
	(void)n;
	(void)ret_n;
	return ERR_UNSUPPORTED;
}

int
messages_turn(const char *path)
{
	(void)path;
	return -1;
}
