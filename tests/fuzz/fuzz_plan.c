/*
 * fuzz_plan.c - any bytes as a plan: refused, or read and written back as they
 * were.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct plan p;
	struct buf b;
	size_t i;

	if (plan_decode(bytes_of(data, n), &p) != 0)
		return 0;
	for (i = 0; i < p.n_args; i++)
		if (strlen(p.args[i]) > PLAN_STRING_MAX)
			abort();
	buf_init(&b, PLAN_SIZE_MAX);
	if (plan_encode(&p, &b) != 0 || b.n != n || memcmp(b.p, data, n) != 0)
		abort();
	buf_free(&b);
	return 0;
}
