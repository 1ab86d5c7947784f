/*
 * observers.c - keeping an account that looks for one agent alone.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/observers.h"

#include "platform/clock.h"
#include "platform/file.h"
#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* Everywhere a folder that is root's, and empty after a boot. */
#define FOLDER "/var/run"
#define RETRY_MS 10

int
observers_hold(unsigned i, int *ret_fd)
{
	char path[64];
	int fd, r;

	if (i >= OBSERVERS || observers_name(i) == NULL)
		return ERR_UNSUPPORTED;
	(void)snprintf(path, sizeof(path),
	    FOLDER "/countersign-observe-%u.lock", i + 1);
	fd = native_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ERR_IO;
	if ((r = file_lock(fd)) != 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int
observers_hold_any(unsigned which, unsigned wait_ms, unsigned *ret_i,
    int *ret_fd)
{
	uint64_t until = clock_boot_ms() + wait_ms;
	int r = ERR_EXISTS;
	unsigned i;

	while (which != 0) {
		for (i = 0; i < OBSERVERS; i++) {
			if ((which >> i & 1) == 0)
				continue;
			if ((r = observers_hold(i, ret_fd)) == 0)
				*ret_i = i;
			if (r != ERR_EXISTS)
				return r;
		}
		if (clock_boot_ms() >= until)
			break;
		/* No event tells that a lock is free. */
		(void)poll(NULL, 0, RETRY_MS);
	}
	return r;
}

void
observers_release(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
