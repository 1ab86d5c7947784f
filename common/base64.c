/*
 * base64.c - strict base64 and base64url (RFC 4648 sections 4 and 5).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, cli, console.
 */
#include "common/base64.h"

struct alphabet {
	char last[2];		/* the characters for 62 and 63 */
	bool padded;
};

static const struct alphabet plain = { { '+', '/' }, true };
static const struct alphabet url = { { '-', '_' }, false };

static uint8_t
digit_char(const struct alphabet *abc, uint32_t v)
{
	static const char common[62] = {
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	};

	v &= 63;
	return (uint8_t)(v < 62 ? common[v] : abc->last[v - 62]);
}

/* 0 to 63, or -1 for a character outside the alphabet. */
static int
digit_value(const struct alphabet *abc, uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)abc->last[0])
		return 62;
	if (c == (uint8_t)abc->last[1])
		return 63;
	return -1;
}

static size_t
encoded_length(const struct alphabet *abc, size_t n)
{
	size_t tail = n % 3;

	/* A length that would overflow is far above any cap. */
	if (n > SIZE_MAX / 2)
		return SIZE_MAX;
	n = n / 3 * 4;
	if (tail != 0)
		n += abc->padded ? 4 : tail + 1;
	return n;
}

static void
encode(const struct alphabet *abc, struct buf *b, struct bytes a)
{
	uint8_t *to;
	size_t i, left, len = 0;
	uint32_t v;

	if ((to = buf_reserve(b, encoded_length(abc, a.n))) == NULL)
		return;
	for (i = 0; i < a.n; i += 3) {
		left = a.n - i;
		v = (uint32_t)a.p[i] << 16;
		if (left > 1)
			v |= (uint32_t)a.p[i + 1] << 8;
		if (left > 2)
			v |= a.p[i + 2];
		to[len++] = digit_char(abc, v >> 18);
		to[len++] = digit_char(abc, v >> 12);
		if (left > 1)
			to[len++] = digit_char(abc, v >> 6);
		else if (abc->padded)
			to[len++] = '=';
		if (left > 2)
			to[len++] = digit_char(abc, v);
		else if (abc->padded)
			to[len++] = '=';
	}
	buf_commit(b, len);
}

/* Takes off the padding, which must fill the last group of four. */
static int
strip_padding(struct bytes *text)
{
	size_t n = text->n;

	if (n % 4 != 0)
		return ERR_SYNTAX;
	if (n > 0 && text->p[n - 1] == '=')
		n--;
	if (n < text->n && text->p[n - 1] == '=')
		n--;
	text->n = n;
	return 0;
}

static int
decode(const struct alphabet *abc, struct bytes text, struct buf *ret_b)
{
	uint8_t *to;
	size_t i, len = 0;
	uint32_t v = 0;
	int d, err;

	if (abc->padded && (err = strip_padding(&text)) != 0)
		return err;
	if (text.n % 4 == 1)
		return ERR_SYNTAX;
	to = buf_reserve(ret_b, text.n / 4 * 3 + text.n % 4 * 3 / 4);
	if (to == NULL)
		return buf_error(ret_b);
	for (i = 0; i < text.n; i++) {
		if ((d = digit_value(abc, text.p[i])) < 0)
			return ERR_CHARACTER;
		v = v << 6 | (uint32_t)d;
		/* The first character of a group completes no byte. */
		if (i % 4 != 0)
			to[len++] = (uint8_t)(v >> (6 - i % 4 * 2));
	}
	/* Two characters carry 4 spare bits, three carry 2. */
	if (text.n % 4 == 2 && (v & 15) != 0)
		return ERR_SYNTAX;
	if (text.n % 4 == 3 && (v & 3) != 0)
		return ERR_SYNTAX;
	buf_commit(ret_b, len);
	return 0;
}

void
base64_encode(struct buf *b, struct bytes a)
{
	encode(&plain, b, a);
}

int
base64_decode(struct bytes text, struct buf *ret_b)
{
	return decode(&plain, text, ret_b);
}

void
base64url_encode(struct buf *b, struct bytes a)
{
	encode(&url, b, a);
}

int
base64url_decode(struct bytes text, struct buf *ret_b)
{
	return decode(&url, text, ret_b);
}
