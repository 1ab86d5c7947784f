/*
 * win.c - what the files of this folder share: texts, errors, handles.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process, on Windows.
 */
#include "platform/windows/win.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>
#include <string.h>

int
win_wide(const char *text, wchar_t **ret_w)
{
	wchar_t *w;
	int n;

	n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL,
	    0);
	if (n <= 0)
		return ERR_CHARACTER;
	if ((w = calloc((size_t)n, sizeof(*w))) == NULL)
		return ERR_NOMEM;
	if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, w,
	    n) != n) {
		free(w);
		return ERR_CHARACTER;
	}
	*ret_w = w;
	return 0;
}

int
win_narrow(const wchar_t *w, char **ret_text)
{
	char *text;
	int n;

	n = WideCharToMultiByte(CP_UTF8, 0, w, -1, NULL, 0, NULL, NULL);
	if (n <= 0)
		return ERR_CHARACTER;
	if ((text = calloc((size_t)n, 1)) == NULL)
		return ERR_NOMEM;
	if (WideCharToMultiByte(CP_UTF8, 0, w, -1, text, n, NULL,
	    NULL) != n) {
		free(text);
		return ERR_CHARACTER;
	}
	*ret_text = text;
	return 0;
}

void
win_narrow_into(const wchar_t *w, char *ret_text, size_t n)
{
	char *text = NULL;
	size_t len;

	ret_text[0] = '\0';
	if (win_narrow(w, &text) != 0)
		return;
	len = strlen(text);
	if (len >= n) {
		len = n - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(ret_text, text, len);
	ret_text[len] = '\0';
	free(text);
}

int
win_path(const char *path, wchar_t **ret_w)
{
	wchar_t *given, *full;
	DWORD n;
	int err;

	if (path[0] == '\0')
		return ERR_NOT_FOUND;
	if ((err = win_wide(path, &given)) != 0)
		return err;
	full = calloc(WIN_PATH_SIZE, sizeof(*full));
	if (full == NULL) {
		free(given);
		return ERR_NOMEM;
	}
	/* It makes back slashes of slashes; room for the prefix is left. */
	n = GetFullPathNameW(given, WIN_PATH_SIZE - 8, full, NULL);
	free(given);
	if (n == 0 || n >= WIN_PATH_SIZE - 8) {
		free(full);
		return n == 0 ? ERR_IO : ERR_TOO_LARGE;
	}
	/* Devices, pipes and shares have their prefix. */
	if (full[0] != L'\\') {
		memmove(full + 4, full, ((size_t)n + 1) * sizeof(*full));
		memcpy(full, L"\\\\?\\", 4 * sizeof(*full));
	}
	*ret_w = full;
	return 0;
}

int
win_path_of(HANDLE h, char *ret_path, size_t n)
{
	wchar_t w[WIN_PATH_SIZE];
	const wchar_t *from = w;
	char *text, *p;
	DWORD len = GetFinalPathNameByHandleW(h, w, WIN_PATH_SIZE,
	    FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
	int err;

	if (len == 0 || len >= WIN_PATH_SIZE)
		return len == 0 ? win_last() : ERR_TOO_LARGE;
	if (wcsncmp(w, L"\\\\?\\", 4) == 0)
		from += 4;
	if ((err = win_narrow(from, &text)) != 0)
		return err;
	for (p = text; *p != '\0'; p++)
		if (*p == '\\')
			*p = '/';
	if ((size_t)(p - text) >= n)
		err = ERR_TOO_LARGE;
	else
		memcpy(ret_path, text, (size_t)(p - text) + 1);
	free(text);
	return err;
}

/* clang-format off */
static const struct {
	DWORD error;
	int err;
	int number;
} errors[] = {
	{ ERROR_FILE_NOT_FOUND, ERR_NOT_FOUND, ENOENT },
	{ ERROR_PATH_NOT_FOUND, ERR_NOT_FOUND, ENOENT },
	{ ERROR_INVALID_NAME, ERR_NOT_FOUND, ENOENT },
	{ ERROR_BAD_PATHNAME, ERR_NOT_FOUND, ENOENT },
	{ ERROR_INVALID_DRIVE, ERR_NOT_FOUND, ENOENT },
	{ ERROR_BAD_NETPATH, ERR_NOT_FOUND, ENOENT },
	{ ERROR_FILE_EXISTS, ERR_EXISTS, EEXIST },
	{ ERROR_ALREADY_EXISTS, ERR_EXISTS, EEXIST },
	{ ERROR_DIR_NOT_EMPTY, ERR_EXISTS, ENOTEMPTY },
	{ ERROR_ACCESS_DENIED, ERR_PERMISSION, EACCES },
	{ ERROR_SHARING_VIOLATION, ERR_PERMISSION, EACCES },
	{ ERROR_WRITE_PROTECT, ERR_PERMISSION, EROFS },
	{ ERROR_DIRECTORY, ERR_PERMISSION, ENOTDIR },
	{ ERROR_CANT_ACCESS_FILE, ERR_PERMISSION, EACCES },
	{ ERROR_PRIVILEGE_NOT_HELD, ERR_PERMISSION, EPERM },
	{ ERROR_INVALID_OWNER, ERR_PERMISSION, EPERM },
	{ ERROR_DISK_FULL, ERR_NO_SPACE, ENOSPC },
	{ ERROR_HANDLE_DISK_FULL, ERR_NO_SPACE, ENOSPC },
	/* ERROR_DISK_QUOTA_EXCEEDED */
	{ 1295, ERR_NO_SPACE, ENOSPC },
	{ ERROR_FILE_TOO_LARGE, ERR_TOO_LARGE, EFBIG },
	{ ERROR_FILENAME_EXCED_RANGE, ERR_TOO_LARGE, ENAMETOOLONG },
	{ ERROR_NOT_ENOUGH_MEMORY, ERR_NOMEM, ENOMEM },
	{ ERROR_OUTOFMEMORY, ERR_NOMEM, ENOMEM },
	{ ERROR_BROKEN_PIPE, ERR_CLOSED, EPIPE },
	{ ERROR_NO_DATA, ERR_CLOSED, EPIPE },
	{ ERROR_PIPE_NOT_CONNECTED, ERR_CLOSED, EPIPE },
	{ ERROR_NOT_SUPPORTED, ERR_UNSUPPORTED, ENOSYS },
	{ ERROR_CALL_NOT_IMPLEMENTED, ERR_UNSUPPORTED, ENOSYS },
	{ ERROR_INVALID_FUNCTION, ERR_UNSUPPORTED, ENOSYS },
	{ ERROR_BAD_EXE_FORMAT, ERR_IO, ENOEXEC },
	{ ERROR_NOACCESS, ERR_IO, EFAULT },
};
/* clang-format on */
#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

int
win_error(DWORD error)
{
	size_t i;

	for (i = 0; i < N_ERRORS; i++)
		if (errors[i].error == error)
			return errors[i].err;
	return ERR_IO;
}

int
win_last(void)
{
	return win_error(GetLastError());
}

int
win_errno(DWORD error)
{
	size_t i;

	for (i = 0; i < N_ERRORS; i++)
		if (errors[i].error == error)
			return errors[i].number;
	return error < 100000 ? WIN_ERRNO + (int)error : EIO;
}

/* The C library ends a process that asks for a descriptor that is not open,
 * unless it is told not to (start.c). */
HANDLE
win_handle(int fd)
{
	intptr_t h = fd < 0 ? -1 : _get_osfhandle(fd);

	return h == -1 || h == -2 ? NULL : (HANDLE)h;
}

int
win_descriptor(HANDLE h, int *ret_fd)
{
	int fd = _open_osfhandle((intptr_t)h, _O_BINARY | _O_NOINHERIT);

	if (fd < 0) {
		(void)CloseHandle(h);
		return ERR_IO;
	}
	*ret_fd = fd;
	return 0;
}

void
win_close(HANDLE *h)
{
	if (*h != NULL && *h != INVALID_HANDLE_VALUE)
		(void)CloseHandle(*h);
	*h = NULL;
}

bool
win_is_wine(void)
{
	HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

	return ntdll != NULL &&
	    GetProcAddress(ntdll, "wine_get_version") != NULL;
}
