/*
 * views.c - the agent's answers as text for people.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/views.h"

#include "agent/cli/cardview.h"
#include "common/caps.h"
#include "common/doc.h"
#include "common/envelope.h"
#include "common/text.h"
#include "common/timefmt.h"
#include "common/trustfile.h"
#include "platform/clock.h"

#include <string.h>

#define SHORT_DIGEST 19		/* "sha256:" and 12 digits */

static int
unreadable(struct doc *d, int err)
{
	doc_free(d);
	return complain(CLI_FAILED, "update the agent and this tool", "the"
	    " agent's answer cannot be read (%s)", err_text(err));
}

/* A member's text, or "". */
static struct bytes
text_of(struct doc_obj *o, const char *name)
{
	struct bytes v = { NULL, 0 };

	if (doc_type(o, name) == DOC_STRING)
		doc_str(o, name, &v);
	return v;
}

static int64_t
int_of(struct doc_obj *o, const char *name)
{
	int64_t v = -1;

	if (doc_type(o, name) == DOC_INT)
		doc_int(o, name, INT64_C(-9007199254740991),
		    INT64_C(9007199254740991), &v);
	return v;
}

static void
label(const char *name)
{
	say("%s%-12s%s ", say_colour(SAY_DIM), name, say_colour(SAY_PLAIN));
}

static void
line(const char *name, struct bytes v)
{
	if (v.n == 0)
		return;
	label(name);
	say_escape(v);
	say("\n");
}

static void
say_when(struct bytes text)
{
	struct buf b;
	int64_t t;

	if (time_parse(text, &t) != 0) {
		say_escape(text);
		return;
	}
	buf_init(&b, 100);
	say_age(&b, t, clock_wall_s());
	say_buf(&b);
	buf_free(&b);
}

/* ---- status ---- */

static void
status_trust(struct doc_obj *o)
{
	struct doc_obj trust, f;
	bool ok;
	int i;

	if (doc_type(o, "trust") != DOC_OBJECT)
		return;
	doc_obj(o, "trust", &trust);
	for (i = 0; i < TRUST_FILES; i++) {
		const char *word = trust_file_word((enum trust_file)i);

		label(word);
		if (doc_type(&trust, word) != DOC_OBJECT) {
			say("%snone%s\n", say_colour(SAY_YELLOW),
			    say_colour(SAY_PLAIN));
			continue;
		}
		doc_obj(&trust, word, &f);
		doc_bool(&f, "ok", &ok);
		say("version %lld, %s%s ", (long long)int_of(&f, "version"),
		    ok ? "" : say_colour(SAY_RED), ok ? "expires" : "EXPIRED");
		say_when(text_of(&f, "expires"));
		say("%s\n", ok ? "" : say_colour(SAY_PLAIN));
	}
}

static void
status_lock(struct doc_obj *o)
{
	struct doc_obj lock;

	if (doc_type(o, "lockdown") == DOC_OBJECT) {
		doc_obj(o, "lockdown", &lock);
		label("LOCKDOWN");
		say("%s", say_colour(SAY_RED));
		say_escape(text_of(&lock, "reason"));
		say(" (by ");
		say_escape(text_of(&lock, "by"));
		say(", ");
		say_escape(text_of(&lock, "source"));
		say(")%s\n", say_colour(SAY_PLAIN));
	}
	line("blocked", text_of(o, "blocked"));
	line("auto stops", text_of(o, "auto_stopped"));
}

static void
status_checkpoint(struct doc_obj *journal)
{
	struct doc_obj c;

	if (doc_type(journal, "checkpoint") != DOC_OBJECT)
		return;
	doc_obj(journal, "checkpoint", &c);
	label("checkpoint");
	say("%lld records, made ", (long long)int_of(&c, "size"));
	say_when(text_of(&c, "made"));
	say("\n");
}

/* Who has cosigned how much of it, and when. */
static void
status_witnesses(struct doc_obj *journal)
{
	struct doc_obj list, w;

	if (doc_type(journal, "witnesses") != DOC_ARRAY)
		return;
	doc_arr(journal, "witnesses", 64, &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &w);
		label("witness");
		say_escape(text_of(&w, "name"));
		if (doc_type(&w, "size") == DOC_INT) {
			say(": %lld records, ", (long long)int_of(&w, "size"));
			say_when(text_of(&w, "time"));
			say("\n");
		} else {
			say(": %snothing yet%s\n", say_colour(SAY_YELLOW),
			    say_colour(SAY_PLAIN));
		}
	}
}

static void
status_counts(struct doc_obj *o)
{
	struct doc_obj q;

	if (doc_type(o, "queue") == DOC_OBJECT) {
		doc_obj(o, "queue", &q);
		label("queue");
		say("%lld pending, %lld approved, %lld running\n",
		    (long long)int_of(&q, "pending"),
		    (long long)int_of(&q, "approved"),
		    (long long)int_of(&q, "running"));
		line("next waits", text_of(&q, "waits"));
	}
	if (doc_type(o, "journal") == DOC_OBJECT) {
		doc_obj(o, "journal", &q);
		label("journal");
		say("%lld records, %lld bytes, epoch %lld\n",
		    (long long)int_of(&q, "records"),
		    (long long)int_of(&q, "bytes"),
		    (long long)int_of(&q, "epoch"));
		status_checkpoint(&q);
		status_witnesses(&q);
	}
}

/* Why a profile is not among them. */
static void
status_sandbox(struct doc_obj *o)
{
	struct doc_obj list, one;
	bool offered = true;

	if (!doc_opt_arr(o, "sandbox", 16, &list))
		return;
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		doc_bool(&one, "offered", &offered);
		if (offered)
			continue;
		label("not offered");
		say_escape(text_of(&one, "profile"));
		say(": ");
		say_escape(text_of(&one, "why"));
		say("\n");
	}
}

/* What the agent's deciding process has given up itself. */
static void
status_gate(struct doc_obj *o)
{
	bool calls = false, rights = false;
	struct doc_obj g;
	int64_t landlock = 0;

	if (doc_type(o, "gate") != DOC_OBJECT)
		return;
	doc_obj(o, "gate", &g);
	doc_bool(&g, "capabilities", &rights);
	doc_bool(&g, "seccomp", &calls);
	doc_int(&g, "landlock", 0, INT32_MAX, &landlock);
	label("gate");
	say("system calls %s, files %s, capabilities %s\n", calls ?
	    "confined" : "NOT confined", landlock > 0 ? "confined" :
	    "NOT confined", rights ? "few" : "all it was given");
}

static void
status_profiles(struct doc_obj *o)
{
	struct doc_obj list;
	struct bytes v;
	bool split = true;

	label("profiles");
	doc_arr(o, "profiles", 16, &list);
	while (doc_next(&list)) {
		doc_str(&list, NULL, &v);
		say_escape(v);
		say(" ");
	}
	say("\n");
	line("enforces", text_of(o, "enforces"));
	status_sandbox(o);
	doc_bool(o, "split", &split);
	label("split");
	say("%s\n", split ? "yes" : "no: the courier runs as the agent's own"
	    " user (not root)");
	status_gate(o);
}

/* The file that runs, as a version record names it. */
static void
status_program(struct doc_obj *o)
{
	struct doc_obj programs;

	if (doc_type(o, "programs") != DOC_OBJECT)
		return;
	doc_obj(o, "programs", &programs);
	line("program", text_of(&programs, "countersignd"));
}

int
views_status(struct bytes json)
{
	struct doc_obj o, link;
	struct doc *d;
	int err;

	if ((err = doc_parse(json, 0, &d)) != 0)
		return unreadable(NULL, err);
	o = doc_root(d);
	label("device");
	say_escape(text_of(&o, "device"));
	say(" of ");
	say_escape(text_of(&o, "org"));
	say("\n");
	line("name", text_of(&o, "name"));
	line("version", text_of(&o, "version"));
	status_program(&o);
	line("mode", text_of(&o, "mode"));
	status_lock(&o);
	doc_obj(&o, "link", &link);
	label("link");
	say_escape(text_of(&link, "state"));
	if (text_of(&link, "detail").n > 0)
		say(": ");
	say_escape(text_of(&link, "detail"));
	say("\n");
	status_trust(&o);
	status_counts(&o);
	status_profiles(&o);
	if ((err = doc_error(d)) != 0)
		return unreadable(d, err);
	doc_free(d);
	return CLI_DONE;
}

/* ---- cards ---- */

static void
say_state(struct bytes state)
{
	enum say_colour c = SAY_PLAIN;

	if (bytes_is(state, "pending"))
		c = SAY_YELLOW;
	if (bytes_is(state, "approved") || bytes_is(state, "running") ||
	    bytes_is(state, "finished"))
		c = SAY_GREEN;
	say("%s", say_colour(c));
	say_escape(state);
	say("%s", say_colour(SAY_PLAIN));
}

/* Up to the first newline. */
static struct bytes
first_line(struct bytes text)
{
	const uint8_t *nl = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;

	return nl != NULL ? bytes_of(text.p, (size_t)(nl - text.p)) : text;
}

/* Two or three lines of a list. */
static void
card_brief(struct doc_obj *o)
{
	struct bytes card = text_of(o, "card");

	if (card.n > SHORT_DIGEST)
		card.n = SHORT_DIGEST;
	say("%s", say_colour(SAY_BOLD));
	say_escape(card);
	say("%s  ", say_colour(SAY_PLAIN));
	say_state(text_of(o, "state"));
	say("  ");
	say_escape(text_of(o, "tool"));
	say(" ");
	say_escape(text_of(o, "profile"));
	say("  by ");
	say_escape(text_of(o, "proposer"));
	say(", expires ");
	say_when(text_of(o, "expires"));
	say("\n  ");
	say_escape(first_line(text_of(o, "description")));
	if (text_of(o, "missing").n > 0) {
		say("\n  still to approve: ");
		say_escape(text_of(o, "missing"));
	}
	if (text_of(o, "waits").n > 0) {
		say("\n  waits for: ");
		say_escape(text_of(o, "waits"));
	}
	say("\n");
}

static int
each_card(struct bytes json, void (*show)(struct doc_obj *o), size_t *ret_n)
{
	struct doc_obj o, list, card;
	struct doc *d;
	size_t n = 0;
	int err;

	if ((err = doc_parse(json, 0, &d)) != 0)
		return unreadable(NULL, err);
	o = doc_root(d);
	doc_arr(&o, "cards", 1u << 20, &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &card);
		show(&card);
		n++;
	}
	if ((err = doc_error(d)) != 0)
		return unreadable(d, err);
	doc_free(d);
	*ret_n = n;
	return CLI_DONE;
}

int
views_cards(struct bytes json)
{
	size_t n = 0;
	int code = each_card(json, card_brief, &n);

	if (code == CLI_DONE && n == 0)
		say("No card waits or runs.\n");
	else if (code == CLI_DONE)
		say_next("countersign show CARD, countersign show CARD --out"
		    " FILE for an approver");
	return code;
}

static void
card_approvals(struct doc_obj *o)
{
	struct doc_obj list, one;

	if (doc_type(o, "approvals") != DOC_ARRAY)
		return;
	doc_arr(o, "approvals", 64, &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		label("approved by");
		say_escape(text_of(&one, "approver"));
		say(" (");
		say_escape(text_of(&one, "role"));
		say("), lapses ");
		say_when(text_of(&one, "expires"));
		say("\n");
	}
}

static void
card_result(struct doc_obj *o)
{
	struct doc_obj r;
	bool cut = false;

	if (doc_type(o, "result") != DOC_OBJECT)
		return;
	doc_obj(o, "result", &r);
	label("result");
	if (doc_type(&r, "exit_code") == DOC_INT)
		say("exit %lld, ", (long long)int_of(&r, "exit_code"));
	if (doc_type(&r, "signal") == DOC_INT)
		say("signal %lld, ", (long long)int_of(&r, "signal"));
	if (doc_type(&r, "truncated") == DOC_BOOL)
		doc_bool(&r, "truncated", &cut);
	say("%lld ms, %lld bytes of output, %lld of errors%s\n",
	    (long long)int_of(&r, "wall_ms"),
	    (long long)int_of(&r, "stdout_bytes"),
	    (long long)int_of(&r, "stderr_bytes"),
	    cut ? ", truncated: not all of it was kept" : "");
}

void
views_text(struct bytes text)
{
	size_t number = 0, chars = text_chars(text);
	struct bytes rest = text, row;

	do {
		const uint8_t *nl = rest.n > 0 ?
		    memchr(rest.p, '\n', rest.n) : NULL;
		size_t n = nl != NULL ? (size_t)(nl - rest.p) : rest.n;

		row = bytes_of(rest.p, n);
		say("%s%5zu |%s ", say_colour(SAY_DIM), ++number,
		    say_colour(SAY_PLAIN));
		say_escape(row);
		say("\n");
		n += nl != NULL;
		rest = bytes_of(rest.p + n, rest.n - n);
	} while (rest.n > 0);
	say("%s      = %zu line%s, %zu characters%s\n", say_colour(SAY_DIM),
	    number, number == 1 ? "" : "s", chars, say_colour(SAY_PLAIN));
}

/* What the device knows of a card; `full` where the card itself was shown. */
static void
card_known(struct doc_obj *o, bool full)
{
	if (!full) {
		line("card", text_of(o, "card"));
		line("id", text_of(o, "id"));
		line("tool", text_of(o, "tool"));
		line("profile", text_of(o, "profile"));
		if (text_of(o, "confinement").n > 0)
			line("may", text_of(o, "confinement"));
		line("created", text_of(o, "created"));
		label("expires");
		say_when(text_of(o, "expires"));
		say("\n");
	}
	label("state");
	say_state(text_of(o, "state"));
	if (text_of(o, "reason").n > 0) {
		say(" (");
		say_escape(text_of(o, "reason"));
		say(")");
	}
	say("\n");
	line("proposer", text_of(o, "proposer"));
	if (text_of(o, "requester").n > 0) {
		label("requester");
		say_escape(text_of(o, "requester"));
		say(" (claimed by ");
		say_escape(text_of(o, "proposer"));
		say(")\n");
	}
	line("rule", text_of(o, "rule"));
	line("refused now", text_of(o, "refused_now"));
	card_approvals(o);
	line("to approve", text_of(o, "missing"));
	line("waits for", text_of(o, "waits"));
	card_result(o);
}

static void
card_device(struct doc_obj *o)
{
	struct doc_obj list;
	struct bytes v;
	bool any = false;

	if (doc_type(o, "device_name") != DOC_STRING ||
	    doc_type(o, "groups") != DOC_ARRAY)
		return;
	label("device name");
	say_escape(text_of(o, "device_name"));
	say(", in groups:");
	doc_arr(o, "groups", 256, &list);
	while (doc_next(&list)) {
		doc_str(&list, NULL, &v);
		say(" ");
		say_escape(v);
		any = true;
	}
	say("%s\n", any ? "" : " none");
}

/* The card as it was signed; false if the device does not have it. */
static bool
card_itself(struct doc_obj *o, size_t text_n)
{
	struct envelope_doc d;
	struct refusal why;
	struct card *card;
	struct doc_obj e;
	bool shown = false;

	if (doc_type(o, "envelope") != DOC_OBJECT)
		return false;
	doc_obj(o, "envelope", &e);
	if (envelope_read(&e, text_n, &d) != 0)
		return false;
	if (card_parse(d.e.payload, &card, &why) == 0) {
		cardview_card(card);
		card_free(card);
		shown = true;
	}
	envelope_free(&d);
	return shown;
}

int
views_card(struct bytes json)
{
	struct doc_obj o, list, one;
	struct doc *d;
	bool full;
	int err;

	if ((err = doc_parse(json, 0, &d)) != 0)
		return unreadable(NULL, err);
	o = doc_root(d);
	full = card_itself(&o, json.n);
	card_device(&o);
	doc_arr(&o, "cards", 1, &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		card_known(&one, full);
	}
	if ((err = doc_error(d)) != 0)
		return unreadable(d, err);
	doc_free(d);
	return CLI_DONE;
}

int
views_answer(struct bytes json)
{
	struct doc_obj o;
	struct doc *d;
	int err;

	if ((err = doc_parse(json, 0, &d)) != 0)
		return unreadable(NULL, err);
	o = doc_root(d);
	say_escape(text_of(&o, "answer"));
	say("\n");
	doc_free(d);
	return CLI_DONE;
}
