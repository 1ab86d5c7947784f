/*
 * conlog.c - the console's event log: one event, one line on stderr.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/conlog.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_SIZE 1000

__attribute__((format(printf, 1, 0))) static void
print_line(const char *fmt, va_list ap)
{
	char line[LINE_SIZE];
	struct buf safe;

	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		return;
	buf_init(&safe, 8 * LINE_SIZE);
	text_escape(&safe, bytes_str(line), 0);
	if (buf_error(&safe) == 0)
		fprintf(stderr, "countersign-console: %.*s\n", (int)safe.n,
		    (const char *)safe.p);
	buf_free(&safe);
}

void
conlog_event(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}

void
conlog_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(fmt, ap);
	va_end(ap);
}
