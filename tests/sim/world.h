/*
 * world.h - a device, its owner and everybody else, driven by a seed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * One run is some dozens of random steps on the core and the oracle at once:
 * cards and words that come once, twice, late or never, files, locks, restarts,
 * clocks that jump. A fault makes the device's side of the world lie; the
 * oracle must find out.
 */
#ifndef COUNTERSIGN_TESTS_SIM_WORLD_H
#define COUNTERSIGN_TESTS_SIM_WORLD_H

#include "tests/harness/core_fixture.h"
#include "tests/sim/oracle.h"

#define WORLD_STEPS 48
#define WORLD_WORDS 64
#define WORLD_POOL 48
#define WORLD_BASE 16

/* What lies to the core, so that the oracle must object. */
enum fault {
	FAULT_NONE,
	FAULT_LOST_INTENT,	/* a restart forgets what ran */
	FAULT_LOST_NO,		/* a restart forgets denials and vetoes */
	FAULT_SAME_BOOT,	/* a reboot goes unnoticed */
	FAULT_OLD_CLOCK,	/* the clock stands still */
	FAULT_LOST_PEOPLE,	/* revocations do not arrive */
	FAULT_LOST_POLICY,	/* nor stricter policies */
	FAULT_NO_LOCK,		/* the lock falls off before each turn */
	FAULT_FORGED_YES,	/* a record of an approval that nobody gave */
	FAULT_FALSE_END,	/* a result of what still runs */
	FAULT_LOST_ROOM,	/* a full disk takes intents */
	FAULTS
};

/* What all runs share: signed once. */
struct cast {
	struct fx maker;	/* its journal is where each run begins */
	const struct envelope *people[ORACLE_PEOPLE + 1];
	const struct envelope *policies[ORACLE_POLICIES + 1];
	struct sha256 policy_digests[ORACLE_POLICIES + 1];
	const struct envelope *stamps[4];
	struct fx_card *cards[WORLD_POOL];
	struct oracle_card is[WORLD_POOL];
	int64_t start;
	size_t n_records, n_blobs;
};

struct word {
	struct oracle_word is;
	struct fx_word *sent;
};

struct counts {
	unsigned long starts, ends, accepted, restarts, violations;
};

struct world {
	struct cast *cast;
	struct fx f;
	struct oracle o;
	enum fault fault;
	uint64_t random;
	int cards[ORACLE_CARDS];	/* places in the pool */
	struct word words[WORLD_WORDS];
	size_t n_words;
	int64_t last_issued;
	unsigned boot;
	int stamp;
	bool broken;			/* by the fault: nothing to learn */
	const char *violation;
	int at_card, at_step;
};

/* splitmix64: the same everywhere. */
FX uint64_t
world_random(struct world *w, uint64_t n)
{
	uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

/* ---- the cast ---- */

FX const char *
cast_name(enum who who)
{
	static const char *const names[] = {
		"ai", "tom", "tim", "ada", "max", "mia"
	};

	return names[who];
}

FX void
cast_policies(struct cast *c)
{
	static const char *const modes[] = { "execute", "plan", "lockdown" };
	struct fx *f = &c->maker;
	char head[80], mode[32], command[120], rate[32], may[48];
	int v;

	for (v = 1; v <= ORACLE_POLICIES; v++) {
		const struct oracle_policy *p = &oracle_policies[v];

		(void)snprintf(head, sizeof(head),
		    "\"org\":\"acme\",\"version\":%d,", v);
		(void)snprintf(mode, sizeof(mode), "\"mode\":\"%s\"",
		    modes[p->mode]);
		(void)snprintf(command, sizeof(command),
		    "\"command\":{\"decision\":\"approval_needed\"%s%s}",
		    p->manager ? ",\"require_manager\":true" : "",
		    p->only_ada ? ",\"approvers\":[\"ada\"]" : "");
		(void)snprintf(rate, sizeof(rate), "\"rate_per_h\":%d}",
		    p->rate);
		(void)snprintf(may, sizeof(may),
		    "\"requester_may_approve\":%s",
		    p->requester_may ? "true" : "false");
		c->policies[v] = fx_sign(f, TRUST_POLICY, fx_text(f,
		    FX_POLICY, "\"org\":\"acme\",\"version\":1,", head,
		    "\"mode\":\"execute\"", mode,
		    "\"command\":{\"decision\":\"approval_needed\"}",
		    command, "\"rate_per_h\":60}", rate,
		    "\"requester_may_approve\":true", may, NULL));
		digest_pae(c->policies[v]->type, c->policies[v]->payload,
		    &c->policy_digests[v]);
	}
}

FX void
cast_people(struct cast *c)
{
	struct fx *f = &c->maker;

	c->people[1] = fx_sign(f, TRUST_PEOPLE, KIT_PEOPLE);
	c->people[2] = fx_sign(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE,
	    FX_V("2"), "~5f", "~52", NULL));
	c->people[3] = fx_sign(f, TRUST_PEOPLE, fx_text(f, KIT_PEOPLE,
	    FX_V("3"), "~5f", "~56", NULL));
}

/* Cards of all sorts; those after another come right behind it. */
FX void
cast_cards(struct cast *c)
{
	static const char *const tools[] = { NULL, "dual", "disk.free" };
	struct world dice = { .random = 42 };
	int i;

	for (i = 0; i < WORLD_POOL; i++) {
		struct oracle_card *is = &c->is[i];
		struct fx_ask ask = { 0 };

		is->tool = (enum tool)(world_random(&dice, 4) % 3);
		is->changes = is->tool == COMMAND &&
		    world_random(&dice, 2) == 0;
		is->proposer = world_random(&dice, 4) == 0 ? TOM : AI;
		is->requester = (enum who[]){ NOBODY, TIM, MAX, MAX }[
		    world_random(&dice, 4)];
		if (is->tool == DUAL && is->requester == NOBODY)
			is->requester = MAX;
		is->after = i % ORACLE_CARDS > 0 &&
		    world_random(&dice, 5) == 0 ? i - 1 : -1;
		ask.tool = tools[is->tool];
		ask.profile = is->changes ? ACTION_FULL : ACTION_OBSERVE;
		ask.seed = fx_seed(cast_name(is->proposer));
		ask.requester = is->requester == TIM ? "tim" :
		    is->requester == MAX ? "eve@example.org" : NULL;
		ask.created = (int64_t)world_random(&dice, 3) * 300 - 300;
		ask.life = 1800 + (int64_t)world_random(&dice, 4) * 5400;
		ask.after = is->after >= 0 ? &c->cards[i - 1]->digest : NULL;
		c->cards[i] = fx_card(&c->maker, &ask);
		is->created = c->maker.m.clock + ask.created;
		is->expires = c->cards[i]->expires;
	}
}

FX struct cast *
cast_make(void)
{
	struct cast *c = calloc(1, sizeof(*c));
	struct fx *f = &c->maker;
	int i;

	CHECK(c != NULL);
	fx_enrol(f);
	cast_people(c);
	cast_policies(c);
	CHECK_INT(fx_trust(f, TRUST_ROOT, KIT_ROOT)->answer, CORE_ACCEPTED);
	CHECK_INT(core_trust(f->core, f->m, c->people[1], &f->reply), 0);
	CHECK_INT(f->reply.answer, CORE_ACCEPTED);
	CHECK_INT(core_trust(f->core, f->m, c->policies[1], &f->reply), 0);
	CHECK_MSG(f->reply.answer == CORE_ACCEPTED, "%s: %s",
	    f->reply.reason, f->reply.detail);
	CHECK_INT(fx_trust(f, TRUST_DEVICE, KIT_ENTRY)->answer,
	    CORE_ACCEPTED);
	for (i = 1; i < 4; i++)
		c->stamps[i] = fx_sign(f, TRUST_TIMESTAMP, fx_stamp(f, i,
		    f->m.clock, i * 3600));
	c->start = f->m.clock;
	cast_cards(c);
	c->n_records = f->n_records;
	c->n_blobs = f->n_blobs;
	CHECK(c->n_records <= WORLD_BASE && c->n_blobs <= WORLD_BASE);
	return c;
}

FX void
cast_free(struct cast *c)
{
	fx_close(&c->maker);
	free(c);
}

/* ---- a run's beginning and end ---- */

FX void
world_begin(struct world *w, struct cast *c, uint64_t seed,
    enum fault fault)
{
	size_t at = 0, i;
	uint64_t index;

	memset(w, 0, sizeof(*w));
	w->cast = c;
	w->fault = fault;
	w->random = seed;
	w->f.host = c->maker.host;
	w->f.m.clock = c->start;
	w->f.m.boot_ms = 1000000;
	(void)snprintf(w->f.boot_id, sizeof(w->f.boot_id), "boot-0");
	for (i = 0; i < c->n_records; i++) {
		const struct fx_record *r = &c->maker.records[i];
		const struct record *rec = fx_record(&c->maker, i);
		bool file = rec->kind == RECORD_TRUST;
		const struct fx_blob *b = &c->maker.blobs[at];

		CHECK_INT(fx_append(&w->f, bytes_of(r->p, r->n), true,
		    file ? &b->name : NULL, file ? bytes_of(b->p, b->n) :
		    bytes_of(NULL, 0), &index), 0);
		at += file;
	}
	w->f.core = fx_new_core(&w->f);
	/* Two in three have segments, of few records; faults want all. */
	if (fault == FAULT_NONE && seed % 3 != 0)
		w->f.segment_every = 3 + seed % 11;
	w->o = (struct oracle){ .clock = c->start, .floor = c->start,
	    .boot_ms = w->f.m.boot_ms, .people = 1, .policy = 1,
	    .files_expire = kit_time("2026-02-01T00:00:00Z") };
	at = world_random(w, WORLD_POOL / ORACLE_CARDS) * ORACLE_CARDS;
	for (i = 0; i < ORACLE_CARDS; i++) {
		w->cards[i] = (int)(at + i);
		w->o.cards[i].is = c->is[at + i];
		if (w->o.cards[i].is.after >= 0)
			w->o.cards[i].is.after = (int)i - 1;
	}
}

FX const struct sha256 *
world_digest(const struct world *w, int card)
{
	return &w->cast->cards[w->cards[card]]->digest;
}

FX int
world_card_of(const struct world *w, const struct sha256 *digest)
{
	int i;

	for (i = 0; i < ORACLE_CARDS; i++)
		if (sha256_equal(world_digest(w, i), digest))
			return i;
	return -1;
}

/* The moment that the device believes in. */
FX struct moment
world_moment(const struct world *w)
{
	struct moment m = w->f.m;

	if (w->fault == FAULT_OLD_CLOCK) {
		m.clock = w->cast->start;
		m.boot_ms = 1000000;
	}
	return m;
}

/* An answer of the core; a fault may break it, which tells nothing. */
FX void
world_answer(struct world *w, size_t before, int err)
{
	if (err != 0) {
		if (w->fault == FAULT_NONE)
			w->violation = "the core failed";
		w->broken = true;
	}
	if (w->f.n_records > before)
		oracle_wrote(&w->o);
}

/* ---- steps ---- */

FX void
world_turn(struct world *w)
{
	size_t before = w->f.n_records;
	struct effect e;
	const char *why;
	int card;

	if (w->fault == FAULT_NO_LOCK)
		w->f.core->s.lock.on = false;
	if (w->fault == FAULT_LOST_ROOM)
		w->f.full = false;
	world_answer(w, before, core_turn(w->f.core, world_moment(w)));
	w->f.full = w->o.full;
	while (core_next_effect(w->f.core, &e)) {
		card = world_card_of(w, &e.card);
		if (e.kind == EFFECT_STOP)
			continue;
		if ((why = oracle_start(&w->o, card)) != NULL &&
		    w->violation == NULL) {
			w->violation = why;
			w->at_card = card;
		}
	}
}

FX void
world_offer(struct world *w, int card)
{
	struct oracle_fate *f = &w->o.cards[card];
	size_t before = w->f.n_records;
	struct core_reply r;

	world_answer(w, before, core_card(w->f.core, world_moment(w),
	    &w->cast->cards[w->cards[card]]->k.e, &r));
	if (w->broken || r.answer != CORE_ACCEPTED)
		return;
	if (f->received)
		w->violation = "a card was taken twice";
	f->received = true;
	f->received_at = oracle_now(&w->o);
	f->received_boot_ms = w->o.boot_ms;
	f->received_boot = w->o.boot;
	f->received_policy = w->o.policy;
	f->ended = oracle_policies[w->o.policy].mode == PLAN;
}

/* Often a card that waits, else any. */
FX int
world_pick(struct world *w)
{
	int card = (int)world_random(w, ORACLE_CARDS), i;

	if (world_random(w, 4) == 0)
		return card;
	for (i = 0; i < ORACLE_CARDS; i++) {
		if (fx_state(&w->f, world_digest(w, card)) == STATE_PENDING)
			return card;
		card = (card + 1) % ORACLE_CARDS;
	}
	return card;
}

/* Somebody signs something; now and then something is wrong with it. */
FX struct word *
world_sign(struct world *w)
{
	static const enum approval_role roles[] = { APPROVAL_TECHNICIAN,
	    APPROVAL_ADMIN, APPROVAL_MANAGER, APPROVAL_PROPOSER };
	static const uint8_t nonce[CAP_DEVICE_NONCE] = { 1 };
	struct word *word = &w->words[w->n_words++];
	struct oracle_word *is = &word->is;
	uint64_t wrong = world_random(w, 32), said = world_random(w, 12);
	struct fx_say say;

	is->card = world_pick(w);
	is->said = said == 0 ? NO : said == 1 ? CANCEL : YES;
	/* Often whoever is asked for, else anybody. */
	is->who = (enum who)world_random(w, PEOPLE);
	if (world_random(w, 4) == 0)
		is->who = oracle_manager(&w->o.cards[is->card]);
	if (is->who == NOBODY)
		is->who = ADA;
	do
		is->role = (enum role)world_random(w, ROLES);
	while (!oracle_has_role[is->who][is->role] ||
	    (is->role == PROPOSER && is->said == YES &&
	    is->who != AI));
	if (is->role == PROPOSER && is->said == YES)
		is->role = TECHNICIAN;	/* ai tries */
	is->good_key = wrong != 0;
	is->good_device = wrong != 1;
	is->good_nonce = wrong != 2 &&
	    fx_item(&w->f, world_digest(w, is->card)) != NULL;
	is->policy = wrong == 3 && w->o.policy > 1 ? w->o.policy - 1 :
	    w->o.policy;
	is->generation = w->o.cards[is->card].generation;
	is->issued = w->f.m.clock > w->last_issued ? w->f.m.clock :
	    w->last_issued + 1;
	w->last_issued = is->issued;
	is->expires = is->issued + (wrong == 4 ? 1000 : 900);
	say = (struct fx_say){ .card = w->cast->cards[w->cards[is->card]],
	    .who = cast_name(is->who), .role = roles[is->role],
	    .decision = is->said == YES ? APPROVAL_APPROVE :
	    is->said == NO ? APPROVAL_DENY : APPROVAL_CANCEL,
	    .seed = is->good_key ? 0 : 0x5e,
	    .device = is->good_device ? NULL : KIT_DEVICE_2,
	    .nonce = wrong == 2 ? nonce : NULL,
	    .policy = &w->cast->policy_digests[is->policy],
	    .issued = is->issued - w->f.m.clock,
	    .life = is->expires - is->issued };
	word->sent = fx_word(&w->f, &say);
	return word;
}

FX void
world_deliver(struct world *w, struct word *word)
{
	size_t before = w->f.n_records;
	struct core_reply r;

	oracle_deliver(&w->o, &word->is);
	if (word->is.said == CANCEL)
		world_answer(w, before, core_cancel(w->f.core,
		    world_moment(w), &word->sent->k.e, &r));
	else
		world_answer(w, before, core_approval(w->f.core,
		    world_moment(w), &word->sent->k.e, &r));
}

FX void
world_speak(struct world *w)
{
	struct word *word;

	if (w->n_words < WORLD_WORDS && world_random(w, 5) > 0) {
		word = world_sign(w);
		/* Some are held back, and come later or never. */
		if (world_random(w, 4) == 0)
			return;
	} else if (w->n_words > 0) {
		word = &w->words[world_random(w, w->n_words)];
	} else {
		return;
	}
	world_deliver(w, word);
}

FX void
world_veto(struct world *w, int card)
{
	struct oracle_fate *f = &w->o.cards[card];
	size_t before = w->f.n_records;
	struct core_reply r;

	if (world_random(w, 2) == 0)
		world_answer(w, before, core_veto(w->f.core,
		    world_moment(w), world_digest(w, card), "local:x",
		    bytes_str(""), &r));
	else
		world_answer(w, before, core_withdraw(w->f.core,
		    world_moment(w), world_digest(w, card), bytes_str("")));
	if (f->received && !f->running)
		f->ended = true;
}

FX void
world_lock(struct world *w, bool on)
{
	size_t before = w->f.n_records;

	world_answer(w, before, core_lockdown(w->f.core, world_moment(w), on,
	    "local", "local:x", bytes_str("")));
	w->o.locked = on;
}

/* A new file, by chance; it counts once the owner has signed and sent it. */
FX void
world_file(struct world *w)
{
	const struct envelope *e;
	size_t before = w->f.n_records;
	bool lost = false;
	struct core_reply r;
	int64_t now = oracle_now(&w->o), life;
	int v;

	switch (world_random(w, 4)) {
	case 0:
		v = w->o.people + 1 + (int)world_random(w, 2);
		if (v > ORACLE_PEOPLE)
			return;
		e = w->cast->people[v];
		w->o.people = v;
		lost = w->fault == FAULT_LOST_PEOPLE;
		break;
	case 1:
		v = w->o.policy + 1 + (int)world_random(w, 3);
		if (v > ORACLE_POLICIES)
			return;
		e = w->cast->policies[v];
		w->o.policy = v;
		lost = w->fault == FAULT_LOST_POLICY;
		break;
	default:
		v = w->stamp + 1;
		if (v > 3 || now >= w->cast->start + v * 3600)
			return;
		life = v * 3600;
		e = w->cast->stamps[v];
		w->stamp = v;
		/* On a full disk it is not taken. */
		if (!w->f.full)
			w->o.stamp_expires = w->cast->start + life;
		break;
	}
	if (!lost)
		world_answer(w, before, core_trust(w->f.core,
		    world_moment(w), e, &r));
}

FX void
world_time(struct world *w)
{
	static const int64_t passes[] = { 1, 10, 60, 100, 200, 500, 901 };
	static const int64_t jumps[] = { -4000, -400, -200, 200, 400, 4000 };
	int64_t s;

	if (world_random(w, 6) > 0) {
		s = passes[world_random(w, KIT_COUNT(passes))];
		fx_pass(&w->f, s);
	} else {
		w->f.m.clock += jumps[world_random(w, KIT_COUNT(jumps))];
	}
	w->o.clock = w->f.m.clock;
	w->o.boot_ms = w->f.m.boot_ms;
}

/* Ends something that runs. */
FX void
world_end_run(struct world *w)
{
	static const char *const outcomes[] = { "finished", "finished",
	    "finished", "killed", "timed_out", "failed_to_start" };
	size_t n = world_random(w, KIT_COUNT(outcomes));
	int card = (int)world_random(w, ORACLE_CARDS), i;
	int exit_code = n == 0 ? 1 : n < 3 ? 0 : -1;
	struct oracle_fate *f;
	size_t before = w->f.n_records;

	for (i = 0; i < ORACLE_CARDS && !w->o.cards[card].running; i++)
		card = (card + 1) % ORACLE_CARDS;
	f = &w->o.cards[card];
	if (!f->running || fx_state(&w->f, world_digest(w, card)) !=
	    STATE_RUNNING)
		return;
	fx_end(&w->f, world_digest(w, card), outcomes[n], exit_code);
	world_answer(w, before, 0);
	if (w->fault == FAULT_FALSE_END)
		return;
	f->running = false;
	f->ended = true;
	f->finished_well = exit_code == 0;
}

/* Whether a restart with that fault loses the record. */
FX bool
world_loses(const struct world *w, enum record_kind kind)
{
	if (w->fault == FAULT_LOST_INTENT)
		return kind == RECORD_EXEC_INTENT ||
		    kind == RECORD_EXEC_RESULT ||
		    kind == RECORD_EXEC_INTERRUPTED;
	return w->fault == FAULT_LOST_NO && (kind == RECORD_DENIED ||
	    kind == RECORD_VETOED || kind == RECORD_CANCELLED);
}

FX void
world_replay(struct world *w)
{
	struct core_config cfg = { .host = &w->f.host, .arg = &w->f };
	struct fx *f = &w->f;
	size_t i;
	int err = 0;

	memcpy(cfg.boot_id, f->boot_id, sizeof(cfg.boot_id));
	core_free(f->core);
	CHECK_INT(core_new(&cfg, &f->core), 0);
	for (i = f->segment; i < f->n_records && err == 0; i++) {
		if (world_loses(w, fx_record(f, i)->kind))
			f->core->s.next++;
		else
			err = core_replay(f->core, i, bytes_of(
			    f->records[i].p, f->records[i].n));
	}
	if (err == 0)
		err = core_replayed(f->core);
	if (err != 0)
		world_answer(w, f->n_records, err);
}

FX void
world_restart(struct world *w)
{
	bool reboot = world_random(w, 2) == 0;
	bool torn = world_random(w, 4) == 0;
	size_t before = w->f.n_records;

	if (reboot) {
		w->boot++;
		w->o.boot = w->boot;
		w->f.m.boot_ms = w->o.boot_ms = 5000;
		if (w->fault != FAULT_SAME_BOOT)
			(void)snprintf(w->f.boot_id, sizeof(w->f.boot_id),
			    "boot-%u", w->boot);
	}
	world_replay(w);
	if (w->broken)
		return;
	oracle_restart(&w->o, reboot || torn);
	world_answer(w, before, core_recover(w->f.core, world_moment(w),
	    torn && w->fault != FAULT_SAME_BOOT));
}

/* A record that makes a pending card approved, by nobody. */
FX void
world_forge(struct world *w)
{
	static const struct sha256 key = { { 1 } };
	const struct queue_item *item = fx_item(&w->f, world_digest(w,
	    (int)world_random(w, ORACLE_CARDS)));
	struct record rec;
	char keyid[KEYID_SIZE];

	if (item == NULL || item->state != STATE_PENDING)
		return;
	kit_keyid(0x53, keyid);
	record_init(&rec, RECORD_APPROVAL_ACCEPTED);
	record_set_digest(&rec, RF_CARD, &item->digest);
	record_set_digest(&rec, RF_APPROVAL, &key);
	record_set_str(&rec, RF_APPROVER, "ada");
	record_set_str(&rec, RF_ROLE, "admin");
	record_set_str(&rec, RF_KEY, keyid);
	record_set_digest(&rec, RF_POLICY,
	    &w->cast->policy_digests[w->o.policy]);
	record_set_int(&rec, RF_ISSUED, w->f.m.clock);
	record_set_int(&rec, RF_EXPIRES, w->f.m.clock + 300);
	record_set_bool(&rec, RF_ENOUGH, true);
	record_set_bytes(&rec, RF_PAYLOAD, bytes_str("x"));
	record_set_bytes(&rec, RF_PROOF, bytes_str("x"));
	if (core_emit_must(w->f.core, w->f.m, &rec) != 0)
		w->broken = true;
}

FX void
world_step(struct world *w)
{
	uint64_t dice = world_random(w, 100);
	int card = (int)world_random(w, ORACLE_CARDS);

	if (dice < 22) {
		world_offer(w, card);
	} else if (dice < 58) {
		world_speak(w);
	} else if (dice < 60) {
		world_veto(w, card);
	} else if (dice < 64) {
		world_lock(w, world_random(w, 3) == 0);
	} else if (dice < 69) {
		world_file(w);
	} else if (dice < 77) {
		world_time(w);
	} else if (dice < 92) {
		world_end_run(w);
	} else if (dice < 94) {
		w->o.full = w->f.full = world_random(w, 3) == 0;
	} else if (dice < 97) {
		world_restart(w);
	} else if (w->fault == FAULT_FORGED_YES) {
		world_forge(w);
	}
	if (!w->broken && world_random(w, 3) > 0)
		world_turn(w);
}

/* ---- what must be so in the end ---- */

FX bool
world_is_end(const struct record *r)
{
	switch ((int)r->kind) {
	case RECORD_CARD_REFUSED:
		return r->final;
	case RECORD_VETOED:
	case RECORD_CANCELLED:
		return !r->running;
	case RECORD_DENIED:
	case RECORD_EXPIRED:
	case RECORD_PLANNED:
	case RECORD_EXEC_RESULT:
	case RECORD_EXEC_INTERRUPTED:
		return true;
	default:
		return false;
	}
}

/* Each card that came in has one intent at most, and exactly one end. */
FX void
world_check_records(struct world *w, struct counts *n)
{
	int ends[ORACLE_CARDS] = { 0 }, came[ORACLE_CARDS] = { 0 };
	int intents[ORACLE_CARDS] = { 0 };
	const struct record *r;
	size_t i;
	int card;

	for (i = w->cast->n_records; i < w->f.n_records; i++) {
		r = fx_record(&w->f, i);
		if (!r->has[RF_CARD] ||
		    (card = world_card_of(w, &r->card)) < 0)
			continue;
		came[card] += r->kind == RECORD_CARD_RECEIVED;
		intents[card] += r->kind == RECORD_EXEC_INTENT;
		ends[card] += world_is_end(r);
		n->accepted += r->kind == RECORD_APPROVAL_ACCEPTED;
		n->restarts += r->kind == RECORD_NONCE;
	}
	for (card = 0; card < ORACLE_CARDS && w->violation == NULL; card++) {
		w->at_card = card;
		if (came[card] > 1)
			w->violation = "it was received twice";
		else if (intents[card] > 1)
			w->violation = "it has two intents";
		else if (came[card] == 1 && ends[card] != 1)
			w->violation = "it has not exactly one end";
		else if (came[card] == 0 && ends[card] > 1)
			w->violation = "it was refused for good twice";
		n->starts += (unsigned long)intents[card];
		n->ends += (unsigned long)ends[card];
	}
}

/* Everything that waits comes to its end in time. */
FX void
world_finish(struct world *w)
{
	int i;

	world_lock(w, false);
	w->o.full = w->f.full = false;
	for (i = 0; i < ORACLE_CARDS; i++)
		world_end_run(w);
	/* The clock may have been set back: ages count, too. */
	fx_pass(&w->f, 86400 * 2);
	w->o.clock = w->f.m.clock;
	w->o.boot_ms = w->f.m.boot_ms;
	world_turn(w);
}

/* One run. NULL, or what is wrong. */
FX const char *
world_run(struct cast *c, uint64_t seed, enum fault fault, bool fold,
    struct counts *n)
{
	const char *violation;
	struct world w;

	world_begin(&w, c, seed, fault);
	for (w.at_step = 0; w.at_step < WORLD_STEPS && !w.broken &&
	    w.violation == NULL; w.at_step++)
		world_step(&w);
	if (!w.broken && w.violation == NULL) {
		world_finish(&w);
		if (fault == FAULT_NONE)
			world_check_records(&w, n);
	}
	if (w.violation != NULL && fault == FAULT_NONE)
		fprintf(stderr, "seed %llu, step %d, card %d: %s: %s\n",
		    (unsigned long long)seed, w.at_step, w.at_card,
		    w.violation, core_error(w.f.core));
	violation = w.violation;
	if (fold && !w.broken)
		fx_check_replay(&w.f);
	fx_drop(&w.f);
	return violation;
}

#endif
