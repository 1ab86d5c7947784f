/*
 * gatecmds.c - status, pending, show, veto, lockdown, submit, clock reset.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/gateclient.h"

#include "agent/cli/consoleclient.h"
#include "agent/cli/signing.h"
#include "agent/cli/views.h"
#include "platform/userfile.h"

#include <stdlib.h>
#include <string.h>

#define RANKS 5		/* in which order several files are handed in */

/* One request whose answer is JSON, shown as that or by fn. */
static int
ask_and_show(const struct args *a, const struct control_request *req,
    int (*show)(struct bytes json))
{
	struct buf json;
	int code;

	buf_init(&json, CONTROL_JSON_CAP);
	code = gateclient_ask(a, req, &json, NULL, NULL);
	if (code == CLI_DONE)
		code = args_json(a) || show == NULL ? say_json(&json) :
		    show(buf_bytes(&json));
	buf_free(&json);
	return code;
}

static int
status(const struct args *a)
{
	struct control_request req = { .type = CONTROL_STATUS };

	return ask_and_show(a, &req, views_status);
}

static int
pending(const struct args *a)
{
	struct control_request req = { .type = CONTROL_PENDING };

	req.all = args_has(a, "--all");
	return ask_and_show(a, &req, views_cards);
}

/* The pending file, for an approver. */
static int
show_out(const struct args *a, const char *path)
{
	struct control_request req = { .type = CONTROL_PENDING_FILE };
	struct buf json;
	int code, err;

	req.ref = bytes_str(a->operand[0]);
	buf_init(&json, CONTROL_JSON_CAP);
	code = gateclient_ask(a, &req, &json, NULL, NULL);
	buf_put_str(&json, "\n");
	if (code == CLI_DONE && ((err = buf_error(&json)) != 0 ||
	    (err = userfile_write(path, buf_bytes(&json), USERFILE_PUBLIC,
	    false)) != 0))
		code = complain_err(err, path);
	buf_free(&json);
	if (code == CLI_DONE && strcmp(path, "-") != 0)
		say_next("countersign approve %s --key YOUR.key --out"
		    " approval.json", path);
	return code;
}

static int
show(const struct args *a)
{
	struct control_request req = { .type = CONTROL_SHOW };
	const char *out = args_get(a, "--out");

	if (out != NULL)
		return show_out(a, out);
	req.ref = bytes_str(a->operand[0]);
	return ask_and_show(a, &req, views_card);
}

static int
done(struct bytes json)
{
	return views_answer(json);
}

static int
veto(const struct args *a)
{
	struct control_request req = { .type = CONTROL_VETO };
	const char *reason = args_get(a, "--reason");

	if (reason == NULL || reason[0] == '\0')
		return complain(CLI_USAGE, "say --reason \"…\": it is"
		    " recorded", "veto: no reason");
	req.ref = bytes_str(a->operand[0]);
	req.reason = bytes_str(reason);
	return ask_and_show(a, &req, done);
}

static int
lockdown(const struct args *a)
{
	struct control_request req = { .type = CONTROL_LOCKDOWN };
	const char *reason = args_get(a, "--reason");

	req.on = strcmp(a->operand[0], "on") == 0;
	if (!req.on && strcmp(a->operand[0], "off") != 0)
		return complain(CLI_USAGE, "say on or off", "lockdown %s",
		    a->operand[0]);
	if (reason == NULL || reason[0] == '\0')
		return complain(CLI_USAGE, "say --reason \"…\": it is"
		    " recorded", "lockdown: no reason");
	req.reason = bytes_str(reason);
	return ask_and_show(a, &req, done);
}

static int
clock_reset(const struct args *a)
{
	struct control_request req = { .type = CONTROL_CLOCK_RESET };
	const char *reason = args_get(a, "--reason");

	if (reason == NULL || reason[0] == '\0')
		return complain(CLI_USAGE, "say --reason \"…\": it is"
		    " recorded", "clock reset: no reason");
	req.reason = bytes_str(reason);
	return ask_and_show(a, &req, done);
}

/* Roots come before what they sign, trust files before what needs them. */
static int
rank(const struct envelope *e)
{
	switch (envelope_type(e->type)) {
	case PAYLOAD_ROOT:
		return 0;
	case PAYLOAD_PEOPLE:
	case PAYLOAD_POLICY:
		return 1;
	case PAYLOAD_DEVICE:
	case PAYLOAD_TIMESTAMP:
		return 2;
	case PAYLOAD_CARD:
		return 3;
	case PAYLOAD_APPROVAL:
	case PAYLOAD_CANCEL:
	case PAYLOAD_HELLO:
	case PAYLOAD_EPOCH:
	case PAYLOAD_UNKNOWN:
	case PAYLOAD_TYPES:
		break;
	}
	return RANKS - 1;
}

static int
submit_one(const struct args *a, const char *path, const struct envelope *e)
{
	struct buf json;
	int code;

	buf_init(&json, CONTROL_JSON_CAP);
	code = consoleclient_is_meant(a) ? consoleclient_submit(a, e, &json) :
	    gateclient_submit(a, e, &json);
	if (code == CLI_DONE && args_json(a))
		code = say_json(&json);
	else if (code == CLI_DONE)
		say("%s: %s taken by the %s\n", path,
		    envelope_type_word(envelope_type(e->type)),
		    consoleclient_is_meant(a) ? "console" : "agent");
	buf_free(&json);
	return code;
}

static int
submit(const struct args *a)
{
	struct envelope_doc *docs = calloc(a->n, sizeof(*docs));
	int code = CLI_DONE, one, r;
	size_t i;

	if (docs == NULL)
		return complain_err(ERR_NOMEM, "submit");
	for (i = 0; i < a->n && code == CLI_DONE; i++)
		code = signing_read(a->operand[i], &docs[i]);
	if (code != CLI_DONE)
		goto out;
	for (r = 0; r < RANKS; r++)
		for (i = 0; i < a->n; i++) {
			if (rank(&docs[i].e) != r)
				continue;
			one = submit_one(a, a->operand[i], &docs[i].e);
			if (one != CLI_DONE && code == CLI_DONE)
				code = one;
		}
out:
	for (i = 0; i < a->n; i++)
		envelope_free(&docs[i]);
	free(docs);
	return code;
}

static const struct option socket_options[] = {
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

static const struct option pending_options[] = {
	{ "--all", NULL, "those that have ended, too" },
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

static const struct option show_options[] = {
	{ "--out", "FILE", "writes the pending file for an approver; - for"
	    " stdout" },
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

static const struct option reason_options[] = {
	{ "--reason", "TEXT", "why; it is recorded" },
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

static const struct option submit_options[] = {
	CONSOLECLIENT_OPTIONS,
	GATECLIENT_OPTION,
	{ NULL, NULL, NULL }
};

const struct command commands_gate[] = {
	{ "status", "", "How the agent of this device is.",
	    "  countersign status\n", socket_options, 0, 0, status },
	{ "pending", "", "The cards that wait or run.",
	    "  countersign pending\n", pending_options, 0, 0, pending },
	{ "show", "CARD", "One card whole. CARD is sha256:<hex>, 8 or more of"
	    " its hex digits, or the\nUUID.",
	    "  countersign show 3f9ce40b --out card.pending\n", show_options,
	    1, 1, show },
	{ "veto", "CARD", "The device owner's refusal: ends a card, kills it"
	    " if it runs.",
	    "  countersign veto 3f9ce40b --reason \"not during business"
	    " hours\"\n", reason_options, 1, 1, veto },
	{ "lockdown", "on|off", "Nothing runs any more, or again (off: root"
	    " only).",
	    "  countersign lockdown on --reason \"stolen laptop\"\n",
	    reason_options, 1, 1, lockdown },
	{ "submit", "FILE…", "Hands in envelopes made elsewhere: cards,"
	    " approvals, cancels, trust files.\nTo this machine's agent, which"
	    " works with console and network gone; with\n--console to a"
	    " console.",
	    "  countersign submit approval.json\n"
	    "  countersign submit trust/root.1.dsse trust/people.dsse"
	    " --console\n      https://console.example --token me.token\n",
	    submit_options, 1, CLI_ARGS_MAX, submit },
	{ "clock reset", "", "Takes the clock's floor back after a bad jump"
	    " (root).",
	    "  countersign clock reset --reason \"RTC battery\"\n",
	    reason_options, 0, 0, clock_reset },
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
