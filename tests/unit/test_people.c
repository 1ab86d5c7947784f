/*
 * test_people.c - the people file, and whose key signed what.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/people.h"
#include "tests/harness/proofs.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

static struct buf text;

static int
parse(const char *base, const char *from, const char *to, struct people **p,
    struct refusal *why)
{
	CHECK_INT(digest_init(), 0);
	buf_free(&text);
	buf_init(&text, KIT_MAX);
	kit_edit(&text, base, from, to);
	return people_parse(buf_bytes(&text), p, why);
}

static struct people *
good(const char *base, const char *from, const char *to)
{
	struct people *p = NULL;
	struct refusal why;
	int r = parse(base, from, to, &p, &why);

	CHECK_MSG(r == 0, "%s: %s: %s", to != NULL ? to : "", why.reason,
	    why.detail);
	return p;
}

/* Every kind of key, of one person; P256 is a point in base64. */
#define P256 "BNZak5d8qj0bCBhS/1ennkZfFmBXcwS66tUF3TpIWJzzUBheiV" \
	"Ny32Ih6joTdVfkc/3bZ1XwW9UHw8Uz/OnJEoU="
#define CREDENTIAL "AQIDBAUGBwg"
#define SK_REST \
	",\"application\":\"ssh:countersign\",\"verify_required\":true}"
#define WA_REST \
	",\"credential_id\":\"" CREDENTIAL "\",\"rp_id\":\"a.example\"," \
	"\"origins\":[\"https://a.example\",\"http://localhost:8080\"]}"
#define KEYS \
	"{\"kind\":\"ed25519\",\"key\":\"^61\"," \
	"\"valid_from\":\"2026-01-05T00:00:00Z\"," \
	"\"valid_until\":\"2026-01-06T00:00:00Z\"}," \
	"{\"kind\":\"ssh\",\"key\":\"^62\"}," \
	"{\"kind\":\"sk\",\"alg\":\"ed25519\",\"key\":\"^63\"" SK_REST "," \
	"{\"kind\":\"webauthn\",\"alg\":\"es256\",\"key\":\"" P256 "\"" \
	WA_REST
#define HEAD \
	"{\"v\":1,\"org\":\"acme\",\"version\":7," \
	"\"issued\":\"2026-01-02T00:00:00Z\"," \
	"\"expires\":\"2026-02-01T00:00:00Z\",\"persons\":["
#define PERSON "{\"id\":\"zoe\",\"name\":\"Zo\\u00e9\",\"roles\":[" \
	"\"proposer\",\"technician\",\"admin\",\"manager\"],\"keys\":[" \
	KEYS "]}"
#define LISTS "],\"requesters\":[{\"id\":\"ann\",\"mails\":[\"a@b\"," \
	"\"c@b\"],\"manager\":\"zoe\"}],\"revoked\":[\"~62\"]"
#define ZOE HEAD PERSON LISTS "}"

TEST(reads)
{
	struct people *p = good(ZOE, NULL, NULL);
	const struct person *z = people_find(p, bytes_str("zoe"));
	const struct people_key *k;
	char id[KEYID_SIZE];

	CHECK(bytes_is(p->head.org, "acme"));
	CHECK_INT(p->head.version, 7);
	CHECK_INT(p->head.issued, kit_time("2026-01-02T00:00:00Z"));
	CHECK(z != NULL && bytes_is(z->name, "Zo\303\251"));
	CHECK_INT(z->roles, PERSON_PROPOSER | PERSON_TECHNICIAN |
	    PERSON_ADMIN | PERSON_MANAGER);
	CHECK_INT(z->n_keys, 4);
	k = z->keys;
	CHECK_INT(k[0].key.kind, PROOF_ED25519);
	CHECK_INT(k[0].valid_from, kit_time("2026-01-05T00:00:00Z"));
	kit_keyid(0x61, id);
	CHECK_STR(k[0].id, id);
	CHECK(!k[0].revoked && k[1].revoked);
	CHECK_INT(k[1].key.kind, PROOF_SSH);
	CHECK_INT(k[1].valid_from, TIME_MIN);
	CHECK_INT(k[1].valid_until, TIME_MAX);
	CHECK_INT(k[2].key.kind, PROOF_SK);
	CHECK_INT(k[2].key.alg, PROOF_ALG_ED25519);
	CHECK(bytes_is(k[2].key.application, "ssh:countersign"));
	CHECK(k[2].key.verify_required);
	CHECK_INT(k[3].key.kind, PROOF_WEBAUTHN);
	CHECK_INT(k[3].key.alg, PROOF_ALG_ES256);
	CHECK_INT(k[3].key.credential_id.n, 8);
	CHECK(bytes_is(k[3].key.rp_id, "a.example"));
	CHECK_INT(k[3].key.n_origins, 2);
	CHECK_INT(p->n_requesters, 1);
	CHECK_INT(p->revoked.n, 1);
	CHECK(people_find(p, bytes_str("Zoe")) == NULL);
	people_free(p);
	people_free(NULL);
	buf_free(&text);
}

TEST(takes)
{
	static const char *const rows[][2] = {
		{ LISTS, "]" },
		{ LISTS, "],\"requesters\":[],\"revoked\":[]" },
		{ PERSON, "" },
		{ KEYS, "" },
		{ "\"proposer\",\"technician\",\"admin\",\"manager\"", "" },
		{ "[\"a@b\",\"c@b\"]", "[]" },
		{ "http://localhost:8080", "http://localhost" },
		{ "http://localhost:8080", "https://x-y.example:8443" },
		{ "ssh:countersign", "ssh:" }
	};
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++)
		people_free(good(ZOE, rows[i][0], rows[i][1]));
	people_free(good(KIT_PEOPLE, NULL, NULL));
	buf_free(&text);
}

#define ED(seed) "{\"kind\":\"ed25519\",\"key\":\"" seed "\"}"
#define TWO(a, b) \
	HEAD "{\"id\":\"a\",\"name\":\"A\",\"roles\":[],\"keys\":[" a "]}," \
	"{\"id\":\"b\",\"name\":\"B\",\"roles\":[],\"keys\":[" b "]}]}"
#define WA(key, id) \
	"{\"kind\":\"webauthn\",\"alg\":\"ed25519\",\"key\":\"" key "\"," \
	"\"credential_id\":\"" id "\",\"rp_id\":\"a\"," \
	"\"origins\":[\"https://a\"]}"

struct bad {
	const char *from;
	const char *to;
	int err;
	const char *detail;
};

static void
check_bad(const char *base, const struct bad *rows, size_t n)
{
	struct people *p = NULL;
	struct refusal why;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = parse(base, rows[i].from, rows[i].to, &p, &why);
		CHECK_MSG(r == rows[i].err && p == NULL, "row %zu: %d %s", i,
		    r, why.detail);
		CHECK_MSG(strcmp(why.reason, err_word(r)) == 0, "row %zu", i);
		CHECK_MSG(strncmp(why.detail, rows[i].detail,
		    strlen(rows[i].detail)) == 0, "row %zu: %s", i,
		    why.detail);
	}
	buf_free(&text);
}

TEST(refuses_fields)
{
	static const struct bad rows[] = {
		{ "{\"v\":1,", "{", ERR_MISSING_FIELD, "v" },
		{ "{\"v\":1,", "{\"v\":2,", ERR_RANGE, "v" },
		{ "{\"v\":1,", "{\"v\":1,\"x\":1,", ERR_UNKNOWN_FIELD, "x" },
		{ "\"org\":\"acme\",", "", ERR_MISSING_FIELD, "org" },
		{ "\"version\":7", "\"version\":0", ERR_RANGE, "version" },
		{ "2026-02-01T00:00:00Z", "2026-02-01T00:00:01Z", ERR_RANGE,
		    "expires" },
		{ "2026-02-01T00:00:00Z", "2026-01-02T00:00:00Z", ERR_RANGE,
		    "expires" },
		{ "\"zoe\",\"name\"", "\"z e\",\"name\"", ERR_CHARACTER,
		    "persons.id" },
		{ "\"name\":\"Zo\\u00e9\"", "\"name\":\"\"", ERR_RANGE,
		    "persons.name" },
		{ "\"Zo\\u00e9\"", "\"a\\nb\"", ERR_CHARACTER,
		    "persons.name" },
		{ "\"admin\"", "\"root\"", ERR_RANGE, "roles" },
		{ "\"admin\"", "\"manager\"", ERR_DUPLICATE,
		    "persons.roles" },
		{ "\"kind\":\"ssh\"", "\"kind\":\"rsa\"", ERR_RANGE,
		    "keys.kind" },
		{ "\"kind\":\"ssh\"", "\"kind\":\"ssh\",\"alg\":\"ed25519\"",
		    ERR_UNKNOWN_FIELD, "keys.alg" },
		{ "\"alg\":\"es256\"", "\"alg\":\"rs256\"", ERR_RANGE,
		    "keys.alg" },
		{ "\"alg\":\"es256\"", "\"alg\":\"ed25519\"", ERR_RANGE,
		    "keys.key" },
		{ P256, "BAAA", ERR_RANGE, "keys.key" },
		/* Off the curve: one digit of the point is another. */
		{ "BNZak5d8", "BNZak5d9", ERR_RANGE, "keys.key" },
		{ "^62", "AAAA", ERR_RANGE, "keys.key" },
		{ "2026-01-06T00:00:00Z", "2026-01-05T00:00:00Z", ERR_RANGE,
		    "keys.valid_until" },
		{ "\"valid_from\":\"2026-01-05T00:00:00Z\"",
		    "\"valid_from\":\"soon\"", ERR_SYNTAX,
		    "keys.valid_from" },
		{ "ssh:countersign", "web:x", ERR_SYNTAX,
		    "keys.application" },
		{ "\"application\":\"ssh:countersign\",", "",
		    ERR_MISSING_FIELD, "keys.application" },
		{ ",\"verify_required\":true", "", ERR_MISSING_FIELD,
		    "keys.verify_required" },
		{ CREDENTIAL, "", ERR_RANGE, "keys.credential_id" },
		{ CREDENTIAL, "+w", ERR_SYNTAX, "keys.credential_id" },
		{ "\"rp_id\":\"a.example\"", "\"rp_id\":\"A.example\"",
		    ERR_SYNTAX, "keys.rp_id" },
		{ "\"rp_id\":\"a.example\"", "\"rp_id\":\"-a\"", ERR_SYNTAX,
		    "keys.rp_id" },
		{ "\"rp_id\":\"a.example\"", "\"rp_id\":\"a:1\"", ERR_SYNTAX,
		    "keys.rp_id" },
		{ "\"rp_id\":\"a.example\"", "\"rp_id\":\"a~\"", ERR_SYNTAX,
		    "keys.rp_id" },
		{ "\"https://a.example\",\"http://localhost:8080\"", "",
		    ERR_RANGE, "keys.origins" },
		{ "http://localhost:8080", "http://a.example", ERR_SYNTAX,
		    "keys.origins" },
		{ "http://localhost:8080", "http://localhost:", ERR_SYNTAX,
		    "keys.origins" },
		{ "http://localhost:8080", "http://localhost.evil", ERR_SYNTAX,
		    "keys.origins" },
		{ "http://localhost:8080", "http://localhost:8080/",
		    ERR_SYNTAX, "keys.origins" },
		{ "http://localhost:8080", "https://", ERR_SYNTAX,
		    "keys.origins" },
		{ "http://localhost:8080", "https://a/", ERR_SYNTAX,
		    "keys.origins" },
		{ "http://localhost:8080", "null", ERR_SYNTAX,
		    "keys.origins" },
		{ "\"manager\":\"zoe\"", "\"manager\":\"\"", ERR_RANGE,
		    "requesters.manager" },
		{ "\"manager\":\"zoe\"", "\"manager\":\"zoe\",\"x\":1",
		    ERR_UNKNOWN_FIELD, "requesters.x" },
		{ "\"a@b\"", "\"c@b\"", ERR_DUPLICATE, "requesters.mails" },
		{ "\"a@b\"", "\"C@b\"", ERR_DUPLICATE, "requesters.mails" },
		{ "~62", "x", ERR_SYNTAX, "revoked" },
		{ "[\"~62\"]", "[1]", ERR_TYPE, "revoked" }
	};

	check_bad(ZOE, rows, KIT_COUNT(rows));
}

TEST(nothing_stands_twice)
{
	static const struct {
		const char *text;
		int err;
		const char *detail;
	} rows[] = {
		{ TWO(ED("^61"), ED("^62")), 0, "" },
		{ TWO(ED("^61"), ED("^61")), ERR_DUPLICATE, "persons.key" },
		{ TWO(ED("^61") "," ED("^61"), ""), ERR_DUPLICATE,
		    "persons.key" },
		/* All kinds together. */
		{ TWO(ED("^61"), "{\"kind\":\"ssh\",\"key\":\"^61\"}"),
		    ERR_DUPLICATE, "persons.key" },
		{ TWO(ED("^61"), "{\"kind\":\"sk\",\"alg\":\"ed25519\","
		    "\"key\":\"^61\"" SK_REST), ERR_DUPLICATE,
		    "persons.key" },
		{ TWO(ED("^61"), WA("^61", "AQ")), ERR_DUPLICATE,
		    "persons.key" },
		{ TWO(WA("^61", "AQ"), WA("^62", "Ag")), 0, "" },
		{ TWO(WA("^61", "AQ"), WA("^62", "AQ")), ERR_DUPLICATE,
		    "persons.credential_id" },
		{ HEAD "{\"id\":\"a\",\"name\":\"A\",\"roles\":[],\"keys\":[]"
		    "},{\"id\":\"a\",\"name\":\"B\",\"roles\":[],\"keys\":[]"
		    "}]}", ERR_DUPLICATE, "persons.id" },
		{ HEAD "],\"requesters\":[{\"id\":\"a\",\"mails\":[],"
		    "\"manager\":\"m\"},{\"id\":\"a\",\"mails\":[],"
		    "\"manager\":\"m\"}]}", ERR_DUPLICATE, "requesters.id" },
		{ HEAD "],\"requesters\":[{\"id\":\"a\",\"mails\":[\"x@y\"],"
		    "\"manager\":\"m\"},{\"id\":\"b\",\"mails\":[\"X@Y\"],"
		    "\"manager\":\"m\"}]}", ERR_DUPLICATE,
		    "requesters.mails" }
	};
	struct people *p;
	struct refusal why;
	size_t i;
	int r;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		p = NULL;
		memset(&why, 0, sizeof(why));
		r = parse(rows[i].text, NULL, NULL, &p, &why);
		CHECK_MSG(r == rows[i].err, "row %zu: %d %s", i, r,
		    why.detail);
		CHECK_MSG(strncmp(why.detail, rows[i].detail,
		    strlen(rows[i].detail)) == 0, "row %zu: %s", i,
		    why.detail);
		people_free(p);
	}
	buf_free(&text);
}

TEST(requesters)
{
	struct people *p = good(KIT_PEOPLE, "\"mails\":[]",
	    "\"mails\":[\"eve\"]");

	CHECK(bytes_is(people_requester(p, bytes_str("eve@example.org"))->id,
	    "eve"));
	CHECK(bytes_is(people_requester(p, bytes_str("EVE@Example.ORG"))->id,
	    "eve"));
	CHECK(bytes_is(people_requester(p, bytes_str("tim"))->id, "tim"));
	CHECK(people_requester(p, bytes_str("eve@example.orh")) == NULL);
	CHECK(people_requester(p, bytes_str("nobody")) == NULL);
	/* An id here and a mail there. */
	CHECK(people_requester(p, bytes_str("eve")) == NULL);
	people_free(p);
	buf_free(&text);
}

TEST(key_validity)
{
	struct people *p = good(ZOE, NULL, NULL);
	const struct people_key *k = p->persons[0].keys;
	int64_t from = k[0].valid_from;

	CHECK(!people_key_is_valid(&k[0], from - 1));
	CHECK(people_key_is_valid(&k[0], from));
	CHECK(people_key_is_valid(&k[0], from + 86399));
	CHECK(!people_key_is_valid(&k[0], from + 86400));
	CHECK(!people_key_is_valid(&k[1], from));
	people_free(p);
	buf_free(&text);
}

#define PAYLOAD bytes_str("any bytes")

static int
card(const struct people *p, const struct kit_envelope *k,
    struct people_signer *s, struct refusal *why)
{
	memset(why, 0, sizeof(*why));
	return people_verify_card(p, &k->e, kit_time(KIT_NOW), s, why);
}

TEST(who_proposed)
{
	static const unsigned ai[] = { 0x51, 0 }, tim[] = { 0x56, 0 };
	static const unsigned others[] = { 0x99, 0x56, 0x51, 0 };
	static const unsigned nobody[] = { 0x99, 0 }, none[] = { 0 };
	struct people *p = good(KIT_PEOPLE, NULL, NULL);
	struct people_signer s;
	struct kit_envelope k;
	struct refusal why;

	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, ai);
	CHECK_INT(card(p, &k, &s, &why), 0);
	CHECK(bytes_is(s.person->id, "ai"));
	CHECK(s.key == s.person->keys);
	/* Without a key id, and with one that names nobody: by trying. */
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(card(p, &k, &s, &why), 0);
	k.e.sigs[0].keyid = bytes_str("x");
	CHECK_INT(card(p, &k, &s, &why), 0);
	/* One that names another person's key. */
	kit_keyid(0x52, k.keyids[0]);
	k.e.sigs[0].keyid = bytes_str(k.keyids[0]);
	CHECK_INT(card(p, &k, &s, &why), ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_proposer");
	/* Others' signatures are skipped. */
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, others);
	CHECK_INT(card(p, &k, &s, &why), 0);
	CHECK(bytes_is(s.person->id, "ai"));
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, nobody);
	CHECK_INT(card(p, &k, &s, &why), ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_proposer");
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, none);
	CHECK_INT(card(p, &k, &s, &why), ERR_SIGNATURE);
	/* A person who may not propose. */
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, tim);
	CHECK_INT(card(p, &k, &s, &why), ERR_KEY);
	CHECK_STR(why.reason, "key_not_valid");
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(card(p, &k, &s, &why), ERR_SIGNATURE);
	/* Another type, under the same key. */
	kit_sign(&k, PAYLOAD_HELLO, PAYLOAD, ai);
	CHECK_INT(card(p, &k, &s, &why), ERR_VERSION);
	CHECK_STR(why.reason, "unknown_version");
	k.e.type = envelope_type_text(PAYLOAD_CARD);
	CHECK_INT(card(p, &k, &s, &why), ERR_SIGNATURE);
	/* An approval's signature is over other bytes. */
	kit_prove(&k, PAYLOAD_CARD, PAYLOAD, 0x51);
	k.e.sigs[0].sig = bytes_of(k.sigs[0] + 5, 64);
	CHECK_INT(card(p, &k, &s, &why), ERR_SIGNATURE);
	people_free(p);
	buf_free(&text);
}

TEST(keys_that_may_not_propose)
{
	static const unsigned zoe[] = { 0x61, 0 }, ssh[] = { 0x62, 0 };
	struct people *p = good(ZOE, NULL, NULL);
	struct people_signer s;
	struct kit_envelope k;
	struct refusal why;
	int64_t t = p->persons[0].keys[0].valid_from;

	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, zoe);
	CHECK_INT(people_verify_card(p, &k.e, t, &s, &why), 0);
	CHECK_INT(people_verify_card(p, &k.e, t - 1, &s, &why), ERR_KEY);
	CHECK_STR(why.reason, "key_not_valid");
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(people_verify_card(p, &k.e, t, &s, &why), 0);
	/* A plain ssh key is for approvals, and this one is revoked. */
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, ssh);
	CHECK_INT(people_verify_card(p, &k.e, t, &s, &why), ERR_SIGNATURE);
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(people_verify_card(p, &k.e, t, &s, &why), ERR_SIGNATURE);
	people_free(p);
	p = good(ZOE, "~62", "~61");
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, zoe);
	CHECK_INT(people_verify_card(p, &k.e, t, &s, &why), ERR_KEY);
	CHECK_STR(why.reason, "key_not_valid");
	people_free(p);
	buf_free(&text);
}

static int
approval(const struct people *p, const struct kit_envelope *k,
    enum payload_type type, struct people_signer *s, struct refusal *why)
{
	memset(why, 0, sizeof(*why));
	return people_verify_approval(p, type, &k->e, kit_time(KIT_NOW), s,
	    why);
}

TEST(who_approved)
{
	struct people *p = good(KIT_PEOPLE, NULL, NULL);
	struct people_signer s;
	struct kit_envelope k;
	struct refusal why;
	size_t i;

	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x52);
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), 0);
	CHECK(bytes_is(s.person->id, "tom"));
	/* As another type than it came as. */
	CHECK_INT(approval(p, &k, PAYLOAD_CANCEL, &s, &why), ERR_VERSION);
	CHECK_STR(why.reason, "unknown_version");
	k.e.type = envelope_type_text(PAYLOAD_CANCEL);
	CHECK_INT(approval(p, &k, PAYLOAD_CANCEL, &s, &why), ERR_SIGNATURE);
	CHECK_STR(why.reason, "bad_proof");
	CHECK_STR(why.detail, "sign");
	kit_prove(&k, PAYLOAD_CANCEL, PAYLOAD, 0x55);
	CHECK_INT(approval(p, &k, PAYLOAD_CANCEL, &s, &why), 0);
	CHECK(bytes_is(s.person->id, "mia"));
	/* Without a key id. */
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(approval(p, &k, PAYLOAD_CANCEL, &s, &why), 0);
	CHECK(bytes_is(s.person->id, "mia"));
	/* A stranger's. */
	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x99);
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_approver");
	/* Exactly one signature. */
	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x52);
	k.e.n_sigs = 0;
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), ERR_RANGE);
	CHECK_STR(why.reason, "signature_count");
	k.e.sigs[1] = k.e.sigs[0];
	k.e.n_sigs = 2;
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), ERR_RANGE);
	/* What is no proof at all. */
	k.e.n_sigs = 1;
	k.e.sigs[0].sig.n--;
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), ERR_SYNTAX);
	CHECK_STR(why.reason, "bad_proof");
	CHECK_STR(why.detail, "proof");
	k.sigs[0][0] = 9;
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), ERR_VERSION);
	/* Any flipped bit of the payload. */
	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x52);
	for (i = 0; i < PAYLOAD.n * 8; i++) {
		uint8_t copy[16];

		memcpy(copy, PAYLOAD.p, PAYLOAD.n);
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		k.e.payload = bytes_of(copy, PAYLOAD.n);
		CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why),
		    ERR_SIGNATURE);
	}
	people_free(p);
	buf_free(&text);
}

TEST(approval_sizes)
{
	static uint8_t big[CAP_APPROVAL + 1];
	struct people *p = good(KIT_PEOPLE, NULL, NULL);
	struct people_signer s;
	struct kit_envelope k;
	struct refusal why;

	memset(big, ' ', sizeof(big));
	kit_prove(&k, PAYLOAD_APPROVAL, bytes_of(big, CAP_APPROVAL_PAYLOAD),
	    0x52);
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), 0);
	k.e.sigs[0].sig = bytes_of(big, CAP_APPROVAL - CAP_APPROVAL_PAYLOAD);
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), ERR_VERSION);
	k.e.sigs[0].sig.n++;
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_TOO_LARGE);
	CHECK_STR(why.reason, "too_large");
	k.e.payload = bytes_of(big, CAP_APPROVAL_PAYLOAD + 1);
	k.e.sigs[0].sig.n = 1;
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_TOO_LARGE);
	people_free(p);
	buf_free(&text);
}

/* The proofs of tests/harness: one payload, every kind of key. */
struct given {
	struct people *people;
	uint8_t bytes[4096];
	size_t n;
	struct kit_envelope k;
};

static struct bytes
unhex(struct given *g, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *at = g->bytes + g->n;

	CHECK(n <= sizeof(g->bytes) - g->n);
	CHECK_INT(hex_decode(bytes_str(hex), at, n), 0);
	g->n += n;
	return bytes_of(at, n);
}

/* A people file of two keys, the second described by kind and the rest. */
static void
give(struct given *g, const char *kind, const char *key_hex,
    const char *rest)
{
	struct refusal why;
	struct buf b;

	memset(g, 0, sizeof(*g));
	CHECK_INT(digest_init(), 0);
	buf_init(&b, KIT_MAX);
	buf_put_str(&b, HEAD "{\"id\":\"a\",\"name\":\"A\",\"roles\":[],"
	    "\"keys\":[{\"kind\":\"ssh\",\"key\":\"");
	base64_encode(&b, bytes_of(g->bytes, 32));
	buf_put_str(&b, "\"},{\"kind\":");
	buf_put_str(&b, kind);
	buf_put_str(&b, ",\"key\":\"");
	base64_encode(&b, unhex(g, key_hex));
	buf_put_str(&b, "\"");
	buf_put_str(&b, rest);
	buf_put_str(&b, "}]}]}");
	CHECK_INT(people_parse(buf_bytes(&b), &g->people, &why), 0);
	buf_free(&b);
	g->k.e.type = bytes_str(PROOFS_TYPE);
	g->k.e.payload = unhex(g, PROOFS_PAYLOAD);
	g->k.e.n_sigs = 1;
}

static void
set_proof(struct given *g, const struct proof *p)
{
	struct buf b;

	buf_init(&b, PROOF_MAX);
	proof_write(&b, p);
	CHECK(buf_error(&b) == 0 && b.n <= sizeof(g->bytes) - g->n);
	memcpy(g->bytes + g->n, b.p, b.n);
	g->k.e.sigs[0].sig = bytes_of(g->bytes + g->n, b.n);
	g->n += b.n;
	buf_free(&b);
}

TEST(proofs_of_ssh)
{
	static const struct {
		const char *kind;
		const char *key;
		const char *rest;
		const char *blob;
	} rows[] = {
		{ "\"ssh\"", PROOFS_ED25519_PUBLIC, "", PROOFS_SSH_BLOB },
		{ "\"sk\",\"alg\":\"ed25519\"", PROOFS_ED25519_PUBLIC,
		    ",\"application\":\"" PROOFS_APPLICATION
		    "\",\"verify_required\":true", PROOFS_SK_ED25519_BLOB },
		{ "\"sk\",\"alg\":\"es256\"", PROOFS_P256_POINT,
		    ",\"application\":\"" PROOFS_APPLICATION
		    "\",\"verify_required\":false", PROOFS_SK_ECDSA_BLOB }
	};
	struct proof p = { .wire = PROOF_WIRE_SSHSIG };
	struct people_signer s;
	struct refusal why;
	struct given g;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		give(&g, rows[i].kind, rows[i].key, rows[i].rest);
		p.sshsig = unhex(&g, rows[i].blob);
		set_proof(&g, &p);
		CHECK_MSG(approval(g.people, &g.k, PAYLOAD_APPROVAL, &s,
		    &why) == 0, "row %zu: %s", i, why.detail);
		CHECK(bytes_is(s.person->id, "a"));
		people_free(g.people);
	}
	/* A blob that is none, and one whose key nobody has. */
	give(&g, "\"ssh\"", PROOFS_ED25519_PUBLIC, "");
	p.sshsig = bytes_str("SSHSIG");
	set_proof(&g, &p);
	CHECK_INT(approval(g.people, &g.k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_approver");
	p.sshsig = unhex(&g, PROOFS_SK_ECDSA_BLOB);
	set_proof(&g, &p);
	CHECK_INT(approval(g.people, &g.k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_approver");
	people_free(g.people);
	/* The key is listed as another kind: that decides. */
	give(&g, "\"ed25519\"", PROOFS_ED25519_PUBLIC, "");
	p.sshsig = unhex(&g, PROOFS_SSH_BLOB);
	set_proof(&g, &p);
	CHECK_INT(approval(g.people, &g.k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_KEY);
	CHECK_STR(why.reason, "bad_proof");
	CHECK_STR(why.detail, "kind");
	people_free(g.people);
}

#define WEBAUTHN_REST \
	",\"credential_id\":\"%s\",\"rp_id\":\"" PROOFS_RP_ID "\"," \
	"\"origins\":[\"" PROOFS_ORIGIN "\"]"

TEST(proofs_of_passkeys)
{
	struct proof p = { .wire = PROOF_WIRE_WEBAUTHN };
	struct people_signer s;
	struct refusal why;
	struct given g;
	struct buf id, rest;
	uint8_t raw[32];

	CHECK_INT(hex_decode(bytes_str(PROOFS_CREDENTIAL), raw, 32), 0);
	buf_init(&id, 256);
	buf_init(&rest, 1024);
	base64url_encode(&id, bytes_of(raw, 32));
	buf_put_u8(&id, 0);
	buf_printf(&rest, WEBAUTHN_REST, (const char *)id.p);
	buf_put_u8(&rest, 0);
	give(&g, "\"webauthn\",\"alg\":\"es256\"", PROOFS_P256_POINT,
	    (const char *)rest.p);
	p.webauthn.credential_id = unhex(&g, PROOFS_CREDENTIAL);
	p.webauthn.auth_data = unhex(&g, PROOFS_AUTH_DATA);
	p.webauthn.client_data = unhex(&g, PROOFS_CLIENT_DATA);
	p.webauthn.sig = unhex(&g, PROOFS_ES256_SIG);
	set_proof(&g, &p);
	CHECK_MSG(approval(g.people, &g.k, PAYLOAD_APPROVAL, &s, &why) == 0,
	    "%s", why.detail);
	CHECK_INT(s.key->key.kind, PROOF_WEBAUTHN);
	OOM_LOOP {
		int r = approval(g.people, &g.k, PAYLOAD_APPROVAL, &s, &why);

		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
	}
	/* Another credential is nobody's. */
	p.webauthn.credential_id.n--;
	set_proof(&g, &p);
	CHECK_INT(approval(g.people, &g.k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_approver");
	buf_free(&id);
	buf_free(&rest);
	people_free(g.people);
}

TEST(revoked_keys_do_not_approve)
{
	struct people *p = good(KIT_PEOPLE, "~5f", "~52");
	struct people_signer s;
	struct kit_envelope k;
	struct refusal why;

	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x52);
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why), ERR_KEY);
	CHECK_STR(why.reason, "key_not_valid");
	people_free(p);
	/* Only keys of key files are tried blindly. */
	p = good(ZOE, NULL, NULL);
	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x63);
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &s, &why),
	    ERR_SIGNATURE);
	CHECK_STR(why.reason, "unknown_approver");
	people_free(p);
	buf_free(&text);
}

/* More keys than are tried blindly: the key id is what finds the last. */
TEST(blind_tries_end)
{
	static const unsigned last[] = { 0x51, 0 };
	struct signer s;
	struct people_signer found;
	struct kit_envelope k;
	struct refusal why;
	struct people *p;
	struct buf b;
	uint8_t seed[32] = { 0 };
	size_t i;

	CHECK_INT(digest_init(), 0);
	buf_init(&b, KIT_MAX);
	buf_put_str(&b, HEAD);
	for (i = 0; i <= CAP_BLIND_TRIES; i++) {
		seed[0] = (uint8_t)(i >> 8);
		seed[1] = (uint8_t)i;
		seed[31] = 1;
		if (i == CAP_BLIND_TRIES)
			memset(seed, 0x51, sizeof(seed));
		CHECK_INT(signer_from_seed(seed, &s), 0);
		buf_printf(&b, "%s{\"id\":\"p%zu\",\"name\":\"x\",\"roles\":"
		    "[\"proposer\"],\"keys\":[{\"kind\":\"ed25519\","
		    "\"key\":\"", i > 0 ? "," : "", i);
		base64_encode(&b, bytes_of(s.public, sizeof(s.public)));
		buf_put_str(&b, "\"}]}");
	}
	buf_put_str(&b, "]}");
	CHECK_INT(people_parse(buf_bytes(&b), &p, &why), 0);
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, last);
	CHECK_INT(card(p, &k, &found, &why), 0);
	CHECK(bytes_is(found.person->id, "p256"));
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(card(p, &k, &found, &why), ERR_SIGNATURE);
	kit_prove(&k, PAYLOAD_APPROVAL, PAYLOAD, 0x51);
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &found, &why), 0);
	k.e.sigs[0].keyid = bytes_str("");
	CHECK_INT(approval(p, &k, PAYLOAD_APPROVAL, &found, &why),
	    ERR_SIGNATURE);
	people_free(p);
	buf_free(&b);
}

TEST(without_memory)
{
	static const unsigned ai[] = { 0x51, 0 };
	struct people_signer s;
	struct kit_envelope k;
	struct refusal why;
	struct people *p;
	struct buf b;

	buf_init(&b, KIT_MAX);
	kit_expand(&b, ZOE);
	OOM_LOOP {
		int r;

		p = NULL;
		r = people_parse(buf_bytes(&b), &p, &why);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		people_free(p);
	}
	buf_free(&b);
	p = good(KIT_PEOPLE, NULL, NULL);
	kit_sign(&k, PAYLOAD_CARD, PAYLOAD, ai);
	OOM_LOOP {
		int r = card(p, &k, &s, &why);

		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
	}
	people_free(p);
	buf_free(&text);
}

TEST_MAIN()
