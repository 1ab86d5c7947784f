/*
 * cardview.c - a card as the API shows it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/cardview.h"

#include "common/approval.h"
#include "common/card.h"
#include "common/envelope.h"
#include "common/plain.h"
#include "common/rules.h"
#include "console/api/cards.h"
#include "console/fold.h"
#include "console/owners.h"

#include <string.h>
#include <sys/stat.h>

#define ENVELOPE_MAX ((size_t)1 << 20)
#define TRUST_TEXT_MAX ((size_t)8 << 20)

void
cardview_row(struct jsonw *w, const struct store_card *c)
{
	jsonw_digest(w, "digest", &c->digest);
	jsonw_cstr(w, "id", c->id);
	jsonw_cstr(w, "org", c->org);
	jsonw_cstr(w, "device", c->device);
	jsonw_cstr(w, "tool", c->tool);
	jsonw_cstr(w, "state", c->state);
	jsonw_cstr(w, "reason", c->reason);
	jsonw_cstr(w, "proposer", c->proposer);
	jsonw_cstr(w, "submitted_by", c->submitted_by);
	jsonw_time(w, "submitted", c->submitted);
	jsonw_time(w, "created", c->created);
	jsonw_time(w, "expires", c->expires);
	jsonw_time(w, "changed", c->changed);
}

/* ---- what the records say ---- */

/* The word of a value; a value without one is a newer program's. */
static const char *
word_of(const struct doc_word *words, int value)
{
	const char *word = doc_word_of(words, value);

	return word != NULL ? word : "unknown";
}

static void
write_approvals(struct jsonw *w, const struct queue_item *item)
{
	const struct queue_approval *a;
	size_t i;

	jsonw_arr(w, "approvals");
	for (i = 0; i < item->n_approvals; i++) {
		a = &item->approvals[i];
		jsonw_obj(w, NULL);
		jsonw_cstr(w, "approver", a->approver);
		jsonw_cstr(w, "role", word_of(approval_roles, a->role));
		jsonw_digest(w, "digest", &a->digest);
		jsonw_time(w, "issued", a->issued);
		jsonw_time(w, "expires", a->expires);
		jsonw_obj_end(w);
	}
	jsonw_arr_end(w);
}

static void
write_result(struct jsonw *w, const struct queue_item *item)
{
	const struct queue_result *r = &item->result;

	if (!state_is_end(item->state) || !state_has_run(item->state))
		return;
	jsonw_obj(w, "result");
	if (r->exit_code >= 0)
		jsonw_int(w, "exit_code", r->exit_code);
	if (r->signal > 0)
		jsonw_int(w, "signal", r->signal);
	jsonw_int(w, "wall_ms", r->wall_ms);
	jsonw_int(w, "stdout_bytes", r->stdout_bytes);
	jsonw_int(w, "stderr_bytes", r->stderr_bytes);
	jsonw_bool(w, "truncated", r->truncated);
	jsonw_obj_end(w);
}

static void
write_item(struct jsonw *w, const struct queue_item *item)
{
	jsonw_b64url(w, "device_nonce", bytes_of(item->device_nonce,
	    sizeof(item->device_nonce)));
	jsonw_digest(w, "policy", &item->policy);
	jsonw_cstr(w, "decision", item->decision);
	jsonw_bool(w, "require_manager", item->require_manager);
	if (item->by != NULL && item->by[0] != '\0')
		jsonw_cstr(w, "by", item->by);
	write_approvals(w, item);
	write_result(w, item);
}

static int
write_output(struct console *c, const struct store_card *card,
    struct jsonw *w)
{
	static const char *const words[] = { "open", "complete", "bad",
		"unknown" };
	char path[FILES_PATH_SIZE];
	struct store_output o;
	struct stat st;
	int err;

	err = store_output_find(c->store, &card->digest, &o);
	if (err != 0)
		return err == ERR_NOT_FOUND ? 0 : err;
	if (spool_path(c->spool, card->device, &card->digest, path) != 0 ||
	    stat(path, &st) != 0)
		st.st_size = 0;
	jsonw_obj(w, "output");
	jsonw_cstr(w, "state", words[o.state]);
	jsonw_int(w, "transcript_have", (int64_t)st.st_size);
	if (o.ended)
		jsonw_int(w, "transcript_bytes", (int64_t)o.total);
	jsonw_obj_end(w);
	return 0;
}

/* ---- what the policy says, as far as it is held here ---- */

/* All that the rules look at; what it points to is freed at the end. */
struct opinion {
	struct policy_query query;
	struct verdict verdict;
	struct rules rules;
};

static bool
has_role(const struct queue_item *item, bool manager)
{
	size_t i;

	for (i = 0; item != NULL && i < item->n_approvals; i++)
		if ((item->approvals[i].role == APPROVAL_MANAGER) == manager)
			return true;
	return false;
}

static void
write_needs(struct jsonw *w, const struct opinion *o,
    const struct queue_item *item)
{
	struct rules_missing missing = { false, false };
	struct refusal why;
	struct buf text;

	if (o->verdict.decision == POLICY_APPROVAL_NEEDED) {
		missing.technician = !has_role(item, false);
		missing.manager = o->verdict.require_manager &&
		    !has_role(item, true);
	}
	buf_init(&text, 4096);
	if (rules_check_card(&o->rules, &why) == 0)
		rules_missing_text(&o->rules, &missing, &text);
	else
		buf_put_str(&text, why.detail);
	if (buf_error(&text) == 0)
		jsonw_str(w, "needs", buf_bytes(&text));
	buf_free(&text);
}

static void
write_opinion(struct jsonw *w, struct opinion *o,
    const struct queue_item *item)
{
	jsonw_obj(w, "verdict");
	jsonw_cstr(w, "decision", word_of(policy_decisions,
	    (int)o->verdict.decision));
	jsonw_cstr(w, "mode", word_of(policy_modes,
	    (int)o->verdict.mode));
	jsonw_bool(w, "require_manager", o->verdict.require_manager);
	jsonw_cstr(w, "rule", o->verdict.rule);
	if (o->verdict.why.reason != NULL)
		jsonw_cstr(w, "refused", o->verdict.why.reason);
	jsonw_obj_end(w);
	if (item == NULL || state_is_open(item->state))
		write_needs(w, o, item);
}

/* Whose signature it is: what the device said, else what is seen here. */
static struct bytes
proposer_of(const struct trust *t, const struct envelope *e, int64_t now,
    const struct queue_item *item)
{
	struct people_signer signer;
	struct refusal why;

	if (item != NULL && item->proposer[0] != '\0')
		return bytes_str(item->proposer);
	if (people_verify_card(trust_people(t), e, now, &signer, &why) == 0)
		return signer.person->id;
	return bytes_of(NULL, 0);
}

/* The verdict and who is missing; nothing if the files for it are not here. */
static int
give_opinion(struct console *c, const struct envelope *e,
    const struct card *card, const struct store_card *row,
    const struct queue_item *item, int64_t now, struct jsonw *w)
{
	struct device_entry *d = NULL;
	const struct trust *t;
	struct opinion o;
	int err;

	memset(&o, 0, sizeof(o));
	if ((err = owners_trust(c->owners, row->org, &t)) != 0)
		return err;
	if (t == NULL || trust_people(t) == NULL || trust_policy(t) == NULL)
		return 0;
	err = owners_device(c->owners, row->org, row->device, &d);
	if (err != 0)
		return err == ERR_NOMEM ? err : 0;
	o.query.card = card;
	o.query.proposer = proposer_of(t, e, now, item);
	o.query.groups = &d->groups;
	o.query.people_version = trust_people(t)->head.version;
	policy_decide(trust_policy(t), &o.query, &o.verdict);
	if (!card->is_command && o.verdict.tool != NULL)
		plain_write(w, &o.verdict.action);
	o.rules.verdict = &o.verdict;
	o.rules.people = trust_people(t);
	o.rules.card = card;
	o.rules.proposer = o.query.proposer;
	o.rules.now = now;
	write_opinion(w, &o, item);
	device_entry_free(d);
	return 0;
}

/* ---- the whole ---- */

static int
device_number(struct console *c, const char *id, int64_t *ret_n)
{
	struct store_device d;
	int err = store_device_find(c->store, id, &d);

	if (err == 0)
		*ret_n = d.n;
	return err;
}

static int
write_parsed(struct console *c, const struct envelope *e,
    const struct store_card *row, int64_t now, struct jsonw *w)
{
	const struct queue_item *item = NULL;
	struct queue *q = NULL;
	struct card *card = NULL;
	struct refusal why;
	int64_t device;
	int err;

	if ((err = card_parse(e->payload, &card, &why)) != 0 ||
	    (err = device_number(c, row->device, &device)) != 0)
		goto out;
	/* It was checked strictly: it can stand as it is. */
	jsonw_raw(w, "card", e->payload);
	if (card->is_command)
		plain_write(w, &card->action);
	err = fold_card(c->store, device, &row->digest, &q, &item);
	if (err == ERR_CORRUPT || err == ERR_TOO_LARGE) {
		jsonw_cstr(w, "alarm", "the device's records of this card "
		    "make no sense");
		err = 0;
	}
	if (err != 0)
		goto out;
	if (item != NULL)
		write_item(w, item);
	err = give_opinion(c, e, card, row, item, now, w);
out:
	queue_free(q);
	card_free(card);
	return err;
}

int
cardview_whole(struct console *c, const struct store_card *card, int64_t now,
    struct jsonw *w)
{
	struct envelope_doc d;
	int err;

	err = envelope_parse(card->envelope, ENVELOPE_MAX, &d);
	if (err != 0)
		return err;
	jsonw_obj(w, NULL);
	cardview_row(w, card);
	if ((err = write_parsed(c, &d.e, card, now, w)) == 0)
		err = write_output(c, card, w);
	jsonw_obj_end(w);
	envelope_free(&d);
	return err;
}

/* ---- the pending file ---- */

static int
add_root(void *ctx, const struct store_trust *t)
{
	jsonw_raw(ctx, NULL, t->envelope);
	return 0;
}

static int
add_trust(struct console *c, const char *key, const char *org,
    const char *file, const char *device, struct jsonw *w)
{
	struct store_trust t;
	struct buf envelope;
	int err;

	buf_init(&envelope, TRUST_TEXT_MAX);
	err = store_trust_find(c->store, org, file, device, 0, &envelope, &t);
	if (err == 0)
		jsonw_raw(w, key, t.envelope);
	buf_free(&envelope);
	return err;
}

static int
write_pending(struct console *c, const struct store_card *card,
    const struct queue_item *item, struct jsonw *w)
{
	int err;

	jsonw_obj(w, NULL);
	jsonw_int(w, "v", 1);
	jsonw_cstr(w, "kind", "countersign-pending");
	jsonw_raw(w, "card", card->envelope);
	jsonw_b64url(w, "device_nonce", bytes_of(item->device_nonce,
	    sizeof(item->device_nonce)));
	jsonw_digest(w, "policy", &item->policy);
	jsonw_arr(w, "root");
	err = store_trust_each(c->store, card->org, "root", "", 0, add_root,
	    w);
	jsonw_arr_end(w);
	if (err == 0)
		err = add_trust(c, "people", card->org, "people", "", w);
	if (err == 0)
		err = add_trust(c, "policy_file", card->org, "policy", "", w);
	if (err == 0)
		err = add_trust(c, "device_entry", card->org, "device",
		    card->device, w);
	jsonw_cstr(w, "state", card->state);
	write_approvals(w, item);
	jsonw_obj_end(w);
	return err;
}

int
cardview_pending(struct console *c, const struct store_card *card,
    struct buf *b)
{
	const struct queue_item *item = NULL;
	struct queue *q = NULL;
	struct jsonw w;
	int64_t device;
	int err;

	if ((err = device_number(c, card->device, &device)) != 0 ||
	    (err = fold_card(c->store, device, &card->digest, &q,
	    &item)) != 0)
		return err;
	jsonw_init(&w, b);
	if (item == NULL || !state_is_open(item->state) ||
	    cards_has_ended(card))
		err = ERR_STATE;
	else
		err = write_pending(c, card, item, &w);
	queue_free(q);
	return err;
}
