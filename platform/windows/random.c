/*
 * random.c - random bytes from the kernel.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli.
 */
#include "platform/random.h"

#include "platform/windows/win.h"

#include <bcrypt.h>

int
random_fill(void *ret_p, size_t n)
{
	uint8_t *p = ret_p;
	ULONG part;

	while (n > 0) {
		part = n < 0x10000000 ? (ULONG)n : 0x10000000;
		if (BCryptGenRandom(NULL, p, part,
		    BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
			return ERR_IO;
		p += part;
		n -= part;
	}
	return 0;
}
