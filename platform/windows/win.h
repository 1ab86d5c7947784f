/*
 * win.h - what the files of this folder share: texts, errors, handles.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process, on Windows.
 *
 * The rest of the tree speaks UTF-8 and numbers small enough for an int; the
 * system speaks UTF-16 and handles. A handle has 32 significant bits, also in
 * a process of 64 (Microsoft, "Interprocess Communication Between 32-bit and
 * 64-bit Applications").
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_WIN_H
#define COUNTERSIGN_PLATFORM_WINDOWS_WIN_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif

#include "common/bytes.h"

#include <winsock2.h>
#include <windows.h>

/* Longest path that we take, in UTF-16 units with its NUL. */
#define WIN_PATH_SIZE 4200

/*
 * The text in the other encoding, NUL-terminated, to be freed by the caller.
 * ERR_CHARACTER it is malformed; ERR_TOO_LARGE; ERR_NOMEM.
 */
MUST_CHECK int win_wide(const char *text, wchar_t **ret_w);
MUST_CHECK int win_narrow(const wchar_t *w, char **ret_text);
/* Into a buffer of n bytes; the text is cut at a whole character. */
void win_narrow_into(const wchar_t *w, char *ret_text, size_t n);
/*
 * A path for the system's functions: absolute, with back slashes and without
 * a limit on its length. To be freed. ERR_NOT_FOUND it is empty; as above.
 */
MUST_CHECK int win_path(const char *path, wchar_t **ret_w);
/* The path of an open file as UTF-8 with '/', without the "\\?\" before it. */
MUST_CHECK int win_path_of(HANDLE h, char *ret_path, size_t n);

/* What an error of the system is called here. */
int win_error(DWORD error);
/* Of the call that has just failed. */
int win_last(void);
/*
 * As errno, for what is reported by its number: those that have one, else
 * WIN_ERRNO plus the system's own number.
 */
#define WIN_ERRNO 100000
int win_errno(DWORD error);

/* The handle behind a descriptor; NULL if it is not open. */
HANDLE win_handle(int fd);
/*
 * A descriptor of the C library for a handle, which it then owns, also on
 * failure. ERR_IO too many are open.
 */
MUST_CHECK int win_descriptor(HANDLE h, int *ret_fd);
/* Closes *h unless it is NULL or invalid, and sets it to NULL. */
void win_close(HANDLE *h);

/* Whether this is not Windows but Wine, which takes limits and restricted
 * tokens and does not enforce them. */
bool win_is_wine(void);

#endif
