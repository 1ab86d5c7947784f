/*
 * manager.c - systemd, OpenRC or scripts: how services are told on Linux.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 */
#include "platform/manager.h"

#include "common/unitpaths.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".service"

const char *const manager_environment[] = {
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
	"TERM=dumb", "PAGER=cat", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0",
	"SYSTEMD_URLIFY=0", "HOME=/", NULL
};

static const struct {
	enum manager_kind kind;
	const char *program;
} programs[] = {
	{ MANAGER_SYSTEMD, "/usr/bin/systemctl" },
	{ MANAGER_SYSTEMD, "/bin/systemctl" },
	{ MANAGER_OPENRC, "/sbin/rc-service" },
	{ MANAGER_OPENRC, "/usr/sbin/rc-service" },
	{ MANAGER_OPENRC, "/usr/bin/rc-service" },
	{ MANAGER_SCRIPTS, "/usr/sbin/service" },
	{ MANAGER_SCRIPTS, "/sbin/service" },
};

void
manager_find(struct manager *ret_m)
{
	/* sd_booted(3): its program alone says nothing. */
	const bool systemd = access("/run/systemd/system", F_OK) == 0;
	size_t i;

	*ret_m = (struct manager){ MANAGER_NONE, NULL };
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if ((programs[i].kind == MANAGER_SYSTEMD) != systemd ||
		    access(programs[i].program, X_OK) != 0)
			continue;
		*ret_m = (struct manager){ programs[i].kind,
		    programs[i].program };
		return;
	}
}

static int
name_unit(const char *unit, bool whole, struct manager_command *c)
{
	size_t n = strlen(unit), end = sizeof(SUFFIX) - 1;

	if (!whole && n > end && strcmp(unit + n - end, SUFFIX) == 0)
		n -= end;
	if (n >= sizeof(c->unit))
		return ERR_TOO_LARGE;
	memcpy(c->unit, unit, n);
	c->unit[n] = '\0';
	return 0;
}

int
manager_act(const struct manager *m, const char *verb, const char *unit,
    struct manager_command *ret_c)
{
	struct manager_command *c = ret_c;
	size_t n = 0;

	if (m->kind == MANAGER_NONE)
		return ERR_UNSUPPORTED;
	if (name_unit(unit, m->kind == MANAGER_SYSTEMD, c) != 0)
		return ERR_TOO_LARGE;
	c->argv[n++] = m->program;
	if (m->kind == MANAGER_SYSTEMD) {
		c->argv[n++] = "--no-pager";
		c->argv[n++] = "--no-ask-password";
		c->argv[n++] = verb;
		c->argv[n++] = "--";
		c->argv[n++] = c->unit;
	} else {
		c->argv[n++] = c->unit;
		c->argv[n++] = verb;
	}
	c->argv[n] = NULL;
	return 0;
}

int
manager_show(const struct manager *m, const char *unit,
    struct manager_command *ret_c)
{
	struct manager_command *c = ret_c;
	size_t n = 0, i;

	if (m->kind != MANAGER_SYSTEMD)
		return ERR_UNSUPPORTED;
	if (name_unit(unit, true, c) != 0)
		return ERR_TOO_LARGE;
	c->argv[n++] = m->program;
	c->argv[n++] = "show";
	for (i = 0; unitpaths_show[i] != NULL && n + 3 < MANAGER_ARGS; i++)
		c->argv[n++] = unitpaths_show[i];
	c->argv[n++] = "--";
	c->argv[n++] = c->unit;
	c->argv[n] = NULL;
	return 0;
}

int
manager_become(const struct manager_command *c)
{
	union {
		const char *const *in;
		char *const *out;
	} argv = { c->argv }, env = { manager_environment };

	(void)execve(c->argv[0], argv.out, env.out);
	return ERR_IO;
}
