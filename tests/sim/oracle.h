/*
 * oracle.h - what may run, as tables: a second opinion on the gate's core.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The oracle sees what is done to the device, not what the device makes of
 * it: which words were delivered when, which files the owner installed, what
 * the clock says. It knows cards, people and policies only as the rows below
 * and shares no code with the core. It says what may not happen; it does not
 * ask that something happens.
 */
#ifndef COUNTERSIGN_TESTS_SIM_ORACLE_H
#define COUNTERSIGN_TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- the rows ---- */

enum who { AI, TOM, TIM, ADA, MAX, MIA, PEOPLE, NOBODY = PEOPLE };
enum role { TECHNICIAN, ADMIN, MANAGER, PROPOSER, ROLES };
enum said { YES, NO, CANCEL };
enum tool { COMMAND, DUAL, DISK_FREE };

/* Who has which role, whatever the people file. */
static const bool oracle_has_role[PEOPLE][ROLES] = {
	[AI] = { [PROPOSER] = true },
	[TOM] = { [TECHNICIAN] = true, [PROPOSER] = true },
	[TIM] = { [TECHNICIAN] = true },
	[ADA] = { [ADMIN] = true },
	[MAX] = { [TECHNICIAN] = true, [MANAGER] = true },
	[MIA] = { [MANAGER] = true },
};

/* Whose key is revoked in which version of the people file. */
#define ORACLE_PEOPLE 3
static const enum who oracle_revoked[ORACLE_PEOPLE + 1] = {
	NOBODY, NOBODY, TOM, TIM
};

enum mode { EXECUTE, PLAN, LOCKDOWN };

struct oracle_policy {
	enum mode mode;
	bool manager;		/* commands need one */
	bool requester_may;	/* approve their own */
	bool only_ada;		/* approves commands */
	int rate;		/* of disk.free */
};

#define ORACLE_POLICIES 7
static const struct oracle_policy oracle_policies[ORACLE_POLICIES + 1] = {
	[1] = { EXECUTE, false, true, false, 2 },
	[2] = { EXECUTE, true, true, false, 2 },
	[3] = { PLAN, false, true, false, 2 },
	[4] = { EXECUTE, false, false, false, 2 },
	[5] = { LOCKDOWN, false, true, false, 2 },
	[6] = { EXECUTE, false, true, true, 2 },
	[7] = { EXECUTE, false, true, false, 1 },
};

#define ORACLE_TTL 900
#define ORACLE_SKEW 300
#define ORACLE_CARDS 6
#define ORACLE_RUNS 64

/* What a card says. */
struct oracle_card {
	enum tool tool;
	bool changes;		/* repair or full; else it only looks */
	enum who proposer;
	enum who requester;	/* NOBODY, TIM, or MAX standing for eve */
	int64_t created, expires;
	int after;		/* another card, or -1 */
};

/* A word as it was signed. */
struct oracle_word {
	int card;
	enum who who;
	enum role role;
	enum said said;
	bool good_key, good_device, good_nonce;
	unsigned generation;	/* of the card's nonce when it was made */
	int policy;		/* version */
	int64_t issued, expires;
};

/* ---- what the oracle believes ---- */

struct oracle_fate {
	struct oracle_card is;
	bool received, running, started, ended;
	int64_t received_at;
	uint64_t received_boot_ms;
	unsigned received_boot;
	int received_policy;
	unsigned generation;
	bool finished_well;
	const struct oracle_word *held[PEOPLE];
};

struct oracle {
	int64_t clock, floor;
	uint64_t boot_ms;
	unsigned boot;
	bool locked, full;
	int people, policy;
	int64_t files_expire, stamp_expires;
	struct oracle_fate cards[ORACLE_CARDS];
	int64_t auto_runs[ORACLE_RUNS];
	size_t n_auto_runs;
};

static inline int64_t
oracle_now(const struct oracle *o)
{
	return o->clock > o->floor ? o->clock : o->floor;
}

/* A record was written: time does not go back behind it. */
static inline void
oracle_wrote(struct oracle *o)
{
	o->floor = oracle_now(o);
}

static inline bool
oracle_blocked(const struct oracle *o)
{
	return o->locked || o->clock < o->floor - ORACLE_SKEW ||
	    oracle_now(o) >= o->files_expire;
}

static inline bool
oracle_over(const struct oracle *o, const struct oracle_fate *f)
{
	if (oracle_now(o) >= f->is.expires)
		return true;
	return f->received_boot == o->boot &&
	    o->boot_ms - f->received_boot_ms >=
	    (uint64_t)(f->is.expires - f->received_at) * 1000;
}

/* ---- whose word counts ---- */

static inline bool
oracle_needs_manager(const struct oracle *o, const struct oracle_fate *f)
{
	return f->is.tool == DUAL || (f->is.tool == COMMAND &&
	    oracle_policies[o->policy].manager);
}

/* eve, whom MAX stands for, is max's; tim is mia's. */
static inline enum who
oracle_manager(const struct oracle_fate *f)
{
	return f->is.requester == TIM ? MIA : f->is.requester == MAX ? MAX :
	    NOBODY;
}

/* Whether that person may approve the card in that role. */
static inline bool
oracle_may(const struct oracle *o, const struct oracle_fate *f, enum who who,
    enum role role)
{
	const struct oracle_policy *p = &oracle_policies[o->policy];
	bool manager = oracle_needs_manager(o, f);

	if (role == PROPOSER || !oracle_has_role[who][role] ||
	    who == f->is.proposer)
		return false;
	if (f->is.tool != DISK_FREE && f->is.requester == NOBODY &&
	    (manager || !p->requester_may))
		return false;
	if (role == MANAGER)
		return manager && who == oracle_manager(f);
	if (f->is.requester == TIM && who == TIM &&
	    (manager || !p->requester_may))
		return false;
	return !(f->is.tool == COMMAND && p->only_ada && who != ADA);
}

/* Whether a word is what it seems, now. */
static inline bool
oracle_genuine(const struct oracle *o, const struct oracle_word *w)
{
	const struct oracle_fate *f = &o->cards[w->card];
	int64_t now = oracle_now(o);

	return w->good_key && w->good_device && w->good_nonce &&
	    w->generation == f->generation &&
	    oracle_revoked[o->people] != w->who &&
	    w->issued <= now + ORACLE_SKEW && now < w->expires;
}

/* Whether a yes or no counts now. */
static inline bool
oracle_counts(const struct oracle *o, const struct oracle_word *w)
{
	const struct oracle_fate *f = &o->cards[w->card];

	if (!oracle_genuine(o, w) || w->policy != o->policy ||
	    w->expires - w->issued > ORACLE_TTL ||
	    w->expires > f->is.expires)
		return false;
	if (w->said == NO && w->role == PROPOSER)
		return w->who == f->is.proposer;
	return oracle_may(o, f, w->who, w->role);
}

static inline bool
oracle_cancels(const struct oracle *o, const struct oracle_word *w)
{
	const struct oracle_fate *f = &o->cards[w->card];

	return oracle_genuine(o, w) && (w->who == f->is.proposer ||
	    oracle_may(o, f, w->who, TECHNICIAN) ||
	    oracle_may(o, f, w->who, ADMIN) ||
	    oracle_may(o, f, w->who, MANAGER));
}

/* The word reaches the device. */
static inline void
oracle_deliver(struct oracle *o, const struct oracle_word *w)
{
	struct oracle_fate *f = &o->cards[w->card];
	const struct oracle_word *held = f->held[w->who];

	if (!f->received || f->running || f->ended)
		return;
	if (w->said == CANCEL) {
		f->ended = f->ended || oracle_cancels(o, w);
	} else if (w->said == NO) {
		f->ended = f->ended || oracle_counts(o, w);
	} else if (!oracle_blocked(o) && oracle_counts(o, w) &&
	    (held == NULL || !oracle_counts(o, held) ||
	    w->issued > held->issued)) {
		f->held[w->who] = w;
	}
}

/* ---- the verdict on a start ---- */

static inline bool
oracle_approved(const struct oracle *o, const struct oracle_fate *f)
{
	bool technician = false, manager = !oracle_needs_manager(o, f);
	const struct oracle_word *w;
	int who;

	for (who = 0; who < PEOPLE; who++) {
		w = f->held[who];
		if (w == NULL || !oracle_counts(o, w))
			continue;
		if (w->role == MANAGER)
			manager = true;
		else
			technician = true;
	}
	return technician && manager;
}

static inline bool
oracle_auto(const struct oracle *o, const struct oracle_fate *f)
{
	int64_t now = oracle_now(o);
	size_t i;
	int runs = 0;

	for (i = 0; i < o->n_auto_runs; i++)
		runs += o->auto_runs[i] >= now - 3600;
	return f->received_policy == o->policy &&
	    f->received_boot == o->boot && now < o->stamp_expires &&
	    runs < oracle_policies[o->policy].rate;
}

/* NULL, or what is wrong with starting that card now. */
static inline const char *
oracle_start(struct oracle *o, int card)
{
	struct oracle_fate *f = &o->cards[card];
	int i, changing = 0, looking = 0;

	for (i = 0; i < ORACLE_CARDS; i++)
		if (o->cards[i].running)
			++*(o->cards[i].is.changes ? &changing : &looking);
	if (f->started)
		return "it was started before";
	if (!f->received || f->ended)
		return "it is not there, or has ended";
	if (oracle_blocked(o))
		return "the device is blocked";
	if (oracle_policies[o->policy].mode != EXECUTE)
		return "the policy runs nothing";
	if (o->full)
		return "the disk is full";
	if (oracle_over(o, f) || f->is.created > oracle_now(o) + ORACLE_SKEW)
		return "it is not its time";
	if (oracle_revoked[o->people] == f->is.proposer)
		return "its proposer is revoked";
	if (f->is.changes ? changing >= 1 : looking >= 4)
		return "no place is free";
	if (f->is.after >= 0 && !o->cards[f->is.after].finished_well)
		return "the card before it has not finished well";
	/* What people approve goes, whatever the rate. */
	if (!oracle_approved(o, f) &&
	    !(f->is.tool == DISK_FREE && oracle_auto(o, f)))
		return "nobody who counts said yes";
	f->started = f->running = true;
	if (f->is.tool == DISK_FREE && o->n_auto_runs < ORACLE_RUNS)
		o->auto_runs[o->n_auto_runs++] = oracle_now(o);
	return NULL;
}

/* The agent starts again: nonces are new after another boot or a cut. */
static inline void
oracle_restart(struct oracle *o, bool renew)
{
	struct oracle_fate *f;

	for (f = o->cards; f < o->cards + ORACLE_CARDS; f++) {
		f->ended = f->ended || f->running;
		f->running = false;
		if (!renew || !f->received || f->ended)
			continue;
		f->generation++;
		f->ended = f->is.tool == DISK_FREE;
	}
}

#endif
