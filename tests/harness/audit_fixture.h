/*
 * audit_fixture.h - a device in memory that saw everything, and the auditor.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_AUDIT_FIXTURE_H
#define COUNTERSIGN_TESTS_HARNESS_AUDIT_FIXTURE_H

#include "common/digest.h"
#include "tests/harness/kit.h"

/* The device whose key the fixture has: its id is made from it. */
#undef KIT_DEVICE
#define KIT_DEVICE "d-zsi67zrels5wysxadmco4pkad4"

#include "common/audit.h"
#include "tests/harness/core_fixture.h"

/* ---- auditing what is in memory ---- */

static struct audit_finding finding;
static struct audit_counts counts;

FX int
load_blob(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	return fx_load(arg, name, ret_b);
}

FX enum audit_wrong
audit_all(struct fx *f)
{
	struct audit_source source = { f, load_blob };
	struct audit *a;
	size_t i;
	int err = 0;

	CHECK_INT(audit_new(&source, &a), 0);
	for (i = 0; i < f->n_records && err == 0; i++)
		err = audit_record(a, i, bytes_of(f->records[i].p,
		    f->records[i].n));
	finding = *audit_finding(a);
	audit_counts(a, &counts);
	CHECK_INT(err, finding.wrong == AUDIT_RIGHT ? 0 : ERR_CORRUPT);
	if (err != 0) {
		/* It stays wrong. */
		CHECK_INT(audit_record(a, counts.records, bytes_str("{}")),
		    ERR_CORRUPT);
		CHECK_INT(finding.index, counts.records);
		CHECK(finding.text[0] != '\0');
	} else {
		CHECK_STR(audit_device(a), KIT_DEVICE);
		CHECK_STR(audit_org(a), "acme");
	}
	audit_free(a);
	return finding.wrong;
}

#define CHECK_RIGHT(f)							\
	CHECK_MSG(audit_all(f) == AUDIT_RIGHT, "record %" PRIu64	\
	    ": %s: %.150s", finding.index, audit_word(finding.wrong),	\
	    finding.text)

/* ---- changing what is in memory ---- */

/* The n-th record of a kind, from 0. */
FX size_t
find(struct fx *f, enum record_kind kind, size_t n)
{
	size_t i;

	for (i = 0; i < f->n_records; i++)
		if (fx_record(f, i)->kind == kind && n-- == 0)
			return i;
	CHECK_MSG(false, "no %s", record_kind_word(kind));
	return 0;
}

/* The record, to be changed and put back. Its spans live until then. */
FX struct record
taken(struct fx *f, size_t i)
{
	return *fx_record(f, i);
}

FX void
put_back(struct fx *f, size_t i, const struct record *rec)
{
	struct buf b;

	buf_init(&b, CAP_RECORD);
	record_write(&b, rec);
	CHECK_INT(buf_error(&b), 0);
	free(f->records[i].p);
	f->records[i].p = b.p;
	f->records[i].n = b.n;
}

FX void
drop(struct fx *f, size_t i)
{
	free(f->records[i].p);
	memmove(&f->records[i], &f->records[i + 1],
	    (f->n_records - i - 1) * sizeof(f->records[0]));
	f->n_records--;
}

FX void
append(struct fx *f, struct record *rec)
{
	struct buf b;
	uint64_t index;

	record_set_time(rec, f->m.clock, f->m.boot_ms);
	buf_init(&b, CAP_RECORD);
	record_write(&b, rec);
	CHECK_INT(buf_error(&b), 0);
	CHECK_INT(fx_append(f, buf_bytes(&b), true, NULL, bytes_str(""),
	    &index), 0);
	buf_free(&b);
}

FX void
append_copy(struct fx *f, size_t i)
{
	struct record rec = taken(f, i);

	append(f, &rec);
}

FX struct fx_blob *
blob_of(struct fx *f, const struct sha256 *name)
{
	size_t i;

	for (i = 0; i < f->n_blobs; i++)
		if (sha256_equal(&f->blobs[i].name, name))
			return &f->blobs[i];
	CHECK(false);
	return NULL;
}

/* ---- a device that saw everything ---- */

FX void
stop_run(struct fx *f, const struct fx_card *card, const char *reason)
{
	struct core_reply r;

	CHECK_INT(core_veto(f->core, f->m, &card->digest, "local:root",
	    bytes_str(reason), &r), 0);
	CHECK_INT(r.answer, CORE_ACCEPTED);
}

/* Runs of all sorts. */
FX void
saw_runs(struct fx *f)
{
	struct fx_card *a, *b, *c;

	a = fx_run(f, &(struct fx_ask){ .tool = "disk.free" });
	CHECK_INT(core_started(f->core, f->m, &a->digest, 77, "x"), 0);
	fx_end(f, &a->digest, "finished", 0);
	b = fx_run(f, &(struct fx_ask){ .after = &a->digest,
	    .profile = ACTION_FULL });
	fx_pass(f, 5);
	fx_end(f, &b->digest, "timed_out", -1);
	c = fx_take(f, &(struct fx_ask){ .requester = "eve@example.org",
	    .tool = "dual" });
	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	fx_pass(f, 1);
	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	CHECK_STATE(f, c, "pending");
	fx_yes(f, c, "max", APPROVAL_MANAGER);
	fx_turn(f);
	CHECK_STATE(f, c, "running");
	stop_run(f, c, "enough");
	fx_end(f, &c->digest, "killed", -1);
	b = fx_run(f, &(struct fx_ask){ 0 });
	fx_said(f, &(struct fx_say){ .card = b, .who = "ada",
	    .decision = APPROVAL_CANCEL });
	CHECK_INT(f->reply.answer, CORE_ACCEPTED);
	fx_end(f, &b->digest, "killed", -1);
}

/* Ends without a run. */
FX void
saw_ends(struct fx *f)
{
	struct fx_card *c;
	int i;

	for (i = 0; i < 5; i++) {
		c = fx_usual(f);
		fx_said(f, &(struct fx_say){ .card = c,
		    .who = i % 2 == 0 ? "ada" : "ai",
		    .role = i == 0 ? APPROVAL_ADMIN : i == 1 ?
		    APPROVAL_PROPOSER : APPROVAL_TECHNICIAN,
		    .decision = i < 2 ? APPROVAL_DENY : APPROVAL_CANCEL });
		CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%d: %s", i,
		    f->reply.reason);
		/* And again: too late. */
		fx_said(f, &(struct fx_say){ .card = c });
		CHECK_INT(f->reply.answer, CORE_REFUSED);
	}
	c = fx_usual(f);
	stop_run(f, c, "no");
	c = fx_usual(f);
	CHECK_INT(core_withdraw(f->core, f->m, &c->digest,
	    bytes_str("gone")), 0);
	/* Refused for good, and for now. */
	fx_offer(f, fx_card(f, &(struct fx_ask){ .tool = "off" }));
	CHECK_INT(f->reply.answer, CORE_REFUSED);
	fx_offer(f, fx_card(f, &(struct fx_ask){ .seed = 0x5e }));
	CHECK_INT(f->reply.answer, CORE_REFUSED);
	/* One that nobody answers, with an approval that lapses. */
	c = fx_take(f, &(struct fx_ask){ .life = 4000, .tool = "dual",
	    .requester = "eve@example.org" });
	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	fx_pass(f, 950);
	fx_turn(f);
	fx_pass(f, 3100);
	fx_turn(f);
	CHECK_STATE(f, c, "expired");
}

/* New files, lockdowns, starts, the clock. */
FX void
saw_changes(struct fx *f)
{
	struct fx_card *a, *b, *c;

	a = fx_take(f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve@example.org" });
	fx_yes(f, a, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    NULL))->answer, CORE_ACCEPTED);
	fx_turn(f);
	fx_yes(f, a, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(fx_trust(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE, FX_V("2"),
	    NULL))->answer, CORE_ACCEPTED);
	b = fx_run(f, &(struct fx_ask){ 0 });
	fx_restart(f, "boot-2", false);
	CHECK_STATE(f, b, "interrupted");
	fx_yes(f, a, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("drill")), 0);
	fx_said(f, &(struct fx_say){ .card = a, .who = "max",
	    .role = APPROVAL_MANAGER });
	CHECK_INT(f->reply.answer, CORE_REFUSED);
	CHECK_INT(core_lockdown(f->core, f->m, false, "local", "local:root",
	    bytes_str("over")), 0);
	fx_yes(f, a, "max", APPROVAL_MANAGER);
	fx_turn(f);
	fx_end(f, &a->digest, "failed_to_start", -1);
	c = fx_usual(f);
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("3"),
	    "\"execute\"", "\"plan\"", NULL))->answer, CORE_ACCEPTED);
	fx_turn(f);
	CHECK_STATE(f, c, "planned");
	c = fx_usual(f);
	CHECK_STATE(f, c, "planned");
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("4"),
	    NULL))->answer, CORE_ACCEPTED);
	CHECK_INT(fx_trust(f, TRUST_TIMESTAMP, fx_stamp(f, 2, f->m.clock,
	    3600))->answer, CORE_ACCEPTED);
	a = fx_run(f, &(struct fx_ask){ .tool = "disk.free" });
	fx_end(f, &a->digest, "finished", 3);
	(void)fx_usual(f);
}

FX void
open_all(struct fx *f)
{
	fx_open(f);
	saw_runs(f);
	saw_ends(f);
	saw_changes(f);
	fx_check_replay(f);
}

/* ---- what it did not do ---- */

/* An intent for the last open card, made up at that moment. */
FX size_t
made_up_intent(struct fx *f, const struct fx_card *card)
{
	struct record rec = taken(f, find(f, RECORD_EXEC_INTENT, 1));
	const struct queue_item *item = fx_item(f, &card->digest);
	struct trust_held h;
	size_t i;

	record_set_digest(&rec, RF_CARD, &card->digest);
	CHECK(trust_held(core_trust_files(f->core), TRUST_POLICY, &h));
	rec.policy = h.digest;
	record_set_str(&rec, RF_PROFILE, "observe");
	rec.n_approvals = 0;
	for (i = 0; i < item->n_approvals; i++)
		record_add_approval(&rec, &item->approvals[i].digest);
	append(f, &rec);
	return f->n_records - 1;
}

FX struct fx_card *
approved(struct fx *f, const struct fx_ask *a)
{
	struct fx_card *c = fx_take(f, a);

	fx_yes(f, c, "tom", APPROVAL_TECHNICIAN);
	return c;
}

#endif
