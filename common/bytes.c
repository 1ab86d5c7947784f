/*
 * bytes.c - spans of bytes, a growable buffer and a cursor that fails once.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 */
#include "common/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes
bytes_str(const char *s)
{
	return bytes_of(s, s != NULL ? strlen(s) : 0);
}

struct bytes
bytes_of(const void *p, size_t n)
{
	struct bytes b = { p, n };

	return b;
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
bytes_is(struct bytes a, const char *s)
{
	return bytes_equal(a, bytes_str(s));
}

int
bytes_dup_str(struct bytes a, char **ret_s)
{
	char *s;

	if (a.n > 0 && memchr(a.p, 0, a.n) != NULL)
		return ERR_CHARACTER;
	if ((s = malloc(a.n + 1)) == NULL)
		return ERR_NOMEM;
	if (a.n > 0)
		memcpy(s, a.p, a.n);
	s[a.n] = '\0';
	*ret_s = s;
	return 0;
}

int
bytes_dup(struct bytes a, uint8_t **ret_p)
{
	uint8_t *p = malloc(a.n > 0 ? a.n : 1);

	if (p == NULL)
		return ERR_NOMEM;
	if (a.n > 0)
		memcpy(p, a.p, a.n);
	*ret_p = p;
	return 0;
}

void
buf_init(struct buf *b, size_t cap)
{
	*b = (struct buf){ .cap = cap };
}

void
buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->cap);
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->err = 0;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	size_t size = b->size;
	uint8_t *p;

	if (b->err != 0)
		return NULL;
	if (n > b->cap || b->n > b->cap - n) {
		b->err = ERR_TOO_LARGE;
		return NULL;
	}
	if (b->n + n > size) {
		/* Doubling keeps appends linear; the cap bounds it. */
		if (size < 64)
			size = 64;
		while (size < b->n + n)
			size = size > b->cap / 2 ? b->cap : size * 2;
		if ((p = realloc(b->p, size)) == NULL) {
			b->err = ERR_NOMEM;
			return NULL;
		}
		b->p = p;
		b->size = size;
	}
	/* An empty reservation in an empty buffer still is a valid pointer. */
	if (b->p == NULL)
		return buf_reserve(b, 1);
	return b->p + b->n;
}

void
buf_commit(struct buf *b, size_t n)
{
	if (b->err == 0 && n <= b->size - b->n)
		b->n += n;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *to;

	if (n == 0 || (to = buf_reserve(b, n)) == NULL)
		return;
	memcpy(to, p, n);
	b->n += n;
}

void
buf_put_bytes(struct buf *b, struct bytes a)
{
	buf_put(b, a.p, a.n);
}

void
buf_put_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

static void
put_le(struct buf *b, uint64_t v, size_t n)
{
	uint8_t d[8];
	size_t i;

	for (i = 0; i < n; i++)
		d[i] = (uint8_t)(v >> (8 * i));
	buf_put(b, d, n);
}

static void
put_be(struct buf *b, uint64_t v, size_t n)
{
	uint8_t d[8];
	size_t i;

	for (i = 0; i < n; i++)
		d[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	buf_put(b, d, n);
}

void
buf_put_u16le(struct buf *b, uint16_t v)
{
	put_le(b, v, 2);
}

void
buf_put_u32le(struct buf *b, uint32_t v)
{
	put_le(b, v, 4);
}

void
buf_put_u64le(struct buf *b, uint64_t v)
{
	put_le(b, v, 8);
}

void
buf_put_u16be(struct buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void
buf_put_u32be(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void
buf_put_u64be(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

static bool
length_fits(struct buf *b, size_t n)
{
	if (n <= UINT32_MAX)
		return true;
	if (b->err == 0)
		b->err = ERR_TOO_LARGE;
	return false;
}

void
buf_put_field(struct buf *b, struct bytes a)
{
	if (!length_fits(b, a.n))
		return;
	buf_put_u32le(b, (uint32_t)a.n);
	buf_put_bytes(b, a);
}

void
buf_put_sshstr(struct buf *b, struct bytes a)
{
	if (!length_fits(b, a.n))
		return;
	buf_put_u32be(b, (uint32_t)a.n);
	buf_put_bytes(b, a);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (to = buf_reserve(b, (size_t)n + 1)) == NULL) {
		if (b->err == 0)
			b->err = ERR_SYNTAX;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

int
buf_error(const struct buf *b)
{
	return b->err;
}

struct bytes
buf_bytes(const struct buf *b)
{
	return bytes_of(b->p, b->n);
}

void
reader_init(struct reader *r, struct bytes a)
{
	r->rest = a;
	r->err = 0;
}

struct bytes
reader_take(struct reader *r, size_t n)
{
	struct bytes a = { NULL, 0 };

	if (r->err != 0)
		return a;
	if (n > r->rest.n) {
		r->err = ERR_TRUNCATED;
		return a;
	}
	a = bytes_of(r->rest.p, n);
	if (n > 0) {
		r->rest.p += n;
		r->rest.n -= n;
	}
	return a;
}

static uint64_t
take_le(struct reader *r, size_t n)
{
	struct bytes a = reader_take(r, n);
	uint64_t v = 0;
	size_t i;

	for (i = a.n; i > 0; i--)
		v = v << 8 | a.p[i - 1];
	return v;
}

static uint64_t
take_be(struct reader *r, size_t n)
{
	struct bytes a = reader_take(r, n);
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < a.n; i++)
		v = v << 8 | a.p[i];
	return v;
}

uint8_t
reader_u8(struct reader *r)
{
	return (uint8_t)take_le(r, 1);
}

uint16_t
reader_u16le(struct reader *r)
{
	return (uint16_t)take_le(r, 2);
}

uint32_t
reader_u32le(struct reader *r)
{
	return (uint32_t)take_le(r, 4);
}

uint64_t
reader_u64le(struct reader *r)
{
	return take_le(r, 8);
}

uint16_t
reader_u16be(struct reader *r)
{
	return (uint16_t)take_be(r, 2);
}

uint32_t
reader_u32be(struct reader *r)
{
	return (uint32_t)take_be(r, 4);
}

uint64_t
reader_u64be(struct reader *r)
{
	return take_be(r, 8);
}

static struct bytes
take_counted(struct reader *r, size_t n, size_t cap)
{
	struct bytes none = { NULL, 0 };

	if (r->err == 0 && n > cap)
		r->err = ERR_TOO_LARGE;
	return r->err != 0 ? none : reader_take(r, n);
}

struct bytes
reader_field(struct reader *r, size_t cap)
{
	size_t n = reader_u32le(r);

	return take_counted(r, n, cap);
}

struct bytes
reader_sshstr(struct reader *r, size_t cap)
{
	size_t n = reader_u32be(r);

	return take_counted(r, n, cap);
}

int
reader_end(const struct reader *r)
{
	if (r->err != 0)
		return r->err;
	return r->rest.n == 0 ? 0 : ERR_SYNTAX;
}

void
hex_encode(struct bytes a, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < a.n; i++) {
		ret_hex[2 * i] = digits[a.p[i] >> 4];
		ret_hex[2 * i + 1] = digits[a.p[i] & 15];
	}
	ret_hex[2 * a.n] = '\0';
}

/* A digit's value and 16; 0 for what is none. A table: which it is, digit or
 * letter, no processor can foresee. */
static const uint8_t hex_values[256] = {
	['0'] = 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
	['a'] = 26, 27, 28, 29, 30, 31,
};

int
hex_decode(struct bytes hex, uint8_t *ret_p, size_t n)
{
	size_t i;

	if (hex.n != 2 * n)
		return ERR_SYNTAX;
	for (i = 0; i < hex.n; i++)
		if (hex_values[hex.p[i]] == 0)
			return ERR_SYNTAX;
	for (i = 0; i < n; i++)
		ret_p[i] = (uint8_t)((hex_values[hex.p[2 * i]] & 15) << 4 |
		    (hex_values[hex.p[2 * i + 1]] & 15));
	return 0;
}
