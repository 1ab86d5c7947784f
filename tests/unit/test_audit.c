/*
 * test_audit.c - journals of a device in memory: right, and wrong in one thing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/audit_fixture.h"

TEST(right)
{
	struct fx f;

	open_all(&f);
	CHECK_RIGHT(&f);
	CHECK_INT(counts.records, f.n_records);
	CHECK_INT(counts.runs, 7);
	CHECK_INT(counts.open, 1);
	CHECK(counts.approvals >= 16);
	CHECK(counts.cards >= 16);
	CHECK_INT(counts.last_time, fx_last(&f)->time);
	fx_drop(&f);
}

TEST(clock_reset)
{
	struct fx_card *before;
	struct fx f;

	fx_open(&f);
	before = fx_run(&f, &(struct fx_ask){ 0 });
	fx_end(&f, &before->digest, "finished", 0);
	fx_pass(&f, 2 * 86400);
	(void)fx_usual(&f);
	fx_turn(&f);
	f.m.clock -= 2 * 86400;
	CHECK_INT(core_clock_reset(f.core, f.m, "local:root",
	    bytes_str("bad battery"), &f.reply), 0);
	/* What had ended long ago is of today again. */
	fx_run(&f, &(struct fx_ask){ .after = &before->digest });
	CHECK_RIGHT(&f);
	fx_drop(&f);
}

/* Every prefix of a right journal is right. */
TEST(every_prefix)
{
	struct audit_source source;
	struct audit *a;
	struct fx f;
	size_t i;

	open_all(&f);
	source = (struct audit_source){ &f, load_blob };
	CHECK_INT(audit_new(&source, &a), 0);
	for (i = 0; i < f.n_records; i++) {
		CHECK_INT(audit_record(a, i, bytes_of(f.records[i].p,
		    f.records[i].n)), 0);
		CHECK_INT(audit_finding(a)->wrong, AUDIT_RIGHT);
	}
	/* But not with a gap. */
	CHECK_INT(audit_record(a, i + 1, bytes_str("{}")), ERR_CORRUPT);
	CHECK_INT(audit_finding(a)->wrong, AUDIT_ORDER);
	CHECK_INT(audit_finding(a)->index, i);
	audit_free(a);
	audit_free(NULL);
	fx_drop(&f);
}

/* ---- wrong in one thing ---- */

/* Each changes one thing and tells at which record it must be noticed. */

static size_t
no_genesis(struct fx *f)
{
	drop(f, 0);
	return 0;
}

static size_t
genesis_twice(struct fx *f)
{
	append_copy(f, 0);
	return f->n_records - 1;
}

static size_t
other_org(struct fx *f)
{
	struct record rec = taken(f, 0);

	record_set_str(&rec, RF_ORG, "other");
	put_back(f, 0, &rec);
	return 0;
}

static size_t
other_device(struct fx *f)
{
	struct record rec = taken(f, 0);

	record_set_str(&rec, RF_DEVICE, "d-bbcdefghijklmnopqrstuvwxyz");
	put_back(f, 0, &rec);
	return 0;
}

static size_t
bad_pin(struct fx *f)
{
	struct record rec = taken(f, 0);

	record_set_str(&rec, RF_PIN, "pin");
	put_back(f, 0, &rec);
	return 0;
}

static size_t
not_a_record(struct fx *f)
{
	size_t i = find(f, RECORD_VETOED, 0);

	f->records[i].p[1] = ' ';
	return i;
}

static size_t
time_goes_back(struct fx *f)
{
	struct record rec;

	f->m.clock -= 1000;
	record_init(&rec, RECORD_REFUSED_SUMMARY);
	record_set_int(&rec, RF_COUNT, 3);
	append(f, &rec);
	return f->n_records - 1;
}

static size_t
blob_is_gone(struct fx *f)
{
	size_t i = find(f, RECORD_TRUST, 2);

	memset(&blob_of(f, &fx_record(f, i)->digest)->name, 0,
	    sizeof(struct sha256));
	return i;
}

static size_t
blob_was_changed(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);

	blob_of(f, &fx_record(f, i)->card)->p[5] ^= 1;
	return i;
}

static size_t
trust_signature(struct fx *f)
{
	size_t i = find(f, RECORD_TRUST, 2);
	struct record rec = taken(f, i);
	uint8_t sig[64];

	memcpy(sig, rec.sigs[0].sig.p, 64);
	sig[0] ^= 1;
	rec.sigs[0].sig = bytes_of(sig, 64);
	put_back(f, i, &rec);
	return i;
}

static size_t
trust_version(struct fx *f)
{
	size_t i = find(f, RECORD_TRUST, 2);
	struct record rec = taken(f, i);

	record_set_int(&rec, RF_VERSION, 9);
	put_back(f, i, &rec);
	return i;
}

static size_t
trust_again(struct fx *f)
{
	append_copy(f, find(f, RECORD_TRUST, 3));
	return f->n_records - 1;
}

static size_t
trust_rolled_back(struct fx *f)
{
	append_copy(f, find(f, RECORD_TRUST, 2));
	return f->n_records - 1;
}

/* The policy that a run was decided by never came. */
static size_t
policy_is_missing(struct fx *f)
{
	drop(f, find(f, RECORD_TRUST, 2));
	return find(f, RECORD_CARD_RECEIVED, 0);
}

static size_t
card_signature(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);
	uint8_t sig[64] = { 1 };

	rec.sigs[0].sig = bytes_of(sig, 64);
	put_back(f, i, &rec);
	return i;
}

static size_t
card_of_another(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);

	record_set_str(&rec, RF_PROPOSER, "tom");
	put_back(f, i, &rec);
	return i;
}

static size_t
card_tool(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);

	record_set_str(&rec, RF_TOOL, "disk.free");
	put_back(f, i, &rec);
	return i;
}

static size_t
card_expires(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);

	record_set_int(&rec, RF_EXPIRES, rec.expires + 1);
	put_back(f, i, &rec);
	return i;
}

static size_t
card_too_old(struct fx *f)
{
	struct fx_card *c = fx_usual(f);
	struct record rec = taken(f, f->n_records - 1);

	f->n_records--;
	free(f->records[f->n_records].p);
	f->m.clock = c->expires;
	append(f, &rec);
	return f->n_records - 1;
}

static size_t
decided_auto(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);

	record_set_str(&rec, RF_DECISION, "auto");
	put_back(f, i, &rec);
	return i;
}

static size_t
no_manager_needed(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 2);
	struct record rec = taken(f, i);

	CHECK(rec.require_manager);
	record_set_bool(&rec, RF_REQUIRE_MANAGER, false);
	put_back(f, i, &rec);
	return i;
}

static size_t
approved_by_nobody(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);

	record_set_bool(&rec, RF_ENOUGH, true);
	put_back(f, i, &rec);
	return i;
}

static size_t
other_policy(struct fx *f)
{
	size_t i = find(f, RECORD_CARD_RECEIVED, 1);
	struct record rec = taken(f, i);

	rec.policy.b[0] ^= 1;
	put_back(f, i, &rec);
	return i;
}

static size_t
received_twice(struct fx *f)
{
	append_copy(f, find(f, RECORD_CARD_RECEIVED, 16));
	return f->n_records - 1;
}

static size_t
changed_proof(struct fx *f, enum record_kind kind, size_t n)
{
	size_t i = find(f, kind, n);
	struct record rec = taken(f, i);
	uint8_t proof[200];

	CHECK(rec.proof.n <= sizeof(proof));
	memcpy(proof, rec.proof.p, rec.proof.n);
	proof[rec.proof.n - 1] ^= 1;
	rec.proof.p = proof;
	put_back(f, i, &rec);
	return i;
}

static size_t
approval_proof(struct fx *f)
{
	return changed_proof(f, RECORD_APPROVAL_ACCEPTED, 0);
}

static size_t
denial_proof(struct fx *f)
{
	return changed_proof(f, RECORD_DENIED, 1);
}

static size_t
cancel_proof(struct fx *f)
{
	return changed_proof(f, RECORD_CANCELLED, 0);
}

static size_t
approval_says(struct fx *f, enum record_field field, const char *what)
{
	size_t i = find(f, RECORD_APPROVAL_ACCEPTED, 0);
	struct record rec = taken(f, i);

	record_set_str(&rec, field, what);
	put_back(f, i, &rec);
	return i;
}

static size_t
approval_of_another(struct fx *f)
{
	return approval_says(f, RF_APPROVER, "ada");
}

static size_t
approval_role(struct fx *f)
{
	return approval_says(f, RF_ROLE, "admin");
}

static size_t
approval_lives_longer(struct fx *f)
{
	size_t i = find(f, RECORD_APPROVAL_ACCEPTED, 0);
	struct record rec = taken(f, i);

	record_set_int(&rec, RF_EXPIRES, rec.expires + 600);
	put_back(f, i, &rec);
	return i;
}

/* A real approval, of another card. */
static size_t
approval_elsewhere(struct fx *f)
{
	struct fx_card *c = fx_usual(f), *d = fx_usual(f);
	struct record rec;
	size_t i;

	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	i = f->n_records - 1;
	rec = taken(f, i);
	record_set_digest(&rec, RF_CARD, &d->digest);
	put_back(f, i, &rec);
	return i;
}

/* A real one, that came too late to count. */
static size_t
approval_too_late(struct fx *f)
{
	struct fx_card *c = fx_usual(f);
	struct record rec;

	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	rec = taken(f, f->n_records - 1);
	f->n_records--;
	free(f->records[f->n_records].p);
	fx_pass(f, 900);
	append(f, &rec);
	return f->n_records - 1;
}

/* One approval where two are asked for. */
static size_t
one_is_enough(struct fx *f)
{
	struct fx_card *c = fx_take(f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve@example.org" });
	struct record rec;
	size_t i;

	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	i = f->n_records - 1;
	rec = taken(f, i);
	record_set_bool(&rec, RF_ENOUGH, true);
	put_back(f, i, &rec);
	return i;
}

static size_t
lapsed_but_enough(struct fx *f)
{
	size_t i = find(f, RECORD_APPROVAL_LAPSED, 0);
	struct record rec = taken(f, i);

	record_set_bool(&rec, RF_ENOUGH, true);
	put_back(f, i, &rec);
	return i;
}

static size_t
ran_twice(struct fx *f)
{
	append_copy(f, find(f, RECORD_EXEC_INTENT, 1));
	return f->n_records - 1;
}

/* The approval of a run is not there. */
static size_t
ran_unapproved(struct fx *f)
{
	size_t i = find(f, RECORD_APPROVAL_ACCEPTED, 0);

	drop(f, i);
	return find(f, RECORD_EXEC_INTENT, 1);
}

static size_t
ran_without_naming(struct fx *f)
{
	size_t i = find(f, RECORD_EXEC_INTENT, 1);
	struct record rec = taken(f, i);

	rec.n_approvals = 0;
	put_back(f, i, &rec);
	return i;
}

static size_t
ran_with_another(struct fx *f)
{
	size_t i = find(f, RECORD_EXEC_INTENT, 1);
	struct record rec = taken(f, i);

	rec.approvals[0].b[0] ^= 1;
	put_back(f, i, &rec);
	return i;
}

static size_t
ran_as_full(struct fx *f)
{
	size_t i = find(f, RECORD_EXEC_INTENT, 0);
	struct record rec = taken(f, i);

	record_set_str(&rec, RF_PROFILE, "full");
	put_back(f, i, &rec);
	return i;
}

static size_t
ran_under_another_policy(struct fx *f)
{
	size_t i = find(f, RECORD_EXEC_INTENT, 0);
	struct record rec = taken(f, i);

	rec.policy.b[0] ^= 1;
	put_back(f, i, &rec);
	return i;
}

static size_t
ran_in_lockdown(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });

	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("")), 0);
	return made_up_intent(f, c);
}

static size_t
ran_late(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ .life = 400 });

	fx_pass(f, 400);
	return made_up_intent(f, c);
}

static size_t
ran_lapsed(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });

	fx_pass(f, 901);
	return made_up_intent(f, c);
}

static size_t
ran_before_its_turn(struct fx *f)
{
	struct fx_card *first = fx_usual(f), *c;

	c = approved(f, &(struct fx_ask){ .after = &first->digest });
	return made_up_intent(f, c);
}

static size_t
ran_beside(struct fx *f)
{
	struct fx_card *c;
	int i;

	for (i = 0; i < 4; i++)
		(void)fx_run(f, &(struct fx_ask){ 0 });
	c = approved(f, &(struct fx_ask){ 0 });
	return made_up_intent(f, c);
}

static size_t
ran_for_a_revoked(struct fx *f)
{
	struct fx_card *c = approved(f, &(struct fx_ask){ 0 });

	CHECK_INT(fx_trust(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE, FX_V("3"),
	    "~5f", "~51", NULL))->answer, CORE_ACCEPTED);
	return made_up_intent(f, c);
}

static size_t
ran_without_freshness(struct fx *f)
{
	struct fx_card *c = fx_take(f, &(struct fx_ask){
	    .tool = "disk.free", .life = 7200 });

	fx_pass(f, 3700);
	return made_up_intent(f, c);
}

static size_t
ran_unknown(struct fx *f)
{
	struct record rec = taken(f, find(f, RECORD_EXEC_INTENT, 1));

	memset(&rec.card, 7, sizeof(rec.card));
	append(f, &rec);
	return f->n_records - 1;
}

static size_t
taken_in_lockdown(struct fx *f)
{
	struct record lock, card;

	(void)fx_usual(f);
	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("")), 0);
	lock = taken(f, f->n_records - 1);
	CHECK_INT(lock.kind, RECORD_LOCKDOWN);
	/* The other way round. */
	card = taken(f, f->n_records - 2);
	append(f, &card);
	drop(f, f->n_records - 3);
	return f->n_records - 1;
}

static size_t
lifted_for_good(struct fx *f)
{
	CHECK_INT(core_lockdown(f->core, f->m, true, "tamper", "device",
	    bytes_str("trust_conflict")), 0);
	append_copy(f, find(f, RECORD_LOCKDOWN_LIFTED, 0));
	return f->n_records - 1;
}

static size_t
ended_twice(struct fx *f)
{
	append_copy(f, find(f, RECORD_EXEC_RESULT, 5));
	return f->n_records - 1;
}

static size_t
result_of_none(struct fx *f)
{
	struct record rec = taken(f, find(f, RECORD_EXEC_RESULT, 0));

	memset(&rec.card, 7, sizeof(rec.card));
	append(f, &rec);
	return f->n_records - 1;
}

#define ROW(f, wrong) { #f, f, wrong }

static const struct {
	const char *name;
	size_t (*change)(struct fx *f);
	enum audit_wrong wrong;
} rows[] = {
	ROW(no_genesis, AUDIT_GENESIS),
	ROW(genesis_twice, AUDIT_GENESIS),
	ROW(other_org, AUDIT_GENESIS),
	ROW(other_device, AUDIT_GENESIS),
	ROW(bad_pin, AUDIT_GENESIS),
	ROW(not_a_record, AUDIT_GRAMMAR),
	ROW(time_goes_back, AUDIT_ORDER),
	ROW(blob_is_gone, AUDIT_BLOB),
	ROW(blob_was_changed, AUDIT_BLOB),
	ROW(trust_signature, AUDIT_TRUST),
	ROW(trust_version, AUDIT_TRUST),
	ROW(trust_again, AUDIT_TRUST),
	ROW(trust_rolled_back, AUDIT_TRUST),
	ROW(policy_is_missing, AUDIT_POLICY),
	ROW(card_signature, AUDIT_CARD),
	ROW(card_of_another, AUDIT_CARD),
	ROW(card_tool, AUDIT_CARD),
	ROW(card_expires, AUDIT_CARD),
	ROW(card_too_old, AUDIT_CARD),
	ROW(decided_auto, AUDIT_POLICY),
	ROW(no_manager_needed, AUDIT_POLICY),
	ROW(approved_by_nobody, AUDIT_POLICY),
	ROW(other_policy, AUDIT_POLICY),
	ROW(received_twice, AUDIT_STATE),
	ROW(approval_proof, AUDIT_PROOF),
	ROW(denial_proof, AUDIT_PROOF),
	ROW(cancel_proof, AUDIT_PROOF),
	ROW(approval_of_another, AUDIT_PROOF),
	ROW(approval_role, AUDIT_PROOF),
	ROW(approval_lives_longer, AUDIT_PROOF),
	ROW(approval_elsewhere, AUDIT_PROOF),
	ROW(approval_too_late, AUDIT_POLICY),
	ROW(one_is_enough, AUDIT_POLICY),
	ROW(lapsed_but_enough, AUDIT_POLICY),
	ROW(ran_twice, AUDIT_TWICE),
	ROW(ran_unapproved, AUDIT_STATE),
	ROW(ran_without_naming, AUDIT_POLICY),
	ROW(ran_with_another, AUDIT_STATE),
	ROW(ran_as_full, AUDIT_POLICY),
	ROW(ran_under_another_policy, AUDIT_POLICY),
	ROW(ran_in_lockdown, AUDIT_POLICY),
	ROW(ran_late, AUDIT_POLICY),
	ROW(ran_lapsed, AUDIT_POLICY),
	ROW(ran_before_its_turn, AUDIT_POLICY),
	ROW(ran_beside, AUDIT_POLICY),
	ROW(ran_for_a_revoked, AUDIT_POLICY),
	ROW(ran_without_freshness, AUDIT_POLICY),
	ROW(ran_unknown, AUDIT_STATE),
	ROW(taken_in_lockdown, AUDIT_POLICY),
	ROW(lifted_for_good, AUDIT_POLICY),
	ROW(ended_twice, AUDIT_STATE),
	ROW(result_of_none, AUDIT_STATE),
};

TEST(wrong_in_one_thing)
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

/* ---- a journal on disk ---- */

struct memory {
	struct bytes data;
	size_t offset;
	bool done;
};

static int
one_segment(void *arg, uint64_t *ret_first)
{
	struct memory *m = arg;

	*ret_first = 0;
	return m->done ? 0 : (m->done = true);
}

static int
read_on(void *arg, void *ret_p, size_t n, size_t *ret_n)
{
	struct memory *m = arg;

	if (n > m->data.n - m->offset)
		n = m->data.n - m->offset;
	if (n > 0)
		memcpy(ret_p, m->data.p + m->offset, n);
	m->offset += n;
	*ret_n = n;
	return 0;
}

static int
audit_bytes(struct fx *f, struct bytes data)
{
	struct audit_source source = { f, load_blob };
	struct memory m = { data, 0, false };
	struct journal_source from = { &m, one_segment, read_on };
	struct journal_reader *r;
	struct audit *a;
	int err;

	CHECK_INT(audit_new(&source, &a), 0);
	CHECK_INT(journal_reader_new(&from, &r), 0);
	err = audit_journal(a, r);
	finding = *audit_finding(a);
	audit_counts(a, &counts);
	CHECK_INT(audit_journal(a, r), err);
	journal_reader_free(r);
	audit_free(a);
	return err;
}

TEST(segments)
{
	struct buf b;
	struct fx f;
	size_t i, last = 0;

	open_all(&f);
	buf_init(&b, KIT_MAX);
	for (i = 0; i < f.n_records; i++) {
		last = b.n;
		entry_write(&b, i, bytes_of(f.records[i].p,
		    f.records[i].n));
	}
	CHECK_INT(audit_bytes(&f, buf_bytes(&b)), 0);
	CHECK_INT(counts.records, f.n_records);
	CHECK_INT(audit_bytes(&f, bytes_of(b.p, b.n - 1)), ERR_CORRUPT);
	CHECK_INT(finding.wrong, AUDIT_FRAME);
	CHECK_INT(finding.index, f.n_records - 1);
	CHECK(strstr(finding.text, "cut short") != NULL);
	b.p[last / 2] ^= 1;
	CHECK_INT(audit_bytes(&f, buf_bytes(&b)), ERR_CORRUPT);
	CHECK_INT(finding.wrong, AUDIT_FRAME);
	CHECK(finding.index < f.n_records - 1);
	CHECK_INT(finding.index, counts.records);
	buf_free(&b);
	fx_drop(&f);
}

TEST(words)
{
	enum audit_wrong w;

	for (w = AUDIT_RIGHT; w < AUDIT_WRONGS; w++)
		CHECK(strcmp(audit_word(w), "unknown") != 0);
	CHECK_STR(audit_word(AUDIT_WRONGS), "unknown");
}

TEST(no_memory)
{
	struct audit_source source;
	struct audit *a = NULL;
	struct fx f;
	size_t i;
	int err;

	fx_open(&f);
	fx_run(&f, &(struct fx_ask){ 0 });
	source = (struct audit_source){ &f, load_blob };
	OOM_LOOP {
		if ((err = audit_new(&source, &a)) == 0) {
			for (i = 0; i < f.n_records && err == 0; i++)
				err = audit_record(a, i, bytes_of(
				    f.records[i].p, f.records[i].n));
			audit_free(a);
		}
		/* The text that names a rule may do without. */
		CHECK(err == 0 || (OOM_FIRED() && err == ERR_NOMEM));
	}
	fx_drop(&f);
}

TEST_MAIN()
