/*
 * commands.h - what the console's administrator does from the command line.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * All of them work while `serve` runs. They return the exit code (0 done,
 * 1 failed, 2 usage); what went wrong was printed.
 */
#ifndef COUNTERSIGN_CONSOLE_COMMANDS_H
#define COUNTERSIGN_CONSOLE_COMMANDS_H

#include "console/settings.h"
#include "console/store/store.h"

/* The options of all commands; NULL or 0 where not given. */
struct options {
	const char *config;
	const char *org;
	const char *name;
	const char *role;
	const char *out;
	const char *proposer_key;
	const char *passphrase_file;
	const char *reason;
	int64_t hours;
	bool json;
	bool help;
	/* What is left: words that are no options. */
	char **words;
	int n_words;
};

int command_enrol_token(const struct settings *settings, struct store *s,
    const struct options *o);
int command_devices(const struct settings *settings, struct store *s,
    const struct options *o);
/* Every alarm, those too that somebody has acknowledged. */
int command_alarms(const struct settings *settings, struct store *s,
    const struct options *o);
/* The auditor's archive of a device, also of one that is gone. */
int command_export(const struct settings *settings, struct store *s,
    const struct options *o);
/* The verifier key of this console as a witness. */
int command_witness_key(const struct settings *settings, struct store *s,
    const struct options *o);
/* user add, user list, user remove */
int command_user(const struct settings *settings, struct store *s,
    const struct options *o);
int command_backup(const struct settings *settings, struct store *s,
    const struct options *o);

#endif
