/*
 * test_entry.c - frames of the journal: form, cuts, changes, finding one.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/entry.h"
#include "tests/harness/test.h"

/* Index 7 and payload {}; the checksum was computed by a program in Python. */
static const uint8_t sample[] = {
	2, 0, 0, 0, 0x9c, 0xb5, 0x04, 0x7d, 7, 0, 0, 0, 0, 0, 0, 0,
	'{', '}'
};

static void
write_entry(struct buf *b, uint64_t index, const char *payload)
{
	entry_write(b, index, bytes_str(payload));
	CHECK_INT(buf_error(b), 0);
}

TEST(form)
{
	struct entry e;
	struct buf b;

	buf_init(&b, 1000);
	write_entry(&b, 7, "{}");
	CHECK_MEM(b.p, b.n, sample, sizeof(sample));
	CHECK_INT(entry_read(buf_bytes(&b), &e), 0);
	CHECK_INT(e.index, 7);
	CHECK(bytes_is(e.payload, "{}"));
	CHECK_INT(e.size, 18);
	/* What follows is left alone. */
	buf_put_u8(&b, 0xff);
	CHECK_INT(entry_read(buf_bytes(&b), &e), 0);
	CHECK_INT(e.size, 18);
	buf_free(&b);
}

TEST(sizes)
{
	static uint8_t big[CAP_RECORD + 1];
	struct entry e;
	struct buf b;

	buf_init(&b, 2 * ENTRY_MAX);
	entry_write(&b, UINT64_MAX, bytes_of(big, CAP_RECORD));
	CHECK_INT(buf_error(&b), 0);
	CHECK_INT(b.n, ENTRY_MAX);
	CHECK_INT(entry_read(buf_bytes(&b), &e), 0);
	CHECK(e.index == UINT64_MAX);
	entry_write(&b, 1, bytes_of(big, CAP_RECORD + 1));
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	entry_write(&b, 1, bytes_of(big, 0));
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_free(&b);
}

TEST(cuts_and_changes)
{
	struct entry e;
	struct buf b;
	size_t i;
	int bit;

	buf_init(&b, 1000);
	write_entry(&b, 3, "{\"kind\":\"expired\"}");
	for (i = 0; i < b.n; i++)
		CHECK_INT(entry_read(bytes_of(b.p, i), &e), ERR_TRUNCATED);
	for (i = 0; i < b.n; i++)
		for (bit = 0; bit < 8; bit++) {
			b.p[i] = (uint8_t)(b.p[i] ^ 1 << bit);
			/* A length that grew may ask for more. */
			CHECK(entry_read(buf_bytes(&b), &e) != 0);
			if (i >= 4)
				CHECK_INT(entry_read(buf_bytes(&b), &e),
				    ERR_CORRUPT);
			b.p[i] = (uint8_t)(b.p[i] ^ 1 << bit);
		}
	memset(b.p, 0, b.n);
	CHECK_INT(entry_read(buf_bytes(&b), &e), ERR_CORRUPT);
	b.p[2] = 1;
	CHECK_INT(entry_read(buf_bytes(&b), &e), ERR_CORRUPT);
	buf_free(&b);
}

TEST(find)
{
	struct entry e = { 0 };
	size_t at = 0, i;
	struct buf b;

	buf_init(&b, 1000);
	CHECK(!entry_find(buf_bytes(&b), 0, &at, &e));
	for (i = 0; i < 50; i++)
		buf_put_u8(&b, (uint8_t)(i % 3));
	write_entry(&b, 5, "{\"a\":1}");
	write_entry(&b, 6, "{\"b\":1}");
	buf_put_str(&b, "more");
	CHECK(entry_find(buf_bytes(&b), 0, &at, &e));
	CHECK_INT(at, 50);
	CHECK_INT(e.index, 5);
	CHECK(entry_find(buf_bytes(&b), 6, &at, &e));
	CHECK_INT(at, 73);
	CHECK(bytes_is(e.payload, "{\"b\":1}"));
	CHECK(!entry_find(buf_bytes(&b), 7, &at, &e));
	/* Not where its end is missing. */
	CHECK(!entry_find(bytes_of(b.p, 95), 6, &at, &e));
	CHECK(entry_find(bytes_of(b.p, 96), 6, &at, &e));
	/* Nor with an index that no journal comes to. */
	buf_clear(&b);
	write_entry(&b, UINT64_C(1) << 41, "{}");
	CHECK(!entry_find(buf_bytes(&b), 0, &at, &e));
	buf_free(&b);
}

TEST_MAIN()
