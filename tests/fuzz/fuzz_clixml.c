/*
 * fuzz_clixml.c - PowerShell's XML: how the input is cut changes nothing, and
 * nothing grows.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Input: a byte for the size of the pieces, then the stream.
 */
#include "common/clixml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
run(struct bytes in, size_t piece, struct buf *ret_b)
{
	struct clixml c;
	size_t n;

	clixml_init(&c);
	while (in.n > 0) {
		n = in.n < piece ? in.n : piece;
		if (clixml_feed(&c, bytes_of(in.p, n), ret_b) != 0)
			abort();
		in = bytes_of(in.p + n, in.n - n);
	}
	if (clixml_finish(&c, ret_b) != 0)
		abort();
	clixml_fini(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf whole, cut;

	if (n < 1)
		return 0;
	buf_init(&whole, n + 1);
	buf_init(&cut, n + 1);
	run(bytes_of(p + 1, n - 1), n, &whole);
	run(bytes_of(p + 1, n - 1), (size_t)p[0] + 1, &cut);
	if (whole.n > n - 1 || whole.n != cut.n ||
	    (whole.n > 0 && memcmp(whole.p, cut.p, whole.n) != 0))
		abort();
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
