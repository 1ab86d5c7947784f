/*
 * guard.h - tests that start processes which resist: held together whatever
 * goes wrong.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the programs of tests/unit that start processes.
 *
 *	GUARDED(name) { CHECK(cond); }
 *
 * is a TEST whose body runs in control groups of its own, with a limit on
 * processes. When it has ended, well or not, all that is in there is killed:
 * a failed test leaves nothing behind, and a bomb cannot fill the machine.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_GUARD_H
#define COUNTERSIGN_TESTS_HARNESS_GUARD_H

#include "platform/sandbox.h"
#include "tests/harness/test.h"

#include <fcntl.h>

#define GUARD_PROCESSES 400

/* Puts this process into the pen. */
__attribute__((unused)) static void
guard_join(const struct pen *pen)
{
	char path[PLAN_PATH_MAX + 32];
	size_t i;
	int fd;

	for (i = 0; i < pen->n; i++) {
		(void)snprintf(path, sizeof(path), "%s/cgroup.procs",
		    pen->groups[i].path);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		CHECK(fd >= 0);
		CHECK_INT(write(fd, "0", 1), 1);
		CHECK_INT(close(fd), 0);
	}
}

/*
 * Runs the body guarded. Where there are no control groups to be had it runs
 * as it is, or, if it must not, is skipped.
 */
__attribute__((unused)) static void
guard(void (*body)(void), bool must)
{
	static const uint8_t card[32];
	char tag[PENS_TAG_SIZE];
	struct pens *pens;
	struct pen pen;
	int status, pid;

	(void)snprintf(tag, sizeof(tag), "guard-%d", (int)getpid());
	CHECK_INT(pens_open(tag, &pens), 0);
	pens_name(pens, card, PLAN_KILL, &pen);
	if ((pen.flags & PLAN_FLAG_PROCESSES) == 0 ||
	    pen_make(&pen, 0, GUARD_PROCESSES, NULL) != 0) {
		pens_close(pens);
		if (must)
			SKIP("no control group to hold it");
		body();
		return;
	}
	if ((pid = fork()) == 0) {
		(void)alarm(TEST_SECONDS - 10);
		guard_join(&pen);
		pens_close(pens);
		body();
		exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(pens_sweep(pens, PENS_LEFT, 5000, NULL), 0);
	pens_close(pens);
	if (WIFSIGNALED(status))
		test_end(1, "ended by signal %d", WTERMSIG(status));
	/* What it said stands in the memory that all share. */
	_exit(WEXITSTATUS(status));
}

#define GUARDED(x)							\
	static void guarded_##x(void);					\
	TEST(x)								\
	{								\
		guard(guarded_##x, false);				\
	}								\
	static void guarded_##x(void)

/* Never without the guard. */
#define GUARDED_ONLY(x)							\
	static void guarded_##x(void);					\
	TEST(x)								\
	{								\
		guard(guarded_##x, true);				\
	}								\
	static void guarded_##x(void)

#endif
