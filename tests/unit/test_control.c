/*
 * test_control.c - control socket messages: codecs, rights, hostile streams.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: unit tests.
 */
#include "common/control.h"
#include "tests/harness/test.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct bytes
s(const char *text)
{
	return bytes_str(text);
}

/* Takes the one message in b apart. */
static void
only(struct buf *b, bool replies, struct wire_msg *ret_msg)
{
	struct control_in in;
	struct bytes data = buf_bytes(b);

	CHECK_INT(buf_error(b), 0);
	control_in_init(&in, replies);
	CHECK_INT(control_in_next(&in, &data, CONTROL_PEER_OWNER, ret_msg), 1);
	CHECK_INT(data.n, 0);
	control_in_fini(&in);
}

static const struct control_request requests[] = {
	{ .type = CONTROL_STATUS },
	{ .type = CONTROL_PENDING, .all = true },
	{ .type = CONTROL_SHOW, .ref = { (const uint8_t *)"ab", 2 } },
	{ .type = CONTROL_LOG, .from = UINT64_MAX, .follow = true },
	{ .type = CONTROL_TRANSCRIPT, .ref = { (const uint8_t *)"ab", 2 },
	    .from = 7 },
	{ .type = CONTROL_VETO, .ref = { (const uint8_t *)"ab", 2 },
	    .reason = { (const uint8_t *)"no", 2 } },
	{ .type = CONTROL_LOCKDOWN, .on = true,
	    .reason = { (const uint8_t *)"no", 2 } },
	{ .type = CONTROL_SUBMIT, .kind = CONTROL_SUBMIT_TRUST,
	    .envelope = { .n = 2 } },
	{ .type = CONTROL_CLOCK_RESET,
	    .reason = { (const uint8_t *)"no", 2 } },
	{ .type = CONTROL_PENDING_FILE, .ref = { (const uint8_t *)"ab", 2 } },
};

TEST(requests_round_trip)
{
	struct control_request got;
	struct wire_msg m;
	struct buf b;
	size_t i, n;

	for (i = 0; i < LEN(requests); i++) {
		const struct control_request *want = &requests[i];

		buf_init(&b, 4096);
		control_put_request(&b, want);
		only(&b, false, &m);
		CHECK_INT(m.type, want->type);
		CHECK_INT(control_get_request(&m, &got), 0);
		CHECK_INT(got.type, want->type);
		CHECK_INT(got.all, want->all);
		CHECK_INT(got.follow, want->follow);
		CHECK_INT(got.on, want->on);
		CHECK(got.from == want->from);
		CHECK(bytes_equal(got.ref, want->ref));
		CHECK(bytes_equal(got.reason, want->reason));
		CHECK_INT(got.kind, want->kind);
		CHECK_INT(got.envelope.n, want->envelope.n);
		/* Exactly these bytes: one fewer or more is no request. */
		for (n = 0; n < m.body.n; n++) {
			struct wire_msg cut = { m.type, { m.body.p, n } };

			CHECK(control_get_request(&cut, &got) != 0);
		}
		buf_put_u8(&b, 0);
		m.body = bytes_of(b.p + FRAME_HEADER, b.n - FRAME_HEADER);
		CHECK_INT(control_get_request(&m, &got), ERR_SYNTAX);
		buf_free(&b);
	}
}

TEST(requests_refused)
{
	static const struct {
		uint16_t type;
		uint8_t body[24];
		size_t n;
		int want;
	} t[] = {
		{ CONTROL_PENDING, { 2 }, 1, ERR_RANGE },
		{ CONTROL_LOG, { [8] = 2 }, 9, ERR_RANGE },
		{ CONTROL_LOCKDOWN, { 2 }, 5, ERR_RANGE },
		{ CONTROL_SHOW, { 0 }, 4, ERR_MISSING_FIELD },
		{ CONTROL_SHOW, { 81 }, 24, ERR_TOO_LARGE },
		{ CONTROL_SUBMIT, { 4 }, 24, ERR_RANGE },
		{ CONTROL_SUBMIT, { 0 }, 0, ERR_TRUNCATED },
		{ CONTROL_SUBMIT, { 1, [9] = 2 }, 24, ERR_RANGE },
		{ CONTROL_OK, { 0 }, 0, ERR_RANGE },
		{ 99, { 0 }, 0, ERR_RANGE },
	};
	struct control_request got;
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		struct wire_msg m = { t[i].type, { t[i].body, t[i].n } };

		CHECK_MSG(control_get_request(&m, &got) == t[i].want,
		    "row %zu: %d", i, control_get_request(&m, &got));
	}
}

TEST(requests_over_their_caps)
{
	static uint8_t big[4096], huge[8 + WIRE_RECORD_CAP + 1];
	struct control_request r = { .type = CONTROL_SHOW };
	struct wire_record record;
	struct buf b;

	buf_init(&b, 1 << 16);
	r.ref = bytes_of(big, CONTROL_REF_CAP + 1);
	control_put_request(&b, &r);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	r = (struct control_request){ .type = CONTROL_VETO, .ref = s("x"),
	    .reason = bytes_of(big, CONTROL_REASON_CAP + 1) };
	control_put_request(&b, &r);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_clear(&b);
	r = (struct control_request){ .type = CONTROL_OK };
	control_put_request(&b, &r);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	r = (struct control_request){ .type = CONTROL_SUBMIT,
	    .kind = (enum control_submit)9, .envelope = { .n = 1 } };
	control_put_request(&b, &r);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	/* The first error stays. */
	b.err = ERR_NOMEM;
	control_put_request(&b, &r);
	CHECK_INT(buf_error(&b), ERR_NOMEM);
	buf_clear(&b);
	r = (struct control_request){ .type = (enum control_type)99 };
	control_put_request(&b, &r);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_free(&b);
	CHECK_INT(control_get_record(bytes_of(big, sizeof(big)), &record), 0);
	CHECK_INT(control_get_record(bytes_of(huge, sizeof(huge)), &record),
	    ERR_TOO_LARGE);
}

/* Who may: the whole table, both ways of a lockdown. */
TEST(rights)
{
	static const struct {
		enum control_type type;
		bool on;
		enum control_peer least;
	} t[] = {
		{ CONTROL_STATUS, false, CONTROL_PEER_GROUP },
		{ CONTROL_PENDING, false, CONTROL_PEER_GROUP },
		{ CONTROL_SHOW, false, CONTROL_PEER_GROUP },
		{ CONTROL_LOG, false, CONTROL_PEER_OWNER },
		{ CONTROL_TRANSCRIPT, false, CONTROL_PEER_OWNER },
		{ CONTROL_VETO, false, CONTROL_PEER_GROUP },
		{ CONTROL_LOCKDOWN, true, CONTROL_PEER_GROUP },
		{ CONTROL_LOCKDOWN, false, CONTROL_PEER_OWNER },
		{ CONTROL_SUBMIT, false, CONTROL_PEER_GROUP },
		{ CONTROL_CLOCK_RESET, false, CONTROL_PEER_OWNER },
		{ CONTROL_PENDING_FILE, false, CONTROL_PEER_GROUP },
	};
	struct control_request r;
	unsigned peer, type;
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		for (peer = CONTROL_PEER_NONE; peer <= CONTROL_PEER_OWNER;
		    peer++) {
			memset(&r, 0, sizeof(r));
			r.type = t[i].type;
			r.on = t[i].on;
			CHECK_MSG(control_allowed((enum control_peer)peer, &r)
			    == (peer >= t[i].least), "row %zu peer %u", i,
			    peer);
		}
	}
	memset(&r, 0, sizeof(r));
	for (type = 0; type < 200; type++) {
		if (type >= CONTROL_STATUS && type <= CONTROL_PENDING_FILE)
			continue;
		r.type = (enum control_type)type;
		CHECK_MSG(!control_allowed(CONTROL_PEER_OWNER, &r), "type %u",
		    type);
	}
}

/* What a header alone decides at the gate, and at the client. */
TEST(streams_refused)
{
	static const struct {
		uint32_t length;
		uint16_t type;
		bool replies;
		enum control_peer peer;
		int want;
	} t[] = {
		{ 0, CONTROL_STATUS, false, CONTROL_PEER_GROUP, 1 },
		{ 0, CONTROL_STATUS, false, CONTROL_PEER_NONE, ERR_DENIED },
		{ 9, CONTROL_LOG, false, CONTROL_PEER_OWNER, 0 },
		{ 9, CONTROL_LOG, false, CONTROL_PEER_GROUP, ERR_DENIED },
		{ 10, CONTROL_LOG, false, CONTROL_PEER_OWNER, ERR_TOO_LARGE },
		{ 1, CONTROL_STATUS, false, CONTROL_PEER_OWNER,
		    ERR_TOO_LARGE },
		{ UINT32_MAX, CONTROL_SUBMIT, false, CONTROL_PEER_OWNER,
		    ERR_TOO_LARGE },
		{ 1 << 20, CONTROL_SUBMIT, false, CONTROL_PEER_NONE,
		    ERR_DENIED },
		{ 0, CONTROL_END, false, CONTROL_PEER_OWNER, ERR_PROTOCOL },
		{ 0, CONTROL_END, true, CONTROL_PEER_OWNER, 1 },
		{ 0, CONTROL_STATUS, true, CONTROL_PEER_OWNER, ERR_PROTOCOL },
		{ 0, 0, false, CONTROL_PEER_OWNER, ERR_PROTOCOL },
	};
	struct control_in in;
	struct wire_msg m;
	struct bytes data;
	struct buf b;
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		buf_init(&b, 64);
		buf_put_u32le(&b, t[i].length);
		buf_put_u16le(&b, t[i].type);
		buf_put_u16le(&b, 0);
		data = buf_bytes(&b);
		control_in_init(&in, t[i].replies);
		CHECK_MSG(control_in_next(&in, &data, t[i].peer, &m) ==
		    t[i].want, "row %zu", i);
		CHECK(in.frame.body == NULL);
		control_in_fini(&in);
		buf_free(&b);
	}
}

TEST(replies_round_trip)
{
	struct control_error e = { 3, s("card_closed"), s("it is over") }, got;
	struct wire_record r = { 77, s("{\"kind\":\"x\"}") }, r_got;
	struct wire_msg m;
	struct buf b;
	size_t n;

	buf_init(&b, 1 << 20);
	control_put_error(&b, &e);
	only(&b, true, &m);
	CHECK_INT(m.type, CONTROL_ERROR);
	CHECK_INT(control_get_error(m.body, &got), 0);
	CHECK_INT(got.exit_code, 3);
	CHECK(bytes_is(got.word, "card_closed"));
	CHECK(bytes_is(got.text, "it is over"));
	for (n = 0; n < m.body.n; n++)
		CHECK(control_get_error(bytes_of(m.body.p, n), &got) != 0);
	buf_clear(&b);
	control_put_record(&b, &r);
	only(&b, true, &m);
	CHECK_INT(control_get_record(m.body, &r_got), 0);
	CHECK_INT(r_got.index, 77);
	CHECK(bytes_equal(r_got.payload, r.payload));
	CHECK_INT(control_get_record(bytes_of(m.body.p, 7), &r_got),
	    ERR_TRUNCATED);
	buf_clear(&b);
	control_put_ok(&b, s("{}"));
	only(&b, true, &m);
	CHECK_INT(m.type, CONTROL_OK);
	CHECK(bytes_is(m.body, "{}"));
	buf_clear(&b);
	control_put_data(&b, s("raw"));
	only(&b, true, &m);
	CHECK(bytes_is(m.body, "raw"));
	buf_clear(&b);
	control_put_end(&b);
	only(&b, true, &m);
	CHECK_INT(m.type, CONTROL_END);
	CHECK_INT(m.body.n, 0);
	buf_free(&b);
}

TEST(names)
{
	CHECK_STR(control_name(CONTROL_STATUS), "status");
	CHECK_STR(control_name(CONTROL_PENDING_FILE), "pending_file");
	CHECK_STR(control_name(CONTROL_DATA), "data");
	CHECK_STR(control_name(0), "unknown");
}

TEST_MAIN()
