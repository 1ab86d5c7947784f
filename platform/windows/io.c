/*
 * io.c - reading and writing handles, whether they were opened to wait or not.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli, on Windows.
 */
#include "platform/windows/io.h"

#include <string.h>

#define PIECE ((size_t)65536)

/* Waits for what was begun; it is over when this returns. */
static bool
finish(HANDLE h, OVERLAPPED *o, DWORD ms, DWORD *ret_n, bool *ret_late)
{
	*ret_late = WaitForSingleObject(o->hEvent, ms) == WAIT_TIMEOUT;
	if (*ret_late)
		(void)CancelIoEx(h, o);
	return GetOverlappedResult(h, o, ret_n, TRUE) != 0;
}

/* One read or write of a pipe. 0, or the system's error in *ret_error. */
static int
pipe_step(HANDLE h, void *to, const void *from, DWORD n, DWORD ms,
    DWORD *ret_n, DWORD *ret_error)
{
	OVERLAPPED o;
	bool ok, late = false;
	BOOL r;

	memset(&o, 0, sizeof(o));
	*ret_n = 0;
	*ret_error = ERROR_SUCCESS;
	if ((o.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)) == NULL)
		return ERR_IO;
	if (to != NULL)
		r = ReadFile(h, to, n, ret_n, &o);
	else
		r = WriteFile(h, from, n, ret_n, &o);
	ok = r != 0;
	if (ok)
		ok = GetOverlappedResult(h, &o, ret_n, TRUE) != 0;
	else if (GetLastError() == ERROR_IO_PENDING)
		ok = finish(h, &o, ms, ret_n, &late);
	if (!ok)
		*ret_error = GetLastError();
	(void)CloseHandle(o.hEvent);
	if (late && !ok)
		return ERR_AGAIN;
	return ok ? 0 : win_error(*ret_error);
}

int
io_read(HANDLE h, void *p, size_t n, DWORD ms, size_t *ret_n)
{
	DWORD want = (DWORD)(n < PIECE ? n : PIECE), got = 0, error;
	int err;

	if (GetFileType(h) == FILE_TYPE_PIPE) {
		err = pipe_step(h, p, NULL, want, ms, &got, &error);
		if (err == ERR_CLOSED || error == ERROR_HANDLE_EOF) {
			*ret_n = 0;
			return 0;
		}
		if (err != 0)
			return err == ERR_AGAIN ? err : ERR_IO;
	} else if (!ReadFile(h, p, want, &got, NULL)) {
		if (GetLastError() != ERROR_HANDLE_EOF &&
		    GetLastError() != ERROR_BROKEN_PIPE)
			return ERR_IO;
		got = 0;
	}
	*ret_n = got;
	return 0;
}

int
io_write(HANDLE h, struct bytes a, DWORD ms)
{
	bool pipe = GetFileType(h) == FILE_TYPE_PIPE;
	DWORD want, put, error;
	int err;

	while (a.n > 0) {
		want = (DWORD)(a.n < PIECE ? a.n : PIECE);
		err = 0;
		if (pipe)
			err = pipe_step(h, NULL, a.p, want, ms, &put, &error);
		else if (!WriteFile(h, a.p, want, &put, NULL))
			err = win_last();
		if (err != 0)
			return err == ERR_AGAIN || err == ERR_CLOSED ||
			    err == ERR_NO_SPACE ? err : ERR_IO;
		a.p += put;
		a.n -= put;
	}
	return 0;
}
