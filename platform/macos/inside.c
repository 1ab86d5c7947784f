/*
 * inside.c - trying profiles from within, which macOS does otherwise.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, gate.
 *
 * What sandbox_probe() tries here needs no program of ours inside, and there
 * are no accounts whose processes would be an action's alone.
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
