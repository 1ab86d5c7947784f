/*
 * test_wire.c - wire messages: tables, decoder, every codec at its limits.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: unit tests.
 */
#include "common/wire.h"
#include "tests/harness/test.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t seq[WIRE_SIG] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
};

static struct bytes
s(const char *text)
{
	return bytes_str(text);
}

/* A header as it stands on the wire. */
static void
header(uint8_t out[FRAME_HEADER], uint32_t length, uint16_t type, uint16_t zero)
{
	struct buf b;

	buf_init(&b, FRAME_HEADER);
	buf_put_u32le(&b, length);
	buf_put_u16le(&b, type);
	buf_put_u16le(&b, zero);
	CHECK_INT(buf_error(&b), 0);
	memcpy(out, b.p, FRAME_HEADER);
	buf_free(&b);
}

/* ---- the permit tables ---- */

/* Every type, its receiver, and the states as a string of state digits. */
static const struct {
	uint16_t type;
	enum wire_at at;
	const char *states;
} permits[] = {
	{ WIRE_CONFIG, WIRE_AT_COURIER, "0" },
	{ WIRE_HELLO, WIRE_AT_COURIER, "123" },
	{ WIRE_RECORDS, WIRE_AT_COURIER, "1236" },
	{ WIRE_BLOB, WIRE_AT_COURIER, "1236" },
	{ WIRE_OUTPUT, WIRE_AT_COURIER, "1236" },
	{ WIRE_LEAVES, WIRE_AT_COURIER, "1236" },
	{ WIRE_CHECKPOINT, WIRE_AT_COURIER, "1236" },
	{ WIRE_ENROL, WIRE_AT_COURIER, "1234" },
	{ WIRE_CLOSE, WIRE_AT_COURIER, "123456" },
	{ WIRE_READY, WIRE_AT_GATE, "0" },
	{ WIRE_LINK, WIRE_AT_GATE, "1234" },
	{ WIRE_CHALLENGE, WIRE_AT_GATE, "2" },
	{ WIRE_WELCOME, WIRE_AT_GATE, "3" },
	{ WIRE_CARD, WIRE_AT_GATE, "4" },
	{ WIRE_APPROVAL, WIRE_AT_GATE, "4" },
	{ WIRE_CANCEL, WIRE_AT_GATE, "4" },
	{ WIRE_TRUST, WIRE_AT_GATE, "4" },
	{ WIRE_WITHDRAW, WIRE_AT_GATE, "4" },
	{ WIRE_HAVE, WIRE_AT_GATE, "4" },
	{ WIRE_CREDIT, WIRE_AT_GATE, "4" },
	{ WIRE_COSIGNATURE, WIRE_AT_GATE, "4" },
	{ WIRE_UNREADABLE, WIRE_AT_GATE, "1234" },
	{ WIRE_ENROLLED, WIRE_AT_GATE, "3" },
	{ WIRE_STARTED, WIRE_AT_EXEC, "0" },
	{ WIRE_FAILED, WIRE_AT_EXEC, "0" },
	{ WIRE_ENDED, WIRE_AT_EXEC, "1" },
};

static const char *
states_of(enum wire_at at, uint16_t type)
{
	size_t i;

	for (i = 0; i < LEN(permits); i++)
		if (permits[i].type == type && permits[i].at == at)
			return permits[i].states;
	return "";
}

/* All 65,536 types, all receivers, more states than there are. */
TEST(permitted_is_exactly_the_table)
{
	unsigned type, state;
	uint32_t min, max;
	int at;
	bool want;

	for (at = WIRE_AT_GATE; at <= WIRE_AT_EXEC; at++) {
		for (type = 0; type <= UINT16_MAX; type++) {
			const char *states = states_of((enum wire_at)at,
			    (uint16_t)type);

			wire_bounds((enum wire_type)type, &min, &max);
			for (state = 0; state < 10; state++) {
				want = strchr(states, (int)('0' + state)) !=
				    NULL;
				CHECK_MSG(wire_permitted((enum wire_at)at,
				    state, (uint16_t)type, min) == want,
				    "at %d type %u state %u", at, type, state);
			}
		}
	}
	CHECK(!wire_permitted(WIRE_AT_GATE, 32, WIRE_LINK, 5));
	CHECK(!wire_permitted(WIRE_AT_GATE, UINT32_MAX, WIRE_LINK, 5));
}

TEST(length_bounds)
{
	static const struct {
		enum wire_type type;
		uint32_t min, max;
	} t[] = {
		{ WIRE_READY, 0, 0 },
		{ WIRE_CHALLENGE, 64, 64 },
		{ WIRE_HAVE, 8, 8 },
		{ WIRE_CREDIT, 48, 48 },
		{ WIRE_FAILED, 8, 8 },
		{ WIRE_ENDED, 46, 46 },
		{ WIRE_HELLO, 68, 4 + 8192 + 64 },
		{ WIRE_RECORDS, 12, 65536 },
		{ WIRE_BLOB, 40, 40 + 65536 },
		{ WIRE_OUTPUT, 40, 40 + 65536 },
		{ WIRE_CARD, 17, 32768 + 137 + 16 * 648 },
		{ WIRE_APPROVAL, 17, 16384 + 137 + 648 },
		{ WIRE_CANCEL, 17, 16384 + 137 + 648 },
		{ WIRE_TRUST, 17, 4194304 + 137 + 16 * 648 },
	};
	uint32_t min, max;
	size_t i, k;

	for (i = 0; i < LEN(t); i++) {
		wire_bounds(t[i].type, &min, &max);
		CHECK_INT(min, t[i].min);
		CHECK_INT(max, t[i].max);
		for (k = 0; k < LEN(permits); k++) {
			unsigned state;
			enum wire_at at = permits[k].at;

			if (permits[k].type != t[i].type)
				continue;
			state = (unsigned)(permits[k].states[0] - '0');
			CHECK(wire_permitted(at, state, permits[k].type, max));
			CHECK(!wire_permitted(at, state, permits[k].type,
			    max + 1));
			CHECK(min == 0 || !wire_permitted(at, state,
			    permits[k].type, min - 1));
			CHECK(!wire_permitted(at, state, permits[k].type,
			    UINT32_MAX));
		}
	}
}

TEST(names)
{
	CHECK_STR(wire_name(WIRE_CONFIG), "config");
	CHECK_STR(wire_name(WIRE_UNREADABLE), "unreadable");
	CHECK_STR(wire_name(WIRE_ENDED), "ended");
	CHECK_STR(wire_name(0), "unknown");
	CHECK_STR(wire_name(0xffff), "unknown");
}

/* ---- the decoder ---- */

/* A stream of three messages, cut at every pair of places. */
TEST(stream_cut_anywhere)
{
	struct wire_link_status up = { WIRE_LINK_UP, s("host:443") };
	struct wire_in in;
	struct wire_msg m;
	struct bytes piece;
	struct buf b;
	size_t i, j, at, count;
	size_t cuts[3];
	int r;

	buf_init(&b, 4096);
	wire_put_link(&b, &up);
	wire_put_have(&b, 7);
	wire_put_link(&b, &up);
	CHECK_INT(buf_error(&b), 0);
	for (i = 0; i <= b.n; i++) {
		for (j = i; j <= b.n; j++) {
			cuts[0] = i;
			cuts[1] = j;
			cuts[2] = b.n;
			at = count = 0;
			wire_in_init(&in, WIRE_AT_GATE);
			for (r = 0; r < 3; r++) {
				piece = bytes_of(b.p + at, cuts[r] - at);
				at = cuts[r];
				while (wire_in_next(&in, &piece,
				    WIRE_GATE_SYNCED, &m) == 1) {
					uint64_t n;

					CHECK(m.type == (count == 1 ?
					    WIRE_HAVE : WIRE_LINK));
					if (count == 1) {
						CHECK_INT(wire_get_have(
						    m.body, &n), 0);
						CHECK_INT(n, 7);
					}
					count++;
				}
				CHECK_INT(piece.n, 0);
			}
			CHECK_INT(count, 3);
			CHECK(wire_in_is_idle(&in));
			wire_in_fini(&in);
		}
	}
	buf_free(&b);
}

TEST(stream_errors_stay)
{
	static const struct {
		uint32_t length;
		uint16_t type, zero;
		unsigned state;
		int want;
	} t[] = {
		{ 8, WIRE_HAVE, 1, WIRE_GATE_SYNCED, ERR_PROTOCOL },
		{ 8, 999, 0, WIRE_GATE_SYNCED, ERR_PROTOCOL },
		{ 8, WIRE_RECORDS, 0, WIRE_GATE_SYNCED, ERR_PROTOCOL },
		{ 8, WIRE_FAILED, 0, WIRE_GATE_SYNCED, ERR_PROTOCOL },
		{ 8, WIRE_HAVE, 0, WIRE_GATE_PROVING, ERR_STATE },
		{ 7, WIRE_HAVE, 0, WIRE_GATE_SYNCED, ERR_TOO_LARGE },
		{ UINT32_MAX, WIRE_CARD, 0, WIRE_GATE_SYNCED, ERR_TOO_LARGE },
	};
	uint8_t head[FRAME_HEADER];
	struct wire_msg m;
	struct bytes data;
	struct wire_in in;
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		header(head, t[i].length, t[i].type, t[i].zero);
		wire_in_init(&in, WIRE_AT_GATE);
		/* One byte short of a header says nothing yet. */
		data = bytes_of(head, FRAME_HEADER - 1);
		CHECK_INT(wire_in_next(&in, &data, t[i].state, &m), 0);
		CHECK(!wire_in_is_idle(&in));
		data = bytes_of(head + FRAME_HEADER - 1, 1);
		CHECK_INT(wire_in_next(&in, &data, t[i].state, &m), t[i].want);
		CHECK(in.frame.body == NULL);
		header(head, 0, WIRE_READY, 0);
		data = bytes_of(head, FRAME_HEADER);
		CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_STARTING, &m),
		    t[i].want);
		CHECK(!wire_in_is_idle(&in));
		wire_in_fini(&in);
		CHECK(wire_in_is_idle(&in));
	}
}

/* A state that changes under a half message is looked at again. */
TEST(state_is_looked_at_again)
{
	uint8_t head[FRAME_HEADER];
	struct wire_msg m;
	struct bytes data;
	struct wire_in in;

	header(head, 40, WIRE_CREDIT, 0);
	wire_in_init(&in, WIRE_AT_GATE);
	data = bytes_of(head, FRAME_HEADER);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m),
	    ERR_TOO_LARGE);
	wire_in_fini(&in);
	header(head, 48, WIRE_CREDIT, 0);
	data = bytes_of(head, FRAME_HEADER);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), 0);
	data = bytes_of(seq, 48);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_DOWN, &m), ERR_STATE);
	CHECK_INT(data.n, 48);
	wire_in_fini(&in);
}

/* Memory: none for a message that is whole, freed after one that was not. */
TEST(memory_is_given_back)
{
	struct wire_envelope e = { .n = 1 };
	struct wire_in in;
	struct wire_msg m;
	struct bytes data;
	uint8_t *payload;
	struct buf b;

	payload = calloc(1, WIRE_TRUST_CAP);
	CHECK(payload != NULL);
	e.type = s("t");
	e.payload = bytes_of(payload, WIRE_TRUST_CAP);
	e.sigs[0].sig = bytes_of(seq, WIRE_SIG);
	buf_init(&b, WIRE_TRUST_CAP + 65536);
	wire_put_envelope(&b, WIRE_TRUST, &e);
	CHECK_INT(buf_error(&b), 0);
	wire_in_init(&in, WIRE_AT_GATE);
	data = buf_bytes(&b);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), 1);
	CHECK(in.frame.body == NULL);
	CHECK(m.body.p == b.p + FRAME_HEADER);
	data = bytes_of(b.p, b.n - 1);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), 0);
	CHECK(in.frame.body != NULL);
	data = bytes_of(b.p + b.n - 1, 1);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), 1);
	CHECK_MEM(m.body.p, m.body.n, b.p + FRAME_HEADER, b.n - FRAME_HEADER);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), 0);
	CHECK(in.frame.body == NULL);
	wire_in_fini(&in);
	buf_free(&b);
	free(payload);
}

/* ---- codecs ---- */

static void
sample_envelope(struct wire_envelope *e, enum wire_type type)
{
	static uint8_t big[WIRE_TRUST_CAP];
	uint8_t i;

	memset(e, 0, sizeof(*e));
	e->type = bytes_of(big, WIRE_TYPE_CAP);
	e->payload = bytes_of(big, wire_payload_cap(type));
	e->n = wire_count_is_good(type, 2) ? WIRE_SIGS_CAP : 1;
	for (i = 0; i < e->n; i++) {
		e->sigs[i].keyid = bytes_of(big, WIRE_KEYID_CAP);
		e->sigs[i].sig = bytes_of(big, 512);
	}
}

/* Writes a message of the type, all its parts at their caps. */
static void
sample_put(struct buf *b, unsigned type)
{
	static uint8_t big[WIRE_BATCH_CAP + 1];
	struct wire_config config = { bytes_of(big, WIRE_HOST_CAP), 65535,
	    bytes_of(big, WIRE_PATH_CAP), bytes_of(big, WIRE_CA_CAP),
	    bytes_of(big, WIRE_PROXY_CAP),
	    bytes_of(big, WIRE_PROXY_AUTH_CAP), 65535 };
	struct wire_hello hello = { bytes_of(big, WIRE_HELLO_CAP), seq };
	struct wire_record record = { UINT64_MAX,
	    bytes_of(big, WIRE_RECORD_CAP) };
	struct wire_blob blob = { seq, 70000, 70000 - WIRE_BATCH_CAP,
	    bytes_of(big, WIRE_BATCH_CAP) };
	struct wire_output output = { seq, UINT64_MAX - WIRE_BATCH_CAP,
	    bytes_of(big, WIRE_BATCH_CAP) };
	struct wire_leaves leaves = { 7, INT64_MAX,
	    bytes_of(big, WIRE_BATCH_CAP) };
	struct wire_enrol enrol = { bytes_of(big, WIRE_SECRET_CAP), seq,
	    bytes_of(big, WIRE_DEVICE_CAP) };
	struct wire_link_status link = { WIRE_LINK_UP,
	    bytes_of(big, WIRE_REASON_CAP) };
	struct wire_challenge challenge = { seq, seq };
	struct wire_welcome welcome = { true, bytes_of(big, WIRE_NOTE_CAP) };
	struct wire_withdraw withdraw = { seq,
	    bytes_of(big, WIRE_REASON_CAP) };
	struct wire_credit credit = { seq, UINT64_MAX - 1, UINT64_MAX };
	struct wire_unreadable unreadable = { bytes_of(big, WIRE_REASON_CAP),
	    UINT32_MAX, seq };
	struct wire_cosignature cosignature = { 599,
	    bytes_of(big, WIRE_ANSWER_CAP) };
	struct wire_enrolled enrolled = { true,
	    bytes_of(big, WIRE_REASON_CAP) };
	struct wire_started started = { UINT32_MAX,
	    bytes_of(big, WIRE_ENFORCED_CAP) };
	struct wire_failed failed = { UINT32_MAX, UINT32_MAX };
	struct wire_ended ended = { WIRE_HOW_SIGNAL, 9, WIRE_WHY_PROCESSES,
	    UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX,
	    UINT32_MAX, UINT32_MAX, UINT32_MAX };
	struct wire_envelope envelope;
	size_t mark;

	switch (type) {
	case WIRE_CONFIG: wire_put_config(b, &config); break;
	case WIRE_HELLO: wire_put_hello(b, &hello); break;
	case WIRE_RECORDS:
		mark = wire_records_begin(b);
		wire_records_add(b, &record);
		wire_records_end(b, mark);
		break;
	case WIRE_BLOB: wire_put_blob(b, &blob); break;
	case WIRE_OUTPUT: wire_put_output(b, &output); break;
	case WIRE_LEAVES: wire_put_leaves(b, &leaves); break;
	case WIRE_CHECKPOINT:
		wire_put_checkpoint(b, bytes_of(big, WIRE_REQUEST_CAP));
		break;
	case WIRE_ENROL: wire_put_enrol(b, &enrol); break;
	case WIRE_CLOSE:
		wire_put_close(b, bytes_of(big, WIRE_REASON_CAP));
		break;
	case WIRE_READY: wire_put_ready(b); break;
	case WIRE_LINK: wire_put_link(b, &link); break;
	case WIRE_CHALLENGE: wire_put_challenge(b, &challenge); break;
	case WIRE_WELCOME: wire_put_welcome(b, &welcome); break;
	case WIRE_CARD:
	case WIRE_TRUST:
	case WIRE_APPROVAL:
	case WIRE_CANCEL:
		sample_envelope(&envelope, (enum wire_type)type);
		wire_put_envelope(b, (enum wire_type)type, &envelope);
		break;
	case WIRE_WITHDRAW: wire_put_withdraw(b, &withdraw); break;
	case WIRE_HAVE: wire_put_have(b, UINT64_MAX); break;
	case WIRE_CREDIT: wire_put_credit(b, &credit); break;
	case WIRE_COSIGNATURE: wire_put_cosignature(b, &cosignature); break;
	case WIRE_UNREADABLE: wire_put_unreadable(b, &unreadable); break;
	case WIRE_ENROLLED: wire_put_enrolled(b, &enrolled); break;
	case WIRE_STARTED: wire_put_started(b, &started); break;
	case WIRE_FAILED: wire_put_failed(b, &failed); break;
	case WIRE_ENDED: wire_put_ended(b, &ended); break;
	default: CHECK_MSG(false, "type %u", type);
	}
}

/* The body's decoder: its result. */
static int
sample_get(unsigned type, struct bytes body)
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
		struct wire_record record;
		struct bytes reason;
		uint64_t n;
	} u;
	int r;

	switch (type) {
	case WIRE_CONFIG: return wire_get_config(body, &u.config);
	case WIRE_HELLO: return wire_get_hello(body, &u.hello);
	case WIRE_RECORDS:
		while ((r = wire_next_record(&body, &u.record)) == 1)
			;
		return r;
	case WIRE_BLOB: return wire_get_blob(body, &u.blob);
	case WIRE_OUTPUT: return wire_get_output(body, &u.output);
	case WIRE_LEAVES: return wire_get_leaves(body, &u.leaves);
	case WIRE_ENROL: return wire_get_enrol(body, &u.enrol);
	case WIRE_CLOSE: return wire_get_close(body, &u.reason);
	case WIRE_LINK: return wire_get_link(body, &u.link);
	case WIRE_CHALLENGE: return wire_get_challenge(body, &u.challenge);
	case WIRE_WELCOME: return wire_get_welcome(body, &u.welcome);
	case WIRE_CARD:
	case WIRE_TRUST:
	case WIRE_APPROVAL:
	case WIRE_CANCEL:
		return wire_get_envelope((enum wire_type)type, body,
		    &u.envelope);
	case WIRE_WITHDRAW: return wire_get_withdraw(body, &u.withdraw);
	case WIRE_HAVE: return wire_get_have(body, &u.n);
	case WIRE_CREDIT: return wire_get_credit(body, &u.credit);
	case WIRE_UNREADABLE:
		return wire_get_unreadable(body, &u.unreadable);
	case WIRE_ENROLLED: return wire_get_enrolled(body, &u.enrolled);
	case WIRE_COSIGNATURE:
		return wire_get_cosignature(body, &u.cosignature);
	case WIRE_STARTED: return wire_get_started(body, &u.started);
	case WIRE_FAILED: return wire_get_failed(body, &u.failed);
	case WIRE_ENDED: return wire_get_ended(body, &u.ended);
	default: return 0;
	}
}

/* Whether the body ends where it likes, so that cutting it says nothing. */
static bool
is_open_ended(unsigned type)
{
	return type == WIRE_CHECKPOINT || type == WIRE_COSIGNATURE ||
	    type == WIRE_READY || type == WIRE_BLOB || type == WIRE_OUTPUT ||
	    type == WIRE_LEAVES || type == WIRE_WELCOME;
}

/*
 * Every message with its parts at their caps fits its type's cap, is read
 * back, and no cut of it is; nor is it with a byte behind it.
 */
TEST(every_message_at_its_caps)
{
	unsigned state;
	struct buf b;
	size_t i, k;

	for (i = 0; i < LEN(permits); i++) {
		unsigned type = permits[i].type;

		buf_init(&b, WIRE_TRUST_CAP + 131072);
		sample_put(&b, type);
		CHECK_MSG(buf_error(&b) == 0, "type %u: %d", type, b.err);
		state = (unsigned)(permits[i].states[0] - '0');
		CHECK(wire_permitted(permits[i].at, state, (uint16_t)type,
		    (uint32_t)(b.n - FRAME_HEADER)));
		CHECK_MSG(sample_get(type, bytes_of(b.p + FRAME_HEADER,
		    b.n - FRAME_HEADER)) == 0, "type %u", type);
		if (!is_open_ended(type)) {
			size_t step = b.n > 10000 ? 977 : 1;

			for (k = 1; k <= b.n - FRAME_HEADER; k += step)
				CHECK_MSG(sample_get(type,
				    bytes_of(b.p + FRAME_HEADER,
				    b.n - FRAME_HEADER - k)) != 0 ||
				    k == b.n - FRAME_HEADER,
				    "type %u cut by %zu", type, k);
			buf_put_u8(&b, 0);
			CHECK_MSG(sample_get(type, bytes_of(b.p +
			    FRAME_HEADER, b.n - FRAME_HEADER)) != 0,
			    "type %u trailing", type);
		}
		buf_free(&b);
	}
}

TEST(fields_come_back)
{
	struct wire_config in = { s("console.example"), 8443, s("/v1/agent"),
	    s("PEM"), s("proxy:3128"), s("Basic eDp5"), 20 }, out;
	struct wire_ended ended = { WIRE_HOW_SIGNAL, 15, WIRE_WHY_OOM, 1, 2, 3,
	    4, 5, 6, 7 }, ended_out;
	struct buf b;

	buf_init(&b, 4096);
	wire_put_config(&b, &in);
	CHECK_INT(wire_get_config(bytes_of(b.p + FRAME_HEADER,
	    b.n - FRAME_HEADER), &out), 0);
	CHECK(bytes_is(out.host, "console.example"));
	CHECK_INT(out.port, 8443);
	CHECK(bytes_is(out.path, "/v1/agent"));
	CHECK(bytes_is(out.ca_pem, "PEM"));
	CHECK(bytes_is(out.proxy, "proxy:3128"));
	CHECK(bytes_is(out.proxy_auth, "Basic eDp5"));
	CHECK_INT(out.first_delay_ms, 20);
	buf_clear(&b);
	wire_put_ended(&b, &ended);
	CHECK_INT(wire_get_ended(bytes_of(b.p + FRAME_HEADER,
	    b.n - FRAME_HEADER), &ended_out), 0);
	CHECK_INT(ended_out.how, WIRE_HOW_SIGNAL);
	CHECK_INT(ended_out.code, 15);
	CHECK_INT(ended_out.why, WIRE_WHY_OOM);
	CHECK_INT(ended_out.wall_us, 1);
	CHECK_INT(ended_out.cpu_us, 2);
	CHECK_INT(ended_out.max_rss_kb, 3);
	CHECK_INT(ended_out.survivors, 4);
	CHECK_INT(ended_out.services_done, 5);
	CHECK_INT(ended_out.services_refused, 6);
	CHECK_INT(ended_out.services_left, 7);
	buf_free(&b);
}

/* The bytes of one message, so that the layout cannot drift. */
TEST(layout_of_bytes)
{
	static const uint8_t want[] = {
		0x1e, 0, 0, 0, 68, 0, 0, 0,
		1, 0, 0, 0, 't', 2, 0, 0, 0, 'p', 'q', 2,
		1, 0, 0, 0, 'k', 1, 0, 0, 0, 's', 0, 0, 0, 0, 0, 0, 0, 0
	};
	struct wire_envelope e = { .n = 2 };
	struct buf b;

	e.type = s("t");
	e.payload = s("pq");
	e.sigs[0].keyid = s("k");
	e.sigs[0].sig = s("s");
	buf_init(&b, 4096);
	wire_put_envelope(&b, WIRE_CARD, &e);
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(b.p, b.n, want, sizeof(want));
	buf_free(&b);
}

TEST(numbers_without_meaning)
{
	static const struct {
		const char *name;
		enum wire_type type;
		uint8_t body[40];
		size_t n;
		int want;
	} t[] = {
		{ "link state 3", WIRE_LINK, { 3, 0, 0, 0, 0 }, 5, ERR_RANGE },
		{ "link state 2", WIRE_LINK, { 2, 0, 0, 0, 0 }, 5, 0 },
		{ "enrolled 2", WIRE_ENROLLED, { 2, 0, 0, 0, 0 }, 5,
		    ERR_RANGE },
		{ "welcome 2", WIRE_WELCOME, { 2 }, 1, ERR_RANGE },
		{ "welcome none", WIRE_WELCOME, { 0 }, 1, 0 },
		{ "welcome none and a note", WIRE_WELCOME, { 0, 'x' }, 2,
		    ERR_SYNTAX },
		{ "welcome and no note", WIRE_WELCOME, { 1 }, 1, ERR_RANGE },
		{ "ended how 2", WIRE_ENDED, { 2 }, 46, ERR_RANGE },
		{ "ended why 4", WIRE_ENDED, { 0, 0, 0, 0, 0, 4 }, 46,
		    ERR_RANGE },
		{ "ended", WIRE_ENDED, { 0 }, 46, 0 },
		{ "blob beyond total", WIRE_BLOB, { [36] = 1 }, 40,
		    ERR_RANGE },
		{ "config of nothing", WIRE_CONFIG, { 0 }, 24, ERR_RANGE },
		{ "enrolled, cut", WIRE_ENROLLED, { 2 }, 0, ERR_TRUNCATED },
		{ "link, cut", WIRE_LINK, { 3 }, 0, ERR_TRUNCATED },
	};
	size_t i;

	for (i = 0; i < LEN(t); i++)
		CHECK_MSG(sample_get(t[i].type, bytes_of(t[i].body, t[i].n)) ==
		    t[i].want, "%s", t[i].name);
}

/* Parts that only a larger body than the type's could bring, and cut ones. */
TEST(bodies_that_no_header_lets_through)
{
	static uint8_t big[WIRE_HASH + 8 + WIRE_BATCH_CAP + 1];
	struct wire_config m = { s("h"), 1, s("/"), s("c"), s(""), s(""), 0 };
	struct wire_config config, part;
	struct buf b;
	int i;

	memset(big, 0, sizeof(big));
	CHECK_INT(sample_get(WIRE_BLOB, bytes_of(big, 39)), ERR_TRUNCATED);
	CHECK_INT(sample_get(WIRE_OUTPUT, bytes_of(big, 39)), ERR_TRUNCATED);
	CHECK_INT(sample_get(WIRE_WELCOME, bytes_of(big, 0)), ERR_TRUNCATED);
	big[WIRE_HASH + 3] = 1;		/* total: 16 MiB */
	CHECK_INT(sample_get(WIRE_BLOB, bytes_of(big, sizeof(big))),
	    ERR_TOO_LARGE);
	big[WIRE_HASH + 7] = 2;		/* offset: beyond it */
	CHECK_INT(sample_get(WIRE_BLOB, bytes_of(big, 40)), ERR_RANGE);
	CHECK_INT(sample_get(WIRE_OUTPUT, bytes_of(big, sizeof(big))),
	    ERR_TOO_LARGE);
	memset(big + WIRE_HASH, 0xff, 8);
	CHECK_INT(sample_get(WIRE_OUTPUT, bytes_of(big, 41)), ERR_RANGE);
	CHECK_INT(sample_get(WIRE_OUTPUT, bytes_of(big, 40)), 0);
	/* credit: from is larger than until */
	memset(big, 0, 48);
	big[WIRE_HASH] = 1;
	CHECK_INT(sample_get(WIRE_CREDIT, bytes_of(big, 48)), ERR_RANGE);
	big[0] = 1;
	CHECK_INT(sample_get(WIRE_WELCOME, bytes_of(big, WIRE_NOTE_CAP + 2)),
	    ERR_TOO_LARGE);
	/* A configuration lacks one thing at a time. */
	buf_init(&b, 4096);
	for (i = 0; i < 4; i++) {
		part = m;
		if (i == 0)
			part.host = s("");
		else if (i == 1)
			part.port = 0;
		else if (i == 2)
			part.path = s("");
		else
			part.ca_pem = s("");
		wire_put_config(&b, &part);
		CHECK_INT(wire_get_config(bytes_of(b.p + FRAME_HEADER,
		    b.n - FRAME_HEADER), &config), ERR_RANGE);
		buf_clear(&b);
	}
	buf_free(&b);
}

/* A buffer that has failed stays as it failed, whatever is put next. */
TEST(writers_keep_the_first_error)
{
	struct wire_welcome none = { false, { NULL, 0 } };
	struct wire_envelope bad = { .n = 0 };
	struct buf b;

	buf_init(&b, 64);
	wire_put_welcome(&b, &none);
	CHECK_INT(buf_error(&b), 0);
	CHECK_INT(b.n, FRAME_HEADER + 1);
	b.err = ERR_NOMEM;
	wire_put_envelope(&b, WIRE_CARD, &bad);
	frame_put_field(&b, s("long"), 1);
	CHECK(!wire_records_fit(&b, 0, 1));
	CHECK_INT(buf_error(&b), ERR_NOMEM);
	buf_free(&b);
}

TEST(no_memory_for_a_body)
{
	uint8_t head[FRAME_HEADER + 1] = { 0 };
	struct wire_msg m;
	struct bytes data;
	struct wire_in in;

	header(head, 8, WIRE_HAVE, 0);
	wire_in_init(&in, WIRE_AT_GATE);
	data = bytes_of(head, sizeof(head));
	test_oom_left = 1;
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), ERR_NOMEM);
	CHECK_INT(wire_in_next(&in, &data, WIRE_GATE_SYNCED, &m), ERR_NOMEM);
	wire_in_fini(&in);
}

TEST(signature_counts)
{
	struct wire_envelope e = { .n = 1 }, out;
	enum wire_type types[] = { WIRE_CARD, WIRE_APPROVAL, WIRE_CANCEL,
	    WIRE_TRUST };
	struct buf b;
	uint8_t body[400];
	size_t i;
	unsigned n;

	for (i = 0; i < LEN(types); i++) {
		bool one = types[i] == WIRE_APPROVAL || types[i] == WIRE_CANCEL;

		for (n = 0; n <= WIRE_SIGS_CAP + 1; n++) {
			bool good = one ? n == 1 : n >= 1 &&
			    n <= WIRE_SIGS_CAP;

			/* type and payload empty, n, n empty signatures */
			memset(body, 0, sizeof(body));
			body[8] = (uint8_t)n;
			CHECK_MSG(wire_get_envelope(types[i], bytes_of(body,
			    9 + 8 * (size_t)n), &out) == (good ? 0 : ERR_RANGE),
			    "type %d, %u signatures", (int)types[i], n);
			if (n > WIRE_SIGS_CAP)
				continue;
			e.n = (uint8_t)n;
			buf_init(&b, 4096);
			wire_put_envelope(&b, types[i], &e);
			CHECK_INT(buf_error(&b), good ? 0 : ERR_RANGE);
			buf_free(&b);
		}
	}
}

TEST(parts_over_their_caps_are_not_written)
{
	static uint8_t big[WIRE_BATCH_CAP + 1];
	struct wire_config config = { s("h"), 1, s("/"), s("c"), s(""), s(""),
	    0 };
	struct wire_blob blob = { seq, 100000, 0, bytes_of(big, sizeof(big)) };
	struct wire_record record = { 0, bytes_of(big, WIRE_RECORD_CAP + 1) };
	struct wire_link_status link = { WIRE_LINK_DOWN,
	    bytes_of(big, WIRE_REASON_CAP + 1) };
	struct buf b;
	size_t mark;

	buf_init(&b, 1 << 20);
	config.host = bytes_of(big, WIRE_HOST_CAP + 1);
	wire_put_config(&b, &config);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	wire_put_blob(&b, &blob);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	wire_put_link(&b, &link);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	mark = wire_records_begin(&b);
	CHECK(!wire_records_fit(&b, mark, WIRE_RECORD_CAP + 1));
	wire_records_add(&b, &record);
	wire_records_end(&b, mark);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	wire_records_end(&b, wire_records_begin(&b));
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	wire_put_checkpoint(&b, s(""));
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_free(&b);
}

/* Records are added while they fit; the message is then just within its cap. */
TEST(records_fill_a_batch)
{
	static uint8_t big[WIRE_RECORD_CAP];
	struct wire_record r, out;
	struct bytes rest;
	struct buf b;
	uint64_t i = 0, k = 0;
	size_t mark;

	buf_init(&b, 1 << 20);
	wire_put_have(&b, 1);
	mark = wire_records_begin(&b);
	while (wire_records_fit(&b, mark, 1000)) {
		r.index = i++;
		r.payload = bytes_of(big, 1000);
		wire_records_add(&b, &r);
	}
	CHECK_INT(i, WIRE_BATCH_CAP / 1012);
	CHECK(wire_records_fit(&b, mark, WIRE_BATCH_CAP - i * 1012 - 12));
	CHECK(!wire_records_fit(&b, mark, WIRE_BATCH_CAP - i * 1012 - 11));
	wire_records_end(&b, mark);
	CHECK_INT(buf_error(&b), 0);
	rest = bytes_of(b.p + mark + FRAME_HEADER, b.n - mark - FRAME_HEADER);
	while (wire_next_record(&rest, &out) == 1) {
		CHECK_INT(out.index, k++);
		CHECK_INT(out.payload.n, 1000);
	}
	CHECK_INT(k, i);
	CHECK_INT(rest.n, 0);
	/* Half a record is an error, and stays in front. */
	rest = bytes_of(b.p + mark + FRAME_HEADER, 1012 + 500);
	CHECK_INT(wire_next_record(&rest, &out), 1);
	CHECK_INT(wire_next_record(&rest, &out), ERR_TRUNCATED);
	buf_free(&b);
}

TEST_MAIN()
