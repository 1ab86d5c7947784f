/*
 * text.c - UTF-8, the characters that text may hold, and showing it safely.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#include "common/text.h"

#include <string.h>

struct text_range {
	uint32_t first, last;
	enum text_kind kind;
};

#include "common/text_tables.h"

#define N_RANGES (sizeof(text_ranges) / sizeof(text_ranges[0]))

int
text_next(struct bytes *rest, uint32_t *ret_cp)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = rest->p;
	uint32_t cp;
	size_t n, i;

	if (p[0] < 0x80) {
		rest->p++;
		rest->n--;
		*ret_cp = p[0];
		return 0;
	}
	if ((p[0] & 0xe0) == 0xc0) {
		n = 2;
		cp = p[0] & 0x1f;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3;
		cp = p[0] & 0x0f;
	} else if ((p[0] & 0xf8) == 0xf0) {
		n = 4;
		cp = p[0] & 0x07;
	} else {
		return ERR_CHARACTER;
	}
	if (n > rest->n)
		return ERR_CHARACTER;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return ERR_CHARACTER;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return ERR_CHARACTER;
	rest->p += n;
	rest->n -= n;
	*ret_cp = cp;
	return 0;
}

enum text_kind
text_kind(uint32_t cp)
{
	size_t low = 0, high = N_RANGES;

	if (cp > 0x10ffff)
		return TEXT_KIND_UNASSIGNED;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (cp < text_ranges[mid].first)
			high = mid;
		else if (cp > text_ranges[mid].last)
			low = mid + 1;
		else
			return text_ranges[mid].kind;
	}
	return TEXT_KIND_ALLOWED;
}

bool
text_is_plain(uint32_t cp)
{
	if (cp < 0x7f)
		return cp >= 0x20 || cp == '\t' || cp == '\n';
	return text_kind(cp) == TEXT_KIND_ALLOWED;
}

const char *
text_kind_word(enum text_kind kind)
{
	static const char *const words[] = {
		[TEXT_KIND_ALLOWED] = "allowed",
		[TEXT_KIND_CONTROL] = "control",
		[TEXT_KIND_FORMAT] = "format",
		[TEXT_KIND_PRIVATE] = "private_use",
		[TEXT_KIND_SURROGATE] = "surrogate",
		[TEXT_KIND_SEPARATOR] = "separator",
		[TEXT_KIND_UNASSIGNED] = "unassigned",
		[TEXT_KIND_IGNORABLE] = "ignorable"
	};

	if ((size_t)kind >= sizeof(words) / sizeof(words[0]))
		return "unknown";
	return words[kind];
}

static bool
is_among(uint32_t cp, const char *set)
{
	return cp > 0 && cp < 0x80 && strchr(set, (int)cp) != NULL;
}

static bool
is_lower_or_digit(uint32_t cp)
{
	return (cp >= 'a' && cp <= 'z') || (cp >= '0' && cp <= '9');
}

static bool
fits(uint32_t cp, enum text_class what, bool first)
{
	switch (what) {
	case TEXT_PLAIN:
		return text_is_plain(cp);
	case TEXT_LINE:
		return text_is_plain(cp) && cp >= 0x20;
	case TEXT_ASCII_COMMAND:
		return text_is_plain(cp) && cp < 0x7f;
	case TEXT_ORG:
		return is_lower_or_digit(cp) || is_among(cp, ".-");
	case TEXT_NAME:
		return is_lower_or_digit(cp) || (cp >= 'A' && cp <= 'Z') ||
		    (!first && is_among(cp, "._@+-"));
	}
	return false;
}

static int
check_length(size_t n, enum text_class what)
{
	size_t max;

	if (what == TEXT_ORG)
		max = TEXT_ORG_MAX;
	else if (what == TEXT_NAME)
		max = TEXT_NAME_MAX;
	else
		return 0;
	return n < 1 || n > max ? ERR_RANGE : 0;
}

int
text_check(struct bytes utf8, enum text_class what, size_t *ret_at)
{
	struct bytes rest = utf8;
	size_t at = utf8.n;
	uint32_t cp;
	int r;

	r = check_length(utf8.n, what);
	while (r == 0 && rest.n > 0) {
		at = utf8.n - rest.n;
		r = text_next(&rest, &cp);
		if (r == 0 && !fits(cp, what, at == 0))
			r = ERR_CHARACTER;
	}
	if (r != 0 && ret_at != NULL)
		*ret_at = at;
	return r;
}

/* The next character, or a byte that is none, as a code point. */
static uint32_t
next_or_byte(struct bytes *rest)
{
	uint32_t cp;

	if (text_next(rest, &cp) == 0)
		return cp;
	cp = *rest->p++;
	rest->n--;
	return cp;
}

size_t
text_chars(struct bytes utf8)
{
	size_t n = 0;

	for (; utf8.n > 0; n++)
		(void)next_or_byte(&utf8);
	return n;
}

size_t
text_utf16_units(struct bytes utf8)
{
	size_t n = 0;

	while (utf8.n > 0)
		n += next_or_byte(&utf8) > 0xffff ? 2 : 1;
	return n;
}

static void
put_number(struct buf *b, uint32_t cp)
{
	buf_printf(b, "<U+%04X>", (unsigned)cp);
}

/* One character; rest is what follows it, glyph its bytes. */
static void
escape_char(struct buf *b, uint32_t cp, struct bytes glyph,
    struct bytes rest, unsigned flags)
{
	if (cp == '\n' || cp == '\t') {
		if ((flags & TEXT_ESCAPE_LINES) != 0)
			buf_put_u8(b, (uint8_t)cp);
		else
			buf_put_str(b, cp == '\n' ? "\\n" : "\\t");
	} else if (cp == '\\' && (flags & TEXT_ESCAPE_BACKSLASH) != 0) {
		buf_put_str(b, "\\\\");
	} else if (cp == '<' && rest.n >= 2 && memcmp(rest.p, "U+", 2) == 0) {
		put_number(b, cp);
	} else if (cp >= 0x20 && cp < 0x7f) {
		buf_put_u8(b, (uint8_t)cp);
	} else {
		if (text_kind(cp) == TEXT_KIND_ALLOWED &&
		    (flags & TEXT_ESCAPE_ASCII) == 0)
			buf_put_bytes(b, glyph);
		put_number(b, cp);
	}
}

void
text_escape(struct buf *b, struct bytes a, unsigned flags)
{
	while (a.n > 0) {
		struct bytes glyph = a;
		uint32_t cp;

		if (text_next(&a, &cp) != 0) {
			buf_printf(b, "\\x%02x", (unsigned)a.p[0]);
			a.p++;
			a.n--;
			continue;
		}
		glyph.n -= a.n;
		escape_char(b, cp, glyph, a, flags);
	}
}
