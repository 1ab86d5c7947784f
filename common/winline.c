/*
 * winline.c - command lines of Windows, where a program gets one text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli.
 */
#include "common/winline.h"

#include "common/base64.h"

#include <string.h>

static void
put_space(struct buf *b)
{
	if (b->n > 0)
		buf_put_u8(b, ' ');
}

static void
put_times(struct buf *b, char c, size_t n)
{
	while (n-- > 0)
		buf_put_u8(b, (uint8_t)c);
}

static bool
needs_quotes(struct bytes a)
{
	size_t i;

	for (i = 0; i < a.n; i++)
		if (memchr(" \t\n\v\"", a.p[i], 5) != NULL)
			return true;
	return a.n == 0;
}

/*
 * Back slashes mean themselves, but before a quotation mark two of them are
 * one; also before the one that ends the argument.
 */
void
winline_put_argument(struct buf *b, struct bytes argument)
{
	size_t i, slashes = 0;

	put_space(b);
	if (!needs_quotes(argument)) {
		buf_put_bytes(b, argument);
		return;
	}
	buf_put_u8(b, '"');
	for (i = 0; i < argument.n; i++) {
		if (argument.p[i] == '\\') {
			slashes++;
			continue;
		}
		put_times(b, '\\', argument.p[i] == '"' ? slashes * 2 + 1 :
		    slashes);
		slashes = 0;
		buf_put_u8(b, argument.p[i]);
	}
	put_times(b, '\\', slashes * 2);
	buf_put_u8(b, '"');
}

/* ---- UTF-16 ---- */

/* The next character of a text: 1; 0 at its end. ERR_CHARACTER. */
static int
next_character(struct bytes *a, uint32_t *ret_c)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	size_t i, more;
	uint32_t c;

	if (a->n == 0)
		return 0;
	c = a->p[0];
	more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
	if (more > 0 && (c < 0xc2 || c > 0xf4))
		return ERR_CHARACTER;
	if (a->n <= more)
		return ERR_CHARACTER;
	if (more > 0)
		c &= 0x3fu >> more;
	for (i = 1; i <= more; i++) {
		if ((a->p[i] & 0xc0) != 0x80)
			return ERR_CHARACTER;
		c = c << 6 | (a->p[i] & 0x3fu);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return ERR_CHARACTER;
	a->p += more + 1;
	a->n -= more + 1;
	*ret_c = c;
	return 1;
}

int
winline_units(struct bytes text, size_t *ret_units)
{
	size_t n = 0;
	uint32_t c;
	int r;

	while ((r = next_character(&text, &c)) > 0)
		n += c >= 0x10000 ? 2 : 1;
	if (r == 0)
		*ret_units = n;
	return r;
}

static void
put_unit(struct buf *b, uint32_t u)
{
	buf_put_u8(b, (uint8_t)(u & 0xff));
	buf_put_u8(b, (uint8_t)(u >> 8));
}

int
winline_put_encoded(struct buf *b, struct bytes text)
{
	struct buf wide;
	uint32_t c;
	int r;

	buf_init(&wide, 4 * (size_t)WINLINE_UNITS_MAX);
	while ((r = next_character(&text, &c)) > 0) {
		if (c >= 0x10000) {
			c -= 0x10000;
			put_unit(&wide, 0xd800 + (c >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		put_unit(&wide, c);
	}
	if (r == 0 && (r = buf_error(&wide)) == 0) {
		put_space(b);
		base64_encode(b, buf_bytes(&wide));
	}
	/* It may have a secret in it, as any command. */
	buf_free(&wide);
	return r;
}

void
winline_put_cmd(struct buf *b, struct bytes text)
{
	put_space(b);
	buf_put_u8(b, '"');
	buf_put_bytes(b, text);
	buf_put_u8(b, '"');
}

/* ---- a whole one ---- */

static int
put_script(struct buf *b, const char *before, struct bytes script)
{
	if (before != NULL && strcmp(before, "-EncodedCommand") == 0)
		return winline_put_encoded(b, script);
	if (before == NULL || strcmp(before, "/c") != 0)
		return ERR_USAGE;
	winline_put_cmd(b, script);
	return 0;
}

int
winline_make(struct buf *b, const char *const *arguments, const char *mark,
    struct bytes script)
{
	const char *before = NULL;
	size_t units;
	int err;

	for (; *arguments != NULL; before = *arguments++) {
		if (mark == NULL || arguments[1] != NULL ||
		    strcmp(*arguments, mark) != 0) {
			winline_put_argument(b, bytes_str(*arguments));
			continue;
		}
		if ((err = put_script(b, before, script)) != 0)
			return err;
	}
	if ((err = buf_error(b)) != 0 ||
	    (err = winline_units(buf_bytes(b), &units)) != 0)
		return err;
	return units <= WINLINE_UNITS_MAX ? 0 : ERR_TOO_LARGE;
}
