/*
 * test_core_intake.c - a card comes in: taken, refused for good, or for now.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/core_fixture.h"

/* ---- what makes a device refuse for now ---- */

static void
lock(struct fx *f)
{
	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("drill")), 0);
}

static void
set_clock_back(struct fx *f)
{
	f->m.clock -= 401;
}

static void
no_sandbox(struct fx *f)
{
	f->offers = "sandbox_unavailable";
}

static void
no_shell(struct fx *f)
{
	f->offers = "shell_not_here";
}

static void
let_people_expire(struct fx *f)
{
	fx_pass(f, kit_time("2026-02-01T00:00:00Z") - f->m.clock);
}

static void
let_stamp_expire(struct fx *f)
{
	fx_pass(f, 72 * 3600);
}

static void
revoke_ai(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE,
	    FX_V("2"), "~5f", "~51", NULL))->answer, CORE_ACCEPTED);
}

static void
policy_lockdown(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    "\"execute\"", "\"lockdown\"", NULL))->answer, CORE_ACCEPTED);
}

static void
want_newer_people(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    "\"approval_ttl_s\"", "\"min_people\":2,\"approval_ttl_s\"",
	    NULL))->answer, CORE_ACCEPTED);
}

static void
one_place(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    "\"pending\":10000", "\"pending\":1", NULL))->answer,
	    CORE_ACCEPTED);
	fx_take(f, &(struct fx_ask){ .seed = 0x52 });
}

static void
one_place_each(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    "\"pending_per_proposer\":200", "\"pending_per_proposer\":1",
	    NULL))->answer, CORE_ACCEPTED);
	fx_take(f, &(struct fx_ask){ .seed = 0x52 });
	fx_usual(f);
}

static void
ran_once(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    "\"rate_per_h\":60", "\"rate_per_h\":1", NULL))->answer,
	    CORE_ACCEPTED);
	CHECK_INT(fx_trust(f, TRUST_TIMESTAMP, fx_stamp(f, 2, f->m.clock,
	    3600))->answer, CORE_ACCEPTED);
	fx_run(f, &(struct fx_ask){ .tool = "disk.free" });
}

static void
new_policy_unstamped(struct fx *f)
{
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY, FX_V("2"),
	    NULL))->answer, CORE_ACCEPTED);
	CHECK_INT(fx_trust(f, TRUST_TIMESTAMP, fx_text(f, fx_stamp(f, 2,
	    f->m.clock, 3600), "\"version\":2,\"digest\"",
	    "\"version\":3,\"digest\"", NULL))->answer, CORE_ACCEPTED);
}

static void
used_id(struct fx *f)
{
	fx_take(f, &(struct fx_ask){ .id = 7 });
}

static void
used_id_ended(struct fx *f)
{
	struct fx_card *c = fx_take(f, &(struct fx_ask){ .id = 7 });
	struct core_reply r;

	CHECK_INT(core_veto(f->core, f->m, &c->digest, "local:root",
	    bytes_str(""), &r), 0);
}

/* The policy with its rule for commands changed. */
#define COMMANDS(rule) "\"approval_needed\"}", "\"approval_needed\"," rule "}"

struct row {
	const char *what;
	struct fx_ask ask;
	const char *reason;
	bool final;
	void (*setup)(struct fx *f);
	const char *from, *to;		/* a change of the policy */
};

static const struct row rows[] = {
	/* in the card */
	{ "org", { .org = "other" }, "wrong_org", true, NULL, NULL, NULL },
	{ "device", { .device = KIT_DEVICE_2 }, "wrong_device", true, NULL,
	    NULL, NULL },
	{ "ahead", { .created = 301 }, "from_the_future", true, NULL, NULL,
	    NULL },
	{ "over", { .created = -3600 }, "expired", true, NULL, NULL, NULL },
	{ "long over", { .created = -3901 }, "expired", false, NULL, NULL,
	    NULL },
	{ "just over", { .created = -3900 }, "expired", true, NULL, NULL,
	    NULL },
	{ "long", { .life = 86401 }, "out_of_range", true, NULL, NULL, NULL },
	{ "v", { .from = "\"v\":1", .to = "\"v\":2" }, "out_of_range", true,
	    NULL, NULL, NULL },
	{ "field", { .from = "\"v\":1", .to = "\"v\":1,\"x\":1" },
	    "unknown_field", true, NULL, NULL, NULL },
	{ "json", { .from = "{\"v\":1", .to = "[{\"v\":1" },
	    "malformed", true, NULL, NULL, NULL },
	{ "bidi", { .from = "df -h", .to = "df \xe2\x80\xae-h" },
	    "forbidden_character", true, NULL, NULL, NULL },
	{ "root folder", { .profile = ACTION_REPAIR, .from = "\"write\":[]",
	    .to = "\"write\":[\"/etc\"]" }, "needs_full", true, NULL, NULL,
	    NULL },
	{ "id", { .id = 7, .from = "Shows", .to = "Lists" }, "id_reused", true,
	    used_id, NULL, NULL },
	{ "old id", { .id = 7, .from = "Shows", .to = "Lists" }, "id_reused",
	    true, used_id_ended, NULL, NULL },
	/* what the rules make of it */
	{ "tool", { .tool = "nope" }, "not_listed", true, NULL, NULL, NULL },
	{ "off", { .tool = "off" }, "disabled", true, NULL, NULL, NULL },
	{ "argument", { .tool = "disk.free", .from = "\"/srv\"",
	    .to = "\"srv\"" }, "bad_argument", true, NULL, NULL, NULL },
	{ "write", { .profile = ACTION_REPAIR, .from = "\"write\":[]",
	    .to = "\"write\":[\"/srv/other\"]" }, "write_not_allowed", true,
	    NULL, NULL, NULL },
	{ "manager", { .tool = "dual" }, "no_manager", true, NULL, NULL,
	    NULL },
	{ "stranger", { .tool = "dual", .requester = "x@example.org" },
	    "no_manager", true, NULL, NULL, NULL },
	{ "requester", { 0 }, "no_requester", true, NULL,
	    "\"requester_may_approve\":true",
	    "\"requester_may_approve\":false" },
	{ "profile", { .profile = ACTION_FULL }, "profile_not_allowed", true,
	    NULL, COMMANDS("\"profiles\":[\"observe\",\"repair\"]") },
	{ "shell", { 0 }, "shell_not_allowed", true, NULL,
	    COMMANDS("\"shells\":[\"bash\"]") },
	{ "proposer", { 0 }, "proposer_not_allowed", true, NULL,
	    COMMANDS("\"proposers\":[\"tom\"]") },
	{ "limit", { 0 }, "limit_exceeded", true, NULL,
	    COMMANDS("\"limits\":{\"timeout_s\":299}") },
	{ "no shell here", { 0 }, "shell_not_here", true, no_shell, NULL,
	    NULL },
	/* outside it */
	{ "nobody", { .seed = 0x5e }, "unknown_proposer", false, NULL, NULL,
	    NULL },
	{ "no role", { .seed = 0x53 }, "key_not_valid", false, NULL, NULL,
	    NULL },
	{ "revoked", { 0 }, "key_not_valid", false, revoke_ai, NULL, NULL },
	{ "lockdown", { 0 }, "lockdown", false, lock, NULL, NULL },
	{ "the policy's", { 0 }, "lockdown", false, policy_lockdown, NULL,
	    NULL },
	{ "clock", { 0 }, "clock", false, set_clock_back, NULL, NULL },
	{ "sandbox", { 0 }, "sandbox_unavailable", false, no_sandbox, NULL,
	    NULL },
	{ "people", { 0 }, "people_expired", false, let_people_expire, NULL,
	    NULL },
	{ "min_people", { 0 }, "people_too_old", false, want_newer_people,
	    NULL, NULL },
	{ "full", { 0 }, "queue_full", false, one_place, NULL, NULL },
	{ "full for one", { 0 }, "queue_full", false, one_place_each, NULL,
	    NULL },
	{ "stamp", { .tool = "disk.free" }, "timestamp_expired", false,
	    let_stamp_expire, NULL, NULL },
	{ "newer stamp", { .tool = "disk.free" }, "timestamp_newer", false,
	    new_policy_unstamped, NULL, NULL },
	{ "rate", { .tool = "disk.free" }, "rate_exceeded", false, ran_once,
	    NULL, NULL },
};

static void
check_row(const struct row *row)
{
	struct buf before, after;
	struct fx_card *card;
	struct fx f;
	char news[200];

	fx_open_with(&f, FX_POLICY);
	if (row->from != NULL)
		CHECK_INT(fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY,
		    FX_V("2"), row->from, row->to, NULL))->answer,
		    CORE_ACCEPTED);
	if (row->setup != NULL)
		row->setup(&f);
	buf_init(&before, KIT_MAX);
	buf_init(&after, KIT_MAX);
	fx_dump_open(&f, &before);
	fx_mark(&f);
	card = fx_card(&f, &row->ask);
	fx_offer(&f, card);
	CHECK_MSG(f.reply.answer == CORE_REFUSED &&
	    strcmp(f.reply.reason, row->reason) == 0, "%s: %d %s: %s",
	    row->what, (int)f.reply.answer, f.reply.reason, f.reply.detail);
	CHECK(f.reply.has_card && sha256_equal(&f.reply.card, &card->digest));
	(void)snprintf(news, sizeof(news), "card_refused:%s%s", row->reason,
	    row->final ? "!" : "");
	CHECK_NEWS(&f, news);
	CHECK(sha256_equal(&fx_last(&f)->card, &card->digest));
	CHECK_STATE(&f, card, row->final ? "refused" : "none");
	fx_dump_open(&f, &after);
	CHECK_MEM(before.p, before.n, after.p, after.n);
	buf_free(&before);
	buf_free(&after);
	/* The same again: the digest is claimed, or asked about anew. */
	fx_offer(&f, card);
	CHECK_INT(f.reply.answer, row->final ? CORE_KNOWN : CORE_REFUSED);
	CHECK_NEWS(&f, row->final ? "" : news);
	CHECK_INT(f.n_plans, f.n_started);
	fx_close(&f);
}

TEST(every_refusal)
{
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++)
		check_row(&rows[i]);
}

/* Proposer and id stand in the record once they are known. */
TEST(what_a_refusal_tells)
{
	const struct record *r;
	struct fx f;

	fx_open(&f);
	fx_offer(&f, fx_card(&f, &(struct fx_ask){ .seed = 0x5e }));
	r = fx_last(&f);
	CHECK(!r->has[RF_PROPOSER] && !r->has[RF_ID] && !r->final);
	fx_offer(&f, fx_card(&f, &(struct fx_ask){ .org = "other" }));
	r = fx_last(&f);
	CHECK(bytes_is(r->proposer, "ai") && r->has[RF_ID] && r->final);
	CHECK(r->detail.n > 0);
	fx_close(&f);
}

TEST(a_device_without_files_refuses)
{
	static const char *const words[] = { "no_root", "no_people",
	    "no_policy", "device_not_listed" };
	struct fx_card *card;
	struct fx f;
	size_t i;

	fx_enrol(&f);
	card = fx_card(&f, &(struct fx_ask){ 0 });
	for (i = 0; i <= KIT_COUNT(words); i++) {
		fx_offer(&f, card);
		if (i < KIT_COUNT(words))
			CHECK_STR(f.reply.reason, words[i]);
		if (i == 0)
			fx_trust(&f, TRUST_ROOT, KIT_ROOT);
		else if (i == 1)
			fx_trust(&f, TRUST_PEOPLE, KIT_PEOPLE);
		else if (i == 2)
			fx_trust(&f, TRUST_POLICY, FX_POLICY);
		else if (i == 3)
			fx_trust(&f, TRUST_DEVICE, KIT_ENTRY);
	}
	/* A refusal for now claims nothing: the same card is taken at last. */
	CHECK_INT(f.reply.answer, CORE_ACCEPTED);
	CHECK_STATE(&f, card, "pending");
	/* An `auto` tool wants a timestamp, too. */
	fx_offer(&f, fx_card(&f, &(struct fx_ask){ .tool = "disk.free" }));
	CHECK_STR(f.reply.reason, "no_timestamp");
	fx_close(&f);
}

/* Each obstacle goes, and the same card is taken. */
TEST(what_was_refused_for_now_is_taken_later)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_card(&f, &(struct fx_ask){ 0 });
	lock(&f);
	CHECK_STR(fx_offer(&f, card)->reason, "lockdown");
	CHECK_INT(core_lockdown(f.core, f.m, false, "local", "local:root",
	    bytes_str("")), 0);
	set_clock_back(&f);
	CHECK_STR(fx_offer(&f, card)->reason, "clock");
	f.m.clock += 401;
	no_sandbox(&f);
	CHECK_STR(fx_offer(&f, card)->reason, "sandbox_unavailable");
	f.offers = NULL;
	CHECK_INT(fx_offer(&f, card)->answer, CORE_ACCEPTED);
	CHECK_STATE(&f, card, "pending");
	fx_close(&f);
}

TEST(a_card_is_taken_in)
{
	const struct queue_item *i;
	struct fx_card *card;
	const struct record *r;
	struct fx f;

	fx_open(&f);
	card = fx_take(&f, &(struct fx_ask){ .requester = "Eve@Example.org",
	    .created = 300 });
	CHECK_NEWS(&f, "card_received");
	r = fx_last(&f);
	CHECK(bytes_is(r->tool, "command") && !r->require_manager);
	CHECK(bytes_is(r->profile, "observe") && !r->enough);
	CHECK(bytes_is(r->decision, "approval_needed"));
	CHECK(bytes_is(r->boot_id, "boot-1") && r->n_sigs == 1);
	i = fx_item(&f, &card->digest);
	CHECK(i != NULL);
	CHECK_STR(i->proposer, "ai");
	CHECK_STR(i->requester, "Eve@Example.org");
	CHECK_STATE(&f, card, "pending");
	/* It comes again, and nothing happens. */
	CHECK_INT(fx_offer(&f, card)->answer, CORE_KNOWN);
	CHECK_NEWS(&f, "");
	fx_turn(&f);
	CHECK_INT(f.n_started, 0);
	fx_close(&f);
}

/* Junk beside the proposer's signature changes nothing. */
TEST(other_signatures_are_skipped)
{
	static const uint8_t junk[64] = { 1 };
	struct fx_card *card;
	struct fx f;
	int i;

	fx_open(&f);
	card = fx_card(&f, &(struct fx_ask){ 0 });
	for (i = 15; i > 0; i--)
		card->k.e.sigs[i] = card->k.e.sigs[0];
	for (i = 0; i < 15; i++)
		card->k.e.sigs[i].sig = bytes_of(junk, sizeof(junk));
	card->k.e.n_sigs = 16;
	CHECK_INT(fx_offer(&f, card)->answer, CORE_ACCEPTED);
	fx_close(&f);
}

TEST(another_payload_as_a_card)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_card(&f, &(struct fx_ask){ 0 });
	card->k.e.type = bytes_str("application/vnd.countersign.card.v2+json");
	CHECK_STR(fx_offer(&f, card)->reason, "unknown_version");
	CHECK_NEWS(&f, "card_refused:unknown_version");
	card->k.e.type = envelope_type_text(PAYLOAD_PEOPLE);
	CHECK_STR(fx_offer(&f, card)->reason, "unknown_version");
	fx_close(&f);
}

TEST(a_full_disk_takes_no_card)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_card(&f, &(struct fx_ask){ 0 });
	f.full = true;
	CHECK_STR(fx_offer(&f, card)->reason, "disk_full");
	CHECK_STR(fx_offer(&f, fx_card(&f, &(struct fx_ask){ .org = "x" }))
	    ->reason, "wrong_org");
	CHECK_NEWS(&f, "");
	CHECK_INT(queue_count(core_queue(f.core), STATE_REFUSED), 0);
	f.full = false;
	CHECK_INT(fx_offer(&f, card)->answer, CORE_ACCEPTED);
	fx_close(&f);
}

/* What the journal cannot do is no answer to the card. */
TEST(an_error_of_the_journal_is_told)
{
	struct fx_card *card;
	struct fx f;

	fx_open(&f);
	card = fx_card(&f, &(struct fx_ask){ 0 });
	f.append_error = ERR_IO;
	CHECK_INT(core_card(f.core, f.m, &card->k.e, &f.reply), ERR_IO);
	f.append_error = 0;
	CHECK_STATE(&f, card, "none");
	fx_close(&f);
}

TEST(plan_mode_records_and_runs_nothing)
{
	struct fx_card *a, *b;
	struct fx f;

	fx_open(&f);
	CHECK_INT(fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY,
	    FX_V("2"), "\"execute\"", "\"plan\"", NULL))->answer,
	    CORE_ACCEPTED);
	fx_mark(&f);
	a = fx_usual(&f);
	b = fx_take(&f, &(struct fx_ask){ .tool = "disk.free" });
	CHECK_NEWS(&f, "card_received planned card_received planned");
	CHECK_STATE(&f, a, "planned");
	CHECK_STATE(&f, b, "planned");
	fx_said(&f, &(struct fx_say){ .card = a });
	CHECK_STR(f.reply.reason, "card_closed");
	fx_turn(&f);
	CHECK_INT(f.n_started, 0);
	fx_close(&f);
}

/* Whoever has no trusted key fills no disk. */
TEST(strangers_write_twenty_records_a_minute)
{
	struct fx f;
	size_t i, n;
	int minute;

	fx_open(&f);
	for (minute = 0; minute < 3; minute++) {
		n = f.n_records;
		for (i = 0; i < 50; i++) {
			fx_offer(&f, fx_card(&f, &(struct fx_ask){
			    .seed = 0x5e }));
			CHECK_STR(f.reply.reason, "unknown_proposer");
			f.m.boot_ms += 10;
		}
		CHECK_INT(f.n_records - n, LIMITER_PER_MINUTE);
		CHECK(core_wait_s(f.core, f.m) <= 61);
		fx_pass(&f, 60);
		fx_mark(&f);
		fx_turn(&f);
		CHECK_NEWS(&f, "refused_summary");
		CHECK_INT(fx_last(&f)->count, 30);
	}
	fx_close(&f);
}

/* A summary does not wait for the flood to end. */
TEST(a_flood_without_end_is_summed_up_each_minute)
{
	struct fx_card *card;
	size_t i, told = 0, written = 0;
	struct fx f;

	fx_open(&f);
	card = fx_card(&f, &(struct fx_ask){ .seed = 0x5e });
	for (i = 0; i < 3000; i++) {	/* five minutes */
		fx_mark(&f);
		fx_offer(&f, card);
		fx_turn(&f);
		for (; f.mark < f.n_records; f.mark++) {
			const struct record *r = fx_record(&f, f.mark);

			if (r->kind == RECORD_REFUSED_SUMMARY)
				told += (size_t)r->count;
			else
				written++;
		}
		f.m.boot_ms += 100;
		f.m.clock += i % 10 == 9;
	}
	CHECK_INT(written, 5 * LIMITER_PER_MINUTE);
	/* Of all but the last minute. */
	CHECK_INT(told, 4 * (600 - LIMITER_PER_MINUTE));
	fx_close(&f);
}

TEST_MAIN()
