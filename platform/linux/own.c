/*
 * own.c - the program that this process runs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "platform/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What proc(5) adds to the name of a file that was removed or replaced. */
#define DELETED " (deleted)"

int
program_open_own(struct program *ret_p)
{
	return program_open("/proc/self/exe", PROGRAM_OWNER_SELF, ret_p);
}

int
program_renew(char *const argv[])
{
	char path[PROGRAM_PATH_SIZE];
	struct program p;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	size_t cut = strlen(DELETED);
	sigset_t none;
	int err;

	if (n < 0)
		return ERR_IO;
	path[n] = '\0';
	if ((size_t)n > cut && strcmp(path + (size_t)n - cut, DELETED) == 0)
		path[(size_t)n - cut] = '\0';
	if ((err = program_open(path, PROGRAM_OWNER_SELF, &p)) != 0)
		return err;
	/* One that comes before the new program listens must not end it. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execv(p.path, argv);
	program_close(&p);
	return ERR_IO;
}
