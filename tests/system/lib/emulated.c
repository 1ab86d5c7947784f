/*
 * emulated.c - stands where a program of another processor should run.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The kernel here cannot start such a program, and tests do not register an
 * interpreter with it: this one does by hand what binfmt_misc would. The real
 * program has the same name in ../real. EMULATOR is the path of qemu-user.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef EMULATOR
#define EMULATOR "/usr/bin/qemu-aarch64-static"
#endif
#define ARGS_MAX 64

int
main(int argc, char **argv)
{
	char own[PATH_MAX], path[PATH_MAX + 16];
	char emulator[] = EMULATOR, as[] = "-0";
	char *args[ARGS_MAX + 5] = { emulator, as, argv[0], path, NULL };
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;
	int i;

	if (n <= 0 || argc > ARGS_MAX)
		return 126;
	own[n] = '\0';
	if ((slash = strrchr(own, '/')) == NULL)
		return 126;
	*slash = '\0';
	(void)snprintf(path, sizeof(path), "%s/../real/%s", own, slash + 1);
	for (i = 1; i < argc; i++)
		args[3 + i] = argv[i];
	args[3 + argc] = NULL;
	/* qemu-user knows the call but not this option of it; it outlives
	 * execve(2), and the agent tries whether it holds. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)execv(emulator, args);
	perror(emulator);
	return 126;
}
