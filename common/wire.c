/*
 * wire.c - which message may come when, and taking a stream apart.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner (and the tests' fake ends).
 */
#include "common/wire.h"

#include <string.h>

/* Lengths of a field with content of n bytes, and of an empty one. */
#define FIELD(n) (4 + (n))
#define EMPTY FIELD(0)

#define CONFIG_CAP (FIELD(WIRE_HOST_CAP) + 2 + FIELD(WIRE_PATH_CAP) + \
    FIELD(WIRE_CA_CAP) + FIELD(WIRE_PROXY_CAP) + FIELD(WIRE_PROXY_AUTH_CAP) + 2)
/* Round the payload of an envelope: its type, the count and signatures. */
#define SIGS_ROOM(n) (FIELD(WIRE_TYPE_CAP) + EMPTY + 1 + \
    (n) * (FIELD(WIRE_KEYID_CAP) + FIELD(WIRE_SIG_CAP)))
#define CARD_MSG_CAP (WIRE_CARD_CAP + SIGS_ROOM(WIRE_SIGS_CAP))
#define APPROVAL_MSG_CAP (WIRE_APPROVAL_CAP + SIGS_ROOM(1))
#define TRUST_MSG_CAP (WIRE_TRUST_CAP + SIGS_ROOM(WIRE_SIGS_CAP))
/* Type, payload, count, one signature: all empty. */
#define ENVELOPE_MIN (EMPTY + EMPTY + 1 + EMPTY + EMPTY)

#define S(state) (1u << (state))
#define COURIER_STALE (S(WIRE_COURIER_DOWN) | S(WIRE_COURIER_UP) | \
    S(WIRE_COURIER_ASKED))
#define COURIER_LINKED (COURIER_STALE | S(WIRE_COURIER_ENROLLING) | \
    S(WIRE_COURIER_PROVING) | S(WIRE_COURIER_SYNCED))
#define COURIER_SYNCED (COURIER_STALE | S(WIRE_COURIER_SYNCED))
#define GATE_LINKED (S(WIRE_GATE_DOWN) | S(WIRE_GATE_UP) | \
    S(WIRE_GATE_PROVING) | S(WIRE_GATE_SYNCED))

struct row {
	uint16_t type;
	uint8_t at;		/* enum wire_at: who receives it */
	uint8_t states;		/* bits S(state) of that receiver */
	uint32_t min, max;	/* of the body, in bytes */
	const char *name;
};

/* clang-format off */
static const struct row rows[] = {
	{ WIRE_CONFIG, WIRE_AT_COURIER, S(WIRE_COURIER_STARTING),
	    5 * EMPTY + 4, CONFIG_CAP, "config" },
	{ WIRE_HELLO, WIRE_AT_COURIER, COURIER_STALE,
	    EMPTY + WIRE_SIG, FIELD(WIRE_HELLO_CAP) + WIRE_SIG, "hello" },
	{ WIRE_RECORDS, WIRE_AT_COURIER, COURIER_SYNCED,
	    8 + EMPTY, WIRE_BATCH_CAP, "records" },
	{ WIRE_BLOB, WIRE_AT_COURIER, COURIER_SYNCED,
	    WIRE_HASH + 8, WIRE_HASH + 8 + WIRE_BATCH_CAP, "blob" },
	{ WIRE_OUTPUT, WIRE_AT_COURIER, COURIER_SYNCED,
	    WIRE_HASH + 8, WIRE_HASH + 8 + WIRE_BATCH_CAP, "output" },
	{ WIRE_LEAVES, WIRE_AT_COURIER, COURIER_SYNCED,
	    16, 16 + WIRE_BATCH_CAP, "leaves" },
	{ WIRE_CHECKPOINT, WIRE_AT_COURIER, COURIER_SYNCED,
	    1, WIRE_REQUEST_CAP, "checkpoint" },
	{ WIRE_ENROL, WIRE_AT_COURIER,
	    COURIER_STALE | S(WIRE_COURIER_ENROLLING),
	    2 * EMPTY + WIRE_KEY, FIELD(WIRE_SECRET_CAP) + WIRE_KEY +
	    FIELD(WIRE_DEVICE_CAP), "enrol" },
	{ WIRE_CLOSE, WIRE_AT_COURIER, COURIER_LINKED,
	    EMPTY, FIELD(WIRE_REASON_CAP), "close" },

	{ WIRE_READY, WIRE_AT_GATE, S(WIRE_GATE_STARTING), 0, 0, "ready" },
	{ WIRE_LINK, WIRE_AT_GATE, GATE_LINKED,
	    1 + EMPTY, 1 + FIELD(WIRE_REASON_CAP), "link" },
	{ WIRE_CHALLENGE, WIRE_AT_GATE, S(WIRE_GATE_UP),
	    WIRE_NONCE + WIRE_HASH, WIRE_NONCE + WIRE_HASH, "challenge" },
	{ WIRE_WELCOME, WIRE_AT_GATE, S(WIRE_GATE_PROVING),
	    1, 1 + WIRE_NOTE_CAP, "welcome" },
	{ WIRE_CARD, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    ENVELOPE_MIN, CARD_MSG_CAP, "card" },
	{ WIRE_APPROVAL, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    ENVELOPE_MIN, APPROVAL_MSG_CAP, "approval" },
	{ WIRE_CANCEL, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    ENVELOPE_MIN, APPROVAL_MSG_CAP, "cancel" },
	{ WIRE_TRUST, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    ENVELOPE_MIN, TRUST_MSG_CAP, "trust" },
	{ WIRE_WITHDRAW, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    WIRE_HASH + EMPTY, WIRE_HASH + FIELD(WIRE_REASON_CAP),
	    "withdraw" },
	{ WIRE_HAVE, WIRE_AT_GATE, S(WIRE_GATE_SYNCED), 8, 8, "have" },
	{ WIRE_CREDIT, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    WIRE_HASH + 16, WIRE_HASH + 16, "credit" },
	{ WIRE_COSIGNATURE, WIRE_AT_GATE, S(WIRE_GATE_SYNCED),
	    2, 2 + WIRE_ANSWER_CAP, "cosignature" },
	{ WIRE_UNREADABLE, WIRE_AT_GATE, GATE_LINKED,
	    EMPTY + 4 + WIRE_HASH, FIELD(WIRE_REASON_CAP) + 4 + WIRE_HASH,
	    "unreadable" },
	{ WIRE_ENROLLED, WIRE_AT_GATE, S(WIRE_GATE_PROVING),
	    1 + EMPTY, 1 + FIELD(WIRE_REASON_CAP), "enrolled" },

	{ WIRE_STARTED, WIRE_AT_EXEC, S(WIRE_EXEC_SETUP),
	    4 + EMPTY, 4 + FIELD(WIRE_ENFORCED_CAP), "started" },
	{ WIRE_FAILED, WIRE_AT_EXEC, S(WIRE_EXEC_SETUP), 8, 8, "failed" },
	{ WIRE_ENDED, WIRE_AT_EXEC, S(WIRE_EXEC_RUNNING), 46, 46, "ended" },
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
wire_name(uint16_t type)
{
	const struct row *row = row_find(type);

	return row != NULL ? row->name : "unknown";
}

/* 0, or what is wrong with this header at this receiver in this state. */
static int
header_check(enum wire_at at, unsigned state, uint16_t type, uint32_t length)
{
	const struct row *row = row_find(type);

	if (row == NULL || row->at != at)
		return ERR_PROTOCOL;
	if (state > 7 || (row->states & S(state)) == 0)
		return ERR_STATE;
	if (length < row->min || length > row->max)
		return ERR_TOO_LARGE;
	return 0;
}

bool
wire_permitted(enum wire_at at, unsigned state, uint16_t type, uint32_t length)
{
	return header_check(at, state, type, length) == 0;
}

/* ---- taking a stream apart ---- */

struct reading {
	enum wire_at at;
	unsigned state;
};

static int
reading_check(const void *ctx, uint16_t type, uint32_t length)
{
	const struct reading *r = ctx;

	return header_check(r->at, r->state, type, length);
}

void
wire_in_init(struct wire_in *in, enum wire_at at)
{
	in->at = at;
	frame_in_init(&in->frame);
}

void
wire_in_fini(struct wire_in *in)
{
	frame_in_fini(&in->frame);
}

int
wire_in_next(struct wire_in *in, struct bytes *data, unsigned state,
    struct wire_msg *ret_msg)
{
	struct reading reading = { in->at, state };
	struct frame f;
	int r;

	r = frame_in_next(&in->frame, data, reading_check, &reading, &f);
	if (r == 1) {
		ret_msg->type = f.type;
		ret_msg->body = f.body;
	}
	return r;
}

bool
wire_in_is_idle(const struct wire_in *in)
{
	return frame_in_is_idle(&in->frame);
}

void
wire_bounds(enum wire_type type, uint32_t *ret_min, uint32_t *ret_max)
{
	const struct row *row = row_find((uint16_t)type);

	*ret_min = row != NULL ? row->min : 0;
	*ret_max = row != NULL ? row->max : 0;
}

size_t
wire_payload_cap(enum wire_type type)
{
	if (type == WIRE_TRUST)
		return WIRE_TRUST_CAP;
	return type == WIRE_CARD ? WIRE_CARD_CAP : WIRE_APPROVAL_CAP;
}

size_t
wire_sig_cap(enum wire_type type)
{
	return type == WIRE_APPROVAL || type == WIRE_CANCEL ?
	    WIRE_APPROVAL_CAP : WIRE_SIG_CAP;
}

bool
wire_count_is_good(enum wire_type type, uint8_t n)
{
	if (type == WIRE_APPROVAL || type == WIRE_CANCEL)
		return n == 1;
	return n >= 1 && n <= WIRE_SIGS_CAP;
}
