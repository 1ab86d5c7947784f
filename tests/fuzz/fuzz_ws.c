/*
 * fuzz_ws.c - WebSocket frames: how the input is cut changes nothing, and what
 * was read, written again, reads the same.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Input: a byte for the role, a byte for the size of the pieces, then frames.
 */
#include "common/ws.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define ROOM ((size_t)1 << 20)

static const struct ws_limits limits = { .frame = 2000, .text = 3000 };
static const uint8_t key[WS_MASK_LEN] = { 0x5a, 0x00, 0xff, 0x81 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
note(struct buf *log, const struct ws_event *e, bool *open)
{
	if (e->kind == WS_BINARY) {
		must(e->first == !*open);
		*open = !e->final;
		must(e->data.n > 0 || e->final);
		/* Where pieces begin is a matter of how the input was cut. */
		if (e->first)
			buf_put_u8(log, '[');
		buf_put_bytes(log, e->data);
		if (e->final)
			buf_put_u8(log, ']');
		return;
	}
	must(e->kind != WS_TEXT || e->data.n <= limits.text);
	must(e->kind == WS_TEXT || e->data.n <= WS_CONTROL_MAX);
	buf_put_u8(log, (uint8_t)(1 + e->kind));
	buf_put_u16be(log, e->code);
	buf_put_field(log, e->data);
}

static void
reflect(struct ws *w, const struct ws_event *e, struct buf *wire)
{
	int err = -1;

	switch (e->kind) {
	case WS_TEXT:
	case WS_BINARY:
		err = ws_put_data(w, e->kind, e->first, e->final, e->data, key,
		    wire);
		break;
	case WS_PING:
		err = ws_put_ping(w, e->data, key, wire);
		break;
	case WS_PONG:
		err = ws_put_pong(w, e->data, key, wire);
		break;
	case WS_CLOSE:
		err = ws_put_close(w, e->code, e->data, key, wire);
		break;
	}
	must(err == 0);
}

/* Reads in pieces of step bytes; writes it all again into wire, if given. */
static int
read_all(enum ws_role role, struct bytes in, size_t step, struct buf *log,
    struct buf *wire)
{
	struct ws w, back;
	struct ws_event e;
	struct bytes part;
	bool open = false;
	int err = ERR_AGAIN;

	ws_init(&w, role, limits);
	ws_init(&back, role == WS_CLIENT ? WS_SERVER : WS_CLIENT, limits);
	while (in.n > 0 && err == ERR_AGAIN) {
		part = bytes_of(in.p, in.n < step ? in.n : step);
		in = bytes_of(in.p + part.n, in.n - part.n);
		while ((err = ws_next(&w, &part, &e)) == 0) {
			note(log, &e, &open);
			if (wire != NULL)
				reflect(&back, &e, wire);
		}
		must(err != ERR_AGAIN || part.n == 0);
		must(err == ERR_AGAIN || err == ERR_CLOSED ||
		    err == ERR_PROTOCOL || err == ERR_CHARACTER ||
		    err == ERR_TOO_LARGE);
	}
	ws_fini(&w);
	ws_fini(&back);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf whole, cut, again, wire;
	enum ws_role role;
	struct bytes in;
	size_t step;
	int err;

	if (n < 3 || n > 65536)
		return 0;
	role = p[0] % 2 != 0 ? WS_SERVER : WS_CLIENT;
	step = 1 + (size_t)p[1];
	in = bytes_of(p + 2, n - 2);
	buf_init(&whole, ROOM);
	buf_init(&cut, ROOM);
	buf_init(&again, ROOM);
	buf_init(&wire, ROOM);
	err = read_all(role, in, SIZE_MAX, &whole, &wire);
	must(read_all(role, in, step, &cut, NULL) == err);
	must(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
	/* One way to write each thing: reading it again gives the same. */
	(void)read_all(role, buf_bytes(&wire), 4096, &again, NULL);
	must(bytes_equal(buf_bytes(&whole), buf_bytes(&again)));
	buf_free(&whole);
	buf_free(&cut);
	buf_free(&again);
	buf_free(&wire);
	return 0;
}
