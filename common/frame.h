/*
 * frame.h - the header of pipe messages, and taking a stream of them apart.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner, cli.
 *
 * `u32 length | u16 type | u16 zero`, little-endian, then length bytes: what
 * wire.h and control.h have in common.
 */
#ifndef COUNTERSIGN_COMMON_FRAME_H
#define COUNTERSIGN_COMMON_FRAME_H

#include "common/bytes.h"

#define FRAME_HEADER 8		/* bytes of the header */

/* A whole message. body points into the decoder or the fed bytes. */
struct frame {
	uint16_t type;
	struct bytes body;
};

struct frame_in {
	uint8_t header[FRAME_HEADER];
	size_t header_n;	/* bytes of the header that are there */
	uint8_t *body;		/* NULL while no body is being put together */
	size_t body_n;		/* bytes of the body that are there */
	bool given;		/* body was handed out: free it next time */
	int err;		/* stays once set */
};

/*
 * Says of a header whether its message may come now: 0, or the error that the
 * stream ends with.
 */
typedef int frame_check(const void *ctx, uint16_t type, uint32_t length);

void frame_in_init(struct frame_in *in);
/* Wipes and frees what is kept. Idempotent. */
void frame_in_fini(struct frame_in *in);
/*
 * Takes bytes from the front of *data (which moves on) until a message is
 * whole or the data is used up. check is asked when a header is complete,
 * before memory is taken, and again when the body is.
 * 1: *ret_frame is valid until the next call and as long as the fed bytes are.
 * 0: all used up. A body is kept only while it is incomplete or handed out, and
 * wiped before it is freed; one that lies whole in *data is not copied.
 * ERR_PROTOCOL for a nonzero last header word, ERR_NOMEM, or what check said;
 * every later call gives the same error.
 */
MUST_CHECK int frame_in_next(struct frame_in *in, struct bytes *data,
    frame_check *check, const void *ctx, struct frame *ret_frame);
/* Whether the stream stands between two messages (EOF is clean here). */
bool frame_in_is_idle(const struct frame_in *in);

/*
 * Writing: begin appends a header and gives its place; end fills in the length,
 * or makes b fail with ERR_TOO_LARGE if the body is over cap.
 */
size_t frame_begin(struct buf *b, uint16_t type);
void frame_end(struct buf *b, size_t mark, size_t cap);
/* A field of at most cap bytes; more makes b fail with ERR_TOO_LARGE. */
void frame_put_field(struct buf *b, struct bytes a, size_t cap);

#endif
