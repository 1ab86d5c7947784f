/*
 * link.c - the messages between the device and its console.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console (and the tests' fake consoles).
 */
#include "common/link.h"
#include "common/doc.h"
#include "common/envelope.h"
#include "common/jsonw.h"

#include <stdlib.h>
#include <string.h>

/* Kind bytes of binary messages. */
#define KIND_RECORDS 1
#define KIND_BLOB 2
#define KIND_OUTPUT 3
#define KIND_LEAVES 4

#define S(state) (1u << (state))
#define AT_LINKED (S(WIRE_COURIER_UP) | S(WIRE_COURIER_ASKED) | \
    S(WIRE_COURIER_ENROLLING) | S(WIRE_COURIER_PROVING) | \
    S(WIRE_COURIER_SYNCED))
#define AT_SYNCED S(WIRE_COURIER_SYNCED)

/* Reads the members of one message into m; problems stay in o's document. */
typedef void read_fn(struct doc_obj *o, struct link_msg *m);

static read_fn read_nothing, read_challenge, read_reason, read_welcome,
    read_withdraw, read_have, read_credit, read_cosignature, read_seconds,
    read_enrol, read_request;

struct row {
	const char *name;
	enum link_side from;
	unsigned states;	/* bits S(state) of the other side */
	read_fn *read;		/* NULL: an envelope, or binary */
	enum wire_type wire;	/* of an envelope: whose caps hold */
};

/* In the order of enum link_type. */
/* clang-format off */
static const struct row rows[] = {
	[LINK_CHALLENGE] = { "challenge", LINK_CONSOLE, S(WIRE_COURIER_UP),
	    read_challenge, 0 },
	[LINK_ENROLLED] = { "enrolled", LINK_CONSOLE,
	    S(WIRE_COURIER_ENROLLING), read_nothing, 0 },
	[LINK_ENROL_REFUSED] = { "enrol_refused", LINK_CONSOLE,
	    S(WIRE_COURIER_ENROLLING), read_reason, 0 },
	[LINK_WELCOME] = { "welcome", LINK_CONSOLE, S(WIRE_COURIER_PROVING),
	    read_welcome, 0 },
	[LINK_CARD] = { "card", LINK_CONSOLE, AT_SYNCED, NULL, WIRE_CARD },
	[LINK_APPROVAL] = { "approval", LINK_CONSOLE, AT_SYNCED, NULL,
	    WIRE_APPROVAL },
	[LINK_CANCEL] = { "cancel", LINK_CONSOLE, AT_SYNCED, NULL,
	    WIRE_CANCEL },
	[LINK_TRUST] = { "trust", LINK_CONSOLE, AT_SYNCED, NULL, WIRE_TRUST },
	[LINK_WITHDRAW] = { "withdraw", LINK_CONSOLE, AT_SYNCED,
	    read_withdraw, 0 },
	[LINK_HAVE] = { "have", LINK_CONSOLE, AT_SYNCED, read_have, 0 },
	[LINK_CREDIT] = { "credit", LINK_CONSOLE, AT_SYNCED, read_credit, 0 },
	[LINK_COSIGNATURE] = { "cosignature", LINK_CONSOLE, AT_SYNCED,
	    read_cosignature, 0 },
	[LINK_RETRY_AFTER] = { "retry_after", LINK_CONSOLE, AT_LINKED,
	    read_seconds, 0 },
	[LINK_ENROL] = { "enrol", LINK_DEVICE, S(LINK_ASKED), read_enrol, 0 },
	[LINK_HELLO] = { "hello", LINK_DEVICE, S(LINK_ASKED), NULL,
	    WIRE_APPROVAL },
	[LINK_CHECKPOINT] = { "checkpoint", LINK_DEVICE, S(LINK_SYNCED),
	    read_request, 0 },
	[LINK_RECORDS] = { "records", LINK_DEVICE, S(LINK_SYNCED), NULL, 0 },
	[LINK_BLOB] = { "blob", LINK_DEVICE, S(LINK_SYNCED), NULL, 0 },
	[LINK_OUTPUT] = { "output", LINK_DEVICE, S(LINK_SYNCED), NULL, 0 },
	[LINK_LEAVES] = { "leaves", LINK_DEVICE, S(LINK_SYNCED), NULL, 0 },
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

bool
link_permitted(enum link_side at, unsigned state, enum link_type type)
{
	return (size_t)type < ROWS && rows[type].from != at && state < 32 &&
	    (rows[type].states & S(state)) != 0;
}

const char *
link_name(enum link_type type)
{
	return (size_t)type < ROWS ? rows[type].name : "unknown";
}

/* ---- reading ---- */

/* A string member of min to max bytes. */
static void
get_str(struct doc_obj *o, const char *name, size_t min, size_t max,
    struct bytes *ret_v)
{
	struct bytes v = { NULL, 0 };

	doc_str(o, name, &v);
	if (v.n < min || v.n > max)
		doc_fail(o, name, v.n > max ? ERR_TOO_LARGE : ERR_RANGE);
	*ret_v = v;
}

static void
get_count(struct doc_obj *o, const char *name, uint64_t *ret_v)
{
	int64_t v = 0;

	doc_int(o, name, 0, JSON_MAX_INTEGER, &v);
	*ret_v = (uint64_t)v;
}

static void
read_nothing(struct doc_obj *o, struct link_msg *m)
{
	(void)o;
	(void)m;
}

static void
read_challenge(struct doc_obj *o, struct link_msg *m)
{
	struct bytes v = { NULL, 0 };

	doc_b64url(o, "nonce", WIRE_NONCE, WIRE_NONCE, &v);
	if (v.n == WIRE_NONCE)
		memcpy(m->u.nonce, v.p, WIRE_NONCE);
}

static void
read_reason(struct doc_obj *o, struct link_msg *m)
{
	get_str(o, "reason", 1, WIRE_REASON_CAP, &m->u.reason);
}

static void
read_welcome(struct doc_obj *o, struct link_msg *m)
{
	m->u.welcome.has = !doc_is_null(o, "checkpoint");
	if (m->u.welcome.has)
		get_str(o, "checkpoint", 1, WIRE_NOTE_CAP, &m->u.welcome.note);
}

static void
read_withdraw(struct doc_obj *o, struct link_msg *m)
{
	doc_digest(o, "card", &m->card);
	m->u.withdraw.card = m->card.b;
	get_str(o, "reason", 1, WIRE_REASON_CAP, &m->u.withdraw.reason);
}

static void
read_have(struct doc_obj *o, struct link_msg *m)
{
	get_count(o, "n", &m->u.n);
}

static void
read_credit(struct doc_obj *o, struct link_msg *m)
{
	doc_digest(o, "card", &m->card);
	m->u.credit.card = m->card.b;
	get_count(o, "from", &m->u.credit.from);
	get_count(o, "until", &m->u.credit.until);
	if (m->u.credit.from > m->u.credit.until)
		doc_fail(o, "until", ERR_RANGE);
}

static void
read_cosignature(struct doc_obj *o, struct link_msg *m)
{
	int64_t v = 0;

	doc_int(o, "status", WIRE_STATUS_MIN, WIRE_STATUS_MAX, &v);
	m->u.cosignature.status = (uint16_t)v;
	get_str(o, "body", 0, WIRE_ANSWER_CAP, &m->u.cosignature.body);
}

static void
read_seconds(struct doc_obj *o, struct link_msg *m)
{
	int64_t v = 0;

	doc_int(o, "seconds", 0, LINK_RETRY_CAP, &v);
	m->u.seconds = (uint32_t)v;
}

static void
read_enrol(struct doc_obj *o, struct link_msg *m)
{
	struct bytes key = { NULL, 0 };

	get_str(o, "secret", 1, WIRE_SECRET_CAP, &m->u.enrol.secret);
	doc_b64(o, "key", WIRE_KEY, WIRE_KEY, &key);
	m->u.enrol.key = key.p;
	get_str(o, "device", 1, WIRE_DEVICE_CAP, &m->u.enrol.device);
}

static void
read_request(struct doc_obj *o, struct link_msg *m)
{
	get_str(o, "request", 1, WIRE_REQUEST_CAP, &m->u.request);
}

/* The parts within the caps of the wire message that they will go into. */
static int
envelope_fits(const struct envelope *e, enum wire_type wire)
{
	size_t i;

	if (!wire_count_is_good(wire, (uint8_t)e->n_sigs))
		return ERR_RANGE;
	if (e->payload.n > wire_payload_cap(wire))
		return ERR_TOO_LARGE;
	for (i = 0; i < e->n_sigs; i++)
		if (e->sigs[i].sig.n > wire_sig_cap(wire))
			return ERR_TOO_LARGE;
	return 0;
}

static void
read_envelope(struct doc_obj *o, size_t text_n, enum wire_type wire,
    struct link_msg *m)
{
	struct envelope_doc d = { .memory = NULL };
	struct doc_obj inside;
	size_t i;
	int err;

	doc_obj(o, "envelope", &inside);
	if ((err = envelope_read(&inside, text_n, &d)) == 0)
		err = envelope_fits(&d.e, wire);
	if (err != 0) {
		envelope_free(&d);
		doc_fail(o, "envelope", err);
		return;
	}
	m->memory = d.memory;
	m->u.envelope.type = d.e.type;
	m->u.envelope.payload = d.e.payload;
	m->u.envelope.n = (uint8_t)d.e.n_sigs;
	for (i = 0; i < d.e.n_sigs; i++) {
		m->u.envelope.sigs[i].keyid = d.e.sigs[i].keyid;
		m->u.envelope.sigs[i].sig = d.e.sigs[i].sig;
	}
}

/* The row of a text message that this side sends; ROWS if there is none. */
static size_t
row_by_name(enum link_side from, struct bytes name)
{
	size_t i;

	for (i = 0; i < LINK_RECORDS; i++)
		if (rows[i].from == from && bytes_is(name, rows[i].name))
			return i;
	return ROWS;
}

int
link_get_text(enum link_side from, struct bytes text, struct link_msg *ret_msg)
{
	struct bytes name = { NULL, 0 };
	struct link_msg *m = ret_msg;
	struct doc_obj o;
	size_t i;
	int err;

	memset(m, 0, sizeof(*m));
	if (text.n > (from == LINK_DEVICE ? LINK_DEVICE_TEXT_CAP :
	    LINK_TEXT_CAP))
		return ERR_TOO_LARGE;
	if ((err = doc_parse(text, 0, &m->doc)) != 0)
		return err;
	o = doc_root(m->doc);
	doc_str(&o, "type", &name);
	if ((err = doc_error(m->doc)) != 0)
		goto out;
	if ((i = row_by_name(from, name)) == ROWS) {
		err = ERR_VERSION;
		goto out;
	}
	m->type = (enum link_type)i;
	if (rows[i].read != NULL)
		rows[i].read(&o, m);
	else
		read_envelope(&o, text.n, rows[i].wire, m);
	doc_end(&o);
	err = doc_error(m->doc);
out:
	if (err != 0) {
		link_msg_free(m);
	} else if (m->memory != NULL) {
		/* An envelope has its own copy; a trust file is large. */
		doc_free(m->doc);
		m->doc = NULL;
	}
	return err;
}

/* Whether the batch is whole records, one at least. */
static int
records_check(struct bytes rest)
{
	struct wire_record record;
	int r;

	if (rest.n == 0)
		return ERR_TRUNCATED;
	if (rest.n > WIRE_BATCH_CAP)
		return ERR_TOO_LARGE;
	do {
		r = wire_next_record(&rest, &record);
	} while (r == 1);
	return r;
}

int
link_get_binary(struct bytes data, struct link_msg *ret_msg)
{
	struct link_msg *m = ret_msg;
	struct reader r;
	uint8_t kind;

	memset(m, 0, sizeof(*m));
	reader_init(&r, data);
	kind = reader_u8(&r);
	if (r.err != 0)
		return r.err;
	switch (kind) {
	case KIND_RECORDS:
		m->type = LINK_RECORDS;
		m->u.records = r.rest;
		return records_check(r.rest);
	case KIND_BLOB:
		m->type = LINK_BLOB;
		return wire_get_blob(r.rest, &m->u.blob);
	case KIND_OUTPUT:
		m->type = LINK_OUTPUT;
		return wire_get_output(r.rest, &m->u.output);
	case KIND_LEAVES:
		m->type = LINK_LEAVES;
		return wire_get_leaves(r.rest, &m->u.leaves);
	default:
		return ERR_VERSION;
	}
}

void
link_msg_free(struct link_msg *m)
{
	doc_free(m->doc);
	free(m->memory);
	memset(m, 0, sizeof(*m));
}

/* ---- writing text ---- */

static void
begin(struct jsonw *w, struct buf *b, enum link_type type)
{
	jsonw_init(w, b);
	jsonw_obj(w, NULL);
	jsonw_cstr(w, "type", rows[type].name);
}

static void
put_count(struct jsonw *w, const char *key, uint64_t v)
{
	/* Above what JSON may hold any value will do: the writer refuses it. */
	jsonw_int(w, key, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

static void
put_card(struct jsonw *w, const uint8_t *card)
{
	struct sha256 d;

	memcpy(d.b, card, sizeof(d.b));
	jsonw_digest(w, "card", &d);
}

/* A message with one string. */
static void
put_one(struct buf *b, enum link_type type, const char *key, struct bytes v)
{
	struct jsonw w;

	begin(&w, b, type);
	jsonw_str(&w, key, v);
	jsonw_obj_end(&w);
}

void
link_put_challenge(struct buf *b, const uint8_t nonce[WIRE_NONCE])
{
	struct jsonw w;

	begin(&w, b, LINK_CHALLENGE);
	jsonw_b64url(&w, "nonce", bytes_of(nonce, WIRE_NONCE));
	jsonw_obj_end(&w);
}

void
link_put_enrolled(struct buf *b)
{
	struct jsonw w;

	begin(&w, b, LINK_ENROLLED);
	jsonw_obj_end(&w);
}

void
link_put_enrol_refused(struct buf *b, struct bytes reason)
{
	put_one(b, LINK_ENROL_REFUSED, "reason", reason);
}

void
link_put_welcome(struct buf *b, const struct wire_welcome *m)
{
	struct jsonw w;

	begin(&w, b, LINK_WELCOME);
	if (m->has)
		jsonw_str(&w, "checkpoint", m->note);
	else
		jsonw_null(&w, "checkpoint");
	jsonw_obj_end(&w);
}

void
link_put_envelope(struct buf *b, enum link_type type,
    const struct wire_envelope *m)
{
	struct envelope e = { .type = m->type, .payload = m->payload };
	struct jsonw w;
	size_t i;

	for (i = 0; i < m->n && i < ENVELOPE_MAX_SIGS; i++) {
		e.sigs[i].keyid = m->sigs[i].keyid;
		e.sigs[i].sig = m->sigs[i].sig;
	}
	e.n_sigs = i;
	begin(&w, b, type);
	jsonw_key(&w, bytes_str("envelope"));
	envelope_write(b, &e);
	jsonw_obj_end(&w);
}

void
link_put_envelope_text(struct buf *b, enum link_type type, struct bytes json)
{
	struct jsonw w;

	begin(&w, b, type);
	jsonw_raw(&w, "envelope", json);
	jsonw_obj_end(&w);
}

void
link_put_withdraw(struct buf *b, const struct wire_withdraw *m)
{
	struct jsonw w;

	begin(&w, b, LINK_WITHDRAW);
	put_card(&w, m->card);
	jsonw_str(&w, "reason", m->reason);
	jsonw_obj_end(&w);
}

void
link_put_have(struct buf *b, uint64_t n)
{
	struct jsonw w;

	begin(&w, b, LINK_HAVE);
	put_count(&w, "n", n);
	jsonw_obj_end(&w);
}

void
link_put_credit(struct buf *b, const struct wire_credit *m)
{
	struct jsonw w;

	begin(&w, b, LINK_CREDIT);
	put_card(&w, m->card);
	put_count(&w, "from", m->from);
	put_count(&w, "until", m->until);
	jsonw_obj_end(&w);
}

void
link_put_cosignature(struct buf *b, const struct wire_cosignature *m)
{
	struct jsonw w;

	begin(&w, b, LINK_COSIGNATURE);
	jsonw_int(&w, "status", m->status);
	jsonw_str(&w, "body", m->body);
	jsonw_obj_end(&w);
}

void
link_put_retry_after(struct buf *b, uint32_t seconds)
{
	struct jsonw w;

	begin(&w, b, LINK_RETRY_AFTER);
	jsonw_int(&w, "seconds", seconds);
	jsonw_obj_end(&w);
}

void
link_put_enrol(struct buf *b, const struct wire_enrol *m)
{
	struct jsonw w;

	begin(&w, b, LINK_ENROL);
	jsonw_str(&w, "secret", m->secret);
	jsonw_b64(&w, "key", bytes_of(m->key, WIRE_KEY));
	jsonw_str(&w, "device", m->device);
	jsonw_obj_end(&w);
}

void
link_put_checkpoint(struct buf *b, struct bytes request)
{
	put_one(b, LINK_CHECKPOINT, "request", request);
}

/* ---- writing binary ---- */

void
link_put_records(struct buf *b, struct bytes records)
{
	buf_put_u8(b, KIND_RECORDS);
	buf_put_bytes(b, records);
}

void
link_put_blob(struct buf *b, const struct wire_blob *m)
{
	buf_put_u8(b, KIND_BLOB);
	buf_put(b, m->hash, WIRE_HASH);
	buf_put_u32le(b, m->total);
	buf_put_u32le(b, m->offset);
	buf_put_bytes(b, m->data);
}

void
link_put_output(struct buf *b, const struct wire_output *m)
{
	buf_put_u8(b, KIND_OUTPUT);
	buf_put(b, m->card, WIRE_HASH);
	buf_put_u64le(b, m->offset);
	buf_put_bytes(b, m->data);
}

void
link_put_leaves(struct buf *b, const struct wire_leaves *m)
{
	buf_put_u8(b, KIND_LEAVES);
	buf_put_u64le(b, m->first);
	buf_put_u64le(b, m->until);
	buf_put_bytes(b, m->hashes);
}
