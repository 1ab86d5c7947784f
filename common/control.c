/*
 * control.c - the requests and replies of the local control socket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "common/control.h"

#include <string.h>

#define FIELD(n) (4u + (n))
/* One kind byte before what the wire's message of that kind may hold. */
#define SUBMIT_CAP (1u + WIRE_TRUST_CAP + FIELD(WIRE_TYPE_CAP) + FIELD(0) + \
    1u + WIRE_SIGS_CAP * (FIELD(WIRE_KEYID_CAP) + FIELD(WIRE_SIG_CAP)))

/* What a request's body holds, in this order. */
enum part {
	PART_ALL = 1u << 0,
	PART_ON = 1u << 1,
	PART_REF = 1u << 2,
	PART_FROM = 1u << 3,
	PART_FOLLOW = 1u << 4,
	PART_REASON = 1u << 5,
	PART_ENVELOPE = 1u << 6
};

struct row {
	uint16_t type;
	bool reply;
	uint8_t peer;		/* the least enum control_peer that may ask */
	uint8_t parts;		/* of a request */
	uint32_t max;		/* of the body, in bytes */
	const char *name;
};

#define GROUP CONTROL_PEER_GROUP
#define OWNER CONTROL_PEER_OWNER
#define REF_CAP FIELD(CONTROL_REF_CAP)
#define REASON_CAP FIELD(CONTROL_REASON_CAP)

/* clang-format off */
static const struct row rows[] = {
	{ CONTROL_STATUS, false, GROUP, 0, 0, "status" },
	{ CONTROL_PENDING, false, GROUP, PART_ALL, 1, "pending" },
	{ CONTROL_SHOW, false, GROUP, PART_REF, REF_CAP, "show" },
	{ CONTROL_LOG, false, OWNER, PART_FROM | PART_FOLLOW, 9, "log" },
	{ CONTROL_TRANSCRIPT, false, OWNER, PART_REF | PART_FROM | PART_FOLLOW,
	    REF_CAP + 9, "transcript" },
	{ CONTROL_VETO, false, GROUP, PART_REF | PART_REASON,
	    REF_CAP + REASON_CAP, "veto" },
	{ CONTROL_LOCKDOWN, false, GROUP, PART_ON | PART_REASON,
	    1 + REASON_CAP, "lockdown" },
	{ CONTROL_SUBMIT, false, GROUP, PART_ENVELOPE, SUBMIT_CAP, "submit" },
	{ CONTROL_CLOCK_RESET, false, OWNER, PART_REASON, REASON_CAP,
	    "clock_reset" },
	{ CONTROL_PENDING_FILE, false, GROUP, PART_REF, REF_CAP,
	    "pending_file" },

	{ CONTROL_OK, true, OWNER, 0, CONTROL_JSON_CAP, "ok" },
	{ CONTROL_ERROR, true, OWNER, 0, 1 + FIELD(CONTROL_WORD_CAP) +
	    FIELD(CONTROL_TEXT_CAP), "error" },
	{ CONTROL_DATA, true, OWNER, 0, 8 + CONTROL_DATA_CAP, "data" },
	{ CONTROL_END, true, OWNER, 0, 0, "end" },
};
/* clang-format on */

static const struct row *
row_find(uint16_t type)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

const char *
control_name(uint16_t type)
{
	const struct row *row = row_find(type);

	return row != NULL ? row->name : "unknown";
}

bool
control_allowed(enum control_peer peer, const struct control_request *req)
{
	const struct row *row = row_find((uint16_t)req->type);

	if (row == NULL || row->reply || (unsigned)peer < row->peer)
		return false;
	/* Who may stop everything need not be who may start it again. */
	if (req->type == CONTROL_LOCKDOWN && !req->on)
		return peer == CONTROL_PEER_OWNER;
	return true;
}

/* ---- taking a stream apart ---- */

struct reading {
	bool replies;
	enum control_peer peer;
};

static int
reading_check(const void *ctx, uint16_t type, uint32_t length)
{
	const struct reading *r = ctx;
	const struct row *row = row_find(type);

	if (row == NULL || row->reply != r->replies)
		return ERR_PROTOCOL;
	if ((unsigned)r->peer < row->peer)
		return ERR_DENIED;
	return length <= row->max ? 0 : ERR_TOO_LARGE;
}

void
control_in_init(struct control_in *in, bool replies)
{
	in->replies = replies;
	frame_in_init(&in->frame);
}

void
control_in_fini(struct control_in *in)
{
	frame_in_fini(&in->frame);
}

int
control_in_next(struct control_in *in, struct bytes *data,
    enum control_peer peer, struct wire_msg *ret_msg)
{
	struct reading reading = { in->replies, peer };
	struct frame f;
	int r;

	r = frame_in_next(&in->frame, data, reading_check, &reading, &f);
	if (r == 1) {
		ret_msg->type = f.type;
		ret_msg->body = f.body;
	}
	return r;
}

/* ---- requests ---- */

/* The wire's type for a kind of envelope; 0 for an unknown kind. */
static unsigned
submit_type(unsigned kind)
{
	static const uint8_t types[] = {
		[CONTROL_SUBMIT_CARD] = WIRE_CARD,
		[CONTROL_SUBMIT_APPROVAL] = WIRE_APPROVAL,
		[CONTROL_SUBMIT_CANCEL] = WIRE_CANCEL,
		[CONTROL_SUBMIT_TRUST] = WIRE_TRUST,
	};

	return kind < sizeof(types) ? types[kind] : 0;
}

void
control_put_request(struct buf *b, const struct control_request *req)
{
	const struct row *row = row_find((uint16_t)req->type);
	size_t mark;

	if (row == NULL || row->reply || ((row->parts & PART_ENVELOPE) &&
	    submit_type((unsigned)req->kind) == 0)) {
		if (b->err == 0)
			b->err = ERR_RANGE;
		return;
	}
	mark = frame_begin(b, row->type);
	if (row->parts & PART_ALL)
		buf_put_u8(b, req->all);
	if (row->parts & PART_ON)
		buf_put_u8(b, req->on);
	if (row->parts & PART_REF)
		frame_put_field(b, req->ref, CONTROL_REF_CAP);
	if (row->parts & PART_FROM)
		buf_put_u64le(b, req->from);
	if (row->parts & PART_FOLLOW)
		buf_put_u8(b, req->follow);
	if (row->parts & PART_REASON)
		frame_put_field(b, req->reason, CONTROL_REASON_CAP);
	if (row->parts & PART_ENVELOPE) {
		buf_put_u8(b, (uint8_t)req->kind);
		wire_put_envelope_body(b,
		    (enum wire_type)submit_type(req->kind), &req->envelope);
	}
	frame_end(b, mark, row->max);
}

/* A byte that has to be 0 or 1. */
static bool
take_bool(struct reader *r)
{
	uint8_t v = reader_u8(r);

	if (v > 1 && r->err == 0)
		r->err = ERR_RANGE;
	return v == 1;
}

/* SUBMIT's body: the kind, then an envelope of that kind to the end. */
static int
get_submit(struct bytes body, struct control_request *req)
{
	struct reader r;
	unsigned kind, type;

	reader_init(&r, body);
	kind = reader_u8(&r);
	if (r.err != 0)
		return r.err;
	if ((type = submit_type(kind)) == 0)
		return ERR_RANGE;
	req->kind = (enum control_submit)kind;
	return wire_get_envelope((enum wire_type)type, r.rest, &req->envelope);
}

int
control_get_request(const struct wire_msg *msg, struct control_request *ret_req)
{
	const struct row *row = row_find(msg->type);
	struct control_request req;
	struct reader r;
	int err;

	if (row == NULL || row->reply)
		return ERR_RANGE;
	memset(&req, 0, sizeof(req));
	req.type = (enum control_type)msg->type;
	reader_init(&r, msg->body);
	if (row->parts & PART_ALL)
		req.all = take_bool(&r);
	if (row->parts & PART_ON)
		req.on = take_bool(&r);
	if (row->parts & PART_REF)
		req.ref = reader_field(&r, CONTROL_REF_CAP);
	if (row->parts & PART_FROM)
		req.from = reader_u64le(&r);
	if (row->parts & PART_FOLLOW)
		req.follow = take_bool(&r);
	if (row->parts & PART_REASON)
		req.reason = reader_field(&r, CONTROL_REASON_CAP);
	if (row->parts & PART_ENVELOPE)
		err = get_submit(msg->body, &req);
	else
		err = reader_end(&r);
	if (err != 0)
		return err;
	if ((row->parts & PART_REF) && req.ref.n == 0)
		return ERR_MISSING_FIELD;
	*ret_req = req;
	return 0;
}

/* ---- replies ---- */

void
control_put_ok(struct buf *b, struct bytes json)
{
	size_t mark = frame_begin(b, CONTROL_OK);

	buf_put_bytes(b, json);
	frame_end(b, mark, CONTROL_JSON_CAP);
}

void
control_put_error(struct buf *b, const struct control_error *e)
{
	size_t mark = frame_begin(b, CONTROL_ERROR);

	buf_put_u8(b, e->exit_code);
	frame_put_field(b, e->word, CONTROL_WORD_CAP);
	frame_put_field(b, e->text, CONTROL_TEXT_CAP);
	frame_end(b, mark, SIZE_MAX);
}

void
control_put_record(struct buf *b, const struct wire_record *r)
{
	size_t mark = frame_begin(b, CONTROL_DATA);

	buf_put_u64le(b, r->index);
	buf_put_bytes(b, r->payload);
	frame_end(b, mark, 8 + WIRE_RECORD_CAP);
}

void
control_put_data(struct buf *b, struct bytes data)
{
	size_t mark = frame_begin(b, CONTROL_DATA);

	buf_put_bytes(b, data);
	frame_end(b, mark, CONTROL_DATA_CAP);
}

void
control_put_end(struct buf *b)
{
	frame_end(b, frame_begin(b, CONTROL_END), 0);
}

int
control_get_error(struct bytes body, struct control_error *ret_error)
{
	struct control_error e;
	struct reader r;
	int err;

	reader_init(&r, body);
	e.exit_code = reader_u8(&r);
	e.word = reader_field(&r, CONTROL_WORD_CAP);
	e.text = reader_field(&r, CONTROL_TEXT_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret_error = e;
	return 0;
}

int
control_get_record(struct bytes body, struct wire_record *ret_record)
{
	struct wire_record m;
	struct reader r;

	reader_init(&r, body);
	m.index = reader_u64le(&r);
	if (r.err != 0)
		return r.err;
	m.payload = r.rest;
	if (m.payload.n > WIRE_RECORD_CAP)
		return ERR_TOO_LARGE;
	*ret_record = m;
	return 0;
}
