/*
 * userfile.c - files and folders that a person names by their paths.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (enrol), cli.
 */
#include "platform/userfile.h"

#include "platform/file.h"
#include "platform/random.h"
#include "platform/windows/accounts.h"
#include "platform/windows/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4200
#define PIECE 16384

/* What the system calls "no access" is often a folder. */
static int
error_at(const char *path)
{
	int err = win_last();

	return err == ERR_PERMISSION && userfile_is_dir(path) ? ERR_USAGE :
	    err;
}

static int
open_path(const char *path, DWORD access, DWORD disposition,
    SECURITY_ATTRIBUTES *sa, HANDLE *ret_h)
{
	wchar_t *wide;
	HANDLE h;
	int err;

	if ((err = win_path(path, &wide)) != 0)
		return err;
	h = CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE |
	    FILE_SHARE_DELETE, sa, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
	free(wide);
	if (h == INVALID_HANDLE_VALUE)
		return error_at(path);
	*ret_h = h;
	return 0;
}

/* Whatever it is. */
static int
open_any(const char *path, int *ret_fd)
{
	HANDLE h;
	int err = open_path(path, GENERIC_READ, OPEN_EXISTING, NULL, &h);

	return err != 0 ? err : win_descriptor(h, ret_fd);
}

int
userfile_open(const char *path, int *ret_fd)
{
	HANDLE h;
	int err = open_path(path, GENERIC_READ, OPEN_EXISTING, NULL, &h);

	if (err != 0)
		return err;
	if (GetFileType(h) != FILE_TYPE_DISK) {
		CloseHandle(h);
		return ERR_USAGE;
	}
	return win_descriptor(h, ret_fd);
}

int
userfile_read_some(int fd, void *p, size_t n, size_t *ret_n)
{
	return io_read(win_handle(fd), p, n, INFINITE, ret_n);
}

int
userfile_read_at(int fd, uint64_t at, void *p, size_t n, size_t *ret_n)
{
	return file_read_at(fd, at, p, n, ret_n);
}

void
userfile_close(int *fd)
{
	file_close(fd);
}

int
userfile_read(const char *path, size_t cap, struct buf *ret_b)
{
	bool std = strcmp(path, "-") == 0;
	uint8_t piece[PIECE];
	size_t n = 1, total = 0;
	int fd = 0, err = 0;

	if (!std && (err = open_any(path, &fd)) != 0)
		return err;
	while (err == 0 && n > 0) {
		err = userfile_read_some(fd, piece, sizeof(piece), &n);
		if (err != 0)
			break;
		if ((total += n) > cap)
			err = ERR_TOO_LARGE;
		else
			buf_put(ret_b, piece, n);
		if (err == 0)
			err = buf_error(ret_b);
	}
	/* It may have been a key or a passphrase. */
	SecureZeroMemory(piece, sizeof(piece));
	if (!std)
		userfile_close(&fd);
	return err;
}

int
userfile_check_private(const char *path)
{
	int fd, err;

	if ((err = userfile_open(path, &fd)) != 0)
		return err;
	err = file_check_private(fd);
	userfile_close(&fd);
	return err;
}

/* The new content beside the old one. */
static int
write_beside(const char *temp, struct bytes content, enum userfile_mode mode)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, FALSE };
	HANDLE h;
	int err;

	if (mode == USERFILE_PRIVATE &&
	    (sa.lpSecurityDescriptor = accounts_private()) == NULL)
		return ERR_NOMEM;
	err = open_path(temp, GENERIC_WRITE, CREATE_NEW, &sa, &h);
	if (sa.lpSecurityDescriptor != NULL)
		LocalFree(sa.lpSecurityDescriptor);
	if (err != 0)
		return err;
	if ((err = io_write(h, content, INFINITE)) == 0 &&
	    !FlushFileBuffers(h))
		err = win_last();
	(void)CloseHandle(h);
	return err;
}

static int
move(const char *from, const char *to, bool fresh)
{
	wchar_t *a, *b;
	int err;

	if ((err = win_path(from, &a)) != 0)
		return err;
	if ((err = win_path(to, &b)) == 0) {
		if (!MoveFileExW(a, b, MOVEFILE_WRITE_THROUGH |
		    (fresh ? 0u : MOVEFILE_REPLACE_EXISTING)))
			err = error_at(to);
		free(b);
	}
	free(a);
	return err;
}

static void
drop(const char *path)
{
	wchar_t *wide;

	if (win_path(path, &wide) != 0)
		return;
	(void)DeleteFileW(wide);
	free(wide);
}

/* NUL, CON and the like: written to, never replaced. */
static bool
is_device(const char *path)
{
	HANDLE h;
	bool is;

	if (open_path(path, GENERIC_WRITE, OPEN_EXISTING, NULL, &h) != 0)
		return false;
	is = GetFileType(h) != FILE_TYPE_DISK;
	(void)CloseHandle(h);
	return is;
}

int
userfile_write(const char *path, struct bytes content,
    enum userfile_mode mode, bool fresh)
{
	char temp[PATH_SIZE];
	HANDLE h;
	int err;

	if (strcmp(path, "-") == 0)
		return io_write(win_handle(1), content, INFINITE);
	if (is_device(path)) {
		if ((err = open_path(path, GENERIC_WRITE, OPEN_EXISTING, NULL,
		    &h)) != 0)
			return err;
		err = io_write(h, content, INFINITE);
		(void)CloseHandle(h);
		return err;
	}
	if (snprintf(temp, sizeof(temp), "%s.%lu.new", path,
	    (unsigned long)GetCurrentProcessId()) >= (int)sizeof(temp))
		return ERR_TOO_LARGE;
	drop(temp);
	if ((err = write_beside(temp, content, mode)) == 0)
		err = move(temp, path, fresh);
	if (err != 0)
		drop(temp);
	return err;
}

static int
make_one(const char *path, SECURITY_ATTRIBUTES *sa)
{
	wchar_t *wide;
	int err;

	if ((err = win_path(path, &wide)) != 0)
		return err;
	if (!CreateDirectoryW(wide, sa) && !userfile_is_dir(path))
		err = win_last();
	free(wide);
	return err;
}

int
userfile_make_dirs(const char *path, enum userfile_mode mode)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, FALSE };
	char part[PATH_SIZE];
	size_t i, n = strlen(path);
	int err = 0;

	if (n == 0 || n >= sizeof(part))
		return ERR_TOO_LARGE;
	if (mode == USERFILE_PRIVATE &&
	    (sa.lpSecurityDescriptor = accounts_private()) == NULL)
		return ERR_NOMEM;
	for (i = 1; i <= n && err == 0; i++) {
		if ((i < n && path[i] != '/' && path[i] != '\\') ||
		    path[i - 1] == ':' || path[i - 1] == '/' ||
		    path[i - 1] == '\\')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		err = make_one(part, &sa);
	}
	if (sa.lpSecurityDescriptor != NULL)
		LocalFree(sa.lpSecurityDescriptor);
	if (err != 0)
		return err;
	return userfile_is_dir(path) ? 0 : ERR_EXISTS;
}

static DWORD
attributes(const char *path)
{
	wchar_t *wide;
	DWORD a;

	if (win_path(path, &wide) != 0)
		return INVALID_FILE_ATTRIBUTES;
	a = GetFileAttributesW(wide);
	free(wide);
	return a;
}

bool
userfile_is_dir(const char *path)
{
	DWORD a = attributes(path);

	return a != INVALID_FILE_ATTRIBUTES &&
	    (a & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

bool
userfile_exists(const char *path)
{
	return attributes(path) != INVALID_FILE_ATTRIBUTES;
}

/* ---- listing ---- */

struct names {
	char **list;
	size_t n;
};

static int
collect(void *arg, const char *name)
{
	struct names *l = arg;
	char **more;
	int err;

	more = realloc(l->list, (l->n + 1) * sizeof(*more));
	if (more == NULL)
		return ERR_NOMEM;
	l->list = more;
	if ((err = bytes_dup_str(bytes_str(name), &more[l->n])) == 0)
		l->n++;
	return err;
}

static int
by_bytes(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

int
userfile_list(const char *path, userfile_list_fn *fn, void *arg)
{
	struct names l = { NULL, 0 };
	size_t i;
	int dir = -1, err;

	if ((err = file_open_dir(path, &dir)) != 0)
		return err;
	if ((err = file_list(dir, collect, &l)) == 0 && l.n > 0)
		qsort(l.list, l.n, sizeof(*l.list), by_bytes);
	file_close(&dir);
	for (i = 0; i < l.n; i++) {
		if (err == 0)
			err = fn(arg, l.list[i]);
		free(l.list[i]);
	}
	free(l.list);
	return err;
}

/* ---- short-lived ones ---- */

int
userfile_make_temp(char *ret_path, size_t size)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, FALSE };
	wchar_t base[WIN_PATH_SIZE], path[WIN_PATH_SIZE + 64];
	DWORD n = GetTempPathW(WIN_PATH_SIZE, base);
	uint64_t r;
	char *text;
	int err;

	if (n == 0 || n >= WIN_PATH_SIZE ||
	    (err = random_fill(&r, sizeof(r))) != 0)
		return ERR_IO;
	(void)swprintf(path, sizeof(path) / sizeof(path[0]),
	    L"%lscountersign-%016llx", base, (unsigned long long)r);
	if ((sa.lpSecurityDescriptor = accounts_private()) == NULL)
		return ERR_NOMEM;
	if (!CreateDirectoryW(path, &sa))
		err = win_last();
	LocalFree(sa.lpSecurityDescriptor);
	if (err != 0 || (err = win_narrow(path, &text)) != 0)
		return err;
	if (strlen(text) >= size)
		err = ERR_TOO_LARGE;
	else
		memcpy(ret_path, text, strlen(text) + 1);
	free(text);
	return err;
}

static int
remove_one(void *arg, const char *name)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
	drop(path);
	return 0;
}

void
userfile_remove_temp(const char *path)
{
	char copy[PATH_SIZE];
	wchar_t *wide;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	(void)userfile_list(copy, remove_one, copy);
	if (win_path(copy, &wide) != 0)
		return;
	(void)RemoveDirectoryW(wide);
	free(wide);
}
