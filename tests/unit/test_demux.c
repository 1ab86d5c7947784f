/*
 * test_demux.c - tests of console/demux.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "console/demux.h"
#include "tests/harness/test.h"

static void
put_frame(struct buf *b, uint8_t stream, uint64_t ms, const char *text)
{
	buf_put_u8(b, stream);
	buf_put_u64le(b, ms);
	buf_put_u32le(b, (uint32_t)strlen(text));
	buf_put_str(b, text);
}

static void
put_transcript(struct buf *b)
{
	static const uint8_t salt[DEMUX_SALT];

	buf_init(b, 4096);
	buf_put(b, salt, sizeof(salt));
	put_frame(b, 1, 5, "abc");
	put_frame(b, 2, 7, "");
	put_frame(b, 2, 9, "XY");
	put_frame(b, 1, 11, "def");
}

/* Whatever the pieces it comes in, the streams are the same. */
TEST(cut_anywhere)
{
	struct buf b, out[DEMUX_STREAMS];
	struct demux_piece p;
	struct bytes in;
	struct demux d;
	size_t step, at, n;

	put_transcript(&b);
	for (step = 1; step <= b.n; step++) {
		buf_init(&out[0], 64);
		buf_init(&out[1], 64);
		demux_init(&d);
		for (at = 0; at < b.n; at += n) {
			n = b.n - at < step ? b.n - at : step;
			in = bytes_of(b.p + at, n);
			while (demux_next(&d, &in, &p) == 1) {
				CHECK(p.data.n > 0);
				CHECK_INT(p.offset, out[p.stream].n);
				CHECK(p.stream == DEMUX_STDOUT ?
				    p.ms == 5 || p.ms == 11 : p.ms == 9);
				buf_put_bytes(&out[p.stream], p.data);
			}
			CHECK_INT(in.n, 0);
			CHECK(demux_is_whole(&d) == (at + n == b.n ||
			    at + n == DEMUX_SALT || at + n == 48 ||
			    at + n == 61 || at + n == 76));
		}
		CHECK_MEM(out[0].p, out[0].n, "abcdef", 6);
		CHECK_MEM(out[1].p, out[1].n, "XY", 2);
		CHECK_INT(d.bytes[DEMUX_STDOUT], 6);
		buf_free(&out[0]);
		buf_free(&out[1]);
	}
	buf_free(&b);
}

TEST(no_such_stream)
{
	static const uint8_t streams[] = { 0, 3, 255 };
	struct demux_piece p;
	struct bytes in;
	struct demux d;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(streams); i++) {
		put_transcript(&b);
		put_frame(&b, streams[i], 1, "x");
		demux_init(&d);
		in = buf_bytes(&b);
		CHECK_INT(demux_next(&d, &in, &p), 1);
		CHECK_INT(demux_next(&d, &in, &p), 1);
		CHECK_INT(demux_next(&d, &in, &p), 1);
		CHECK_INT(demux_next(&d, &in, &p), ERR_SYNTAX);
		in = buf_bytes(&b);
		CHECK_INT(demux_next(&d, &in, &p), ERR_SYNTAX);
		CHECK(!demux_is_whole(&d));
		buf_free(&b);
	}
}

TEST(words)
{
	CHECK_STR(demux_word(DEMUX_STDOUT), "stdout");
	CHECK_STR(demux_word(DEMUX_STDERR), "stderr");
}

TEST_MAIN()
