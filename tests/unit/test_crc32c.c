/*
 * test_crc32c.c - CRC-32C against published values and bit by bit.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/crc32c.h"
#include "tests/harness/test.h"

static uint32_t
slow(struct bytes a)
{
	uint32_t c = 0xffffffff;
	size_t i;
	int bit;

	for (i = 0; i < a.n; i++) {
		c ^= a.p[i];
		for (bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (0x82f63b78 & (0 - (c & 1)));
	}
	return ~c;
}

/* RFC 3720 appendix B.4, and the check value of the CRC catalogue. */
TEST(published)
{
	uint8_t b[48];
	size_t i;

	CHECK_INT(crc32c(0, bytes_str("")), 0);
	CHECK_INT(crc32c(0, bytes_str("123456789")), 0xe3069283);
	memset(b, 0, 32);
	CHECK_INT(crc32c(0, bytes_of(b, 32)), 0x8a9136aa);
	memset(b, 0xff, 32);
	CHECK_INT(crc32c(0, bytes_of(b, 32)), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		b[i] = (uint8_t)i;
	CHECK_INT(crc32c(0, bytes_of(b, 32)), 0x46dd794e);
	for (i = 0; i < 32; i++)
		b[i] = (uint8_t)(31 - i);
	CHECK_INT(crc32c(0, bytes_of(b, 32)), 0x113fdb5c);
}

/* Every byte in each of the eight places, and every way to cut it in two. */
TEST(bit_by_bit)
{
	uint8_t b[32] = { 0 };
	struct bytes whole = bytes_of(b, sizeof(b));
	unsigned i, at;

	for (at = 0; at < 8; at++)
		for (i = 0; i < 256; i++) {
			b[at] = (uint8_t)i;
			CHECK_INT(crc32c(0, bytes_of(b, 8)),
			    slow(bytes_of(b, 8)));
		}
	for (i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 37 + 11);
	for (i = 0; i <= sizeof(b); i++)
		CHECK_INT(crc32c(crc32c(0, bytes_of(b, i)),
		    bytes_of(b + i, sizeof(b) - i)), slow(whole));
}

TEST_MAIN()
