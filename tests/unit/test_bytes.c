/*
 * test_bytes.c - spans, the growable buffer, the cursor and hex.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make unit.
 */
#include "common/bytes.h"
#include "tests/harness/test.h"

#include <wchar.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define BIG ((size_t)1 << 20)

TEST(span_of)
{
	static const char text[] = "ab";
	struct bytes a = bytes_of(text, 2);

	CHECK(a.p == (const uint8_t *)text);
	CHECK_INT(a.n, 2);
	a = bytes_str("abc");
	CHECK_MEM(a.p, a.n, "abc", 3);
	CHECK_INT(bytes_str("").n, 0);
	CHECK_INT(bytes_str(NULL).n, 0);
	CHECK(bytes_str(NULL).p == NULL);
}

TEST(span_equal)
{
	static const struct {
		struct bytes a, b;
		bool equal;
	} rows[] = {
		{ { NULL, 0 }, { NULL, 0 }, true },
		{ { NULL, 0 }, { (const uint8_t *)"x", 0 }, true },
		{ { NULL, 0 }, { (const uint8_t *)"x", 1 }, false },
		{ { (const uint8_t *)"abc", 3 }, { (const uint8_t *)"abc", 3 },
		    true },
		{ { (const uint8_t *)"abc", 3 }, { (const uint8_t *)"abd", 3 },
		    false },
		{ { (const uint8_t *)"abc", 3 }, { (const uint8_t *)"abc", 2 },
		    false },
		{ { (const uint8_t *)"a\0b", 3 },
		    { (const uint8_t *)"a\0c", 3 }, false },
	};
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		CHECK_MSG(bytes_equal(rows[i].a, rows[i].b) == rows[i].equal,
		    "row %zu", i);
		CHECK_MSG(bytes_equal(rows[i].b, rows[i].a) == rows[i].equal,
		    "row %zu", i);
	}
	CHECK(bytes_is(bytes_str("go"), "go"));
	CHECK(!bytes_is(bytes_str("go"), "got"));
	CHECK(!bytes_is(bytes_of("go\0", 3), "go"));
	CHECK(bytes_is(bytes_of(NULL, 0), ""));
}

TEST(span_dup)
{
	char *s = NULL;
	uint8_t *p = NULL;

	CHECK_INT(bytes_dup_str(bytes_str("word"), &s), 0);
	CHECK_STR(s, "word");
	free(s);
	CHECK_INT(bytes_dup_str(bytes_of(NULL, 0), &s), 0);
	CHECK_STR(s, "");
	free(s);
	s = NULL;
	CHECK_INT(bytes_dup_str(bytes_of("a\0b", 3), &s), ERR_CHARACTER);
	CHECK_INT(bytes_dup_str(bytes_of("a\0", 2), &s), ERR_CHARACTER);
	CHECK(s == NULL);

	CHECK_INT(bytes_dup(bytes_of("a\0b", 3), &p), 0);
	CHECK_MEM(p, 3, "a\0b", 3);
	free(p);
	p = NULL;
	CHECK_INT(bytes_dup(bytes_of(NULL, 0), &p), 0);
	CHECK(p != NULL);
	free(p);
}

/* Everything that appends, in one row each: what it leaves behind. */
TEST(buf_appends)
{
	static const uint8_t want[] = {
		'r', 'a', 'w', 's', 'p', 'a', 'n', 't', 'x', 't',
		0x7f,
		0x34, 0x12, 0x12, 0x34,
		0x78, 0x56, 0x34, 0x12, 0x12, 0x34, 0x56, 0x78,
		0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01,
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		2, 0, 0, 0, 'h', 'i',
		0, 0, 0, 2, 'h', 'i',
		0, 0, 0, 0,
		'7', '-', 'z'
	};
	struct buf b;

	buf_init(&b, 1000);
	CHECK(b.p == NULL);
	buf_put(&b, "raw", 3);
	buf_put_bytes(&b, bytes_str("span"));
	buf_put_str(&b, "txt");
	buf_put_u8(&b, 0x7f);
	buf_put_u16le(&b, 0x1234);
	buf_put_u16be(&b, 0x1234);
	buf_put_u32le(&b, 0x12345678);
	buf_put_u32be(&b, 0x12345678);
	buf_put_u64le(&b, 0x0123456789abcdef);
	buf_put_u64be(&b, 0x0123456789abcdef);
	buf_put_field(&b, bytes_str("hi"));
	buf_put_sshstr(&b, bytes_str("hi"));
	buf_put_field(&b, bytes_of(NULL, 0));
	buf_printf(&b, "%d-%s", 7, "z");
	buf_put(&b, NULL, 0);
	buf_printf(&b, "%s", "");
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(buf_bytes(&b).p, buf_bytes(&b).n, want, sizeof(want));
	buf_free(&b);
	CHECK(b.p == NULL && b.n == 0 && b.size == 0);
	CHECK_INT(b.cap, 1000);
	buf_free(&b);
}

TEST(buf_grows_up_to_its_cap)
{
	static const size_t caps[] = { 1, 63, 64, 65, 100, 128, 1000, 4097 };
	struct buf b;
	size_t i, j;

	for (i = 0; i < ROWS(caps); i++) {
		buf_init(&b, caps[i]);
		for (j = 0; j < caps[i]; j++)
			buf_put_u8(&b, (uint8_t)j);
		CHECK_MSG(buf_error(&b) == 0, "cap %zu", caps[i]);
		CHECK_INT(b.n, caps[i]);
		CHECK(b.size <= (caps[i] < 64 ? 64 : caps[i]));
		for (j = 0; j < caps[i]; j++)
			CHECK_INT(b.p[j], (uint8_t)j);
		buf_put_u8(&b, 0);
		CHECK_MSG(buf_error(&b) == ERR_TOO_LARGE, "cap %zu", caps[i]);
		CHECK_INT(b.n, caps[i]);
		buf_free(&b);
	}
}

TEST(buf_failed_stays_failed)
{
	struct buf b;

	buf_init(&b, 4);
	buf_put_str(&b, "abc");
	buf_put_str(&b, "de");
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	/* There would be room for this one. */
	buf_put_str(&b, "f");
	CHECK(buf_reserve(&b, 1) == NULL);
	buf_printf(&b, "g");
	buf_put_field(&b, bytes_of(NULL, 0));
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	CHECK_MEM(b.p, b.n, "abc", 3);
	buf_clear(&b);
	CHECK_INT(buf_error(&b), 0);
	CHECK_INT(b.n, 0);
	buf_put_str(&b, "wxyz");
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(b.p, b.n, "wxyz", 4);
	buf_free(&b);

	buf_init(&b, 0);
	buf_put_u8(&b, 1);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
	CHECK_INT(buf_error(&b), 0);

	buf_init(&b, BIG);
	buf_put(&b, "x", 1);
	CHECK(buf_reserve(&b, SIZE_MAX) == NULL);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST(buf_printf_too_long)
{
	struct buf b;

	buf_init(&b, 8);
	buf_printf(&b, "%s", "123456789");
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	CHECK_INT(b.n, 0);
	buf_free(&b);
}

TEST(buf_printf_cannot_encode)
{
	static const wchar_t beyond_ascii[] = { 0x20ac, 0 };
	struct buf b;

	buf_init(&b, 100);
	buf_printf(&b, "%ls", beyond_ascii);
	CHECK_INT(buf_error(&b), ERR_SYNTAX);
	CHECK_INT(b.n, 0);
	buf_free(&b);
}

TEST(buf_reserve_and_commit)
{
	struct buf b;
	uint8_t *p;

	buf_init(&b, 100);
	CHECK((p = buf_reserve(&b, 0)) != NULL);
	CHECK((p = buf_reserve(&b, 100)) != NULL);
	memset(p, 'a', 100);
	CHECK_INT(b.n, 0);
	buf_commit(&b, 2);
	CHECK_MEM(b.p, b.n, "aa", 2);
	CHECK((p = buf_reserve(&b, 98)) == b.p + 2);
	/* More than was reserved is not counted. */
	buf_commit(&b, 99);
	CHECK_INT(b.n, 2);
	CHECK(buf_reserve(&b, 99) == NULL);
	buf_commit(&b, 1);
	CHECK_INT(b.n, 2);
	buf_free(&b);
}

TEST(out_of_memory)
{
	struct buf b;
	uint8_t *p = NULL;
	char *s = NULL;
	int rc;

	OOM_LOOP {
		rc = bytes_dup(bytes_str("abc"), &p);
		CHECK_INT(rc, OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK((p == NULL) == OOM_FIRED());
		free(p);
		p = NULL;
	}
	OOM_LOOP {
		rc = bytes_dup_str(bytes_str("abc"), &s);
		CHECK_INT(rc, OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK((s == NULL) == OOM_FIRED());
		free(s);
		s = NULL;
	}
	OOM_LOOP {
		buf_init(&b, 1000);
		buf_put_str(&b, "abc");
		buf_printf(&b, "%100s", "x");
		buf_put_u8(&b, 1);
		CHECK_INT(buf_error(&b), OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK(OOM_FIRED() || b.n == 104);
		buf_free(&b);
	}
}

#if SIZE_MAX > UINT32_MAX
TEST(length_beyond_32_bits)
{
	struct bytes a = bytes_of("x", (size_t)UINT32_MAX + 1);
	struct buf b;

	buf_init(&b, SIZE_MAX);
	buf_put_field(&b, a);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_put_sshstr(&b, a);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	CHECK_INT(b.n, 0);
	buf_free(&b);
}
#endif

TEST(buf_drop)
{
	static const struct {
		size_t n;
		const char *rest;
	} rows[] = {
		{ 0, "abcdef" }, { 1, "bcdef" }, { 5, "f" }, { 6, "" },
		{ 7, "" }, { SIZE_MAX, "" },
	};
	struct buf b;
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		buf_init(&b, 10);
		buf_put_str(&b, "abcdef");
		buf_drop(&b, rows[i].n);
		CHECK_MSG(bytes_is(buf_bytes(&b), rows[i].rest), "row %zu", i);
		buf_free(&b);
	}
	buf_drop(&b, 1);
	CHECK_INT(b.n, 0);
}

TEST(reader_integers)
{
	static const uint8_t in[] = {
		0x7f, 0x34, 0x12, 0x12, 0x34,
		0x78, 0x56, 0x34, 0x92, 0x92, 0x34, 0x56, 0x78,
		0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0xf1,
		0xf1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef
	};
	struct reader r;

	reader_init(&r, bytes_of(in, sizeof(in)));
	CHECK_INT(reader_u8(&r), 0x7f);
	CHECK_INT(reader_u16le(&r), 0x1234);
	CHECK_INT(reader_u16be(&r), 0x1234);
	CHECK_INT(reader_u32le(&r), 0x92345678);
	CHECK_INT(reader_u32be(&r), 0x92345678);
	CHECK(reader_u64le(&r) == 0xf123456789abcdef);
	CHECK_INT(reader_end(&r), ERR_SYNTAX);
	CHECK(reader_u64be(&r) == 0xf123456789abcdef);
	CHECK_INT(reader_end(&r), 0);
}

static uint64_t
read_width(struct reader *r, int row)
{
	switch (row) {
	case 0:
		return reader_u8(r);
	case 1:
		return reader_u16le(r);
	case 2:
		return reader_u16be(r);
	case 3:
		return reader_u32le(r);
	case 4:
		return reader_u32be(r);
	case 5:
		return reader_u64le(r);
	default:
		return reader_u64be(r);
	}
}

TEST(reader_fails_once_and_stays_failed)
{
	static const size_t widths[] = { 1, 2, 2, 4, 4, 8, 8 };
	static const uint8_t ones[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct reader r;
	int i;

	for (i = 0; i < (int)ROWS(widths); i++) {
		reader_init(&r, bytes_of(ones, widths[i] - 1));
		CHECK_MSG(read_width(&r, i) == 0, "row %d", i);
		CHECK_INT(reader_end(&r), ERR_TRUNCATED);
		CHECK_INT(reader_take(&r, 0).n, 0);
		CHECK_INT(read_width(&r, 0), 0);
		CHECK_INT(reader_end(&r), ERR_TRUNCATED);
	}
}

TEST(reader_take)
{
	struct bytes in = bytes_str("abcdef"), a;
	struct reader r;

	reader_init(&r, in);
	a = reader_take(&r, 2);
	CHECK(a.p == in.p);
	CHECK_INT(a.n, 2);
	CHECK_INT(reader_take(&r, 0).n, 0);
	a = reader_take(&r, 4);
	CHECK(a.p == in.p + 2);
	CHECK_INT(reader_end(&r), 0);
	a = reader_take(&r, 1);
	CHECK(a.p == NULL && a.n == 0);
	CHECK_INT(reader_end(&r), ERR_TRUNCATED);

	reader_init(&r, bytes_of(NULL, 0));
	CHECK_INT(reader_take(&r, 0).n, 0);
	CHECK_INT(reader_end(&r), 0);
	(void)reader_take(&r, SIZE_MAX);
	CHECK_INT(reader_end(&r), ERR_TRUNCATED);
}

TEST(reader_counted)
{
	/* The bytes after the length, the length's value, the cap. */
	static const struct {
		size_t have;
		uint32_t length;
		size_t cap;
		int err;
		size_t got;
	} rows[] = {
		{ 0, 0, 0, 0, 0 },
		{ 3, 3, 3, 0, 3 },
		{ 3, 3, 100, 0, 3 },
		{ 3, 3, 2, ERR_TOO_LARGE, 0 },
		{ 2, 3, 3, ERR_TRUNCATED, 0 },
		{ 3, 2, 3, ERR_SYNTAX, 2 },
		{ 3, UINT32_MAX, 3, ERR_TOO_LARGE, 0 },
		{ 3, UINT32_MAX, SIZE_MAX, ERR_TRUNCATED, 0 },
	};
	struct reader r;
	struct bytes a;
	struct buf b;
	size_t i, be;

	for (i = 0; i < 2 * ROWS(rows); i++) {
		be = i % 2;
		buf_init(&b, 100);
		if (be)
			buf_put_u32be(&b, rows[i / 2].length);
		else
			buf_put_u32le(&b, rows[i / 2].length);
		buf_put(&b, "xyz", rows[i / 2].have);
		reader_init(&r, buf_bytes(&b));
		a = be ? reader_sshstr(&r, rows[i / 2].cap) :
		    reader_field(&r, rows[i / 2].cap);
		CHECK_MSG(a.n == rows[i / 2].got, "row %zu", i / 2);
		CHECK_MSG(a.n == 0 || memcmp(a.p, "xyz", a.n) == 0,
		    "row %zu", i / 2);
		CHECK_MSG(reader_end(&r) == rows[i / 2].err, "row %zu", i / 2);
		buf_free(&b);
	}
	/* Half a length. */
	reader_init(&r, bytes_of("\0\0", 2));
	CHECK_INT(reader_field(&r, 10).n, 0);
	CHECK_INT(reader_end(&r), ERR_TRUNCATED);
}

/* What is written comes back, whatever the value. */
TEST(round_trip)
{
	static const uint64_t values[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX
	};
	struct reader r;
	struct buf b;
	size_t i;

	for (i = 0; i < ROWS(values); i++) {
		buf_init(&b, 100);
		buf_put_u16le(&b, (uint16_t)values[i]);
		buf_put_u16be(&b, (uint16_t)values[i]);
		buf_put_u32le(&b, (uint32_t)values[i]);
		buf_put_u32be(&b, (uint32_t)values[i]);
		buf_put_u64le(&b, values[i]);
		buf_put_u64be(&b, values[i]);
		reader_init(&r, buf_bytes(&b));
		CHECK_INT(reader_u16le(&r), (uint16_t)values[i]);
		CHECK_INT(reader_u16be(&r), (uint16_t)values[i]);
		CHECK_INT(reader_u32le(&r), (uint32_t)values[i]);
		CHECK_INT(reader_u32be(&r), (uint32_t)values[i]);
		CHECK(reader_u64le(&r) == values[i]);
		CHECK(reader_u64be(&r) == values[i]);
		CHECK_INT(reader_end(&r), 0);
		buf_free(&b);
	}
}

TEST(hex)
{
	static const struct {
		const char *in;
		size_t n;
		int err;
	} rows[] = {
		{ "", 0, 0 },
		{ "00ff10a9", 4, 0 },
		{ "0123456789abcdef", 8, 0 },
		{ "00ff10a9", 3, ERR_SYNTAX },
		{ "00ff10a9", 5, ERR_SYNTAX },
		{ "0", 0, ERR_SYNTAX },
		{ "0", 1, ERR_SYNTAX },
		{ "AB", 1, ERR_SYNTAX },
		{ "0g", 1, ERR_SYNTAX },
		{ "g0", 1, ERR_SYNTAX },
		{ "0/", 1, ERR_SYNTAX },
		{ "0:", 1, ERR_SYNTAX },
		{ "0`", 1, ERR_SYNTAX },
		{ " 0", 1, ERR_SYNTAX },
		{ "0x12", 2, ERR_SYNTAX },
	};
	uint8_t out[8];
	char back[17];
	size_t i;

	for (i = 0; i < ROWS(rows); i++) {
		memset(out, 0xee, sizeof(out));
		CHECK_MSG(hex_decode(bytes_str(rows[i].in), out, rows[i].n) ==
		    rows[i].err, "row %zu", i);
		if (rows[i].err != 0) {
			CHECK_MSG(out[0] == 0xee, "row %zu", i);
			continue;
		}
		hex_encode(bytes_of(out, rows[i].n), back);
		CHECK_STR(back, rows[i].in);
	}
}

TEST(hex_of_every_byte)
{
	uint8_t in, out;
	char text[3], want[3];
	int i;

	for (i = 0; i < 256; i++) {
		in = (uint8_t)i;
		hex_encode(bytes_of(&in, 1), text);
		(void)snprintf(want, sizeof(want), "%02x", (unsigned)i);
		CHECK_STR(text, want);
		CHECK_INT(hex_decode(bytes_str(text), &out, 1), 0);
		CHECK_INT(out, i);
	}
}

TEST_MAIN()
