/*
 * clixml.c - what PowerShell writes as XML on its error stream, as text again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 *
 * The form: MS-PSRP 2.2.5 (serialization; strings and their escapes in
 * 2.2.5.1.1 and 2.2.5.3.2).
 */
#include "common/clixml.h"

#include <string.h>

static const char mark[] = "#< CLIXML";
static const char start[] = "<Objs ";
static const char end[] = "</Objs>";

/* The streams whose texts are shown, as attribute S of <S>. */
static const char *const shown[] = { "Error", "Warning", "Verbose", "Debug",
	NULL };

void
clixml_init(struct clixml *c)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->held, CLIXML_BLOCK_MAX + 64);
}

void
clixml_fini(struct clixml *c)
{
	buf_free(&c->held);
}

/* ---- a whole block ---- */

static bool
begins(struct bytes a, const char *s)
{
	size_t n = strlen(s);

	return a.n >= n && memcmp(a.p, s, n) == 0;
}

static void
skip(struct bytes *a, size_t n)
{
	a->p += n;
	a->n -= n;
}

/* Where s stands in a; a.n if nowhere. */
static size_t
find(struct bytes a, const char *s)
{
	size_t i;

	for (i = 0; i < a.n; i++)
		if (begins(bytes_of(a.p + i, a.n - i), s))
			return i;
	return a.n;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "_xHHHH_", a UTF-16 unit; false if it is not that. */
static bool
take_unit(struct bytes *a, uint32_t *ret_u)
{
	uint32_t u = 0;
	size_t i;
	int d;

	if (!begins(*a, "_x") || a->n < 7 || a->p[6] != '_')
		return false;
	for (i = 2; i < 6; i++) {
		if ((d = hex_digit(a->p[i])) < 0)
			return false;
		u = u << 4 | (uint32_t)d;
	}
	skip(a, 7);
	*ret_u = u;
	return true;
}

static void
put_character(struct buf *b, uint32_t c)
{
	if (c >= 0xd800 && c <= 0xdfff)
		c = 0xfffd;	/* half of a pair */
	if (c < 0x80) {
		buf_put_u8(b, (uint8_t)c);
	} else if (c < 0x800) {
		buf_put_u8(b, (uint8_t)(0xc0 | c >> 6));
		buf_put_u8(b, (uint8_t)(0x80 | (c & 63)));
	} else {
		if (c < 0x10000) {
			buf_put_u8(b, (uint8_t)(0xe0 | c >> 12));
		} else {
			buf_put_u8(b, (uint8_t)(0xf0 | c >> 18));
			buf_put_u8(b, (uint8_t)(0x80 | (c >> 12 & 63)));
		}
		buf_put_u8(b, (uint8_t)(0x80 | (c >> 6 & 63)));
		buf_put_u8(b, (uint8_t)(0x80 | (c & 63)));
	}
}

/* "&lt;" and the like, "&#10;", "&#xA;"; false if it is none. */
static bool
take_entity(struct bytes *a, uint32_t *ret_c)
{
	static const struct {
		const char *name;
		char c;
	} names[] = {
		{ "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' },
		{ "&quot;", '"' }, { "&apos;", '\'' },
	};
	bool hex = begins(*a, "&#x");
	uint32_t c = 0;
	size_t i;
	int d;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (begins(*a, names[i].name)) {
			*ret_c = (uint32_t)names[i].c;
			skip(a, strlen(names[i].name));
			return true;
		}
	if (!begins(*a, "&#"))
		return false;
	for (i = hex ? 3 : 2; i < a->n && i < 10 && a->p[i] != ';'; i++) {
		d = hex_digit(a->p[i]);
		if (d < 0 || (!hex && d > 9))
			return false;
		c = c * (hex ? 16 : 10) + (uint32_t)d;
	}
	if (i >= a->n || a->p[i] != ';' || i == (hex ? 3u : 2u) ||
	    c > 0x10ffff)
		return false;
	skip(a, i + 1);
	*ret_c = c;
	return true;
}

/* The content of an <S> with its escapes undone. */
static void
put_text(struct buf *b, struct bytes a)
{
	struct bytes ahead;
	uint32_t c, low;

	while (a.n > 0) {
		if (take_unit(&a, &c)) {
			ahead = a;
			if (c >= 0xd800 && c < 0xdc00 &&
			    take_unit(&ahead, &low) && low >= 0xdc00 &&
			    low <= 0xdfff) {
				a = ahead;
				c = 0x10000 + ((c - 0xd800) << 10) +
				    (low - 0xdc00);
			}
			put_character(b, c);
		} else if (take_entity(&a, &c)) {
			put_character(b, c);
		} else {
			buf_put_u8(b, a.p[0]);
			skip(&a, 1);
		}
	}
}

/* Whether this is the beginning of a text that is shown: `<S S="Error">`. */
static bool
take_shown(struct bytes *a)
{
	struct bytes at = *a;
	size_t i, n;

	if (!begins(at, "<S S=\""))
		return false;
	skip(&at, 6);
	for (i = 0; shown[i] != NULL; i++) {
		n = strlen(shown[i]);
		/* Both "Warning" and "warning" are written. */
		if (at.n > n + 1 && (at.p[0] | 0x20) == (shown[i][0] | 0x20) &&
		    memcmp(at.p + 1, shown[i] + 1, n - 1) == 0 &&
		    at.p[n] == '"' && at.p[n + 1] == '>') {
			skip(&at, n + 2);
			*a = at;
			return true;
		}
	}
	return false;
}

/*
 * What stands between the elements is another program's: PowerShell writes
 * none, and those that it starts have the same stream.
 */
static void
put_between(struct buf *b, struct bytes a)
{
	size_t i;

	for (i = 0; i < a.n; i++)
		if (memchr(" \t\r\n", a.p[i], 4) == NULL)
			break;
	if (i < a.n)
		buf_put_bytes(b, a);
}

/*
 * From "<Objs " to its end: the texts that stand right below it. Elements are
 * only counted; an object may have texts of its own, which are not a stream's.
 */
static bool
put_block(struct buf *b, struct bytes a)
{
	unsigned depth = 0;
	size_t n;

	while (a.n > 0) {
		if (depth == 1 && take_shown(&a)) {
			n = find(a, "</S>");
			if (n == a.n || memchr(a.p, '<', n) != NULL)
				return false;
			put_text(b, bytes_of(a.p, n));
			skip(&a, n + 4);
			continue;
		}
		if (a.p[0] != '<') {
			n = find(a, "<");
			if (depth == 1)
				put_between(b, bytes_of(a.p, n));
			skip(&a, n);
			continue;
		}
		if ((n = find(a, ">")) == a.n)
			return false;
		if (a.p[1] == '/') {
			if (depth-- == 0)
				return false;
		} else if (a.p[n - 1] != '/') {
			depth++;
		}
		skip(&a, n + 1);
	}
	return depth == 0;
}

/* ---- the stream ---- */

/*
 * Whether `a` is the beginning of a block: 1 with *ret_n, how long that is; 0
 * it is not; ERR_AGAIN it may become one.
 */
static int
is_beginning(struct bytes a, bool again, size_t *ret_n)
{
	static const char *const forms[] = {
		"#< CLIXML\r\n<Objs ", "#< CLIXML\n<Objs ", "<Objs "
	};
	size_t i, n;
	int r = 0;

	for (i = 0; i < 3; i++) {
		/* Without its mark right before it: see struct clixml. */
		if (i == 2 && !again)
			continue;
		n = strlen(forms[i]);
		if (memcmp(a.p, forms[i], a.n < n ? a.n : n) != 0)
			continue;
		if (a.n >= n) {
			*ret_n = n - strlen(start);
			return 1;
		}
		r = ERR_AGAIN;
	}
	return r;
}

/* What is held begins a block; shows it if it is whole. Whether it was. */
static bool
end_block(struct clixml *c, struct buf *ret_b)
{
	struct bytes held = buf_bytes(&c->held);
	struct buf text;
	size_t n, from = 0;

	n = c->looked + find(bytes_of(held.p + c->looked, held.n - c->looked),
	    end);
	if (n == held.n) {
		/* Its first bytes may be there. */
		c->looked = n < strlen(end) ? 0 : n - strlen(end);
		return false;
	}
	n += strlen(end);
	c->looked = 0;
	if (held.p[0] == (uint8_t)mark[0])
		from = find(held, start);
	buf_init(&text, CLIXML_BLOCK_MAX);
	if (put_block(&text, bytes_of(held.p + from, n - from)) &&
	    buf_error(&text) == 0)
		buf_put_bytes(ret_b, buf_bytes(&text));
	else
		buf_put(ret_b, held.p, n);
	buf_free(&text);
	buf_drop(&c->held, n);
	c->inside = c->marked = false;
	c->again = true;
	return true;
}

/* Its line, behind which another program's output has come first. */
static bool
is_mark(struct bytes a)
{
	return begins(a, "#< CLIXML\r\n") || begins(a, "#< CLIXML\n");
}

/* Shows what cannot be a beginning; keeps what may be one. */
static void
pass(struct clixml *c, struct buf *ret_b)
{
	struct bytes held = buf_bytes(&c->held), rest;
	size_t i, n;
	int r = 0;

	for (i = 0; i < held.n; i++) {
		if (held.p[i] == (uint8_t)mark[0] ||
		    ((c->again || c->marked) && held.p[i] == '<')) {
			rest = bytes_of(held.p + i, held.n - i);
			r = is_beginning(rest, c->again || c->marked, &n);
			if (r != 0)
				break;
			if (is_mark(rest))
				c->marked = true;
		}
		/* Only a line's end may stand between two. */
		if (held.p[i] != '\r' && held.p[i] != '\n')
			c->again = false;
	}
	buf_put(ret_b, held.p, i);
	buf_drop(&c->held, i);
	c->inside = r == 1;
}

int
clixml_feed(struct clixml *c, struct bytes in, struct buf *ret_b)
{
	struct bytes part;
	size_t room;
	int err;

	while (in.n > 0) {
		room = CLIXML_BLOCK_MAX - c->held.n;
		part = bytes_of(in.p, in.n < room ? in.n : room);
		skip(&in, part.n);
		buf_put_bytes(&c->held, part);
		if ((err = buf_error(&c->held)) != 0)
			return err;
		do {
			if (!c->inside)
				pass(c, ret_b);
		} while (c->inside && end_block(c, ret_b));
		/* Nobody waits for the end of that. */
		if (c->held.n == CLIXML_BLOCK_MAX && (err =
		    clixml_finish(c, ret_b)) != 0)
			return err;
	}
	return buf_error(ret_b);
}

int
clixml_finish(struct clixml *c, struct buf *ret_b)
{
	buf_put_bytes(ret_b, buf_bytes(&c->held));
	buf_clear(&c->held);
	c->inside = c->again = c->marked = false;
	c->looked = 0;
	return buf_error(ret_b);
}
