/*
 * propose.c - a card made from its fields, for an AI whose key is kept here.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * The console signs with nobody's key but that of the proposer whose own
 * bearer token the request brings. What is absent gets the values that
 * openapi.json names: they stand in the card that is signed and shown.
 */
#include "console/api/cards.h"

#include "common/envelope.h"
#include "common/keyid.h"
#include "platform/clock.h"
#include "platform/random.h"

#include <string.h>

#define LIFE_DEFAULT 86400
#define LIFE_MIN 60

/* What is read of the body; owned by the document and the arena. */
struct proposal {
	struct card_fields f;
	struct sha256 after[CAP_AFTER];
	struct card_arg args[CAP_ARGS];
	char id[UUID_TEXT_SIZE];
	struct arena arena;
	int64_t life;
	int unicode;
};

static const struct doc_word unicode_words[] = {
	{ "ascii", 0 }, { "any", 1 }, { NULL, 0 }
};

static void
read_after(struct doc_obj *o, struct proposal *p)
{
	struct doc_obj list;

	if (!doc_opt_arr(o, "after", CAP_AFTER, &list))
		return;
	while (p->f.n_after < CAP_AFTER && doc_next(&list))
		doc_digest(&list, NULL, &p->after[p->f.n_after++]);
	p->f.after = p->after;
}

static void
read_ticket(struct doc_obj *o, struct proposal *p)
{
	struct doc_obj t;

	if (!doc_opt_obj(o, "ticket", &t))
		return;
	doc_str(&t, "system", &p->f.ticket.system);
	doc_str(&t, "id", &p->f.ticket.id);
	doc_str(&t, "url", &p->f.ticket.url);
	doc_end(&t);
}

static void
read_args(struct doc_obj *o, struct proposal *p)
{
	struct card_arg *a;
	struct doc_obj args;

	if (!doc_opt_obj(o, "args", &args))
		return;
	p->f.args = p->args;
	if (doc_count(&args) > CAP_ARGS)
		doc_fail(o, "args", ERR_RANGE);
	while (p->f.n_args < CAP_ARGS && doc_next(&args)) {
		a = &p->args[p->f.n_args++];
		a->name = doc_key(&args);
		a->is_int = doc_type(&args, NULL) == DOC_INT;
		if (a->is_int)
			doc_int(&args, NULL, -JSON_MAX_INTEGER,
			    JSON_MAX_INTEGER, &a->number);
		else
			doc_str(&args, NULL, &a->text);
	}
}

static void
read_command(struct doc_obj *o, struct proposal *p)
{
	struct action *a = &p->f.action;
	int shell = 0;

	action_read(o, false, &p->arena, a);
	doc_enum(o, "shell", action_shells, &shell);
	a->shell = (enum action_shell)shell;
	doc_str(o, "command", &a->text);
	if (doc_has(o, "unicode"))
		doc_enum(o, "unicode", unicode_words, &p->unicode);
	p->f.unicode_any = p->unicode != 0;
}

static void
read_fields(struct doc_obj *o, struct proposal *p)
{
	p->life = LIFE_DEFAULT;
	p->f.tool = bytes_str(CARD_COMMAND);
	doc_text(o, "device", TEXT_NAME, 1, DEVICEID_SIZE - 1, &p->f.device);
	(void)doc_opt_str(o, "tool", &p->f.tool);
	doc_str(o, "description", &p->f.description);
	(void)doc_opt_int(o, "expires_in_s", LIFE_MIN, CAP_CARD_LIFE,
	    &p->life);
	(void)doc_opt_str(o, "requester", &p->f.requester);
	read_after(o, p);
	read_ticket(o, p);
	if (bytes_is(p->f.tool, CARD_COMMAND))
		read_command(o, p);
	else
		read_args(o, p);
	doc_end(o);
}

static int
fill_in(struct request *r, struct proposal *p)
{
	uint8_t random[UUID_RANDOM_SIZE];
	int err;

	if ((err = random_fill(random, sizeof(random))) != 0)
		return err;
	uuid_make((uint64_t)r->now * 1000, random, p->id);
	p->f.id = bytes_str(p->id);
	p->f.created = r->now;
	p->f.expires = r->now + p->life;
	return 0;
}

/* The device's org: the card has to name it. */
static bool
find_org(struct request *r, struct proposal *p, struct store_device *ret_d)
{
	char id[DEVICEID_SIZE] = "";
	int err;

	if (p->f.device.n < sizeof(id))
		memcpy(id, p->f.device.p, p->f.device.n);
	err = store_device_find(r->c->store, id, ret_d);
	if (err == ERR_NOT_FOUND || (err == 0 &&
	    !http_sees_org(r, ret_d->org))) {
		http_problem(r, 404, "unknown_device", "there is no such "
		    "device", "GET /v1/devices lists them");
		return false;
	}
	if (err != 0) {
		http_error(r, err);
		return false;
	}
	p->f.org = bytes_str(ret_d->org);
	return true;
}

static int
sign(struct request *r, struct envelope *e, char keyid[KEYID_SIZE],
    uint8_t sig[SIGNER_SIGNATURE_SIZE])
{
	uint8_t seed[SIGNER_SEED_SIZE];
	struct signer s;
	struct buf pae;
	int err;

	err = store_user_seed(r->c->store, r->user.name, seed);
	if (err == 0)
		err = signer_from_seed(seed, &s);
	signer_wipe_memory(seed, sizeof(seed));
	if (err != 0)
		return err;
	buf_init(&pae, 2 * CAP_CARD);
	envelope_pae(&pae, e->type, e->payload);
	if ((err = buf_error(&pae)) == 0)
		err = signer_sign(&s, buf_bytes(&pae), sig);
	keyid_make(bytes_of(s.public, sizeof(s.public)), keyid);
	signer_wipe(&s);
	buf_free(&pae);
	e->n_sigs = 1;
	e->sigs[0].keyid = bytes_str(keyid);
	e->sigs[0].sig = bytes_of(sig, SIGNER_SIGNATURE_SIZE);
	return err;
}

static void
sign_and_take(struct request *r, const struct proposal *p)
{
	uint8_t sig[SIGNER_SIGNATURE_SIZE];
	char keyid[KEYID_SIZE];
	struct envelope e;
	struct buf payload;
	int err;

	memset(&e, 0, sizeof(e));
	buf_init(&payload, 2 * CAP_CARD);
	card_write(&payload, &p->f);
	e.type = envelope_type_text(PAYLOAD_CARD);
	e.payload = buf_bytes(&payload);
	if ((err = buf_error(&payload)) == 0)
		err = sign(r, &e, keyid, sig);
	if (err == 0)
		cards_take(r, &e);
	else
		http_error(r, err);
	buf_free(&payload);
}

/* The fields as they were read, or a problem that names the one at fault. */
static bool
read_body(struct request *r, struct doc *d, struct proposal *p)
{
	char detail[256];
	struct doc_obj o = doc_root(d);
	int err;

	read_fields(&o, p);
	if ((err = doc_error(d)) == 0)
		err = arena_error(&p->arena);
	if (err == 0)
		return true;
	if (err == ERR_NOMEM) {
		http_error(r, err);
		return false;
	}
	(void)snprintf(detail, sizeof(detail), "%s: %s", doc_error_field(d),
	    err_text(err));
	http_problem(r, 400, err_word(err), "a field is missing or wrong",
	    detail);
	return false;
}

void
cards_propose(struct request *r)
{
	struct store_device device;
	struct proposal p;
	struct doc *d;
	int err;

	if (!r->user.has_seed) {
		http_problem(r, 403, "no_proposer_key", "a card's fields are "
		    "taken only with the token of an AI proposer whose key "
		    "the console keeps", "send a signed card, or add a user "
		    "with --proposer-key");
		return;
	}
	if ((err = doc_parse(buf_bytes(&r->body), 0, &d)) != 0) {
		http_error(r, err);
		return;
	}
	memset(&p, 0, sizeof(p));
	if (read_body(r, d, &p) && find_org(r, &p, &device)) {
		if ((err = fill_in(r, &p)) != 0)
			http_error(r, err);
		else
			sign_and_take(r, &p);
	}
	arena_free(&p.arena);
	doc_free(d);
}
