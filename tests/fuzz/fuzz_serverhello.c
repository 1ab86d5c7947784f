/*
 * fuzz_serverhello.c - a ServerHello: how the input is cut changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Input: a byte for the size of the pieces, then what a server sends.
 */
#include "common/serverhello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct serverhello whole, cut;
	size_t i, step;

	if (n < 1)
		return 0;
	step = 1 + (size_t)p[0];
	serverhello_init(&whole);
	serverhello_init(&cut);
	serverhello_feed(&whole, bytes_of(p + 1, n - 1));
	for (i = 1; i < n; i += step)
		serverhello_feed(&cut, bytes_of(p + i,
		    n - i < step ? n - i : step));
	if (serverhello_has_ems(&whole) != serverhello_has_ems(&cut))
		abort();
	return 0;
}
