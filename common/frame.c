/*
 * frame.c - the header of pipe messages, and taking a stream of them apart.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 */
#include "common/frame.h"

#include <stdlib.h>
#include <string.h>

/* Volatile, so that the compiler keeps the writes before free(). */
static void
wipe(uint8_t *p, size_t n)
{
	volatile uint8_t *v = p;

	while (n-- > 0)
		*v++ = 0;
}

static uint32_t
header_length(const struct frame_in *in)
{
	struct reader r;

	reader_init(&r, bytes_of(in->header, FRAME_HEADER));
	return reader_u32le(&r);
}

static void
body_free(struct frame_in *in)
{
	if (in->body != NULL) {
		wipe(in->body, in->body_n);
		free(in->body);
	}
	in->body = NULL;
	in->body_n = 0;
	in->given = false;
}

void
frame_in_init(struct frame_in *in)
{
	memset(in, 0, sizeof(*in));
}

void
frame_in_fini(struct frame_in *in)
{
	body_free(in);
	frame_in_init(in);
}

static struct bytes
take(struct bytes *data, size_t want)
{
	struct bytes got = { data->p, want < data->n ? want : data->n };

	if (got.n > 0)
		data->p += got.n;
	data->n -= got.n;
	return got;
}

/* 1 once the header is complete and permitted, 0 for more, or an error. */
static int
take_header(struct frame_in *in, struct bytes *data, frame_check *check,
    const void *ctx, uint16_t *ret_type)
{
	struct bytes got = take(data, FRAME_HEADER - in->header_n);
	struct reader r;
	uint32_t length;
	uint16_t type;
	int err;

	if (got.n > 0)
		memcpy(in->header + in->header_n, got.p, got.n);
	in->header_n += got.n;
	if (in->header_n < FRAME_HEADER)
		return 0;
	reader_init(&r, bytes_of(in->header, FRAME_HEADER));
	length = reader_u32le(&r);
	type = reader_u16le(&r);
	if (reader_u16le(&r) != 0)
		return ERR_PROTOCOL;
	if ((err = check(ctx, type, length)) != 0)
		return err;
	*ret_type = type;
	return 1;
}

/* 1 and the body once it is complete, 0 for more bytes, or an error. */
static int
take_body(struct frame_in *in, struct bytes *data, struct bytes *ret_body)
{
	size_t length = header_length(in);
	struct bytes got;

	if (in->body == NULL && data->n >= length) {
		*ret_body = take(data, length);
		return 1;
	}
	if (data->n == 0)
		return 0;
	if (in->body == NULL && (in->body = malloc(length)) == NULL)
		return ERR_NOMEM;
	got = take(data, length - in->body_n);
	memcpy(in->body + in->body_n, got.p, got.n);
	in->body_n += got.n;
	if (in->body_n < length)
		return 0;
	in->given = true;
	*ret_body = bytes_of(in->body, length);
	return 1;
}

int
frame_in_next(struct frame_in *in, struct bytes *data, frame_check *check,
    const void *ctx, struct frame *ret_frame)
{
	struct bytes body = { NULL, 0 };
	uint16_t type = 0;
	int r;

	if (in->err != 0)
		return in->err;
	if (in->given)
		body_free(in);
	r = take_header(in, data, check, ctx, &type);
	if (r == 1)
		r = take_body(in, data, &body);
	if (r < 0) {
		body_free(in);
		in->err = r;
	}
	if (r != 1)
		return r;
	in->header_n = 0;
	ret_frame->type = type;
	ret_frame->body = body;
	return 1;
}

bool
frame_in_is_idle(const struct frame_in *in)
{
	return in->err == 0 && in->header_n == 0;
}

size_t
frame_begin(struct buf *b, uint16_t type)
{
	size_t mark = b->n;

	buf_put_u32le(b, 0);
	buf_put_u16le(b, type);
	buf_put_u16le(b, 0);
	return mark;
}

void
frame_end(struct buf *b, size_t mark, size_t cap)
{
	size_t length, i;

	if (b->err != 0)
		return;
	length = b->n - mark - FRAME_HEADER;
	if (length > cap || length > UINT32_MAX) {
		b->err = ERR_TOO_LARGE;
		return;
	}
	for (i = 0; i < 4; i++)
		b->p[mark + i] = (uint8_t)(length >> (8 * i));
}

void
frame_put_field(struct buf *b, struct bytes a, size_t cap)
{
	if (a.n > cap && b->err == 0)
		b->err = ERR_TOO_LARGE;
	buf_put_field(b, a);
}
