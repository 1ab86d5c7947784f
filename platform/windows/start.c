/*
 * start.c - from the system's way of starting a program to main().
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process, on Windows.
 *
 * The linker puts this in front of main() (--wrap=main): arguments are UTF-8
 * as everywhere, standard streams carry bytes as they are, and a wrong
 * descriptor is an error and not the end.
 */
#include "platform/windows/win.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>

/* The C library's own way to the arguments (process initialization). */
typedef struct {
	int newmode;
} startup_info;
_CRTIMP int __cdecl __wgetmainargs(int *argc, wchar_t ***argv, wchar_t ***env,
    int wildcards, startup_info *info);

/* The names are the linker's. */
int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static void
on_invalid(const wchar_t *expression, const wchar_t *function,
    const wchar_t *file, unsigned line, uintptr_t reserved)
{
	(void)expression;
	(void)function;
	(void)file;
	(void)line;
	(void)reserved;
}

/* The arguments as they were typed. They live as long as the process. */
static char **
arguments(int *ret_n)
{
	startup_info info = { 0 };
	wchar_t **wide = NULL, **env = NULL;
	char **list;
	int i, n = 0;

	(void)__wgetmainargs(&n, &wide, &env, 0, &info);
	if (wide == NULL || (list = calloc((size_t)n + 1,
	    sizeof(*list))) == NULL)
		return NULL;
	for (i = 0; i < n; i++)
		if (win_narrow(wide[i], &list[i]) != 0)
			return NULL;
	*ret_n = n;
	return list;
}

int
__wrap_main(int argc, char **argv)
{
	UINT codes = GetConsoleOutputCP();
	char **list = arguments(&argc);
	int fd, code;

	(void)argv;
	(void)_set_invalid_parameter_handler(on_invalid);
	for (fd = 0; fd <= 2; fd++)
		(void)_setmode(fd, _O_BINARY);
	/* A pipe's end is not known to be no console: by the line. */
	(void)setvbuf(stderr, NULL, _IONBF, 0);
	if (list == NULL)
		return 1;
	(void)SetConsoleOutputCP(CP_UTF8);
	code = __real_main(argc, list);
	(void)fflush(stdout);
	if (codes != 0)
		(void)SetConsoleOutputCP(codes);
	return code;
}
