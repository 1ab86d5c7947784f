/*
 * events.c - the courier's log: one event a line on stderr, escaped.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/events.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_CHARS 600

void
event_log(const char *fmt, ...)
{
	char line[LINE_MAX_CHARS];
	struct buf b;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	/* Escaped, a byte is ten at most ("<U+10FFFF>" stands for four). */
	buf_init(&b, 10 * sizeof(line) + 64);
	buf_put_str(&b, "countersign-courier: ");
	text_escape(&b, bytes_str(line), TEXT_ESCAPE_ASCII);
	buf_put_u8(&b, '\n');
	if (buf_error(&b) == 0)
		(void)fwrite(b.p, 1, b.n, stderr);
	buf_free(&b);
}

const char *
event_quote(struct bytes text, char *ret_text, size_t n)
{
	struct buf b;
	size_t i, keep;

	/* What does not fit need not be escaped. */
	if (text.n > n)
		text.n = n;
	buf_init(&b, 10 * n + 64);
	text_escape(&b, text, TEXT_ESCAPE_ASCII);
	keep = buf_error(&b) == 0 ? b.n : 0;
	if (keep > n - 1)
		keep = n - 1;
	for (i = 0; i < keep; i++)
		ret_text[i] = b.p[i] == '"' ? '\'' : (char)b.p[i];
	ret_text[keep] = '\0';
	buf_free(&b);
	return ret_text;
}
