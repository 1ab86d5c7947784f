/*
 * relay.c - approvals, cancels and withdrawals over HTTP.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * The console decides nothing here: the device checks every proof itself. What
 * can be seen to be wrong with the files that are held here is refused at
 * once, so that a person need not wait for the device to say so.
 */
#include "console/api/cards.h"

#include "common/approval.h"
#include "common/envelope.h"
#include "common/link.h"
#include "common/people.h"
#include "console/owners.h"

#include <string.h>

#define ENVELOPE_MAX ((size_t)1 << 20)

/* An approval, denial or cancel on its way. */
struct relayed {
	struct request *r;
	const struct envelope *e;
	enum payload_type type;
	struct store_card card;
	struct approval *a;
};

static void
refuse(struct request *r, const struct refusal *why)
{
	http_problem(r, 422, why->reason, "the device would refuse this",
	    why->detail[0] != '\0' ? why->detail :
	    "make a new one from the card's pending file");
}

static bool
check_card(struct relayed *y)
{
	struct request *r = y->r;

	if (!sha256_equal(&y->a->card, &y->card.digest) ||
	    !bytes_is(y->a->device, y->card.device)) {
		http_problem(r, 422, "wrong_card", "this is about another "
		    "card or device", "send it under its own card's path");
		return false;
	}
	if (cards_has_ended(&y->card)) {
		http_problem(r, 409, "card_closed", "this card has ended",
		    "look at its state");
		return false;
	}
	if (!y->card.has_records) {
		http_problem(r, 409, "not_pending", "the device has not taken "
		    "this card in yet", "wait until its state is pending: "
		    "the device makes the nonce that is signed");
		return false;
	}
	if (r->now >= y->a->expires) {
		http_problem(r, 422, "expired", "its time is over",
		    "sign a new one");
		return false;
	}
	return true;
}

/* Whether a key of the people file that is held here made the proof. */
static bool
check_proof(struct relayed *y)
{
	struct people_signer signer;
	const struct trust *t;
	struct refusal why;
	int err;

	if ((err = owners_trust(y->r->c->owners, y->card.org, &t)) != 0) {
		http_error(y->r, err);
		return false;
	}
	if (t == NULL || trust_people(t) == NULL)
		return true;
	err = people_verify_approval(trust_people(t), y->type, y->e,
	    y->r->now, &signer, &why);
	if (err == ERR_NOMEM)
		http_error(y->r, err);
	else if (err != 0)
		refuse(y->r, &why);
	return err == 0;
}

/* Puts it into the outbox; the same payload again takes the old one's place. */
static int
store_row(struct request *r, const struct store_out *out)
{
	int64_t n;
	int err;

	if ((err = turn_begin(&r->c->turn)) != 0 ||
	    (err = store_out_answer(r->c->store, out->device, out->kind,
	    &out->digest)) != 0 ||
	    (err = store_out_add(r->c->store, out, &n)) != 0) {
		turn_fail(&r->c->turn, err);
		return err;
	}
	return turn_settle(&r->c->turn);
}

static void
answer(struct relayed *y, const struct store_out *out)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 16384);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_digest(&w, "card", &y->card.digest);
	jsonw_digest(&w, out->kind == LINK_CANCEL ? "cancel" : "approval",
	    &out->digest);
	jsonw_bool(&w, "connected", links_find(&y->r->c->links,
	    y->card.device) != NULL);
	jsonw_obj_end(&w);
	http_reply_json(y->r, 202, &b);
}

static void
relay(struct relayed *y)
{
	struct request *r = y->r;
	struct store_out out;
	struct buf text;
	int err;

	memset(&out, 0, sizeof(out));
	out.kind = y->type == PAYLOAD_CANCEL ? LINK_CANCEL : LINK_APPROVAL;
	memcpy(out.device, y->card.device, sizeof(out.device));
	out.card = y->card.digest;
	out.digest = y->a->digest;
	out.expires = y->a->expires;
	buf_init(&text, ENVELOPE_MAX);
	envelope_write(&text, y->e);
	out.body = buf_bytes(&text);
	if ((err = buf_error(&text)) == 0)
		err = store_row(r, &out);
	buf_free(&text);
	if (err != 0) {
		http_error(r, err);
		return;
	}
	/* On its way before the answer is. */
	links_poke(&r->c->links, out.device, LINK_NEWS_OUT);
	if (out.kind == LINK_CANCEL)
		r->c->counters.cancels++;
	else
		r->c->counters.approvals++;
	answer(y, &out);
}

static void
take(struct relayed *y)
{
	struct refusal why;
	int err;

	if (envelope_type(y->e->type) != y->type) {
		http_problem(y->r, 422, "wrong_type", "this envelope holds "
		    "something else", "send what this path is for");
		return;
	}
	err = approval_parse(y->type, y->e->payload, &y->a, &why);
	if (err == ERR_NOMEM)
		http_error(y->r, err);
	else if (err != 0)
		refuse(y->r, &why);
	if (err != 0)
		return;
	if (check_card(y) && check_proof(y))
		relay(y);
	approval_free(y->a);
}

/* Reads the envelope in the body and takes it. */
static void
take_body(struct request *r, const struct store_card *card,
    enum payload_type type)
{
	struct relayed y = { .r = r, .type = type };
	struct envelope_doc d;
	int err;

	err = envelope_parse(buf_bytes(&r->body), HTTP_BODY_APPROVAL, &d);
	if (err != 0) {
		http_problem(r, 400, "malformed", "the envelope cannot be "
		    "read", err_text(err));
		return;
	}
	y.e = &d.e;
	y.card = *card;
	take(&y);
	envelope_free(&d);
}

void
api_card_approve(struct request *r)
{
	struct store_card card;

	if (api_find_card(r, NULL, &card))
		take_body(r, &card, PAYLOAD_APPROVAL);
}

/* ---- withdrawing ---- */

static int
store_withdrawal(struct request *r, struct store_card *card)
{
	char reason[STORE_NAME_SIZE + 32];
	struct store_out out;
	int err;

	memset(&out, 0, sizeof(out));
	(void)snprintf(reason, sizeof(reason), "withdrawn by %s",
	    r->user.name);
	out.kind = LINK_WITHDRAW;
	memcpy(out.device, card->device, sizeof(out.device));
	out.card = out.digest = card->digest;
	out.expires = card->expires;
	out.body = bytes_str(reason);
	if (!card->has_records) {
		/* Nobody has it yet, or its device cannot say so now. */
		(void)snprintf(card->state, sizeof(card->state), "cancelled");
		(void)snprintf(card->reason, sizeof(card->reason),
		    "withdrawn");
		card->changed = r->now;
		if ((err = turn_begin(&r->c->turn)) != 0 ||
		    (err = store_card_update(r->c->store, card)) != 0 ||
		    (err = store_out_answer(r->c->store, card->device,
		    LINK_CARD, &card->digest)) != 0) {
			turn_fail(&r->c->turn, err);
			return err;
		}
	}
	return store_row(r, &out);
}

static void
withdraw(struct request *r, struct store_card *card)
{
	struct jsonw w;
	struct buf b;
	int err;

	if (cards_has_ended(card)) {
		http_problem(r, 409, "card_closed", "this card has ended",
		    "look at its state");
		return;
	}
	if ((err = store_withdrawal(r, card)) != 0) {
		http_error(r, err);
		return;
	}
	links_poke(&r->c->links, card->device, LINK_NEWS_OUT);
	watch_wake(&r->c->watch, &card->digest);
	r->c->counters.cancels++;
	buf_init(&b, 16384);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_digest(&w, "card", &card->digest);
	jsonw_bool(&w, "withdrawn", true);
	jsonw_obj_end(&w);
	http_reply_json(r, 202, &b);
}

void
api_card_cancel(struct request *r)
{
	struct store_card card;

	if (!api_find_card(r, NULL, &card))
		return;
	if (r->body.n > 0)
		take_body(r, &card, PAYLOAD_CANCEL);
	else
		withdraw(r, &card);
}
