/*
 * schedule.c - what falls due: expiry, lapses, and which card runs next.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Nothing runs because it once was approved: policy, people, lockdown, clock
 * and every approval are looked at again at the moment of the intent.
 */
#include "agent/gate/core_inside.h"

#include "common/approval.h"

#include <stdlib.h>
#include <string.h>

/* How often to look at approved cards that wait, in seconds. */
#define LOOK_AGAIN_S 60
/* The same while no account is free to look as: nothing tells when one is. */
#define ACCOUNT_AGAIN_S 1

static int
card_ends(struct core *c, struct moment m, const struct queue_item *item,
    enum record_kind kind, const char *by, const char *reason)
{
	struct record rec;

	record_init(&rec, kind);
	record_set_digest(&rec, RF_CARD, &item->digest);
	if (by != NULL)
		record_set_str(&rec, RF_BY, by);
	if (reason != NULL)
		record_set_str(&rec, RF_REASON, reason);
	return core_emit_must(c, m, &rec);
}

/* ---- expiry ---- */

/*
 * By the clock, or by the age since it was received: a clock that was set back
 * keeps no card alive.
 */
static bool
is_expired(const struct queue_item *item, int64_t now, struct moment m,
    const char *boot_id)
{
	int64_t left_ms;

	if (now >= item->expires)
		return true;
	if (strcmp(item->boot_id, boot_id) != 0 ||
	    m.boot_ms < item->received_boot_ms)
		return false;
	left_ms = (item->expires - item->received) * 1000;
	return left_ms <= 0 ||
	    m.boot_ms - item->received_boot_ms >= (uint64_t)left_ms;
}

static int
expire_cards(struct core *c, struct moment m)
{
	int64_t now = core_now(c, m);
	const struct queue_item *item, *next;
	int err;

	for (item = queue_first_open(c->queue); item != NULL; item = next) {
		next = queue_next_open(c->queue, item);
		if (item->state == STATE_RUNNING ||
		    !is_expired(item, now, m, c->cfg.boot_id))
			continue;
		if ((err = card_ends(c, m, item, RECORD_EXPIRED, NULL,
		    NULL)) != 0)
			return err;
	}
	return 0;
}

/* ---- approvals that do not count any more ---- */

/* enough: it is approved, and the approvals that are left still are enough. */
static int
lapse(struct core *c, struct moment m, const struct queue_item *item,
    const struct sha256 *approval, const char *reason, bool enough)
{
	struct record rec;
	size_t i;

	record_init(&rec, RECORD_APPROVAL_LAPSED);
	record_set_digest(&rec, RF_CARD, &item->digest);
	record_set_digest(&rec, RF_APPROVAL, approval);
	for (i = 0; i < item->n_approvals; i++)
		if (sha256_equal(&item->approvals[i].digest, approval))
			record_set_str(&rec, RF_APPROVER,
			    item->approvals[i].approver);
	record_set_str(&rec, RF_REASON, reason);
	if (enough)
		record_set_bool(&rec, RF_ENOUGH, true);
	return core_emit_must(c, m, &rec);
}

static int
lapse_all(struct core *c, struct moment m, const struct sha256 *card,
    const char *reason)
{
	const struct queue_item *item;
	int err;

	/* Each record takes one away. */
	while ((item = queue_find(c->queue, card)) != NULL &&
	    item->n_approvals > 0)
		if ((err = lapse(c, m, item, &item->approvals[0].digest,
		    reason, false)) != 0)
			return err;
	return 0;
}

/* An approval that does not count any more, and why. */
struct lapsed {
	struct sha256 digest;
	const char *reason;
};

/*
 * Looks at every approval again and lets those lapse that do not count any
 * more. *ret_enough: what is left is enough.
 */
static int
recheck_approvals(struct core *c, struct moment m, struct dossier *d,
    const struct queue_item *item, bool *ret_enough)
{
	struct approval kept[QUEUE_APPROVALS];
	const struct approval *list[QUEUE_APPROVALS] = { NULL };
	struct lapsed gone[QUEUE_APPROVALS];
	struct rules_missing missing;
	struct people_signer signer;
	struct sha256 digest = item->digest;
	size_t i, n = 0, n_gone = 0;
	int err = 0;

	for (i = 0; i < item->n_approvals; i++) {
		const struct queue_approval *a = &item->approvals[i];
		struct refusal why = { .reason = "unknown_key" };

		consent_approval(item, a, c->s.device, &kept[n]);
		if (people_find_key(d->rules.people, bytes_str(a->key),
		    &signer) && rules_check_approval(&d->rules, &kept[n],
		    &signer, &why) == 0) {
			list[n] = &kept[n];
			n++;
		} else {
			gone[n_gone].digest = a->digest;
			gone[n_gone++].reason = why.reason;
		}
	}
	/*
	 * One that is pending stays so, even if less is asked for by now: only
	 * a new approval makes a card approved.
	 */
	*ret_enough = item->state == STATE_APPROVED &&
	    rules_enough(&d->rules, list, n, &missing);
	for (i = 0; i < n_gone && err == 0; i++)
		err = lapse(c, m, item, &gone[i].digest, gone[i].reason,
		    *ret_enough);
	/*
	 * They all count, and more is asked for by now (other groups of the
	 * device): it goes back to those who approve, and does not wait for
	 * what nobody asks them for.
	 */
	if (err == 0 && n_gone == 0 && item->state == STATE_APPROVED &&
	    !*ret_enough)
		err = lapse_all(c, m, &digest, "more_required");
	return err;
}

/*
 * The same of a card that is not looked at yet. reason: why they lapse if it
 * cannot be.
 */
static int
recheck_card(struct core *c, struct moment m, const struct queue_item *item,
    const char *reason)
{
	struct dossier d;
	bool enough;
	int err = dossier_open(c, m, item, &d);

	if (err == ERR_STATE || err == ERR_CORRUPT)
		return lapse_all(c, m, &item->digest, reason);
	if (err == 0)
		err = recheck_approvals(c, m, &d, item, &enough);
	dossier_close(&d);
	return err;
}

/* ---- after a change of policy ---- */

static bool
has_other_policy(const struct queue_item *item, const struct sha256 *policy)
{
	size_t i;

	for (i = 0; i < item->n_approvals; i++)
		if (!sha256_equal(&item->approvals[i].policy, policy))
			return true;
	return false;
}

/* One open card under a policy that may be a new one. */
static int
follow_policy(struct core *c, struct moment m, const struct queue_item *item)
{
	const struct policy *p = trust_policy(c->trust);
	struct trust_held held;
	struct record rec;

	if (p == NULL || !trust_held(c->trust, TRUST_POLICY, &held))
		return 0;
	if (p->mode == POLICY_PLAN) {
		record_init(&rec, RECORD_PLANNED);
		record_set_digest(&rec, RF_CARD, &item->digest);
		record_set_str(&rec, RF_RULE, "mode plan");
		record_set_digest(&rec, RF_POLICY, &held.digest);
		return core_emit_must(c, m, &rec);
	}
	if (has_other_policy(item, &held.digest))
		return recheck_card(c, m, item, "policy_changed");
	/* What goes by itself was let go by a policy: by that one only. */
	if (item->n_approvals == 0 && item->state == STATE_APPROVED &&
	    !sha256_equal(&item->policy, &held.digest))
		return card_ends(c, m, item, RECORD_CANCELLED, "device",
		    "policy_changed");
	return 0;
}

static int
follow_policy_all(struct core *c, struct moment m)
{
	const struct policy *p = c->trust != NULL ? trust_policy(c->trust) :
	    NULL;
	const struct queue_item *item, *next;
	int err;

	if (!c->policy_changed)
		return 0;
	c->policy_changed = false;
	for (item = queue_first_open(c->queue); item != NULL; item = next) {
		next = queue_next_open(c->queue, item);
		if (item->state == STATE_RUNNING)
			err = p != NULL && p->mode == POLICY_LOCKDOWN ?
			    core_effect(c, EFFECT_STOP, &item->digest,
			    "lockdown") : 0;
		else
			err = follow_policy(c, m, item);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- approvals that have expired ---- */

static bool
has_expired_approval(const struct queue_item *item, int64_t now)
{
	size_t i;

	for (i = 0; i < item->n_approvals; i++)
		if (now >= item->approvals[i].expires)
			return true;
	return false;
}

static int
lapse_expired(struct core *c, struct moment m)
{
	int64_t now = core_now(c, m);
	const struct queue_item *item, *next;
	int err = 0;

	if (queue_next_lapse(c->queue) > now)
		return 0;
	for (item = queue_first_open(c->queue); item != NULL && err == 0;
	    item = next) {
		next = queue_next_open(c->queue, item);
		if (item->state == STATE_RUNNING ||
		    !has_expired_approval(item, now))
			continue;
		err = recheck_card(c, m, item, "expired");
	}
	return err;
}

/* ---- the next to run ---- */

void
core_count_running(const struct core *c, unsigned *ret_changing,
    unsigned *ret_looking)
{
	const struct queue_item *i;

	*ret_changing = *ret_looking = 0;
	for (i = queue_first_open(c->queue); i != NULL;
	    i = queue_next_open(c->queue, i))
		if (i->state == STATE_RUNNING)
			++*(strcmp(i->profile, "observe") == 0 ?
			    ret_looking : ret_changing);
}

/* A card that goes by itself: still so, fresh files, and within its rate. */
static int
recheck_auto(struct core *c, struct moment m, struct dossier *d,
    const struct queue_item *item, bool *ret_enough)
{
	struct trust_status st;
	int64_t hour = core_now(c, m) - 3600;

	*ret_enough = false;
	trust_status(c->trust, core_now(c, m), &st);
	if (d->verdict.decision != POLICY_AUTO)
		return card_ends(c, m, item, RECORD_CANCELLED, "device",
		    "policy_changed");
	if (st.auto_stopped != NULL)
		return 0;
	if (d->verdict.rate_per_h > 0 &&
	    queue_runs_since(c->queue, d->card->tool, hour) >=
	    (size_t)d->verdict.rate_per_h)
		return 0;
	*ret_enough = true;
	return 0;
}

static int
intend(struct core *c, struct moment m, struct dossier *d,
    const struct queue_item *item)
{
	struct core_plan plan;
	struct record rec;
	const char *word;
	size_t i;

	memset(&plan, 0, sizeof(plan));
	word = c->cfg.host->plan(c->cfg.arg, d->card, &d->verdict, &plan);
	if (word != NULL && strcmp(word, "disk_full") == 0)
		return ERR_NO_SPACE;
	if (word != NULL && strcmp(word, "account_busy") == 0)
		return ERR_AGAIN;
	if (word != NULL)
		return card_ends(c, m, item, RECORD_CANCELLED, "device",
		    word);
	record_init(&rec, RECORD_EXEC_INTENT);
	record_set_digest(&rec, RF_CARD, &item->digest);
	for (i = 0; i < item->n_approvals; i++)
		record_add_approval(&rec, &item->approvals[i].digest);
	record_set_digest(&rec, RF_POLICY, &d->rules.policy);
	record_set_str(&rec, RF_RULE, d->verdict.rule);
	record_set_digest(&rec, RF_PLAN, &plan.plan);
	record_set_str(&rec, RF_INTERPRETER, plan.interpreter);
	record_set_digest(&rec, RF_INTERPRETER_HASH, &plan.interpreter_hash);
	record_set_digest(&rec, RF_RUNNER_HASH, &plan.runner_hash);
	record_set_str(&rec, RF_BOOT_ID, c->cfg.boot_id);
	record_set_str(&rec, RF_PROFILE, doc_word_of(action_profiles,
	    (int)d->verdict.action.profile));
	/* No must: with no room for a result, nothing starts. */
	return core_emit(c, m, &rec, false, NULL, bytes_of(NULL, 0));
}

/* One approved card: does it still stand, and may it go now? */
static int
consider(struct core *c, struct moment m, const struct queue_item *item,
    unsigned *changing, unsigned *looking)
{
	struct sha256 digest = item->digest;
	struct refusal why;
	struct dossier d;
	bool enough = false;
	enum core_wait w;
	int err;

	err = dossier_open(c, m, item, &d);
	if (err == ERR_CORRUPT)
		return card_ends(c, m, item, RECORD_CANCELLED, "device",
		    "card_damaged");
	if (err != 0)
		return err;
	if (d.verdict.why.reason != NULL)
		err = item->n_approvals > 0 ? lapse_all(c, m, &digest,
		    d.verdict.why.reason) : card_ends(c, m, item,
		    RECORD_CANCELLED, "device", d.verdict.why.reason);
	else if (!queue_item_proposer_stands(item, d.rules.people,
	    d.rules.now))
		err = card_ends(c, m, item, RECORD_CANCELLED, "device",
		    "proposer_revoked");
	else if (item->n_approvals > 0)
		err = recheck_approvals(c, m, &d, item, &enough);
	else
		enough = true;
	/* With nobody's approval left, it has to go by itself. */
	if (err == 0 && enough && item->n_approvals == 0)
		err = recheck_auto(c, m, &d, item, &enough);
	if (err == 0 && enough && card_check_time(d.card, d.rules.now,
	    &why) == 0) {
		unsigned *used = d.verdict.action.profile == ACTION_OBSERVE ?
		    looking : changing;
		unsigned slots = used == looking ? SLOTS_LOOKING :
		    SLOTS_CHANGING;

		item = queue_find(c->queue, &digest);
		w = core_after_others(c, d.card->after, d.card->n_after);
		if (w == CORE_WAIT_NEVER) {
			err = card_ends(c, m, item, RECORD_CANCELLED,
			    "device", "after_failed");
		} else if (w == CORE_WAIT_GO && *used < slots) {
			if ((err = intend(c, m, &d, item)) == 0)
				++*used;
		}
	}
	dossier_close(&d);
	if (err == ERR_NO_SPACE) {
		/* The card waits for room: nothing ran. */
		c->no_room = true;
		err = 0;
	} else if (err == ERR_AGAIN) {
		/* And for an account, with all that come after it. */
		c->no_account = true;
		*looking = SLOTS_LOOKING;
		err = 0;
	}
	return err;
}

static int
start_cards(struct core *c, struct moment m)
{
	const struct queue_item *item, *next;
	unsigned changing, looking;
	int err;

	c->no_room = c->no_account = false;
	if (c->hold || queue_first_approved(c->queue) == NULL ||
	    core_blocked(c, m) != NULL)
		return 0;
	core_count_running(c, &changing, &looking);
	for (item = queue_first_approved(c->queue); item != NULL;
	    item = next) {
		next = queue_next_approved(c->queue, item);
		if ((err = consider(c, m, item, &changing, &looking)) != 0)
			return err;
	}
	return 0;
}

int
core_turn(struct core *c, struct moment m)
{
	uint64_t held_back = limiter_due(&c->limiter, m.boot_ms);
	struct record rec;
	int err;

	if (held_back > 0) {
		record_init(&rec, RECORD_REFUSED_SUMMARY);
		record_set_int(&rec, RF_COUNT, (int64_t)held_back);
		if ((err = core_emit_must(c, m, &rec)) != 0)
			return err;
	}
	if ((err = follow_policy_all(c, m)) != 0 ||
	    (err = expire_cards(c, m)) != 0 ||
	    (err = core_cancel_after(c, m)) != 0 ||
	    (err = lapse_expired(c, m)) != 0 ||
	    (err = start_cards(c, m)) != 0 ||
	    (err = core_daily_epoch(c, m)) != 0)
		return err;
	/*
	 * By the floor, behind which no time goes back: by a clock that is
	 * ahead for a moment, cards would be forgotten that still could run.
	 */
	queue_forget(c->queue, c->s.last_record);
	return 0;
}

int64_t
core_wait_s(const struct core *c, struct moment m)
{
	int64_t now = core_now(c, m), at = queue_next_expiry(c->queue), wait;
	const int64_t again = c->no_account ? ACCOUNT_AGAIN_S : LOOK_AGAIN_S;
	uint64_t summary = limiter_deadline(&c->limiter);

	if (queue_next_lapse(c->queue) < at)
		at = queue_next_lapse(c->queue);
	wait = at == INT64_MAX ? -1 : at <= now ? 1 : at - now;
	if (queue_first_approved(c->queue) != NULL &&
	    (wait < 0 || wait > again))
		wait = again;
	if (summary != UINT64_MAX) {
		int64_t s = summary <= m.boot_ms ? 1 :
		    (int64_t)((summary - m.boot_ms) / 1000 + 1);

		if (wait < 0 || s < wait)
			wait = s;
	}
	return wait;
}
