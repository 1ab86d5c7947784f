/*
 * fuzz_der.c - ECDSA signatures in DER have one spelling.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/der.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t rs[DER_RS_SIZE], back[DER_RS_SIZE];
	struct buf b;

	buf_init(&b, 100);
	if (der_ecdsa_read(bytes_of(p, n), rs) == 0) {
		der_ecdsa_write(&b, rs);
		if (!bytes_equal(buf_bytes(&b), bytes_of(p, n)))
			abort();
	}
	/* And every pair of numbers has one. */
	if (n == sizeof(rs)) {
		buf_clear(&b);
		der_ecdsa_write(&b, p);
		if (buf_error(&b) != 0 ||
		    der_ecdsa_read(buf_bytes(&b), back) != 0 ||
		    memcmp(back, p, sizeof(back)) != 0)
			abort();
	}
	buf_free(&b);
	return 0;
}
