/*
 * test_envelope.c - DSSE envelopes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/envelope.h"
#include "common/signer.h"
#include "tests/harness/test.h"

#define CAP 100000

static void
signer_of(unsigned n, struct signer *ret_s)
{
	uint8_t seed[32];

	CHECK_INT(digest_init(), 0);
	memset(seed, (int)n + 1, sizeof(seed));
	CHECK_INT(signer_from_seed(seed, ret_s), 0);
}

/* Signs with signers first..first+n-1; the signatures live in sigs. */
static void
sign(struct envelope *e, unsigned first, unsigned n, uint8_t (*sigs)[64])
{
	struct signer s;
	struct buf pae;
	unsigned i;

	buf_init(&pae, CAP);
	envelope_pae(&pae, e->type, e->payload);
	for (i = 0; i < n; i++) {
		signer_of(first + i, &s);
		CHECK_INT(signer_sign(&s, buf_bytes(&pae), sigs[i]), 0);
		e->sigs[i].keyid = bytes_str("k");
		e->sigs[i].sig = bytes_of(sigs[i], 64);
	}
	e->n_sigs = n;
	buf_free(&pae);
}

TEST(written_and_read_back)
{
	static const char want[] = "{\"payloadType\":\"a/b\",\"payload\":"
	    "\"eyJ4IjoiXHUwMGU5In0=\",\"signatures\":[{\"keyid\":\"k\","
	    "\"sig\":\"AQID\"},{\"sig\":\"\"}]}";
	struct envelope e = { .type = bytes_str("a/b"),
	    .payload = bytes_str("{\"x\":\"\\u00e9\"}"), .n_sigs = 2 };
	struct envelope_doc d;
	struct buf b;

	e.sigs[0].keyid = bytes_str("k");
	e.sigs[0].sig = bytes_of("\1\2\3", 3);
	buf_init(&b, CAP);
	envelope_write(&b, &e);
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	CHECK_INT(envelope_parse(buf_bytes(&b), b.n, &d), 0);
	CHECK(bytes_is(d.e.type, "a/b"));
	CHECK(bytes_equal(d.e.payload, e.payload));
	CHECK_INT(d.e.n_sigs, 2);
	CHECK(bytes_is(d.e.sigs[0].keyid, "k"));
	CHECK_MEM(d.e.sigs[0].sig.p, d.e.sigs[0].sig.n, "\1\2\3", 3);
	CHECK_INT(d.e.sigs[1].keyid.n, 0);
	CHECK_INT(d.e.sigs[1].sig.n, 0);
	envelope_free(&d);
	envelope_free(&d);
	CHECK_INT(envelope_parse(buf_bytes(&b), b.n - 1, &d), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST(writing_checks_the_number_of_signatures)
{
	struct envelope e = { .type = bytes_str("t"), .n_sigs = 0 };
	struct buf b;

	buf_init(&b, CAP);
	envelope_write(&b, &e);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	envelope_write(&b, &e);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	e.n_sigs = ENVELOPE_MAX_SIGS + 1;
	envelope_write(&b, &e);
	CHECK_INT(buf_error(&b), ERR_RANGE);
	buf_clear(&b);
	e.n_sigs = 1;
	e.sigs[0].keyid = bytes_str("\xff");
	envelope_write(&b, &e);
	CHECK_INT(buf_error(&b), ERR_CHARACTER);
	buf_free(&b);
}

#define T "\"payloadType\":\"t\""
#define PL "\"payload\":\"AQID\""
#define S "\"signatures\":[{\"sig\":\"AQID\"}]"

TEST(what_is_read)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "{" T "," PL "," S "}", 0 },
		{ "{" S "," PL "," T "}", 0 },
		/* DSSE: members that it does not name are ignored. */
		{ "{" T "," PL "," S ",\"x\":{\"y\":[1]}}", 0 },
		{ "{" T "," PL ",\"signatures\":[{\"sig\":\"\","
		    "\"cert\":\"x\"}]}", 0 },
		/* Either alphabet, padded, not both at once. */
		{ "{" T ",\"payload\":\"+/+/\"," S "}", 0 },
		{ "{" T ",\"payload\":\"-_-_\"," S "}", 0 },
		{ "{" T ",\"payload\":\"-_8=\"," S "}", 0 },
		{ "{" T ",\"payload\":\"_w==\"," S "}", 0 },
		{ "{" T ",\"payload\":\"-/-/\"," S "}", ERR_CHARACTER },
		{ "{" T ",\"payload\":\"_+AA\"," S "}", ERR_CHARACTER },
		{ "{" T ",\"payload\":\"-_8\"," S "}", ERR_SYNTAX },
		{ "{" T ",\"payload\":\"/w\"," S "}", ERR_SYNTAX },
		{ "{" T ",\"payload\":\"/x==\"," S "}", ERR_SYNTAX },
		{ "{" T ",\"payload\":\"AQ D\"," S "}", ERR_CHARACTER },
		{ "{" T ",\"payload\":\"\"," S "}", 0 },
		{ "{\"payloadType\":\"\"," PL "," S "}", ERR_RANGE },
		{ "{\"payloadType\":\"\\u00e9\"," PL "," S "}", 0 },
		{ "{\"payloadType\":1," PL "," S "}", ERR_TYPE },
		{ "{" T ",\"payload\":null," S "}", ERR_TYPE },
		{ "{" T "," PL ",\"signatures\":[]}", ERR_RANGE },
		{ "{" T "," PL ",\"signatures\":{}}", ERR_TYPE },
		{ "{" T "," PL ",\"signatures\":[1]}", ERR_TYPE },
		{ "{" T "," PL ",\"signatures\":[{}]}", ERR_MISSING_FIELD },
		{ "{" T "," PL ",\"signatures\":[{\"sig\":1}]}", ERR_TYPE },
		{ "{" T "," PL ",\"signatures\":[{\"sig\":\"\",\"keyid\":1}]}",
		    ERR_TYPE },
		{ "{" PL "," S "}", ERR_MISSING_FIELD },
		{ "{" T "," S "}", ERR_MISSING_FIELD },
		{ "{" T "," PL "}", ERR_MISSING_FIELD },
		{ "{\"PayloadType\":\"t\"," PL "," S "}", ERR_MISSING_FIELD },
		{ "{" T "," T "," PL "," S "}", ERR_DUPLICATE },
		{ "{" T "," PL "," S "} x", ERR_SYNTAX },
		{ "[]", ERR_TYPE },
		{ "", ERR_SYNTAX },
	};
	struct envelope_doc d;
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&d, 0, sizeof(d));
		r = envelope_parse(bytes_str(rows[i].text), CAP, &d);
		CHECK_MSG(r == rows[i].err, "row %zu: %d", i, r);
		envelope_free(&d);
	}
}

TEST(the_alphabets_mean_the_same)
{
	struct envelope_doc d;

	CHECK_INT(envelope_parse(bytes_str("{" T ",\"payload\":\"-_8=\","
	    "\"signatures\":[{\"sig\":\"+/8=\"}]}"), CAP, &d), 0);
	CHECK_MEM(d.e.payload.p, d.e.payload.n, "\xfb\xff", 2);
	CHECK_MEM(d.e.sigs[0].sig.p, d.e.sigs[0].sig.n, "\xfb\xff", 2);
	envelope_free(&d);
}

static int
parse_sized(size_t type, size_t payload, size_t keyid, size_t sig, size_t sigs)
{
	static uint8_t zeros[1 << 20];
	struct envelope e = { .n_sigs = 1 };
	struct envelope_doc d;
	char letters[500];
	struct buf b;
	size_t i;
	int r;

	memset(letters, 'a', sizeof(letters));
	e.type = bytes_of(letters, type);
	e.payload = bytes_of(zeros, payload);
	e.sigs[0].keyid = bytes_of(letters, keyid);
	e.sigs[0].sig = bytes_of(zeros, sig);
	buf_init(&b, 4 << 20);
	envelope_write(&b, &e);
	if (sigs > 1) {
		b.n -= 2;
		for (i = 1; i < sigs; i++)
			buf_put_str(&b, ",{\"sig\":\"\"}");
		buf_put_str(&b, "]}");
	}
	r = buf_error(&b);
	if (r == 0 && (r = envelope_parse(buf_bytes(&b), b.n, &d)) == 0)
		envelope_free(&d);
	buf_free(&b);
	return r;
}

TEST(sizes)
{
	CHECK_INT(parse_sized(128, 0, 0, 0, 1), 0);
	CHECK_INT(parse_sized(129, 0, 0, 0, 1), ERR_RANGE);
	CHECK_INT(parse_sized(1, 0, 128, 0, 1), 0);
	CHECK_INT(parse_sized(1, 0, 129, 0, 1), ERR_RANGE);
	CHECK_INT(parse_sized(1, 0, 0, 16384, 1), 0);
	CHECK_INT(parse_sized(1, 0, 0, 16385, 1), ERR_RANGE);
	CHECK_INT(parse_sized(1, 0, 0, 64, 16), 0);
	CHECK_INT(parse_sized(1, 0, 0, 64, 17), ERR_RANGE);
	CHECK_INT(parse_sized(1, 1 << 20, 0, 64, 1), 0);
}

TEST(payload_types)
{
	static const char *const words[PAYLOAD_TYPES] = { "unknown", "card",
	    "approval", "cancel", "root", "people", "policy", "device",
	    "timestamp", "hello", "epoch" };
	char text[100];
	int i;

	for (i = 1; i < PAYLOAD_TYPES; i++) {
		enum payload_type t = (enum payload_type)i;

		(void)snprintf(text, sizeof(text),
		    "application/vnd.countersign.%s.v1+json", words[i]);
		CHECK(bytes_is(envelope_type_text(t), text));
		CHECK_INT(envelope_type(bytes_str(text)), t);
		CHECK_STR(envelope_type_word(t), words[i]);
		CHECK(envelope_type_cap(t) >= 16384);
	}
	CHECK_STR(envelope_type_word(PAYLOAD_UNKNOWN), "unknown");
	CHECK_INT(envelope_type_cap(PAYLOAD_CARD), 32768);
	CHECK_INT(envelope_type_cap(PAYLOAD_APPROVAL), 16384);
	CHECK_INT(envelope_type_cap(PAYLOAD_POLICY), 4194304);
	CHECK_INT(envelope_type(bytes_str("")), PAYLOAD_UNKNOWN);
	CHECK_INT(envelope_type(bytes_str("card")), PAYLOAD_UNKNOWN);
	CHECK_INT(envelope_type(bytes_str("application/vnd.countersign.card.v2"
	    "+json")), PAYLOAD_UNKNOWN);
	CHECK_INT(envelope_type(bytes_str("application/vnd.countersign.Card.v1"
	    "+json")), PAYLOAD_UNKNOWN);
}

TEST(a_payload_has_its_types_cap)
{
	static uint8_t zeros[40000];
	struct envelope e = { .n_sigs = 1, .payload = { zeros, 32768 } };
	struct envelope_doc d;
	struct buf b;

	e.type = envelope_type_text(PAYLOAD_CARD);
	buf_init(&b, CAP);
	envelope_write(&b, &e);
	CHECK_INT(envelope_parse(buf_bytes(&b), CAP, &d), 0);
	envelope_free(&d);
	buf_clear(&b);
	e.payload.n++;
	envelope_write(&b, &e);
	CHECK_INT(envelope_parse(buf_bytes(&b), CAP, &d), ERR_TOO_LARGE);
	buf_clear(&b);
	e.type = envelope_type_text(PAYLOAD_APPROVAL);
	e.payload.n = 16385;
	envelope_write(&b, &e);
	CHECK_INT(envelope_parse(buf_bytes(&b), CAP, &d), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST(which_keys_signed)
{
	struct envelope e = { .type = bytes_str("t"),
	    .payload = bytes_str("p") };
	const uint8_t *keys[5];
	uint8_t sigs[3][64];
	struct signer s[5];
	bool valid[5];
	unsigned i;

	for (i = 0; i < 5; i++) {
		signer_of(i, &s[i]);
		keys[i] = s[i].public;
	}
	sign(&e, 1, 3, sigs);
	CHECK_INT(envelope_verify_ed25519(&e, keys, 5, valid), 0);
	for (i = 0; i < 5; i++)
		CHECK(valid[i] == (i >= 1 && i <= 3));
	/* One signature twice is one key. */
	e.sigs[1] = e.sigs[0];
	e.sigs[2] = e.sigs[0];
	CHECK_INT(envelope_verify_ed25519(&e, keys, 5, valid), 0);
	for (i = 0; i < 5; i++)
		CHECK(valid[i] == (i == 1));
	/* Nobody's, or of another form: skipped. */
	CHECK_INT(envelope_verify_ed25519(&e, keys + 2, 3, valid),
	    ERR_SIGNATURE);
	for (i = 0; i < 3; i++)
		CHECK(!valid[i]);
	e.sigs[0].sig.n = 63;
	CHECK_INT(envelope_verify_ed25519(&e, keys, 5, valid), 0);
	CHECK_INT(envelope_verify_ed25519(&e, keys, 0, valid), ERR_SIGNATURE);
	e.n_sigs = 0;
	CHECK_INT(envelope_verify_ed25519(&e, keys, 5, valid), ERR_SIGNATURE);
}

/* Type and payload are bound, and no byte moves from one to the other. */
TEST(another_type_or_payload_is_not_signed)
{
	static const struct {
		const char *type, *payload;
	} rows[] = {
		{ "tt", "payload" }, { "", "t1 1 payload" }, { "t", "Payload" },
		{ "t", "payload " }, { "t", "" }, { "t 7", "payload" },
	};
	struct envelope e = { .type = bytes_str("t"),
	    .payload = bytes_str("payload") };
	const uint8_t *keys[1];
	uint8_t sigs[1][64];
	struct signer s;
	bool valid;
	size_t i;

	signer_of(0, &s);
	keys[0] = s.public;
	sign(&e, 0, 1, sigs);
	CHECK_INT(envelope_verify_ed25519(&e, keys, 1, &valid), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		e.type = bytes_str(rows[i].type);
		e.payload = bytes_str(rows[i].payload);
		CHECK_INT(envelope_verify_ed25519(&e, keys, 1, &valid),
		    ERR_SIGNATURE);
	}
}

TEST(the_work_is_bounded)
{
	static const uint8_t *keys[ENVELOPE_MAX_TRIES + 1];
	static bool valid[ENVELOPE_MAX_TRIES + 1];
	struct envelope e = { .type = bytes_str("t") };
	uint8_t sigs[16][64];
	struct signer s;
	size_t i;

	signer_of(99, &s);
	for (i = 0; i < ENVELOPE_MAX_TRIES + 1; i++)
		keys[i] = s.public;
	sign(&e, 0, 16, sigs);
	CHECK_INT(envelope_verify_ed25519(&e, keys, 257, valid),
	    ERR_TOO_LARGE);
	CHECK_INT(envelope_verify_ed25519(&e, keys, 256, valid),
	    ERR_SIGNATURE);
	e.n_sigs = 1;
	CHECK_INT(envelope_verify_ed25519(&e, keys, 4097, valid),
	    ERR_TOO_LARGE);
	e.n_sigs = 17;
	CHECK_INT(envelope_verify_ed25519(&e, keys, 1, valid), ERR_TOO_LARGE);
}

TEST(without_memory)
{
	struct envelope_doc d;
	const uint8_t *keys[1];
	struct signer s;
	bool valid;
	int r;

	signer_of(0, &s);
	keys[0] = s.public;
	OOM_LOOP {
		r = envelope_parse(bytes_str("{" T ",\"payload\":\"-_8=\"," S
		    "}"), CAP, &d);
		if (r == 0) {
			r = envelope_verify_ed25519(&d.e, keys, 1, &valid);
			envelope_free(&d);
		}
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : ERR_SIGNATURE);
	}
}

TEST_MAIN()
