/*
 * cli.h - commands, their options, and what they say.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_CLI_H
#define COUNTERSIGN_AGENT_CLI_CLI_H

#include "common/bytes.h"
#include "common/refusal.h"

/* What the program ends with (interfaces.md). */
enum {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_REFUSED = 3,	/* by policy or verification */
	CLI_UNREACHABLE = 4
};

#define CLI_ARGS_MAX 1024	/* options and operands of one command */

struct option {
	const char *name;	/* "--key" */
	const char *value;	/* "FILE"; NULL: a flag */
	const char *help;
};

struct args;

struct command {
	const char *name;	/* "trust sign" */
	const char *operands;	/* "FILE…", for the usage line */
	const char *summary;
	const char *example;	/* whole lines, each beginning with blanks */
	const struct option *options;	/* ends with a NULL name */
	size_t min, max;	/* operands */
	int (*run)(const struct args *a);	/* CLI_* */
};

/* The arguments of a command, checked against its options. */
struct args {
	const struct command *command;
	size_t n;		/* operands */
	const char *operand[CLI_ARGS_MAX];
	size_t n_set;		/* options, in their order */
	const char *name[CLI_ARGS_MAX];
	const char *value[CLI_ARGS_MAX];	/* NULL for flags */
};

/* Every group's table; ends with a NULL name. */
extern const struct command commands_gate[], commands_log[], commands_key[],
    commands_card[], commands_approve[], commands_trust[], commands_trustnew[],
    commands_policy[], commands_audit[], commands_export[];

/*
 * Takes arguments apart: options anywhere, "--name value" or "--name=value",
 * all after "--" operands. Complains and gives ERR_USAGE.
 */
MUST_CHECK int args_parse(const struct command *c, int argc, char **argv,
    struct args *ret_a);
/* The last value of an option, or NULL. */
const char *args_get(const struct args *a, const char *name);
bool args_has(const struct args *a, const char *name);
/* Each value of an option: *at is 0 to begin with. NULL after the last. */
const char *args_each(const struct args *a, const char *name, size_t *at);
/* An integer option; *ret_v is untouched where it is absent. Complains. */
MUST_CHECK int args_int(const struct args *a, const char *name, int64_t min,
    int64_t max, int64_t *ret_v);
/* A time span: "90", "90s", "15m", "2h", "30d". As above. */
MUST_CHECK int args_span(const struct args *a, const char *name, int64_t min,
    int64_t max, int64_t *ret_seconds);
bool args_json(const struct args *a);	/* --json */

/* The usage of one command, and of all. */
void cli_help(const struct command *c);
void cli_help_all(void);

/* ---- saying (say.c) ---- */

enum say_colour {
	SAY_PLAIN, SAY_BOLD, SAY_DIM, SAY_RED, SAY_GREEN, SAY_YELLOW
};

/*
 * "countersign: what was wrong: what to do" on stderr. Returns code, for
 * `return`. What is wrong may hold names that a person gave; anything else
 * that came from outside is escaped first (text_escape()).
 */
int complain(int code, const char *todo, const char *wrong, ...)
    PRINTF_LIKE(3, 4);
/* The same of a file or thing and an ERR_*; the code is by its kind. */
int complain_err(int err, const char *what);
/* The same for a refusal: its word and detail; CLI_REFUSED, or CLI_FAILED for
 * ERR_NOMEM. */
int complain_refusal(int err, const char *what, const struct refusal *why);

/* Colours on a terminal only, never with NO_COLOR; "" where not. */
const char *say_colour(enum say_colour c);
/* To stdout, without a newline of their own. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Untrusted text, escaped on one line. */
void say_escape(struct bytes text);
void say_buf(const struct buf *b);
/* To stderr if a command's result goes to stdout as JSON or a file. */
void say_next(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Writes the buffer and a newline to stdout; CLI_DONE, or complains. */
int say_json(struct buf *b);
/* "in 3 days", "2 hours ago". */
void say_age(struct buf *b, int64_t t, int64_t now);

/* Flushes stdout; CLI_FAILED if it could not be written. */
int say_end(int code);

#endif
