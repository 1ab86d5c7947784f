/*
 * fuzz_control.c - control socket streams, as the gate and as the client.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Input: one byte picks the side and the peer, one the size of the pieces that
 * the rest is fed in.
 */
#include "common/control.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
same(const struct wire_msg *m, const struct buf *b)
{
	if (buf_error(b) != 0 || !bytes_equal(m->body,
	    bytes_of(b->p + FRAME_HEADER, b->n - FRAME_HEADER)))
		abort();
}

/* A request that is read writes the same bytes. */
static void
request(const struct wire_msg *m, enum control_peer peer, struct buf *b)
{
	struct control_request r;

	if (control_get_request(m, &r) != 0)
		return;
	if (control_allowed(CONTROL_PEER_NONE, &r) ||
	    !control_allowed(CONTROL_PEER_OWNER, &r) ||
	    (control_allowed(CONTROL_PEER_GROUP, &r) &&
	    peer == CONTROL_PEER_NONE))
		abort();
	control_put_request(b, &r);
	same(m, b);
}

static void
reply(const struct wire_msg *m, struct buf *b)
{
	struct control_error e;
	struct wire_record r;

	if (m->type == CONTROL_ERROR && control_get_error(m->body, &e) == 0) {
		control_put_error(b, &e);
		same(m, b);
	} else if (m->type == CONTROL_DATA &&
	    control_get_record(m->body, &r) == 0) {
		control_put_record(b, &r);
		same(m, b);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum control_peer peer;
	struct control_in in;
	struct bytes data, piece;
	struct wire_msg m;
	struct buf b;
	size_t step;
	int r = 0;

	if (n < 2)
		return 0;
	control_in_init(&in, p[0] & 1);
	peer = (enum control_peer)((p[0] >> 1) % 3);
	step = p[1] == 0 ? n : p[1];
	data = bytes_of(p + 2, n - 2);
	buf_init(&b, (size_t)8 << 20);
	while (r >= 0 && data.n > 0) {
		piece = bytes_of(data.p, step < data.n ? step : data.n);
		data.p += piece.n;
		data.n -= piece.n;
		while ((r = control_in_next(&in, &piece, peer, &m)) == 1) {
			buf_clear(&b);
			if (in.replies)
				reply(&m, &b);
			else
				request(&m, peer, &b);
		}
	}
	control_in_fini(&in);
	buf_free(&b);
	return 0;
}
