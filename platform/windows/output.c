/*
 * output.c - what a child of ours says, with an end to our patience.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/output.h"

#include "platform/clock.h"
#include "platform/windows/io.h"

int
output_read(int fd, uint64_t until_ms, struct buf *b)
{
	uint8_t block[4096];
	uint64_t now;
	size_t n;
	int err;

	for (;;) {
		if ((now = clock_boot_ms()) >= until_ms)
			return ERR_AGAIN;
		err = io_read(win_handle(fd), block, sizeof(block),
		    (DWORD)(until_ms - now), &n);
		if (err != 0)
			return err;
		if (n == 0)
			return buf_error(b);
		buf_put_bytes(b, bytes_of(block, n));
		if (buf_error(b) != 0)
			return buf_error(b);
	}
}
