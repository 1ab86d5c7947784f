/*
 * ws.h - WebSocket framing (RFC 6455) for a client or a server, without I/O.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 *
 * Bytes from the peer go in with ws_next(), events come out; ws_put_*() write
 * frames into the caller's buffer. What the peer controls is bounded before
 * anything is allocated: a frame and a text message have caps, binary messages
 * are handed on piece by piece as they arrive and never collected. An idle
 * connection holds no heap memory.
 *
 * No extension is ever negotiated (wshake.h), so the reserved bits are zero.
 */
#ifndef COUNTERSIGN_COMMON_WS_H
#define COUNTERSIGN_COMMON_WS_H

#include "common/bytes.h"

enum ws_role { WS_CLIENT, WS_SERVER };

enum ws_kind {
	WS_TEXT,
	WS_BINARY,
	WS_PING,
	WS_PONG,
	WS_CLOSE
};

/* Close codes of RFC 6455 7.4.1 and the IANA registry that are used here. */
enum ws_code {
	WS_CODE_NORMAL = 1000,
	WS_CODE_GOING_AWAY = 1001,
	WS_CODE_PROTOCOL = 1002,
	WS_CODE_UNSUPPORTED = 1003,
	WS_CODE_NONE = 1005,	/* no code in the close frame; never sent */
	WS_CODE_NOT_UTF8 = 1007,
	WS_CODE_POLICY = 1008,
	WS_CODE_TOO_LARGE = 1009,
	WS_CODE_INTERNAL = 1011,
	WS_CODE_RESTART = 1012,
	WS_CODE_TRY_LATER = 1013
};

/*
 * One thing that arrived. data is valid until the next call on the same ws and
 * while the input given to ws_next() is.
 *
 * WS_TEXT: a whole message, valid UTF-8. WS_BINARY: one piece of a message;
 * first and final mark its ends, both on a message that came as one piece; a
 * piece has bytes unless it is final. WS_PING: answer it with a pong of the
 * same data. WS_CLOSE: code is WS_CODE_NONE if there was none, data the reason
 * (UTF-8); answer it with ws_put_close() if none was sent.
 */
struct ws_event {
	enum ws_kind kind;
	bool first, final;
	uint16_t code;
	struct bytes data;
};

struct ws_limits {
	size_t frame;	/* payload of one text or binary frame */
	size_t text;	/* one text message, all its frames */
};

/* A random masking key: fresh and unpredictable for each frame (5.3). */
#define WS_MASK_LEN 4

/* The largest payload of a ping, pong or close frame (5.5). */
#define WS_CONTROL_MAX 125

/* UTF-8 as it arrives: what the next byte may be. All zero at the start. */
struct ws_utf8 {
	uint8_t left;		/* continuation bytes still to come */
	uint8_t low, high;	/* range of the next one */
};

/* One connection. The fields are the module's own. */
struct ws {
	enum ws_role role;
	struct ws_limits limits;
	int err;		/* once failed, it stays failed */

	uint8_t head[14];	/* the frame header as far as it came */
	size_t head_n, head_need;
	uint8_t opcode;		/* of the frame */
	bool fin;
	uint64_t left;		/* payload bytes of the frame still to come */
	uint8_t mask[WS_MASK_LEN];
	size_t mask_at;

	uint8_t message;	/* opcode of the open message, or 0 */
	bool announced;		/* a piece of it was handed on */
	struct ws_utf8 utf8;
	struct buf data;	/* text collected, or a binary piece unmasked */
	bool data_done;		/* it was handed on: free it */
	uint8_t control[WS_CONTROL_MAX];
	size_t control_n;

	bool close_got, close_sent;
	uint8_t sending;	/* opcode of the message being sent, 0: none */
};

/* A connection whose handshake is done. Allocates nothing. */
void ws_init(struct ws *w, enum ws_role role, struct ws_limits limits);

/* Frees what is held. Idempotent. */
void ws_fini(struct ws *w);

/*
 * Takes bytes from the front of *in until there is an event. in may be cut
 * anywhere; what was taken is gone from it.
 *
 * ERR_AGAIN: all of in was taken and no event is ready. ERR_CLOSED: the peer's
 * close frame came before this; in is dropped. ERR_PROTOCOL: framing of
 * RFC 6455 broken; ERR_CHARACTER: text or close reason not UTF-8;
 * ERR_TOO_LARGE: over a limit; ERR_NOMEM. After these four every call returns
 * the same again, and ws_code_for() gives the code to close with.
 */
MUST_CHECK int ws_next(struct ws *w, struct bytes *in,
    struct ws_event *ret_event);

/* The close code that tells the peer about an error of ws_next(). */
uint16_t ws_code_for(int err);

/* Whether the peer's close frame came, and whether ours was written. */
bool ws_is_closed_by_peer(const struct ws *w);
bool ws_is_closed_by_us(const struct ws *w);

/*
 * Each of these appends one frame to ret_b; a failed append leaves ret_b's
 * content as it was. mask is WS_MASK_LEN bytes for a client and ignored for a
 * server (NULL will do).
 * ERR_STATE: after ws_put_close(), or as below; the buffer's error.
 *
 * ws_put_data() sends one frame of a WS_TEXT or WS_BINARY message; first and
 * final mark its ends, and every message has one of each. Control frames may
 * go in between, frames of another message not (5.4): ERR_STATE. Whether text
 * is UTF-8 is the caller's to know, and may be split anywhere.
 */
MUST_CHECK int ws_put_data(struct ws *w, enum ws_kind kind, bool first,
    bool final, struct bytes part, const uint8_t *mask, struct buf *ret_b);

/* At most WS_CONTROL_MAX bytes, else ERR_TOO_LARGE. */
MUST_CHECK int ws_put_ping(struct ws *w, struct bytes data,
    const uint8_t *mask, struct buf *ret_b);
MUST_CHECK int ws_put_pong(struct ws *w, struct bytes data,
    const uint8_t *mask, struct buf *ret_b);

/*
 * The last frame of this side. With WS_CODE_NONE it has no payload, and reason
 * must be empty. ERR_RANGE: a code that may not be sent; ERR_TOO_LARGE: reason
 * over 123 bytes.
 */
MUST_CHECK int ws_put_close(struct ws *w, uint16_t code, struct bytes reason,
    const uint8_t *mask, struct buf *ret_b);

#endif
