/*
 * fuzz_text.c - text: nothing that a terminal acts on gets through.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The escaped text holds allowed characters only; ASCII only if asked to. */
static void
escape(struct bytes a, unsigned flags)
{
	struct bytes rest;
	struct buf b;
	uint32_t cp;

	buf_init(&b, 16 * a.n + 1);
	text_escape(&b, a, flags);
	if (buf_error(&b) != 0)
		abort();
	rest = buf_bytes(&b);
	while (rest.n > 0) {
		if (text_next(&rest, &cp) != 0)
			abort();
		if ((flags & TEXT_ESCAPE_ASCII) != 0 && cp > 0x7e)
			abort();
		if ((flags & TEXT_ESCAPE_LINES) != 0 && (cp == '\t' ||
		    cp == '\n'))
			continue;
		if (text_kind(cp) != TEXT_KIND_ALLOWED)
			abort();
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes a = bytes_of(p, n);
	size_t at = 0;
	int plain = text_check(a, TEXT_PLAIN, &at);
	unsigned flags;
	int what;

	if (plain != 0 && at >= n)
		abort();
	/* Every narrower class is plain text. */
	for (what = TEXT_LINE; what <= TEXT_NAME; what++) {
		if (text_check(a, (enum text_class)what, NULL) == 0 &&
		    plain != 0)
			abort();
	}
	if (text_chars(a) > n || text_utf16_units(a) > n ||
	    text_utf16_units(a) < text_chars(a))
		abort();
	for (flags = 0; flags < 8; flags++)
		escape(a, flags);
	return 0;
}
