/*
 * ws.c - WebSocket framing (RFC 6455) for a client or a server, without I/O.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 */
#include "common/ws.h"

#include <string.h>

enum {
	OP_CONTINUATION = 0x0,
	OP_TEXT = 0x1,
	OP_BINARY = 0x2,
	OP_CLOSE = 0x8,
	OP_PING = 0x9,
	OP_PONG = 0xa,

	BIT_FIN = 0x80,
	BITS_RESERVED = 0x70,
	BITS_OPCODE = 0x0f,
	BIT_CONTROL = 0x08,
	BIT_MASK = 0x80,
	BITS_LENGTH = 0x7f
};

/* A masked binary piece is unmasked into a buffer of at most this size. */
#define PIECE_MAX ((size_t)16 * 1024)

void
ws_init(struct ws *w, enum ws_role role, struct ws_limits limits)
{
	*w = (struct ws){ .role = role, .limits = limits, .head_need = 2 };
	buf_init(&w->data, limits.text > PIECE_MAX ? limits.text : PIECE_MAX);
}

void
ws_fini(struct ws *w)
{
	buf_free(&w->data);
}

bool
ws_is_closed_by_peer(const struct ws *w)
{
	return w->close_got;
}

bool
ws_is_closed_by_us(const struct ws *w)
{
	return w->close_sent;
}

uint16_t
ws_code_for(int err)
{
	switch (err) {
	case ERR_PROTOCOL:
		return WS_CODE_PROTOCOL;
	case ERR_CHARACTER:
		return WS_CODE_NOT_UTF8;
	case ERR_TOO_LARGE:
		return WS_CODE_TOO_LARGE;
	default:
		return WS_CODE_INTERNAL;
	}
}

/* What may follow a first byte: the table 3-7 of the Unicode Standard. */
static bool
utf8_first(struct ws_utf8 *u, uint8_t c)
{
	u->low = 0x80;
	u->high = 0xbf;
	if (c < 0x80)
		u->left = 0;
	else if (c >= 0xc2 && c <= 0xdf)
		u->left = 1;
	else if (c >= 0xe0 && c <= 0xef)
		u->left = 2;
	else if (c >= 0xf0 && c <= 0xf4)
		u->left = 3;
	else
		return false;
	if (c == 0xe0)
		u->low = 0xa0;	/* shorter forms exist */
	else if (c == 0xed)
		u->high = 0x9f;	/* surrogates */
	else if (c == 0xf0)
		u->low = 0x90;
	else if (c == 0xf4)
		u->high = 0x8f;	/* above U+10FFFF */
	return true;
}

static int
utf8_take(struct ws_utf8 *u, struct bytes a)
{
	size_t i;

	for (i = 0; i < a.n; i++) {
		if (u->left == 0) {
			if (!utf8_first(u, a.p[i]))
				return ERR_CHARACTER;
			continue;
		}
		if (a.p[i] < u->low || a.p[i] > u->high)
			return ERR_CHARACTER;
		u->left--;
		u->low = 0x80;
		u->high = 0xbf;
	}
	return 0;
}

/* Codes that may stand in a close frame (7.4.2 and the IANA registry). */
static bool
code_is_valid(uint16_t code)
{
	if (code >= 3000)
		return code <= 4999;
	return code >= 1000 && code <= 1014 &&
	    code != 1004 && code != 1005 && code != 1006;
}

/* The first two bytes: bits, opcode and its place, mask by role (5.2-5.5). */
static int
read_start(struct ws *w)
{
	uint8_t op = w->head[0] & BITS_OPCODE;
	uint8_t len = w->head[1] & BITS_LENGTH;
	bool masked = (w->head[1] & BIT_MASK) != 0;

	w->fin = (w->head[0] & BIT_FIN) != 0;
	if ((w->head[0] & BITS_RESERVED) != 0)
		return ERR_PROTOCOL;
	if (masked != (w->role == WS_SERVER))
		return ERR_PROTOCOL;
	if ((op & BIT_CONTROL) != 0) {
		if (op > OP_PONG || !w->fin || len > WS_CONTROL_MAX)
			return ERR_PROTOCOL;
	} else {
		if (op > OP_BINARY)
			return ERR_PROTOCOL;
		/* A continuation needs an open message, the others none. */
		if ((op == OP_CONTINUATION) != (w->message != 0))
			return ERR_PROTOCOL;
	}
	w->opcode = op;
	if (len == 126)
		w->head_need += 2;
	else if (len == 127)
		w->head_need += 8;
	if (masked)
		w->head_need += WS_MASK_LEN;
	return 0;
}

/* The whole header is there: length in its shortest form, caps, mask. */
static int
read_rest(struct ws *w)
{
	struct reader r;
	uint64_t len, most = WS_CONTROL_MAX;
	struct bytes mask;

	reader_init(&r, bytes_of(w->head + 1, w->head_n - 1));
	len = reader_u8(&r) & BITS_LENGTH;
	if (len == 126) {
		len = reader_u16be(&r);
		if (len < 126)
			return ERR_PROTOCOL;
	} else if (len == 127) {
		len = reader_u64be(&r);
		if (len <= UINT16_MAX || len > INT64_MAX)
			return ERR_PROTOCOL;
	}
	if (w->role == WS_SERVER) {
		mask = reader_take(&r, WS_MASK_LEN);
		memcpy(w->mask, mask.p, mask.n);
	}
	if ((w->opcode & BIT_CONTROL) == 0) {
		most = w->limits.frame;
		if (w->opcode != OP_CONTINUATION) {
			w->message = w->opcode;
			w->announced = false;
		}
		/* w->data.n is 0 in a binary message. */
		if (w->message == OP_TEXT && most > w->limits.text - w->data.n)
			most = w->limits.text - w->data.n;
	} else
		w->control_n = 0;
	if (len > most)
		return ERR_TOO_LARGE;
	w->left = len;
	w->mask_at = 0;
	return reader_end(&r);
}

/* Takes header bytes. ERR_AGAIN while it is not complete. */
static int
take_head(struct ws *w, struct bytes *in)
{
	size_t n;
	int err;

	while (w->head_n < w->head_need) {
		if (in->n == 0)
			return ERR_AGAIN;
		n = w->head_need - w->head_n;
		if (n > in->n)
			n = in->n;
		memcpy(w->head + w->head_n, in->p, n);
		w->head_n += n;
		in->p += n;
		in->n -= n;
		if (w->head_n == 2 && (err = read_start(w)) != 0)
			return err;
	}
	return 0;
}

/* Cuts payload bytes of this frame off in, at most max of them. */
static struct bytes
take_payload(struct ws *w, struct bytes *in, size_t max)
{
	struct bytes a = *in;

	if (a.n > max)
		a.n = max;
	if (a.n > w->left)
		a.n = (size_t)w->left;
	if (a.n > 0) {
		in->p += a.n;
		in->n -= a.n;
		w->left -= a.n;
	}
	return a;
}

static void
unmask(struct ws *w, struct bytes a, uint8_t *to)
{
	uint8_t mask[2 * WS_MASK_LEN];
	uint64_t key, word;
	size_t i;

	if (w->role == WS_CLIENT) {
		memcpy(to, a.p, a.n);
		return;
	}
	for (i = 0; i < sizeof(mask); i++)
		mask[i] = w->mask[(w->mask_at + i) % WS_MASK_LEN];
	memcpy(&key, mask, sizeof(key));
	for (i = 0; a.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, a.p + i, sizeof(word));
		word ^= key;
		memcpy(to + i, &word, sizeof(word));
	}
	for (; i < a.n; i++)
		to[i] = a.p[i] ^ mask[i % sizeof(mask)];
	w->mask_at = (w->mask_at + a.n) % WS_MASK_LEN;
}

/* Appends payload bytes, in the clear, to w->data. */
static int
collect(struct ws *w, struct bytes a, struct bytes *ret_clear)
{
	uint8_t *to = buf_reserve(&w->data, a.n);

	if (to == NULL)
		return buf_error(&w->data);
	unmask(w, a, to);
	buf_commit(&w->data, a.n);
	*ret_clear = bytes_of(to, a.n);
	return 0;
}

static void
next_frame(struct ws *w)
{
	w->head_n = 0;
	w->head_need = 2;
	if ((w->opcode & BIT_CONTROL) == 0 && w->fin)
		w->message = 0;
}

static int
end_control(struct ws *w, struct ws_event *ret_event)
{
	struct ws_event ev = { .first = true, .final = true };
	struct ws_utf8 u = { 0, 0, 0 };

	ev.data = bytes_of(w->control, w->control_n);
	next_frame(w);
	if (w->opcode != OP_CLOSE) {
		ev.kind = w->opcode == OP_PING ? WS_PING : WS_PONG;
		*ret_event = ev;
		return 0;
	}
	ev.kind = WS_CLOSE;
	ev.code = WS_CODE_NONE;
	if (ev.data.n == 1)
		return ERR_PROTOCOL;
	if (ev.data.n > 1) {
		ev.code = (uint16_t)(ev.data.p[0] << 8 | ev.data.p[1]);
		ev.data = bytes_of(w->control + 2, ev.data.n - 2);
		if (!code_is_valid(ev.code))
			return ERR_PROTOCOL;
		if (utf8_take(&u, ev.data) != 0 || u.left != 0)
			return ERR_CHARACTER;
	}
	w->close_got = true;
	*ret_event = ev;
	return 0;
}

static int
take_control(struct ws *w, struct bytes *in, struct ws_event *ret_event)
{
	struct bytes a = take_payload(w, in, WS_CONTROL_MAX);

	if (a.n > 0)
		unmask(w, a, w->control + w->control_n);
	w->control_n += a.n;
	return w->left == 0 ? end_control(w, ret_event) : ERR_AGAIN;
}

static int
take_text(struct ws *w, struct bytes *in, struct ws_event *ret_event)
{
	struct bytes a = take_payload(w, in, SIZE_MAX), clear = a;
	bool fin = w->fin;
	int err;

	if (a.n > 0) {
		if ((err = collect(w, a, &clear)) != 0)
			return err;
		if ((err = utf8_take(&w->utf8, clear)) != 0)
			return err;
	}
	if (w->left > 0)
		return ERR_AGAIN;
	next_frame(w);
	if (!fin)
		return ERR_AGAIN;
	if (w->utf8.left != 0)
		return ERR_CHARACTER;
	w->data_done = true;
	*ret_event = (struct ws_event){ .kind = WS_TEXT, .first = true,
	    .final = true, .data = buf_bytes(&w->data) };
	return 0;
}

static int
take_binary(struct ws *w, struct bytes *in, struct ws_event *ret_event)
{
	struct ws_event ev = { .kind = WS_BINARY };
	size_t max = w->role == WS_SERVER ? PIECE_MAX : SIZE_MAX;
	int err;

	ev.data = take_payload(w, in, max);
	ev.first = !w->announced;
	ev.final = w->fin && w->left == 0;
	if (ev.data.n > 0 && w->role == WS_SERVER) {
		if ((err = collect(w, ev.data, &ev.data)) != 0)
			return err;
		w->data_done = true;
	}
	if (w->left == 0)
		next_frame(w);
	/* An empty frame says nothing unless it ends the message. */
	if (ev.data.n == 0 && !ev.final)
		return ERR_AGAIN;
	w->announced = true;
	*ret_event = ev;
	return 0;
}

/* ERR_AGAIN: no event, but in moved on unless it is empty. */
static int
step(struct ws *w, struct bytes *in, struct ws_event *ret_event)
{
	int err;

	if (w->head_n < w->head_need) {
		if ((err = take_head(w, in)) != 0)
			return err;
		if ((err = read_rest(w)) != 0)
			return err;
	}
	if (in->n == 0 && w->left > 0)
		return ERR_AGAIN;
	if ((w->opcode & BIT_CONTROL) != 0)
		return take_control(w, in, ret_event);
	if (w->message == OP_TEXT)
		return take_text(w, in, ret_event);
	return take_binary(w, in, ret_event);
}

int
ws_next(struct ws *w, struct bytes *in, struct ws_event *ret_event)
{
	int err;

	if (w->data_done) {
		buf_free(&w->data);
		w->data_done = false;
	}
	if (w->err != 0)
		return w->err;
	if (w->close_got) {
		in->n = 0;
		return ERR_CLOSED;
	}
	do
		err = step(w, in, ret_event);
	while (err == ERR_AGAIN && in->n > 0);
	if (err != 0 && err != ERR_AGAIN) {
		w->err = err;
		buf_free(&w->data);
	}
	return err;
}

/* Appends a frame or nothing. */
static int
put_frame(struct ws *w, uint8_t first, struct bytes a, const uint8_t *mask,
    struct buf *b)
{
	uint8_t bit = w->role == WS_CLIENT ? BIT_MASK : 0;
	size_t at = b->n, i;

	buf_put_u8(b, first);
	if (a.n < 126)
		buf_put_u8(b, (uint8_t)(bit | a.n));
	else if (a.n <= UINT16_MAX) {
		buf_put_u8(b, bit | 126);
		buf_put_u16be(b, (uint16_t)a.n);
	} else {
		buf_put_u8(b, bit | 127);
		buf_put_u64be(b, a.n);
	}
	if (w->role == WS_CLIENT)
		buf_put(b, mask, WS_MASK_LEN);
	buf_put_bytes(b, a);
	if (buf_error(b) != 0) {
		b->n = at;
		return buf_error(b);
	}
	if (w->role == WS_CLIENT)
		for (i = 0; i < a.n; i++)
			b->p[b->n - a.n + i] ^= mask[i % WS_MASK_LEN];
	return 0;
}

int
ws_put_data(struct ws *w, enum ws_kind kind, bool first, bool final,
    struct bytes part, const uint8_t *mask, struct buf *ret_b)
{
	uint8_t message = kind == WS_TEXT ? OP_TEXT : OP_BINARY;
	uint8_t byte = first ? message : OP_CONTINUATION;
	int err;

	if (w->close_sent || w->sending != (first ? 0 : message))
		return ERR_STATE;
	if (final)
		byte |= BIT_FIN;
	if ((err = put_frame(w, byte, part, mask, ret_b)) != 0)
		return err;
	w->sending = final ? 0 : message;
	return 0;
}

static int
put_control(struct ws *w, uint8_t opcode, struct bytes data,
    const uint8_t *mask, struct buf *ret_b)
{
	if (w->close_sent)
		return ERR_STATE;
	if (data.n > WS_CONTROL_MAX)
		return ERR_TOO_LARGE;
	return put_frame(w, BIT_FIN | opcode, data, mask, ret_b);
}

int
ws_put_ping(struct ws *w, struct bytes data, const uint8_t *mask,
    struct buf *ret_b)
{
	return put_control(w, OP_PING, data, mask, ret_b);
}

int
ws_put_pong(struct ws *w, struct bytes data, const uint8_t *mask,
    struct buf *ret_b)
{
	return put_control(w, OP_PONG, data, mask, ret_b);
}

int
ws_put_close(struct ws *w, uint16_t code, struct bytes reason,
    const uint8_t *mask, struct buf *ret_b)
{
	uint8_t payload[WS_CONTROL_MAX];
	size_t n = 0;
	int err;

	if (reason.n > sizeof(payload) - 2)
		return ERR_TOO_LARGE;
	if (code != WS_CODE_NONE) {
		if (!code_is_valid(code))
			return ERR_RANGE;
		payload[n++] = (uint8_t)(code >> 8);
		payload[n++] = (uint8_t)code;
	} else if (reason.n > 0)
		return ERR_RANGE;
	if (reason.n > 0) {
		memcpy(payload + n, reason.p, reason.n);
		n += reason.n;
	}
	err = put_control(w, OP_CLOSE, bytes_of(payload, n), mask, ret_b);
	if (err == 0)
		w->close_sent = true;
	return err;
}
