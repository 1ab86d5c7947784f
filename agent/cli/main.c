/*
 * main.c - countersign: finds the command and runs it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/cli.h"

#include "common/digest.h"
#include "common/version.h"
#include "platform/secrets.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *title;
	const struct command *commands;
} groups[] = {
	{ "This device", commands_gate },
	{ "Its record", commands_log },
	{ "Keys", commands_key },
	{ "Cards", commands_card },
	{ "Approving", commands_approve },
	{ "Trust files", commands_trustnew },
	{ NULL, commands_trust },
	{ "Checking", commands_policy },
	{ NULL, commands_audit },
	{ NULL, commands_export },
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* One line of a summary: up to its first full stop or newline. */
static void
help_line(const struct command *c)
{
	char head[80];
	size_t n = strcspn(c->summary, ".\n");

	snprintf(head, sizeof(head), "%s %s", c->name, c->operands);
	say("  %-31s %.*s\n", head, (int)n, c->summary);
}

void
cli_help_all(void)
{
	const struct command *c;
	size_t i;

	say("usage: countersign COMMAND [arguments] [options]\n\n"
	    "The tool of the people of Countersign: who proposes, who approves,"
	    " and who\nowns the devices.\n");
	for (i = 0; i < GROUPS; i++) {
		if (groups[i].title != NULL)
			say("\n%s\n", groups[i].title);
		for (c = groups[i].commands; c->name != NULL; c++)
			help_line(c);
	}
	say("\n`countersign COMMAND --help` tells more and gives an example."
	    "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 refused by"
	    " policy or\nverification, 4 not reachable.\n");
}

/* Whether the words of the name are the first arguments; how many words. */
static int
matches(const char *name, int argc, char **argv)
{
	int words = 0;
	size_t n;

	while (*name != '\0') {
		n = strcspn(name, " ");
		if (words >= argc || strlen(argv[words]) != n ||
		    memcmp(argv[words], name, n) != 0)
			return 0;
		words++;
		name += n;
		name += *name == ' ';
	}
	return words;
}

static const struct command *
find(int argc, char **argv, int *ret_words)
{
	const struct command *c;
	size_t i;

	for (i = 0; i < GROUPS; i++)
		for (c = groups[i].commands; c->name != NULL; c++)
			if ((*ret_words = matches(c->name, argc, argv)) > 0)
				return c;
	return NULL;
}

static bool
wants_help(int argc, char **argv)
{
	int i;

	for (i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int
run(const struct command *c, int argc, char **argv)
{
	struct args *a;
	int code;

	if (wants_help(argc, argv)) {
		cli_help(c);
		return CLI_DONE;
	}
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return complain_err(ERR_NOMEM, c->name);
	code = args_parse(c, argc, argv, a) != 0 ? CLI_USAGE : c->run(a);
	free(a);
	return code;
}

/* `countersign trust` alone: the commands that begin so. */
static int
unknown(int argc, char **argv)
{
	const struct command *c;
	bool found = false;
	size_t i, n = strlen(argv[0]);

	for (i = 0; i < GROUPS; i++)
		for (c = groups[i].commands; c->name != NULL; c++) {
			if (strncmp(c->name, argv[0], n) != 0 ||
			    c->name[n] != ' ')
				continue;
			found = true;
			if (wants_help(argc, argv))
				help_line(c);
		}
	if (found && wants_help(argc, argv))
		return CLI_DONE;
	return complain(CLI_USAGE, "see countersign --help",
	    found ? "%s: say which" : "there is no command %s", argv[0]);
}

int
main(int argc, char **argv)
{
	const struct command *c;
	int words;

	if (secrets_guard_process() != 0 || digest_init() != 0)
		return complain(CLI_FAILED, "the system refuses limits or"
		    " random bytes", "the process cannot be guarded");
	if (argc < 2) {
		cli_help_all();
		return CLI_USAGE;
	}
	if ((c = find(argc - 1, argv + 1, &words)) != NULL)
		return say_end(run(c, argc - 1 - words, argv + 1 + words));
	if (strcmp(argv[1], "--version") == 0)
		say("countersign " COUNTERSIGN_VERSION "\n");
	else if (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0)
		cli_help_all();
	else
		return unknown(argc - 1, argv + 1);
	return say_end(CLI_DONE);
}
