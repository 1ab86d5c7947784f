/*
 * fuzz_wire.c - streams of wire messages: what is read writes the same bytes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Input: one byte picks receiver and state, one the size of the pieces that the
 * rest is fed in.
 */
#include "common/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Appends the message again if its body can be taken apart. */
static void
rewrite_records(struct bytes body, struct buf *b)
{
	struct bytes rest = body;
	struct wire_record r;
	size_t mark;
	int got;

	while ((got = wire_next_record(&rest, &r)) == 1)
		;
	if (got != 0)
		return;
	mark = wire_records_begin(b);
	while (wire_next_record(&body, &r) == 1)
		wire_records_add(b, &r);
	wire_records_end(b, mark);
}

/* get, then put, where the decoder takes it. */
#define AGAIN(name)							\
	do {								\
		if (wire_get_##name(m->body, &u.name) == 0)		\
			wire_put_##name(b, &u.name);			\
	} while (0)

static void
rewrite(const struct wire_msg *m, struct buf *b)
{
	union {
		struct wire_config config;
		struct wire_hello hello;
		struct wire_blob blob;
		struct wire_output output;
		struct wire_leaves leaves;
		struct wire_enrol enrol;
		struct wire_link_status link;
		struct wire_challenge challenge;
		struct wire_welcome welcome;
		struct wire_envelope envelope;
		struct wire_withdraw withdraw;
		struct wire_credit credit;
		struct wire_cosignature cosignature;
		struct wire_unreadable unreadable;
		struct wire_enrolled enrolled;
		struct wire_started started;
		struct wire_failed failed;
		struct wire_ended ended;
		struct bytes reason;
		uint64_t count;
	} u;

	switch (m->type) {
	case WIRE_CONFIG: AGAIN(config); break;
	case WIRE_HELLO: AGAIN(hello); break;
	case WIRE_RECORDS: rewrite_records(m->body, b); break;
	case WIRE_BLOB: AGAIN(blob); break;
	case WIRE_OUTPUT: AGAIN(output); break;
	case WIRE_LEAVES: AGAIN(leaves); break;
	case WIRE_CHECKPOINT: wire_put_checkpoint(b, m->body); break;
	case WIRE_ENROL: AGAIN(enrol); break;
	case WIRE_CLOSE:
		if (wire_get_close(m->body, &u.reason) == 0)
			wire_put_close(b, u.reason);
		break;
	case WIRE_READY: wire_put_ready(b); break;
	case WIRE_LINK: AGAIN(link); break;
	case WIRE_CHALLENGE: AGAIN(challenge); break;
	case WIRE_WELCOME: AGAIN(welcome); break;
	case WIRE_CARD:
	case WIRE_APPROVAL:
	case WIRE_CANCEL:
	case WIRE_TRUST:
		if (wire_get_envelope((enum wire_type)m->type, m->body,
		    &u.envelope) == 0)
			wire_put_envelope(b, (enum wire_type)m->type,
			    &u.envelope);
		break;
	case WIRE_WITHDRAW: AGAIN(withdraw); break;
	case WIRE_HAVE:
		if (wire_get_have(m->body, &u.count) == 0)
			wire_put_have(b, u.count);
		break;
	case WIRE_CREDIT: AGAIN(credit); break;
	case WIRE_COSIGNATURE: AGAIN(cosignature); break;
	case WIRE_UNREADABLE: AGAIN(unreadable); break;
	case WIRE_ENROLLED: AGAIN(enrolled); break;
	case WIRE_STARTED: AGAIN(started); break;
	case WIRE_FAILED: AGAIN(failed); break;
	case WIRE_ENDED: AGAIN(ended); break;
	default: abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes data, piece;
	struct wire_msg m;
	struct wire_in in;
	struct buf b;
	unsigned state;
	size_t step;
	int r = 0;

	if (n < 2)
		return 0;
	wire_in_init(&in, (enum wire_at)(p[0] % 3));
	state = p[0] / 3 % 8;
	step = p[1] == 0 ? n : p[1];
	data = bytes_of(p + 2, n - 2);
	buf_init(&b, WIRE_TRUST_CAP * 2);
	while (r >= 0 && data.n > 0) {
		piece = bytes_of(data.p, step < data.n ? step : data.n);
		data.p += piece.n;
		data.n -= piece.n;
		while ((r = wire_in_next(&in, &piece, state, &m)) == 1) {
			if (!wire_permitted(in.at, state, m.type,
			    (uint32_t)m.body.n))
				abort();
			buf_clear(&b);
			rewrite(&m, &b);
			if (buf_error(&b) != 0)
				abort();
			if (b.n > 0 && !bytes_equal(m.body,
			    bytes_of(b.p + FRAME_HEADER, b.n - FRAME_HEADER)))
				abort();
		}
		if (r == 0 && piece.n != 0)
			abort();
	}
	if (r < 0 && wire_in_next(&in, &data, state, &m) != r)
		abort();
	wire_in_fini(&in);
	buf_free(&b);
	return 0;
}
