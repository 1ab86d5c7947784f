/*
 * main.c - countersign-console: the reference console's command line.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "common/digest.h"
#include "common/version.h"
#include "console/commands.h"
#include "console/conlog.h"
#include "console/files.h"
#include "console/serve.h"
#include "platform/secrets.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: countersign-console COMMAND [options]\n"
    "\n"
    "  serve                  agents' port and HTTP API, until SIGTERM\n"
    "  enrol-token            a one-use token that enrols one device\n"
    "      --org NAME         the org that the device will belong to\n"
    "      --hours N          how long it may be used (24)\n"
    "      --out FILE         where to write it (stdout)\n"
    "  devices [--org NAME]   the fleet\n"
    "  devices clear-alarm ID  once somebody has looked at it\n"
    "      --reason TEXT      what was found\n"
    "  alarms [--org NAME]    every alarm, acknowledged ones too\n"
    "  user add               a user of the API; prints the token once\n"
    "      --name NAME\n"
    "      --role ROLE        admin, operator, proposer, auditor\n"
    "      --org NAME         only this org (every org)\n"
    "      --proposer-key F   an AI's key file, kept by the console\n"
    "      --passphrase-file F  of that key file\n"
    "  user list, user remove NAME\n"
    "  export DEVICE FILE     what an auditor needs; the device may be gone\n"
    "  witness-key            the verifier key of this console as a witness\n"
    "  backup FILE            a copy of the database, while it is in use\n"
    "\n"
    "  --config FILE          " SETTINGS_FILE "\n"
    "  --json                 JSON on stdout, an object or one a line\n"
    "  --help, --version\n"
    "\n"
    "exit: 0 done, 1 failed, 2 usage\n";

enum { OPT_CONFIG = 256, OPT_ORG, OPT_NAME, OPT_ROLE, OPT_OUT, OPT_KEY,
	OPT_PASSPHRASE, OPT_REASON, OPT_HOURS, OPT_JSON, OPT_HELP,
	OPT_VERSION };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "org", required_argument, NULL, OPT_ORG },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "proposer-key", required_argument, NULL, OPT_KEY },
	{ "passphrase-file", required_argument, NULL, OPT_PASSPHRASE },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "hours", required_argument, NULL, OPT_HOURS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 }
};

static int
command_serve(const struct settings *settings, struct store *s,
    const struct options *o)
{
	return serve(settings, s, o->json);
}

static const struct {
	const char *name;
	int (*run)(const struct settings *settings, struct store *s,
	    const struct options *o);
} commands[] = {
	{ "serve", command_serve },
	{ "enrol-token", command_enrol_token },
	{ "devices", command_devices },
	{ "alarms", command_alarms },
	{ "user", command_user },
	{ "export", command_export },
	{ "witness-key", command_witness_key },
	{ "backup", command_backup }
};

/* 0, or the exit code. *ret_done: there is nothing more to do. */
static int
take_option(int c, struct options *o, bool *ret_done)
{
	char *end;

	switch (c) {
	case OPT_CONFIG:
		o->config = optarg;
		return 0;
	case OPT_ORG:
		o->org = optarg;
		return 0;
	case OPT_NAME:
		o->name = optarg;
		return 0;
	case OPT_ROLE:
		o->role = optarg;
		return 0;
	case OPT_OUT:
		o->out = optarg;
		return 0;
	case OPT_KEY:
		o->proposer_key = optarg;
		return 0;
	case OPT_PASSPHRASE:
		o->passphrase_file = optarg;
		return 0;
	case OPT_REASON:
		o->reason = optarg;
		return 0;
	case OPT_HOURS:
		o->hours = strtoll(optarg, &end, 10);
		if (*optarg == '\0' || *end != '\0' || o->hours < 1)
			o->hours = -1;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_HELP:
		printf("%s", help);
		*ret_done = true;
		return 0;
	case OPT_VERSION:
		printf("countersign-console " COUNTERSIGN_VERSION "\n");
		*ret_done = true;
		return 0;
	default:
		conlog_error("that is no option of mine: see --help");
		return 2;
	}
}

/* The store in the settings' folder, which is made if it is not there. */
static int
open_store(const struct settings *settings, struct store **ret_s)
{
	char path[FILES_PATH_SIZE];
	int err;

	if ((err = files_make_folder(settings->data)) != 0) {
		conlog_error("the folder \"data\" of the configuration cannot "
		    "be used (%s): it has to be yours, with mode 0700, below "
		    "a folder that exists", err_text(err));
		return 1;
	}
	if ((err = files_join(settings->data, "console.db", path)) != 0 ||
	    (err = store_open(path, ret_s)) != 0) {
		conlog_error("the database cannot be opened (%s): check that "
		    "it is this console's and that the disk has room",
		    err_text(err));
		return 1;
	}
	return 0;
}

static int
run(const struct options *o, const char *name)
{
	char why[512] = "";
	struct settings settings;
	struct store *store;
	size_t i;
	int code;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			break;
	if (i == sizeof(commands) / sizeof(commands[0])) {
		conlog_error("there is no such command: see --help");
		return 2;
	}
	if (settings_read(o->config, why, sizeof(why), &settings) != 0) {
		conlog_error("the configuration %s cannot be used: %s",
		    o->config, why);
		return 1;
	}
	if ((code = open_store(&settings, &store)) == 0) {
		code = commands[i].run(&settings, store, o);
		store_close(store);
	}
	settings_free(&settings);
	return code;
}

int
main(int argc, char **argv)
{
	struct options o;
	bool done = false;
	int c, code;

	memset(&o, 0, sizeof(o));
	o.config = SETTINGS_FILE;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if ((code = take_option(c, &o, &done)) != 0 || done)
			return code;
	if (optind == argc) {
		fprintf(stderr, "%s", help);
		return 2;
	}
	o.words = argv + optind + 1;
	o.n_words = argc - optind - 1;
	(void)umask(077);
	if (secrets_guard_process() != 0 || digest_init() != 0) {
		conlog_error("this process cannot be made safe: check the "
		    "system's limits");
		return 1;
	}
	return run(&o, argv[optind]);
}
