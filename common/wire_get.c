/*
 * wire_get.c - takes the bodies of the messages of wire.h apart.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, runner (and the tests' fake ends).
 */
#include "common/wire.h"

/* A byte that has to be 0 or 1; other values are an error of their own. */
static bool
take_bool(struct reader *r)
{
	uint8_t v = reader_u8(r);

	if (v > 1 && r->err == 0)
		r->err = ERR_RANGE;
	return v == 1;
}

static unsigned
take_enum(struct reader *r, unsigned last)
{
	uint8_t v = reader_u8(r);

	if (v > last && r->err == 0)
		r->err = ERR_RANGE;
	return v;
}

int
wire_get_config(struct bytes body, struct wire_config *ret)
{
	struct wire_config m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.host = reader_field(&r, WIRE_HOST_CAP);
	m.port = reader_u16le(&r);
	m.path = reader_field(&r, WIRE_PATH_CAP);
	m.ca_pem = reader_field(&r, WIRE_CA_CAP);
	m.proxy = reader_field(&r, WIRE_PROXY_CAP);
	m.proxy_auth = reader_field(&r, WIRE_PROXY_AUTH_CAP);
	m.first_delay_ms = reader_u16le(&r);
	if ((err = reader_end(&r)) != 0)
		return err;
	if (m.host.n == 0 || m.port == 0 || m.path.n == 0 || m.ca_pem.n == 0)
		return ERR_RANGE;
	*ret = m;
	return 0;
}

int
wire_get_hello(struct bytes body, struct wire_hello *ret)
{
	struct wire_hello m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.payload = reader_field(&r, WIRE_HELLO_CAP);
	m.sig = reader_take(&r, WIRE_SIG).p;
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_next_record(struct bytes *rest, struct wire_record *ret)
{
	struct wire_record m;
	struct reader r;

	if (rest->n == 0)
		return 0;
	reader_init(&r, *rest);
	m.index = reader_u64le(&r);
	m.payload = reader_field(&r, WIRE_RECORD_CAP);
	if (r.err != 0)
		return r.err;
	*rest = r.rest;
	*ret = m;
	return 1;
}

int
wire_get_blob(struct bytes body, struct wire_blob *ret)
{
	struct wire_blob m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.hash = reader_take(&r, WIRE_HASH).p;
	m.total = reader_u32le(&r);
	m.offset = reader_u32le(&r);
	m.data = reader_take(&r, r.rest.n);
	if ((err = reader_end(&r)) != 0)
		return err;
	if (m.data.n > WIRE_BATCH_CAP)
		return ERR_TOO_LARGE;
	if (m.offset > m.total || m.data.n > m.total - m.offset)
		return ERR_RANGE;
	*ret = m;
	return 0;
}

int
wire_get_output(struct bytes body, struct wire_output *ret)
{
	struct wire_output m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.card = reader_take(&r, WIRE_HASH).p;
	m.offset = reader_u64le(&r);
	m.data = reader_take(&r, r.rest.n);
	if ((err = reader_end(&r)) != 0)
		return err;
	if (m.data.n > WIRE_BATCH_CAP)
		return ERR_TOO_LARGE;
	if (m.offset > UINT64_MAX - m.data.n)
		return ERR_RANGE;
	*ret = m;
	return 0;
}

int
wire_get_leaves(struct bytes body, struct wire_leaves *ret)
{
	struct wire_leaves m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.first = reader_u64le(&r);
	m.until = reader_u64le(&r);
	m.hashes = reader_take(&r, r.rest.n);
	if ((err = reader_end(&r)) != 0)
		return err;
	if (m.hashes.n > WIRE_BATCH_CAP)
		return ERR_TOO_LARGE;
	if (m.hashes.n % WIRE_HASH != 0)
		return ERR_SYNTAX;
	if (m.until >> 63 != 0 || m.first > m.until ||
	    m.hashes.n / WIRE_HASH > m.until - m.first)
		return ERR_RANGE;
	*ret = m;
	return 0;
}

int
wire_get_enrol(struct bytes body, struct wire_enrol *ret)
{
	struct wire_enrol m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.secret = reader_field(&r, WIRE_SECRET_CAP);
	m.key = reader_take(&r, WIRE_KEY).p;
	m.device = reader_field(&r, WIRE_DEVICE_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_close(struct bytes body, struct bytes *ret_reason)
{
	struct bytes reason;
	struct reader r;
	int err;

	reader_init(&r, body);
	reason = reader_field(&r, WIRE_REASON_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret_reason = reason;
	return 0;
}

int
wire_get_link(struct bytes body, struct wire_link_status *ret)
{
	struct wire_link_status m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.state = (enum wire_link)take_enum(&r, WIRE_LINK_UP);
	m.detail = reader_field(&r, WIRE_REASON_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_challenge(struct bytes body, struct wire_challenge *ret)
{
	struct wire_challenge m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.nonce = reader_take(&r, WIRE_NONCE).p;
	m.exporter = reader_take(&r, WIRE_HASH).p;
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_welcome(struct bytes body, struct wire_welcome *ret)
{
	struct wire_welcome m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.has = take_bool(&r);
	m.note = reader_take(&r, m.has ? r.rest.n : 0);
	if ((err = reader_end(&r)) != 0)
		return err;
	if (m.note.n > WIRE_NOTE_CAP)
		return ERR_TOO_LARGE;
	if (m.has && m.note.n == 0)
		return ERR_RANGE;
	*ret = m;
	return 0;
}

int
wire_get_envelope(enum wire_type type, struct bytes body,
    struct wire_envelope *ret)
{
	struct wire_envelope m = { .n = 0 };
	struct reader r;
	unsigned i;
	int err;

	reader_init(&r, body);
	m.type = reader_field(&r, WIRE_TYPE_CAP);
	m.payload = reader_field(&r, wire_payload_cap(type));
	m.n = reader_u8(&r);
	if (r.err == 0 && !wire_count_is_good(type, m.n))
		return ERR_RANGE;
	for (i = 0; i < m.n; i++) {
		m.sigs[i].keyid = reader_field(&r, WIRE_KEYID_CAP);
		m.sigs[i].sig = reader_field(&r, wire_sig_cap(type));
	}
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_withdraw(struct bytes body, struct wire_withdraw *ret)
{
	struct wire_withdraw m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.card = reader_take(&r, WIRE_HASH).p;
	m.reason = reader_field(&r, WIRE_REASON_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_have(struct bytes body, uint64_t *ret_n)
{
	struct reader r;
	uint64_t n;
	int err;

	reader_init(&r, body);
	n = reader_u64le(&r);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret_n = n;
	return 0;
}

int
wire_get_credit(struct bytes body, struct wire_credit *ret)
{
	struct wire_credit m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.card = reader_take(&r, WIRE_HASH).p;
	m.from = reader_u64le(&r);
	m.until = reader_u64le(&r);
	if ((err = reader_end(&r)) != 0)
		return err;
	if (m.from > m.until)
		return ERR_RANGE;
	*ret = m;
	return 0;
}

int
wire_get_cosignature(struct bytes body, struct wire_cosignature *ret)
{
	struct wire_cosignature m;
	struct reader r;

	reader_init(&r, body);
	m.status = reader_u16le(&r);
	if (r.err != 0)
		return r.err;
	if (r.rest.n > WIRE_ANSWER_CAP)
		return ERR_TOO_LARGE;
	if (m.status < WIRE_STATUS_MIN || m.status > WIRE_STATUS_MAX)
		return ERR_RANGE;
	m.body = r.rest;
	*ret = m;
	return 0;
}

int
wire_get_unreadable(struct bytes body, struct wire_unreadable *ret)
{
	struct wire_unreadable m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.reason = reader_field(&r, WIRE_REASON_CAP);
	m.length = reader_u32le(&r);
	m.hash = reader_take(&r, WIRE_HASH).p;
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_enrolled(struct bytes body, struct wire_enrolled *ret)
{
	struct wire_enrolled m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.ok = take_bool(&r);
	m.reason = reader_field(&r, WIRE_REASON_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_started(struct bytes body, struct wire_started *ret)
{
	struct wire_started m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.pid = reader_u32le(&r);
	m.enforced = reader_field(&r, WIRE_ENFORCED_CAP);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_failed(struct bytes body, struct wire_failed *ret)
{
	struct wire_failed m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.step = reader_u32le(&r);
	m.sys_errno = reader_u32le(&r);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}

int
wire_get_ended(struct bytes body, struct wire_ended *ret)
{
	struct wire_ended m;
	struct reader r;
	int err;

	reader_init(&r, body);
	m.how = (enum wire_how)take_enum(&r, WIRE_HOW_SIGNAL);
	m.code = reader_u32le(&r);
	m.why = (enum wire_why)take_enum(&r, WIRE_WHY_PROCESSES);
	m.wall_us = reader_u64le(&r);
	m.cpu_us = reader_u64le(&r);
	m.max_rss_kb = reader_u64le(&r);
	m.survivors = reader_u32le(&r);
	m.services_done = reader_u32le(&r);
	m.services_refused = reader_u32le(&r);
	m.services_left = reader_u32le(&r);
	if ((err = reader_end(&r)) != 0)
		return err;
	*ret = m;
	return 0;
}
