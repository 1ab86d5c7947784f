/*
 * inside.c - trying profiles from within, which Windows does not yet have.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, gate.
 *
 * sandbox_probe() offers `full` alone here: there is nothing to be run inside
 * of, and no account whose processes would be an action's.
 */
#include "platform/sandbox.h"

int
sandbox_inside(int n_args, char **args)
{
	(void)n_args;
	(void)args;
	return 2;
}

int
sandbox_sweep(uint32_t uid)
{
	(void)uid;
	return ERR_UNSUPPORTED;
}
