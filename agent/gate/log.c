/*
 * log.c - the gate's event log: one event, one line.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/log.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_SIZE 1000

void
log_init(struct log *l, const char *name, bool to_system)
{
	l->name = name;
	l->to_system = to_system;
	if (to_system)
		service_log_open(name);
}

void
log_event(const struct log *l, enum service_level level, const char *fmt, ...)
{
	char line[LINE_SIZE];
	struct buf safe;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_init(&safe, 8 * LINE_SIZE);
	text_escape(&safe, bytes_str(line), 0);
	buf_put_u8(&safe, '\0');
	if (buf_error(&safe) == 0) {
		if (l->to_system)
			service_log(level, (const char *)safe.p);
		else
			fprintf(stderr, "%s: %s\n", l->name,
			    (const char *)safe.p);
	}
	buf_free(&safe);
}

const char *
log_card(const struct sha256 *d, char ret_text[16])
{
	hex_encode(bytes_of(d->b, 6), ret_text);
	return ret_text;
}
