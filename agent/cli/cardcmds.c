/*
 * cardcmds.c - card new, card show.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/approving.h"
#include "agent/cli/cardview.h"
#include "agent/cli/consoleclient.h"
#include "agent/cli/gateclient.h"
#include "agent/cli/keys.h"
#include "agent/cli/signing.h"

#include "common/card.h"
#include "common/jsonw.h"
#include "common/uuid.h"
#include "platform/clock.h"
#include "platform/random.h"
#include "platform/userfile.h"

#include <string.h>

/* A card in the making. */
struct draft {
	const struct args *args;
	struct card_fields f;
	char id[UUID_TEXT_SIZE];
	struct buf command;
	struct bytes write[CAP_WRITE_ROOTS];
	struct action_service services[CAP_SERVICES];
	struct sha256 after[CAP_AFTER];
	struct card_arg card_args[CAP_ARGS];
};

static int
wrong(const char *option, const char *value, const char *todo)
{
	return complain(CLI_USAGE, todo, "card new: %s %s", option, value);
}

/* A word of a table; def where the option is absent. */
static int
read_word(const struct args *a, const char *option,
    const struct doc_word *words, int def, int *ret_v)
{
	const char *text = args_get(a, option);

	*ret_v = def;
	if (text == NULL)
		return CLI_DONE;
	for (; words->word != NULL; words++)
		if (strcmp(words->word, text) == 0) {
			*ret_v = words->value;
			return CLI_DONE;
		}
	return wrong(option, text, "see countersign card new --help");
}

static int
read_words(struct draft *d)
{
	struct action *t = &d->f.action;
	int profile, net, read, survivors, shell, code;

	if ((code = read_word(d->args, "--profile", action_profiles,
	    ACTION_OBSERVE, &profile)) != CLI_DONE ||
	    (code = read_word(d->args, "--net", action_nets, ACTION_NET_NONE,
	    &net)) != CLI_DONE ||
	    (code = read_word(d->args, "--read", action_reads,
	    ACTION_READ_USER, &read)) != CLI_DONE ||
	    (code = read_word(d->args, "--survivors", action_survivors_words,
	    ACTION_KILL, &survivors)) != CLI_DONE ||
	    (code = read_word(d->args, "--shell", action_shells, ACTION_SH,
	    &shell)) != CLI_DONE)
		return code;
	t->profile = (enum action_profile)profile;
	t->net = (enum action_net)net;
	t->read = (enum action_read)read;
	t->survivors = (enum action_survivors)survivors;
	t->shell = (enum action_shell)shell;
	return CLI_DONE;
}

static int
read_limits(struct draft *d)
{
	struct action_limits *l = &d->f.action.limits;
	struct action def;

	action_defaults(&def);
	*l = def.limits;
	if (args_span(d->args, "--timeout", CAP_TIMEOUT_MIN, CAP_TIMEOUT_MAX,
	    &l->timeout_s) != 0 ||
	    args_int(d->args, "--memory-mb", CAP_MEMORY_MB_MIN,
	    CAP_MEMORY_MB_MAX, &l->memory_mb) != 0 ||
	    args_int(d->args, "--processes", CAP_PROCESSES_MIN,
	    CAP_PROCESSES_MAX, &l->processes) != 0 ||
	    args_int(d->args, "--output-bytes", CAP_OUTPUT_MIN, CAP_OUTPUT_MAX,
	    &l->output_bytes) != 0)
		return CLI_USAGE;
	return CLI_DONE;
}

static int
read_command(struct draft *d)
{
	const char *text = args_get(d->args, "--command");
	const char *file = args_get(d->args, "--command-file");
	const char *unicode = args_get(d->args, "--unicode");
	int err;

	if ((text == NULL) == (file == NULL))
		return complain(CLI_USAGE, "say --command TEXT or"
		    " --command-file FILE", "card new: what is to run?");
	if (text != NULL)
		buf_put_str(&d->command, text);
	else if ((err = userfile_read(file, CAP_CARD, &d->command)) != 0)
		return complain_err(err, file);
	d->f.action.text = buf_bytes(&d->command);
	d->f.unicode_any = unicode != NULL && strcmp(unicode, "any") == 0;
	return CLI_DONE;
}

/* "UNIT:verb,verb" */
static int
read_service(const char *text, struct action_service *s)
{
	const char *colon = strrchr(text, ':'), *p;
	const struct doc_word *v;
	size_t n;

	if (colon == NULL)
		return wrong("--service", text, "write it as UNIT:VERB,VERB");
	s->unit = bytes_of(text, (size_t)(colon - text));
	for (p = colon + 1; *p != '\0'; p += n + (p[n] == ',')) {
		n = strcspn(p, ",");
		for (v = action_verbs; v->word != NULL; v++)
			if (bytes_is(bytes_of(p, n), v->word))
				break;
		if (v->word == NULL)
			return wrong("--service", text, "verbs are start,"
			    " stop, restart, reload, status");
		s->verbs |= (unsigned)v->value;
	}
	return CLI_DONE;
}

static int
read_lists(struct draft *d)
{
	struct action *t = &d->f.action;
	const char *text;
	size_t at = 0, n = 0;
	int code;

	while ((text = args_each(d->args, "--write", &at)) != NULL) {
		if (n == CAP_WRITE_ROOTS)
			return wrong("--write", text, "give fewer");
		d->write[n++] = bytes_str(text);
	}
	t->write.listed = true;
	t->write.n = n;
	t->write.p = d->write;
	at = 0;
	while ((text = args_each(d->args, "--service", &at)) != NULL) {
		if (t->n_services == CAP_SERVICES)
			return wrong("--service", text, "give fewer");
		code = read_service(text, &d->services[t->n_services++]);
		if (code != CLI_DONE)
			return code;
	}
	t->services = d->services;
	return CLI_DONE;
}

/* "name=text", or "name:=number" for an integer. */
static int
read_args(struct draft *d)
{
	const char *text, *equals;
	struct card_arg *arg;
	size_t at = 0;

	while ((text = args_each(d->args, "--arg", &at)) != NULL) {
		equals = strchr(text, '=');
		if (equals == NULL || d->f.n_args == CAP_ARGS)
			return wrong("--arg", text, "write it as NAME=TEXT or"
			    " NAME:=NUMBER");
		arg = &d->card_args[d->f.n_args++];
		arg->name = bytes_of(text, (size_t)(equals - text));
		arg->text = bytes_str(equals + 1);
		if (arg->name.n > 0 && arg->name.p[arg->name.n - 1] == ':') {
			char *end;

			arg->name.n--;
			arg->is_int = true;
			arg->number = strtoll(equals + 1, &end, 10);
			if (*end != '\0' || end == equals + 1)
				return wrong("--arg", text, "after := comes a"
				    " number");
		}
	}
	d->f.args = d->card_args;
	return CLI_DONE;
}

static int
read_after(struct draft *d)
{
	const char *text;
	size_t at = 0;

	while ((text = args_each(d->args, "--after", &at)) != NULL)
		if (d->f.n_after == CAP_AFTER || digest_parse(bytes_str(text),
		    &d->after[d->f.n_after++]) != 0)
			return wrong("--after", text, "give a card's digest,"
			    " sha256:…");
	d->f.after = d->after;
	return CLI_DONE;
}

static struct bytes
text_of(const struct args *a, const char *option)
{
	const char *text = args_get(a, option);

	return text != NULL ? bytes_str(text) : bytes_of(NULL, 0);
}

static int
read_head(struct draft *d)
{
	uint8_t random[UUID_RANDOM_SIZE];
	int64_t life = CAP_CARD_LIFE;
	int err;

	if (args_span(d->args, "--expires", 60, CAP_CARD_LIFE, &life) != 0)
		return CLI_USAGE;
	if ((err = random_fill(random, sizeof(random))) != 0)
		return complain_err(err, "random numbers");
	d->f.created = clock_wall_s();
	d->f.expires = d->f.created + life;
	uuid_make((uint64_t)d->f.created * 1000, random, d->id);
	d->f.id = bytes_str(d->id);
	d->f.org = text_of(d->args, "--org");
	d->f.device = text_of(d->args, "--device");
	d->f.description = text_of(d->args, "--description");
	d->f.requester = text_of(d->args, "--requester");
	d->f.ticket.system = text_of(d->args, "--ticket-system");
	d->f.ticket.id = text_of(d->args, "--ticket-id");
	d->f.ticket.url = text_of(d->args, "--ticket-url");
	if (d->f.org.n == 0 || d->f.device.n == 0 || d->f.description.n == 0)
		return complain(CLI_USAGE, "say --org, --device and"
		    " --description", "card new: for whom, where, and what"
		    " does it do?");
	return CLI_DONE;
}

static int
read_draft(struct draft *d)
{
	const char *tool = args_get(d->args, "--tool");
	int code;

	if ((code = read_head(d)) != CLI_DONE ||
	    (code = read_after(d)) != CLI_DONE)
		return code;
	if (tool != NULL && strcmp(tool, CARD_COMMAND) != 0) {
		d->f.tool = bytes_str(tool);
		return read_args(d);
	}
	d->f.tool = bytes_str(CARD_COMMAND);
	if ((code = read_command(d)) != CLI_DONE ||
	    (code = read_words(d)) != CLI_DONE ||
	    (code = read_limits(d)) != CLI_DONE)
		return code;
	return read_lists(d);
}

/* ---- handing on ---- */

static int
tell(const struct args *a, const char *digest, const char *id,
    const char *where)
{
	struct jsonw w;
	struct buf b;
	int code;

	if (!args_json(a)) {
		say("card     %s\nid       %s\n%s\n", digest, id, where);
		return CLI_DONE;
	}
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "card", digest);
	jsonw_cstr(&w, "id", id);
	jsonw_obj_end(&w);
	code = say_json(&b);
	buf_free(&b);
	return code;
}

/* To the console, this machine's agent, a file or stdout. */
static int
hand_on(const struct args *a, const struct envelope *e, const char *id)
{
	const char *out = args_get(a, "--out");
	char digest[DIGEST_TEXT_SIZE];
	struct sha256 d;
	struct buf answer;
	int code = CLI_DONE;

	digest_pae(e->type, e->payload, &d);
	digest_text(&d, digest);
	if (out != NULL)
		code = signing_write(out, e);
	buf_init(&answer, (size_t)24 << 20);
	if (code == CLI_DONE && consoleclient_is_meant(a))
		code = consoleclient_submit(a, e, &answer);
	else if (code == CLI_DONE && args_has(a, "--submit"))
		code = gateclient_submit(a, e, &answer);
	else if (code == CLI_DONE && out == NULL)
		return signing_write("-", e);
	buf_free(&answer);
	if (code != CLI_DONE || (out != NULL && strcmp(out, "-") == 0))
		return code;
	code = tell(a, digest, id, consoleclient_is_meant(a) ?
	    "sent to the console" : args_has(a, "--submit") ?
	    "taken by the agent" : "not sent yet");
	if (code == CLI_DONE && out != NULL && !consoleclient_is_meant(a) &&
	    !args_has(a, "--submit"))
		say_next("countersign submit %s (--console URL --token FILE,"
		    " or at the device)", out);
	return code;
}

static int
sign_draft(const struct args *a, struct bytes payload, const char *id)
{
	const char *path = args_get(a, "--key");
	struct envelope e = { 0 };
	struct signature sig;
	struct signer key;
	int code, err;

	if (path == NULL)
		return complain(CLI_USAGE, "say --key FILE, a proposer's key",
		    "card new: no key");
	code = keys_open(a, path, KEYS_USE(KEYFILE_PROPOSER), &key);
	if (code != CLI_DONE)
		return code;
	e.type = envelope_type_text(PAYLOAD_CARD);
	e.payload = payload;
	err = signing_add(&e, &key, &sig);
	signer_wipe(&key);
	if (err != 0)
		return complain_err(err, path);
	return hand_on(a, &e, id);
}

static int
card_new(const struct args *a)
{
	struct draft d;
	struct refusal why;
	struct card *card;
	struct buf payload;
	int code, err;

	memset(&d, 0, sizeof(d));
	d.args = a;
	buf_init(&d.command, 4 * CAP_CARD);
	buf_init(&payload, 4 * CAP_CARD);
	code = read_draft(&d);
	if (code == CLI_DONE) {
		card_write(&payload, &d.f);
		if ((err = buf_error(&payload)) != 0)
			code = complain_err(err, "the card");
	}
	if (code == CLI_DONE) {
		err = card_parse(buf_bytes(&payload), &card, &why);
		if (err != 0)
			code = complain(CLI_REFUSED, "change that and try"
			    " again", "no device would take this card (%s;"
			    " %s)", why.reason, why.detail);
		else
			card_free(card);
	}
	if (code == CLI_DONE)
		code = sign_draft(a, buf_bytes(&payload), d.id);
	buf_free(&payload);
	buf_free(&d.command);
	return code;
}

static int
card_show(const struct args *a)
{
	struct envelope_doc d;
	struct refusal why;
	struct card *card;
	struct buf b;
	int code, err;

	code = signing_read_type(a->operand[0], PAYLOAD_CARD, &d);
	if (code != CLI_DONE)
		return code;
	if ((err = card_parse(d.e.payload, &card, &why)) != 0) {
		code = complain_refusal(err, a->operand[0], &why);
	} else {
		if (args_json(a)) {
			buf_init(&b, CAP_CARD + 1);
			buf_put_bytes(&b, d.e.payload);
			code = say_json(&b);
			buf_free(&b);
		} else {
			cardview_card(card);
			say("%sWho signed it was not checked: that takes the"
			    " people file (countersign approve).%s\n",
			    say_colour(SAY_DIM), say_colour(SAY_PLAIN));
		}
		card_free(card);
	}
	envelope_free(&d);
	return code;
}

static const struct option new_options[] = {
	{ "--org", "NAME", "the device's owner" },
	{ "--device", "ID", "the device, d-…" },
	{ "--description", "TEXT", "what it does and what it returns, in plain"
	    " words" },
	{ "--command", "TEXT", "the exact text to run" },
	{ "--command-file", "FILE", "the same from a file; - for stdin" },
	{ "--shell", "SHELL", "sh (default), bash, powershell, pwsh, cmd" },
	{ "--profile", "PROFILE", "observe (default), repair, full" },
	{ "--net", "NET", "none (default), view, host" },
	{ "--read", "READ", "user (default), all" },
	{ "--write", "DIR", "repair: a folder to change; several times" },
	{ "--service", "UNIT:VERBS", "repair: a service to control; several"
	    " times" },
	{ "--survivors", "WORD", "kill (default), keep" },
	{ "--timeout", "TIME", "default 300s" },
	{ "--memory-mb", "N", "default 512" },
	{ "--processes", "N", "default 64" },
	{ "--output-bytes", "N", "default 8388608" },
	{ "--unicode", "any", "the command may have other characters than"
	    " ASCII" },
	{ "--tool", "NAME", "a named tool of the policy in place of a"
	    " command" },
	{ "--arg", "NAME=TEXT", "its argument, NAME:=NUMBER for a number" },
	{ "--after", "CARD", "only after that card finished with 0" },
	{ "--requester", "WHO", "on whose behalf: a mail or id" },
	{ "--ticket-system", "NAME", "the ticket's system" },
	{ "--ticket-id", "ID", "its number there" },
	{ "--ticket-url", "URL", "and its page" },
	{ "--expires", "TIME", "how long it may wait, default 24h" },
	{ "--key", "FILE", "the proposer's key" },
	{ "--passphrase-file", "FILE", "its first line instead of asking" },
	{ "--out", "FILE", "writes the signed card" },
	{ "--submit", NULL, "hands it to this machine's agent" },
	CONSOLECLIENT_OPTIONS,
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

const struct command commands_card[] = {
	{ "card new", "", "Makes and signs a proposal.",
	    "  countersign card new --org acme --device d-… --key ai.key \\\n"
	    "      --description \"Free space of all disks\" --command"
	    " \"df -h\" --out card.json\n",
	    new_options, 0, 0, card_new },
	{ "card show", "FILE", "Prints a card whole, as its approver sees it.",
	    "  countersign card show card.json\n", NULL, 1, 1, card_show },
	{ "card cancel", "CARD|PENDING_FILE", "Signs a cancel: by the proposer"
	    " before it runs, by who could approve it at\nany time.",
	    "  countersign card cancel 3f9ce40b --key ai.key --reason \"wrong"
	    " host\"\n", approving_cancel_options, 1, 1, approving_cancel },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
