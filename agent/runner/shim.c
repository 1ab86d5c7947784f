/*
 * shim.c - what a `repair` finds under the name systemctl.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (as a program of the payload).
 *
 * All that it says is checked by the broker; nothing here protects anything.
 */
#include "agent/runner/shim.h"

#include "agent/runner/broker.h"
#include "platform/clock.h"
#include "platform/messages.h"
#include "platform/pipes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "systemctl"
/* In the action's own folder. */
#define TURN "/tmp/.countersign-systemctl"
#define EXIT_USAGE 2
/* systemctl's own for a unit that is not active. */
#define EXIT_INACTIVE 3

static const char usage[] =
    "usage: systemctl [--no-pager] [--quiet] "
    "start|stop|restart|reload|status|is-active UNIT\n"
    "Inside a repair, this asks the agent for what was approved.\n";

static const char *const verbs[] = {
	"start", "stop", "restart", "reload", "status", "is-active",
};
static const char *const options[] = {
	"--no-pager", "--quiet", "-q", "--full", "-l", "--no-ask-password",
	"--system",
};

static bool
is_one_of(const char *word, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

bool
shim_is_called(const char *argv0)
{
	const char *slash = argv0 != NULL ? strrchr(argv0, '/') : NULL;

	return argv0 != NULL && strcmp(slash != NULL ? slash + 1 : argv0,
	    NAME) == 0;
}

/* The exit code of an answer, whose text is printed. */
static int
take_answer(const char *id, bool quiet)
{
	uint8_t m[BROKER_ANSWER_MAX + 64];
	const char *text;
	size_t n = 0, len = strlen(id);
	char *end;
	long code;

	if (messages_get(PLAN_FD_BROKER, m, sizeof(m) - 1, &n) != 0)
		return BROKER_UNAVAILABLE;
	m[n] = '\0';
	text = (const char *)m;
	if (strncmp(text, id, len) != 0 || text[len] != ' ')
		return BROKER_UNAVAILABLE;
	code = strtol(text + len + 1, &end, 10);
	if (*end != '\n' || code < 0 || code > 255)
		return BROKER_UNAVAILABLE;
	end++;
	if (!quiet)
		(void)fwrite(end, 1, n - (size_t)(end - text), code == 0 ||
		    code == EXIT_INACTIVE ? stdout : stderr);
	return (int)code;
}

static int
ask(const char *verb, const char *unit, bool quiet)
{
	const bool active = strcmp(verb, "is-active") == 0;
	const bool whole = strchr(unit, '.') != NULL;
	char id[24];
	struct buf b;
	int lock, code = BROKER_UNAVAILABLE;

	(void)snprintf(id, sizeof(id), "%llu",
	    (unsigned long long)clock_boot_us());
	buf_init(&b, BROKER_REQUEST_MAX);
	buf_printf(&b, "%s %s %s%s", id, active ? "status" : verb, unit,
	    whole ? "" : ".service");
	/* An answer goes to whoever reads first: one at a time. */
	lock = messages_turn(TURN);
	if (buf_error(&b) != 0)
		code = BROKER_REFUSED;
	else if (messages_put(PLAN_FD_BROKER, buf_bytes(&b)) == 0)
		code = take_answer(id, quiet || active);
	pipes_close(&lock);
	buf_free(&b);
	if (active && !quiet && code != BROKER_REFUSED &&
	    code != BROKER_UNAVAILABLE)
		(void)printf("%s\n", code == 0 ? "active" : "inactive");
	if (code == BROKER_UNAVAILABLE)
		(void)fprintf(stderr, "systemctl: %s: the agent does not "
		    "answer: no services were approved\n", unit);
	else if (code == BROKER_REFUSED)
		(void)fprintf(stderr, "systemctl: %s %s: refused\n", verb,
		    unit);
	return code;
}

int
shim_run(int argc, char **argv)
{
	const char *verb = NULL, *unit = NULL;
	bool quiet = false, plain = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (!plain && strcmp(argv[i], "--") == 0) {
			plain = true;
		} else if (!plain && argv[i][0] == '-') {
			if (!is_one_of(argv[i], options, sizeof(options) /
			    sizeof(options[0])))
				goto wrong;
			quiet = quiet || strcmp(argv[i], "-q") == 0 ||
			    strcmp(argv[i], "--quiet") == 0;
		} else if (verb == NULL) {
			verb = argv[i];
			if (!is_one_of(verb, verbs, sizeof(verbs) /
			    sizeof(verbs[0])))
				goto wrong;
		} else if (unit == NULL) {
			unit = argv[i];
		} else {
			/* Not the first, when the second may be refused. */
			goto wrong;
		}
	}
	if (unit != NULL)
		return ask(verb, unit, quiet);
wrong:
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}
