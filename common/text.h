/*
 * text.h - UTF-8, the characters that text may hold, and showing it safely.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 *
 * People approve what they read, so text that can look like something else is
 * refused: control characters, format characters (bidirectional overrides,
 * zero-width ones), private use, unassigned code points, line and paragraph
 * separators, default-ignorable ones and surrogates (protocol.md section 2).
 * Which those are is fixed to one version of Unicode, TEXT_UNICODE_VERSION,
 * since all ends must refuse the same texts. Nothing is ever normalised.
 */
#ifndef COUNTERSIGN_COMMON_TEXT_H
#define COUNTERSIGN_COMMON_TEXT_H

#include "common/bytes.h"

#define TEXT_UNICODE_VERSION "14.0.0"
#define TEXT_UNICODE_MAJOR 14
#define TEXT_ORG_MAX 63
#define TEXT_NAME_MAX 64

/* What a code point is, as far as it is refused. */
enum text_kind {
	TEXT_KIND_ALLOWED,
	TEXT_KIND_CONTROL,	/* Cc, tab and newline among them */
	TEXT_KIND_FORMAT,	/* Cf */
	TEXT_KIND_PRIVATE,	/* Co */
	TEXT_KIND_SURROGATE,	/* Cs */
	TEXT_KIND_SEPARATOR,	/* Zl, Zp */
	TEXT_KIND_UNASSIGNED,	/* Cn, noncharacters too */
	TEXT_KIND_IGNORABLE	/* default-ignorable and none of these */
};

/* What a piece of text has to be. */
enum text_class {
	TEXT_PLAIN,		/* no refused character but tab and newline */
	TEXT_LINE,		/* no refused character at all: one line */
	TEXT_ASCII_COMMAND,	/* 0x20 to 0x7E, tab and newline */
	TEXT_ORG,		/* [a-z0-9.-], 1 to 63 of them */
	TEXT_NAME		/* an id, [A-Za-z0-9][A-Za-z0-9._@+-]{0,63} */
};

/*
 * Takes the first character off *rest, which must not be empty. Strict UTF-8
 * (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF.
 * ERR_CHARACTER, and then *rest is as it was.
 */
MUST_CHECK int text_next(struct bytes *rest, uint32_t *ret_cp);

/* What the code point is; TEXT_KIND_UNASSIGNED above U+10FFFF. */
enum text_kind text_kind(uint32_t cp);

/* Whether the character may stand in text of several lines (TEXT_PLAIN). */
bool text_is_plain(uint32_t cp);

/* The word for a kind ("format"), for reasons. Never NULL. */
const char *text_kind_word(enum text_kind kind);

/*
 * Whether the whole text is of the class. ERR_CHARACTER, with *ret_at set to
 * the offset of the first byte that offends; ERR_RANGE if an org or name is
 * empty or too long (*ret_at is the length). ret_at may be NULL.
 */
MUST_CHECK int text_check(struct bytes utf8, enum text_class what,
    size_t *ret_at);

/*
 * How many characters, or UTF-16 code units, valid UTF-8 has: the units that
 * lengths of descriptions and commands are stated in. A byte that is not
 * valid UTF-8 counts as one.
 */
size_t text_chars(struct bytes utf8);
size_t text_utf16_units(struct bytes utf8);

/* text_escape(): newlines and tabs stay; else they become \n and \t. */
#define TEXT_ESCAPE_LINES 0x1u
/* A backslash becomes two, so that \xNN can only be a raw byte. */
#define TEXT_ESCAPE_BACKSLASH 0x2u
/* ASCII only: a non-ASCII character is shown by its number alone. */
#define TEXT_ESCAPE_ASCII 0x4u

/*
 * Appends untrusted bytes so that they can be shown on a terminal and read
 * without doubt: 0x20 to 0x7E as they are; a non-ASCII character as itself
 * followed by its number, "é<U+00E9>"; a refused one as its number alone,
 * "<U+202E>"; a byte that is not UTF-8 as "\xNN". A literal "<U+" begins with
 * "<U+003C>", so that no text can pass itself off as such a number.
 * Failures are the buffer's.
 */
void text_escape(struct buf *b, struct bytes a, unsigned flags);

#endif
