/*
 * gzip.c - compressing to and from the gzip format, a piece at a time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* With it their pointers to what they only read say so. */
#define ZLIB_CONST
#include <zlib.h>

/* zlib.h on deflateInit2: 16 more than the window's bits is a gzip header. */
#define WINDOW_BITS (15 + 16)
#define MEMORY_LEVEL 8		/* zlib's own default */
#define PIECE ((size_t)16 << 10)

/* RFC 1952 2.3.1: flag FEXTRA, and where the extra field begins. */
#define FLAG_EXTRA 4
#define HEADER 10
/* Of it: ID1, ID2 and CM. */
#define MAGIC 3
/* A subfield's two letters and its length. */
#define SUBFIELD 4
#define NOTE_ID ('C' | 'S' << 8)

struct gzip_writer {
	z_stream z;
	bool begun;
	gz_header header;
	uint8_t extra[SUBFIELD + GZIP_NOTE_MAX];
};

struct gzip_reader {
	z_stream z;
	bool begun;
	uint64_t left;		/* of the cap */
	int result;		/* 0, 1 after the end, or the error */
};

/* What zlib asks for its memory: the tests let it fail. */
static voidpf
take_memory(voidpf opaque, uInt items, uInt size)
{
	(void)opaque;
	return calloc(items, size);
}

static void
give_memory(voidpf opaque, voidpf p)
{
	(void)opaque;
	free(p);
}

static void
prepare(z_stream *z)
{
	z->zalloc = take_memory;
	z->zfree = give_memory;
}

/* zlib counts in unsigned int. */
static uInt
feed(z_stream *z, struct bytes in)
{
	uInt n = in.n < UINT_MAX ? (uInt)in.n : UINT_MAX;

	z->next_in = in.p;
	z->avail_in = n;
	return n;
}

/* Moves in on by what was taken of it. */
static void
used(const z_stream *z, uInt fed, struct bytes *in)
{
	if (fed > z->avail_in)
		in->p += fed - z->avail_in;
	in->n -= fed - z->avail_in;
}

/* ---- compressing ---- */

static void
set_note(struct gzip_writer *w, struct bytes note)
{
	w->header.os = 255;	/* unknown: the same file on every system */
	if (note.n > 0) {
		w->extra[0] = 'C';
		w->extra[1] = 'S';
		w->extra[2] = (uint8_t)note.n;
		memcpy(w->extra + SUBFIELD, note.p, note.n);
		w->header.extra = w->extra;
		w->header.extra_len = (uInt)(SUBFIELD + note.n);
	}
	(void)deflateSetHeader(&w->z, &w->header);
}

int
gzip_writer_new(struct bytes note, struct gzip_writer **ret_w)
{
	struct gzip_writer *w;

	if (note.n > GZIP_NOTE_MAX)
		return ERR_TOO_LARGE;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return ERR_NOMEM;
	prepare(&w->z);
	if (deflateInit2(&w->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
	    MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(w);
		return ERR_NOMEM;
	}
	w->begun = true;
	set_note(w, note);
	*ret_w = w;
	return 0;
}

void
gzip_writer_free(struct gzip_writer *w)
{
	if (w == NULL)
		return;
	if (w->begun)
		(void)deflateEnd(&w->z);
	free(w);
}

int
gzip_write(struct gzip_writer *w, struct bytes in, bool last, struct buf *out)
{
	uInt n;
	uint8_t *to;
	int r = Z_OK;

	do {
		n = feed(&w->z, in);
		if ((to = buf_reserve(out, PIECE)) == NULL)
			return buf_error(out);
		w->z.next_out = to;
		w->z.avail_out = (uInt)PIECE;
		r = deflate(&w->z, last && n == in.n ? Z_FINISH : Z_NO_FLUSH);
		/* Nothing to do is no error: Z_BUF_ERROR. */
		if (r == Z_STREAM_ERROR)
			return ERR_STATE;
		buf_commit(out, PIECE - w->z.avail_out);
		used(&w->z, n, &in);
	} while (in.n > 0 || w->z.avail_out == 0 ||
	    (last && r != Z_STREAM_END));
	return 0;
}

/* ---- decompressing ---- */

int
gzip_reader_new(uint64_t cap, struct gzip_reader **ret_r)
{
	struct gzip_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	prepare(&r->z);
	if (inflateInit2(&r->z, WINDOW_BITS) != Z_OK) {
		free(r);
		return ERR_NOMEM;
	}
	r->begun = true;
	r->left = cap;
	*ret_r = r;
	return 0;
}

void
gzip_reader_free(struct gzip_reader *r)
{
	if (r == NULL)
		return;
	if (r->begun)
		(void)inflateEnd(&r->z);
	free(r);
}

static int
inflate_some(struct gzip_reader *r, struct bytes *in, void *p, size_t n,
    size_t *ret_got)
{
	uInt room = n < UINT_MAX ? (uInt)n : UINT_MAX;
	uInt fed = feed(&r->z, *in);
	int z;

	r->z.next_out = p;
	r->z.avail_out = room;
	z = inflate(&r->z, Z_NO_FLUSH);
	if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
		return z == Z_MEM_ERROR ? ERR_NOMEM : ERR_CORRUPT;
	used(&r->z, fed, in);
	*ret_got = room - r->z.avail_out;
	return z == Z_STREAM_END;
}

int
gzip_read(struct gzip_reader *r, struct bytes *in, void *ret_p, size_t n,
    size_t *ret_n)
{
	size_t got = 0;

	if (r->result < 0)
		return r->result;
	if (r->result == 0 && (in->n > 0 || n > 0))
		r->result = inflate_some(r, in, ret_p, n, &got);
	if (r->result >= 0 && got > r->left)
		r->result = ERR_TOO_LARGE;
	if (r->result < 0)
		return r->result;
	r->left -= got;
	*ret_n = got;
	return r->result;
}

bool
gzip_reader_is_done(const struct gzip_reader *r)
{
	return r->result == 1;
}

bool
gzip_is(struct bytes begin)
{
	return begin.n >= MAGIC && begin.p[0] == 0x1f && begin.p[1] == 0x8b &&
	    begin.p[2] == 8;
}

bool
gzip_note(struct bytes begin, struct bytes *ret_note)
{
	/* FLG, MTIME, XFL and OS, as set_note() and zlib have them. */
	static const uint8_t written[HEADER - MAGIC] = { FLAG_EXTRA, 0, 0, 0,
	    0, 0, 255 };
	struct reader r;
	struct bytes header, extra;
	uint16_t n;

	if (!gzip_is(begin))
		return false;
	reader_init(&r, begin);
	header = reader_take(&r, HEADER);
	extra = reader_take(&r, reader_u16le(&r));
	if (r.err != 0 || memcmp(header.p + MAGIC, written, sizeof(written)) !=
	    0)
		return false;
	reader_init(&r, extra);
	if (reader_u16le(&r) != NOTE_ID)
		return false;
	n = reader_u16le(&r);
	extra = reader_take(&r, n);
	if (reader_end(&r) != 0 || n > GZIP_NOTE_MAX)
		return false;
	*ret_note = extra;
	return true;
}

bool
gzip_has_extra(struct bytes begin)
{
	return gzip_is(begin) && begin.n > MAGIC &&
	    (begin.p[MAGIC] & FLAG_EXTRA) != 0;
}
