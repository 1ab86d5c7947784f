/*
 * fuzz_json.c - the scanner: its flags only take away, its errors are whole.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/json.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
check(struct bytes text, unsigned flags)
{
	struct json_error e = { 0, 0, NULL };
	int r = json_check(text, flags, &e);

	if (r != e.err || e.at > text.n || (r != 0) != (e.rule != NULL))
		abort();
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes text = bytes_of(p, n);
	int base = check(text, 0);
	int integers = check(text, JSON_INTEGERS_ONLY);
	int plain = check(text, JSON_PLAIN_TEXT);
	int both = check(text, JSON_INTEGERS_ONLY | JSON_PLAIN_TEXT);

	if (base != 0 && (integers == 0 || plain == 0))
		abort();
	if ((both == 0) != (integers == 0 && plain == 0))
		abort();
	/* What is taken is UTF-8 throughout, with no NUL. */
	if (base == 0 && (memchr(p, 0, n) != NULL ||
	    text_chars(text) > n))
		abort();
	while (base == 0 && text.n > 0) {
		uint32_t cp;

		if (text_next(&text, &cp) != 0)
			abort();
	}
	return 0;
}
