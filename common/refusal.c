/*
 * refusal.c - why something was refused: a stable word and a text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/refusal.h"
#include "common/doc.h"

#include <stdarg.h>
#include <stdio.h>

int
refusal_set(struct refusal *ret_why, int err, const char *reason,
    const char *fmt, ...)
{
	va_list ap;

	ret_why->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(ret_why->detail, sizeof(ret_why->detail), fmt, ap);
	va_end(ap);
	return err;
}

int
refusal_field(struct refusal *ret_why, int err, const char *field,
    const char *text)
{
	return refusal_set(ret_why, err, err_word(err), "%s%s%s", field,
	    field[0] != '\0' ? ": " : "", text);
}

int
refusal_doc(struct refusal *ret_why, int err, struct bytes text,
    unsigned flags, const struct doc *d)
{
	struct json_error where = { 0, 0, "" };

	if (d != NULL)
		return refusal_field(ret_why, err, doc_error_field(d),
		    err_text(err));
	/* The scanner says where; it passes if memory was what lacked. */
	if (json_check(text, flags | JSON_INTEGERS_ONLY, &where) == 0)
		return refusal_field(ret_why, err, "", err_text(err));
	return refusal_set(ret_why, err, err_word(err), "%s (%s at byte %zu)",
	    err_text(err), where.rule, where.at);
}
