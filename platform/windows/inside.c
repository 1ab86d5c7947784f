/*
 * inside.c - trying a confined profile by hand, for tests on a real Windows.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 *	countersign-runner --inside PROFILE [FOLDER]... -- PROGRAM [ARG]...
 *
 * runs the program as observe or repair would: tests/system/windows.ps1 looks
 * what it can reach. It only ever takes rights away from who calls it.
 */
#include "platform/sandbox.h"

#include "platform/pipes.h"
#include "platform/shells.h"

#include <stdio.h>
#include <string.h>

#define USAGE 2
#define FAILED 125

static bool
read_arguments(int n, char **args, struct plan *p)
{
	int i = 1;

	if (n < 3 || (strcmp(args[0], "observe") != 0 &&
	    strcmp(args[0], "repair") != 0))
		return false;
	p->profile = args[0][0] == 'o' ? PLAN_OBSERVE : PLAN_REPAIR;
	for (; i < n && strcmp(args[i], "--") != 0; i++)
		if (p->n_roots < PLAN_ROOTS_MAX)
			p->roots[p->n_roots++] = args[i];
	for (i++; i < n && p->n_args < PLAN_ARGS_MAX; i++)
		p->args[p->n_args++] = args[i];
	p->program = p->args[0];
	return p->n_args > 0;
}

static void
set_rest(struct plan *p)
{
	const char *const *env = shells_environment(ACTION_OBSERVE);

	while (env != NULL && env[p->n_env] != NULL &&
	    p->n_env < PLAN_ENV_MAX) {
		p->env[p->n_env] = env[p->n_env];
		p->n_env++;
	}
	p->cwd = shells_cwd(ACTION_OBSERVE);
	p->net = PLAN_NET_HOST;
	p->read = PLAN_READ_USER;
	p->survivors = PLAN_KILL;
	p->memory_bytes = UINT64_C(512) << 20;
	p->processes = 32;
}

int
sandbox_inside(int n_args, char **args)
{
	struct plan p = { .profile = PLAN_OBSERVE };
	struct sandbox_failure f;
	struct sandbox_end end;
	struct sandbox s;
	int control[2];

	if (!read_arguments(n_args, args, &p))
		return USAGE;
	set_rest(&p);
	if (pipes_open(control) != 0)
		return FAILED;
	if (sandbox_start(&p, NULL, &f, &s) != 0) {
		(void)fprintf(stderr, "countersign-runner: %s failed: %d\n",
		    plan_step_word((uint32_t)f.step), f.error);
		return FAILED;
	}
	(void)fprintf(stderr, "countersign-runner: %s\n", s.enforced);
	sandbox_wait(&s, &p, NULL, control[0], &end);
	(void)fprintf(stderr, "countersign-runner: exit=%u survivors=%u\n",
	    (unsigned)end.code, (unsigned)end.survivors);
	return end.code <= 255 ? (int)end.code : 255;
}

int
sandbox_sweep(uint32_t uid)
{
	(void)uid;
	return ERR_UNSUPPORTED;
}
