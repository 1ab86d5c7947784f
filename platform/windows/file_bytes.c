/*
 * file_bytes.c - the bytes of files: reading, writing, replacing them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/file.h"

#include "platform/windows/win.h"

#include <io.h>
#include <stdio.h>
#include <string.h>

/* Most that one call is given. */
#define PIECE ((size_t)1 << 30)

void
file_close(int *fd)
{
	if (*fd >= 0)
		(void)_close(*fd);
	*fd = -1;
}

static void
place(uint64_t at, OVERLAPPED *ret_o)
{
	memset(ret_o, 0, sizeof(*ret_o));
	ret_o->Offset = (DWORD)at;
	ret_o->OffsetHigh = (DWORD)(at >> 32);
}

int
file_write_at(int fd, uint64_t at, struct bytes a)
{
	HANDLE h = win_handle(fd);
	OVERLAPPED o;
	DWORD n;

	while (a.n > 0) {
		place(at, &o);
		if (!WriteFile(h, a.p, (DWORD)(a.n < PIECE ? a.n : PIECE), &n,
		    &o))
			return win_last();
		if (n == 0)
			return ERR_IO;
		a.p += n;
		a.n -= n;
		at += n;
	}
	return 0;
}

int
file_read_at(int fd, uint64_t at, void *ret_p, size_t n, size_t *ret_n)
{
	HANDLE h = win_handle(fd);
	uint8_t *p = ret_p;
	size_t have = 0;
	OVERLAPPED o;
	DWORD got;

	while (have < n) {
		place(at + have, &o);
		if (!ReadFile(h, p + have, (DWORD)(n - have < PIECE ?
		    n - have : PIECE), &got, &o)) {
			if (GetLastError() == ERROR_HANDLE_EOF)
				break;
			return win_last();
		}
		if (got == 0)
			break;
		have += got;
	}
	*ret_n = have;
	return 0;
}

int
file_read(int dir, const char *name, size_t cap, struct buf *ret_b)
{
	uint64_t size;
	uint8_t *to;
	size_t n = 0;
	int fd = -1, err;

	if ((err = file_open_read(dir, name, &fd)) != 0)
		return err;
	if ((err = file_size(fd, &size)) == 0 && size > cap)
		err = ERR_TOO_LARGE;
	if (err == 0 && size > 0) {
		if ((to = buf_reserve(ret_b, (size_t)size)) == NULL)
			err = buf_error(ret_b);
		else if ((err = file_read_at(fd, 0, to, (size_t)size,
		    &n)) == 0)
			buf_commit(ret_b, n);
	}
	file_close(&fd);
	return err;
}

int
file_put(int dir, const char *name, struct bytes content)
{
	char fresh[FILE_NAME_MAX + 8];
	int fd = -1, err;

	if (strlen(name) > FILE_NAME_MAX - 4)
		return ERR_TOO_LARGE;
	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	err = file_remove(dir, fresh);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	if ((err = file_create(dir, fresh, &fd)) != 0)
		return err;
	if ((err = file_write_at(fd, 0, content)) == 0)
		err = file_sync(fd);
	file_close(&fd);
	if (err == 0)
		err = file_rename(dir, fresh, name);
	if (err != 0)
		(void)!file_remove(dir, fresh);
	return err;
}

int
file_replace(int dir, const char *name, struct bytes content)
{
	int err = file_put(dir, name, content);

	return err != 0 ? err : file_sync_dir(dir);
}
