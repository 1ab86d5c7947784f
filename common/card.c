/*
 * card.c - a card: one proposal, parsed strictly, and its own rules.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/card.h"
#include "common/deviceid.h"
#include "common/envelope.h"
#include "common/jsonw.h"

#include <stdlib.h>
#include <string.h>

static const struct doc_word unicode_words[] = {
	{ "ascii", 0 },
	{ "any", 1 },
	{ NULL, 0 }
};

/* What is read, and the text of a rule that only we know. */
struct parse {
	struct doc_obj root;
	struct card *card;
	const char *why;
};

static bool
failed(const struct parse *p)
{
	return doc_error(p->root.doc) != 0;
}

static void
fail(struct parse *p, const char *field, int err, const char *why)
{
	if (failed(p))
		return;
	doc_fail(&p->root, field, err);
	p->why = why;
}

static void
read_command(struct parse *p)
{
	struct action *a = &p->card->action;
	const char *why = NULL;
	struct bytes text;
	int shell, any = 0, r;

	doc_enum(&p->root, "shell", action_shells, &shell);
	if (shell == ACTION_ARGV)
		fail(p, "shell", ERR_RANGE, "argv is for named tools");
	if (doc_has(&p->root, "unicode"))
		doc_enum(&p->root, "unicode", unicode_words, &any);
	p->card->unicode_any = any != 0;
	doc_text(&p->root, "command",
	    any != 0 ? TEXT_PLAIN : TEXT_ASCII_COMMAND, 1, CAP_COMMAND_UNITS,
	    &text);
	action_read(&p->root, true, &p->card->arena, a);
	a->shell = (enum action_shell)shell;
	a->text = text;
	if (text_utf16_units(text) > CAP_COMMAND_UNITS)
		fail(p, "command", ERR_RANGE,
		    "more than 8,192 UTF-16 code units");
	if ((r = action_check_text(a->shell, text, &why)) != 0)
		fail(p, "command", r, why);
}

bool
card_is_arg_name(struct bytes name)
{
	size_t i;

	if (name.n < 1 || name.n > CAP_ARG_NAME || name.p[0] < 'a' ||
	    name.p[0] > 'z')
		return false;
	for (i = 1; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_'))
			return false;
	}
	return true;
}

static void
read_args(struct parse *p)
{
	struct card *c = p->card;
	struct card_arg *args;
	struct doc_obj o;
	size_t i = 0;

	doc_obj(&p->root, "args", &o);
	c->n_args = doc_count(&o);
	if (c->n_args > CAP_ARGS)
		fail(p, "args", ERR_RANGE, "more than 32 arguments");
	if ((args = arena_take(&c->arena, c->n_args, sizeof(*args))) == NULL)
		return;
	while (doc_next(&o)) {
		args[i].name = doc_key(&o);
		if (!card_is_arg_name(args[i].name))
			fail(p, "args", ERR_SYNTAX, "no name of an argument");
		args[i].is_int = doc_type(&o, NULL) == DOC_INT;
		if (args[i].is_int)
			doc_int(&o, NULL, -JSON_MAX_INTEGER, JSON_MAX_INTEGER,
			    &args[i].number);
		else
			doc_text(&o, NULL, TEXT_PLAIN, 0, CAP_ARG_TEXT,
			    &args[i].text);
		i++;
	}
	c->args = args;
}

/* https://, then printable ASCII that ends no link in a page or terminal. */
static bool
is_https(struct bytes url)
{
	static const char scheme[] = "https://";
	size_t i, n = sizeof(scheme) - 1;

	if (url.n <= n || memcmp(url.p, scheme, n) != 0 || url.p[n] == '/')
		return false;
	for (i = n; i < url.n; i++) {
		if (url.p[i] <= 0x20 || url.p[i] > 0x7e ||
		    strchr("\"<>\\`", url.p[i]) != NULL)
			return false;
	}
	return true;
}

static void
read_ticket(struct parse *p)
{
	struct card_ticket *t = &p->card->ticket;
	struct doc_obj o;

	if (!doc_opt_obj(&p->root, "ticket", &o))
		return;
	doc_text(&o, "system", TEXT_NAME, 1, TEXT_NAME_MAX, &t->system);
	doc_text(&o, "id", TEXT_LINE, 1, CAP_TICKET_ID, &t->id);
	doc_text(&o, "url", TEXT_LINE, 1, CAP_URL, &t->url);
	doc_end(&o);
	if (!failed(p) && !is_https(t->url))
		fail(p, "ticket.url", ERR_SYNTAX, "no https address");
}

static void
read_after(struct parse *p)
{
	struct card *c = p->card;
	struct sha256 *list;
	struct doc_obj arr;
	size_t i = 0, j;

	if (!doc_opt_arr(&p->root, "after", CAP_AFTER, &arr))
		return;
	c->n_after = doc_count(&arr);
	list = arena_take(&c->arena, c->n_after, sizeof(*list));
	if (list == NULL)
		return;
	while (doc_next(&arr)) {
		doc_digest(&arr, NULL, &list[i]);
		for (j = 0; j < i; j++) {
			if (sha256_equal(&list[j], &list[i]))
				doc_fail(&p->root, "after", ERR_DUPLICATE);
		}
		i++;
	}
	c->after = list;
}

static void
read_life(struct parse *p)
{
	struct card *c = p->card;

	doc_time(&p->root, "created", &c->created);
	doc_time(&p->root, "expires", &c->expires);
	if (c->expires <= c->created)
		fail(p, "expires", ERR_RANGE, "not after created");
	if (c->expires - c->created > CAP_CARD_LIFE)
		fail(p, "expires", ERR_RANGE, "more than 24 h after created");
}

static void
read_card(struct parse *p)
{
	struct card *c = p->card;
	struct bytes id;
	int64_t v;

	doc_int(&p->root, "v", 1, 1, &v);
	doc_uuid(&p->root, "id", &id);
	if (id.n > 0)
		memcpy(c->id, id.p, id.n);
	doc_text(&p->root, "org", TEXT_ORG, 1, TEXT_ORG_MAX, &c->org);
	doc_str(&p->root, "device", &c->device);
	if (!deviceid_is(c->device))
		fail(p, "device", ERR_SYNTAX, "no device id");
	doc_text(&p->root, "tool", TEXT_NAME, 1, TEXT_NAME_MAX, &c->tool);
	c->is_command = bytes_is(c->tool, CARD_COMMAND);
	if (c->is_command)
		read_command(p);
	else
		read_args(p);
	doc_text(&p->root, "description", TEXT_PLAIN, 1, CAP_DESCRIPTION,
	    &c->description);
	read_after(p);
	read_ticket(p);
	(void)doc_opt_text(&p->root, "requester", TEXT_LINE, 1, CAP_MAIL,
	    &c->requester);
	read_life(p);
	doc_end(&p->root);
}

int
card_parse(struct bytes payload, struct card **ret_card,
    struct refusal *ret_why)
{
	struct parse p = { .why = NULL };
	struct card *c;
	int r;

	if (payload.n > CAP_CARD)
		return refusal_field(ret_why, ERR_TOO_LARGE, "",
		    "more than 32 KiB");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "card");
	if ((r = doc_parse(payload, JSON_PLAIN_TEXT, &c->doc)) == 0) {
		p.card = c;
		p.root = doc_root(c->doc);
		read_card(&p);
		if ((r = arena_error(&c->arena)) == 0)
			r = doc_error(c->doc);
	}
	if (r != 0) {
		refusal_doc(ret_why, r, payload, JSON_PLAIN_TEXT, c->doc);
		if (p.why != NULL)
			refusal_field(ret_why, r, doc_error_field(c->doc),
			    p.why);
		if (r == ERR_DENIED)
			refusal_set(ret_why, r, "needs_full",
			    "write: a folder that only profile full may "
			    "write to");
		card_free(c);
		return r;
	}
	digest_pae(envelope_type_text(PAYLOAD_CARD), payload, &c->digest);
	*ret_card = c;
	return 0;
}

void
card_free(struct card *c)
{
	if (c == NULL)
		return;
	doc_free(c->doc);
	arena_free(&c->arena);
	free(c);
}

int
card_check_time(const struct card *c, int64_t now, struct refusal *ret_why)
{
	if (c->created > now + CAP_CLOCK_SKEW)
		return refusal_field(ret_why, ERR_FUTURE, "created",
		    "more than 300 s ahead of the clock");
	if (now >= c->expires)
		return refusal_field(ret_why, ERR_EXPIRED, "expires",
		    "has passed");
	return 0;
}

int
card_check_target(const struct card *c, struct bytes org,
    struct bytes device, struct refusal *ret_why)
{
	if (!bytes_equal(c->org, org))
		return refusal_field(ret_why, ERR_ORG, "org",
		    "the card is for another org");
	if (!bytes_equal(c->device, device))
		return refusal_field(ret_why, ERR_DEVICE, "device",
		    "the card is for another device");
	return 0;
}

static void
write_args(struct jsonw *w, const struct card_fields *f)
{
	size_t i;

	jsonw_obj(w, "args");
	for (i = 0; i < f->n_args; i++) {
		jsonw_key(w, f->args[i].name);
		if (f->args[i].is_int)
			jsonw_int(w, NULL, f->args[i].number);
		else
			jsonw_str(w, NULL, f->args[i].text);
	}
	jsonw_obj_end(w);
}

static void
write_ticket(struct jsonw *w, const struct card_ticket *t)
{
	jsonw_obj(w, "ticket");
	jsonw_str(w, "system", t->system);
	jsonw_str(w, "id", t->id);
	jsonw_str(w, "url", t->url);
	jsonw_obj_end(w);
}

static void
write_after(struct jsonw *w, const struct card_fields *f)
{
	size_t i;

	jsonw_arr(w, "after");
	for (i = 0; i < f->n_after; i++)
		jsonw_digest(w, NULL, &f->after[i]);
	jsonw_arr_end(w);
}

void
card_write(struct buf *b, const struct card_fields *f)
{
	bool is_command = bytes_is(f->tool, CARD_COMMAND);
	struct jsonw w;

	jsonw_init(&w, b);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_str(&w, "id", f->id);
	jsonw_str(&w, "org", f->org);
	jsonw_str(&w, "device", f->device);
	jsonw_str(&w, "tool", f->tool);
	if (is_command) {
		jsonw_cstr(&w, "shell",
		    doc_word_of(action_shells, (int)f->action.shell));
		jsonw_str(&w, "command", f->action.text);
		if (f->unicode_any)
			jsonw_cstr(&w, "unicode", "any");
	} else {
		write_args(&w, f);
	}
	jsonw_str(&w, "description", f->description);
	if (is_command)
		action_write(&w, &f->action);
	if (f->n_after > 0)
		write_after(&w, f);
	if (f->ticket.system.n > 0)
		write_ticket(&w, &f->ticket);
	if (f->requester.n > 0)
		jsonw_str(&w, "requester", f->requester);
	jsonw_time(&w, "created", f->created);
	jsonw_time(&w, "expires", f->expires);
	jsonw_obj_end(&w);
}
