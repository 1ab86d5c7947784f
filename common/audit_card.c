/*
 * audit_card.c - the auditor on cards that were taken in, and on what people
 * said of them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/audit_inside.h"

#include <string.h>

/* Decides on the card with the trust files that are there. */
static int
decide(struct audit *a, struct bytes proposer, struct audit_case *c)
{
	const struct people *people = trust_people(a->trust);
	const struct device_entry *device = trust_device(a->trust);
	struct policy_query q = { 0 };
	struct trust_held held;

	if (people == NULL || device == NULL ||
	    !trust_held(a->trust, TRUST_POLICY, &held))
		return audit_wrong(a, AUDIT_POLICY, "there were no people,"
		    " policy or device files to decide with");
	q.card = c->card;
	q.proposer = proposer;
	q.groups = &device->groups;
	q.people_version = people->head.version;
	policy_decide(trust_policy(a->trust), &q, &c->verdict);
	c->rules.verdict = &c->verdict;
	c->rules.people = people;
	c->rules.card = c->card;
	c->rules.proposer = proposer;
	c->rules.policy = held.digest;
	c->rules.now = a->rec->time;
	return 0;
}

/* The card of that digest, parsed. */
static int
load(struct audit *a, const struct sha256 *digest, struct buf *b,
    struct card **ret_card)
{
	struct refusal why;
	int err;

	if ((err = audit_blob(a, digest, PAYLOAD_CARD, b)) != 0)
		return err;
	err = card_parse(buf_bytes(b), ret_card, &why);
	if (err == 0 || err == ERR_NOMEM)
		return err;
	return audit_wrong(a, AUDIT_CARD, "it should have been refused: %s",
	    why.reason);
}

int
audit_case_open(struct audit *a, const struct queue_item *item,
    struct audit_case *ret_c)
{
	struct buf b;
	int err;

	memset(ret_c, 0, sizeof(*ret_c));
	ret_c->item = item;
	buf_init(&b, CAP_CARD);
	err = load(a, &item->digest, &b, &ret_c->card);
	buf_free(&b);
	if (err == 0)
		err = decide(a, bytes_str(item->proposer), ret_c);
	memcpy(ret_c->rules.device_nonce, item->device_nonce,
	    sizeof(ret_c->rules.device_nonce));
	return err;
}

void
audit_case_close(struct audit_case *c)
{
	card_free(c->card);
	c->card = NULL;
}

/* ---- a card that was taken in ---- */

static int
check_signature(struct audit *a, struct bytes payload)
{
	const struct people *people = trust_people(a->trust);
	const struct record *rec = a->rec;
	struct envelope e = { 0 };
	struct people_signer s;
	struct refusal why;
	size_t i;
	int err;

	if (people == NULL)
		return audit_wrong(a, AUDIT_CARD, "there was no people file");
	e.type = envelope_type_text(PAYLOAD_CARD);
	e.payload = payload;
	for (i = 0; i < rec->n_sigs; i++) {
		e.sigs[i].keyid = rec->sigs[i].keyid;
		e.sigs[i].sig = rec->sigs[i].sig;
	}
	e.n_sigs = rec->n_sigs;
	err = people_verify_card(people, &e, rec->time, &s, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return audit_wrong(a, AUDIT_CARD,
		    "its signature does not verify: %s", why.reason);
	if (!bytes_equal(s.person->id, rec->proposer) ||
	    !bytes_is(rec->key, s.key->id))
		return audit_wrong(a, AUDIT_CARD,
		    "somebody else signed it than the record says");
	return 0;
}

/* For this device, of this time, and the record tells the same of it. */
static int
check_words(struct audit *a, const struct card *card)
{
	const struct record *rec = a->rec;
	struct refusal why;

	if (card_check_target(card, bytes_str(a->org), bytes_str(a->device),
	    &why) != 0 || card_check_time(card, rec->time, &why) != 0)
		return audit_wrong(a, AUDIT_CARD,
		    "it should have been refused: %s", why.reason);
	if (!bytes_is(rec->id, card->id) ||
	    !bytes_equal(rec->tool, card->tool) ||
	    !bytes_equal(rec->requester, card->requester) ||
	    rec->created != card->created || rec->expires != card->expires)
		return audit_wrong(a, AUDIT_CARD,
		    "the record says something else than the card");
	return 0;
}

static bool
is_word(struct bytes v, const struct doc_word *words, int value)
{
	const char *word = doc_word_of(words, value);

	return word != NULL ? bytes_is(v, word) : v.n == 0;
}

/* The decision in the record is that of the policy. */
static int
check_decision(struct audit *a, const struct audit_case *c)
{
	const struct verdict *v = &c->verdict;
	const struct record *rec = a->rec;
	struct trust_status st;
	struct refusal why;

	if (!sha256_equal(&rec->policy, &c->rules.policy))
		return audit_wrong(a, AUDIT_POLICY,
		    "it names another policy than was installed");
	if (v->why.reason != NULL)
		return audit_wrong(a, AUDIT_POLICY,
		    "the policy refused it: %s", v->why.reason);
	if (!is_word(rec->decision, policy_decisions, (int)v->decision) ||
	    rec->require_manager != v->require_manager ||
	    !is_word(rec->profile, action_profiles, (int)v->action.profile))
		return audit_wrong(a, AUDIT_POLICY,
		    "the policy decided otherwise: %s", v->rule);
	if (v->decision != POLICY_AUTO &&
	    rules_check_card(&c->rules, &why) != 0)
		return audit_wrong(a, AUDIT_POLICY,
		    "nobody could have approved it: %s", why.reason);
	if (!rec->enough)
		return 0;
	trust_status(a->trust, rec->time, &st);
	if (v->decision != POLICY_AUTO || v->mode != POLICY_EXECUTE)
		return audit_wrong(a, AUDIT_POLICY,
		    "it was approved without an approval");
	if (st.auto_stopped != NULL)
		return audit_wrong(a, AUDIT_POLICY,
		    "it went by itself in spite of %s", st.auto_stopped);
	return 0;
}

int
audit_received(struct audit *a)
{
	const char *blocked = audit_blocked(a);
	struct audit_case c = { 0 };
	struct buf b;
	int err;

	if (blocked != NULL)
		return audit_wrong(a, AUDIT_POLICY,
		    "it was taken in in spite of %s", blocked);
	buf_init(&b, CAP_CARD);
	if ((err = load(a, &a->rec->card, &b, &c.card)) == 0 &&
	    (err = check_signature(a, buf_bytes(&b))) == 0 &&
	    (err = check_words(a, c.card)) == 0 &&
	    (err = decide(a, a->rec->proposer, &c)) == 0)
		err = check_decision(a, &c);
	buf_free(&b);
	audit_case_close(&c);
	if (err == 0)
		a->counts.cards++;
	return err;
}

/* ---- approvals, denials, cancels ---- */

/* An approval, denial or cancel of a record. */
struct consent {
	enum payload_type type;
	enum approval_decision decision;	/* by its kind of record */
	struct people_signer signer;
	struct approval *approval;
};

static int
check_proof(struct audit *a, struct consent *s)
{
	const struct people *people = trust_people(a->trust);
	const struct record *rec = a->rec;
	struct envelope e = { 0 };
	struct refusal why;
	int err;

	if (people == NULL)
		return audit_wrong(a, AUDIT_PROOF,
		    "there was no people file");
	e.type = envelope_type_text(s->type);
	e.payload = rec->payload;
	e.sigs[0].keyid = rec->key;
	e.sigs[0].sig = rec->proof;
	e.n_sigs = 1;
	err = people_verify_approval(people, s->type, &e, rec->time,
	    &s->signer, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return audit_wrong(a, AUDIT_PROOF, "it does not verify: %s",
		    why.reason);
	err = approval_parse(s->type, rec->payload, &s->approval, &why);
	if (err == 0 || err == ERR_NOMEM)
		return err;
	return audit_wrong(a, AUDIT_PROOF, "it does not read: %s",
	    why.reason);
}

/* The record tells of the payload what is in it. */
static bool
says_the_same(const struct record *rec, const struct consent *s)
{
	const struct approval *p = s->approval;
	struct bytes who = rec->has[RF_APPROVER] ? rec->approver : rec->by;

	if (p == NULL || p->decision != s->decision ||
	    !sha256_equal(&p->card, &rec->card) ||
	    !bytes_equal(p->approver, who) ||
	    (rec->has[RF_KEY] && !bytes_is(rec->key, s->signer.key->id)) ||
	    (rec->has[RF_APPROVAL] &&
	    !sha256_equal(&p->digest, &rec->approval)))
		return false;
	if (rec->has[RF_ROLE] &&
	    !is_word(rec->role, approval_roles, (int)p->role))
		return false;
	return rec->kind != RECORD_APPROVAL_ACCEPTED ||
	    (sha256_equal(&p->policy, &rec->policy) &&
	    p->issued == rec->issued && p->expires == rec->expires);
}

/* Whether that person could say that of the card then. */
static int
check_rights(struct audit *a, const struct audit_case *c,
    const struct consent *s)
{
	bool started = c->item->state == STATE_RUNNING;
	const char *blocked = audit_blocked(a);
	struct refusal why;
	int err;

	if (s->type == PAYLOAD_CANCEL)
		err = rules_check_cancel(&c->rules, s->approval, &s->signer,
		    started, &why);
	else
		err = rules_check_approval(&c->rules, s->approval,
		    &s->signer, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return audit_wrong(a, AUDIT_POLICY,
		    "it should have been refused: %s", why.reason);
	if (s->decision != APPROVAL_APPROVE)
		return 0;
	if (blocked == NULL)
		blocked = c->verdict.why.reason;
	if (blocked != NULL)
		return audit_wrong(a, AUDIT_POLICY,
		    "it was accepted in spite of %s", blocked);
	if (a->rec->enough && !audit_is_enough(a, c, NULL, s->approval))
		return audit_wrong(a, AUDIT_POLICY,
		    "more approvals were needed");
	return 0;
}

int
audit_consent(struct audit *a, const struct queue_item *item)
{
	struct consent s = { .type = PAYLOAD_APPROVAL };
	struct audit_case c = { 0 };
	int err;

	s.decision = APPROVAL_APPROVE;
	if (a->rec->kind == RECORD_DENIED)
		s.decision = APPROVAL_DENY;
	if (a->rec->kind == RECORD_CANCELLED) {
		s.decision = APPROVAL_CANCEL;
		s.type = PAYLOAD_CANCEL;
	}
	if ((err = check_proof(a, &s)) == 0 && !says_the_same(a->rec, &s))
		err = audit_wrong(a, AUDIT_PROOF,
		    "the record says something else than what was signed");
	if (err == 0 && (err = audit_case_open(a, item, &c)) == 0)
		err = check_rights(a, &c, &s);
	audit_case_close(&c);
	approval_free(s.approval);
	if (err == 0)
		a->counts.approvals++;
	return err;
}
