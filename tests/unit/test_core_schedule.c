/*
 * test_core_schedule.c - what falls due, and which card runs next.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/core_fixture.h"

static void
install(struct fx *f, enum trust_file file, const char *text)
{
	fx_trust(f, file, text);
	CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%s: %s",
	    f->reply.reason, f->reply.detail);
}

/* The policy's next version with a change, and a timestamp of it. */
static void
policy(struct fx *f, int version, const char *from, const char *to)
{
	char head[64];

	(void)snprintf(head, sizeof(head), "\"org\":\"acme\",\"version\":%d,",
	    version);
	install(f, TRUST_POLICY, fx_text(f, FX_POLICY,
	    "\"org\":\"acme\",\"version\":1,", head, from, to, NULL));
	install(f, TRUST_TIMESTAMP, fx_stamp(f, version, f->m.clock,
	    72 * 3600));
}

static struct fx_card *
approved(struct fx *f, enum action_profile profile)
{
	struct fx_card *card = fx_take(f, &(struct fx_ask){
	    .profile = profile });

	fx_yes(f, card, "tom", APPROVAL_TECHNICIAN);
	return card;
}

/* ---- the end of time ---- */

TEST(a_card_expires_by_the_clock)
{
	struct fx_card *pending, *ready, *runs;
	struct fx f;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	pending = fx_usual(&f);
	ready = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	CHECK_INT(core_wait_s(f.core, f.m), 3600);
	fx_pass(&f, 3000);
	/* One that is approved is looked at each minute. */
	fx_yes(&f, ready, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(core_wait_s(f.core, f.m), 60);
	fx_pass(&f, 599);
	CHECK_INT(core_wait_s(f.core, f.m), 1);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "");
	fx_pass(&f, 1);
	fx_turn(&f);
	CHECK_NEWS(&f, "expired expired");
	CHECK_STATE(&f, pending, "expired");
	CHECK_STATE(&f, ready, "expired");
	CHECK_STATE(&f, runs, "running");
	CHECK_INT(core_wait_s(f.core, f.m), -1);
	fx_close(&f);
}

/* A clock that was set back keeps no card alive. */
TEST(a_card_expires_by_its_age)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	f.m.clock -= 86400;
	f.m.boot_ms += 3599999;
	fx_turn(&f);
	CHECK_STATE(&f, card, "pending");
	f.m.boot_ms += 1;
	fx_turn(&f);
	CHECK_STATE(&f, card, "expired");
	fx_close(&f);
}

/* After a start with another boot id its age is not known. */
TEST(an_age_is_of_one_boot)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	fx_restart(&f, "boot-2", false);
	f.m.boot_ms = 3600000;
	fx_turn(&f);
	CHECK_STATE(&f, card, "pending");
	fx_pass(&f, 3600);
	fx_turn(&f);
	CHECK_STATE(&f, card, "expired");
	fx_close(&f);
}

TEST(what_ended_is_forgotten_later)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	fx_pass(&f, 3600);
	fx_turn(&f);
	CHECK_STATE(&f, card, "expired");
	fx_pass(&f, 300);
	fx_turn(&f);
	CHECK_STATE(&f, card, "expired");
	fx_pass(&f, 61);
	fx_turn(&f);
	CHECK_STATE(&f, card, "expired");
	fx_usual(&f);
	fx_pass(&f, 61);
	fx_turn(&f);
	CHECK_STATE(&f, card, "none");
	CHECK_STR(fx_offer(&f, card)->reason, "expired");
	CHECK_STATE(&f, card, "none");
	fx_close(&f);
}

/* Two days ahead for a moment, then right again: nothing was forgotten. */
TEST(a_clock_that_is_ahead_for_a_moment)
{
	struct fx_card *card;
	struct fx f;
	int i;

	fx_open(&f);
	card = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	fx_turn(&f);
	fx_end(&f, &card->digest, "finished", 0);
	f.m.clock += 2 * 86400;
	for (i = 0; i < 3; i++) {
		fx_turn(&f);
		fx_pass(&f, 61);
	}
	f.m.clock -= 2 * 86400;
	CHECK(core_blocked(f.core, f.m) == NULL);
	CHECK_INT(fx_offer(&f, card)->answer, CORE_KNOWN);
	fx_turn(&f);
	CHECK_INT(f.n_started, 1);
	CHECK_STATE(&f, card, "finished");
	fx_close(&f);
}

/* ---- approvals that lapse ---- */

TEST(an_approval_lapses)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve" });
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	CHECK_INT(core_wait_s(f.core, f.m), 900);
	fx_pass(&f, 500);
	fx_mark(&f);
	core_hold(f.core);
	fx_yes(&f, card, "max", APPROVAL_MANAGER);
	CHECK_STATE(&f, card, "approved");
	fx_pass(&f, 400);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_accepted+ approval_lapsed:expired");
	CHECK(bytes_is(fx_last(&f)->approver, "tom"));
	CHECK_STATE(&f, card, "pending");
	CHECK_INT(fx_item(&f, &card->digest)->n_approvals, 1);
	fx_yes(&f, card, "ada", APPROVAL_ADMIN);
	CHECK_STATE(&f, card, "approved");
	fx_close(&f);
}

/* The others are enough: approved all the same, with its place in the row. */
TEST(an_approval_lapses_and_can_be_spared)
{
	struct fx_card *busy, *first, *second;
	struct fx f;

	fx_open(&f);
	busy = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	first = approved(&f, ACTION_FULL);
	fx_pass(&f, 400);
	second = approved(&f, ACTION_FULL);
	fx_yes(&f, first, "ada", APPROVAL_ADMIN);
	fx_mark(&f);
	fx_pass(&f, 500);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:expired+");
	CHECK_STATE(&f, first, "approved");
	fx_end(&f, &busy->digest, "finished", 0);
	fx_turn(&f);
	CHECK_STATE(&f, first, "running");
	CHECK_STATE(&f, second, "approved");
	fx_close(&f);
}

/* Less is asked for by now: only a new approval makes it approved. */
TEST(a_lapse_never_approves)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	policy(&f, 2, "\"disk.free\":{", "\"web\":{\"decision\":"
	    "\"approval_needed\",\"shell\":\"sh\",\"script\":\"id\"},"
	    "\"disk.free\":{");
	install(&f, TRUST_POLICY, fx_text(&f, FX_POLICY, FX_V("3"),
	    "\"rate_per_h\":60}}", "\"rate_per_h\":60}},\"overrides\":["
	    "{\"match\":{\"groups\":[\"web\"]},\"tool\":\"*\","
	    "\"require_manager\":true}]", NULL));
	fx_turn(&f);
	card = fx_take(&f, &(struct fx_ask){ .requester = "eve" });
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	fx_pass(&f, 100);
	fx_yes(&f, card, "ada", APPROVAL_ADMIN);
	CHECK_STATE(&f, card, "pending");
	/* The device leaves the group that wants a manager. */
	install(&f, TRUST_DEVICE, fx_text(&f, KIT_ENTRY, FX_V("2"),
	    "[\"web\",\"linux\"]", "[\"linux\"]", NULL));
	fx_mark(&f);
	fx_pass(&f, 800);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:expired");
	CHECK_STATE(&f, card, "pending");
	fx_yes(&f, card, "tim", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	CHECK_STATE(&f, card, "running");
	fx_close(&f);
}

/* People change while a card waits. */
TEST(who_is_revoked_does_not_count)
{
	struct fx_card *busy, *a, *b, *c;
	struct fx f;

	fx_open(&f);
	busy = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	a = approved(&f, ACTION_FULL);
	b = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL,
	    .seed = 0x52 });
	fx_yes(&f, b, "tim", APPROVAL_TECHNICIAN);
	c = approved(&f, ACTION_FULL);
	fx_yes(&f, c, "ada", APPROVAL_ADMIN);
	install(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE, FX_V("2"), "~5f",
	    "~52", NULL));
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:key_not_valid"
	    " cancelled:proposer_revoked approval_lapsed:key_not_valid+");
	CHECK_STATE(&f, a, "pending");
	CHECK_STATE(&f, b, "cancelled");
	CHECK_STATE(&f, c, "approved");
	CHECK_STATE(&f, busy, "running");
	fx_close(&f);
}

TEST(who_left_does_not_count)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	core_hold(f.core);
	card = approved(&f, ACTION_OBSERVE);
	install(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE, FX_V("2"),
	    KIT_PERSON("tom", "\"technician\",\"proposer\"",
	    KIT_KEY("^52")) ",", "", NULL));
	fx_restart(&f, "boot-1", false);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:unknown_key");
	CHECK_STATE(&f, card, "pending");
	fx_close(&f);
}

/* ---- slots ---- */

/*
 * Other agents of the machine have all accounts: it waits, in its place, with
 * all that was approved for it, and is asked for again each second.
 */
TEST(a_card_waits_for_an_account)
{
	struct fx_card *looks[3], *changes, *short_lived;
	struct fx f;
	size_t asked;
	int i;

	fx_open(&f);
	f.plans = "account_busy";
	for (i = 0; i < 3; i++)
		looks[i] = approved(&f, ACTION_OBSERVE);
	short_lived = looks[2];
	asked = f.n_plans;
	fx_mark(&f);
	fx_turn(&f);
	/* The first is asked for; those behind it do not pass it. */
	CHECK_INT(f.n_plans, asked + 1);
	CHECK_INT(f.n_started, 0);
	CHECK_NEWS(&f, "");
	for (i = 0; i < 3; i++)
		CHECK_STATE(&f, looks[i], "approved");
	CHECK_INT(core_wait_s(f.core, f.m), 1);
	CHECK(strstr(core_first_waits_for(f.core, f.m),
	    "account to look as") != NULL);
	CHECK(core_waits_for(f.core, f.m, fx_item(&f, &looks[1]->digest),
	    NULL) != NULL);
	/* What changes things needs none. */
	f.plans = NULL;
	changes = approved(&f, ACTION_FULL);
	fx_turn(&f);
	CHECK_INT(f.n_started, 4);
	CHECK(sha256_equal(&f.started[0], &looks[0]->digest));
	CHECK(sha256_equal(&f.started[1], &looks[1]->digest));
	CHECK(sha256_equal(&f.started[2], &short_lived->digest));
	CHECK_STATE(&f, changes, "running");
	CHECK(core_first_waits_for(f.core, f.m) == NULL);
	/* It does not outlive its time for having waited. */
	f.plans = "account_busy";
	short_lived = approved(&f, ACTION_OBSERVE);
	fx_turn(&f);
	CHECK_STATE(&f, short_lived, "approved");
	fx_pass(&f, 3600);
	fx_turn(&f);
	CHECK_STATE(&f, short_lived, "expired");
	CHECK(core_first_waits_for(f.core, f.m) == NULL);
	fx_close(&f);
}

/* What it waits for is said, as it is. */
TEST(what_a_card_waits_for)
{
	struct fx_card *card, *next;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	CHECK(core_waits_for(f.core, f.m, fx_item(&f, &card->digest),
	    NULL) == NULL);
	card = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	next = approved(&f, ACTION_REPAIR);
	fx_turn(&f);
	CHECK(core_waits_for(f.core, f.m, fx_item(&f, &card->digest),
	    NULL) == NULL);
	CHECK(strstr(core_waits_for(f.core, f.m, fx_item(&f, &next->digest),
	    NULL), "one changes things at a time") != NULL);
	f.plans = "disk_full";
	fx_end(&f, &card->digest, "finished", 0);
	fx_turn(&f);
	CHECK(strstr(core_first_waits_for(f.core, f.m), "room") != NULL);
	CHECK_INT(core_wait_s(f.core, f.m), 60);
	fx_close(&f);
}

TEST(one_changes_and_four_look)
{
	struct fx_card *changes[3], *looks[6];
	struct fx f;
	int i;

	fx_open(&f);
	for (i = 0; i < 3; i++)
		changes[i] = approved(&f, i == 1 ? ACTION_REPAIR :
		    ACTION_FULL);
	for (i = 0; i < 6; i++)
		looks[i] = approved(&f, ACTION_OBSERVE);
	fx_turn(&f);
	CHECK_INT(f.n_started, 5);
	CHECK(sha256_equal(&f.started[0], &changes[0]->digest));
	for (i = 0; i < 4; i++)
		CHECK(sha256_equal(&f.started[1 + i], &looks[i]->digest));
	fx_turn(&f);
	CHECK_INT(f.n_started, 5);
	fx_end(&f, &looks[2]->digest, "finished", 0);
	fx_turn(&f);
	CHECK(sha256_equal(&f.started[5], &looks[4]->digest));
	CHECK_INT(f.n_started, 6);
	/* repair and full share one place, in the order of approval. */
	fx_end(&f, &changes[0]->digest, "finished", 0);
	fx_turn(&f);
	CHECK(sha256_equal(&f.started[6], &changes[1]->digest));
	CHECK_INT(f.n_started, 7);
	fx_end(&f, &changes[1]->digest, "timed_out", -1);
	fx_end(&f, &looks[0]->digest, "failed_to_start", -1);
	fx_turn(&f);
	CHECK_INT(f.n_started, 9);
	fx_close(&f);
}

/* Approved first, run first, whatever came in first. */
TEST(the_order_is_that_of_approval)
{
	struct fx_card *a, *b, *busy;
	struct fx f;

	fx_open(&f);
	busy = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	a = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	b = approved(&f, ACTION_FULL);
	fx_yes(&f, a, "tom", APPROVAL_TECHNICIAN);
	fx_end(&f, &busy->digest, "finished", 0);
	fx_restart(&f, "boot-1", false);
	fx_turn(&f);
	CHECK_STATE(&f, b, "running");
	CHECK_STATE(&f, a, "approved");
	fx_close(&f);
}

/* ---- after ---- */

TEST(a_card_runs_after_another)
{
	static const struct {
		const char *outcome;
		int exit_code;
		const char *state;
	} rows[] = {
		{ "finished", 0, "running" },
		{ "finished", 1, "cancelled" },
		{ "timed_out", -1, "cancelled" },
		{ "killed", -1, "cancelled" },
		{ "failed_to_start", -1, "cancelled" },
	};
	struct fx_card *a, *b;
	struct fx f;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		fx_open(&f);
		a = approved(&f, ACTION_OBSERVE);
		b = fx_take(&f, &(struct fx_ask){ .after = &a->digest });
		fx_yes(&f, b, "tom", APPROVAL_TECHNICIAN);
		fx_turn(&f);
		CHECK_STATE(&f, a, "running");
		CHECK_STATE(&f, b, "approved");
		fx_mark(&f);
		fx_end(&f, &a->digest, rows[i].outcome, rows[i].exit_code);
		fx_turn(&f);
		CHECK_STATE(&f, b, rows[i].state);
		CHECK_NEWS(&f, i == 0 ? "exec_result exec_intent" :
		    "exec_result cancelled:after_failed");
		fx_close(&f);
	}
}

TEST(a_card_after_one_that_never_ran)
{
	static const struct sha256 unknown = { { 3 } };
	struct fx_card *a, *b, *c, *d;
	struct core_reply r;
	struct fx f;

	fx_open(&f);
	a = fx_usual(&f);
	b = fx_take(&f, &(struct fx_ask){ .after = &a->digest });
	fx_yes(&f, b, "tom", APPROVAL_TECHNICIAN);
	c = fx_take(&f, &(struct fx_ask){ .after = &unknown, .life = 600 });
	fx_yes(&f, c, "tom", APPROVAL_TECHNICIAN);
	/* Those behind do not wait with it. */
	d = approved(&f, ACTION_OBSERVE);
	fx_turn(&f);
	CHECK_STATE(&f, b, "approved");
	CHECK_STATE(&f, d, "running");
	CHECK_INT(core_veto(f.core, f.m, &a->digest, "local:x",
	    bytes_str(""), &r), 0);
	fx_turn(&f);
	CHECK_STATE(&f, b, "cancelled");
	CHECK_STATE(&f, c, "approved");
	fx_pass(&f, 600);
	fx_turn(&f);
	CHECK_STATE(&f, c, "expired");
	fx_close(&f);
}

/* ---- cards that go by themselves ---- */

TEST(an_auto_card_runs)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	CHECK_NEWS(&f, "card_received+");
	CHECK_STATE(&f, card, "approved");
	fx_turn(&f);
	CHECK_NEWS(&f, "exec_intent");
	CHECK_INT(fx_last(&f)->n_approvals, 0);
	CHECK_INT(f.n_started, 1);
	fx_close(&f);
}

TEST(auto_cards_keep_to_their_rate)
{
	struct fx_card *c[4];
	struct fx f;
	int i;

	fx_open(&f);
	policy(&f, 2, "\"rate_per_h\":60", "\"rate_per_h\":2");
	for (i = 0; i < 3; i++)
		c[i] = fx_take(&f, &(struct fx_ask){ .tool = "disk.free",
		    .life = 7200 });
	fx_turn(&f);
	CHECK_INT(f.n_started, 2);
	CHECK_STR(fx_offer(&f, fx_card(&f, &(struct fx_ask){
	    .tool = "disk.free" }))->reason, "rate_exceeded");
	fx_end(&f, &c[0]->digest, "finished", 0);
	fx_turn(&f);
	CHECK_STATE(&f, c[2], "approved");
	CHECK_INT(core_wait_s(f.core, f.m), 60);
	/* The hour is known again after a restart. */
	fx_restart(&f, "boot-1", false);
	fx_pass(&f, 3600);
	fx_turn(&f);
	CHECK_INT(f.n_started, 2);
	fx_pass(&f, 1);
	fx_turn(&f);
	CHECK_STATE(&f, c[2], "running");
	fx_close(&f);
}

/* Somebody who approves it takes it out of the rate: until that lapses. */
TEST(an_auto_card_that_somebody_approved)
{
	struct fx_card *c[4];
	struct fx f;
	int i;

	fx_open(&f);
	policy(&f, 2, "\"rate_per_h\":60", "\"rate_per_h\":1");
	for (i = 0; i < 4; i++)
		c[i] = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	fx_turn(&f);
	CHECK_INT(f.n_started, 1);
	fx_yes(&f, c[1], "tom", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	CHECK_STATE(&f, c[1], "running");
	core_hold(f.core);
	fx_yes(&f, c[2], "tom", APPROVAL_TECHNICIAN);
	fx_restart(&f, "boot-1", false);
	fx_pass(&f, 900);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:expired+");
	CHECK_STATE(&f, c[2], "approved");
	CHECK_STATE(&f, c[3], "approved");
	CHECK_INT(f.n_started, 2);
	fx_close(&f);
}

/* Who left between the yes and the run, and the rate is used up. */
TEST(an_auto_card_whose_approver_left)
{
	struct fx_card *a, *b;
	struct fx f;

	fx_open(&f);
	policy(&f, 2, "\"rate_per_h\":60", "\"rate_per_h\":1");
	fx_turn(&f);
	a = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	b = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	fx_yes(&f, b, "tom", APPROVAL_TECHNICIAN);
	install(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE, FX_V("2"), "~5f",
	    "~52", NULL));
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "exec_intent approval_lapsed:key_not_valid+");
	CHECK_STATE(&f, a, "running");
	CHECK_STATE(&f, b, "approved");
	fx_close(&f);
}

/* Without a fresh timestamp it waits; with one it goes. */
TEST(an_auto_card_waits_for_a_timestamp)
{
	struct fx_card *card, *by_people;
	struct fx f;

	fx_open(&f);
	fx_pass(&f, 72 * 3600 - 70);
	core_hold(f.core);
	card = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	by_people = approved(&f, ACTION_OBSERVE);
	fx_restart(&f, "boot-1", false);
	fx_pass(&f, 70);
	fx_turn(&f);
	CHECK_STATE(&f, card, "approved");
	CHECK_STATE(&f, by_people, "running");
	fx_mark(&f);
	install(&f, TRUST_TIMESTAMP, fx_stamp(&f, 2, f.m.clock, 3600));
	fx_turn(&f);
	CHECK_NEWS(&f, "trust exec_intent");
	CHECK_STATE(&f, card, "running");
	fx_close(&f);
}

TEST(an_auto_card_is_let_go_by_one_policy)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	core_hold(f.core);
	card = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	policy(&f, 2, NULL, NULL);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "cancelled:policy_changed");
	CHECK_STATE(&f, card, "cancelled");
	fx_close(&f);
}

/* Rules got stricter without a new policy: by the device's groups. */
TEST(an_auto_card_that_needs_people_by_now)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	policy(&f, 2, "\"rate_per_h\":60}}", "\"rate_per_h\":60}},"
	    "\"overrides\":[{\"match\":{\"groups\":[\"dc\"]},"
	    "\"tool\":\"*\",\"decision\":\"approval_needed\"}]");
	fx_turn(&f);
	card = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	install(&f, TRUST_DEVICE, fx_text(&f, KIT_ENTRY, FX_V("2"),
	    "\"linux\"", "\"dc\"", NULL));
	fx_turn(&f);
	CHECK_STATE(&f, card, "cancelled");
	CHECK_INT(f.n_started, 0);
	fx_close(&f);
}

/* ---- another policy ---- */

TEST(a_new_policy_asks_again)
{
	struct fx_card *card, *runs, *dual;
	struct fx f;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	card = approved(&f, ACTION_FULL);
	dual = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve" });
	fx_yes(&f, dual, "tom", APPROVAL_TECHNICIAN);
	policy(&f, 2, NULL, NULL);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:policy_changed"
	    " approval_lapsed:policy_changed");
	CHECK_STATE(&f, card, "pending");
	CHECK_STATE(&f, dual, "pending");
	CHECK_STATE(&f, runs, "running");
	CHECK_INT(f.n_stopped, 0);
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	CHECK_STATE(&f, card, "approved");
	fx_close(&f);
}

/* The record of the policy is on disk, its consequences are not yet. */
TEST(a_new_policy_and_a_crash)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	core_hold(f.core);
	card = approved(&f, ACTION_OBSERVE);
	policy(&f, 2, NULL, NULL);
	fx_restart(&f, "boot-1", false);
	fx_turn(&f);
	CHECK_STATE(&f, card, "pending");
	CHECK_INT(f.n_started, 0);
	fx_close(&f);
}

TEST(plan_mode_ends_what_waits)
{
	struct fx_card *runs, *a, *b, *c;
	struct fx f;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	a = fx_usual(&f);
	b = approved(&f, ACTION_FULL);
	core_hold(f.core);
	c = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	policy(&f, 2, "\"execute\"", "\"plan\"");
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "planned planned planned");
	CHECK_STATE(&f, a, "planned");
	CHECK_STATE(&f, b, "planned");
	CHECK_STATE(&f, c, "planned");
	CHECK_STATE(&f, runs, "running");
	fx_close(&f);
}

TEST(a_policy_of_lockdown)
{
	struct fx_card *runs, *waits, *by_itself;
	struct fx f;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	waits = approved(&f, ACTION_FULL);
	core_hold(f.core);
	by_itself = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	fx_mark(&f);
	policy(&f, 2, "\"execute\"", "\"lockdown\"");
	fx_turn(&f);
	CHECK(f.n_stopped >= 1);
	CHECK_STR(f.stopped[0].reason, "lockdown");
	CHECK_STATE(&f, waits, "pending");
	CHECK_STATE(&f, by_itself, "cancelled");
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = waits })->reason,
	    "lockdown");
	fx_end(&f, &runs->digest, "killed", -1);
	fx_turn(&f);
	CHECK_INT(f.n_started, 1);
	fx_close(&f);
}

/* A rule that refuses the card by now, with the policy that it was taken by. */
TEST(a_rule_that_refuses_by_now)
{
	struct fx_card *a, *b;
	struct fx f;

	fx_open(&f);
	policy(&f, 2, "\"rate_per_h\":60}}", "\"rate_per_h\":60}},"
	    "\"overrides\":[{\"match\":{\"groups\":[\"dc\"]},"
	    "\"tool\":\"*\",\"decision\":\"disabled\"}]");
	fx_turn(&f);
	a = approved(&f, ACTION_OBSERVE);
	b = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	install(&f, TRUST_DEVICE, fx_text(&f, KIT_ENTRY, FX_V("2"),
	    "\"linux\"", "\"dc\"", NULL));
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:disabled cancelled:disabled");
	CHECK_STATE(&f, a, "pending");
	CHECK_STATE(&f, b, "cancelled");
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = a, .who = "ada",
	    .role = APPROVAL_ADMIN })->reason, "disabled");
	fx_close(&f);
}

/* ---- what else keeps a card from running ---- */

TEST(a_card_that_cannot_be_planned)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	f.plans = "interpreter_changed";
	card = approved(&f, ACTION_OBSERVE);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "cancelled:interpreter_changed");
	CHECK_STATE(&f, card, "cancelled");
	fx_close(&f);
}

TEST(an_agent_that_ends_starts_nothing)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = approved(&f, ACTION_OBSERVE);
	core_hold(f.core);
	fx_turn(&f);
	CHECK_STATE(&f, card, "approved");
	fx_restart(&f, "boot-1", false);
	fx_turn(&f);
	CHECK_STATE(&f, card, "running");
	fx_close(&f);
}

/* No room for an intent: it waits; what runs gets its end. */
TEST(a_full_disk_starts_nothing)
{
	struct fx_card *runs, *waits, *doomed;
	struct fx f;

	fx_open(&f);
	runs = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	waits = approved(&f, ACTION_FULL);
	doomed = fx_take(&f, &(struct fx_ask){ .life = 1000 });
	f.full = true;
	fx_mark(&f);
	CHECK_INT(core_started(f.core, f.m, &runs->digest, 9, "x"), 0);
	fx_end(&f, &runs->digest, "finished", 0);
	fx_turn(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "exec_started exec_result");
	CHECK_STATE(&f, waits, "approved");
	CHECK_INT(core_wait_s(f.core, f.m), 60);
	fx_pass(&f, 900);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:expired");
	fx_pass(&f, 100);
	fx_turn(&f);
	CHECK_STATE(&f, doomed, "expired");
	f.full = false;
	fx_yes(&f, waits, "tom", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	CHECK_STATE(&f, waits, "running");
	fx_close(&f);
}

/* Each of these alone, and nothing starts; without it, the card does. */
static void
lock(struct fx *f, bool on)
{
	CHECK_INT(core_lockdown(f->core, f->m, on, "local", "local:root",
	    bytes_str("drill")), 0);
}

static void
clock_back(struct fx *f, bool on)
{
	f->m.clock += on ? -301 : 301;
}

static void
people_expire(struct fx *f, bool on)
{
	if (on) {
		fx_pass(f, kit_time("2026-02-01T00:00:00Z") - f->m.clock);
		return;
	}
	install(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE, FX_V("2"),
	    "2026-01-02", "2026-01-31", "2026-02-01", "2026-02-20", NULL));
	install(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    "2026-01-03", "2026-01-31", "2026-02-01", "2026-02-20", NULL));
}

TEST(nothing_starts_while_the_device_is_blocked)
{
	static const struct {
		const char *word;
		void (*set)(struct fx *f, bool on);
	} rows[] = {
		{ "lockdown", lock },
		{ "clock", clock_back },
		{ "people_expired", people_expire },
	};
	struct fx_card *card;
	struct fx f;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		fx_open(&f);
		rows[i].set(&f, true);
		CHECK_STR(core_blocked(f.core, f.m), rows[i].word);
		rows[i].set(&f, false);
		CHECK(core_blocked(f.core, f.m) == NULL);
		fx_turn(&f);
		card = approved(&f, ACTION_OBSERVE);
		if (rows[i].set == people_expire) {
			fx_pass(&f, 20 * 86400);
			CHECK_STR(core_blocked(f.core, f.m),
			    "people_expired");
			fx_turn(&f);
			/* And forgotten by now. */
			CHECK_STATE(&f, card, "none");
		} else {
			rows[i].set(&f, true);
			fx_turn(&f);
			CHECK_STATE(&f, card, "approved");
			rows[i].set(&f, false);
			fx_turn(&f);
			CHECK_STATE(&f, card, "running");
		}
		fx_close(&f);
	}
}

TEST_MAIN()
