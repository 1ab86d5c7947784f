/*
 * test_approval.c - approvals, denials and cancels.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/approval.h"
#include "tests/harness/kit.h"
#include "tests/harness/test.h"

static struct buf text;

static int
parse(enum payload_type type, const char *from, const char *to,
    struct approval **a, struct refusal *why)
{
	buf_free(&text);
	buf_init(&text, KIT_MAX);
	kit_edit(&text, type == PAYLOAD_CANCEL ? KIT_CANCEL : KIT_APPROVAL,
	    from, to);
	return approval_parse(type, buf_bytes(&text), a, why);
}

static struct approval *
good(enum payload_type type, const char *from, const char *to)
{
	struct approval *a = NULL;
	struct refusal why;
	int r = parse(type, from, to, &a, &why);

	CHECK_MSG(r == 0, "%s: %s: %s", to != NULL ? to : "", why.reason,
	    why.detail);
	return a;
}

TEST(reads_an_approval)
{
	struct approval *a = good(PAYLOAD_APPROVAL, NULL, NULL);
	struct sha256 d;
	uint8_t zeros[CAP_DEVICE_NONCE] = { 0 };

	digest_pae(envelope_type_text(PAYLOAD_APPROVAL), buf_bytes(&text),
	    &d);
	CHECK(sha256_equal(&a->digest, &d));
	CHECK_INT(a->decision, APPROVAL_APPROVE);
	CHECK_INT(a->role, APPROVAL_TECHNICIAN);
	CHECK(bytes_is(a->device, KIT_DEVICE));
	CHECK(bytes_is(a->approver, "tom"));
	CHECK(bytes_is(a->reason, "fine"));
	CHECK_MEM(a->device_nonce, sizeof(a->device_nonce), zeros,
	    sizeof(zeros));
	CHECK_INT(a->issued, kit_time(KIT_NOW));
	CHECK_INT(a->expires, a->issued + 900);
	approval_free(a);
	approval_free(NULL);
	buf_free(&text);
}

TEST(reads_a_cancel)
{
	struct approval *a = good(PAYLOAD_CANCEL, NULL, NULL);
	struct sha256 d;

	digest_pae(envelope_type_text(PAYLOAD_CANCEL), buf_bytes(&text), &d);
	CHECK(sha256_equal(&a->digest, &d));
	CHECK_INT(a->decision, APPROVAL_CANCEL);
	CHECK_INT(a->role, 0);
	CHECK(bytes_is(a->approver, "tom"));
	CHECK_INT(a->reason.n, 0);
	approval_free(a);
	buf_free(&text);
}

TEST(takes)
{
	static const struct {
		const char *from;
		const char *to;
		enum approval_decision decision;
		enum approval_role role;
	} rows[] = {
		{ "\"technician\"", "\"admin\"", APPROVAL_APPROVE,
		    APPROVAL_ADMIN },
		{ "\"technician\"", "\"manager\"", APPROVAL_APPROVE,
		    APPROVAL_MANAGER },
		{ "\"approve\"", "\"deny\"", APPROVAL_DENY,
		    APPROVAL_TECHNICIAN },
		{ "\"technician\",\"decision\":\"approve\"",
		    "\"proposer\",\"decision\":\"deny\"", APPROVAL_DENY,
		    APPROVAL_PROPOSER },
		{ "\"fine\"", "\"\"", APPROVAL_APPROVE, APPROVAL_TECHNICIAN },
		{ "\"fine\"", "\"gr\\u00fcn\\n\"", APPROVAL_APPROVE,
		    APPROVAL_TECHNICIAN },
		{ "2026-01-10T12:15:00Z", "2026-01-11T12:00:00Z",
		    APPROVAL_APPROVE, APPROVAL_TECHNICIAN }
	};
	struct approval *a;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		a = good(PAYLOAD_APPROVAL, rows[i].from, rows[i].to);
		CHECK_INT(a->decision, rows[i].decision);
		CHECK_INT(a->role, rows[i].role);
		approval_free(a);
	}
	buf_free(&text);
}

#define ONE "{\"v\":1,"
#define CARD "\"card\":\"sha256:" KIT_ZEROS "\","
#define POLICY "\"policy\":\"sha256:" KIT_ZEROS "\","

TEST(refuses)
{
	static const struct {
		enum payload_type type;
		const char *from;
		const char *to;
		int err;
		const char *detail;
	} rows[] = {
		{ PAYLOAD_APPROVAL, ONE, "{", ERR_MISSING_FIELD, "v" },
		{ PAYLOAD_APPROVAL, ONE, "{\"v\":2,", ERR_RANGE, "v" },
		{ PAYLOAD_APPROVAL, ONE, ONE "\"x\":1,", ERR_UNKNOWN_FIELD,
		    "x" },
		{ PAYLOAD_APPROVAL, ONE, ONE "\"by\":\"tom\",",
		    ERR_UNKNOWN_FIELD, "by" },
		{ PAYLOAD_APPROVAL, ONE, "{\"v\":1,\"v\":1,", ERR_DUPLICATE,
		    "" },
		{ PAYLOAD_APPROVAL, CARD, "", ERR_MISSING_FIELD, "card" },
		{ PAYLOAD_APPROVAL, POLICY, "", ERR_MISSING_FIELD, "policy" },
		{ PAYLOAD_APPROVAL, CARD, "\"card\":\"sha256:00\",",
		    ERR_SYNTAX, "card" },
		{ PAYLOAD_APPROVAL, KIT_DEVICE, "web-1", ERR_SYNTAX,
		    "device" },
		{ PAYLOAD_APPROVAL, "\"device\":\"" KIT_DEVICE "\",", "",
		    ERR_MISSING_FIELD, "device" },
		{ PAYLOAD_APPROVAL, "AAAAAAAAAAAAAAAAAAAAAA",
		    "AAAAAAAAAAAAAAAAAAAA", ERR_RANGE, "device_nonce" },
		{ PAYLOAD_APPROVAL, "AAAAAAAAAAAAAAAAAAAAAA",
		    "AAAAAAAAAAAAAAAAAAAAAA==", ERR_SYNTAX, "device_nonce" },
		{ PAYLOAD_APPROVAL, "AAAAAAAAAAAAAAAAAAAAAA",
		    "AAAAAAAAAAAAAAAAAAAAAB", ERR_SYNTAX, "device_nonce" },
		{ PAYLOAD_APPROVAL, "\"tom\"", "\"\"", ERR_RANGE,
		    "approver" },
		{ PAYLOAD_APPROVAL, "\"tom\"", "\"tom \"", ERR_CHARACTER,
		    "approver" },
		{ PAYLOAD_APPROVAL, "\"technician\"", "\"root\"", ERR_RANGE,
		    "role" },
		{ PAYLOAD_APPROVAL, "\"technician\"", "\"proposer\"",
		    ERR_RANGE, "role" },
		{ PAYLOAD_APPROVAL, "\"approve\"", "\"cancel\"", ERR_RANGE,
		    "decision" },
		{ PAYLOAD_APPROVAL, "\"approve\"", "true", ERR_TYPE,
		    "decision" },
		{ PAYLOAD_APPROVAL, ",\"reason\":\"fine\"", "",
		    ERR_MISSING_FIELD, "reason" },
		{ PAYLOAD_APPROVAL, "\"fine\"", "\"\\u202e\"", ERR_CHARACTER,
		    "" },
		{ PAYLOAD_APPROVAL, "2026-01-10T12:15:00Z",
		    "2026-01-10T12:00:00Z", ERR_RANGE, "expires" },
		{ PAYLOAD_APPROVAL, "2026-01-10T12:15:00Z",
		    "2026-01-11T12:00:01Z", ERR_RANGE, "expires" },
		{ PAYLOAD_APPROVAL, "2026-01-10T12:15:00Z",
		    "2026-01-32T12:00:01Z", ERR_RANGE, "expires" },
		{ PAYLOAD_APPROVAL, "\"2026-01-10T12:00:00Z\"", "0",
		    ERR_TYPE, "issued" },
		{ PAYLOAD_CANCEL, "\"by\":\"tom\",", "", ERR_MISSING_FIELD,
		    "by" },
		{ PAYLOAD_CANCEL, ONE, ONE POLICY, ERR_UNKNOWN_FIELD,
		    "policy" },
		{ PAYLOAD_CANCEL, ONE, ONE "\"decision\":\"approve\",",
		    ERR_UNKNOWN_FIELD, "decision" },
		{ PAYLOAD_CANCEL, ONE, ONE "\"role\":\"admin\",",
		    ERR_UNKNOWN_FIELD, "role" },
		{ PAYLOAD_CANCEL, "2026-01-10T12:15:00Z",
		    "2026-01-11T12:00:01Z", ERR_RANGE, "expires" }
	};
	struct approval *a = NULL;
	struct refusal why;
	size_t i;
	int r;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		r = parse(rows[i].type, rows[i].from, rows[i].to, &a, &why);
		CHECK_MSG(r == rows[i].err && a == NULL, "row %zu: %d", i, r);
		CHECK_MSG(strcmp(why.reason, err_word(r)) == 0, "row %zu", i);
		CHECK_MSG(strncmp(why.detail, rows[i].detail,
		    strlen(rows[i].detail)) == 0, "row %zu: %s", i,
		    why.detail);
	}
	/* An approval is no cancel and a cancel no approval. */
	CHECK(approval_parse(PAYLOAD_CANCEL, bytes_str(KIT_APPROVAL), &a,
	    &why) != 0);
	CHECK(approval_parse(PAYLOAD_APPROVAL, bytes_str(KIT_CANCEL), &a,
	    &why) != 0);
	buf_free(&text);
}

TEST(sizes)
{
	struct approval *a = NULL;
	struct refusal why;
	struct buf b;
	size_t n;

	buf_init(&b, KIT_MAX);
	buf_put_str(&b, KIT_APPROVAL);
	for (n = b.n; n < CAP_APPROVAL_PAYLOAD; n++)
		buf_put_u8(&b, ' ');
	CHECK_INT(approval_parse(PAYLOAD_APPROVAL, buf_bytes(&b), &a, &why),
	    0);
	approval_free(a);
	buf_put_u8(&b, ' ');
	CHECK_INT(approval_parse(PAYLOAD_APPROVAL, buf_bytes(&b), &a, &why),
	    ERR_TOO_LARGE);
	CHECK_STR(why.reason, "too_large");
	buf_free(&b);
	/* 500 characters of reason, and one more. */
	buf_init(&b, 4096);
	for (n = 0; n < CAP_REASON; n++)
		buf_put_str(&b, "\303\244");
	buf_put_u8(&b, 0);
	approval_free(good(PAYLOAD_APPROVAL, "fine", (const char *)b.p));
	b.n--;
	buf_put_str(&b, "x");
	buf_put_u8(&b, 0);
	CHECK_INT(parse(PAYLOAD_APPROVAL, "fine", (const char *)b.p, &a,
	    &why), ERR_RANGE);
	buf_free(&b);
	buf_free(&text);
}

TEST(preimages)
{
	uint8_t b[SSHSIG_PREIMAGE_SIZE], c[SSHSIG_PREIMAGE_SIZE], h[64];
	struct buf m;

	CHECK_INT(digest_init(), 0);
	approval_preimage(PAYLOAD_APPROVAL, bytes_str("{}"), b);
	buf_init(&m, 1024);
	approval_message(&m, PAYLOAD_APPROVAL, bytes_str("{}"));
	CHECK_MEM(m.p, m.n, "DSSEv1 44 application/vnd.countersign.approval."
	    "v1+json 2 {}", 59);
	digest_sha512(buf_bytes(&m), h);
	CHECK_MEM(b + sizeof(b) - 64, 64, h, 64);
	CHECK_MEM(b, 6, "SSHSIG", 6);
	/* The type is in it: one is never the other. */
	approval_preimage(PAYLOAD_CANCEL, bytes_str("{}"), c);
	CHECK(memcmp(b, c, sizeof(b)) != 0);
	buf_free(&m);
}

TEST(times)
{
	struct approval *a = good(PAYLOAD_APPROVAL, NULL, NULL);
	int64_t t = a->issued, end = a->expires;
	struct refusal why;

	CHECK_INT(approval_check_time(a, t - 300, 900, end, &why), 0);
	CHECK_INT(approval_check_time(a, t - 301, 900, end, &why),
	    ERR_FUTURE);
	CHECK_STR(why.reason, "from_the_future");
	CHECK_INT(approval_check_time(a, end - 1, 900, end, &why), 0);
	CHECK_INT(approval_check_time(a, end, 900, end, &why), ERR_EXPIRED);
	CHECK_STR(why.reason, "expired");
	CHECK_INT(approval_check_time(a, t, 899, end, &why), ERR_RANGE);
	CHECK_STR(why.reason, "lives_too_long");
	CHECK_INT(approval_check_time(a, t, 900, end - 1, &why), ERR_RANGE);
	CHECK_STR(why.reason, "outlives_card");
	approval_free(a);
	buf_free(&text);
}

TEST(writes_what_it_reads)
{
	static const enum payload_type types[] = { PAYLOAD_APPROVAL,
	    PAYLOAD_CANCEL };
	struct approval_fields f;
	struct approval *a;
	struct buf b;
	size_t i;

	for (i = 0; i < KIT_COUNT(types); i++) {
		a = good(types[i], NULL, NULL);
		memset(&f, 0, sizeof(f));
		f.decision = a->decision;
		f.card = a->card;
		f.policy = a->policy;
		f.device = a->device;
		memcpy(f.device_nonce, a->device_nonce,
		    sizeof(f.device_nonce));
		f.approver = a->approver;
		f.role = a->role;
		f.reason = a->reason;
		f.issued = a->issued;
		f.expires = a->expires;
		buf_init(&b, CAP_APPROVAL);
		approval_write(&b, &f);
		CHECK_INT(buf_error(&b), 0);
		CHECK_MEM(b.p, b.n, text.p, text.n);
		buf_free(&b);
		approval_free(a);
	}
	buf_free(&text);
}

TEST(without_memory)
{
	struct approval *a;
	struct refusal why;

	OOM_LOOP {
		int r;

		a = NULL;
		r = approval_parse(PAYLOAD_APPROVAL, bytes_str(KIT_APPROVAL),
		    &a, &why);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		approval_free(a);
	}
}

TEST_MAIN()
