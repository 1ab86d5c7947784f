/*
 * main.c - countersignd: its arguments.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/gate.h"
#include "agent/gate/selftest.h"
#include "common/version.h"
#include "platform/paths.h"
#include "platform/pipes.h"
#include "platform/secrets.h"
#include "platform/service.h"
#include "platform/starter.h"
#include "platform/steward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: countersignd [--config FILE] [--foreground]\n"
    "       countersignd enrol --token FILE [--pin STRING] [--out FILE]\n"
    "                          [--once] [--config FILE]\n"
    "       countersignd selftest [--config FILE]\n"
    "       countersignd --help | --version\n"
    "\n"
    "The agent of Countersign: runs on this machine what its owner's people\n"
    "have approved, and nothing else.\n"
    "\n"
    "  enrol      makes this device's key and registers it with a console:\n"
    "               countersignd enrol --token token.json --out device.json\n"
    "  selftest   tries the agent's own checks and tells what it can enforce\n"
    "\n"
    "  --config FILE   instead of the system's agent.json\n"
    "  --foreground    not started by a service manager: matters on Windows\n"
    "  --token FILE    the console's enrolment token, - for standard input\n"
    "  --pin STRING    the owner's pin, as `countersign trust pin` prints it\n"
    "  --out FILE      writes what the owner needs to sign this device in\n"
    "  --once          does nothing where this device is enrolled already\n";

struct arguments {
	const char *command;	/* "enrol", "selftest", or NULL */
	const char *config;
	bool foreground;
	struct enrol_options enrol;
};

/* 1 go on, 0 done, negative: usage. */
static int
parse(int argc, char **argv, struct arguments *a)
{
	const struct {
		const char *name;
		const char **value;
		bool *flag;		/* of one without a value */
	} options[] = {
		{ "--config", &a->config, NULL },
		{ "--token", &a->enrol.token, NULL },
		{ "--pin", &a->enrol.pin, NULL },
		{ "--out", &a->enrol.out, NULL },
		{ "--once", NULL, &a->enrol.once },
		{ "--foreground", NULL, &a->foreground },
	};
	size_t k;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("countersignd " COUNTERSIGN_VERSION);
			return 0;
		}
		if (argv[i][0] != '-' && a->command == NULL) {
			a->command = argv[i];
			continue;
		}
		for (k = 0; k < sizeof(options) / sizeof(options[0]); k++)
			if (strcmp(argv[i], options[k].name) == 0)
				break;
		if (k == sizeof(options) / sizeof(options[0]))
			return ERR_USAGE;
		if (options[k].value == NULL) {
			*options[k].flag = true;
			continue;
		}
		if (++i == argc)
			return ERR_USAGE;
		*options[k].value = argv[i];
	}
	return 1;
}

/* What has to be there still when somebody asks for a new beginning. */
struct renewal {
	const struct config *config;
	const struct program *runner;
	const struct log *log;
};

static bool
may_renew(void *arg)
{
	const struct renewal *r = arg;

	return gate_may_renew(r->config, r->runner, r->log);
}

/* The service: this process stays as the starter, its child is the gate. */
static int
serve(struct config *config, char **argv)
{
	struct gate_programs programs = { .steward = 0 };
	struct starter starter;
	struct log log;
	struct renewal r = { config, &programs.runner, &log };
	int err, code;

	log_init(&log, "countersignd", config->log_to_system);
	if ((err = gate_find_programs(config, &log, &programs)) != 0) {
		config_free(config);
		return err == ERR_NOT_FOUND ? 3 : 1;
	}
	/* From here, so that it is below none of the two. Without it services
	 * are not to be had, and all else is. */
	if (steward_is_needed())
		(void)!steward_start(programs.runner.fd, &programs.steward);
	starter = (struct starter){ programs.courier.fd, programs.runner.fd,
	    config->courier_user, programs.steward, may_renew, &r };
	err = starter_split(&starter, &code);
	if (err == STARTER_IS_GATE) {
		code = gate_run(config, &programs);
		/* What is done at an exit is the starter's. */
		if (starter_is_there())
			_Exit(code);
	} else {
		config_free(config);
	}
	if (err < 0) {
		log_event(&log, SERVICE_ERROR, "the agent cannot be started:"
		    " %s: the system refuses a process or a pipe",
		    err_text(err));
		return 1;
	}
	if (code != GATE_RENEW)
		return code;
	err = program_renew(argv);
	fprintf(stderr, "countersignd: the program that is installed now cannot"
	    " be run: %s: its service manager has to start it\n",
	    err_text(err));
	return 1;
}

static int
run(struct arguments *a, char **argv)
{
	const char *path = a->config != NULL ? a->config : paths_config();
	struct config config;
	char why[256];
	int err;

	if (a->command == NULL && !a->foreground)
		service_enter("countersignd");
	err = config_read(path, a->config != NULL, why, sizeof(why), &config);
	if (err != 0) {
		fprintf(stderr, "countersignd: %s: %s: mend it or give"
		    " another file with --config\n", path, why);
		return 1;
	}
	if (a->command != NULL && strcmp(a->command, "enrol") == 0)
		return enrol_run(&config, &a->enrol);
	if (a->command != NULL) {
		err = selftest_report(&config);
		config_free(&config);
		return err;
	}
	return serve(&config, argv);
}

int
main(int argc, char **argv)
{
	struct arguments a;
	int r;

	memset(&a, 0, sizeof(a));
	r = parse(argc, argv, &a);
	if (r == 0)
		return 0;
	if (r < 0 || (a.command != NULL && strcmp(a.command, "enrol") != 0 &&
	    strcmp(a.command, "selftest") != 0) ||
	    (a.command != NULL && strcmp(a.command, "enrol") == 0 &&
	    a.enrol.token == NULL)) {
		fputs(usage, stderr);
		return 2;
	}
	/* A client or courier that has gone is an error of write(), no more. */
	if (pipes_forgo_signal() != 0 ||
	    secrets_guard_process() != 0 || digest_init() != 0) {
		fputs("countersignd: the process cannot be guarded: the"
		    " system refuses limits or random bytes\n", stderr);
		return 1;
	}
	/* A check that does not refuse what it must is no check. */
	if ((r = selftest_run(stderr)) != 0)
		return 1;
	return run(&a, argv);
}
