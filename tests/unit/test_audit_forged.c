/*
 * test_audit_forged.c - journals that only a device's own keys can make: each
 * frame, hash and signature is good, and one step is not what it may be.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/audit_fixture.h"

/*
 * An approval that the device refuses, or would, recorded as accepted: its
 * signature is good.
 */
static size_t
forged(struct fx *f, const struct fx_say *s, bool enough)
{
	struct fx_word *w = fx_word(f, s);
	struct record rec = taken(f, find(f, RECORD_APPROVAL_ACCEPTED, 0));
	struct approval *p = NULL;
	struct refusal why;

	CHECK_INT(approval_parse(w->type, w->k.e.payload, &p, &why), 0);
	record_set_digest(&rec, RF_CARD, &s->card->digest);
	record_set_digest(&rec, RF_APPROVAL, &p->digest);
	record_set_digest(&rec, RF_POLICY, &p->policy);
	record_set_bytes(&rec, RF_PAYLOAD, w->k.e.payload);
	record_set_bytes(&rec, RF_PROOF, w->k.e.sigs[0].sig);
	record_set_bytes(&rec, RF_KEY, w->k.e.sigs[0].keyid);
	record_set_bytes(&rec, RF_APPROVER, p->approver);
	record_set_str(&rec, RF_ROLE, doc_word_of(approval_roles,
	    (int)p->role));
	record_set_int(&rec, RF_ISSUED, p->issued);
	record_set_int(&rec, RF_EXPIRES, p->expires);
	record_set_bool(&rec, RF_ENOUGH, enough);
	append(f, &rec);
	approval_free(p);
	return f->n_records - 1;
}

static size_t
approval_for_another_nonce(struct fx *f)
{
	static const uint8_t nonce[CAP_DEVICE_NONCE] = { 9 };

	return forged(f, &(struct fx_say){ .card = fx_usual(f),
	    .nonce = nonce }, true);
}

static size_t
approval_for_another_device(struct fx *f)
{
	return forged(f, &(struct fx_say){ .card = fx_usual(f),
	    .device = "d-bbcdefghijklmnopqrstuvwxyz" }, true);
}

static size_t
approval_under_an_old_policy(struct fx *f)
{
	struct sha256 old = fx_record(f, find(f, RECORD_TRUST, 2))->digest;

	return forged(f, &(struct fx_say){ .card = fx_usual(f),
	    .policy = &old }, true);
}

static size_t
approval_of_a_revoked(struct fx *f)
{
	struct fx_card *c = fx_usual(f);

	CHECK_INT(fx_trust(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE, FX_V("3"),
	    "~5f", "~52", NULL))->answer, CORE_ACCEPTED);
	return forged(f, &(struct fx_say){ .card = c }, true);
}

static size_t
approval_of_its_proposer(struct fx *f)
{
	return forged(f, &(struct fx_say){ .card = fx_usual(f),
	    .who = "ai" }, true);
}

static size_t
approval_of_tomorrow(struct fx *f)
{
	return forged(f, &(struct fx_say){ .card = fx_usual(f),
	    .issued = 7200, .life = 8000 }, true);
}

/* Two are needed: the same person in both roles, or twice in one. */
static size_t
both_by_one(struct fx *f, enum approval_role role)
{
	struct fx_card *c = fx_take(f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve@example.org" });

	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	fx_pass(f, 1);
	return forged(f, &(struct fx_say){ .card = c, .role = role }, true);
}

static size_t
both_roles_by_one(struct fx *f)
{
	return both_by_one(f, APPROVAL_MANAGER);
}

static size_t
twice_by_one(struct fx *f)
{
	return both_by_one(f, APPROVAL_TECHNICIAN);
}

static size_t
nonce(struct fx *f, const struct fx_card *c, const uint8_t *value)
{
	struct record rec;

	record_init(&rec, RECORD_NONCE);
	record_set_digest(&rec, RF_CARD, &c->digest);
	record_set_bytes(&rec, RF_DEVICE_NONCE,
	    bytes_of(value, CAP_DEVICE_NONCE));
	record_set_str(&rec, RF_BOOT_ID, f->boot_id);
	record_set_str(&rec, RF_REASON, "restarted");
	append(f, &rec);
	return f->n_records - 1;
}

static size_t
nonce_again(struct fx *f)
{
	struct fx_card *c = fx_usual(f);

	return nonce(f, c, fx_item(f, &c->digest)->device_nonce);
}

/* So that an approval of before counts once more. */
static size_t
nonce_of_before(struct fx *f)
{
	struct fx_card *c = fx_usual(f);
	uint8_t first[CAP_DEVICE_NONCE], other[CAP_DEVICE_NONCE] = { 3 };

	memcpy(first, fx_item(f, &c->digest)->device_nonce, sizeof(first));
	(void)nonce(f, c, other);
	return nonce(f, c, first);
}

static void
recovered(struct fx *f)
{
	struct record rec;
	struct sha256 hash = { { 4 } };

	record_init(&rec, RECORD_RECOVERED);
	record_set_int(&rec, RF_BYTES, 20);
	record_set_digest(&rec, RF_HASH, &hash);
	append(f, &rec);
}

static size_t
approved_with_a_nonce_of_before(struct fx *f)
{
	struct fx_card *c = fx_usual(f);

	recovered(f);
	return forged(f, &(struct fx_say){ .card = c }, true);
}

static size_t
ran_with_a_nonce_of_before(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });

	recovered(f);
	return made_up_intent(f, c);
}

static size_t
of_card(struct fx *f, enum record_kind kind, const struct fx_card *c)
{
	struct record rec;
	struct trust_held h;

	record_init(&rec, kind);
	record_set_digest(&rec, RF_CARD, &c->digest);
	if (kind == RECORD_PLANNED) {
		CHECK(trust_held(core_trust_files(f->core), TRUST_POLICY, &h));
		record_set_str(&rec, RF_RULE, "mode plan");
		record_set_digest(&rec, RF_POLICY, &h.digest);
	}
	if (kind == RECORD_EXEC_INTERRUPTED)
		record_set_str(&rec, RF_REASON, "restarted");
	if (kind == RECORD_EXEC_STARTED) {
		record_set_int(&rec, RF_PID, 7);
		record_set_str(&rec, RF_ENFORCED, "x");
	}
	append(f, &rec);
	return f->n_records - 1;
}

static size_t
expired_early(struct fx *f)
{
	return of_card(f, RECORD_EXPIRED, fx_usual(f));
}

static size_t
planned_by_nobody(struct fx *f)
{
	return of_card(f, RECORD_PLANNED, fx_usual(f));
}

static size_t
interrupted_at_rest(struct fx *f)
{
	return of_card(f, RECORD_EXEC_INTERRUPTED, fx_usual(f));
}

static size_t
started_without_intent(struct fx *f)
{
	return of_card(f, RECORD_EXEC_STARTED, fx_usual(f));
}

static size_t
result_without_intent(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });
	struct record rec = taken(f, find(f, RECORD_EXEC_RESULT, 0));

	record_set_digest(&rec, RF_CARD, &c->digest);
	append(f, &rec);
	return f->n_records - 1;
}

static size_t
ran_after_its_end(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });

	stop_run(f, c, "no");
	return made_up_intent(f, c);
}

/* A policy that plans only came between the approval and the run. */
static size_t
ran_in_plan_mode(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });

	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("9"),
	    "\"execute\"", "\"plan\"", NULL))->answer, CORE_ACCEPTED);
	return made_up_intent(f, c);
}

static size_t
ran_too_often(struct fx *f)
{
	struct fx_card *c, *last;
	int i;

	fx_pass(f, 3700);
	CHECK_INT(fx_trust(f, TRUST_TIMESTAMP, fx_stamp(f, 3, f->m.clock,
	    7200))->answer, CORE_ACCEPTED);
	for (i = 0; i < 59; i++) {
		fx_pass(f, 10);
		c = fx_run(f, &(struct fx_ask){ .tool = "disk.free" });
		fx_end(f, &c->digest, "finished", 0);
	}
	c = fx_take(f, &(struct fx_ask){ .tool = "disk.free" });
	last = fx_take(f, &(struct fx_ask){ .tool = "disk.free" });
	(void)made_up_intent(f, c);
	return made_up_intent(f, last);
}

/* The policy lets the console stop what only looks. */
static size_t
stopped_by_the_console(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){
	    .profile = ACTION_FULL });
	struct record rec;

	fx_turn(f);
	CHECK_STATE(f, c, "running");
	record_init(&rec, RECORD_CANCELLED);
	record_set_digest(&rec, RF_CARD, &c->digest);
	record_set_str(&rec, RF_BY, "console");
	record_set_str(&rec, RF_REASON, "console_withdraw");
	record_set_bool(&rec, RF_RUNNING, true);
	append(f, &rec);
	return f->n_records - 1;
}

#define ROW(f, wrong) { #f, f, wrong }

static const struct {
	const char *name;
	size_t (*change)(struct fx *f);
	enum audit_wrong wrong;
} rows[] = {
	ROW(approval_for_another_nonce, AUDIT_POLICY),
	ROW(approval_for_another_device, AUDIT_POLICY),
	ROW(approval_under_an_old_policy, AUDIT_POLICY),
	ROW(approval_of_a_revoked, AUDIT_PROOF),
	ROW(approval_of_its_proposer, AUDIT_POLICY),
	ROW(approval_of_tomorrow, AUDIT_POLICY),
	ROW(both_roles_by_one, AUDIT_POLICY),
	ROW(twice_by_one, AUDIT_POLICY),
	ROW(nonce_again, AUDIT_STATE),
	ROW(nonce_of_before, AUDIT_STATE),
	ROW(approved_with_a_nonce_of_before, AUDIT_POLICY),
	ROW(ran_with_a_nonce_of_before, AUDIT_POLICY),
	ROW(expired_early, AUDIT_STATE),
	ROW(planned_by_nobody, AUDIT_POLICY),
	ROW(interrupted_at_rest, AUDIT_STATE),
	ROW(started_without_intent, AUDIT_STATE),
	ROW(result_without_intent, AUDIT_STATE),
	ROW(ran_after_its_end, AUDIT_STATE),
	ROW(ran_in_plan_mode, AUDIT_POLICY),
	ROW(ran_too_often, AUDIT_POLICY),
	ROW(stopped_by_the_console, AUDIT_POLICY),
};

TEST(one_step)
{
	struct fx f;
	size_t i, at;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_all(&f);
		at = rows[i].change(&f);
		(void)audit_all(&f);
		CHECK_MSG(finding.wrong == rows[i].wrong &&
		    finding.index == at, "%s: record %llu, not %zu: %s: %.120s",
		    rows[i].name, (unsigned long long)finding.index, at,
		    audit_word(finding.wrong), finding.text);
		fx_drop(&f);
	}
}

TEST_MAIN()
