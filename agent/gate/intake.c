/*
 * intake.c - a card comes in: take it into the queue, or refuse it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A refusal for a reason inside the card is final: its digest is claimed and
 * the same card never gets another answer. One for a reason outside it (the
 * lockdown will be lifted, the disk will have room) is not, and the same card
 * may come again.
 */
#include "agent/gate/core_inside.h"

#include <stdio.h>
#include <string.h>

/* A card on its way in. */
struct intake {
	struct core *c;
	struct moment m;
	const struct envelope *e;
	struct sha256 digest;
	struct people_signer proposer;
	struct card *card;	/* NULL until parsed */
	struct verdict verdict;
	struct core_reply *reply;
};

/*
 * A final refusal is remembered as long as the card could come again. One over
 * its proposer's budget is none yet: the card may come again.
 */
static bool
may_claim(struct intake *in)
{
	struct core *c = in->c;

	return queue_count(c->queue, STATE_REFUSED) < CORE_REFUSED_MAX &&
	    budgets_take(&c->budgets, in->proposer.person != NULL ?
	    in->proposer.person->id : bytes_of(NULL, 0), in->m.boot_ms);
}

/*
 * Records the refusal. What nobody trusted has signed, and what may come
 * again, is recorded at most so often: else whoever resends fills the disk.
 */
static int
refuse(struct intake *in, bool final, const char *reason, const char *detail)
{
	struct core *c = in->c;
	struct record rec;
	int err;

	(void)core_reply(in->reply, CORE_REFUSED, reason, detail);
	if (!final && !limiter_take(&c->limiter, in->m.boot_ms))
		return 0;
	if (final && !may_claim(in)) {
		limiter_hold(&c->limiter, in->m.boot_ms);
		return 0;
	}
	record_init(&rec, RECORD_CARD_REFUSED);
	record_set_digest(&rec, RF_CARD, &in->digest);
	record_set_str(&rec, RF_REASON, reason);
	record_set_bool(&rec, RF_FINAL, final);
	if (detail != NULL && detail[0] != '\0')
		record_set_str(&rec, RF_DETAIL, detail);
	if (in->card != NULL)
		record_set_str(&rec, RF_ID, in->card->id);
	if (in->proposer.person != NULL)
		record_set_bytes(&rec, RF_PROPOSER, in->proposer.person->id);
	err = core_emit(c, in->m, &rec, false, NULL, bytes_of(NULL, 0));
	return err == ERR_NO_SPACE ? 0 : err;
}

/* Before a byte of it is parsed: may it be verified, and is it signed? */
static int
check_signature(struct intake *in, bool *ret_go)
{
	struct core *c = in->c;
	const struct people *people;
	struct refusal why;
	int err;

	if (c->trust == NULL || (people = trust_people(c->trust)) == NULL)
		return refuse(in, false, core_blocked(c, in->m), "");
	err = people_verify_card(people, in->e, core_now(c, in->m),
	    &in->proposer, &why);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0) {
		in->proposer.person = NULL;
		return refuse(in, false, why.reason, why.detail);
	}
	*ret_go = true;
	return 0;
}

/* Is it well formed, for this device, and of this time? */
static int
check_card(struct intake *in, bool *ret_go)
{
	struct core *c = in->c;
	struct refusal why;
	const char *blocked;
	int err;

	if ((blocked = core_blocked(c, in->m)) != NULL)
		return refuse(in, false, blocked, "");
	err = card_parse(in->e->payload, &in->card, &why);
	if (err == 0)
		err = card_check_target(in->card, bytes_str(c->s.org),
		    bytes_str(c->s.device), &why);
	if (err == 0)
		err = card_check_time(in->card, core_now(c, in->m), &why);
	if (err == ERR_NOMEM)
		return err;
	/*
	 * So long after its time the device may have known it and forgotten:
	 * a final refusal would be its second end.
	 */
	if (err != 0)
		return refuse(in, err != ERR_EXPIRED || core_now(c, in->m) <=
		    in->card->expires + CAP_DIGEST_MEMORY, why.reason,
		    why.detail);
	if (queue_find_id(c->queue, bytes_str(in->card->id)) != NULL)
		return refuse(in, true, "id_reused",
		    "another card has this id");
	*ret_go = true;
	return 0;
}

/* Could anybody approve it, and could it be run? */
static int
check_rules(struct intake *in, bool *ret_go)
{
	struct core *c = in->c;
	const struct people *people = trust_people(c->trust);
	struct policy_query q;
	struct refusal why;
	struct rules rules = { .people = people, .card = in->card,
	    .verdict = &in->verdict, .now = core_now(c, in->m) };
	const char *word;
	int err;

	core_query(c, in->card, in->proposer.person->id, &q);
	policy_decide(trust_policy(c->trust), &q, &in->verdict);
	if (in->verdict.why.reason != NULL)
		return refuse(in, in->verdict.final,
		    in->verdict.why.reason, in->verdict.why.detail);
	rules.proposer = in->proposer.person->id;
	if (in->verdict.decision == POLICY_APPROVAL_NEEDED) {
		err = rules_check_card(&rules, &why);
		if (err == ERR_NOMEM)
			return err;
		if (err != 0)
			return refuse(in, true, why.reason, why.detail);
	}
	why.detail[0] = '\0';
	word = c->cfg.host->offers(c->cfg.arg, in->card, &in->verdict,
	    why.detail);
	if (word != NULL)
		return refuse(in, strcmp(word, "sandbox_unavailable") != 0,
		    word, why.detail);
	*ret_go = true;
	return 0;
}

/* Is there room, and for an `auto` tool, may it go by itself now? */
static int
check_room(struct intake *in, bool *ret_go)
{
	struct core *c = in->c;
	const struct policy *p = trust_policy(c->trust);
	struct trust_status st;

	if (queue_open_count(c->queue) >= (size_t)p->pending)
		return refuse(in, false, "queue_full",
		    "too many cards wait on this device");
	if (queue_open_of(c->queue, in->proposer.person->id) >=
	    (size_t)p->pending_per_proposer)
		return refuse(in, false, "queue_full",
		    "too many cards of this proposer wait on this device");
	if (in->verdict.decision == POLICY_AUTO &&
	    in->verdict.mode == POLICY_EXECUTE) {
		trust_status(c->trust, core_now(c, in->m), &st);
		if (st.auto_stopped != NULL)
			return refuse(in, false, st.auto_stopped, "");
		if (in->verdict.rate_per_h > 0 &&
		    queue_runs_since(c->queue, in->card->tool,
		    core_now(c, in->m) - 3600) >=
		    (size_t)in->verdict.rate_per_h)
			return refuse(in, false, "rate_exceeded",
			    "the tool has run as often as the policy lets"
			    " it in an hour");
	}
	*ret_go = true;
	return 0;
}

static int
receive(struct intake *in)
{
	struct core *c = in->c;
	struct trust_held policy;
	struct record rec;
	uint8_t nonce[CAP_DEVICE_NONCE];
	bool planned = in->verdict.mode == POLICY_PLAN;
	bool automatic = in->verdict.decision == POLICY_AUTO && !planned;
	size_t i;
	int err;

	if ((err = c->cfg.host->random(c->cfg.arg, nonce,
	    sizeof(nonce))) != 0)
		return err;
	if (!trust_held(c->trust, TRUST_POLICY, &policy))
		return ERR_STATE;
	record_init(&rec, RECORD_CARD_RECEIVED);
	record_set_digest(&rec, RF_CARD, &in->digest);
	record_set_str(&rec, RF_ID, in->card->id);
	for (i = 0; i < in->e->n_sigs; i++)
		record_add_sig(&rec, in->e->sigs[i].keyid,
		    in->e->sigs[i].sig);
	record_set_bytes(&rec, RF_PROPOSER, in->proposer.person->id);
	record_set_str(&rec, RF_KEY, in->proposer.key->id);
	record_set_bytes(&rec, RF_TOOL, in->card->tool);
	record_set_str(&rec, RF_PROFILE, doc_word_of(action_profiles,
	    (int)in->verdict.action.profile));
	record_set_str(&rec, RF_DECISION, doc_word_of(policy_decisions,
	    (int)in->verdict.decision));
	record_set_bool(&rec, RF_REQUIRE_MANAGER,
	    in->verdict.require_manager);
	record_set_str(&rec, RF_RULE, in->verdict.rule);
	record_set_digest(&rec, RF_POLICY, &policy.digest);
	record_set_bytes(&rec, RF_DEVICE_NONCE,
	    bytes_of(nonce, sizeof(nonce)));
	record_set_str(&rec, RF_BOOT_ID, c->cfg.boot_id);
	record_set_int(&rec, RF_CREATED, in->card->created);
	record_set_int(&rec, RF_EXPIRES, in->card->expires);
	if (in->card->requester.n > 0)
		record_set_bytes(&rec, RF_REQUESTER, in->card->requester);
	if (automatic)
		record_set_bool(&rec, RF_ENOUGH, true);
	err = core_emit(c, in->m, &rec, false, &in->digest, in->e->payload);
	if (err == ERR_NO_SPACE)
		return refuse(in, false, "disk_full", "");
	if (err == 0)
		err = core_note_after(c, in->card);
	if (err != 0 || !planned)
		return err;
	record_init(&rec, RECORD_PLANNED);
	record_set_digest(&rec, RF_CARD, &in->digest);
	record_set_str(&rec, RF_RULE, in->verdict.rule);
	record_set_digest(&rec, RF_POLICY, &policy.digest);
	return core_emit_must(c, in->m, &rec);
}

int
core_card(struct core *c, struct moment m, const struct envelope *e,
    struct core_reply *ret_r)
{
	/* In order; each says whether to go on to the next. */
	static int (*const steps[])(struct intake *, bool *) = {
		check_signature, check_card, check_rules, check_room
	};
	struct intake in = { .c = c, .m = m, .e = e, .reply = ret_r };
	bool go = true;
	size_t i;
	int err = 0;

	memset(ret_r, 0, sizeof(*ret_r));
	digest_pae(e->type, e->payload, &in.digest);
	ret_r->card = in.digest;
	ret_r->has_card = true;
	if (queue_knows(c->queue, &in.digest))
		return core_reply(ret_r, CORE_KNOWN, "known", "");
	if (envelope_type(e->type) != PAYLOAD_CARD)
		return refuse(&in, false, "unknown_version", "");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && go; i++) {
		go = false;
		if ((err = steps[i](&in, &go)) != 0)
			break;
	}
	if (err == 0 && go && (err = receive(&in)) == 0 &&
	    ret_r->answer != CORE_REFUSED)
		(void)core_reply(ret_r, CORE_ACCEPTED, "", "");
	card_free(in.card);
	return err;
}
