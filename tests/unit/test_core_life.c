/*
 * test_core_life.c - the device: enrolled, trusting, locked, restarted, full.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/core.h"
#include "tests/harness/core_fixture.h"

#include <malloc.h>
#include <time.h>

static void
install(struct fx *f, enum trust_file file, const char *text)
{
	fx_trust(f, file, text);
	CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%s: %s",
	    f->reply.reason, f->reply.detail);
}

static void
lock(struct fx *f, bool on, const char *source)
{
	CHECK_INT(core_lockdown(f->core, f->m, on, source, "local:root",
	    bytes_str("drill")), 0);
}

static struct fx_card *
approved(struct fx *f, enum action_profile profile)
{
	struct fx_card *card = fx_take(f, &(struct fx_ask){
	    .profile = profile });

	fx_yes(f, card, "tom", APPROVAL_TECHNICIAN);
	return card;
}

/* ---- the journal's beginning ---- */

TEST(a_journal_begins_with_the_genesis)
{
	struct core_genesis g = { .org = "acme", .device = KIT_DEVICE,
	    .pin = "nonsense", .pin_from = "typed" };
	static const uint8_t key[32] = { 1 };
	static const struct sha256 machine = { { 2 } };
	struct core *c;
	struct fx f;

	fx_enrol(&f);
	CHECK_STR(core_org(f.core), "acme");
	CHECK_STR(core_device(f.core), KIT_DEVICE);
	CHECK(sha256_equal(&core_standing(f.core)->machine, &machine));
	CHECK_STR(core_blocked(f.core, f.m), "no_root");
	/* Not a second one, nor anything before it, nor a pin that is none. */
	g.key = key;
	g.machine = &machine;
	CHECK_INT(core_begin(f.core, f.m, &g), ERR_CORRUPT);
	CHECK(strstr(core_error(f.core), "second genesis") != NULL);
	core_free(f.core);
	f.n_records--;
	free(f.records[f.n_records].p);
	f.core = fx_new_core(&f);
	lock(&f, true, "local");
	c = f.core;
	f.core = NULL;
	core_free(c);
	CHECK_INT(core_new(&(struct core_config){ .host = &f.host,
	    .arg = &f }, &c), 0);
	CHECK_STR(core_blocked(c, f.m), "not_enrolled");
	CHECK_INT(core_replay(c, 0, bytes_of(f.records[1].p,
	    f.records[1].n)), ERR_CORRUPT);
	CHECK(strstr(core_error(c), "no genesis") != NULL);
	core_free(c);
	f.core = fx_new_core(&f);
	fx_close(&f);
}

TEST(records_that_make_no_sense)
{
	static const char *const rows[] = {
		"{}", "{\"kind\":\"expired\"}", "nothing",
		"{\"kind\":\"expired\",\"time\":\"2026-01-10T12:00:00Z\","
		"\"boot_ms\":1,\"card\":\"sha256:" KIT_ZEROS "\"}",
		"{\"kind\":\"trust\",\"time\":\"2026-01-10T12:00:00Z\","
		"\"boot_ms\":1,\"file\":\"people\",\"version\":2,\"digest\":"
		"\"sha256:" KIT_ZEROS "\",\"issued\":"
		"\"2026-01-10T12:00:00Z\",\"expires\":"
		"\"2026-01-11T12:00:00Z\",\"sigs\":[]}",
	};
	struct core *c;
	struct fx f;
	size_t i;

	fx_open(&f);
	for (i = 0; i < KIT_COUNT(rows); i++) {
		c = fx_new_core(&f);
		CHECK_MSG(core_replay(c, f.n_records, bytes_str(rows[i])) ==
		    ERR_CORRUPT, "%s", rows[i]);
		CHECK(strncmp(core_error(c), "record ", 7) == 0);
		core_free(c);
	}
	fx_close(&f);
}

TEST(a_trust_file_on_disk_is_verified_again)
{
	struct core_config cfg;
	struct core *c;
	struct fx f;
	size_t i;
	int err = 0;

	fx_open(&f);
	cfg = (struct core_config){ .host = &f.host, .arg = &f };
	f.blobs[1].p[60] ^= 1;
	CHECK_INT(core_new(&cfg, &c), 0);
	for (i = 0; i < f.n_records && err == 0; i++)
		err = core_replay(c, i, bytes_of(f.records[i].p,
		    f.records[i].n));
	CHECK_INT(err, ERR_CORRUPT);
	CHECK(strstr(core_error(c), "does not verify") != NULL);
	core_free(c);
	f.blobs[1].p[60] ^= 1;
	fx_close(&f);
}

/* ---- trust files ---- */

TEST(trust_files_in_any_order)
{
	static const int orders[][5] = {
		{ 0, 1, 2, 3, 4 }, { 4, 3, 2, 1, 0 }, { 1, 0, 3, 2, 4 },
		{ 3, 4, 0, 2, 1 },
	};
	const char *texts[TRUST_FILES] = { KIT_ROOT, KIT_PEOPLE, FX_POLICY,
	    KIT_ENTRY, NULL };
	struct fx f;
	size_t i;
	int k, round, file;

	/* A timestamp of all of them. */
	fx_open(&f);
	texts[4] = (char *)fx_copy(fx_stamp(&f, 1, f.m.clock - 60, 3600),
	    strlen(fx_stamp(&f, 1, f.m.clock - 60, 3600)));
	fx_close(&f);
	for (i = 0; i < KIT_COUNT(orders); i++) {
		fx_enrol(&f);
		/* What comes before the root is refused, and comes again. */
		for (round = 0; round < 2; round++)
			for (k = 0; k < TRUST_FILES; k++) {
				file = orders[i][k];
				fx_trust(&f, (enum trust_file)file,
				    texts[file]);
				if (f.reply.answer == CORE_REFUSED)
					CHECK_STR(f.reply.reason, "no_root");
			}
		CHECK(core_blocked(f.core, f.m) == NULL);
		CHECK_INT(fx_trust(&f, TRUST_PEOPLE, KIT_PEOPLE)->answer,
		    CORE_KNOWN);
		fx_restart(&f, "boot-1", false);
		CHECK(core_blocked(f.core, f.m) == NULL);
		fx_close(&f);
	}
	free((void *)(uintptr_t)texts[4]);
}

TEST(what_is_refused_of_trust_files)
{
	struct fx f;

	fx_open(&f);
	install(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE, FX_V("3"), NULL));
	fx_mark(&f);
	CHECK_STR(fx_trust(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE,
	    FX_V("2"), NULL))->reason, "rolled_back");
	CHECK(fx_last(&f)->version == 2 && fx_last(&f)->has[RF_DIGEST]);
	CHECK_STR(fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY,
	    FX_V("2"), "\"acme\"", "\"other\"", NULL))->reason,
	    "wrong_org");
	CHECK_STR(fx_trust(&f, TRUST_POLICY, fx_text(&f, FX_POLICY,
	    FX_V("2"), "2026-01-03", "2026-01-11", NULL))->reason,
	    "from_the_future");
	CHECK_STR(fx_trust(&f, TRUST_DEVICE, fx_text(&f, KIT_ENTRY,
	    FX_V("2"), KIT_DEVICE, KIT_DEVICE_2, NULL))->reason,
	    "wrong_device");
	CHECK_STR(fx_trust(&f, TRUST_ROOT, fx_text(&f, KIT_ROOT, FX_V("3"),
	    NULL))->reason, "version_skipped");
	CHECK_STR(fx_trust(&f, TRUST_TIMESTAMP, fx_text(&f, fx_stamp(&f, 1,
	    f.m.clock - 60, 72 * 3600), "\"v\":1", "\"v\": 1",
	    NULL))->reason, "conflict");
	CHECK_NEWS(&f, "trust_refused:rolled_back trust_refused:wrong_org"
	    " trust_refused:from_the_future trust_refused:wrong_device"
	    " trust_refused:version_skipped trust_refused:conflict");
	CHECK(!core_lock(f.core)->on);
	fx_close(&f);
}

TEST(two_files_of_one_version_lock_down)
{
	static const struct {
		enum trust_file file;
		const char *base, *from, *to;
	} rows[] = {
		{ TRUST_ROOT, KIT_ROOT, "w.example/1", "w.example/2" },
		{ TRUST_PEOPLE, KIT_PEOPLE, "The ada", "The new ada" },
		{ TRUST_POLICY, FX_POLICY, "\"rate_per_h\":60",
		    "\"rate_per_h\":61" },
		{ TRUST_DEVICE, KIT_ENTRY, "web-1", "web-2" },
	};
	struct fx_card *runs;
	struct fx f;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		fx_open(&f);
		install(&f, TRUST_ROOT, fx_text(&f, KIT_ROOT, FX_V("2"),
		    NULL));
		runs = fx_run(&f, &(struct fx_ask){ 0 });
		/* A local lockdown must not hide it. */
		if (i == 1)
			lock(&f, true, "local");
		fx_turn(&f);
		fx_mark(&f);
		fx_trust(&f, rows[i].file, i == 0 ? fx_text(&f, rows[i].base,
		    FX_V("2"), rows[i].from, rows[i].to, NULL) :
		    fx_text(&f, rows[i].base, rows[i].from, rows[i].to,
		    NULL));
		CHECK_STR(f.reply.reason, "conflict");
		CHECK_NEWS(&f, "trust_refused:conflict"
		    " lockdown:trust_conflict");
		CHECK_STR(core_lock(f.core)->source, "tamper");
		CHECK_STR(core_blocked(f.core, f.m), "lockdown");
		fx_turn(&f);
		CHECK_INT(f.n_stopped, 1);
		CHECK(sha256_equal(&f.stopped[0].card, &runs->digest));
		fx_end(&f, &runs->digest, "killed", -1);
		/* Nobody lifts it, and no other lock takes its place. */
		lock(&f, false, "local");
		core_seal(f.core, "local", "local:root", "lockdown");
		lock(&f, true, "local");
		lock(&f, false, "local");
		CHECK_STR(core_lock(f.core)->source, "tamper");
		CHECK_STR(core_lock(f.core)->reason, "trust_conflict");
		fx_restart(&f, "boot-2", false);
		CHECK_STR(core_lock(f.core)->source, "tamper");
		/* Again it is refused, but locked it is already. */
		fx_mark(&f);
		fx_trust(&f, rows[i].file, i == 0 ? fx_text(&f, rows[i].base,
		    FX_V("2"), rows[i].from, rows[i].to, NULL) :
		    fx_text(&f, rows[i].base, rows[i].from, rows[i].to,
		    NULL));
		CHECK_NEWS(&f, "trust_refused:conflict");
		fx_close(&f);
	}
}

TEST(a_new_root_drops_what_it_does_not_stand_behind)
{
	const struct standing *s;
	struct fx f;

	fx_open(&f);
	install(&f, TRUST_ROOT, fx_text(&f, KIT_ROOT, FX_V("2"), "\"^21\"",
	    "\"^22\"", NULL));
	s = core_standing(f.core);
	CHECK_INT(s->n_roots, 2);
	CHECK(s->roots[0].index == 1 &&
	    s->roots[1].index == f.n_records - 1);
	CHECK_STR(core_blocked(f.core, f.m), "no_policy");
	CHECK_STR(fx_offer(&f, fx_card(&f, &(struct fx_ask){ 0 }))->reason,
	    "no_policy");
	fx_turn(&f);
	fx_restart(&f, "boot-2", false);
	CHECK_STR(core_blocked(f.core, f.m), "no_policy");
	fx_close(&f);
}

/* Approvals that are there when the policy goes, and when another comes. */
TEST(a_root_between_the_yes_and_the_run)
{
	struct kit_envelope k;
	static const unsigned other[] = { 0x22, 0 };
	struct fx_card *card;
	struct buf b;
	struct fx f;

	fx_open(&f);
	card = approved(&f, ACTION_OBSERVE);
	install(&f, TRUST_ROOT, fx_text(&f, KIT_ROOT, FX_V("2"), "\"^21\"",
	    "\"^22\"", NULL));
	fx_turn(&f);
	CHECK_STATE(&f, card, "approved");
	CHECK_STR(fx_said(&f, &(struct fx_say){ .card = card,
	    .decision = APPROVAL_DENY })->reason, "no_policy");
	fx_pass(&f, 900);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "approval_lapsed:expired");
	buf_init(&b, KIT_MAX);
	kit_expand(&b, FX_POLICY);
	kit_sign(&k, PAYLOAD_POLICY, buf_bytes(&b), other);
	CHECK_INT(core_trust(f.core, f.m, &k.e, &f.reply), 0);
	CHECK_INT(f.reply.answer, CORE_ACCEPTED);
	fx_turn(&f);
	CHECK_STATE(&f, card, "pending");
	buf_free(&b);
	fx_close(&f);
}

TEST(trust_files_on_a_full_disk)
{
	struct fx f;

	fx_open(&f);
	f.full = true;
	fx_mark(&f);
	/* A revocation has its room; a timestamp can wait. */
	CHECK_STR(fx_trust(&f, TRUST_TIMESTAMP, fx_stamp(&f, 2, f.m.clock,
	    3600))->reason, "disk_full");
	install(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE, FX_V("2"), "~5f",
	    "~52", NULL));
	CHECK_NEWS(&f, "trust");
	fx_close(&f);
}

/* ---- lockdown ---- */

TEST(a_lockdown_stops_and_is_lifted)
{
	struct fx_card *runs[2], *waits;
	struct fx f;

	fx_open(&f);
	runs[0] = fx_run(&f, &(struct fx_ask){ .profile = ACTION_FULL });
	runs[1] = fx_run(&f, &(struct fx_ask){ 0 });
	waits = approved(&f, ACTION_FULL);
	fx_mark(&f);
	CHECK_INT(core_lockdown(f.core, f.m, true, "local", "local:eve",
	    bytes_str("\xc3")), 0);
	CHECK_NEWS(&f, "lockdown:unreadable");
	CHECK_STR(core_lock(f.core)->by, "local:eve");
	fx_turn(&f);
	CHECK_INT(f.n_stopped, 2);
	CHECK_STATE(&f, runs[0], "running");
	fx_end(&f, &runs[0]->digest, "killed", -1);
	fx_end(&f, &runs[1]->digest, "killed", -1);
	fx_turn(&f);
	CHECK_STATE(&f, waits, "approved");
	fx_restart(&f, "boot-1", false);
	fx_turn(&f);
	CHECK_STATE(&f, waits, "approved");
	lock(&f, false, "local");
	CHECK(!core_lock(f.core)->on);
	fx_turn(&f);
	CHECK_STATE(&f, waits, "running");
	fx_close(&f);
}

/* It takes effect before it is recorded, and also if it cannot be. */
TEST(a_seal_needs_no_record)
{
	struct fx_card *waits;
	struct fx f;

	fx_open(&f);
	waits = approved(&f, ACTION_OBSERVE);
	fx_mark(&f);
	core_seal(f.core, "local", "local:eve", "lockdown");
	CHECK_STR(core_blocked(f.core, f.m), "lockdown");
	fx_turn(&f);
	CHECK_NEWS(&f, "");
	CHECK_STATE(&f, waits, "approved");
	lock(&f, true, "local");
	fx_close(&f);
}

/* ---- starting again ---- */

TEST(what_ran_is_interrupted_and_never_runs_again)
{
	static const char *const boots[] = { "boot-1", "boot-2" };
	struct fx_card *card;
	struct fx f;
	size_t i;

	for (i = 0; i < KIT_COUNT(boots); i++) {
		fx_open(&f);
		card = fx_run(&f, &(struct fx_ask){ 0 });
		fx_mark(&f);
		fx_restart(&f, boots[i], false);
		CHECK_NEWS(&f, "exec_interrupted:agent_stopped");
		CHECK_STATE(&f, card, "interrupted");
		fx_turn(&f);
		CHECK_INT(fx_offer(&f, card)->answer, CORE_KNOWN);
		CHECK_STR(fx_said(&f, &(struct fx_say){ .card = card })
		    ->reason, "card_closed");
		fx_turn(&f);
		/* Nothing is left to do at the next start. */
		fx_mark(&f);
		fx_restart(&f, boots[i], false);
		CHECK_NEWS(&f, "");
		CHECK_INT(f.n_started, 1);
		fx_close(&f);
	}
}

TEST(another_boot_gives_new_nonces)
{
	static const struct {
		const char *boot;
		bool torn;
		const char *news, *reason;
	} rows[] = {
		{ "boot-1", false, "", NULL },
		{ "boot-2", false, "nonce:restarted cancelled:restarted",
		    "restarted" },
		{ "boot-1", true, "nonce:recovered cancelled:restarted",
		    "recovered" },
	};
	struct fx_card *card, *by_itself;
	struct fx_word *old;
	struct fx f;
	size_t i;

	for (i = 0; i < KIT_COUNT(rows); i++) {
		fx_open(&f);
		core_hold(f.core);
		card = fx_usual(&f);
		by_itself = fx_take(&f, &(struct fx_ask){
		    .tool = "disk.free" });
		old = fx_word(&f, &(struct fx_say){ .card = card });
		fx_yes(&f, card, "ada", APPROVAL_ADMIN);
		fx_mark(&f);
		fx_restart(&f, rows[i].boot, rows[i].torn);
		CHECK_NEWS(&f, rows[i].news);
		CHECK_STATE(&f, card, i == 0 ? "approved" : "pending");
		CHECK_STATE(&f, by_itself, i == 0 ? "approved" :
		    "cancelled");
		if (i > 0) {
			CHECK_STR(fx_send(&f, old)->reason, "wrong_nonce");
			fx_yes(&f, card, "tom", APPROVAL_TECHNICIAN);
		}
		fx_mark(&f);
		fx_restart(&f, rows[i].boot, false);
		CHECK_NEWS(&f, "");
		fx_turn(&f);
		CHECK_STATE(&f, card, "running");
		fx_close(&f);
	}
}

TEST(what_the_device_notes_of_itself)
{
	static const struct sha256 a = { { 1 } }, b = { { 2 } };
	struct fx f;

	fx_open(&f);
	fx_mark(&f);
	CHECK_INT(core_note_version(f.core, f.m, "countersignd", &a), 0);
	CHECK_INT(core_note_version(f.core, f.m, "countersignd", &a), 0);
	CHECK_INT(core_note_version(f.core, f.m, "countersign-runner", &a),
	    0);
	fx_restart(&f, "boot-1", false);
	CHECK_INT(core_note_version(f.core, f.m, "countersignd", &a), 0);
	CHECK_INT(core_note_version(f.core, f.m, "countersignd", &b), 0);
	CHECK_NEWS(&f, "version version version");
	CHECK_INT(core_note_recovered(f.core, f.m, 17, &a), 0);
	CHECK_NEWS(&f, "recovered");
	CHECK_INT(fx_last(&f)->bytes, 17);
	fx_close(&f);
}

/* ---- the clock ---- */

TEST(now_is_never_before_the_floor)
{
	struct fx_card *card;
	struct fx f;
	int64_t t;

	fx_open(&f);
	t = f.m.clock;
	fx_pass(&f, 1000);
	card = approved(&f, ACTION_OBSERVE);
	f.m.clock = t + 700;
	CHECK_INT(core_now(f.core, f.m), t + 1000);
	CHECK(core_blocked(f.core, f.m) == NULL);
	f.m.clock = t + 699;
	CHECK_STR(core_blocked(f.core, f.m), "clock");
	fx_turn(&f);
	CHECK_STATE(&f, card, "approved");
	/* The same after a restart: the floor is in the records. */
	fx_restart(&f, "boot-1", false);
	fx_turn(&f);
	CHECK_STATE(&f, card, "approved");
	f.m.clock = t + 700;
	fx_turn(&f);
	CHECK_STATE(&f, card, "running");
	CHECK_INT(fx_last(&f)->time, t + 1000);
	fx_close(&f);
}

/* Years ahead by mistake: the floor follows, until root takes it back. */
TEST(a_clock_that_was_ahead_is_taken_back)
{
	struct fx_card *ran, *over, *waits;
	struct fx f;
	int64_t t;

	fx_open(&f);
	t = f.m.clock;
	ran = fx_run(&f, &(struct fx_ask){ 0 });
	fx_end(&f, &ran->digest, "finished", 0);
	over = fx_usual(&f);
	f.m.clock = t + 15 * 86400;
	fx_turn(&f);
	fx_pass(&f, 61);
	fx_turn(&f);
	CHECK_STATE(&f, over, "none");
	CHECK_STATE(&f, ran, "none");
	f.m.clock = t + 120;
	CHECK_STR(core_blocked(f.core, f.m), "clock");
	fx_mark(&f);
	CHECK_INT(core_clock_reset(f.core, f.m, "local:root",
	    bytes_str("battery"), &f.reply), 0);
	CHECK_NEWS(&f, "clock:battery");
	CHECK_INT(fx_last(&f)->floor, t + 120);
	CHECK_INT(core_now(f.core, f.m), t + 120);
	CHECK(core_blocked(f.core, f.m) == NULL);
	/* What was forgotten is known again, and does not run again. */
	CHECK_STATE(&f, ran, "finished");
	CHECK_INT(fx_offer(&f, ran)->answer, CORE_KNOWN);
	CHECK_STATE(&f, over, "expired");
	fx_restart(&f, "boot-1", false);
	CHECK_INT(core_now(f.core, f.m), t + 120);
	CHECK_INT(fx_offer(&f, ran)->answer, CORE_KNOWN);
	waits = approved(&f, ACTION_OBSERVE);
	fx_turn(&f);
	CHECK_STATE(&f, waits, "running");
	CHECK_INT(f.n_started, 2);
	fx_close(&f);
}

/* Not behind what the owner signed. */
TEST(a_reset_does_not_pass_the_trust_files)
{
	struct fx f;

	fx_open(&f);
	f.m.clock = kit_time("2025-06-01T00:00:00Z");
	CHECK_INT(core_clock_reset(f.core, f.m, "local:root",
	    bytes_str(""), &f.reply), 0);
	CHECK_STR(core_blocked(f.core, f.m), "clock");
	CHECK_INT(core_now(f.core, f.m), kit_time("2026-01-03T00:00:00Z"));
	fx_close(&f);
}

/* ---- who breaks rules ---- */

TEST(unreadable_input_is_noted_and_counted)
{
	static const struct sha256 hash = { { 5 } };
	struct fx f;
	int i;

	fx_open(&f);
	fx_mark(&f);
	CHECK_INT(core_link_refused(f.core, f.m, bytes_str("bad_base64"), 7,
	    &hash), 0);
	CHECK_INT(core_link_refused(f.core, f.m, bytes_str("not a word\n"),
	    7, &hash), 0);
	CHECK_INT(core_violation(f.core, f.m, "courier", "message"), 0);
	CHECK_NEWS(&f, "link_refused:bad_base64 link_refused:unreadable"
	    " child_violation:message");
	for (i = 0; i < 100; i++) {
		CHECK_INT(core_link_refused(f.core, f.m, bytes_str("x"), 7,
		    &hash), 0);
		CHECK_INT(core_violation(f.core, f.m, "courier", "x"), 0);
		fx_trust(&f, TRUST_PEOPLE, fx_text(&f, KIT_PEOPLE,
		    "\"acme\"", "\"other\"", NULL));
	}
	CHECK_INT(f.n_records - f.mark, LIMITER_PER_MINUTE - 3);
	fx_pass(&f, 60);
	fx_mark(&f);
	fx_turn(&f);
	CHECK_NEWS(&f, "refused_summary");
	CHECK_INT(fx_last(&f)->count, 300 - 17);
	f.full = true;
	CHECK_INT(core_link_refused(f.core, f.m, bytes_str("x"), 7, &hash),
	    0);
	CHECK_INT(core_violation(f.core, f.m, "runner", "x"), 0);
	CHECK_NEWS(&f, "");
	fx_close(&f);
}

/* ---- looking ---- */

TEST(who_is_missing)
{
	static const struct sha256 none = { { 1 } };
	struct fx_card *c;
	struct verdict v;
	struct card *card;
	struct buf b;
	struct fx f;

	fx_open(&f);
	c = fx_take(&f, &(struct fx_ask){ .tool = "dual",
	    .requester = "eve" });
	buf_init(&b, 4096);
	CHECK_INT(core_examine(f.core, f.m, &none, &card, &v, &b),
	    ERR_NOT_FOUND);
	CHECK_INT(core_examine(f.core, f.m, &c->digest, &card, &v, &b), 0);
	buf_put_u8(&b, 0);
	CHECK(v.require_manager);
	CHECK_STR((const char *)b.p, "a technician or admin, and max, the"
	    " manager of eve (claimed by ai)");
	card_free(card);
	buf_clear(&b);
	fx_yes(&f, c, "tom", APPROVAL_TECHNICIAN);
	f.m.clock++;
	fx_yes(&f, c, "max", APPROVAL_MANAGER);
	CHECK_INT(core_examine(f.core, f.m, &c->digest, &card, &v, &b), 0);
	CHECK_INT(b.n, 0);
	card_free(card);
	buf_free(&b);
	fx_close(&f);
}

/* ---- before there is anything ---- */

TEST(a_device_that_is_not_enrolled)
{
	struct fx_card *card;
	struct fx_word *yes;
	struct core *c;
	struct fx f;

	fx_open(&f);
	card = fx_usual(&f);
	yes = fx_word(&f, &(struct fx_say){ .card = card });
	CHECK_INT(core_new(&f.core->cfg, &c), 0);
	f.full = true;
	CHECK_INT(core_trust(c, f.m, fx_sign(&f, TRUST_ROOT, KIT_ROOT),
	    &f.reply), 0);
	CHECK_STR(f.reply.reason, "not_enrolled");
	CHECK_INT(core_card(c, f.m, &card->k.e, &f.reply), 0);
	CHECK_STR(f.reply.reason, "not_enrolled");
	CHECK_INT(core_approval(c, f.m, &yes->k.e, &f.reply), 0);
	CHECK_STR(f.reply.reason, "not_enrolled");
	CHECK_INT(core_turn(c, f.m), 0);
	CHECK_INT(core_wait_s(c, f.m), -1);
	core_free(c);
	core_free(NULL);
	f.full = false;
	fx_close(&f);
}

/* ---- out of memory ---- */

enum deed {
	DEED_OFFER, DEED_YES, DEED_NO, DEED_CANCEL, DEED_FILE, DEED_ROOT,
	DEED_VETO, DEED_LOCK, DEED_RESET, DEED_START, DEED_LAPSE,
	DEED_POLICY, DEED_EXPIRE, DEED_REFUSED, DEED_WITHDRAW, DEED_REPLAY,
	DEEDS
};

/* What a deed is done to, made before memory runs out. */
struct stage {
	struct fx f;
	struct fx_card *runs, *waits, *fresh;
	struct fx_word *word;
	const struct envelope *file;
	struct core *other;
};

static void
set_stage(struct stage *s, enum deed deed)
{
	struct fx *f = &s->f;

	fx_open(f);
	s->runs = fx_run(f, &(struct fx_ask){ 0 });
	s->waits = fx_usual(f);
	s->fresh = fx_card(f, &(struct fx_ask){ .org = deed ==
	    DEED_REFUSED ? "x" : NULL });
	s->word = fx_word(f, &(struct fx_say){ .card = s->waits,
	    .decision = deed == DEED_NO ? APPROVAL_DENY : deed ==
	    DEED_CANCEL ? APPROVAL_CANCEL : APPROVAL_APPROVE });
	s->file = deed == DEED_ROOT ? fx_sign(f, TRUST_ROOT, fx_text(f,
	    KIT_ROOT, FX_V("2"), NULL)) : fx_sign(f, TRUST_POLICY,
	    fx_text(f, FX_POLICY, FX_V("2"), NULL));
	s->other = NULL;
	if (deed == DEED_START || deed == DEED_LAPSE || deed == DEED_POLICY)
		fx_send(f, s->word);
	if (deed == DEED_LAPSE)
		fx_pass(f, 900);
	if (deed == DEED_EXPIRE)
		fx_pass(f, 3600);
	if (deed == DEED_POLICY)
		CHECK_INT(core_trust(f->core, f->m, s->file, &f->reply), 0);
	if (deed == DEED_REPLAY)
		CHECK_INT(core_new(&f->core->cfg, &s->other), 0);
}

static int
replay_all(struct stage *s)
{
	struct fx *f = &s->f;
	size_t i;
	int err = 0;

	for (i = 0; i < f->n_records && err == 0; i++)
		err = core_replay(s->other, i, bytes_of(f->records[i].p,
		    f->records[i].n));
	return err;
}

static int
do_deed(struct stage *s, enum deed deed)
{
	struct fx *f = &s->f;

	switch (deed) {
	case DEED_OFFER:
	case DEED_REFUSED:
		return core_card(f->core, f->m, &s->fresh->k.e, &f->reply);
	case DEED_YES:
	case DEED_NO:
		return core_approval(f->core, f->m, &s->word->k.e,
		    &f->reply);
	case DEED_CANCEL:
		return core_cancel(f->core, f->m, &s->word->k.e, &f->reply);
	case DEED_FILE:
	case DEED_ROOT:
		return core_trust(f->core, f->m, s->file, &f->reply);
	case DEED_VETO:
		return core_veto(f->core, f->m, &s->runs->digest, "local:x",
		    bytes_str(""), &f->reply);
	case DEED_LOCK:
		return core_lockdown(f->core, f->m, true, "local",
		    "local:x", bytes_str(""));
	case DEED_RESET:
		return core_clock_reset(f->core, f->m, "local:x",
		    bytes_str(""), &f->reply);
	case DEED_WITHDRAW:
		return core_withdraw(f->core, f->m, &s->waits->digest,
		    bytes_str(""));
	case DEED_REPLAY:
		return replay_all(s);
	case DEED_START:
	case DEED_LAPSE:
	case DEED_POLICY:
	case DEED_EXPIRE:
	case DEEDS:
		break;
	}
	return core_turn(f->core, f->m);
}

/*
 * Whichever allocation fails, it is told, nothing starts for it, and what is in
 * the journal then makes a core.
 */
TEST(memory_runs_out)
{
	unsigned long n;
	struct stage s;
	int deed, err, spared;
	bool fired;

	for (deed = 0; deed < DEEDS; deed++) {
		spared = 0;
		for (n = 1, fired = true; fired; n++) {
			set_stage(&s, (enum deed)deed);
			test_oom_fired = false;
			test_oom_left = n;
			err = do_deed(&s, (enum deed)deed);
			test_oom_left = 0;
			fired = test_oom_fired;
			/* A verdict stands also if its rule has no name. */
			if (fired && err == 0 && spared++ == 0)
				err = ERR_NOMEM;
			CHECK_MSG(err == (fired ? ERR_NOMEM : 0),
			    "deed %d, allocation %lu: %s", deed, n,
			    err_word(err));
			core_free(s.other);
			core_free(s.f.core);
			s.f.core = fx_new_core(&s.f);
			fx_drop(&s.f);
		}
		CHECK_MSG(n > 2, "deed %d", deed);
	}
}

/* ---- memory ---- */

#define MANY 10000
#define MANY_BYTES ((size_t)32 << 20)

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes that were asked for and not freed. The sanitizer's count, if any. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t
heap(void)
{
	if (__sanitizer_get_current_allocated_bytes != NULL)
		return __sanitizer_get_current_allocated_bytes();
	return mallinfo2().uordblks;
}

/* Takes a card in and keeps nothing of it; each tenth has an approval. */
static void
take_many(struct fx *f, int n)
{
	size_t kept = f->n_kept;
	struct fx_card *card;
	int i;

	for (i = 0; i < n; i++) {
		card = fx_take(f, &(struct fx_ask){ .tool = "dual",
		    .requester = "eve" });
		if (i % 10 == 0)
			fx_yes(f, card, "tom", APPROVAL_TECHNICIAN);
		while (f->n_kept > kept)
			free(f->kept[--f->n_kept]);
	}
}

TEST(ten_thousand_cards_wait)
{
	double start, replay, turn;
	struct core *again;
	size_t before, used;
	struct fx f;

	fx_open(&f);
	install(&f, TRUST_POLICY, fx_text(&f, FX_POLICY, FX_V("2"),
	    "\"pending_per_proposer\":200", "\"pending_per_proposer\":10000",
	    NULL));
	take_many(&f, MANY);
	CHECK_INT(queue_open_count(core_queue(f.core)), MANY);
	CHECK_STR(fx_offer(&f, fx_card(&f, &(struct fx_ask){ 0 }))->reason,
	    "queue_full");
	before = heap();
	start = seconds();
	again = fx_new_core(&f);
	replay = seconds() - start;
	used = heap() - before;
	start = seconds();
	fx_turn(&f);
	turn = seconds() - start;
	printf("# %d cards wait: %.1f MiB, folded in %.2f s, a turn %.1f ms\n",
	    MANY, (double)used / 1048576, replay, 1000 * turn);
	CHECK_INT(queue_open_count(core_queue(again)), MANY);
	CHECK_MSG(used <= MANY_BYTES, "%zu bytes", used);
	core_free(again);
	fx_close(&f);
}

TEST_MAIN()
