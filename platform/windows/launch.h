/*
 * launch.h - starting a process with exactly what it is given.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli, on Windows.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_LAUNCH_H
#define COUNTERSIGN_PLATFORM_WINDOWS_LAUNCH_H

#include "platform/windows/win.h"

/* Most handles that one child is given. */
#define LAUNCH_HANDLES_MAX 64

struct launch {
	const wchar_t *program;		/* absolute path */
	wchar_t *line;			/* command line; may be written to */
	wchar_t *environment;		/* "NAME=value\0…\0\0" */
	const wchar_t *folder;		/* NULL: ours */
	const HANDLE *handles;		/* all it gets, 0-2 first */
	size_t n_handles;
	BYTE *table;			/* for its C library, or NULL */
	WORD table_size;
	HANDLE job;
	HANDLE token;			/* under whose it runs; NULL: ours */
	wchar_t *desktop;		/* NULL: ours */
	DWORD flags;			/* DETACHED_PROCESS, … */
};

/*
 * Starts it in its job. Both handles of ret_p are the caller's. ERR_IO; then
 * *ret_error is the system's number.
 */
MUST_CHECK int launch_start(const struct launch *l, PROCESS_INFORMATION *ret_p,
    DWORD *ret_error);

/*
 * The environment for a child, to be freed: the list, in the order that the
 * system wants, and SystemRoot, without which programs there do not start.
 * ERR_CHARACTER, ERR_NOMEM.
 */
MUST_CHECK int launch_environment(const char *const *list, wchar_t **ret_env);

/* A job that kills what is in it when its last handle closes, and that nothing
 * can leave. NULL if the system refuses. */
HANDLE launch_job(void);

/* An inheritable copy. NULL. */
HANDLE launch_copy(HANDLE h);
/* An inheritable handle of the null device. NULL. */
HANDLE launch_null(void);

#endif
