/*
 * test_text.c - UTF-8, classes of text, and showing it safely.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/text.h"
#include "tests/harness/test.h"

TEST(valid_utf8_is_decoded)
{
	static const struct {
		const char *utf8;
		uint32_t cp;
	} rows[] = {
		{ "a", 'a' }, { "\x7f", 0x7f },
		{ "\xc2\x80", 0x80 }, { "\xdf\xbf", 0x7ff },
		{ "\xe0\xa0\x80", 0x800 }, { "\xed\x9f\xbf", 0xd7ff },
		{ "\xee\x80\x80", 0xe000 }, { "\xef\xbf\xbf", 0xffff },
		{ "\xf0\x90\x80\x80", 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff },
	};
	struct bytes rest;
	uint32_t cp;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rest = bytes_str(rows[i].utf8);
		CHECK_INT(text_next(&rest, &cp), 0);
		CHECK_INT(cp, rows[i].cp);
		CHECK_INT(rest.n, 0);
	}
	rest = bytes_of("\0x", 2);
	CHECK_INT(text_next(&rest, &cp), 0);
	CHECK_INT(cp, 0);
	CHECK_INT(rest.n, 1);
}

TEST(invalid_utf8_is_refused)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
		"\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
		"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2(\xac",
		"\xe2\x82(", "\xf0\x9f\x98(", "\xc3\xc3",
	};
	struct bytes rest;
	uint32_t cp = 7;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rest = bytes_str(bad[i]);
		CHECK_MSG(text_next(&rest, &cp) == ERR_CHARACTER, "row %zu",
		    i);
		CHECK_INT(rest.n, strlen(bad[i]));
		CHECK_INT(cp, 7);
	}
}

TEST(kinds)
{
	static const struct {
		uint32_t cp;
		enum text_kind kind;
	} rows[] = {
		{ 0, TEXT_KIND_CONTROL }, { '\t', TEXT_KIND_CONTROL },
		{ 0x1f, TEXT_KIND_CONTROL }, { ' ', TEXT_KIND_ALLOWED },
		{ '~', TEXT_KIND_ALLOWED }, { 0x7f, TEXT_KIND_CONTROL },
		{ 0x85, TEXT_KIND_CONTROL }, { 0xa0, TEXT_KIND_ALLOWED },
		{ 0xad, TEXT_KIND_FORMAT }, { 0xe9, TEXT_KIND_ALLOWED },
		{ 0x34f, TEXT_KIND_IGNORABLE }, { 0x378, TEXT_KIND_UNASSIGNED },
		{ 0x61c, TEXT_KIND_FORMAT }, { 0x115f, TEXT_KIND_IGNORABLE },
		{ 0x180e, TEXT_KIND_FORMAT }, { 0x200b, TEXT_KIND_FORMAT },
		{ 0x200d, TEXT_KIND_FORMAT }, { 0x2028, TEXT_KIND_SEPARATOR },
		{ 0x2029, TEXT_KIND_SEPARATOR }, { 0x202e, TEXT_KIND_FORMAT },
		{ 0x2065, TEXT_KIND_UNASSIGNED }, { 0x2066, TEXT_KIND_FORMAT },
		{ 0x3000, TEXT_KIND_ALLOWED }, { 0x3164, TEXT_KIND_IGNORABLE },
		{ 0x4e00, TEXT_KIND_ALLOWED }, { 0xac00, TEXT_KIND_ALLOWED },
		{ 0xd800, TEXT_KIND_SURROGATE },
		{ 0xdfff, TEXT_KIND_SURROGATE },
		{ 0xe000, TEXT_KIND_PRIVATE }, { 0xf8ff, TEXT_KIND_PRIVATE },
		{ 0xfe0f, TEXT_KIND_IGNORABLE }, { 0xfeff, TEXT_KIND_FORMAT },
		{ 0xffa0, TEXT_KIND_IGNORABLE }, { 0xfffd, TEXT_KIND_ALLOWED },
		{ 0xffff, TEXT_KIND_UNASSIGNED },
		{ 0x1f600, TEXT_KIND_ALLOWED },
		{ 0xe0001, TEXT_KIND_FORMAT }, { 0xe0100, TEXT_KIND_IGNORABLE },
		{ 0xf0000, TEXT_KIND_PRIVATE }, { 0x10fffd, TEXT_KIND_PRIVATE },
		{ 0x10ffff, TEXT_KIND_UNASSIGNED },
		{ 0x110000, TEXT_KIND_UNASSIGNED },
		{ UINT32_MAX, TEXT_KIND_UNASSIGNED },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(text_kind(rows[i].cp) == rows[i].kind, "U+%04X: %s",
		    (unsigned)rows[i].cp,
		    text_kind_word(text_kind(rows[i].cp)));
}

/* Counts of Unicode 14.0.0: a changed table shows here. */
TEST(the_table_is_the_stated_version)
{
	size_t count[TEXT_KIND_IGNORABLE + 1] = { 0 };
	uint32_t cp;

	for (cp = 0; cp < 0x110000; cp++)
		count[text_kind(cp)]++;
	CHECK_INT(count[TEXT_KIND_CONTROL], 65);
	CHECK_INT(count[TEXT_KIND_FORMAT], 163);
	CHECK_INT(count[TEXT_KIND_PRIVATE], 137468);
	CHECK_INT(count[TEXT_KIND_SURROGATE], 2048);
	CHECK_INT(count[TEXT_KIND_SEPARATOR], 2);
	CHECK_INT(count[TEXT_KIND_UNASSIGNED], 829834);
	CHECK_STR(TEXT_UNICODE_VERSION, "14.0.0");
}

TEST(kind_words)
{
	static const char *const words[] = { "allowed", "control", "format",
	    "private_use", "surrogate", "separator", "unassigned", "ignorable",
	    "unknown" };
	int i;

	for (i = 0; i < 9; i++)
		CHECK_STR(text_kind_word((enum text_kind)i), words[i]);
}

#define A63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

TEST(classes)
{
	static const struct {
		const char *text;
		enum text_class what;
		int err;
		size_t at;
	} rows[] = {
		{ "", TEXT_PLAIN, 0, 0 },
		{ "a\tb\nc ~", TEXT_PLAIN, 0, 0 },
		{ "caf\xc3\xa9 \xf0\x9f\x98\x80", TEXT_PLAIN, 0, 0 },
		{ "a\rb", TEXT_PLAIN, ERR_CHARACTER, 1 },
		{ "a\x1b[2J", TEXT_PLAIN, ERR_CHARACTER, 1 },
		{ "a\x7f", TEXT_PLAIN, ERR_CHARACTER, 1 },
		{ "ab\xc2\x85", TEXT_PLAIN, ERR_CHARACTER, 2 },
		{ "ab\xe2\x80\xae", TEXT_PLAIN, ERR_CHARACTER, 2 },
		{ "ab\xe2\x80\xa8", TEXT_PLAIN, ERR_CHARACTER, 2 },
		{ "\xee\x80\x80", TEXT_PLAIN, ERR_CHARACTER, 0 },
		{ "\xef\xb8\x8f", TEXT_PLAIN, ERR_CHARACTER, 0 },
		{ "\xcd\xb8", TEXT_PLAIN, ERR_CHARACTER, 0 },
		{ "abc\xff", TEXT_PLAIN, ERR_CHARACTER, 3 },
		{ "caf\xc3\xa9", TEXT_LINE, 0, 0 },
		{ "a\tb", TEXT_LINE, ERR_CHARACTER, 1 },
		{ "a\nb", TEXT_LINE, ERR_CHARACTER, 1 },
		{ " !~\t\n", TEXT_ASCII_COMMAND, 0, 0 },
		{ "a\x7f", TEXT_ASCII_COMMAND, ERR_CHARACTER, 1 },
		{ "a\r", TEXT_ASCII_COMMAND, ERR_CHARACTER, 1 },
		{ "caf\xc3\xa9", TEXT_ASCII_COMMAND, ERR_CHARACTER, 3 },
		{ "acme-1.example", TEXT_ORG, 0, 0 },
		{ A63, TEXT_ORG, 0, 0 },
		{ "", TEXT_ORG, ERR_RANGE, 0 },
		{ A63 "a", TEXT_ORG, ERR_RANGE, 64 },
		{ "Acme", TEXT_ORG, ERR_CHARACTER, 0 },
		{ "ac me", TEXT_ORG, ERR_CHARACTER, 2 },
		{ "ac_me", TEXT_ORG, ERR_CHARACTER, 2 },
		{ "ac/me", TEXT_ORG, ERR_CHARACTER, 2 },
		{ "ac\xc3\xa9", TEXT_ORG, ERR_CHARACTER, 2 },
		{ "alice", TEXT_NAME, 0, 0 },
		{ "Alice.B+c@example-1_x.org", TEXT_NAME, 0, 0 },
		{ "9", TEXT_NAME, 0, 0 },
		{ A63 "a", TEXT_NAME, 0, 0 },
		{ "", TEXT_NAME, ERR_RANGE, 0 },
		{ A63 "aa", TEXT_NAME, ERR_RANGE, 65 },
		{ "-rf", TEXT_NAME, ERR_CHARACTER, 0 },
		{ ".a", TEXT_NAME, ERR_CHARACTER, 0 },
		{ "a b", TEXT_NAME, ERR_CHARACTER, 1 },
		{ "a/b", TEXT_NAME, ERR_CHARACTER, 1 },
		{ "a\xd0\xb0", TEXT_NAME, ERR_CHARACTER, 1 },
	};
	size_t i, at;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		at = 999;
		CHECK_MSG(text_check(bytes_str(rows[i].text), rows[i].what,
		    &at) == rows[i].err, "row %zu", i);
		CHECK_MSG(at == (rows[i].err != 0 ? rows[i].at : 999),
		    "row %zu at %zu", i, at);
	}
	CHECK_INT(text_check(bytes_of("a\0b", 3), TEXT_PLAIN, &at),
	    ERR_CHARACTER);
	CHECK_INT(text_check(bytes_of("a\0b", 3), TEXT_NAME, NULL),
	    ERR_CHARACTER);
	CHECK_INT(text_check(bytes_str("a"), (enum text_class)99, NULL),
	    ERR_CHARACTER);
}

TEST(lengths)
{
	CHECK_INT(text_chars(bytes_str("")), 0);
	CHECK_INT(text_chars(bytes_str("a\xc3\xa9\xe2\x82\xac")), 3);
	CHECK_INT(text_chars(bytes_str("\xf0\x9f\x98\x80")), 1);
	CHECK_INT(text_chars(bytes_str("\xff\xff")), 2);
	CHECK_INT(text_utf16_units(bytes_str("")), 0);
	CHECK_INT(text_utf16_units(bytes_str("a\xc3\xa9\xef\xbf\xbd")), 3);
	CHECK_INT(text_utf16_units(bytes_str("\xf0\x90\x80\x80")), 2);
	CHECK_INT(text_utf16_units(bytes_str("a\xf0\x9f\x98\x80z\xff")), 5);
}

TEST(escaping)
{
	static const struct {
		const char *text;
		unsigned flags;
		const char *want;
	} rows[] = {
		{ "", 0, "" },
		{ "plain ~", 0, "plain ~" },
		{ "a\tb\n", 0, "a\\tb\\n" },
		{ "a\tb\n", TEXT_ESCAPE_LINES, "a\tb\n" },
		{ "a\rb", TEXT_ESCAPE_LINES, "a<U+000D>b" },
		{ "\x1b[31m", 0, "<U+001B>[31m" },
		{ "\x7f", 0, "<U+007F>" },
		{ "\xc2\x9b" "31m", 0, "<U+009B>31m" },
		{ "caf\xc3\xa9", 0, "caf\xc3\xa9<U+00E9>" },
		{ "caf\xc3\xa9", TEXT_ESCAPE_ASCII, "caf<U+00E9>" },
		{ "\xe2\x80\xae" "x", 0, "<U+202E>x" },
		{ "\xf0\x9f\x98\x80", 0, "\xf0\x9f\x98\x80<U+1F600>" },
		{ "\xf3\xa0\x80\x81", 0, "<U+E0001>" },
		{ "a\xff\xc3z", 0, "a\\xff\\xc3z" },
		{ "\xed\xa0\x80", 0, "\\xed\\xa0\\x80" },
		{ "a\\xff", 0, "a\\xff" },
		{ "a\\xff", TEXT_ESCAPE_BACKSLASH, "a\\\\xff" },
		{ "\xff", TEXT_ESCAPE_BACKSLASH, "\\xff" },
		{ "<U+202E>", 0, "<U+003C>U+202E>" },
		{ "<U", 0, "<U" },
		{ "a < b <V+", 0, "a < b <V+" },
		{ "<", 0, "<" },
	};
	struct buf b;
	size_t i;

	buf_init(&b, 200);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		text_escape(&b, bytes_str(rows[i].text), rows[i].flags);
		CHECK_INT(buf_error(&b), 0);
		CHECK_MEM(b.p, b.n, rows[i].want, strlen(rows[i].want));
	}
	buf_free(&b);
	buf_init(&b, 4);
	text_escape(&b, bytes_str("12345"), 0);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
}

/* Whatever the bytes: nothing that a terminal would act on comes out. */
TEST(nothing_escapes_the_escaping)
{
	struct bytes rest;
	uint8_t in[3];
	struct buf b;
	uint32_t cp;
	unsigned i;

	buf_init(&b, 200);
	for (i = 0; i < 0x1000000; i += 5) {
		in[0] = (uint8_t)(i >> 16);
		in[1] = (uint8_t)(i >> 8);
		in[2] = (uint8_t)i;
		buf_clear(&b);
		text_escape(&b, bytes_of(in, 3), 0);
		CHECK_INT(buf_error(&b), 0);
		rest = buf_bytes(&b);
		while (rest.n > 0) {
			CHECK_INT(text_next(&rest, &cp), 0);
			CHECK(text_kind(cp) == TEXT_KIND_ALLOWED);
		}
	}
	buf_free(&b);
}

TEST_MAIN()
