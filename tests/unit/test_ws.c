/*
 * test_ws.c - WebSocket framing, both roles, cut anywhere.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/ws.h"
#include "tests/harness/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct ws_limits small = { .frame = 300, .text = 200 };
static const struct ws_limits wide = { .frame = 1 << 24, .text = 1 << 24 };
static const uint8_t key[WS_MASK_LEN] = { 0x37, 0xfa, 0x21, 0x3d };

/*
 * What arrived, as text: T<text>, [binary pieces joined], P<ping>, O<pong>,
 * Ccode<reason>. Pieces of a message are joined, so that it is the same for
 * every way to cut the input.
 */
static void
note_event(struct buf *log, const struct ws_event *e)
{
	static const char *const open[] = { "T<", "", "P<", "O<", "C" };
	bool binary = e->kind == WS_BINARY;

	buf_put_str(log, open[e->kind]);
	if (e->kind == WS_CLOSE)
		buf_printf(log, "%d<", e->code);
	if (binary && e->first)
		buf_put_str(log, "[");
	buf_put_bytes(log, e->data);
	if (!binary)
		buf_put_str(log, ">");
	else if (e->final)
		buf_put_str(log, "]");
}

/* Feeds input in pieces of step bytes; the result of the last call. */
static int
feed(struct ws *w, struct bytes input, size_t step, struct buf *log)
{
	struct ws_event e;
	struct bytes part;
	uint8_t *copy;
	size_t n, at;
	int err = ERR_AGAIN;

	for (at = 0; at < input.n && err == ERR_AGAIN; at += n) {
		n = input.n - at < step ? input.n - at : step;
		/* A copy of its own size: reading past its end is caught. */
		CHECK_INT(bytes_dup(bytes_of(input.p + at, n), &copy), 0);
		part = bytes_of(copy, n);
		while ((err = ws_next(w, &part, &e)) == 0)
			note_event(log, &e);
		CHECK(err != ERR_AGAIN || part.n == 0);
		free(copy);
	}
	return err;
}

static struct buf
from_hex(const char *hex)
{
	struct buf b;
	unsigned v;

	buf_init(&b, 4096);
	for (; *hex != '\0'; hex++) {
		if (*hex == ' ')
			continue;
		CHECK(sscanf(hex, "%2x", &v) == 1);
		buf_put_u8(&b, (uint8_t)v);
		hex++;
	}
	return b;
}

/* Frames as a client gets them: without masks. */
static const struct {
	const char *name, *hex, *log;
	int err;
} rows[] = {
	/* RFC 6455 5.7 */
	{ "hello", "81 05 48656c6c6f", "T<Hello>", ERR_AGAIN },
	{ "fragmented hello", "01 03 48656c 80 02 6c6f", "T<Hello>",
	    ERR_AGAIN },
	{ "ping", "89 05 48656c6c6f", "P<Hello>", ERR_AGAIN },
	{ "pong", "8a 05 48656c6c6f", "O<Hello>", ERR_AGAIN },
	{ "binary", "82 03 414243", "[ABC]", ERR_AGAIN },
	{ "binary in three", "02 01 41 00 01 42 80 01 43", "[ABC]",
	    ERR_AGAIN },
	{ "two messages", "81 01 41 82 01 42", "T<A>[B]", ERR_AGAIN },

	{ "empty text", "81 00", "T<>", ERR_AGAIN },
	{ "empty binary", "82 00", "[]", ERR_AGAIN },
	{ "empty ping", "89 00", "P<>", ERR_AGAIN },
	{ "empty fragments", "01 00 00 00 80 00", "T<>", ERR_AGAIN },
	{ "empty binary fragments", "02 00 00 00 00 01 41 00 00 80 00", "[A]",
	    ERR_AGAIN },
	{ "only empty binary fragments", "02 00 80 00", "[]", ERR_AGAIN },

	{ "ping between fragments", "01 01 41 89 01 70 80 01 42", "P<p>T<AB>",
	    ERR_AGAIN },
	{ "pong inside a binary one", "02 01 41 8a 00 80 01 42", "[AO<>B]",
	    ERR_AGAIN },
	{ "close between fragments", "01 01 41 88 00 80 01 42", "C1005<>",
	    ERR_CLOSED },

	/* Reserved bits and opcodes */
	{ "rsv1", "c1 00", "", ERR_PROTOCOL },
	{ "rsv2", "a1 00", "", ERR_PROTOCOL },
	{ "rsv3", "91 00", "", ERR_PROTOCOL },
	{ "rsv1 on a ping", "c9 00", "", ERR_PROTOCOL },
	{ "opcode 3", "83 00", "", ERR_PROTOCOL },
	{ "opcode 7", "87 00", "", ERR_PROTOCOL },
	{ "opcode b", "8b 00", "", ERR_PROTOCOL },
	{ "opcode f", "8f 00", "", ERR_PROTOCOL },

	/* Continuation rules */
	{ "continuation of nothing", "80 00", "", ERR_PROTOCOL },
	{ "continuation after the end", "81 01 41 80 00", "T<A>",
	    ERR_PROTOCOL },
	{ "text inside text", "01 01 41 81 01 42", "", ERR_PROTOCOL },
	{ "binary inside text", "01 01 41 82 01 42", "", ERR_PROTOCOL },
	{ "text inside binary", "02 01 41 81 01 42", "[A", ERR_PROTOCOL },
	{ "a ping ends no message", "02 01 41 89 00 82 00", "[AP<>",
	    ERR_PROTOCOL },

	/* Control frames */
	{ "fragmented ping", "09 00", "", ERR_PROTOCOL },
	{ "fragmented close", "08 00", "", ERR_PROTOCOL },
	{ "ping of 126", "89 7e 007e", "", ERR_PROTOCOL },
	{ "ping of a long length", "89 7f 0000000000000001", "",
	    ERR_PROTOCOL },

	/* Lengths */
	{ "16 bits for 125", "82 7e 007d", "", ERR_PROTOCOL },
	{ "16 bits for 0", "82 7e 0000", "", ERR_PROTOCOL },
	{ "64 bits for 65535", "82 7f 000000000000ffff", "", ERR_PROTOCOL },
	{ "64 bits for 1", "82 7f 0000000000000001", "", ERR_PROTOCOL },
	{ "top bit", "82 7f 8000000000000000", "", ERR_PROTOCOL },
	{ "all bits", "82 7f ffffffffffffffff", "", ERR_PROTOCOL },
	{ "largest length", "82 7f 7fffffffffffffff", "", ERR_TOO_LARGE },
	{ "64 bits for 65536", "82 7f 0000000000010000", "", ERR_TOO_LARGE },
	{ "over the frame cap", "82 7e 012d", "", ERR_TOO_LARGE },
	{ "at the frame cap", "82 7e 012c", "", ERR_AGAIN },
	{ "over the text cap", "81 7e 00c9", "", ERR_TOO_LARGE },
	{ "at the text cap", "81 7e 00c8", "", ERR_AGAIN },

	/* Masks */
	{ "masked by a server", "81 80 00000000", "", ERR_PROTOCOL },
	{ "masked ping", "89 80 00000000", "", ERR_PROTOCOL },

	/* Close */
	{ "close", "88 00", "C1005<>", ERR_CLOSED },
	{ "close 1000", "88 02 03e8", "C1000<>", ERR_CLOSED },
	{ "close with a reason", "88 05 03e9 627965", "C1001<bye>",
	    ERR_CLOSED },
	{ "close of one byte", "88 01 03", "", ERR_PROTOCOL },
	{ "close 0", "88 02 0000", "", ERR_PROTOCOL },
	{ "close 999", "88 02 03e7", "", ERR_PROTOCOL },
	{ "close 1003", "88 02 03eb", "C1003<>", ERR_CLOSED },
	{ "close 1004", "88 02 03ec", "", ERR_PROTOCOL },
	{ "close 1005", "88 02 03ed", "", ERR_PROTOCOL },
	{ "close 1006", "88 02 03ee", "", ERR_PROTOCOL },
	{ "close 1007", "88 02 03ef", "C1007<>", ERR_CLOSED },
	{ "close 1014", "88 02 03f6", "C1014<>", ERR_CLOSED },
	{ "close 1015", "88 02 03f7", "", ERR_PROTOCOL },
	{ "close 2999", "88 02 0bb7", "", ERR_PROTOCOL },
	{ "close 3000", "88 02 0bb8", "C3000<>", ERR_CLOSED },
	{ "close 4999", "88 02 1387", "C4999<>", ERR_CLOSED },
	{ "close 5000", "88 02 1388", "", ERR_PROTOCOL },
	{ "close 65535", "88 02 ffff", "", ERR_PROTOCOL },
	{ "close, reason not UTF-8", "88 03 03e8 ff", "", ERR_CHARACTER },
	{ "close, reason cut", "88 04 03e8 e282", "", ERR_CHARACTER },
	{ "data after close", "88 00 81 01 41", "C1005<>", ERR_CLOSED },
	{ "rubbish after close", "88 00 ff ff ff", "C1005<>", ERR_CLOSED },

	/* UTF-8, Unicode Standard table 3-7 */
	{ "all lengths", "81 0b 41 c3a9 e282ac f09f9880 5a",
	    "T<A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80Z>", ERR_AGAIN },
	{ "a character over two fragments", "01 01 c3 80 01 a9",
	    "T<\xc3\xa9>", ERR_AGAIN },
	{ "a character over four", "01 01 f0 00 01 9f 00 01 98 80 01 80",
	    "T<\xf0\x9f\x98\x80>", ERR_AGAIN },
	{ "cut at the end", "81 02 e282", "", ERR_CHARACTER },
	{ "cut at the end of fragments", "01 01 41 80 01 c3", "",
	    ERR_CHARACTER },
	{ "fails before the end", "01 01 ff", "", ERR_CHARACTER },
	{ "continuation first", "81 01 80", "", ERR_CHARACTER },
	{ "c0", "81 02 c080", "", ERR_CHARACTER },
	{ "c1", "81 02 c1bf", "", ERR_CHARACTER },
	{ "c2 80", "81 02 c280", "T<\xc2\x80>", ERR_AGAIN },
	{ "df bf", "81 02 dfbf", "T<\xdf\xbf>", ERR_AGAIN },
	{ "c2 7f", "81 02 c27f", "", ERR_CHARACTER },
	{ "c2 c0", "81 02 c2c0", "", ERR_CHARACTER },
	{ "overlong e0", "81 03 e09fbf", "", ERR_CHARACTER },
	{ "e0 a0 80", "81 03 e0a080", "T<\xe0\xa0\x80>", ERR_AGAIN },
	{ "surrogate", "81 03 eda080", "", ERR_CHARACTER },
	{ "below the surrogates", "81 03 ed9fbf", "T<\xed\x9f\xbf>",
	    ERR_AGAIN },
	{ "third byte of ed", "81 03 ed80c0", "", ERR_CHARACTER },
	{ "ef bf bf", "81 03 efbfbf", "T<\xef\xbf\xbf>", ERR_AGAIN },
	{ "overlong f0", "81 04 f08fbfbf", "", ERR_CHARACTER },
	{ "f0 90", "81 04 f0908080", "T<\xf0\x90\x80\x80>", ERR_AGAIN },
	{ "f4 8f", "81 04 f48fbfbf", "T<\xf4\x8f\xbf\xbf>", ERR_AGAIN },
	{ "above 10ffff", "81 04 f4908080", "", ERR_CHARACTER },
	{ "f5", "81 04 f5808080", "", ERR_CHARACTER },
	{ "ff", "81 01 ff", "", ERR_CHARACTER },
	{ "binary need not be UTF-8", "82 01 ff", "[\xff]", ERR_AGAIN },
};

TEST(client_table)
{
	struct buf in, log;
	struct ws w;
	size_t i, step;
	int err;

	for (i = 0; i < COUNT(rows); i++) {
		in = from_hex(rows[i].hex);
		for (step = 1; step <= in.n; step++) {
			buf_init(&log, 4096);
			ws_init(&w, WS_CLIENT, small);
			err = feed(&w, buf_bytes(&in), step, &log);
			CHECK_MSG(err == rows[i].err, "%s by %zu: %d",
			    rows[i].name, step, err);
			CHECK_MSG(bytes_is(buf_bytes(&log), rows[i].log),
			    "%s by %zu: %.*s", rows[i].name, step, (int)log.n,
			    (const char *)log.p);
			ws_fini(&w);
			ws_fini(&w);
			buf_free(&log);
		}
		buf_free(&in);
	}
}

/* The same frames with masks put in, to a server: the same comes out. */
static void
mask_frames(struct bytes in, struct buf *ret_b)
{
	struct reader r;
	struct bytes ext, data;
	uint8_t first, len;
	size_t i;

	reader_init(&r, in);
	while (r.rest.n >= 2) {
		first = reader_u8(&r);
		len = reader_u8(&r);
		ext = reader_take(&r, len == 126 ? 2 : len == 127 ? 8 : 0);
		buf_put_u8(ret_b, first);
		buf_put_u8(ret_b, len | 0x80);
		buf_put_bytes(ret_b, ext);
		buf_put(ret_b, key, sizeof(key));
		data = reader_take(&r, len < 126 && len <= r.rest.n ? len : 0);
		for (i = 0; i < data.n; i++)
			buf_put_u8(ret_b, data.p[i] ^ key[i % sizeof(key)]);
	}
}

TEST(server_table)
{
	struct buf in, masked, log;
	struct ws w;
	size_t i, step;
	int err;

	for (i = 0; i < COUNT(rows); i++) {
		/* These two are about masks, and one has no whole frame. */
		if (strstr(rows[i].name, "mask") != NULL ||
		    strstr(rows[i].name, "rubbish") != NULL)
			continue;
		in = from_hex(rows[i].hex);
		buf_init(&masked, 4096);
		mask_frames(buf_bytes(&in), &masked);
		for (step = 1; step <= masked.n; step++) {
			buf_init(&log, 4096);
			ws_init(&w, WS_SERVER, small);
			err = feed(&w, buf_bytes(&masked), step, &log);
			CHECK_MSG(err == rows[i].err, "%s by %zu: %d",
			    rows[i].name, step, err);
			CHECK_MSG(bytes_is(buf_bytes(&log), rows[i].log),
			    "%s by %zu: %.*s", rows[i].name, step, (int)log.n,
			    (const char *)log.p);
			ws_fini(&w);
			buf_free(&log);
		}
		buf_free(&masked);
		buf_free(&in);
	}
}

TEST(server_wants_masks)
{
	struct buf log;
	struct ws w;

	buf_init(&log, 64);
	ws_init(&w, WS_SERVER, small);
	CHECK_INT(feed(&w, bytes_of("\x81\x00", 2), 2, &log), ERR_PROTOCOL);
	ws_fini(&w);
	/* RFC 6455 5.7: a masked "Hello" */
	ws_init(&w, WS_SERVER, small);
	CHECK_INT(feed(&w, bytes_of("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51"
	    "\x58", 11), 11, &log), ERR_AGAIN);
	CHECK_MEM(log.p, log.n, "T<Hello>", 8);
	ws_fini(&w);
	buf_free(&log);
}

TEST(stays_failed)
{
	struct ws_event e;
	struct bytes in;
	struct ws w;

	ws_init(&w, WS_CLIENT, small);
	in = bytes_of("\x81\x01\xff", 3);
	CHECK_INT(ws_next(&w, &in, &e), ERR_CHARACTER);
	in = bytes_of("\x81\x01\x41", 3);
	CHECK_INT(ws_next(&w, &in, &e), ERR_CHARACTER);
	CHECK_INT(ws_code_for(ERR_CHARACTER), 1007);
	CHECK_INT(ws_code_for(ERR_PROTOCOL), 1002);
	CHECK_INT(ws_code_for(ERR_TOO_LARGE), 1009);
	CHECK_INT(ws_code_for(ERR_NOMEM), 1011);
	ws_fini(&w);
}

/* The cap on a text message counts all its frames. */
TEST(text_cap_over_fragments)
{
	struct ws_limits limits = { .frame = 100, .text = 150 };
	struct buf in, log;
	struct ws w;
	uint8_t a[100];

	memset(a, 'a', sizeof(a));
	buf_init(&in, 4096);
	buf_init(&log, 4096);
	buf_put(&in, "\x01\x64", 2);
	buf_put(&in, a, 100);
	buf_put(&in, "\x80\x32", 2);
	buf_put(&in, a, 50);
	ws_init(&w, WS_CLIENT, limits);
	CHECK_INT(feed(&w, buf_bytes(&in), 7, &log), ERR_AGAIN);
	CHECK_INT(log.n, 153);
	CHECK_INT(w.data.n, 0);
	in.p[103]++;
	CHECK_INT(feed(&w, buf_bytes(&in), 7, &log), ERR_TOO_LARGE);
	ws_fini(&w);
	buf_free(&in);
	buf_free(&log);
}

/* A binary message has no end; memory stays bounded, and none is held after. */
TEST(binary_streams)
{
	struct buf in, log;
	struct ws_event e;
	struct bytes part;
	struct ws client, server;
	uint8_t *big;
	size_t n = 40000, got, i, pieces = 0;
	int err;

	big = calloc(1, n);
	CHECK(big != NULL);
	ws_init(&client, WS_CLIENT, wide);
	ws_init(&server, WS_SERVER, wide);
	buf_init(&in, 100000);
	buf_init(&log, 100000);
	for (i = 0; i < 50; i++) {
		big[0] = (uint8_t)i;
		buf_clear(&in);
		CHECK_INT(ws_put_data(&client, WS_BINARY, i == 0, i == 49,
		    bytes_of(big, n), key, &in), 0);
		part = buf_bytes(&in);
		got = 0;
		while ((err = ws_next(&server, &part, &e)) == 0) {
			CHECK(e.kind == WS_BINARY && e.data.n > 0);
			CHECK(e.first == (i == 0 && got == 0));
			CHECK(got > 0 || e.data.p[0] == i);
			got += e.data.n;
			CHECK(e.final == (i == 49 && got == n));
			CHECK(server.data.size <= 16 * 1024);
			pieces++;
		}
		CHECK_INT(err, ERR_AGAIN);
		CHECK_INT(got, n);
		CHECK_INT(server.data.size, 0);
	}
	CHECK(pieces >= 50 * 3);
	free(big);
	buf_free(&in);
	buf_free(&log);
	ws_fini(&client);
	ws_fini(&server);
}

static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 200000 };

TEST(writes_what_it_reads)
{
	struct buf wire, log, want;
	struct ws client, server, *from, *to;
	uint8_t *p;
	size_t i, k, round;

	for (round = 0; round < 2 * COUNT(sizes); round++) {
		i = round / 2;
		CHECK((p = malloc(sizes[i] + 1)) != NULL);
		for (k = 0; k < sizes[i]; k++)
			p[k] = (uint8_t)('a' + k % 26);
		ws_init(&client, WS_CLIENT, wide);
		ws_init(&server, WS_SERVER, wide);
		from = round % 2 != 0 ? &client : &server;
		to = round % 2 != 0 ? &server : &client;
		buf_init(&wire, 1 << 20);
		buf_init(&log, 1 << 20);
		buf_init(&want, 1 << 20);
		CHECK_INT(ws_put_data(from, WS_TEXT, true, true,
		    bytes_of(p, sizes[i]), key, &wire), 0);
		CHECK_INT(ws_put_data(from, WS_BINARY, true, false,
		    bytes_of(p, sizes[i]), key, &wire), 0);
		CHECK_INT(ws_put_ping(from, bytes_str("x"), key, &wire), 0);
		CHECK_INT(ws_put_data(from, WS_BINARY, false, true,
		    bytes_of(p, sizes[i]), key, &wire), 0);
		CHECK_INT(ws_put_pong(from, bytes_str(""), key, &wire), 0);
		CHECK_INT(ws_put_close(from, WS_CODE_POLICY, bytes_str("why"),
		    key, &wire), 0);
		CHECK_INT(feed(to, buf_bytes(&wire), 4096, &log), ERR_CLOSED);
		buf_put_str(&want, "T<");
		buf_put(&want, p, sizes[i]);
		/* With nothing before it, the ping comes before the piece. */
		buf_put_str(&want, sizes[i] > 0 ? ">[" : ">");
		buf_put(&want, p, sizes[i]);
		buf_put_str(&want, sizes[i] > 0 ? "P<x>" : "P<x>[");
		buf_put(&want, p, sizes[i]);
		buf_put_str(&want, "]O<>C1008<why>");
		CHECK_MEM(log.p, log.n, want.p, want.n);
		CHECK(ws_is_closed_by_peer(to) && !ws_is_closed_by_peer(from));
		CHECK(ws_is_closed_by_us(from) && !ws_is_closed_by_us(to));
		ws_fini(&client);
		ws_fini(&server);
		buf_free(&wire);
		buf_free(&log);
		buf_free(&want);
		free(p);
	}
}

TEST(client_masks_with_the_key)
{
	struct ws w;
	struct buf b;

	buf_init(&b, 64);
	ws_init(&w, WS_CLIENT, small);
	CHECK_INT(ws_put_data(&w, WS_TEXT, true, true, bytes_str("Hello"),
	    key, &b), 0);
	CHECK_MEM(b.p, b.n, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
	    11);
	ws_fini(&w);
	buf_free(&b);
}

TEST(sending_rules)
{
	struct bytes none = { NULL, 0 };
	char long_text[200];
	struct ws w;
	struct buf b;
	size_t at;

	memset(long_text, 'x', sizeof(long_text));
	buf_init(&b, 1000);
	ws_init(&w, WS_SERVER, small);
	/* Message order */
	CHECK_INT(ws_put_data(&w, WS_TEXT, false, true, none, NULL, &b),
	    ERR_STATE);
	CHECK_INT(ws_put_data(&w, WS_TEXT, true, false, none, NULL, &b), 0);
	CHECK_INT(ws_put_data(&w, WS_TEXT, true, true, none, NULL, &b),
	    ERR_STATE);
	CHECK_INT(ws_put_data(&w, WS_BINARY, false, true, none, NULL, &b),
	    ERR_STATE);
	CHECK_INT(ws_put_data(&w, WS_TEXT, false, false, none, NULL, &b), 0);
	CHECK_INT(ws_put_data(&w, WS_TEXT, false, true, none, NULL, &b), 0);
	CHECK_MEM(b.p, b.n, "\x01\0\0\0\x80\0", 6);
	/* Control frames */
	at = b.n;
	CHECK_INT(ws_put_ping(&w, bytes_of(long_text, 126), NULL, &b),
	    ERR_TOO_LARGE);
	CHECK_INT(ws_put_pong(&w, bytes_of(long_text, 126), NULL, &b),
	    ERR_TOO_LARGE);
	CHECK_INT(ws_put_close(&w, 1000, bytes_of(long_text, 124), NULL, &b),
	    ERR_TOO_LARGE);
	CHECK_INT(ws_put_close(&w, 1006, none, NULL, &b), ERR_RANGE);
	CHECK_INT(ws_put_close(&w, WS_CODE_NONE, bytes_str("x"), NULL, &b),
	    ERR_RANGE);
	CHECK_INT(b.n, at);
	CHECK_INT(ws_put_pong(&w, bytes_of(long_text, 125), NULL, &b), 0);
	CHECK_INT(b.n, at + 127);
	CHECK_INT(ws_put_close(&w, 1000, bytes_of(long_text, 123), NULL, &b),
	    0);
	/* Nothing after a close */
	at = b.n;
	CHECK_INT(ws_put_close(&w, 1000, none, NULL, &b), ERR_STATE);
	CHECK_INT(ws_put_ping(&w, none, NULL, &b), ERR_STATE);
	CHECK_INT(ws_put_data(&w, WS_TEXT, true, true, none, NULL, &b),
	    ERR_STATE);
	CHECK_INT(b.n, at);
	ws_fini(&w);
	/* An empty close */
	buf_clear(&b);
	ws_init(&w, WS_SERVER, small);
	CHECK_INT(ws_put_close(&w, WS_CODE_NONE, none, NULL, &b), 0);
	CHECK_MEM(b.p, b.n, "\x88\0", 2);
	ws_fini(&w);
	buf_free(&b);
}

/* A frame that does not fit is not begun, and the message goes on later. */
TEST(full_buffer)
{
	struct ws w;
	struct buf b;

	buf_init(&b, 12);
	ws_init(&w, WS_CLIENT, small);
	CHECK_INT(ws_put_ping(&w, bytes_str(""), key, &b), 0);
	CHECK_INT(ws_put_data(&w, WS_TEXT, true, true, bytes_str("a"), key,
	    &b), ERR_TOO_LARGE);
	CHECK_INT(b.n, 6);
	CHECK_INT(ws_put_close(&w, 1000, bytes_str(""), key, &b),
	    ERR_TOO_LARGE);
	buf_clear(&b);
	CHECK_INT(ws_put_data(&w, WS_TEXT, true, true, bytes_str("a"), key,
	    &b), 0);
	ws_fini(&w);
	buf_free(&b);
}

/* Length claims cost no memory: only what arrives does. */
TEST(claims_allocate_nothing)
{
	struct ws_event e;
	struct bytes in;
	struct ws w;

	ws_init(&w, WS_CLIENT, wide);
	in = bytes_of("\x81\x7f\0\0\0\0\0\xff\xff\xff" "a", 11);
	CHECK_INT(ws_next(&w, &in, &e), ERR_AGAIN);
	CHECK(w.data.size <= 64);
	ws_fini(&w);
}

TEST(without_memory)
{
	struct bytes in;
	struct ws_event e;
	struct ws w;
	struct buf b;
	int err;

	OOM_LOOP {
		ws_init(&w, WS_SERVER, small);
		in = bytes_of("\x81\x81\0\0\0\0a\x82\x81\0\0\0\0b", 14);
		err = ws_next(&w, &in, &e);
		if (err == 0)
			err = ws_next(&w, &in, &e);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK_INT(ws_next(&w, &in, &e), err != 0 ? err : ERR_AGAIN);
		CHECK_INT(ws_code_for(ERR_NOMEM), 1011);
		buf_init(&b, 64);
		if (err == 0)
			err = ws_put_ping(&w, in, NULL, &b);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
		ws_fini(&w);
	}
}

TEST_MAIN()
