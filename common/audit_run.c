/*
 * audit_run.c - the auditor on runs: what each needed, and what it had.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/audit_inside.h"

#include <stdlib.h>
#include <string.h>

/* What may run at the same time: protocol.md section 2. */
#define MOST_CHANGING 1
#define MOST_LOOKING 4
#define HOUR 3600

/* An accepted approval as rules.h takes it. */
static void
held_approval(const struct audit *a, const struct queue_item *item,
    const struct queue_approval *from, struct approval *ret_a)
{
	memset(ret_a, 0, sizeof(*ret_a));
	ret_a->decision = APPROVAL_APPROVE;
	ret_a->digest = from->digest;
	ret_a->card = item->digest;
	ret_a->policy = from->policy;
	ret_a->device = bytes_str(a->device);
	memcpy(ret_a->device_nonce, item->device_nonce,
	    sizeof(ret_a->device_nonce));
	ret_a->approver = bytes_str(from->approver);
	ret_a->role = (enum approval_role)from->role;
	ret_a->issued = from->issued;
	ret_a->expires = from->expires;
}

/* Whether it counts now, and why not. */
static bool
counts(const struct audit_case *c, const struct approval *approval,
    const char *key, struct refusal *ret_why)
{
	struct people_signer s;

	ret_why->reason = "unknown_key";
	return people_find_key(c->rules.people, bytes_str(key), &s) &&
	    rules_check_approval(&c->rules, approval, &s, ret_why) == 0;
}

bool
audit_is_enough(const struct audit *a, const struct audit_case *c,
    const struct sha256 *without, const struct approval *more)
{
	struct approval held[QUEUE_APPROVALS];
	const struct approval *list[QUEUE_APPROVALS + 1] = { NULL };
	struct rules_missing missing;
	struct refusal why;
	size_t i, n = 0;

	for (i = 0; i < c->item->n_approvals; i++) {
		const struct queue_approval *p = &c->item->approvals[i];

		if ((without != NULL && sha256_equal(without, &p->digest)) ||
		    (more != NULL && bytes_is(more->approver, p->approver)))
			continue;
		held_approval(a, c->item, p, &held[n]);
		if (counts(c, &held[n], p->key, &why)) {
			list[n] = &held[n];
			n++;
		}
	}
	if (more != NULL)
		list[n++] = more;
	return rules_enough(&c->rules, list, n, &missing);
}

int
audit_lapsed(struct audit *a, const struct queue_item *item)
{
	struct audit_case c = { 0 };
	int err = audit_case_open(a, item, &c);

	if (err == 0 && !audit_is_enough(a, &c, &a->rec->approval, NULL))
		err = audit_wrong(a, AUDIT_POLICY,
		    "the approvals that were left are not enough");
	audit_case_close(&c);
	return err;
}

/* The approvals that the intent names are what the rules ask for. */
static int
check_approvals(struct audit *a, const struct audit_case *c)
{
	struct approval held[QUEUE_APPROVALS];
	const struct approval *list[QUEUE_APPROVALS] = { NULL };
	const struct record *rec = a->rec;
	struct rules_missing missing;
	struct refusal why;
	size_t i, j, n = 0;

	for (i = 0; i < rec->n_approvals; i++) {
		for (j = 0; j < c->item->n_approvals && !sha256_equal(
		    &rec->approvals[i], &c->item->approvals[j].digest); j++)
			;
		if (j == c->item->n_approvals)
			return audit_wrong(a, AUDIT_STATE,
			    "it names an approval that the card did not have");
		held_approval(a, c->item, &c->item->approvals[j], &held[n]);
		if (!counts(c, &held[n], c->item->approvals[j].key, &why))
			return audit_wrong(a, AUDIT_POLICY,
			    "an approval did not count any more: %s",
			    why.reason);
		list[n] = &held[n];
		n++;
	}
	if (!rules_enough(&c->rules, list, n, &missing))
		return audit_wrong(a, AUDIT_POLICY,
		    "it ran without the approvals that it needed");
	return 0;
}

static int
check_auto(struct audit *a, const struct audit_case *c)
{
	int64_t hour = a->rec->time - HOUR;
	struct trust_status st;

	if (c->verdict.decision != POLICY_AUTO)
		return audit_wrong(a, AUDIT_POLICY,
		    "it ran without an approval");
	trust_status(a->trust, a->rec->time, &st);
	if (st.auto_stopped != NULL)
		return audit_wrong(a, AUDIT_POLICY,
		    "it ran by itself in spite of %s", st.auto_stopped);
	if (c->verdict.rate_per_h > 0 && queue_runs_since(a->queue,
	    c->card->tool, hour) >= (size_t)c->verdict.rate_per_h)
		return audit_wrong(a, AUDIT_POLICY,
		    "it ran more often than the policy lets it in an hour");
	return 0;
}

/* What it had to come after has finished well. */
static int
check_after(struct audit *a, const struct audit_case *c)
{
	const struct audit_ran *other;
	size_t i;

	for (i = 0; i < c->card->n_after; i++) {
		other = digestmap_find(&a->ran, &c->card->after[i]);
		/* One that was pruned and forgotten, nobody can ask. */
		if (other == NULL && a->first > 0)
			continue;
		if (other == NULL || !other->well)
			return audit_wrong(a, AUDIT_POLICY, "a card that it"
			    " had to come after has not finished well");
	}
	return 0;
}

void
audit_result(struct audit *a)
{
	const struct record *rec = a->rec;
	struct audit_ran *r = digestmap_find(&a->ran, &rec->card);

	if (r != NULL)
		r->well = bytes_is(rec->outcome, "finished") &&
		    rec->has[RF_EXIT_CODE] && rec->exit_code == 0;
}

/* How many run already. */
static int
check_slots(struct audit *a, const struct audit_case *c)
{
	bool looks = c->verdict.action.profile == ACTION_OBSERVE;
	const struct queue_item *i;
	size_t running = 0;

	if (queue_count(a->queue, STATE_RUNNING) == 0)
		return 0;
	for (i = queue_first_open(a->queue); i != NULL;
	    i = queue_next_open(a->queue, i))
		if (i->state == STATE_RUNNING &&
		    (strcmp(i->profile, "observe") == 0) == looks)
			running++;
	if (running >= (looks ? MOST_LOOKING : MOST_CHANGING))
		return audit_wrong(a, AUDIT_POLICY,
		    "too many ran at the same time");
	return 0;
}

static int
check_verdict(struct audit *a, const struct audit_case *c)
{
	const char *blocked = audit_blocked(a);
	const struct record *rec = a->rec;
	struct refusal why;

	if (blocked == NULL)
		blocked = c->verdict.why.reason;
	if (blocked != NULL)
		return audit_wrong(a, AUDIT_POLICY, "it ran in spite of %s",
		    blocked);
	if (c->verdict.mode != POLICY_EXECUTE)
		return audit_wrong(a, AUDIT_POLICY,
		    "it ran while the policy's mode was not execute");
	if (!sha256_equal(&rec->policy, &c->rules.policy))
		return audit_wrong(a, AUDIT_POLICY,
		    "it names another policy than was installed");
	if (!bytes_is(rec->profile, doc_word_of(action_profiles,
	    (int)c->verdict.action.profile)))
		return audit_wrong(a, AUDIT_POLICY,
		    "it ran in another profile than it asked for");
	if (card_check_time(c->card, rec->time, &why) != 0)
		return audit_wrong(a, AUDIT_POLICY, "it ran in spite of %s",
		    why.reason);
	if (!queue_item_proposer_stands(c->item, c->rules.people,
	    rec->time))
		return audit_wrong(a, AUDIT_POLICY,
		    "its proposer could not propose any more");
	return 0;
}

static int
add_run(struct audit *a, const struct sha256 *card, bool well)
{
	struct audit_ran *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->well = well;
	r->node.key = *card;
	r->node.owner = r;
	if (digestmap_add(&a->ran, &r->node) != 0) {
		free(r);
		return ERR_NOMEM;
	}
	r->next = a->ran_first;
	a->ran_first = r;
	return 0;
}

int
audit_remember(struct audit *a, const struct queue_item *item)
{
	return add_run(a, &item->digest, item->state == STATE_FINISHED &&
	    item->result.exit_code == 0);
}

/* Notes the run; a second one of the same card is worse than all else. */
static int
note_run(struct audit *a)
{
	int err;

	if (digestmap_find(&a->ran, &a->rec->card) != NULL)
		return audit_wrong(a, AUDIT_TWICE, "the card ran before");
	if ((err = add_run(a, &a->rec->card, false)) == 0)
		a->counts.runs++;
	return err;
}

int
audit_intent(struct audit *a, const struct queue_item *item)
{
	struct audit_case c = { 0 };
	int err;

	if ((err = note_run(a)) != 0 || item == NULL ||
	    item->state != STATE_APPROVED)
		return err;
	if ((err = audit_case_open(a, item, &c)) == 0 &&
	    (err = check_verdict(a, &c)) == 0 &&
	    (err = a->rec->n_approvals > 0 ? check_approvals(a, &c) :
	    check_auto(a, &c)) == 0 &&
	    (err = check_after(a, &c)) == 0)
		err = check_slots(a, &c);
	audit_case_close(&c);
	return err;
}
