/*
 * program.c - a program file that may be run: where it is, who may write it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * While it is open nobody can write, rename or remove it, and so neither the
 * folders above it: it is shared for reading alone.
 */
#include "platform/program.h"

#include "platform/file.h"
#include "platform/paths.h"
#include "platform/windows/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What takes a thing away from its owner. */
#define TAKING (DELETE | WRITE_DAC | WRITE_OWNER | FILE_DELETE_CHILD | \
	GENERIC_WRITE | GENERIC_ALL)
/* What changes a file, or what lies beside a program: a library is looked for
 * in its folder first. */
#define WRITING (TAKING | FILE_WRITE_DATA | FILE_APPEND_DATA | \
	FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES)
#define TO_1970_100NS INT64_C(116444736000000000)

static int
check_owner(HANDLE h, enum program_owner owner, ACCESS_MASK never)
{
	struct others o;
	ACCESS_MASK may;
	int err = accounts_others(h, &o);

	if (err != 0)
		return err == ERR_PERMISSION ? err : ERR_IO;
	if (owner == PROGRAM_OWNER_SELF) {
		may = o.may;
	} else {
		/* An administrator who is asked for by name is root. */
		may = accounts_is_admin(NULL) ? o.may : o.may_but_root;
		if (!o.owned_by_root && !accounts_is_admin(NULL))
			return ERR_PERMISSION;
	}
	return o.owned_by_us && (may & never) == 0 ? 0 : ERR_PERMISSION;
}

static int
check_folder(const wchar_t *path, enum program_owner owner, bool last)
{
	HANDLE h = CreateFileW(path, READ_CONTROL | FILE_READ_ATTRIBUTES,
	    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
	    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
	int err;

	if (h == INVALID_HANDLE_VALUE)
		return win_last() == ERR_NOT_FOUND ? ERR_NOT_FOUND : ERR_IO;
	err = check_owner(h, owner, last ? WRITING : TAKING);
	(void)CloseHandle(h);
	return err;
}

/*
 * Every folder from the drive to the last. Above the last one others may make
 * names, as everybody may in C:\, but take none away.
 */
static int
check_folders(const char *path, enum program_owner owner)
{
	wchar_t *w, *p, *last, saved;
	int err;

	if ((err = win_path(path, &w)) != 0)
		return err;
	last = wcsrchr(w, L'\\');
	/* After "\\?\": C:\ with its slash, all others without. */
	for (p = wcschr(w + 4, L'\\'); err == 0 && p != NULL;
	    p = p == last ? NULL : wcschr(p + 1, L'\\')) {
		wchar_t *end = p[-1] == L':' ? p + 1 : p;

		saved = *end;
		*end = L'\0';
		err = check_folder(w, owner, p == last);
		*end = saved;
	}
	free(w);
	return err;
}

static int64_t
to_ns(LARGE_INTEGER t)
{
	return (t.QuadPart - TO_1970_100NS) * 100;
}

static bool
set_facts(struct program *p, HANDLE h)
{
	BY_HANDLE_FILE_INFORMATION info;
	FILE_BASIC_INFO times;

	if (!GetFileInformationByHandle(h, &info) ||
	    !GetFileInformationByHandleEx(h, FileBasicInfo, &times,
	    sizeof(times)))
		return false;
	p->device = info.dwVolumeSerialNumber;
	p->inode = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
	p->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
	p->mtime_ns = to_ns(times.LastWriteTime);
	p->ctime_ns = to_ns(times.ChangeTime);
	return true;
}

static bool
is_absolute(const char *path)
{
	return path[0] != '\0' && path[1] == ':' &&
	    (path[2] == '/' || path[2] == '\\');
}

static int
check(HANDLE h, enum program_owner owner, struct program *p)
{
	FILE_STANDARD_INFO info;
	int err;

	if (!GetFileInformationByHandleEx(h, FileStandardInfo, &info,
	    sizeof(info)) || !set_facts(p, h))
		return ERR_IO;
	if (info.Directory)
		return ERR_PERMISSION;
	/* Links are followed: this is where it really lies. */
	if ((err = win_path_of(h, p->path, sizeof(p->path))) != 0)
		return err;
	if (!is_absolute(p->path))
		return ERR_PERMISSION;
	if ((err = check_owner(h, owner, WRITING)) != 0)
		return err;
	return check_folders(p->path, owner);
}

int
program_open(const char *path, enum program_owner owner,
    struct program *ret_p)
{
	char file[PROGRAM_PATH_SIZE];
	struct program p;
	wchar_t *wide;
	HANDLE h;
	int err;

	if (!is_absolute(path))
		return ERR_USAGE;
	if (snprintf(file, sizeof(file), "%s%s", path,
	    strchr(path + paths_folder(path), '.') == NULL ? ".exe" : "") >=
	    (int)sizeof(file))
		return ERR_TOO_LARGE;
	if ((err = win_path(file, &wide)) != 0)
		return err == ERR_NOMEM ? ERR_IO : err;
	h = CreateFileW(wide, GENERIC_READ | GENERIC_EXECUTE | READ_CONTROL,
	    FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	err = h == INVALID_HANDLE_VALUE ? win_last() : 0;
	free(wide);
	if (err != 0)
		return err == ERR_NOT_FOUND || err == ERR_PERMISSION ? err :
		    ERR_IO;
	memset(&p, 0, sizeof(p));
	p.fd = -1;
	if ((err = check(h, owner, &p)) != 0) {
		(void)CloseHandle(h);
		return err;
	}
	if ((err = win_descriptor(h, &p.fd)) == 0)
		*ret_p = p;
	return err;
}

int
program_open_own(struct program *ret_p)
{
	wchar_t w[WIN_PATH_SIZE];
	DWORD n = GetModuleFileNameW(NULL, w, WIN_PATH_SIZE);
	char *path;
	int err;

	if (n == 0 || n >= WIN_PATH_SIZE)
		return ERR_IO;
	if ((err = win_narrow(w, &path)) != 0)
		return ERR_IO;
	err = program_open(path, PROGRAM_OWNER_SELF, ret_p);
	free(path);
	return err;
}

int
program_renew(char *const argv[])
{
	/* A process keeps its program here; the service is started anew. */
	(void)argv;
	return ERR_UNSUPPORTED;
}

void
program_close(struct program *p)
{
	file_close(&p->fd);
}

int
program_read(const struct program *p, uint64_t at, uint8_t *ret_p, size_t n,
    size_t *ret_n)
{
	return file_read_at(p->fd, at, ret_p, n, ret_n) == 0 ? 0 : ERR_IO;
}

bool
program_is_same(const struct program *a, const struct program *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->size == b->size && a->mtime_ns == b->mtime_ns &&
	    a->ctime_ns == b->ctime_ns;
}

bool
program_is_unchanged(const struct program *p)
{
	struct program now;

	return set_facts(&now, win_handle(p->fd)) && program_is_same(&now, p);
}
