/*
 * test_base64.c - strict base64 and base64url.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/base64.h"
#include "tests/harness/test.h"

#include <string.h>

/* RFC 4648 section 10, and the two characters in which the alphabets differ. */
static const struct {
	const char *raw, *plain, *url;
} good[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xef\xbe\xff\xff\xff", "++++////", "----____" },
	{ "\xff", "/w==", "_w" },
	{ "\xff\xfe", "//4=", "__4" },
};

TEST(encodes_and_decodes)
{
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		buf_init(&b, 64);
		base64_encode(&b, bytes_str(good[i].raw));
		CHECK_MEM(b.p, b.n, good[i].plain, strlen(good[i].plain));
		buf_clear(&b);
		base64url_encode(&b, bytes_str(good[i].raw));
		CHECK_MEM(b.p, b.n, good[i].url, strlen(good[i].url));
		buf_clear(&b);
		CHECK_INT(base64_decode(bytes_str(good[i].plain), &b), 0);
		CHECK_MEM(b.p, b.n, good[i].raw, strlen(good[i].raw));
		buf_clear(&b);
		CHECK_INT(base64url_decode(bytes_str(good[i].url), &b), 0);
		CHECK_MEM(b.p, b.n, good[i].raw, strlen(good[i].raw));
		buf_free(&b);
	}
}

static const struct {
	const char *text;
	int plain, url;
} bad[] = {
	{ "A", ERR_SYNTAX, ERR_SYNTAX },
	{ "AA", ERR_SYNTAX, 0 },
	{ "AAA", ERR_SYNTAX, 0 },
	{ "AAAAA", ERR_SYNTAX, ERR_SYNTAX },
	{ "AA==", 0, ERR_CHARACTER },
	{ "AAA=", 0, ERR_CHARACTER },
	{ "=", ERR_SYNTAX, ERR_SYNTAX },
	{ "==", ERR_SYNTAX, ERR_CHARACTER },
	{ "====", ERR_CHARACTER, ERR_CHARACTER },
	{ "A===", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA=A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA==AAAA", ERR_CHARACTER, ERR_CHARACTER },
	{ "AAAA====", ERR_CHARACTER, ERR_CHARACTER },
	{ "AAAA=", ERR_SYNTAX, ERR_SYNTAX },
	/* Spare bits that are not zero. */
	{ "AB==", ERR_SYNTAX, ERR_CHARACTER },
	{ "AB", ERR_SYNTAX, ERR_SYNTAX },
	{ "AI", ERR_SYNTAX, ERR_SYNTAX },
	{ "AAB=", ERR_SYNTAX, ERR_CHARACTER },
	{ "AAB", ERR_SYNTAX, ERR_SYNTAX },
	{ "AAC", ERR_SYNTAX, ERR_SYNTAX },
	{ "AAE", ERR_SYNTAX, 0 },
	/* White space, and the other alphabet. */
	{ "AAAA\n", ERR_SYNTAX, ERR_SYNTAX },
	{ "AA\nAAAA\n", ERR_CHARACTER, ERR_CHARACTER },
	{ " AAA", ERR_CHARACTER, ERR_CHARACTER },
	{ "AAA ", ERR_CHARACTER, ERR_CHARACTER },
	{ "A-_A", ERR_CHARACTER, 0 },
	{ "A+/A", 0, ERR_CHARACTER },
	{ "AA.A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA@A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA[A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA`A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA{A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA:A", ERR_CHARACTER, ERR_CHARACTER },
	{ "AA\xc3\xa9", ERR_CHARACTER, ERR_CHARACTER },
};

TEST(refuses_other_spellings)
{
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_init(&b, 64);
		buf_put_str(&b, "kept");
		CHECK_INT(base64_decode(bytes_str(bad[i].text), &b),
		    bad[i].plain);
		CHECK(b.n == 4 || bad[i].plain == 0);
		CHECK_INT(buf_error(&b), 0);
		b.n = 4;
		CHECK_INT(base64url_decode(bytes_str(bad[i].text), &b),
		    bad[i].url);
		CHECK(b.n == 4 || bad[i].url == 0);
		CHECK_MEM(b.p, 4, "kept", 4);
		buf_free(&b);
	}
	buf_init(&b, 64);
	CHECK_INT(base64_decode(bytes_of("AA\0A", 4), &b), ERR_CHARACTER);
	buf_free(&b);
}

/* Every two and three character text: it decodes, or another one encodes. */
TEST(one_text_for_each_value)
{
	uint8_t text[3];
	struct buf raw, back;
	size_t n, i, taken = 0;

	buf_init(&raw, 8);
	buf_init(&back, 8);
	for (i = 0; i < 256 * 256 * 2; i++) {
		n = 2 + i % 2;
		text[0] = 'Q';
		text[1] = (uint8_t)(i >> 1);
		text[2] = (uint8_t)(i >> 9);
		if (n == 2 && text[2] != 0)
			continue;
		buf_clear(&raw);
		buf_clear(&back);
		if (base64url_decode(bytes_of(text, n), &raw) != 0)
			continue;
		taken++;
		base64url_encode(&back, buf_bytes(&raw));
		CHECK_MEM(back.p, back.n, text, n);
	}
	/* 4 of the 64 second digits, and 64 x 16 of the others. */
	CHECK_INT(taken, 4 + 64 * 16);
	buf_free(&raw);
	buf_free(&back);
}

TEST(respects_the_cap)
{
	struct buf b;

	buf_init(&b, 3);
	CHECK_INT(base64_decode(bytes_str("AAAA"), &b), 0);
	CHECK_INT(b.n, 3);
	CHECK_INT(base64_decode(bytes_str("AA=="), &b), ERR_TOO_LARGE);
	CHECK_INT(b.n, 3);
	buf_free(&b);
	buf_init(&b, 3);
	base64url_encode(&b, bytes_str("ab"));
	CHECK_INT(buf_error(&b), 0);
	base64_encode(&b, bytes_str("a"));
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
	buf_init(&b, 3);
	base64_encode(&b, bytes_of("a", SIZE_MAX));
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST_MAIN()
