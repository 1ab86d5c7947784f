/*
 * say.c - what the tool says: results on stdout, complaints on stderr.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/cli.h"

#include "common/plain.h"
#include "common/text.h"
#include "platform/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int
complain(int code, const char *todo, const char *wrong, ...)
{
	va_list ap;

	(void)fflush(stdout);
	fputs("countersign: ", stderr);
	va_start(ap, wrong);
	vfprintf(stderr, wrong, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", todo);
	return code;
}

/* What to do about an error, where the thing itself does not tell. */
static const char *
advice(int err)
{
	switch (err) {
	case ERR_NOT_FOUND:
		return "check the name";
	case ERR_EXISTS:
		return "it stays as it is: give another name or remove it";
	case ERR_PERMISSION:
		return "check its owner and mode";
	case ERR_NO_SPACE:
		return "make room and try again";
	case ERR_NOMEM:
		return "free some memory and try again";
	case ERR_PASSPHRASE:
		return "try again";
	case ERR_SIGNATURE:
	case ERR_THRESHOLD:
	case ERR_CORRUPT:
		return "do not use it; get it again from its owner";
	default:
		return "check that it is the right file";
	}
}

int
complain_err(int err, const char *what)
{
	int code = CLI_FAILED;

	if (err == ERR_USAGE)
		code = CLI_USAGE;
	if (err == ERR_SIGNATURE || err == ERR_THRESHOLD || err == ERR_DENIED ||
	    err == ERR_ROLLBACK || err == ERR_EXPIRED || err == ERR_CORRUPT)
		code = CLI_REFUSED;
	if (err == ERR_CLOSED)
		code = CLI_UNREACHABLE;
	return complain(code, advice(err), "%s: %s", what, err_text(err));
}

int
complain_refusal(int err, const char *what, const struct refusal *why)
{
	if (err == ERR_NOMEM)
		return complain_err(err, what);
	return complain(CLI_REFUSED, "do not approve or install it; ask"
	    " whoever made it", "%s is refused (%s%s%s)", what, why->reason,
	    why->detail[0] != '\0' ? "; " : "", why->detail);
}

const char *
say_colour(enum say_colour c)
{
	static const char *const codes[] = {
		[SAY_PLAIN] = "\x1b[0m", [SAY_BOLD] = "\x1b[1m",
		[SAY_DIM] = "\x1b[2m", [SAY_RED] = "\x1b[31m",
		[SAY_GREEN] = "\x1b[32m", [SAY_YELLOW] = "\x1b[33m"
	};
	const char *no = getenv("NO_COLOR");

	return terminal_is_output() && (no == NULL || no[0] == '\0') ?
	    codes[c] : "";
}

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void
say_buf(const struct buf *b)
{
	fwrite(b->p, 1, b->n, stdout);
}

void
say_escape(struct bytes text)
{
	struct buf b;

	buf_init(&b, 32u << 20);
	text_escape(&b, text, TEXT_ESCAPE_BACKSLASH);
	say_buf(&b);
	buf_free(&b);
}

void
say_next(const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	fputs("next: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n", stderr);
}

int
say_json(struct buf *b)
{
	int err = buf_error(b);

	if (err != 0)
		return complain_err(err, "the result");
	say_buf(b);
	fputs("\n", stdout);
	return CLI_DONE;
}

void
say_age(struct buf *b, int64_t t, int64_t now)
{
	int64_t d = t > now ? t - now : now - t;

	/* The largest unit, rounded down: nobody reads 93,784 seconds. */
	d -= d % (d >= 2 * 86400 ? 86400 : d >= 7200 ? 3600 :
	    d >= 120 ? 60 : 1);
	if (d == 0) {
		buf_put_str(b, "now");
		return;
	}
	if (d >= 2 * 86400)
		buf_printf(b, t > now ? "in %d days" : "%d days ago",
		    (int)(d / 86400));
	else if (d >= 7200)
		buf_printf(b, t > now ? "in %d hours" : "%d hours ago",
		    (int)(d / 3600));
	else if (d >= 120)
		buf_printf(b, t > now ? "in %d minutes" : "%d minutes ago",
		    (int)(d / 60));
	else
		buf_printf(b, t > now ? "in %d seconds" : "%d seconds ago",
		    (int)d);
}

int
say_end(int code)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain(CLI_FAILED, "check where the output goes",
		    "the output could not be written");
	return code;
}
