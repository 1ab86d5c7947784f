/*
 * demux.c - a transcript taken apart into the streams of an action.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/demux.h"

#include <string.h>

void
demux_init(struct demux *d)
{
	memset(d, 0, sizeof(*d));
}

/* At most n bytes off the front of *in. */
static struct bytes
take(struct bytes *in, uint64_t n)
{
	struct bytes a;

	a = bytes_of(in->p, in->n < n ? in->n : (size_t)n);
	*in = bytes_of(in->p + a.n, in->n - a.n);
	return a;
}

/* The header is whole: what follows it? */
static int
begin_frame(struct demux *d)
{
	struct reader r;
	uint8_t stream;

	reader_init(&r, bytes_of(d->head, sizeof(d->head)));
	stream = reader_u8(&r);
	d->ms = reader_u64le(&r);
	d->left = reader_u32le(&r);
	d->head_n = 0;
	if (stream != 1 && stream != 2) {
		d->bad = true;
		return ERR_SYNTAX;
	}
	d->stream = stream == 1 ? DEMUX_STDOUT : DEMUX_STDERR;
	return 0;
}

int
demux_next(struct demux *d, struct bytes *in, struct demux_piece *ret_piece)
{
	struct bytes part;
	int err;

	if (d->bad)
		return ERR_SYNTAX;
	if (in->n == 0)
		return 0;
	d->salt += take(in, DEMUX_SALT - d->salt).n;
	while (in->n > 0) {
		if (d->left > 0) {
			part = take(in, d->left);
			d->left -= (uint32_t)part.n;
			ret_piece->stream = d->stream;
			ret_piece->offset = d->bytes[d->stream];
			ret_piece->ms = d->ms;
			ret_piece->data = part;
			d->bytes[d->stream] += part.n;
			return 1;
		}
		part = take(in, DEMUX_HEAD - d->head_n);
		memcpy(d->head + d->head_n, part.p, part.n);
		d->head_n += part.n;
		if (d->head_n == DEMUX_HEAD && (err = begin_frame(d)) != 0)
			return err;
	}
	return 0;
}

bool
demux_is_whole(const struct demux *d)
{
	return !d->bad && d->salt == DEMUX_SALT && d->head_n == 0 &&
	    d->left == 0;
}

const char *
demux_word(enum demux_stream stream)
{
	return stream == DEMUX_STDOUT ? "stdout" : "stderr";
}
