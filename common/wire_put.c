/*
 * wire_put.c - writes the messages of wire.h.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner (and the tests' fake ends).
 */
#include "common/wire.h"

static void
put_end(struct buf *b, size_t mark, enum wire_type type)
{
	uint32_t min, max;

	wire_bounds(type, &min, &max);
	frame_end(b, mark, max);
	if (b->err == 0 && b->n - mark - FRAME_HEADER < min)
		b->err = ERR_RANGE;
}

static size_t
put_begin(struct buf *b, enum wire_type type)
{
	return frame_begin(b, (uint16_t)type);
}

/* A message whose body is these bytes. */
static void
put_plain(struct buf *b, enum wire_type type, struct bytes body)
{
	size_t mark = put_begin(b, type);

	buf_put_bytes(b, body);
	put_end(b, mark, type);
}

void
wire_put_config(struct buf *b, const struct wire_config *m)
{
	size_t mark = put_begin(b, WIRE_CONFIG);

	frame_put_field(b, m->host, WIRE_HOST_CAP);
	buf_put_u16le(b, m->port);
	frame_put_field(b, m->path, WIRE_PATH_CAP);
	frame_put_field(b, m->ca_pem, WIRE_CA_CAP);
	frame_put_field(b, m->proxy, WIRE_PROXY_CAP);
	frame_put_field(b, m->proxy_auth, WIRE_PROXY_AUTH_CAP);
	buf_put_u16le(b, m->first_delay_ms);
	put_end(b, mark, WIRE_CONFIG);
}

void
wire_put_hello(struct buf *b, const struct wire_hello *m)
{
	size_t mark = put_begin(b, WIRE_HELLO);

	frame_put_field(b, m->payload, WIRE_HELLO_CAP);
	buf_put(b, m->sig, WIRE_SIG);
	put_end(b, mark, WIRE_HELLO);
}

size_t
wire_records_begin(struct buf *b)
{
	return put_begin(b, WIRE_RECORDS);
}

bool
wire_records_fit(const struct buf *b, size_t mark, size_t n)
{
	size_t used;

	if (b->err != 0 || n > WIRE_RECORD_CAP)
		return false;
	used = b->n - mark - FRAME_HEADER;
	return used + 8 + 4 + n <= WIRE_BATCH_CAP;
}

void
wire_records_add(struct buf *b, const struct wire_record *r)
{
	buf_put_u64le(b, r->index);
	frame_put_field(b, r->payload, WIRE_RECORD_CAP);
}

void
wire_records_end(struct buf *b, size_t mark)
{
	put_end(b, mark, WIRE_RECORDS);
}

void
wire_put_blob(struct buf *b, const struct wire_blob *m)
{
	size_t mark = put_begin(b, WIRE_BLOB);

	buf_put(b, m->hash, WIRE_HASH);
	buf_put_u32le(b, m->total);
	buf_put_u32le(b, m->offset);
	buf_put_bytes(b, m->data);
	put_end(b, mark, WIRE_BLOB);
}

void
wire_put_output(struct buf *b, const struct wire_output *m)
{
	size_t mark = put_begin(b, WIRE_OUTPUT);

	buf_put(b, m->card, WIRE_HASH);
	buf_put_u64le(b, m->offset);
	buf_put_bytes(b, m->data);
	put_end(b, mark, WIRE_OUTPUT);
}

void
wire_put_leaves(struct buf *b, const struct wire_leaves *m)
{
	size_t mark = put_begin(b, WIRE_LEAVES);

	buf_put_u64le(b, m->first);
	buf_put_u64le(b, m->until);
	buf_put_bytes(b, m->hashes);
	put_end(b, mark, WIRE_LEAVES);
}

void
wire_put_checkpoint(struct buf *b, struct bytes request)
{
	put_plain(b, WIRE_CHECKPOINT, request);
}

void
wire_put_enrol(struct buf *b, const struct wire_enrol *m)
{
	size_t mark = put_begin(b, WIRE_ENROL);

	frame_put_field(b, m->secret, WIRE_SECRET_CAP);
	buf_put(b, m->key, WIRE_KEY);
	frame_put_field(b, m->device, WIRE_DEVICE_CAP);
	put_end(b, mark, WIRE_ENROL);
}

void
wire_put_close(struct buf *b, struct bytes reason)
{
	size_t mark = put_begin(b, WIRE_CLOSE);

	frame_put_field(b, reason, WIRE_REASON_CAP);
	put_end(b, mark, WIRE_CLOSE);
}

void
wire_put_ready(struct buf *b)
{
	put_plain(b, WIRE_READY, bytes_of(NULL, 0));
}

void
wire_put_link(struct buf *b, const struct wire_link_status *m)
{
	size_t mark = put_begin(b, WIRE_LINK);

	buf_put_u8(b, (uint8_t)m->state);
	frame_put_field(b, m->detail, WIRE_REASON_CAP);
	put_end(b, mark, WIRE_LINK);
}

void
wire_put_challenge(struct buf *b, const struct wire_challenge *m)
{
	size_t mark = put_begin(b, WIRE_CHALLENGE);

	buf_put(b, m->nonce, WIRE_NONCE);
	buf_put(b, m->exporter, WIRE_HASH);
	put_end(b, mark, WIRE_CHALLENGE);
}

void
wire_put_welcome(struct buf *b, const struct wire_welcome *m)
{
	size_t mark = put_begin(b, WIRE_WELCOME);

	buf_put_u8(b, m->has);
	if (m->has)
		buf_put_bytes(b, m->note);
	put_end(b, mark, WIRE_WELCOME);
}

void
wire_put_envelope_body(struct buf *b, enum wire_type type,
    const struct wire_envelope *m)
{
	unsigned i;

	if (!wire_count_is_good(type, m->n)) {
		if (b->err == 0)
			b->err = ERR_RANGE;
		return;
	}
	frame_put_field(b, m->type, WIRE_TYPE_CAP);
	frame_put_field(b, m->payload, wire_payload_cap(type));
	buf_put_u8(b, m->n);
	for (i = 0; i < m->n; i++) {
		frame_put_field(b, m->sigs[i].keyid, WIRE_KEYID_CAP);
		frame_put_field(b, m->sigs[i].sig, wire_sig_cap(type));
	}
}

void
wire_put_envelope(struct buf *b, enum wire_type type,
    const struct wire_envelope *m)
{
	size_t mark = put_begin(b, type);

	wire_put_envelope_body(b, type, m);
	put_end(b, mark, type);
}

void
wire_put_withdraw(struct buf *b, const struct wire_withdraw *m)
{
	size_t mark = put_begin(b, WIRE_WITHDRAW);

	buf_put(b, m->card, WIRE_HASH);
	frame_put_field(b, m->reason, WIRE_REASON_CAP);
	put_end(b, mark, WIRE_WITHDRAW);
}

void
wire_put_have(struct buf *b, uint64_t n)
{
	size_t mark = put_begin(b, WIRE_HAVE);

	buf_put_u64le(b, n);
	put_end(b, mark, WIRE_HAVE);
}

void
wire_put_credit(struct buf *b, const struct wire_credit *m)
{
	size_t mark = put_begin(b, WIRE_CREDIT);

	buf_put(b, m->card, WIRE_HASH);
	buf_put_u64le(b, m->from);
	buf_put_u64le(b, m->until);
	put_end(b, mark, WIRE_CREDIT);
}

void
wire_put_cosignature(struct buf *b, const struct wire_cosignature *m)
{
	size_t mark = put_begin(b, WIRE_COSIGNATURE);

	buf_put_u16le(b, m->status);
	buf_put_bytes(b, m->body);
	put_end(b, mark, WIRE_COSIGNATURE);
}

void
wire_put_unreadable(struct buf *b, const struct wire_unreadable *m)
{
	size_t mark = put_begin(b, WIRE_UNREADABLE);

	frame_put_field(b, m->reason, WIRE_REASON_CAP);
	buf_put_u32le(b, m->length);
	buf_put(b, m->hash, WIRE_HASH);
	put_end(b, mark, WIRE_UNREADABLE);
}

void
wire_put_enrolled(struct buf *b, const struct wire_enrolled *m)
{
	size_t mark = put_begin(b, WIRE_ENROLLED);

	buf_put_u8(b, m->ok);
	frame_put_field(b, m->reason, WIRE_REASON_CAP);
	put_end(b, mark, WIRE_ENROLLED);
}

void
wire_put_started(struct buf *b, const struct wire_started *m)
{
	size_t mark = put_begin(b, WIRE_STARTED);

	buf_put_u32le(b, m->pid);
	frame_put_field(b, m->enforced, WIRE_ENFORCED_CAP);
	put_end(b, mark, WIRE_STARTED);
}

void
wire_put_failed(struct buf *b, const struct wire_failed *m)
{
	size_t mark = put_begin(b, WIRE_FAILED);

	buf_put_u32le(b, m->step);
	buf_put_u32le(b, m->sys_errno);
	put_end(b, mark, WIRE_FAILED);
}

void
wire_put_ended(struct buf *b, const struct wire_ended *m)
{
	size_t mark = put_begin(b, WIRE_ENDED);

	buf_put_u8(b, (uint8_t)m->how);
	buf_put_u32le(b, m->code);
	buf_put_u8(b, (uint8_t)m->why);
	buf_put_u64le(b, m->wall_us);
	buf_put_u64le(b, m->cpu_us);
	buf_put_u64le(b, m->max_rss_kb);
	buf_put_u32le(b, m->survivors);
	buf_put_u32le(b, m->services_done);
	buf_put_u32le(b, m->services_refused);
	buf_put_u32le(b, m->services_left);
	put_end(b, mark, WIRE_ENDED);
}
