/*
 * consent.c - what people say of a card: yes, no, and take it back.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/core_inside.h"

#include "common/approval.h"

#include <stdlib.h>
#include <string.h>

/* An approval, denial or cancel on its way in. */
struct consent {
	struct core *c;
	struct moment m;
	const struct envelope *e;
	enum payload_type type;
	struct sha256 digest;
	struct people_signer signer;
	struct approval *approval;	/* NULL until parsed */
	const struct queue_item *item;	/* NULL until found */
	struct dossier dossier;
	struct core_reply *reply;
};

/*
 * Records the refusal. What a trusted key has signed is recorded for sure, but
 * once, and so many a minute: whoever sends it again and again, or ever new
 * ones, fills no disk either.
 */
static int
refuse(struct consent *s, bool trusted, const char *reason, const char *detail)
{
	struct core *c = s->c;
	bool fresh = trusted && s->approval != NULL &&
	    !queue_has_seen(c->queue, &s->digest) &&
	    s->signer.person != NULL && budgets_take(&c->budgets,
	    s->signer.person->id, s->m.boot_ms);
	struct record rec;
	int err;

	(void)core_reply(s->reply, CORE_REFUSED, reason, detail);
	if (!fresh && !limiter_take(&c->limiter, s->m.boot_ms))
		return 0;
	record_init(&rec, s->type == PAYLOAD_CANCEL ? RECORD_CANCEL_REFUSED :
	    RECORD_APPROVAL_REFUSED);
	record_set_str(&rec, RF_REASON, reason);
	record_set_digest(&rec, RF_APPROVAL, &s->digest);
	if (s->approval != NULL)
		record_set_digest(&rec, RF_CARD, &s->approval->card);
	if (s->approval != NULL && s->signer.person != NULL)
		record_set_bytes(&rec, s->type == PAYLOAD_CANCEL ? RF_BY :
		    RF_APPROVER, s->signer.person->id);
	if (detail != NULL && detail[0] != '\0')
		record_set_str(&rec, RF_DETAIL, detail);
	err = core_emit(c, s->m, &rec, false, NULL, bytes_of(NULL, 0));
	return err == ERR_NO_SPACE ? 0 : err;
}

/* Who signed it, and what it says: verify, then parse. */
static int
read_consent(struct consent *s, bool *ret_go)
{
	struct core *c = s->c;
	const struct people *people;
	struct refusal why;
	int err;

	if (c->trust == NULL || (people = trust_people(c->trust)) == NULL)
		return refuse(s, false, core_blocked(c, s->m), "");
	err = people_verify_approval(people, s->type, s->e,
	    core_now(c, s->m), &s->signer, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return refuse(s, false, why.reason, why.detail);
	err = approval_parse(s->type, s->e->payload, &s->approval, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return refuse(s, true, why.reason, why.detail);
	s->reply->card = s->approval->card;
	s->reply->has_card = true;
	*ret_go = true;
	return 0;
}

/* Told to stop, and not dead yet. */
static bool
is_stopping(const struct queue_item *item)
{
	return item->state == STATE_RUNNING && item->stopping;
}

static enum card_event
event_of(const struct consent *s)
{
	if (s->type == PAYLOAD_CANCEL)
		return bytes_equal(s->approval->approver,
		    bytes_str(s->item->proposer)) ? EVENT_CANCEL_BY_PROPOSER :
		    EVENT_CANCEL_BY_APPROVER;
	return s->approval->decision == APPROVAL_DENY ? EVENT_DENY :
	    EVENT_APPROVE;
}

/* Is there such a card, and is it in a state that this can change? */
static int
find_card(struct consent *s, bool *ret_go)
{
	const struct queue_item *item;
	const char *word = NULL;
	enum card_state next;

	item = queue_find(s->c->queue, &s->approval->card);
	if (item == NULL)
		return refuse(s, true, "unknown_card", "");
	s->item = item;
	if (queue_item_has_approval(item, &s->digest)) {
		(void)core_reply(s->reply, CORE_KNOWN, "known", "");
		return 0;
	}
	/* It is told to stop once. */
	if (s->type == PAYLOAD_CANCEL && is_stopping(item)) {
		(void)core_reply(s->reply, CORE_KNOWN, "stopping", "");
		return 0;
	}
	if (state_next(item->state, event_of(s), &next, &word) != 0) {
		/* Once a digest: a console may send it again for ever. */
		if (queue_has_seen(s->c->queue, &s->digest)) {
			(void)core_reply(s->reply, CORE_KNOWN, word, "");
			return 0;
		}
		return refuse(s, true, word, "");
	}
	*ret_go = true;
	return 0;
}

/*
 * Whether the approval may take its place: that of its person's earlier one,
 * or a new one. Of two by the same person the later counts, whichever comes
 * last: else whoever holds both could have them replace each other for ever.
 */
static const char *
check_place(const struct queue_item *item, const struct approval *a)
{
	const struct queue_approval *held;
	size_t i;

	for (i = 0; i < item->n_approvals; i++) {
		held = &item->approvals[i];
		if (!bytes_is(a->approver, held->approver))
			continue;
		if (a->issued > held->issued)
			return NULL;
		return a->issued < held->issued ||
		    memcmp(a->digest.b, held->digest.b, SHA256_SIZE) < 0 ?
		    "superseded" : NULL;
	}
	return item->n_approvals < QUEUE_APPROVALS ? NULL :
	    "too_many_approvals";
}

/* May this person say this of this card, now? */
static int
check_rights(struct consent *s, bool *ret_go)
{
	struct refusal why;
	const char *blocked = core_blocked(s->c, s->m), *word;
	bool is_yes = s->type == PAYLOAD_APPROVAL &&
	    s->approval->decision == APPROVAL_APPROVE;
	int err;

	/* A no still counts while nothing may run. */
	if (is_yes && blocked != NULL)
		return refuse(s, true, blocked, "");
	if (trust_policy(s->c->trust) == NULL ||
	    trust_device(s->c->trust) == NULL)
		return refuse(s, true, blocked != NULL ? blocked :
		    "no_policy", "");
	err = dossier_open(s->c, s->m, s->item, &s->dossier);
	if (err == ERR_CORRUPT)
		return refuse(s, true, "card_damaged", "");
	if (err != 0)
		return err;
	if (s->type == PAYLOAD_CANCEL)
		err = rules_check_cancel(&s->dossier.rules, s->approval,
		    &s->signer, s->item->state == STATE_RUNNING, &why);
	else
		err = rules_check_approval(&s->dossier.rules, s->approval,
		    &s->signer, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return refuse(s, true, why.reason, why.detail);
	if (is_yes && s->dossier.verdict.why.reason != NULL)
		return refuse(s, true, s->dossier.verdict.why.reason,
		    s->dossier.verdict.why.detail);
	if (is_yes && (word = check_place(s->item, s->approval)) != NULL)
		return refuse(s, true, word, "");
	*ret_go = true;
	return 0;
}

void
consent_approval(const struct queue_item *item,
    const struct queue_approval *a, const char *device,
    struct approval *ret_a)
{
	memset(ret_a, 0, sizeof(*ret_a));
	ret_a->decision = APPROVAL_APPROVE;
	ret_a->digest = a->digest;
	ret_a->card = item->digest;
	ret_a->policy = a->policy;
	ret_a->device = bytes_str(device);
	memcpy(ret_a->device_nonce, item->device_nonce,
	    sizeof(ret_a->device_nonce));
	ret_a->approver = bytes_str(a->approver);
	ret_a->role = (enum approval_role)a->role;
	ret_a->issued = a->issued;
	ret_a->expires = a->expires;
}

bool
consent_is_enough(const struct core *c, const struct dossier *d,
    const struct queue_item *item, const struct approval *more,
    struct rules_missing *ret_m)
{
	struct approval others[QUEUE_APPROVALS];
	const struct approval *list[QUEUE_APPROVALS + 1] = { NULL };
	struct people_signer signer;
	struct refusal why;
	const struct queue_approval *a;
	size_t i, n = 0;

	for (i = 0; i < item->n_approvals; i++) {
		a = &item->approvals[i];
		/* The same person again replaces. */
		if (more != NULL && bytes_equal(bytes_str(a->approver),
		    more->approver))
			continue;
		consent_approval(item, a, c->s.device, &others[n]);
		if (people_find_key(d->rules.people, bytes_str(a->key),
		    &signer) && rules_check_approval(&d->rules, &others[n],
		    &signer, &why) == 0) {
			list[n] = &others[n];
			n++;
		}
	}
	if (more != NULL)
		list[n++] = more;
	return rules_enough(&d->rules, list, n, ret_m);
}

static int
record_consent(struct consent *s, enum record_kind kind)
{
	const struct approval *a = s->approval;
	struct rules_missing missing;
	struct record rec;
	bool cancel = kind == RECORD_CANCELLED;

	record_init(&rec, kind);
	record_set_digest(&rec, RF_CARD, &a->card);
	record_set_bytes(&rec, RF_PAYLOAD, s->e->payload);
	record_set_bytes(&rec, RF_PROOF, s->e->sigs[0].sig);
	record_set_digest(&rec, RF_APPROVAL, &s->digest);
	record_set_str(&rec, RF_KEY, s->signer.key->id);
	if (cancel) {
		record_set_bytes(&rec, RF_BY, a->approver);
		record_set_str(&rec, RF_REASON, "cancel");
		if (s->item->state == STATE_RUNNING)
			record_set_bool(&rec, RF_RUNNING, true);
	} else {
		record_set_bytes(&rec, RF_APPROVER, a->approver);
		record_set_str(&rec, RF_ROLE,
		    doc_word_of(approval_roles, (int)a->role));
	}
	if (kind == RECORD_APPROVAL_ACCEPTED) {
		record_set_digest(&rec, RF_POLICY, &a->policy);
		record_set_int(&rec, RF_ISSUED, a->issued);
		record_set_int(&rec, RF_EXPIRES, a->expires);
		if (consent_is_enough(s->c, &s->dossier, s->item, a,
		    &missing))
			record_set_bool(&rec, RF_ENOUGH, true);
	} else if (a->reason.n > 0) {
		record_set_bytes(&rec, RF_DETAIL, a->reason);
	}
	return core_emit_must(s->c, s->m, &rec);
}

static int
consent_take(struct core *c, struct moment m, enum payload_type type,
    const struct envelope *e, struct core_reply *ret_r)
{
	static int (*const steps[])(struct consent *, bool *) = {
		read_consent, find_card, check_rights
	};
	struct consent s = { .c = c, .m = m, .e = e, .type = type,
	    .reply = ret_r };
	enum record_kind kind;
	bool go = true;
	size_t i;
	int err = 0;

	memset(ret_r, 0, sizeof(*ret_r));
	digest_pae(e->type, e->payload, &s.digest);
	if (envelope_type(e->type) != type)
		return refuse(&s, false, "unknown_version", "");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && go; i++) {
		go = false;
		if ((err = steps[i](&s, &go)) != 0)
			break;
	}
	if (err == 0 && go) {
		kind = type == PAYLOAD_CANCEL ? RECORD_CANCELLED :
		    s.approval->decision == APPROVAL_DENY ? RECORD_DENIED :
		    RECORD_APPROVAL_ACCEPTED;
		err = record_consent(&s, kind);
		(void)core_reply(ret_r, CORE_ACCEPTED, "", "");
	}
	dossier_close(&s.dossier);
	approval_free(s.approval);
	return err;
}

int
core_approval(struct core *c, struct moment m, const struct envelope *e,
    struct core_reply *ret_r)
{
	return consent_take(c, m, PAYLOAD_APPROVAL, e, ret_r);
}

int
core_cancel(struct core *c, struct moment m, const struct envelope *e,
    struct core_reply *ret_r)
{
	return consent_take(c, m, PAYLOAD_CANCEL, e, ret_r);
}

/* ---- without a signature: the device's own people, and the console ---- */

int
core_veto(struct core *c, struct moment m, const struct sha256 *card,
    const char *by, struct bytes reason, struct core_reply *ret_r)
{
	const struct queue_item *item = queue_find(c->queue, card);
	enum card_state next;
	const char *word = "unknown_card";
	struct record rec;
	bool running;

	memset(ret_r, 0, sizeof(*ret_r));
	ret_r->card = *card;
	ret_r->has_card = true;
	if (item == NULL ||
	    state_next(item->state, EVENT_VETO, &next, &word) != 0)
		return core_reply(ret_r, CORE_REFUSED, word, "");
	if (is_stopping(item))
		return core_reply(ret_r, CORE_KNOWN, "stopping", "");
	running = item->state == STATE_RUNNING;
	record_init(&rec, RECORD_VETOED);
	record_set_digest(&rec, RF_CARD, card);
	record_set_str(&rec, RF_BY, by);
	record_set_bytes(&rec, RF_DETAIL, core_reason(reason));
	if (running)
		record_set_bool(&rec, RF_RUNNING, true);
	(void)core_reply(ret_r, CORE_ACCEPTED, "", "");
	return core_emit_must(c, m, &rec);
}

/* The owner's policy says in which profiles the console may stop a run. */
static bool
console_may_stop(const struct core *c, struct moment m,
    const struct queue_item *item)
{
	struct dossier d;
	bool may;

	if (c->trust == NULL || trust_policy(c->trust) == NULL ||
	    trust_people(c->trust) == NULL || trust_device(c->trust) == NULL ||
	    dossier_open(c, m, item, &d) != 0)
		return false;
	may = d.verdict.why.reason == NULL && d.verdict.console_may_stop;
	dossier_close(&d);
	return may;
}

int
core_withdraw(struct core *c, struct moment m, const struct sha256 *card,
    struct bytes reason)
{
	const struct queue_item *item = queue_find(c->queue, card);
	const char *word = "unknown_card";
	enum card_event event = EVENT_WITHDRAW;
	enum card_state next;
	struct record rec;
	int err;

	if (item != NULL && is_stopping(item))
		return 0;
	if (item != NULL && item->state == STATE_RUNNING &&
	    console_may_stop(c, m, item))
		event = EVENT_WITHDRAW_STOP;
	if (item != NULL && state_next(item->state, event, &next,
	    &word) == 0) {
		record_init(&rec, RECORD_CANCELLED);
		record_set_str(&rec, RF_REASON, "console_withdraw");
		if (item->state == STATE_RUNNING)
			record_set_bool(&rec, RF_RUNNING, true);
	} else {
		if (item != NULL && item->state == STATE_RUNNING)
			word = "console_may_not_stop";
		if (!limiter_take(&c->limiter, m.boot_ms))
			return 0;
		record_init(&rec, RECORD_CANCEL_REFUSED);
		record_set_str(&rec, RF_REASON, word);
	}
	record_set_digest(&rec, RF_CARD, card);
	record_set_str(&rec, RF_BY, "console");
	if (reason.n > 0 && rec.kind == RECORD_CANCELLED)
		record_set_bytes(&rec, RF_DETAIL, core_reason(reason));
	err = core_emit(c, m, &rec, rec.kind == RECORD_CANCELLED, NULL,
	    bytes_of(NULL, 0));
	return err == ERR_NO_SPACE ? 0 : err;
}
