/*
 * test_link.c - link messages: round trips, strictness, who may send when.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: unit tests.
 */
#include "common/link.h"
#include "tests/harness/test.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define CARD "\"card\":\"sha256:" ZEROS "\""
#define NONCE "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define ENVELOPE "{\"payloadType\":\"t\",\"payload\":\"cA==\"," \
    "\"signatures\":[{\"keyid\":\"k\",\"sig\":\"cw==\"}]}"
#define TWO "{\"payloadType\":\"t\",\"payload\":\"cA==\"," \
    "\"signatures\":[{\"sig\":\"cw==\"},{\"sig\":\"cw==\"}]}"

static const uint8_t seq[32] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
};
static const uint8_t zeros[32];

static struct bytes
s(const char *text)
{
	return bytes_str(text);
}

/* The text in b is exactly want; empties b. */
static void
is_text(struct buf *b, const char *want)
{
	CHECK_INT(buf_error(b), 0);
	buf_put_u8(b, 0);
	CHECK_STR((const char *)b->p, want);
	buf_clear(b);
}

/* ---- every text, written and read ---- */

static const struct {
	const char *text;
	enum link_side from;
	enum link_type type;
} texts[] = {
	{ "{\"type\":\"challenge\",\"nonce\":\"" NONCE "\"}", LINK_CONSOLE,
	    LINK_CHALLENGE },
	{ "{\"type\":\"enrolled\"}", LINK_CONSOLE, LINK_ENROLLED },
	{ "{\"type\":\"enrol_refused\",\"reason\":\"used\"}", LINK_CONSOLE,
	    LINK_ENROL_REFUSED },
	{ "{\"type\":\"welcome\",\"checkpoint\":null}", LINK_CONSOLE,
	    LINK_WELCOME },
	{ "{\"type\":\"welcome\",\"checkpoint\":\"note\\n\"}", LINK_CONSOLE,
	    LINK_WELCOME },
	{ "{\"type\":\"card\",\"envelope\":" ENVELOPE "}", LINK_CONSOLE,
	    LINK_CARD },
	{ "{\"type\":\"card\",\"envelope\":" TWO "}", LINK_CONSOLE,
	    LINK_CARD },
	{ "{\"type\":\"approval\",\"envelope\":" ENVELOPE "}", LINK_CONSOLE,
	    LINK_APPROVAL },
	{ "{\"type\":\"cancel\",\"envelope\":" ENVELOPE "}", LINK_CONSOLE,
	    LINK_CANCEL },
	{ "{\"type\":\"trust\",\"envelope\":" ENVELOPE "}", LINK_CONSOLE,
	    LINK_TRUST },
	{ "{\"type\":\"withdraw\"," CARD ",\"reason\":\"stale\"}",
	    LINK_CONSOLE, LINK_WITHDRAW },
	{ "{\"type\":\"have\",\"n\":9007199254740991}", LINK_CONSOLE,
	    LINK_HAVE },
	{ "{\"type\":\"credit\"," CARD ",\"from\":1,\"until\":2}",
	    LINK_CONSOLE, LINK_CREDIT },
	{ "{\"type\":\"cosignature\",\"status\":200,"
	    "\"body\":\"\xe2\x80\x94 w x\\n\"}", LINK_CONSOLE,
	    LINK_COSIGNATURE },
	{ "{\"type\":\"cosignature\",\"status\":404,\"body\":\"\"}",
	    LINK_CONSOLE, LINK_COSIGNATURE },
	{ "{\"type\":\"retry_after\",\"seconds\":86400}", LINK_CONSOLE,
	    LINK_RETRY_AFTER },
	{ "{\"type\":\"enrol\",\"secret\":\"z\",\"key\":\"" KEY
	    "\",\"device\":\"d-x\"}", LINK_DEVICE, LINK_ENROL },
	{ "{\"type\":\"hello\",\"envelope\":" ENVELOPE "}", LINK_DEVICE,
	    LINK_HELLO },
	{ "{\"type\":\"checkpoint\",\"request\":\"n\"}", LINK_DEVICE,
	    LINK_CHECKPOINT },
};

static void
rewrite(const struct link_msg *m, struct buf *b)
{
	switch (m->type) {
	case LINK_CHALLENGE: link_put_challenge(b, m->u.nonce); break;
	case LINK_ENROLLED: link_put_enrolled(b); break;
	case LINK_ENROL_REFUSED:
		link_put_enrol_refused(b, m->u.reason);
		break;
	case LINK_WELCOME: link_put_welcome(b, &m->u.welcome); break;
	case LINK_CARD:
	case LINK_APPROVAL:
	case LINK_CANCEL:
	case LINK_TRUST:
	case LINK_HELLO:
		link_put_envelope(b, m->type, &m->u.envelope);
		break;
	case LINK_WITHDRAW: link_put_withdraw(b, &m->u.withdraw); break;
	case LINK_HAVE: link_put_have(b, m->u.n); break;
	case LINK_CREDIT: link_put_credit(b, &m->u.credit); break;
	case LINK_COSIGNATURE:
		link_put_cosignature(b, &m->u.cosignature);
		break;
	case LINK_RETRY_AFTER: link_put_retry_after(b, m->u.seconds); break;
	case LINK_ENROL: link_put_enrol(b, &m->u.enrol); break;
	case LINK_CHECKPOINT: link_put_checkpoint(b, m->u.request); break;
	case LINK_RECORDS:
	case LINK_BLOB:
	case LINK_OUTPUT:
	case LINK_LEAVES:
	default: CHECK_MSG(false, "type %d", (int)m->type);
	}
}

TEST(texts_round_trip)
{
	struct link_msg m;
	struct buf b;
	size_t i;

	buf_init(&b, 1 << 16);
	for (i = 0; i < LEN(texts); i++) {
		CHECK_MSG(link_get_text(texts[i].from, s(texts[i].text), &m)
		    == 0, "%s", texts[i].text);
		CHECK_INT(m.type, texts[i].type);
		rewrite(&m, &b);
		is_text(&b, texts[i].text);
		link_msg_free(&m);
		link_msg_free(&m);
	}
	buf_free(&b);
}

/* A message that the other side sends is unknown from this one. */
TEST(texts_have_a_direction)
{
	struct link_msg m;
	size_t i;

	for (i = 0; i < LEN(texts); i++)
		CHECK_MSG(link_get_text(texts[i].from == LINK_CONSOLE ?
		    LINK_DEVICE : LINK_CONSOLE, s(texts[i].text), &m) ==
		    ERR_VERSION, "%s", texts[i].text);
}

/* No cut of a message is one, nor is any with a member more. */
TEST(texts_whole_or_not)
{
	struct link_msg m;
	struct buf b;
	size_t i, n;

	buf_init(&b, 1 << 16);
	for (i = 0; i < LEN(texts); i++) {
		for (n = 0; n < strlen(texts[i].text); n++)
			CHECK_MSG(link_get_text(texts[i].from,
			    bytes_of(texts[i].text, n), &m) != 0, "%s, %zu",
			    texts[i].text, n);
		buf_put(&b, texts[i].text, n - 1);
		buf_put_str(&b, ",\"more\":1}");
		CHECK_MSG(link_get_text(texts[i].from, buf_bytes(&b), &m) ==
		    ERR_UNKNOWN_FIELD, "%s", texts[i].text);
		buf_clear(&b);
	}
	buf_free(&b);
}

/* Without memory a message is neither taken nor half taken. */
TEST(texts_without_memory)
{
	struct link_msg m;
	struct buf b;
	size_t i;
	int r;

	for (i = 0; i < LEN(texts); i++) {
		OOM_LOOP {
			r = link_get_text(texts[i].from, s(texts[i].text), &m);
			if (OOM_FIRED()) {
				CHECK_MSG(r == ERR_NOMEM, "%s: %d",
				    texts[i].text, r);
				continue;
			}
			CHECK_INT(r, 0);
			buf_init(&b, 1 << 16);
			rewrite(&m, &b);
			CHECK_INT(buf_error(&b), OOM_FIRED() ? ERR_NOMEM : 0);
			buf_free(&b);
			link_msg_free(&m);
		}
	}
}

TEST(fields)
{
	struct link_msg m;

	CHECK_INT(link_get_text(LINK_CONSOLE, s(texts[0].text), &m), 0);
	CHECK_MEM(m.u.nonce, sizeof(m.u.nonce), seq, sizeof(seq));
	link_msg_free(&m);
	CHECK_INT(link_get_text(LINK_CONSOLE, s(texts[6].text), &m), 0);
	CHECK(bytes_is(m.u.envelope.type, "t"));
	CHECK(bytes_is(m.u.envelope.payload, "p"));
	CHECK_INT(m.u.envelope.n, 2);
	CHECK(bytes_is(m.u.envelope.sigs[1].keyid, ""));
	CHECK(bytes_is(m.u.envelope.sigs[1].sig, "s"));
	link_msg_free(&m);
	CHECK_INT(link_get_text(LINK_CONSOLE, s(texts[12].text), &m), 0);
	CHECK_MEM(m.u.credit.card, 32, zeros, 32);
	CHECK_INT(m.u.credit.from, 1);
	CHECK_INT(m.u.credit.until, 2);
	link_msg_free(&m);
	CHECK_INT(link_get_text(LINK_DEVICE, s(texts[16].text), &m), 0);
	CHECK_MEM(m.u.enrol.key, 32, seq, 32);
	CHECK(bytes_is(m.u.enrol.secret, "z"));
	link_msg_free(&m);
}

TEST(texts_refused)
{
	static const struct {
		const char *text;
		enum link_side from;
		int want;
	} t[] = {
		{ "", LINK_CONSOLE, ERR_SYNTAX },
		{ "[]", LINK_CONSOLE, ERR_TYPE },
		{ "{}", LINK_CONSOLE, ERR_MISSING_FIELD },
		{ "{\"type\":1}", LINK_CONSOLE, ERR_TYPE },
		{ "{\"type\":\"\"}", LINK_CONSOLE, ERR_VERSION },
		{ "{\"type\":\"records\"}", LINK_DEVICE, ERR_VERSION },
		{ "{\"type\":\"Have\",\"n\":1}", LINK_CONSOLE, ERR_VERSION },
		{ "{\"type\":\"have\"}", LINK_CONSOLE, ERR_MISSING_FIELD },
		{ "{\"type\":\"have\",\"N\":1}", LINK_CONSOLE,
		    ERR_MISSING_FIELD },
		{ "{\"type\":\"have\",\"n\":\"1\"}", LINK_CONSOLE, ERR_TYPE },
		{ "{\"type\":\"have\",\"n\":-1}", LINK_CONSOLE, ERR_RANGE },
		{ "{\"type\":\"have\",\"n\":1.0}", LINK_CONSOLE, ERR_RANGE },
		{ "{\"type\":\"have\",\"n\":9007199254740992}", LINK_CONSOLE,
		    ERR_RANGE },
		{ "{\"type\":\"have\",\"n\":1,\"n\":1}", LINK_CONSOLE,
		    ERR_DUPLICATE },
		{ "{\"type\":\"have\",\"n\":1} x", LINK_CONSOLE, ERR_SYNTAX },
		{ "{\"type\":\"welcome\"}", LINK_CONSOLE, ERR_MISSING_FIELD },
		{ "{\"type\":\"welcome\",\"checkpoint\":\"\"}", LINK_CONSOLE,
		    ERR_RANGE },
		{ "{\"type\":\"welcome\",\"checkpoint\":1}", LINK_CONSOLE,
		    ERR_TYPE },
		{ "{\"type\":\"cosignature\",\"status\":99,\"body\":\"\"}",
		    LINK_CONSOLE, ERR_RANGE },
		{ "{\"type\":\"cosignature\",\"status\":600,\"body\":\"\"}",
		    LINK_CONSOLE, ERR_RANGE },
		{ "{\"type\":\"cosignature\",\"status\":200}",
		    LINK_CONSOLE, ERR_MISSING_FIELD },
		{ "{\"type\":\"cosignature\",\"line\":\"x\"}",
		    LINK_CONSOLE, ERR_MISSING_FIELD },
		{ "{\"type\":\"checkpoint\",\"request\":\"\"}", LINK_DEVICE,
		    ERR_RANGE },
		{ "{\"type\":\"checkpoint\",\"note\":\"x\"}", LINK_DEVICE,
		    ERR_MISSING_FIELD },
		{ "{\"type\":\"retry_after\",\"seconds\":86401}", LINK_CONSOLE,
		    ERR_RANGE },
		{ "{\"type\":\"challenge\",\"nonce\":\"AAAA\"}", LINK_CONSOLE,
		    ERR_RANGE },
		{ "{\"type\":\"challenge\",\"nonce\":\"" KEY "\"}",
		    LINK_CONSOLE, ERR_SYNTAX },
		{ "{\"type\":\"credit\"," CARD ",\"from\":3,\"until\":2}",
		    LINK_CONSOLE, ERR_RANGE },
		{ "{\"type\":\"credit\",\"card\":\"" ZEROS "\",\"from\":1,"
		    "\"until\":2}", LINK_CONSOLE, ERR_SYNTAX },
		{ "{\"type\":\"withdraw\"," CARD ",\"reason\":\"\"}",
		    LINK_CONSOLE, ERR_RANGE },
		{ "{\"type\":\"card\",\"envelope\":1}", LINK_CONSOLE,
		    ERR_TYPE },
		{ "{\"type\":\"card\",\"envelope\":{}}", LINK_CONSOLE,
		    ERR_MISSING_FIELD },
		{ "{\"type\":\"approval\",\"envelope\":" TWO "}", LINK_CONSOLE,
		    ERR_RANGE },
		{ "{\"type\":\"cancel\",\"envelope\":" TWO "}", LINK_CONSOLE,
		    ERR_RANGE },
		{ "{\"type\":\"hello\",\"envelope\":" TWO "}", LINK_DEVICE,
		    ERR_RANGE },
		{ "{\"type\":\"enrol\",\"secret\":\"z\",\"key\":\"AA==\","
		    "\"device\":\"d\"}", LINK_DEVICE, ERR_RANGE },
		{ "{\"type\":\"enrol\",\"secret\":\"\",\"key\":\"" KEY
		    "\",\"device\":\"d\"}", LINK_DEVICE, ERR_RANGE },
	};
	struct link_msg m;
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		int got = link_get_text(t[i].from, s(t[i].text), &m);

		CHECK_MSG(got == t[i].want, "%s: %d", t[i].text, got);
	}
}

/* A message with one string part of n bytes. */
static int
get_long(enum link_side from, const char *before, size_t n, const char *after)
{
	struct link_msg m;
	struct buf b;
	int r;

	buf_init(&b, (size_t)8 << 20);
	buf_put_str(&b, before);
	while (n-- > 0)
		buf_put_u8(&b, 'A');
	buf_put_str(&b, after);
	CHECK_INT(buf_error(&b), 0);
	if ((r = link_get_text(from, buf_bytes(&b), &m)) == 0)
		link_msg_free(&m);
	buf_free(&b);
	return r;
}

TEST(parts_have_caps)
{
	static const struct {
		enum link_side from;
		const char *before;
		size_t good, bad;
		const char *after;
	} t[] = {
		{ LINK_CONSOLE, "{\"type\":\"enrol_refused\",\"reason\":\"",
		    512, 513, "\"}" },
		{ LINK_CONSOLE, "{\"type\":\"welcome\",\"checkpoint\":\"",
		    8192, 8193, "\"}" },
		{ LINK_CONSOLE, "{\"type\":\"cosignature\",\"status\":200,"
		    "\"body\":\"", 8192, 8193, "\"}" },
		{ LINK_DEVICE, "{\"type\":\"checkpoint\",\"request\":\"",
		    16384, 16385, "\"}" },
		/* payloads of an unknown type: 24 KiB, 32 KiB and over */
		{ LINK_CONSOLE, "{\"type\":\"card\",\"envelope\":{"
		    "\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"AAAA\"}],"
		    "\"payload\":\"", 43688, 43696, "\"}}" },
		{ LINK_CONSOLE, "{\"type\":\"approval\",\"envelope\":{"
		    "\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"AAAA\"}],"
		    "\"payload\":\"", 21840, 21848, "\"}}" },
		{ LINK_CONSOLE, "{\"type\":\"trust\",\"envelope\":{"
		    "\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"AAAA\"}],"
		    "\"payload\":\"", 5592404, 5592408, "\"}}" },
		{ LINK_CONSOLE, "{\"type\":\"card\",\"envelope\":{"
		    "\"payloadType\":\"t\",\"payload\":\"AAAA\","
		    "\"signatures\":[{\"sig\":\"", 680, 684, "\"}]}}" },
	};
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		CHECK_MSG(get_long(t[i].from, t[i].before, t[i].good,
		    t[i].after) == 0, "%s", t[i].before);
		CHECK_MSG(get_long(t[i].from, t[i].before, t[i].bad,
		    t[i].after) == ERR_TOO_LARGE, "%s", t[i].before);
	}
	/* The whole message, before anything parses it. */
	CHECK_INT(get_long(LINK_DEVICE, "{\"type\":\"", LINK_DEVICE_TEXT_CAP,
	    "\"}"), ERR_TOO_LARGE);
	CHECK_INT(get_long(LINK_CONSOLE, "{\"type\":\"", LINK_TEXT_CAP, "\"}"),
	    ERR_TOO_LARGE);
}

TEST(writers_refuse)
{
	struct wire_withdraw w = { zeros, s("\xff") };
	struct wire_envelope none = { .n = 0 };
	struct buf b;

	buf_init(&b, 4096);
	link_put_withdraw(&b, &w);
	CHECK_INT(buf_error(&b), ERR_CHARACTER);
	buf_clear(&b);
	link_put_have(&b, (uint64_t)1 << 53);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	link_put_have(&b, UINT64_MAX);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	link_put_envelope(&b, LINK_CARD, &none);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	link_put_envelope_text(&b, LINK_TRUST, s(ENVELOPE));
	is_text(&b, "{\"type\":\"trust\",\"envelope\":" ENVELOPE "}");
	buf_free(&b);
}

/* ---- binary ---- */

TEST(binary_layout)
{
	static const uint8_t records[] = { 1, 5, 0, 0, 0, 0, 0, 0, 0,
	    2, 0, 0, 0, 'a', 'b' };
	static const uint8_t blob_tail[] = { 9, 0, 0, 0, 7, 0, 0, 0, 'x', 'y' };
	static const uint8_t out_tail[] = { 1, 1, 0, 0, 0, 0, 0, 0, 'z' };
	struct wire_blob blob = { seq, 9, 7, s("xy") };
	static const uint8_t leaves_head[] = { 2, 1, 0, 0, 0, 0, 0, 0,
	    3, 1, 0, 0, 0, 0, 0, 0 };
	struct wire_output output = { seq, 257, s("z") };
	struct wire_leaves leaves = { 258, 259, bytes_of(seq, 32) };
	struct wire_record r;
	struct link_msg m;
	struct buf b;

	buf_init(&b, 4096);
	link_put_records(&b, bytes_of(records + 1, sizeof(records) - 1));
	CHECK_MEM(b.p, b.n, records, sizeof(records));
	CHECK_INT(link_get_binary(buf_bytes(&b), &m), 0);
	CHECK_INT(m.type, LINK_RECORDS);
	CHECK_INT(wire_next_record(&m.u.records, &r), 1);
	CHECK_INT(r.index, 5);
	CHECK(bytes_is(r.payload, "ab"));
	buf_clear(&b);
	link_put_blob(&b, &blob);
	CHECK_INT(b.p[0], 2);
	CHECK_MEM(b.p + 1, 32, seq, 32);
	CHECK_MEM(b.p + 33, b.n - 33, blob_tail, sizeof(blob_tail));
	CHECK_INT(link_get_binary(buf_bytes(&b), &m), 0);
	CHECK_INT(m.type, LINK_BLOB);
	CHECK_INT(m.u.blob.total, 9);
	CHECK_INT(m.u.blob.offset, 7);
	CHECK(bytes_is(m.u.blob.data, "xy"));
	buf_clear(&b);
	link_put_output(&b, &output);
	CHECK_INT(b.p[0], 3);
	CHECK_MEM(b.p + 33, b.n - 33, out_tail, sizeof(out_tail));
	CHECK_INT(link_get_binary(buf_bytes(&b), &m), 0);
	CHECK_INT(m.type, LINK_OUTPUT);
	CHECK_INT(m.u.output.offset, 257);
	CHECK(bytes_is(m.u.output.data, "z"));
	buf_clear(&b);
	link_put_leaves(&b, &leaves);
	CHECK_INT(b.p[0], 4);
	CHECK_MEM(b.p + 1, 16, leaves_head, sizeof(leaves_head));
	CHECK_MEM(b.p + 17, b.n - 17, seq, 32);
	CHECK_INT(link_get_binary(buf_bytes(&b), &m), 0);
	CHECK_INT(m.type, LINK_LEAVES);
	CHECK_INT(m.u.leaves.first, 258);
	CHECK_INT(m.u.leaves.until, 259);
	CHECK_INT(m.u.leaves.hashes.n, 32);
	/* Not whole hashes; more of them than are missing; beyond an index. */
	CHECK_INT(link_get_binary(bytes_of(b.p, b.n - 1), &m), ERR_SYNTAX);
	b.p[9] = 2;
	CHECK_INT(link_get_binary(buf_bytes(&b), &m), ERR_RANGE);
	b.p[9] = 3;
	b.p[16] = 0x80;
	CHECK_INT(link_get_binary(buf_bytes(&b), &m), ERR_RANGE);
	link_msg_free(&m);
	buf_free(&b);
}

TEST(binary_refused)
{
	static uint8_t big[1 + 40 + WIRE_BATCH_CAP + 1];
	static const struct {
		uint8_t first[16];
		size_t n;
		int want;
	} t[] = {
		{ { 0 }, 0, ERR_TRUNCATED },
		{ { 0 }, 1, ERR_VERSION },
		{ { 5 }, 100, ERR_VERSION },
		{ { 4 }, 16, ERR_TRUNCATED },
		{ { 4 }, 18, ERR_SYNTAX },
		{ { 4 }, 1 + 40 + WIRE_BATCH_CAP + 1, ERR_TOO_LARGE },
		{ { 1 }, 1, ERR_TRUNCATED },
		{ { 1 }, 12, ERR_TRUNCATED },
		{ { 1, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 13, ERR_TRUNCATED },
		{ { 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80 }, 40000,
		    ERR_TOO_LARGE },
		{ { 1 }, 1 + WIRE_BATCH_CAP + 1, ERR_TOO_LARGE },
		{ { 2 }, 40, ERR_TRUNCATED },
		{ { 2 }, 42, ERR_RANGE },
		{ { 3 }, 40, ERR_TRUNCATED },
		{ { 3 }, 1 + 40 + WIRE_BATCH_CAP + 1, ERR_TOO_LARGE },
	};
	struct link_msg m;
	size_t i;

	for (i = 0; i < LEN(t); i++) {
		memset(big, 0, sizeof(big));
		memcpy(big, t[i].first, sizeof(t[i].first));
		CHECK_MSG(link_get_binary(bytes_of(big, t[i].n), &m) ==
		    t[i].want, "row %zu: %d", i,
		    link_get_binary(bytes_of(big, t[i].n), &m));
	}
}

/* ---- who may say what when ---- */

TEST(permitted)
{
	/* States as digits, at the device and at the console. */
	static const struct {
		enum link_type type;
		const char *device, *console;
	} t[] = {
		{ LINK_CHALLENGE, "2", "" },
		{ LINK_ENROLLED, "4", "" },
		{ LINK_ENROL_REFUSED, "4", "" },
		{ LINK_WELCOME, "5", "" },
		{ LINK_CARD, "6", "" },
		{ LINK_APPROVAL, "6", "" },
		{ LINK_CANCEL, "6", "" },
		{ LINK_TRUST, "6", "" },
		{ LINK_WITHDRAW, "6", "" },
		{ LINK_HAVE, "6", "" },
		{ LINK_CREDIT, "6", "" },
		{ LINK_COSIGNATURE, "6", "" },
		{ LINK_RETRY_AFTER, "23456", "" },
		{ LINK_ENROL, "", "0" },
		{ LINK_HELLO, "", "0" },
		{ LINK_CHECKPOINT, "", "2" },
		{ LINK_RECORDS, "", "2" },
		{ LINK_BLOB, "", "2" },
		{ LINK_OUTPUT, "", "2" },
		{ LINK_LEAVES, "", "2" },
	};
	unsigned state;
	size_t i;

	CHECK_INT(LEN(t), LINK_LEAVES + 1);
	for (i = 0; i < LEN(t); i++) {
		CHECK_INT(t[i].type, i);
		for (state = 0; state < 10; state++) {
			CHECK_MSG(link_permitted(LINK_DEVICE, state, t[i].type)
			    == (strchr(t[i].device, (int)('0' + state)) !=
			    NULL), "device, %s, %u", link_name(t[i].type),
			    state);
			CHECK_MSG(link_permitted(LINK_CONSOLE, state,
			    t[i].type) == (strchr(t[i].console,
			    (int)('0' + state)) != NULL), "console, %s, %u",
			    link_name(t[i].type), state);
		}
		CHECK(!link_permitted(LINK_DEVICE, 33, t[i].type));
	}
	CHECK(!link_permitted(LINK_DEVICE, 6, (enum link_type)99));
	CHECK_STR(link_name((enum link_type)99), "unknown");
	CHECK_STR(link_name(LINK_BLOB), "blob");
}

TEST_MAIN()
