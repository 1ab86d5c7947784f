/*
 * uuid.c - UUID version 7, the id of a card.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/uuid.h"

#include <string.h>

int
uuid_check(struct bytes text)
{
	/* h: a hex digit, v: the variant's, others: themselves. */
	static const char form[] = "hhhhhhhh-hhhh-7hhh-vhhh-hhhhhhhhhhhh";
	size_t i;

	if (text.n != sizeof(form) - 1)
		return ERR_SYNTAX;
	for (i = 0; i < text.n; i++) {
		const char *in = form[i] == 'h' ? "0123456789abcdef" : "89ab";

		if (form[i] != 'h' && form[i] != 'v') {
			if (text.p[i] != (uint8_t)form[i])
				return ERR_SYNTAX;
		} else if (memchr(in, text.p[i], strlen(in)) == NULL) {
			return ERR_SYNTAX;
		}
	}
	return 0;
}

void
uuid_make(uint64_t ms, const uint8_t rnd[UUID_RANDOM_SIZE],
    char ret_text[UUID_TEXT_SIZE])
{
	/* Where each hyphen stands in the text, by the byte after it. */
	static const size_t from[6] = { 0, 4, 6, 8, 10, 16 };
	uint8_t b[16];
	char *to = ret_text;
	size_t i;

	for (i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (8 * (5 - i)));
	memcpy(b + 6, rnd, UUID_RANDOM_SIZE);
	b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	for (i = 0; i < 5; i++) {
		size_t n = from[i + 1] - from[i];

		hex_encode(bytes_of(b + from[i], n), to);
		to += 2 * n;
		if (i < 4)
			*to++ = '-';
	}
}
