/*
 * crc32c.c - CRC-32C, eight bytes at a time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/crc32c.h"
#include "common/crc32c_table.h"

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

uint32_t
crc32c(uint32_t crc, struct bytes a)
{
	const uint32_t(*const t)[256] = crc32c_table;
	uint32_t c = ~crc, d;

	for (; a.n >= 8; a.p += 8, a.n -= 8) {
		c ^= word(a.p);
		d = word(a.p + 4);
		c = t[7][c & 0xff] ^ t[6][c >> 8 & 0xff] ^
		    t[5][c >> 16 & 0xff] ^ t[4][c >> 24] ^ t[3][d & 0xff] ^
		    t[2][d >> 8 & 0xff] ^ t[1][d >> 16 & 0xff] ^
		    t[0][d >> 24];
	}
	for (; a.n > 0; a.p++, a.n--)
		c = c >> 8 ^ t[0][(c ^ *a.p) & 0xff];
	return ~c;
}
