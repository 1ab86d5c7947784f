/*
 * cardview.c - a card whole, as a person has to see it before they approve.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/cardview.h"

#include "agent/cli/views.h"
#include "common/constants.h"
#include "common/plain.h"
#include "platform/clock.h"

#include <string.h>

static void
label(const char *name)
{
	say("%s%-12s%s ", say_colour(SAY_DIM), name, say_colour(SAY_PLAIN));
}

void
cardview_line(const char *name, struct bytes text)
{
	label(name);
	say_escape(text);
	say("\n");
}

static void
say_time(const char *name, int64_t t)
{
	struct buf b;

	buf_init(&b, 100);
	say_age(&b, t, clock_wall_s());
	label(name);
	say_buf(&b);
	say("\n");
	buf_free(&b);
}

static void
say_action(const struct action *a)
{
	const char *const *windows = card_v1_windows_command_line(a->shell);
	const char *const *argv = card_v1_command_line(a->shell);
	const char *prologue = card_v1_prologue(a->shell);
	enum say_colour c = a->profile == ACTION_FULL ? SAY_RED : SAY_PLAIN;
	struct buf b;

	if (a->text.n > 0) {
		say("\n");
		views_text(a->text);
		say("\n");
	}
	label("runs with");
	say("%s", doc_word_of(action_shells, (int)a->shell));
	/* What only Windows has is started in one way. */
	if (argv == NULL && windows != NULL) {
		for (; strcmp(*windows, CARD_V1_SCRIPT) != 0; windows++)
			say(" %s", *windows);
		say(", in %s\n", CARD_V1_WINDOWS_CWD);
	}
	for (; argv != NULL && *argv != NULL && strcmp(*argv,
	    CARD_V1_SCRIPT) != 0; argv++)
		say(" %s", *argv);
	if (windows == NULL || card_v1_command_line(a->shell) != NULL)
		say(", in %s, PATH %s\n", card_v1_cwd(a->profile),
		    a->n_services > 0 ? CARD_V1_SERVICES_PATH : CARD_V1_PATH);
	if (prologue[0] != '\0')
		cardview_line("after", bytes_str(prologue));
	label("profile");
	say("%s%s%s\n", say_colour(c), doc_word_of(action_profiles,
	    (int)a->profile), say_colour(SAY_PLAIN));
	buf_init(&b, 262144);
	plain_action(&b, a);
	label("may");
	say("%s", say_colour(c));
	say_buf(&b);
	say("%s\n", say_colour(SAY_PLAIN));
	buf_free(&b);
	label("limits");
	say("%lld s, %lld MB, %lld processes, %lld bytes of output\n",
	    (long long)a->limits.timeout_s, (long long)a->limits.memory_mb,
	    (long long)a->limits.processes,
	    (long long)a->limits.output_bytes);
	label("net, read");
	say("%s, %s\n", doc_word_of(action_nets, (int)a->net),
	    doc_word_of(action_reads, (int)a->read));
}

static void
say_args(const struct card *c)
{
	size_t i;

	for (i = 0; i < c->n_args; i++) {
		label("argument");
		say_escape(c->args[i].name);
		if (c->args[i].is_int) {
			say(" = %lld\n", (long long)c->args[i].number);
		} else {
			say(" = \"");
			say_escape(c->args[i].text);
			say("\"\n");
		}
	}
}

/* What stands before the action. */
static void
say_head(const struct card *c)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(&c->digest, digest);
	label("card");
	say("%s%s%s\n", say_colour(SAY_BOLD), digest, say_colour(SAY_PLAIN));
	label("id");
	say("%s\n", c->id);
	cardview_line("org", c->org);
	cardview_line("device", c->device);
	if (!c->is_command)
		cardview_line("tool", c->tool);
	cardview_line("claims", c->description);
	say_args(c);
}

static void
say_tail(const struct card *c)
{
	char digest[DIGEST_TEXT_SIZE];
	size_t i;

	for (i = 0; i < c->n_after; i++) {
		digest_text(&c->after[i], digest);
		cardview_line("only after", bytes_str(digest));
	}
	if (c->ticket.system.n > 0) {
		label("ticket");
		say_escape(c->ticket.system);
		say(" ");
		say_escape(c->ticket.id);
		say(" ");
		say_escape(c->ticket.url);
		say("\n");
	}
	say_time("created", c->created);
	say_time("expires", c->expires);
}

void
cardview_card(const struct card *c)
{
	say_head(c);
	if (c->requester.n > 0) {
		label("requester");
		say_escape(c->requester);
		say(" (claimed by the proposer)\n");
	}
	if (c->is_command)
		say_action(&c->action);
	say_tail(c);
}

void
cardview_reviewed(const struct card *c, const struct verdict *v,
    const struct device_entry *device, struct bytes proposer)
{
	size_t i;

	say_head(c);
	label("device name");
	say_escape(device->name);
	say(", in groups:");
	for (i = 0; i < device->groups.n; i++) {
		say(" ");
		say_escape(device->groups.p[i]);
	}
	say("%s\n", device->groups.n == 0 ? " none" : "");
	cardview_line("proposer", proposer);
	if (c->requester.n > 0) {
		label("requester");
		say_escape(c->requester);
		say(" (claimed by ");
		say_escape(proposer);
		say(")\n");
	}
	say_action(&v->action);
	say_tail(c);
	cardview_line("policy says", bytes_str(v->rule));
}
