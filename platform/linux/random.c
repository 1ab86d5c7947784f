/*
 * random.c - random bytes from the kernel.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#include "platform/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

int
random_fill(void *ret_p, size_t n)
{
	uint8_t *p = ret_p;
	ssize_t got;

	/* More than 256 bytes may come in pieces (getrandom(2)). */
	while (n > 0) {
		got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERR_IO;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}
