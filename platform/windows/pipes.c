/*
 * pipes.c - pipes, and files that nobody else can open.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 *
 * A pipe of CreatePipe() cannot be read without waiting, so that these are
 * named ones, each with a random name, one instance and a list that lets in
 * nobody but ourselves; and nobody comes in between, because a second opening
 * finds no instance left.
 */
#include "platform/pipes.h"

#include "platform/random.h"
#include "platform/windows/accounts.h"
#include "platform/windows/io.h"

#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER 65536
#define NAME_SIZE 80

static int
make_name(const wchar_t *before, wchar_t ret_name[NAME_SIZE])
{
	uint64_t r[2];

	if (random_fill(r, sizeof(r)) != 0)
		return ERR_IO;
	(void)swprintf(ret_name, NAME_SIZE, L"%lscountersign-%016llx%016llx",
	    before, (unsigned long long)r[0], (unsigned long long)r[1]);
	return 0;
}

/* Both ends: the server's does not wait, the other does unless `duplex`. */
static int
make_pipe(bool duplex, int ret_fds[2])
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, FALSE };
	wchar_t name[NAME_SIZE];
	HANDLE server, client;
	int fds[2] = { -1, -1 }, err;

	if ((err = make_name(L"\\\\.\\pipe\\", name)) != 0)
		return err;
	if ((sa.lpSecurityDescriptor = accounts_private()) == NULL)
		return ERR_IO;
	server = CreateNamedPipeW(name, (duplex ? PIPE_ACCESS_DUPLEX :
	    PIPE_ACCESS_INBOUND) | FILE_FLAG_OVERLAPPED |
	    FILE_FLAG_FIRST_PIPE_INSTANCE, PIPE_TYPE_BYTE |
	    PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1,
	    BUFFER, BUFFER, 0, &sa);
	LocalFree(sa.lpSecurityDescriptor);
	if (server == INVALID_HANDLE_VALUE)
		return ERR_IO;
	client = CreateFileW(name, GENERIC_WRITE | FILE_READ_ATTRIBUTES |
	    (duplex ? GENERIC_READ | FILE_WRITE_ATTRIBUTES : 0u), 0, NULL,
	    OPEN_EXISTING, SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS |
	    (duplex ? FILE_FLAG_OVERLAPPED : 0u), NULL);
	if (client == INVALID_HANDLE_VALUE) {
		(void)CloseHandle(server);
		return ERR_IO;
	}
	err = win_descriptor(server, &fds[0]);
	if (err != 0)
		(void)CloseHandle(client);
	else if ((err = win_descriptor(client, &fds[1])) != 0)
		pipes_close(&fds[0]);
	if (err != 0)
		return err;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int
pipes_open(int ret_fds[2])
{
	return make_pipe(false, ret_fds);
}

int
pipes_pair(int ret_fds[2])
{
	return make_pipe(true, ret_fds);
}

/* The folder for short-lived files, with its slash. */
static int
temp_folder(wchar_t ret_path[WIN_PATH_SIZE])
{
	DWORD n = GetTempPathW(WIN_PATH_SIZE - NAME_SIZE, ret_path);

	return n > 0 && n < WIN_PATH_SIZE - NAME_SIZE ? 0 : ERR_IO;
}

/*
 * A file that goes when its first handle is closed: from then on nobody can
 * open it, and the second handle, which only reads, stays good. Small ones do
 * not reach the disk.
 */
static int
make_sealed(const wchar_t *path, struct bytes content, HANDLE *ret_h)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, FALSE };
	HANDLE w, r = INVALID_HANDLE_VALUE;
	int err;

	if ((sa.lpSecurityDescriptor = accounts_private()) == NULL)
		return ERR_NOMEM;
	w = CreateFileW(path, GENERIC_WRITE | DELETE, FILE_SHARE_READ |
	    FILE_SHARE_DELETE, &sa, CREATE_NEW, FILE_ATTRIBUTE_TEMPORARY |
	    FILE_FLAG_DELETE_ON_CLOSE, NULL);
	LocalFree(sa.lpSecurityDescriptor);
	if (w == INVALID_HANDLE_VALUE)
		return win_last();
	if ((err = io_write(w, content, INFINITE)) == 0) {
		r = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ |
		    FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
		    0, NULL);
		if (r == INVALID_HANDLE_VALUE)
			err = win_last();
	}
	(void)CloseHandle(w);
	if (err == 0)
		*ret_h = r;
	return err;
}

int
pipes_sealed(const char *name, struct bytes content, int *ret_fd)
{
	wchar_t path[WIN_PATH_SIZE], full[WIN_PATH_SIZE];
	HANDLE h;
	int err;

	(void)name;
	if ((err = temp_folder(path)) != 0)
		return err;
	/* NAME_SIZE is the room that temp_folder() has left. */
	memcpy(full, path, sizeof(full));
	if ((err = make_name(L"", full + wcslen(path))) != 0 ||
	    (err = make_sealed(full, content, &h)) != 0)
		return err == ERR_NO_SPACE ? err : ERR_IO;
	return win_descriptor(h, ret_fd);
}

void
pipes_close(int *fd)
{
	if (*fd >= 0)
		(void)_close(*fd);
	*fd = -1;
}

int
pipes_forgo_signal(void)
{
	return 0;
}

bool
pipes_is_open(int fd)
{
	return win_handle(fd) != NULL;
}

int
pipes_read_all(int fd, struct buf *b)
{
	uint8_t *room;
	size_t n;
	int err;

	do {
		if ((room = buf_reserve(b, 4096)) == NULL)
			return buf_error(b);
		err = io_read(win_handle(fd), room, 4096, INFINITE, &n);
		if (err != 0)
			return ERR_IO;
		buf_commit(b, n);
	} while (n > 0);
	return 0;
}

int
pipes_write_all(int fd, struct bytes a)
{
	return io_write(win_handle(fd), a, INFINITE);
}
