/*
 * own.c - the program that this process runs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "platform/program.h"

#include <libproc.h>
#include <mach-o/dyld.h>
#include <signal.h>
#include <unistd.h>

/* The path by which we were started, as the kernel noted it at exec(2): also
 * after another file has taken the name. */
static int
own_path(char path[PROGRAM_PATH_SIZE])
{
	uint32_t n = PROGRAM_PATH_SIZE;

	if (_NSGetExecutablePath(path, &n) != 0)
		return ERR_TOO_LARGE;
	if (path[0] == '/')
		return 0;
	return proc_pidpath(getpid(), path, PROGRAM_PATH_SIZE) > 0 ? 0 : ERR_IO;
}

/*
 * By its path: there is no descriptor of the running file to be had. Called at
 * the start, before there was time to replace it.
 */
int
program_open_own(struct program *ret_p)
{
	char path[PROGRAM_PATH_SIZE];
	int err;

	if ((err = own_path(path)) != 0)
		return err;
	return program_open(path, PROGRAM_OWNER_SELF, ret_p);
}

int
program_renew(char *const argv[])
{
	char path[PROGRAM_PATH_SIZE];
	struct program p;
	sigset_t none;
	int err;

	if ((err = own_path(path)) != 0 ||
	    (err = program_open(path, PROGRAM_OWNER_SELF, &p)) != 0)
		return err;
	/* One that comes before the new program listens must not end it. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execv(p.path, argv);
	program_close(&p);
	return ERR_IO;
}
