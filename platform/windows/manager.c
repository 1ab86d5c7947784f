/*
 * manager.c - no service is told here: the broker is Linux's.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 */
#include "platform/manager.h"

const char *const manager_environment[] = { NULL };

void
manager_find(struct manager *ret_m)
{
	*ret_m = (struct manager){ MANAGER_NONE, NULL };
}

int
manager_act(const struct manager *m, const char *verb, const char *unit,
    struct manager_command *ret_c)
{
	(void)m;
	(void)verb;
	(void)unit;
	(void)ret_c;
	return ERR_UNSUPPORTED;
}

int
manager_show(const struct manager *m, const char *unit,
    struct manager_command *ret_c)
{
	(void)m;
	(void)unit;
	(void)ret_c;
	return ERR_UNSUPPORTED;
}

int
manager_become(const struct manager_command *c)
{
	(void)c;
	return ERR_UNSUPPORTED;
}
