/*
 * test_guard.c - what the gate gives up, and what it starts has all the same.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/guard.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A set of capabilities in /proc/PID/status, as a number. */
static unsigned long long
set_of(const char *file, const char *name)
{
	char line[256];
	FILE *f = fopen(file, "re");
	unsigned long long v = ~0ull;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			v = strtoull(line + strlen(name) + 1, NULL, 16);
	(void)fclose(f);
	return v;
}

#define KEPT ((1ull << 0) | (1ull << 1) | (1ull << 3) | (1ull << 5) |	\
	(1ull << 6) | (1ull << 7) | (1ull << 14))

TEST(few_capabilities_are_left_and_a_child_has_all)
{
	static const char *const own = "/proc/self/status";
	unsigned long long all = set_of(own, "CapPrm"),
	    bounding = set_of(own, "CapBnd");
	char text[64] = "";
	int fds[2], status;
	struct guard g;
	pid_t pid;

	guard_gate(&g);
	CHECK(g.capabilities);
	CHECK_INT((long long)set_of(own, "CapPrm"), (long long)(all & KEPT));
	CHECK_INT((long long)set_of(own, "CapEff"), (long long)(all & KEPT));
	CHECK_INT((long long)set_of(own, "CapBnd"), (long long)bounding);
	CHECK_INT((long long)set_of(own, "NoNewPrivs"), 0);
	if (geteuid() != 0)
		SKIP("not root");
	CHECK_INT(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		(void)dup2(fds[1], 1);
		(void)execl("/bin/sh", "sh", "-c",
		    "grep CapEff /proc/self/status", (char *)NULL);
		_exit(127);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(read(fds[0], text, sizeof(text) - 1) > 8);
	CHECK_INT((long long)strtoull(text + 7, NULL, 16),
	    (long long)bounding);
}

TEST(no_memory_becomes_code)
{
	struct guard g;
	int status;
	pid_t pid;
	void *p;

	guard_gate(&g);
	if (!g.no_new_code)
		SKIP("this kernel has it not");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(p == MAP_FAILED);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_INT(mprotect(p, 4096, PROT_READ | PROT_EXEC), -1);
	CHECK_INT(munmap(p, 4096), 0);
	/* What it starts may: an interpreter with a compiler in it. */
	if ((pid = fork()) == 0) {
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		_exit(p == MAP_FAILED ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_MAIN()
