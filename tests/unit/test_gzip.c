/*
 * test_gzip.c - compressed files that are whole, cut, changed and hostile.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/gzip.h"
#include "tests/harness/test.h"

#define MOST ((size_t)4 << 20)

static const struct bytes nothing;

/* n bytes that compress about as records do. */
static void
make_text(struct buf *b, size_t n)
{
	uint64_t i = 0, x = 88172645463325252ull;

	buf_init(b, MOST);
	while (b->n < n) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf_printf(b, "{\"kind\":\"expired\",\"n\":%" PRIu64
		    ",\"x\":\"%" PRIx64 "\"}", i++, x);
	}
	b->n = n;
	CHECK_INT(buf_error(b), 0);
}

static void
compress_pieces(struct bytes text, size_t piece, struct buf *ret_b)
{
	struct gzip_writer *w;
	size_t n;

	buf_init(ret_b, MOST);
	CHECK_INT(gzip_writer_new(nothing, &w), 0);
	do {
		n = text.n < piece ? text.n : piece;
		CHECK_INT(gzip_write(w, bytes_of(text.p, n), n == text.n,
		    ret_b), 0);
		if (n > 0)
			text.p += n;
		text.n -= n;
	} while (text.n > 0);
	gzip_writer_free(w);
}

/* Decompresses with pieces of in and out; the last result. */
static int
decompress(struct bytes file, size_t piece, size_t room, uint64_t cap,
    struct buf *ret_b)
{
	struct gzip_reader *r;
	struct bytes in;
	size_t got = 0;
	uint8_t *to;
	int res = 0;

	buf_init(ret_b, MOST);
	CHECK_INT(gzip_reader_new(cap, &r), 0);
	while (res == 0 && (file.n > 0 || got > 0)) {
		in = bytes_of(file.p, file.n < piece ? file.n : piece);
		to = buf_reserve(ret_b, room);
		CHECK(to != NULL);
		got = 0;
		res = gzip_read(r, &in, to, room, &got);
		CHECK(got <= room);
		buf_commit(ret_b, got);
		file.n -= (size_t)(in.p - file.p);
		file.p = in.p;
	}
	CHECK_INT(gzip_reader_is_done(r), res == 1);
	/* It says the same again. */
	in = file;
	got = 0;
	if (res != 0) {
		CHECK_INT(gzip_read(r, &in, buf_reserve(ret_b, room), room,
		    &got), res);
		CHECK_INT(got, 0);
		CHECK_INT(in.n, file.n);
	}
	gzip_reader_free(r);
	return res;
}

TEST(there_and_back)
{
	static const size_t sizes[] = { 0, 1, 100, 32768, 65536, 300001 };
	static const size_t pieces[] = { 1, 7, 4096, MOST };
	struct buf text, file, same, back;
	size_t i, k;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_text(&text, sizes[i]);
		compress_pieces(buf_bytes(&text), MOST, &file);
		CHECK(gzip_is(buf_bytes(&file)));
		for (k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			if (pieces[k] == 1 && sizes[i] > 100)
				continue;
			compress_pieces(buf_bytes(&text), pieces[k], &same);
			/* The same bytes, whatever the pieces. */
			CHECK(bytes_equal(buf_bytes(&same), buf_bytes(&file)));
			buf_free(&same);
			CHECK_INT(decompress(buf_bytes(&file), pieces[k],
			    pieces[k] < 5000 ? 333 : 70000, MOST, &back), 1);
			CHECK(bytes_equal(buf_bytes(&back),
			    buf_bytes(&text)));
			buf_free(&back);
		}
		if (sizes[i] > 30000)
			CHECK(file.n < text.n / 2);
		buf_free(&file);
		buf_free(&text);
	}
}

/* As gzip(1) and Python write it: a header with a name and a time. */
TEST(written_by_others)
{
	static const uint8_t named[] = {
		0x1f, 0x8b, 8, 8, 0xd2, 2, 0x96, 0x49, 2, 3, 'x', 0,
		0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0,
		0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0
	};
	struct buf back;

	CHECK_INT(decompress(bytes_of(named, sizeof(named)), 1, 2, MOST,
	    &back), 1);
	CHECK(bytes_is(buf_bytes(&back), "hello"));
	buf_free(&back);
}

TEST(cut_and_changed)
{
	struct buf text, file, back;
	size_t i;
	int r;

	make_text(&text, 700);
	compress_pieces(buf_bytes(&text), MOST, &file);
	for (i = 0; i < file.n; i++) {
		CHECK_INT(decompress(bytes_of(file.p, i), 64, 512, MOST,
		    &back), 0);
		CHECK(back.n <= text.n);
		buf_free(&back);
		file.p[i] ^= 0x10;
		r = decompress(buf_bytes(&file), 64, 512, MOST, &back);
		file.p[i] ^= 0x10;
		/* The time, the flags and the system say nothing of it. */
		if (r == 1)
			CHECK(i < 10 && bytes_equal(buf_bytes(&back),
			    buf_bytes(&text)));
		else
			CHECK(r == ERR_CORRUPT || (r == 0 && i < 700));
		buf_free(&back);
	}
	/* What follows it is not taken. */
	buf_put_str(&file, "more");
	CHECK_INT(decompress(buf_bytes(&file), MOST, MOST / 4, MOST, &back),
	    1);
	buf_free(&back);
	buf_free(&file);
	buf_free(&text);
	CHECK_INT(decompress(bytes_str("no such thing"), 64, 64, MOST, &back),
	    ERR_CORRUPT);
	buf_free(&back);
}

/* A thousand times its size: no more comes of it than the cap. */
TEST(bomb)
{
	struct buf text, file, back;

	buf_init(&text, MOST);
	memset(buf_reserve(&text, MOST - 1), 0, MOST - 1);
	buf_commit(&text, MOST - 1);
	compress_pieces(buf_bytes(&text), MOST, &file);
	CHECK(file.n < 8192);
	CHECK_INT(decompress(buf_bytes(&file), 4096, 4096, 100000, &back),
	    ERR_TOO_LARGE);
	CHECK(back.n <= 100000 + 4096);
	buf_free(&back);
	CHECK_INT(decompress(buf_bytes(&file), 4096, 4096, MOST - 2, &back),
	    ERR_TOO_LARGE);
	buf_free(&back);
	CHECK_INT(decompress(buf_bytes(&file), 4096, 4096, MOST - 1, &back),
	    1);
	CHECK_INT(back.n, MOST - 1);
	buf_free(&back);
	buf_free(&file);
	buf_free(&text);
}

TEST(note)
{
	static const uint8_t note[GZIP_NOTE_MAX + 1] = "what it holds";
	struct gzip_writer *w;
	struct buf file, back;
	struct bytes got = nothing;
	size_t i;

	CHECK_INT(gzip_writer_new(bytes_of(note, sizeof(note)), &w),
	    ERR_TOO_LARGE);
	CHECK_INT(gzip_writer_new(bytes_of(note, 13), &w), 0);
	buf_init(&file, MOST);
	CHECK_INT(gzip_write(w, bytes_str("text"), true, &file), 0);
	gzip_writer_free(w);
	CHECK(gzip_note(buf_bytes(&file), &got));
	CHECK(bytes_is(got, "what it holds"));
	for (i = 0; i < 10 + 2 + 4 + 13; i++)
	for (i = 0; i < 10 + 2 + 4 + 13; i++)
		CHECK(!gzip_note(bytes_of(file.p, i), &got));
	/* Whatever is changed before it, it is no header of ours. */
	for (i = 0; i < 16; i++) {
		file.p[i] ^= 1;
		CHECK_MSG(!gzip_note(buf_bytes(&file), &got), "byte %zu", i);
		file.p[i] ^= 1;
	}
	CHECK(gzip_has_extra(buf_bytes(&file)));
	CHECK_INT(decompress(buf_bytes(&file), 64, 64, MOST, &back), 1);
	CHECK(bytes_is(buf_bytes(&back), "text"));
	buf_free(&back);
	buf_free(&file);
	compress_pieces(bytes_str("text"), 9, &file);
	CHECK(!gzip_note(buf_bytes(&file), &got));
	CHECK(!gzip_has_extra(buf_bytes(&file)));
	buf_free(&file);
	CHECK(!gzip_note(bytes_str("{}"), &got));
}

TEST(what_it_is)
{
	CHECK(!gzip_is(bytes_str("")));
	CHECK(!gzip_is(bytes_str("\x1f\x8b")));
	CHECK(!gzip_is(bytes_str("\x1f\x8b\x07")));
	CHECK(gzip_is(bytes_str("\x1f\x8b\x08")));
}

TEST(no_memory)
{
	struct gzip_writer *w;
	struct gzip_reader *r;
	struct buf out;
	int err;

	OOM_LOOP {
		w = NULL;
		err = gzip_writer_new(nothing, &w);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		gzip_writer_free(w);
	}
	OOM_LOOP {
		r = NULL;
		err = gzip_reader_new(9, &r);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		gzip_reader_free(r);
	}
	CHECK_INT(gzip_writer_new(nothing, &w), 0);
	buf_init(&out, 10);
	CHECK_INT(gzip_write(w, bytes_str("x"), true, &out), ERR_TOO_LARGE);
	buf_free(&out);
	gzip_writer_free(w);
}

TEST_MAIN()
