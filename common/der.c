/*
 * der.c - an ECDSA signature in DER, read strictly.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/der.h"

#include <string.h>

#define TAG_INTEGER 0x02
#define TAG_SEQUENCE 0x30
#define HALF (DER_RS_SIZE / 2)

/*
 * The content of the element with this tag. A signature of this size needs
 * only lengths below 128, and DER writes those as one byte.
 */
static struct bytes
read_element(struct reader *r, uint8_t tag)
{
	uint8_t found = reader_u8(r), n = reader_u8(r);

	if (r->err == 0 && (found != tag || n > 127))
		r->err = ERR_SYNTAX;
	return reader_take(r, n);
}

/* A positive integer with no needless leading zero, into 32 bytes. */
static int
read_integer(struct reader *r, uint8_t *ret_p)
{
	struct bytes v = read_element(r, TAG_INTEGER);

	if (v.n == 0 || (v.p[0] & 0x80) != 0)
		return ERR_SYNTAX;
	if (v.n > 1 && v.p[0] == 0) {
		if ((v.p[1] & 0x80) == 0)
			return ERR_SYNTAX;
		v.p++;
		v.n--;
	}
	if (v.n > HALF)
		return ERR_SYNTAX;
	memset(ret_p, 0, HALF - v.n);
	memcpy(ret_p + HALF - v.n, v.p, v.n);
	return 0;
}

int
der_ecdsa_read(struct bytes der, uint8_t ret_rs[DER_RS_SIZE])
{
	struct reader outer, inner;
	uint8_t rs[DER_RS_SIZE];

	reader_init(&outer, der);
	reader_init(&inner, read_element(&outer, TAG_SEQUENCE));
	if (reader_end(&outer) != 0)
		return ERR_SYNTAX;
	if (read_integer(&inner, rs) != 0 ||
	    read_integer(&inner, rs + HALF) != 0 || reader_end(&inner) != 0)
		return ERR_SYNTAX;
	memcpy(ret_rs, rs, sizeof(rs));
	return 0;
}

static struct bytes
without_zeros(const uint8_t *p)
{
	struct bytes v = bytes_of(p, HALF);

	while (v.n > 1 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	return v;
}

/* How many bytes the integer's content has, its sign byte with it. */
static size_t
content_size(struct bytes v)
{
	return v.n + (v.p[0] >> 7);
}

static void
write_integer(struct buf *b, struct bytes v)
{
	buf_put_u8(b, TAG_INTEGER);
	buf_put_u8(b, (uint8_t)content_size(v));
	if (content_size(v) > v.n)
		buf_put_u8(b, 0);
	buf_put_bytes(b, v);
}

void
der_ecdsa_write(struct buf *b, const uint8_t rs[DER_RS_SIZE])
{
	struct bytes r = without_zeros(rs), s = without_zeros(rs + HALF);

	buf_put_u8(b, TAG_SEQUENCE);
	buf_put_u8(b, (uint8_t)(4 + content_size(r) + content_size(s)));
	write_integer(b, r);
	write_integer(b, s);
}
