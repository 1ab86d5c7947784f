/*
 * test_core_consent.c - yes, no and take it back: who may, when and how often.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/core_fixture.h"

static const uint8_t other_nonce[CAP_DEVICE_NONCE] = { 9 };
static const struct sha256 other_digest = { { 9 } };

/* ---- what makes approvals of a pending card not count ---- */

static void
lock(struct fx *f)
{
	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("drill")), 0);
}

static void
revoke_tom(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE,
	    FX_V("2"), "~5f", "~52", NULL))->answer, CORE_ACCEPTED);
}

static void
clock_back(struct fx *f)
{
	f->m.clock -= 301;
}

struct row {
	const char *what;
	struct fx_say say;
	const char *reason;
	bool says_card;		/* the record names the card */
	struct fx_ask ask;
	void (*setup)(struct fx *f);
	const char *from, *to;	/* a change of the policy */
};

#define COMMANDS(rule) "\"approval_needed\"}", "\"approval_needed\"," rule "}"
#define NO_CHANGE NULL, NULL, NULL

static const struct row rows[] = {
	{ "card", { .of = &other_digest }, "unknown_card", true, { 0 },
	    NO_CHANGE },
	{ "stranger", { .seed = 0x5e }, "unknown_approver", false, { 0 },
	    NO_CHANGE },
	{ "other's key", { .who = "ada", .seed = 0x52 }, "wrong_approver",
	    true, { 0 }, NO_CHANGE },
	{ "own card", { .who = "tom" }, "is_proposer", true,
	    { .seed = 0x52 }, NO_CHANGE },
	{ "not admin", { .role = APPROVAL_ADMIN }, "wrong_role", true, { 0 },
	    NO_CHANGE },
	{ "not technician", { .who = "ada" }, "wrong_role", true, { 0 },
	    NO_CHANGE },
	{ "no manager asked", { .who = "max", .role = APPROVAL_MANAGER },
	    "wrong_role", true, { 0 }, NO_CHANGE },
	{ "ai", { .who = "ai" }, "is_proposer", true, { 0 }, NO_CHANGE },
	{ "another's manager", { .who = "mia", .role = APPROVAL_MANAGER },
	    "not_manager", true, { .tool = "dual", .requester = "eve" },
	    NO_CHANGE },
	{ "requester of two", { .who = "tim" }, "is_requester", true,
	    { .tool = "dual", .requester = "tim" }, NO_CHANGE },
	{ "requester", { .who = "tim" }, "is_requester", true,
	    { .requester = "tim" }, NULL,
	    "\"requester_may_approve\":true",
	    "\"requester_may_approve\":false" },
	{ "list", { 0 }, "not_allowed", true, { 0 }, NULL,
	    COMMANDS("\"approvers\":[\"ada\"]") },
	{ "proof", { 0 }, "proof_not_allowed", true, { 0 }, NULL,
	    COMMANDS("\"proofs\":[\"sk\"]") },
	{ "device", { .device = KIT_DEVICE_2 }, "wrong_device", true, { 0 },
	    NO_CHANGE },
	{ "nonce", { .nonce = other_nonce }, "wrong_nonce", true, { 0 },
	    NO_CHANGE },
	{ "policy", { .policy = &other_digest }, "policy_changed", true,
	    { 0 }, NO_CHANGE },
	{ "ahead", { .issued = 301 }, "from_the_future", true, { 0 },
	    NO_CHANGE },
	{ "over", { .issued = -900 }, "expired", true, { 0 }, NO_CHANGE },
	{ "long", { .life = 901 }, "lives_too_long", true, { 0 },
	    NO_CHANGE },
	{ "outlives", { .life = 600 }, "outlives_card", true,
	    { .life = 300 }, NO_CHANGE },
	{ "a day", { .life = 86401 }, "out_of_range", false, { 0 },
	    NO_CHANGE },
	{ "field", { .from = "\"v\":1", .to = "\"v\":1,\"x\":1" },
	    "unknown_field", false, { 0 }, NO_CHANGE },
	{ "proposer's yes", { .who = "ai", .from = "\"technician\"",
	    .to = "\"proposer\"" }, "out_of_range", false, { 0 },
	    NO_CHANGE },
	{ "revoked", { 0 }, "key_not_valid", false, { 0 }, revoke_tom, NULL,
	    NULL },
	{ "lockdown", { 0 }, "lockdown", true, { 0 }, lock, NULL, NULL },
	{ "clock", { 0 }, "clock", true, { 0 }, clock_back, NULL, NULL },
	{ "not proposer", { .decision = APPROVAL_DENY,
	    .role = APPROVAL_PROPOSER }, "not_proposer", true, { 0 },
	    NO_CHANGE },
	{ "no's nonce", { .decision = APPROVAL_DENY, .nonce = other_nonce },
	    "wrong_nonce", true, { 0 }, NO_CHANGE },
	{ "no's role", { .decision = APPROVAL_DENY, .who = "mia" },
	    "wrong_role", true, { 0 }, NO_CHANGE },
	{ "cancel's nonce", { .decision = APPROVAL_CANCEL,
	    .nonce = other_nonce }, "wrong_nonce", true, { 0 }, NO_CHANGE },
	{ "cancel's device", { .decision = APPROVAL_CANCEL,
	    .device = KIT_DEVICE_2 }, "wrong_device", true, { 0 },
	    NO_CHANGE },
	{ "cancel by whom", { .decision = APPROVAL_CANCEL, .who = "mia" },
	    "wrong_role", true, { 0 }, NO_CHANGE },
	{ "cancel's key", { .decision = APPROVAL_CANCEL, .who = "ada",
	    .seed = 0x52 }, "wrong_approver", true, { 0 }, NO_CHANGE },
	{ "cancel's card", { .decision = APPROVAL_CANCEL,
	    .of = &other_digest }, "unknown_card", true, { 0 }, NO_CHANGE },
	{ "cancel over", { .decision = APPROVAL_CANCEL, .issued = -900 },
	    "expired", true, { 0 }, NO_CHANGE },
};

static void
check_row(const struct row *row)
{
	bool cancel = row->say.decision == APPROVAL_CANCEL;
	struct fx_say say = row->say;
	struct buf before, after;
	struct fx_card *card;
	struct fx_word *w;
	char news[200];
	struct fx f;

	fx_open(&f);
	if (row->from != NULL)
		CHECK_INT(fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY,
		    FX_V("2"), row->from, row->to, NULL))->answer,
		    CORE_ACCEPTED);
	card = fx_take(&f, &row->ask);
	if (row->setup != NULL)
		row->setup(&f);
	buf_init(&before, KIT_MAX);
	buf_init(&after, KIT_MAX);
	fx_dump_open(&f, &before);
	fx_mark(&f);
	say.card = card;
	w = fx_word(&f, &say);
	fx_send(&f, w);
	CHECK_MSG(f.reply.answer == CORE_REFUSED &&
	    strcmp(f.reply.reason, row->reason) == 0, "%s: %d %s: %s",
	    row->what, (int)f.reply.answer, f.reply.reason, f.reply.detail);
	(void)snprintf(news, sizeof(news), "%s_refused:%s", cancel ?
	    "cancel" : "approval", row->reason);
	CHECK_NEWS(&f, news);
	CHECK(sha256_equal(&fx_last(&f)->approval, &w->digest));
	CHECK_MSG(fx_last(&f)->has[RF_CARD] == row->says_card, "%s",
	    row->what);
	CHECK(queue_has_seen(core_queue(f.core), &w->digest) ==
	    row->says_card);
	fx_turn(&f);
	CHECK_NEWS(&f, "");
	fx_dump_open(&f, &after);
	CHECK_MEM(before.p, before.n, after.p, after.n);
	CHECK_INT(f.n_started, 0);
	buf_free(&before);
	buf_free(&after);
	fx_close(&f);
}

TEST(every_refusal)
{
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++)
		check_row(&rows[i]);
}

/* The same words over and over: at most so many records. */
TEST(a_refused_word_again_and_again)
{
	struct fx_card *card;
	struct fx_word *w[3];
	struct fx f;
	int i, k;

	fx_open(&f);
	card = fx_usual(&f);
	w[0] = fx_word(&f, &(struct fx_say){ .card = card,
	    .nonce = other_nonce });
	w[1] = fx_word(&f, &(struct fx_say){ .card = card, .life = 86401 });
	w[2] = fx_word(&f, &(struct fx_say){ .card = card,
	    .decision = APPROVAL_CANCEL, .nonce = other_nonce });
	fx_mark(&f);
	for (i = 0; i < 200; i++)
		for (k = 0; k < 3; k++)
			CHECK_INT(fx_send(&f, w[k])->answer, CORE_REFUSED);
	CHECK(f.n_records - f.mark <= LIMITER_PER_MINUTE + 2);
	fx_close(&f);
}

TEST(signatures_of_an_approval)
{
	struct fx_card *card;
	struct fx_word *w;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	w = fx_word(&f, &(struct fx_say){ .card = card });
	w->k.e.n_sigs = 0;
	CHECK_STR(fx_send(&f, w)->reason, "signature_count");
	w->k.e.n_sigs = 2;
	w->k.e.sigs[1] = w->k.e.sigs[0];
	CHECK_STR(fx_send(&f, w)->reason, "signature_count");
	w->k.e.n_sigs = 1;
	w->k.sigs[0][20] ^= 1;
	CHECK_STR(fx_send(&f, w)->reason, "bad_proof");
	w->k.sigs[0][20] ^= 1;
	/* As another type it is not even looked at. */
	CHECK_INT(core_cancel(f.core, f.m, &w->k.e, &f.reply), 0);
	CHECK_STR(f.reply.reason, "unknown_version");
	CHECK_INT(fx_send(&f, w)->answer, CORE_ACCEPTED);
	CHECK_STATE(&f, card, "approved");
	fx_close(&f);
}

/* A card's own signature is no approval, and an approval no cancel. */
TEST(nothing_counts_as_another_type)
{
	struct fx_card *card;
	struct fx_word *w;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	w = fx_word(&f, &(struct fx_say){ .card = card });
	w->k.e.type = envelope_type_text(PAYLOAD_CANCEL);
	CHECK_INT(core_cancel(f.core, f.m, &w->k.e, &f.reply), 0);
	CHECK_STR(f.reply.reason, "bad_proof");
	CHECK_INT(core_approval(f.core, f.m, &card->k.e, &f.reply), 0);
	CHECK_STR(f.reply.reason, "unknown_version");
	CHECK_STATE(&f, card, "pending");
	fx_close(&f);
}

TEST(one_yes_is_enough_and_runs_once)
{
	struct fx_card *card;
	struct fx_word *w;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	fx_mark(&f);
	w = fx_word(&f, &(struct fx_say){ .card = card, .who = "ada",
	    .role = APPROVAL_ADMIN });
	CHECK_INT(fx_send(&f, w)->answer, CORE_ACCEPTED);
	CHECK_NEWS(&f, "approval_accepted+");
	/* Resending is normal. */
	CHECK_INT(fx_send(&f, w)->answer, CORE_KNOWN);
	fx_turn(&f);
	CHECK_NEWS(&f, "exec_intent");
	CHECK_INT(fx_last(&f)->n_approvals, 1);
	CHECK(sha256_equal(&fx_last(&f)->approvals[0], &w->digest));
	CHECK_INT(f.n_started, 1);
	/* While it runs: too late, whatever is said. */
	CHECK_STR(fx_send(&f, w)->reason, "known");
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = card })->reason,
	    "late");
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = card,
	    .decision = APPROVAL_DENY })->reason, "late");
	CHECK_NEWS(&f, "approval_refused:late approval_refused:late");
	fx_turn(&f);
	CHECK_INT(core_started(f.core, f.m, &card->digest, 77, "x"), 0);
	fx_end(&f, &card->digest, "finished", 0);
	CHECK_STATE(&f, card, "finished");
	fx_turn(&f);
	CHECK_INT(f.n_started, 1);
	fx_close(&f);
}

/* After the end: told once a digest, then silence. */
TEST(a_replay_after_the_end)
{
	struct fx_card *card;
	struct fx_word *yes, *no, *cancel;
	struct fx f;
	int i;

	fx_open(&f);
	card = fx_usual(&f);
	yes = fx_word(&f, &(struct fx_say){ .card = card });
	no = fx_word(&f, &(struct fx_say){ .card = card,
	    .decision = APPROVAL_DENY });
	cancel = fx_word(&f, &(struct fx_say){ .card = card,
	    .decision = APPROVAL_CANCEL });
	fx_send(&f, yes);
	fx_turn(&f);
	fx_end(&f, &card->digest, "finished", 0);
	fx_mark(&f);
	CHECK_STR(fx_send(&f, yes)->reason, "card_closed");
	CHECK_STR(fx_send(&f, no)->reason, "late");
	CHECK_STR(fx_send(&f, cancel)->reason, "card_closed");
	CHECK_NEWS(&f, "approval_refused:card_closed approval_refused:late"
	    " cancel_refused:card_closed");
	fx_restart(&f, "boot-2", false);
	for (i = 0; i < 5; i++) {
		CHECK_INT(fx_send(&f, yes)->answer, CORE_KNOWN);
		CHECK_INT(fx_send(&f, no)->answer, CORE_KNOWN);
		CHECK_INT(fx_send(&f, cancel)->answer, CORE_KNOWN);
		CHECK_INT(fx_offer(&f, card)->answer, CORE_KNOWN);
		fx_turn(&f);
	}
	CHECK_NEWS(&f, "");
	CHECK_INT(f.n_started, 1);
	fx_close(&f);
}

TEST(two_are_asked_for)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve@example.org" });
	fx_mark(&f);
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	fx_yes(&f, card, "ada", APPROVAL_ADMIN);
	CHECK_NEWS(&f, "approval_accepted approval_accepted");
	CHECK_STATE(&f, card, "pending");
	fx_turn(&f);
	CHECK_INT(f.n_started, 0);
	fx_yes(&f, card, "max", APPROVAL_MANAGER);
	CHECK_NEWS(&f, "approval_accepted+");
	fx_turn(&f);
	CHECK_INT(f.n_started, 1);
	CHECK_INT(fx_last(&f)->n_approvals, 3);
	fx_close(&f);
}

/* max is both, but one person. */
TEST(one_person_is_not_two)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve" });
	fx_yes(&f, card, "max", APPROVAL_MANAGER);
	f.m.clock++;
	fx_yes(&f, card, "max", APPROVAL_TECHNICIAN);
	CHECK_STATE(&f, card, "pending");
	CHECK_INT(fx_item(&f, &card->digest)->n_approvals, 1);
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	CHECK_STATE(&f, card, "pending");
	f.m.clock++;
	fx_yes(&f, card, "max", APPROVAL_MANAGER);
	CHECK_STATE(&f, card, "approved");
	fx_close(&f);
}

/* One that replaces an approval may be worth less: pending again. */
TEST(the_same_person_again_replaces)
{
	struct fx_card *busy, *card;
	struct fx_word *old, *new;
	struct fx f;
	int i;

	fx_open(&f);
	busy = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	card = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve" });
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	old = fx_word(&f, &(struct fx_say){ .card = card, .who = "max",
	    .role = APPROVAL_MANAGER });
	fx_send(&f, old);
	CHECK_STATE(&f, card, "approved");
	f.m.clock++;
	new = fx_word(&f, &(struct fx_say){ .card = card, .who = "max" });
	CHECK_INT(fx_send(&f, new)->answer, CORE_ACCEPTED);
	CHECK_STATE(&f, card, "pending");
	/* The earlier one does not come back by being sent again. */
	fx_mark(&f);
	CHECK_STR(fx_send(&f, old)->reason, "superseded");
	CHECK_NEWS(&f, "approval_refused:superseded");
	for (i = 0; i < 100; i++) {
		CHECK_INT(fx_send(&f, old)->answer, CORE_REFUSED);
		CHECK_INT(fx_send(&f, new)->answer, CORE_KNOWN);
	}
	CHECK(f.n_records - f.mark <= LIMITER_PER_MINUTE);
	CHECK_STATE(&f, card, "pending");
	CHECK_STATE(&f, busy, "running");
	fx_close(&f);
}

TEST(no_wins_over_yes_of_the_same_turn)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	fx_mark(&f);
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(fx_said(&f, &(struct fx_say){ .card = card, .who = "ada",
	    .role = APPROVAL_ADMIN, .decision = APPROVAL_DENY,
	    .reason = "not on a Friday" })->answer, CORE_ACCEPTED);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_accepted+ denied");
	CHECK(bytes_is(fx_last(&f)->detail, "not on a Friday"));
	CHECK_STATE(&f, card, "denied");
	CHECK_INT(f.n_started, 0);
	fx_close(&f);
}

TEST(a_no_counts_while_nothing_may_run)
{
	struct fx_card *a, *b;
	struct fx f;

	fx_open(&f);
	a = fx_usual(&f);
	b = fx_usual(&f);
	lock(&f);
	fx_said(&f, &(struct fx_say){ .card = a, .who = "ai",
	    .role = APPROVAL_PROPOSER, .decision = APPROVAL_DENY });
	CHECK_STATE(&f, a, "denied");
	fx_said(&f, &(struct fx_say){ .card = b,
	    .decision = APPROVAL_CANCEL });
	CHECK_STATE(&f, b, "cancelled");
	fx_close(&f);
}

TEST(cancels)
{
	struct fx_card *pending, *approved, *runs;
	struct fx_word *w;
	struct fx f;
	int i;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	pending = fx_usual(&f);
	approved = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	fx_yes(&f, approved, "tom", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	fx_mark(&f);
	/* By its proposer, before execution. */
	fx_said(&f, &(struct fx_say){ .card = pending, .who = "ai",
	    .decision = APPROVAL_CANCEL });
	CHECK_STATE(&f, pending, "cancelled");
	CHECK(bytes_is(fx_last(&f)->by, "ai") && fx_last(&f)->has[RF_KEY] &&
	    fx_last(&f)->has[RF_APPROVAL]);
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = runs, .who = "ai",
	    .decision = APPROVAL_CANCEL })->reason, "late");
	/* By somebody who could approve it, also if nobody has yet. */
	fx_said(&f, &(struct fx_say){ .card = approved, .who = "ada",
	    .decision = APPROVAL_CANCEL });
	CHECK_STATE(&f, approved, "cancelled");
	CHECK_NEWS(&f, "cancelled:cancel cancel_refused:late"
	    " cancelled:cancel");
	/* One that runs is told to stop, once, and ends when it is dead. */
	w = fx_word(&f, &(struct fx_say){ .card = runs, .who = "ada",
	    .decision = APPROVAL_CANCEL, .reason = "wrong disk" });
	CHECK_INT(fx_send(&f, w)->answer, CORE_ACCEPTED);
	for (i = 0; i < 50; i++)
		CHECK_INT(fx_send(&f, w)->answer, CORE_KNOWN);
	fx_said(&f, &(struct fx_say){ .card = runs,
	    .decision = APPROVAL_CANCEL });
	CHECK_NEWS(&f, "cancelled:cancel*");
	fx_turn(&f);
	CHECK_INT(f.n_stopped, 1);
	CHECK_STR(f.stopped[0].reason, "cancel");
	CHECK_STATE(&f, runs, "running");
	fx_end(&f, &runs->digest, "killed", -1);
	CHECK_STATE(&f, runs, "killed");
	CHECK_STR(fx_send(&f, w)->reason, "card_closed");
	fx_close(&f);
}

TEST(vetoes)
{
	static const char junk[] = "\xff\xfe";
	struct fx_card *pending, *approved, *runs;
	struct core_reply r;
	struct fx f;
	int i;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	pending = fx_usual(&f);
	approved = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	fx_yes(&f, approved, "tom", APPROVAL_TECHNICIAN);
	fx_mark(&f);
	CHECK_INT(core_veto(f.core, f.m, &pending->digest, "local:eve",
	    bytes_str("no"), &r), 0);
	CHECK_INT(r.answer, CORE_ACCEPTED);
	CHECK_STATE(&f, pending, "vetoed");
	/* A reason that is no text is not worth failing for. */
	CHECK_INT(core_veto(f.core, f.m, &approved->digest, "local:eve",
	    bytes_str(junk), &r), 0);
	CHECK_STATE(&f, approved, "vetoed");
	CHECK(bytes_is(fx_last(&f)->detail, "unreadable"));
	for (i = 0; i < 10; i++) {
		CHECK_INT(core_veto(f.core, f.m, &runs->digest, "local:eve",
		    bytes_str(""), &r), 0);
		CHECK_INT(r.answer, i == 0 ? CORE_ACCEPTED : CORE_KNOWN);
	}
	CHECK_NEWS(&f, "vetoed vetoed vetoed*");
	fx_turn(&f);
	CHECK_INT(f.n_stopped, 1);
	CHECK_STR(f.stopped[0].reason, "veto");
	fx_end(&f, &runs->digest, "killed", -1);
	CHECK_STATE(&f, runs, "killed");
	/* What has ended, and what is not there. */
	CHECK_INT(core_veto(f.core, f.m, &runs->digest, "local:eve",
	    bytes_str(""), &r), 0);
	CHECK_STR(r.reason, "card_closed");
	CHECK_INT(core_veto(f.core, f.m, &other_digest, "local:eve",
	    bytes_str(""), &r), 0);
	CHECK_STR(r.reason, "unknown_card");
	CHECK_NEWS(&f, "exec_result");
	fx_close(&f);
}

TEST(the_console_withdraws)
{
	struct fx_card *pending, *looks, *changes;
	struct fx f;
	int i;

	fx_open(&f);
	looks = fx_run(&f, &(struct fx_ask){ 0 });
	changes = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	pending = fx_usual(&f);
	fx_mark(&f);
	CHECK_INT(core_withdraw(f.core, f.m, &pending->digest,
	    bytes_str("not needed")), 0);
	CHECK_STATE(&f, pending, "cancelled");
	CHECK(bytes_is(fx_last(&f)->by, "console"));
	/* The policy lets it stop what only looks. */
	for (i = 0; i < 10; i++)
		CHECK_INT(core_withdraw(f.core, f.m, &looks->digest,
		    bytes_str("\xff")), 0);
	CHECK_INT(core_withdraw(f.core, f.m, &changes->digest,
	    bytes_str("")), 0);
	CHECK_NEWS(&f, "cancelled:console_withdraw"
	    " cancelled:console_withdraw*"
	    " cancel_refused:console_may_not_stop");
	fx_turn(&f);
	CHECK_INT(f.n_stopped, 1);
	CHECK(sha256_equal(&f.stopped[0].card, &looks->digest));
	CHECK_STATE(&f, changes, "running");
	/* It cannot fill the journal by asking for what is not there. */
	for (i = 0; i < 100; i++) {
		CHECK_INT(core_withdraw(f.core, f.m, &pending->digest,
		    bytes_str("")), 0);
		CHECK_INT(core_withdraw(f.core, f.m, &other_digest,
		    bytes_str("")), 0);
	}
	CHECK_INT(f.n_records - f.mark, LIMITER_PER_MINUTE - 1);
	fx_close(&f);
}

/* A new policy between the yes and the run: asked again. */
TEST(an_approval_is_of_one_policy)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY,
	    FX_V("2"), NULL))->answer, CORE_ACCEPTED);
	fx_mark(&f);
	/* ada's is of the new one already, in the same turn. */
	fx_yes(&f, card, "ada", APPROVAL_ADMIN);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_accepted+ approval_lapsed:policy_changed+"
	    " exec_intent");
	CHECK_INT(fx_last(&f)->n_approvals, 1);
	fx_close(&f);
}

/* No device keeps more approvals of a card than it can name in an intent. */
TEST(more_approvers_than_fit)
{
	char persons[8192] = "", one[512], who[16];
	struct fx_card *card;
	struct fx f;
	size_t n = 0;
	int i;

	fx_open(&f);
	for (i = 0; i <= QUEUE_APPROVALS; i++) {
		(void)snprintf(one, sizeof(one), "{\"id\":\"t%d\","
		    "\"name\":\"T\",\"roles\":[\"technician\"],\"keys\":"
		    "[{\"kind\":\"ed25519\",\"key\":\"^%02x\"}]},", i,
		    0x80 + i);
		n += (size_t)snprintf(persons + n, sizeof(persons) - n,
		    "%s", one);
	}
	(void)snprintf(persons + n, sizeof(persons) - n, "{\"id\":\"ai\"");
	fx_trust(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE, FX_V("2"),
	    "{\"id\":\"ai\"", persons, NULL));
	CHECK_MSG(f.reply.answer == CORE_ACCEPTED, "%s", f.reply.detail);
	card = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve" });
	fx_mark(&f);
	for (i = 0; i <= QUEUE_APPROVALS; i++) {
		(void)snprintf(who, sizeof(who), "t%d", i);
		fx_said(&f, &(struct fx_say){ .card = card, .who = who,
		    .seed = 0x80 + (unsigned)i });
		if (i < QUEUE_APPROVALS)
			CHECK_INT(f.reply.answer, CORE_ACCEPTED);
	}
	CHECK_STR(f.reply.reason, "too_many_approvals");
	CHECK_INT(fx_item(&f, &card->digest)->n_approvals, QUEUE_APPROVALS);
	/* Somebody who is there may still say it anew. */
	f.m.clock++;
	CHECK_INT(fx_said(&f, &(struct fx_say){ .card = card, .who = "t0",
	    .seed = 0x80 })->answer, CORE_ACCEPTED);
	fx_close(&f);
}

/* A full disk keeps room for every word of people. */
TEST(consent_on_a_full_disk)
{
	struct fx_card *a, *b, *c;
	struct core_reply r;
	struct fx f;

	fx_open(&f);
	a = fx_usual(&f);
	b = fx_usual(&f);
	c = fx_usual(&f);
	f.full = true;
	fx_mark(&f);
	fx_yes(&f, a, "tom", APPROVAL_TECHNICIAN);
	fx_said(&f, &(struct fx_say){ .card = b,
	    .decision = APPROVAL_DENY });
	CHECK_INT(core_veto(f.core, f.m, &c->digest, "local:eve",
	    bytes_str(""), &r), 0);
	CHECK_NEWS(&f, "approval_accepted+ denied vetoed");
	/* A refusal is no must. */
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = c })->reason,
	    "card_closed");
	CHECK_NEWS(&f, "");
	fx_close(&f);
}

/* The card's bytes are not what was signed: nothing is approved of them. */
TEST(a_damaged_card)
{
	struct fx_card *a, *b;
	struct fx f;
	size_t i;

	fx_open(&f);
	a = fx_usual(&f);
	b = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	fx_yes(&f, b, "tom", APPROVAL_TECHNICIAN);
	/* b's blob says what a says: well formed, but another card. */
	for (i = 0; i < f.n_blobs; i++)
		if (sha256_equal(&f.blobs[i].name, &b->digest)) {
			free(f.blobs[i].p);
			f.blobs[i].p = fx_copy(a->k.e.payload.p,
			    a->k.e.payload.n);
			f.blobs[i].n = a->k.e.payload.n;
		}
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = b,
	    .who = "ada", .role = APPROVAL_ADMIN })->reason,
	    "card_damaged");
	fx_turn(&f);
	CHECK_STATE(&f, b, "cancelled");
	CHECK_STATE(&f, a, "pending");
	CHECK_INT(f.n_started, 0);
	fx_close(&f);
}

TEST_MAIN()
