/*
 * file.c - files that survive a crash.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * A folder is a handle opened for listing, behind a descriptor of the C
 * library like any file; names are looked up in it by NtCreateFile().
 */
#include "platform/file.h"

#include "platform/paths.h"
#include "platform/windows/accounts.h"
#include "platform/windows/known.h"
#include "platform/windows/nt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What somebody else must not be able to do with a thing that all may read. */
#define WRITING (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | \
	FILE_WRITE_ATTRIBUTES | FILE_DELETE_CHILD | DELETE | WRITE_DAC | \
	WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL)
#define DIR_READS (FILE_LIST_DIRECTORY | FILE_TRAVERSE | READ_CONTROL)
/* Syncing a folder is writing to it, to the system. */
#define DIR_WRITES (FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY)
/* Locks are mandatory: this byte lies where nothing is. */
#define LOCK_AT UINT64_C(0x4000000000000000)

/* ---- folders ---- */

static int
open_path(const char *path, ACCESS_MASK access, HANDLE *ret_h)
{
	wchar_t *wide;
	HANDLE h;
	int err;

	if ((err = win_path(path, &wide)) != 0)
		return err;
	h = CreateFileW(wide, access | FILE_READ_ATTRIBUTES | SYNCHRONIZE,
	    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
	    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS |
	    FILE_FLAG_OPEN_REPARSE_POINT, NULL);
	if (h == INVALID_HANDLE_VALUE)
		err = win_last();
	free(wide);
	if (err == 0)
		*ret_h = h;
	return err;
}

static int
check_dir(HANDLE h)
{
	FILE_STANDARD_INFO info;
	int err;

	if ((err = nt_check_plain(h)) != 0)
		return err;
	if (!GetFileInformationByHandleEx(h, FileStandardInfo, &info,
	    sizeof(info)))
		return win_last();
	return info.Directory ? 0 : ERR_PERMISSION;
}

int
file_open_dir(const char *path, int *ret_dir)
{
	HANDLE h;
	int err;

	err = open_path(path, DIR_READS | DIR_WRITES, &h);
	if (err == ERR_PERMISSION)
		err = open_path(path, DIR_READS, &h);
	if (err != 0)
		return err;
	if ((err = check_dir(h)) != 0) {
		(void)CloseHandle(h);
		return err;
	}
	return win_descriptor(h, ret_dir);
}

/* Opens, or with sd makes, a folder in an open one. */
static int
dir_at(HANDLE dir, const char *name, ULONG disposition,
    PSECURITY_DESCRIPTOR sd, HANDLE *ret_h)
{
	struct nt_open how = { DIR_READS | DIR_WRITES, disposition,
	    FILE_DIRECTORY_FILE, sd };
	int err = nt_open_at(dir, name, &how, ret_h);

	if (err == ERR_PERMISSION && disposition == FILE_OPEN) {
		how.access = DIR_READS;
		err = nt_open_at(dir, name, &how, ret_h);
	}
	return err;
}

int
file_open_dir_at(int dir, const char *name, int *ret_dir)
{
	HANDLE h;
	int err = dir_at(win_handle(dir), name, FILE_OPEN, NULL, &h);

	return err != 0 ? err : win_descriptor(h, ret_dir);
}

int
file_make_dir_at(int dir, const char *name, int *ret_dir)
{
	PSECURITY_DESCRIPTOR sd = accounts_private();
	bool made = true;
	int fd = -1, err;
	HANDLE h;

	if (sd == NULL)
		return ERR_NOMEM;
	err = dir_at(win_handle(dir), name, FILE_CREATE, sd, &h);
	if (err == ERR_EXISTS) {
		made = false;
		err = dir_at(win_handle(dir), name, FILE_OPEN, NULL, &h);
	}
	LocalFree(sd);
	if (err != 0 || (err = win_descriptor(h, &fd)) != 0)
		return err;
	if ((err = file_check_private(fd)) != 0 ||
	    (made && (err = file_sync_dir(dir)) != 0)) {
		file_close(&fd);
		return err;
	}
	*ret_dir = fd;
	return 0;
}

/* The path in two: the folder to *ret_folder, which is freed; its last name. */
static int
split(const char *path, char **ret_folder, const char **ret_name)
{
	size_t n = strlen(path), at;
	char *folder;

	for (at = n; at > 0 && path[at - 1] != '/' && path[at - 1] != '\\';
	    at--)
		;
	if (at == n)
		return ERR_NOT_FOUND;
	if ((folder = calloc(at + 3, 1)) == NULL)
		return ERR_NOMEM;
	if (at == 0)
		memcpy(folder, ".", 2);
	else
		memcpy(folder, path, at);
	*ret_folder = folder;
	*ret_name = path + at;
	return 0;
}

/*
 * The agent's own folder below %ProgramData% is made by whoever comes first.
 * Everybody may make folders there, so that one of somebody else's is refused.
 */
static int
open_parent(const char *folder, int *ret_dir)
{
	const char *own = paths_pin_dir();
	int dir = -1, above = -1, err;
	size_t n = strlen(own);

	if (_strnicmp(folder, own, n) != 0 ||
	    (folder[n] != '/' && folder[n] != '\\') || folder[n + 1] != '\0')
		return file_open_dir(folder, ret_dir);
	err = file_open_dir(own, &dir);
	if (err == ERR_NOT_FOUND &&
	    (err = file_open_dir(known_folder(KNOWN_DATA), &above)) == 0)
		err = file_make_dir_at(above, own + paths_folder(own), &dir);
	file_close(&above);
	if (err == 0 && (err = file_check_owned(dir)) != 0)
		file_close(&dir);
	if (err == 0)
		*ret_dir = dir;
	return err;
}

int
file_make_dir(const char *path, int *ret_dir)
{
	const char *name;
	char *folder;
	int parent = -1, err;

	if ((err = split(path, &folder, &name)) != 0)
		return err;
	if ((err = open_parent(folder, &parent)) == 0)
		err = file_make_dir_at(parent, name, ret_dir);
	file_close(&parent);
	free(folder);
	return err;
}

int
file_check_private(int fd)
{
	struct others o;
	int err = accounts_others(win_handle(fd), &o);

	if (err != 0)
		return err;
	return o.owned_by_us && !o.no_list && o.may == 0 ? 0 : ERR_PERMISSION;
}

int
file_check_owned(int fd)
{
	struct others o;
	int err = accounts_others(win_handle(fd), &o);

	if (err != 0)
		return err;
	return o.owned_by_us && !o.no_list && (o.may & WRITING) == 0 ? 0 :
	    ERR_PERMISSION;
}

int
file_sync_dir(int dir)
{
	DWORD error;

	if (FlushFileBuffers(win_handle(dir)))
		return 0;
	error = GetLastError();
	/* Wine, and file systems that write names as they are changed. */
	if (error == ERROR_INVALID_HANDLE || error == ERROR_NOT_SUPPORTED ||
	    error == ERROR_INVALID_FUNCTION)
		return 0;
	return win_error(error);
}

static int
give_names(const BYTE *room, file_list_fn *fn, void *arg)
{
	const FILE_ID_BOTH_DIR_INFO *e;
	wchar_t name[FILE_NAME_MAX + 1];
	char *text;
	size_t n;
	int r = 0;

	for (;; room += e->NextEntryOffset) {
		e = (const FILE_ID_BOTH_DIR_INFO *)(const void *)room;
		n = e->FileNameLength / sizeof(wchar_t);
		if (n > FILE_NAME_MAX)
			return ERR_TOO_LARGE;
		memcpy(name, e->FileName, n * sizeof(wchar_t));
		name[n] = L'\0';
		if (wcscmp(name, L".") != 0 && wcscmp(name, L"..") != 0) {
			if ((r = win_narrow(name, &text)) != 0)
				return r;
			r = fn(arg, text);
			free(text);
		}
		if (r != 0 || e->NextEntryOffset == 0)
			return r;
	}
}

int
file_list(int dir, file_list_fn *fn, void *arg)
{
	FILE_INFO_BY_HANDLE_CLASS next = FileIdBothDirectoryRestartInfo;
	const size_t size = 65536;
	BYTE *room = NULL;
	HANDLE h;
	int r;

	/* A handle of its own: reading moves its place. */
	if ((r = dir_at(win_handle(dir), "", FILE_OPEN, NULL, &h)) != 0)
		return r;
	if ((room = malloc(size)) == NULL)
		r = ERR_NOMEM;
	while (r == 0) {
		if (!GetFileInformationByHandleEx(h, next, room,
		    (DWORD)size)) {
			if (GetLastError() != ERROR_NO_MORE_FILES)
				r = win_last();
			break;
		}
		next = FileIdBothDirectoryInfo;
		r = give_names(room, fn, arg);
	}
	free(room);
	(void)CloseHandle(h);
	return r;
}

int
file_free_space(int dir, uint64_t *ret_bytes)
{
	return nt_free_space(win_handle(dir), ret_bytes);
}

/* ---- files ---- */

static int
open_regular(int dir, const char *name, ACCESS_MASK access,
    ULONG disposition, int *ret_fd)
{
	struct nt_open how = { access | READ_CONTROL, disposition,
	    FILE_NON_DIRECTORY_FILE, NULL };
	HANDLE h;
	int err;

	if (disposition == FILE_CREATE &&
	    (how.sd = accounts_private()) == NULL)
		return ERR_NOMEM;
	err = nt_open_at(win_handle(dir), name, &how, &h);
	if (how.sd != NULL)
		LocalFree(how.sd);
	if (err != 0)
		return err;
	if (GetFileType(h) != FILE_TYPE_DISK) {
		(void)CloseHandle(h);
		return ERR_PERMISSION;
	}
	return win_descriptor(h, ret_fd);
}

int
file_open_read(int dir, const char *name, int *ret_fd)
{
	return open_regular(dir, name, FILE_GENERIC_READ, FILE_OPEN, ret_fd);
}

int
file_open_write(int dir, const char *name, int *ret_fd)
{
	int fd = -1, err;

	if ((err = open_regular(dir, name, FILE_GENERIC_READ |
	    FILE_GENERIC_WRITE, FILE_OPEN, &fd)) != 0)
		return err;
	if ((err = file_check_private(fd)) != 0) {
		file_close(&fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int
file_create(int dir, const char *name, int *ret_fd)
{
	return open_regular(dir, name, FILE_GENERIC_READ | FILE_GENERIC_WRITE,
	    FILE_CREATE, ret_fd);
}

int
file_sync(int fd)
{
	if (FlushFileBuffers(win_handle(fd)))
		return 0;
	return win_last() == ERR_NO_SPACE ? ERR_NO_SPACE : ERR_IO;
}

int
file_truncate(int fd, uint64_t size)
{
	FILE_END_OF_FILE_INFO end;

	end.EndOfFile.QuadPart = (LONGLONG)size;
	return SetFileInformationByHandle(win_handle(fd), FileEndOfFileInfo,
	    &end, sizeof(end)) ? 0 : win_last();
}

int
file_size(int fd, uint64_t *ret_size)
{
	LARGE_INTEGER size;

	if (!GetFileSizeEx(win_handle(fd), &size))
		return win_last();
	*ret_size = (uint64_t)size.QuadPart;
	return 0;
}

int
file_reserve(int fd, uint64_t from, uint64_t n)
{
	FILE_ALLOCATION_INFO want;
	FILE_STANDARD_INFO have;
	DWORD error;

	if (!GetFileInformationByHandleEx(win_handle(fd), FileStandardInfo,
	    &have, sizeof(have)))
		return win_last();
	/* Less than there is would cut the file. */
	if (from + n <= (uint64_t)have.AllocationSize.QuadPart ||
	    from + n <= (uint64_t)have.EndOfFile.QuadPart)
		return 0;
	want.AllocationSize.QuadPart = (LONGLONG)(from + n);
	if (SetFileInformationByHandle(win_handle(fd), FileAllocationInfo,
	    &want, sizeof(want)))
		return 0;
	error = GetLastError();
	if (win_error(error) == ERR_NO_SPACE)
		return ERR_NO_SPACE;
	return error == ERROR_INVALID_PARAMETER ||
	    win_error(error) == ERR_UNSUPPORTED ? ERR_UNSUPPORTED : ERR_IO;
}

int
file_lock(int fd)
{
	OVERLAPPED at;

	memset(&at, 0, sizeof(at));
	at.Offset = (DWORD)LOCK_AT;
	at.OffsetHigh = (DWORD)(LOCK_AT >> 32);
	if (LockFileEx(win_handle(fd), LOCKFILE_EXCLUSIVE_LOCK |
	    LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at))
		return 0;
	return GetLastError() == ERROR_LOCK_VIOLATION ||
	    GetLastError() == ERROR_IO_PENDING ? ERR_EXISTS : win_last();
}

int
file_lock_within(int fd, unsigned ms)
{
	/* A process's locks end before it does. */
	(void)ms;
	return file_lock(fd);
}

/* ---- files by name ---- */

int
file_rename(int dir, const char *from, const char *to)
{
	struct nt_open how = { DELETE, FILE_OPEN, FILE_WRITE_THROUGH, NULL };
	HANDLE h;
	int err;

	if ((err = nt_open_at(win_handle(dir), from, &how, &h)) != 0)
		return err;
	err = nt_rename(h, win_handle(dir), to);
	(void)CloseHandle(h);
	return err;
}

int
file_remove(int dir, const char *name)
{
	struct nt_open how = { DELETE, FILE_OPEN, FILE_NON_DIRECTORY_FILE |
	    FILE_WRITE_THROUGH, NULL };
	HANDLE h;
	int err;

	if ((err = nt_open_at(win_handle(dir), name, &how, &h)) != 0)
		return err;
	err = nt_remove(h);
	(void)CloseHandle(h);
	return err;
}

int
file_stat(int dir, const char *name, uint64_t *ret_size, int64_t *ret_changed)
{
	struct nt_open how = { 0, FILE_OPEN, FILE_NON_DIRECTORY_FILE, NULL };
	BY_HANDLE_FILE_INFORMATION info;
	ULARGE_INTEGER t;
	HANDLE h;
	int err;

	if ((err = nt_open_at(win_handle(dir), name, &how, &h)) != 0)
		return err;
	if (!GetFileInformationByHandle(h, &info))
		err = win_last();
	(void)CloseHandle(h);
	if (err != 0)
		return err;
	t.LowPart = info.ftLastWriteTime.dwLowDateTime;
	t.HighPart = info.ftLastWriteTime.dwHighDateTime;
	*ret_changed = (int64_t)(t.QuadPart / 10000000) - INT64_C(11644473600);
	*ret_size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
	return 0;
}
