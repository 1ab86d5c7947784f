/*
 * output.c - what a child of ours says, with an end to our patience.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/output.h"

#include "platform/clock.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

int
output_read(int fd, uint64_t until_ms, struct buf *b)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t block[4096];
	uint64_t now;
	ssize_t n;

	for (;;) {
		if ((now = clock_boot_ms()) >= until_ms)
			return ERR_AGAIN;
		if (poll(&p, 1, (int)(until_ms - now)) < 0 && errno != EINTR)
			return ERR_IO;
		if (p.revents == 0)
			continue;
		n = read(fd, block, sizeof(block));
		if (n == 0)
			return buf_error(b);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return ERR_IO;
		if (n > 0)
			buf_put_bytes(b, bytes_of(block, (size_t)n));
		if (buf_error(b) != 0)
			return buf_error(b);
		p.revents = 0;
	}
}
