/*
 * random.c - random bytes from the kernel.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli.
 */
#include "platform/random.h"

#include <stdint.h>
#include <sys/random.h>

/* The most that getentropy(2) gives at a time. */
#define PIECE 256

int
random_fill(void *ret_p, size_t n)
{
	uint8_t *p = ret_p;
	size_t now;

	while (n > 0) {
		now = n < PIECE ? n : PIECE;
		if (getentropy(p, now) != 0)
			return ERR_IO;
		p += now;
		n -= now;
	}
	return 0;
}
