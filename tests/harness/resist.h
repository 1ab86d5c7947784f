/*
 * resist.h - scripts that do not want to end, and how they are ended.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the programs of tests/unit that test the ends of runs.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_RESIST_H
#define COUNTERSIGN_TESTS_HARNESS_RESIST_H

#include "tests/harness/exec.h"

#define MIB (1024u * 1024u)
/* Far more than any end takes, far less than waiting for what must not be
 * waited for: jobs have 20 s, and what they start 1000 s. */
#define SOON_MS 10000

/* A daemon as daemons make themselves, deaf to all that can be caught. */
#define DAEMON "(setsid sh -c 'trap \"\" TERM HUP INT QUIT USR1; " \
    "while :; do sleep 1000; done' > /dev/null 2>&1 < /dev/null &) ; "

#define DEAF "trap '' TERM INT HUP QUIT; sh -c \"trap '' TERM; " \
    "while :; do sleep 1000; done\" & " DAEMON \
    "echo up; while :; do sleep 1000; done"

#define HOG "x=0123456789abcdef; while :; do x=$x$x; done"

#define MANY "i=0; while [ $i -lt 60 ]; do i=$((i+1)); sleep 1000 & done; " \
    "wait"

/* Each forks for ever, deaf and in a session of its own. */
#define BOMB "f() { trap '' TERM HUP INT; while :; do (f) & (f) & wait; done;" \
    " }; f & f & f & echo up; sleep 1000"

__attribute__((unused)) static bool
has_pens(const struct run *run)
{
	return strstr(executor_pens(run->ex), "cgroup=none") == NULL;
}

__attribute__((unused)) static void
stop_when_up(struct run *run, int stream, struct bytes data)
{
	(void)stream;
	(void)data;
	execution_stop(run->e);
	execution_stop(run->e);
}

__attribute__((unused)) static void
stop_when_started(struct run *run)
{
	execution_stop(run->e);
}

/* The runner is the payload's parent (proc(5): pid (name) state ppid). */
__attribute__((unused)) static int
runner_of(const struct run *run)
{
	char path[64];
	int runner = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", run->pid);
	f = fopen(path, "r");
	CHECK(f != NULL);
	CHECK_INT(fscanf(f, "%*d %*s %*c %d", &runner), 1);
	(void)fclose(f);
	return runner;
}

__attribute__((unused)) static void
freeze_runner(struct run *run)
{
	CHECK_INT(kill(runner_of(run), SIGSTOP), 0);
	execution_stop(run->e);
}

#endif
