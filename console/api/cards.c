/*
 * cards.c - cards over HTTP: proposing, listing, looking.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/cards.h"

#include "common/envelope.h"
#include "common/link.h"
#include "common/state.h"
#include "console/api/cardview.h"
#include "console/owners.h"

#include <string.h>

#define LIST_MAX 500
#define ENVELOPE_MAX ((size_t)1 << 20)
/* What waits for one device at most (protocol.md: 10,000 pending). */
#define OUTBOX_MAX 10000

/* ---- finding ---- */

static int
find_digest(struct request *r, struct sha256 *ret_digest)
{
	char id[UUID_TEXT_SIZE];

	if (r->param[0].n == 2 * SHA256_SIZE)
		return hex_decode(r->param[0], ret_digest->b,
		    SHA256_SIZE) == 0 ?
		    0 : ERR_NOT_FOUND;
	if (r->param[0].n == sizeof(id) - 1) {
		memcpy(id, r->param[0].p, sizeof(id) - 1);
		id[sizeof(id) - 1] = '\0';
		return store_card_find_id(r->c->store, id, ret_digest);
	}
	return digest_parse(r->param[0], ret_digest) == 0 ? 0 : ERR_NOT_FOUND;
}

bool
api_find_card(struct request *r, struct buf *ret_envelope,
    struct store_card *ret_c)
{
	struct sha256 digest;
	int err;

	if ((err = find_digest(r, &digest)) == 0)
		err = store_card_find(r->c->store, &digest, ret_envelope,
		    ret_c);
	if (err == ERR_CONFLICT) {
		http_problem(r, 409, "ambiguous_id", "several cards have this "
		    "id", "use the card's digest: sha256:...");
		return false;
	}
	/* What one may not see is not there. */
	if (err == ERR_NOT_FOUND || (err == 0 &&
	    (!http_sees_org(r, ret_c->org) || ((r->rights & RIGHT_OWN) != 0 &&
	    strcmp(ret_c->submitted_by, r->user.name) != 0)))) {
		http_problem(r, 404, "unknown_card", "there is no such card",
		    "check the digest or the id");
		return false;
	}
	if (err != 0)
		http_error(r, err);
	return err == 0;
}

bool
cards_has_ended(const struct store_card *c)
{
	enum card_state state = state_of_word(c->state);

	return state != STATES && state_is_end(state);
}

/* ---- taking one in ---- */

/* The card as it now is, with that status. */
static void
answer_card(struct request *r, unsigned status, const struct sha256 *digest)
{
	char text[DIGEST_TEXT_SIZE];
	struct store_card c;
	struct buf envelope, b;
	struct jsonw w;
	int err;

	buf_init(&envelope, ENVELOPE_MAX);
	buf_init(&b, HTTP_REPLY_MAX);
	jsonw_init(&w, &b);
	err = store_card_find(r->c->store, digest, &envelope, &c);
	if (err == 0)
		err = cardview_whole(r->c, &c, r->now, &w);
	buf_free(&envelope);
	if (err != 0) {
		buf_free(&b);
		http_error(r, err);
		return;
	}
	if (status == 201) {
		digest_text(digest, text);
		(void)snprintf(r->location, sizeof(r->location),
		    "/v1/cards/%s", text);
	}
	http_reply_json(r, status, &b);
}

static void
refuse_card(struct request *r, const char *word, const char *detail)
{
	http_problem(r, 422, word, "the device would refuse this card",
	    detail);
}

/* Whether a proposer's own key, as far as we keep it, signed the card. */
static bool
check_own(struct request *r, const struct envelope *e)
{
	struct signer s;
	const uint8_t *key = s.public;
	uint8_t seed[SIGNER_SEED_SIZE];
	bool valid[1];
	int err;

	if ((r->rights & RIGHT_OWN) == 0 || !r->user.has_seed)
		return true;
	err = store_user_seed(r->c->store, r->user.name, seed);
	if (err == 0)
		err = signer_from_seed(seed, &s);
	signer_wipe_memory(seed, sizeof(seed));
	if (err != 0) {
		http_error(r, err);
		return false;
	}
	err = envelope_verify_ed25519(e, &key, 1, valid);
	signer_wipe(&s);
	if (err != 0)
		http_problem(r, 403, "not_your_key", "another key than yours "
		    "signed this card", "a proposer may post its own cards "
		    "only");
	return err == 0;
}

/* Whether the device would know who proposes, by the people file held here. */
static bool
check_signer(struct request *r, const struct envelope *e, const char *org)
{
	struct people_signer signer;
	const struct trust *t;
	struct refusal why;
	int err;

	if ((err = owners_trust(r->c->owners, org, &t)) != 0) {
		http_error(r, err);
		return false;
	}
	if (t == NULL || trust_people(t) == NULL)
		return true;
	err = people_verify_card(trust_people(t), e, r->now, &signer, &why);
	if (err == ERR_NOMEM)
		http_error(r, err);
	else if (err != 0)
		refuse_card(r, why.reason, "sign it with a valid key of a "
		    "person or AI whom the people file lists as proposer");
	return err == 0;
}

static bool
check_target(struct request *r, const struct card *card,
    struct store_device *ret_d)
{
	char id[DEVICEID_SIZE] = "";
	struct refusal why;
	int64_t waiting;
	int err;

	if (card->device.n < sizeof(id)) {
		memcpy(id, card->device.p, card->device.n);
		id[card->device.n] = '\0';
	}
	err = store_device_find(r->c->store, id, ret_d);
	if (err == ERR_NOT_FOUND || (err == 0 &&
	    (!http_sees_org(r, ret_d->org) ||
	    !bytes_is(card->org, ret_d->org)))) {
		http_problem(r, 404, "unknown_device", "there is no such "
		    "device in that org", "GET /v1/devices lists them");
		return false;
	}
	if (err == 0)
		err = store_out_count(r->c->store, ret_d->id, &waiting);
	if (err != 0) {
		http_error(r, err);
		return false;
	}
	if (waiting >= OUTBOX_MAX) {
		http_problem(r, 429, "queue_full", "too much waits for this "
		    "device already", "wait until it has connected");
		return false;
	}
	if (card_check_time(card, r->now, &why) != 0) {
		refuse_card(r, why.reason, why.detail);
		return false;
	}
	return true;
}

static int
store_new(struct request *r, const struct card *card,
    const struct store_device *d, struct bytes envelope)
{
	struct store_card row;
	struct store_out out;
	int64_t n;
	int err;

	memset(&row, 0, sizeof(row));
	memset(&out, 0, sizeof(out));
	row.digest = card->digest;
	memcpy(row.id, card->id, sizeof(row.id));
	memcpy(row.org, d->org, sizeof(row.org));
	memcpy(row.device, d->id, sizeof(row.device));
	(void)snprintf(row.tool, sizeof(row.tool), "%.*s", (int)card->tool.n,
	    (const char *)card->tool.p);
	memcpy(row.submitted_by, r->user.name, sizeof(row.submitted_by));
	row.submitted = row.changed = r->now;
	row.created = card->created;
	row.expires = card->expires;
	(void)snprintf(row.state, sizeof(row.state), "undelivered");
	row.envelope = envelope;
	out.kind = LINK_CARD;
	memcpy(out.device, d->id, sizeof(out.device));
	out.card = out.digest = card->digest;
	out.expires = card->expires;
	out.body = envelope;
	if ((err = turn_begin(&r->c->turn)) != 0 ||
	    (err = store_card_add(r->c->store, &row)) != 0 ||
	    (err = store_out_add(r->c->store, &out, &n)) != 0) {
		turn_fail(&r->c->turn, err);
		return err;
	}
	return turn_settle(&r->c->turn);
}

static void
take_parsed(struct request *r, const struct envelope *e,
    const struct card *card)
{
	struct sha256 other;
	struct store_device d;
	struct store_card old;
	struct buf text;
	int err;

	if (!check_target(r, card, &d) || !check_own(r, e))
		return;
	err = store_card_find(r->c->store, &card->digest, NULL, &old);
	if (err == 0) {
		answer_card(r, 200, &card->digest);
		return;
	}
	if (err == ERR_NOT_FOUND) {
		err = store_card_find_id(r->c->store, card->id, &other);
		if (err == 0 || err == ERR_CONFLICT) {
			http_problem(r, 409, "id_reused", "another card has "
			    "this id", "give every card an id of its own");
			return;
		}
	}
	if (err != ERR_NOT_FOUND) {
		http_error(r, err);
		return;
	}
	if (!check_signer(r, e, d.org))
		return;
	buf_init(&text, ENVELOPE_MAX);
	envelope_write(&text, e);
	if ((err = buf_error(&text)) == 0)
		err = store_new(r, card, &d, buf_bytes(&text));
	buf_free(&text);
	if (err != 0) {
		http_error(r, err);
		return;
	}
	r->c->counters.cards++;
	links_poke(&r->c->links, d.id, LINK_NEWS_OUT);
	answer_card(r, 201, &card->digest);
}

void
cards_take(struct request *r, const struct envelope *e)
{
	struct card *card;
	struct refusal why;
	int err;

	if (envelope_type(e->type) != PAYLOAD_CARD) {
		http_problem(r, 422, "not_a_card", "this envelope holds no "
		    "card", "its payloadType has to be "
		    "application/vnd.countersign.card.v1+json");
		return;
	}
	err = card_parse(e->payload, &card, &why);
	if (err == ERR_NOMEM) {
		http_error(r, err);
		return;
	}
	if (err != 0) {
		refuse_card(r, why.reason, why.detail);
		return;
	}
	take_parsed(r, e, card);
	card_free(card);
}

void
api_cards_post(struct request *r)
{
	struct bytes body = buf_bytes(&r->body);
	struct envelope_doc e;
	struct doc_obj o;
	struct doc *d;
	bool is_envelope;
	int err;

	if ((err = doc_parse(body, 0, &d)) != 0) {
		http_problem(r, 400, "malformed", "the body is no JSON that "
		    "can be read", "send a DSSE envelope, or a card's fields");
		return;
	}
	o = doc_root(d);
	is_envelope = doc_has(&o, "payloadType");
	doc_free(d);
	if (!is_envelope) {
		cards_propose(r);
		return;
	}
	if ((err = envelope_parse(body, HTTP_BODY_CARD, &e)) != 0) {
		http_problem(r, 400, "malformed", "the envelope cannot be "
		    "read", err_text(err));
		return;
	}
	cards_take(r, &e.e);
	envelope_free(&e);
}

/* ---- looking ---- */

struct listing {
	struct jsonw w;
	int64_t n, max;
	bool more;
};

static int
list_card(void *ctx, const struct store_card *c)
{
	struct listing *l = ctx;

	if (l->n++ == l->max) {
		l->more = true;
		return ERR_EXISTS;
	}
	jsonw_obj(&l->w, NULL);
	cardview_row(&l->w, c);
	jsonw_obj_end(&l->w);
	return 0;
}

void
api_cards_list(struct request *r)
{
	struct store_card_filter f;
	struct listing l;
	uint64_t max = 100, before = 0;
	struct buf b;
	int err;

	memset(&f, 0, sizeof(f));
	if (!http_query_number(r, "limit", &max) || max < 1 ||
	    max > LIST_MAX || !http_query_number(r, "before", &before)) {
		http_problem(r, 400, "bad_query", "limit or before is no "
		    "number that can be", "limit is 1 to 500, before a time "
		    "in seconds since 1970");
		return;
	}
	f.org = r->user.org[0] != '\0' ? r->user.org : http_query(r, "org");
	f.device = http_query(r, "device");
	f.state = http_query(r, "state");
	f.submitted_by = (r->rights & RIGHT_OWN) != 0 ? r->user.name : NULL;
	f.before = (int64_t)before;
	f.max = (int64_t)max + 1;
	memset(&l, 0, sizeof(l));
	l.max = (int64_t)max;
	buf_init(&b, HTTP_REPLY_MAX);
	jsonw_init(&l.w, &b);
	jsonw_obj(&l.w, NULL);
	jsonw_arr(&l.w, "cards");
	err = store_card_each(r->c->store, &f, list_card, &l);
	jsonw_arr_end(&l.w);
	jsonw_bool(&l.w, "more", l.more);
	jsonw_obj_end(&l.w);
	if (err != 0 && err != ERR_EXISTS) {
		buf_free(&b);
		http_error(r, err);
		return;
	}
	http_reply_json(r, 200, &b);
}

void
api_card_get(struct request *r)
{
	struct store_card c;

	if (api_find_card(r, NULL, &c))
		answer_card(r, 200, &c.digest);
}

void
api_card_bytes(struct request *r)
{
	struct envelope_doc d;
	struct store_card c;
	struct buf envelope, b;
	int err;

	buf_init(&envelope, ENVELOPE_MAX);
	if (!api_find_card(r, &envelope, &c)) {
		buf_free(&envelope);
		return;
	}
	err = envelope_parse(c.envelope, ENVELOPE_MAX, &d);
	buf_free(&envelope);
	if (err != 0) {
		http_error(r, err);
		return;
	}
	buf_init(&b, CAP_CARD);
	buf_put_bytes(&b, d.e.payload);
	envelope_free(&d);
	http_reply(r, 200, "application/vnd.countersign.card.v1+json", &b);
}

void
api_card_pending(struct request *r)
{
	struct store_card c;
	struct buf envelope, b;
	int err;

	buf_init(&envelope, ENVELOPE_MAX);
	if (!api_find_card(r, &envelope, &c)) {
		buf_free(&envelope);
		return;
	}
	buf_init(&b, HTTP_REPLY_MAX);
	err = cardview_pending(r->c, &c, &b);
	buf_free(&envelope);
	if (err == 0) {
		http_reply_json(r, 200, &b);
		return;
	}
	buf_free(&b);
	if (err == ERR_STATE)
		http_problem(r, 409, "not_pending", "this card does not wait "
		    "for approvals", "look at its state: the device has not "
		    "taken it in yet, or it has ended");
	else if (err == ERR_NOT_FOUND)
		http_problem(r, 409, "trust_files_missing", "the console "
		    "lacks a trust file of this org", "put root, people, "
		    "policy and the device's entry under /v1/trust");
	else
		http_error(r, err);
}
