/*
 * test_core_limits.c - what whoever holds a listed key can make a device keep.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/core_fixture.h"

static size_t
count(struct fx *f, size_t from, enum record_kind kind)
{
	size_t i, n = 0;

	for (i = from; i < f->n_records; i++)
		n += fx_record(f, i)->kind == kind;
	return n;
}

TEST(a_proposer_has_so_many_final_refusals_a_minute)
{
	struct fx_card *last = NULL;
	struct fx f;
	size_t before;
	int i;

	fx_open(&f);
	before = f.n_records;
	for (i = 0; i < 200; i++) {
		last = fx_card(&f, &(struct fx_ask){ .tool = "off" });
		fx_offer(&f, last);
		CHECK_STR(f.reply.reason, "disabled");
	}
	CHECK_INT(count(&f, before, RECORD_CARD_REFUSED), BUDGETS_PER_MINUTE);
	CHECK_INT(queue_count(core_queue(f.core), STATE_REFUSED),
	    BUDGETS_PER_MINUTE);
	/* Another one's go on. */
	fx_offer(&f, fx_card(&f, &(struct fx_ask){ .tool = "off",
	    .seed = 0x52 }));
	CHECK_INT(count(&f, before, RECORD_CARD_REFUSED),
	    BUDGETS_PER_MINUTE + 1);
	/* What was held back is told, and gets its end when it comes again. */
	fx_pass(&f, 61);
	fx_turn(&f);
	CHECK_INT(fx_last(&f)->kind, RECORD_REFUSED_SUMMARY);
	CHECK_INT(fx_last(&f)->count, 200 - BUDGETS_PER_MINUTE);
	fx_offer(&f, last);
	CHECK_INT(fx_last(&f)->kind, RECORD_CARD_REFUSED);
	CHECK(fx_last(&f)->final);
	fx_close(&f);
}

TEST(refused_approvals_have_a_budget_too)
{
	struct fx_card *card;
	struct fx f;
	size_t before;
	int i;

	fx_open(&f);
	card = fx_run(&f, &(struct fx_ask){ 0 });
	before = f.n_records;
	for (i = 0; i < 200; i++) {
		char reason[16];

		(void)snprintf(reason, sizeof(reason), "%d", i);
		fx_said(&f, &(struct fx_say){ .card = card, .who = "ada",
		    .role = APPROVAL_ADMIN, .reason = reason });
		CHECK_INT(f.reply.answer, CORE_REFUSED);
	}
	/* Its own, and then what unverified input has. */
	CHECK_INT(count(&f, before, RECORD_APPROVAL_REFUSED),
	    BUDGETS_PER_MINUTE + LIMITER_PER_MINUTE);
	fx_close(&f);
}

/* More people than there are places: each still has its window. */
TEST(budgets_of_many_people)
{
	static struct budgets b;
	char id[16];
	int i, k;

	for (i = 0; i < 3 * BUDGETS_PEOPLE; i++) {
		(void)snprintf(id, sizeof(id), "p%d", i);
		for (k = 0; k < BUDGETS_PER_MINUTE; k++)
			CHECK(budgets_take(&b, bytes_str(id),
			    1000 + (uint64_t)i));
		CHECK(!budgets_take(&b, bytes_str(id), 1000 + (uint64_t)i));
	}
	CHECK(budgets_take(&b, bytes_str(id), 62000));
	CHECK(budgets_take(&b, bytes_str(id), 5));
}

/* ---- cards that would wait for ever ---- */

TEST(more_is_required_after_a_change_of_groups)
{
	struct fx_card *first, *card;
	struct fx f;

	fx_open(&f);
	fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY, FX_V("2"),
	    "\"rate_per_h\":60}}}", "\"rate_per_h\":60}},\"overrides\":["
	    "{\"match\":{\"groups\":[\"dc\"]},\"tool\":\"*\","
	    "\"require_manager\":true}]}", NULL));
	CHECK_MSG(f.reply.answer == CORE_ACCEPTED, "%s", f.reply.detail);
	first = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	card = fx_take(&f, &(struct fx_ask){ .profile = ACTION_FULL,
	    .requester = "eve@example.org" });
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	CHECK_STATE(&f, card, "approved");
	CHECK_INT(fx_trust(&f, TRUST_DEVICE, fx_text(&f, KIT_ENTRY, FX_V("2"),
	    "[\"web\",", "[\"dc\",\"web\",", NULL))->answer, CORE_ACCEPTED);
	fx_end(&f, &first->digest, "finished", 0);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:more_required");
	CHECK_STATE(&f, card, "pending");
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	CHECK_STATE(&f, card, "pending");
	fx_yes(&f, card, "max", APPROVAL_MANAGER);
	fx_turn(&f);
	CHECK_STATE(&f, card, "running");
	fx_close(&f);
}

static void
chain(struct fx *f, struct fx_card *c[4])
{
	int i;

	c[0] = fx_usual(f);
	for (i = 1; i < 4; i++)
		c[i] = fx_take(f, &(struct fx_ask){
		    .after = &c[i - 1]->digest });
}

/* Also those that only wait for approval, and whoever waits for them. */
TEST(what_waits_for_a_failed_card_is_cancelled)
{
	struct fx_card *c[4];
	struct fx f;
	int i, again;

	for (again = 0; again < 2; again++) {
		fx_open(&f);
		chain(&f, c);
		fx_yes(&f, c[0], "tom", APPROVAL_TECHNICIAN);
		fx_turn(&f);
		CHECK_STATE(&f, c[0], "running");
		fx_end(&f, &c[0]->digest, "finished", 1);
		/* The crash comes before the turn. */
		if (again == 1)
			fx_restart(&f, "boot-1", false);
		fx_mark(&f);
		fx_turn(&f);
		CHECK_NEWS(&f, "cancelled:after_failed cancelled:after_failed"
		    " cancelled:after_failed");
		for (i = 1; i < 4; i++)
			CHECK_STATE(&f, c[i], "cancelled");
		fx_close(&f);
	}
}

TEST(what_waits_for_a_good_card_goes_on_waiting)
{
	struct fx_card *c[4];
	struct fx f;

	fx_open(&f);
	chain(&f, c);
	fx_yes(&f, c[0], "tom", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	fx_end(&f, &c[0]->digest, "finished", 0);
	fx_turn(&f);
	CHECK_STATE(&f, c[1], "pending");
	CHECK_INT(core_veto(f.core, f.m, &c[2]->digest, "local:x",
	    bytes_str(""), &f.reply), 0);
	fx_turn(&f);
	CHECK_STATE(&f, c[1], "pending");
	CHECK_STATE(&f, c[3], "cancelled");
	fx_yes(&f, c[1], "tom", APPROVAL_TECHNICIAN);
	fx_turn(&f);
	CHECK_STATE(&f, c[1], "running");
	fx_close(&f);
}

/* ---- what cannot be read just now ---- */

static int
load_denied(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	(void)arg;
	(void)name;
	(void)ret_b;
	return ERR_PERMISSION;
}

TEST(a_blob_that_cannot_be_read_is_not_damaged)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
	f.host.load = load_denied;
	CHECK_INT(core_turn(f.core, f.m), ERR_PERMISSION);
	CHECK_STATE(&f, card, "approved");
	f.host.load = fx_load;
	fx_turn(&f);
	CHECK_STATE(&f, card, "running");
	fx_close(&f);
}

TEST_MAIN()
