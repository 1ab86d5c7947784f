/*
 * fuzz_base64.c - what decodes encodes back to the same text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/base64.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
round_trip(struct bytes text,
    int (*decode)(struct bytes, struct buf *),
    void (*encode)(struct buf *, struct bytes))
{
	struct buf raw, back;

	buf_init(&raw, 4096);
	buf_init(&back, 8192);
	if (decode(text, &raw) == 0) {
		encode(&back, buf_bytes(&raw));
		if (!bytes_equal(buf_bytes(&back), text))
			abort();
	} else if (raw.n != 0)
		abort();
	buf_free(&raw);
	buf_free(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes a = bytes_of(p, n);
	struct buf text, raw;

	round_trip(a, base64_decode, base64_encode);
	round_trip(a, base64url_decode, base64url_encode);

	buf_init(&text, 8192);
	buf_init(&raw, 4096);
	base64_encode(&text, a);
	if (buf_error(&text) == 0 && n <= raw.cap &&
	    (base64_decode(buf_bytes(&text), &raw) != 0 ||
	    !bytes_equal(buf_bytes(&raw), a)))
		abort();
	buf_free(&text);
	buf_free(&raw);
	return 0;
}
