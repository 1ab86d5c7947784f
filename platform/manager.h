/*
 * manager.h - the machine's service manager, and how it is told.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (looks at units), runner (the broker).
 */
#ifndef COUNTERSIGN_PLATFORM_MANAGER_H
#define COUNTERSIGN_PLATFORM_MANAGER_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

enum manager_kind {
	MANAGER_NONE,
	MANAGER_SYSTEMD,	/* systemctl */
	MANAGER_OPENRC,		/* rc-service */
	MANAGER_SCRIPTS		/* service: scripts in /etc/init.d */
};

/* What is there: systemd where it runs, else the first of the others. */
struct manager {
	enum manager_kind kind;
	const char *program;	/* absolute; NULL: none */
};

void manager_find(struct manager *ret_m);

/* Longest command line, with its NULL. */
#define MANAGER_ARGS 12
/* Longest name of a unit, with its NUL. */
#define MANAGER_UNIT_SIZE 256

/* A command line; the strings live as long as this and its makers' do. */
struct manager_command {
	const char *argv[MANAGER_ARGS];
	char unit[MANAGER_UNIT_SIZE];	/* as this manager calls it */
};

/*
 * The command that does verb ("start", "stop", "restart", "reload", "status")
 * to the unit, "NAME.service". ERR_UNSUPPORTED there is no manager;
 * ERR_TOO_LARGE.
 */
MUST_CHECK int manager_act(const struct manager *m, const char *verb,
    const char *unit, struct manager_command *ret_c);
/*
 * The command that tells what the unit is made of, for common/unitpaths.h.
 * ERR_UNSUPPORTED only systemd can; ERR_TOO_LARGE.
 */
MUST_CHECK int manager_show(const struct manager *m, const char *unit,
    struct manager_command *ret_c);

/* The environment of both: nothing is inherited. Ended by NULL. */
extern const char *const manager_environment[];

/* Becomes that command. Returns only if it cannot be: ERR_IO, ERR_UNSUPPORTED
 * there are none here. */
MUST_CHECK int manager_become(const struct manager_command *c);

#endif
