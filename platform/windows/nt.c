/*
 * nt.c - opening by name in an open folder.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, on Windows.
 */
#include "platform/windows/nt.h"

#include <stdlib.h>
#include <string.h>

/* Information classes and flags that winternl.h does not have. */
#define CLASS_RENAME 10
#define CLASS_DISPOSITION 13
#define CLASS_DISPOSITION_EX 64
#define CLASS_RENAME_EX 65
#define CLASS_FS_FULL_SIZE 7
#define RENAME_REPLACE 0x1u
#define RENAME_POSIX 0x2u
#define DISPOSITION_DELETE 0x1u
#define DISPOSITION_POSIX 0x2u

/* FILE_RENAME_INFORMATION: its first field is one byte, or flags. */
struct rename_to {
	ULONG flags;
	HANDLE root;
	ULONG bytes;
	WCHAR name[FILENAME_MAX + 2];
};

/* FILE_FS_FULL_SIZE_INFORMATION */
struct full_size {
	LARGE_INTEGER total;
	LARGE_INTEGER available;
	LARGE_INTEGER free;
	ULONG sectors;
	ULONG bytes;
};

static int
nt_error(NTSTATUS status)
{
	return win_error(RtlNtStatusToDosError(status));
}

/* One name: nothing that leads elsewhere, into a stream or to a device. */
static bool
is_name(const char *name)
{
	const char *p;

	if (name[0] == '\0')
		return false;
	for (p = name; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 ||
		    strchr("/\\:*?\"<>|", *p) != NULL)
			return false;
	/* Win32 would strip these, and the name be another's. */
	return p[-1] != '.' && p[-1] != ' ';
}

int
nt_check_plain(HANDLE h)
{
	FILE_ATTRIBUTE_TAG_INFO tag;

	if (!GetFileInformationByHandleEx(h, FileAttributeTagInfo, &tag,
	    sizeof(tag)))
		return win_last();
	return (tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 ?
	    ERR_PERMISSION : 0;
}

int
nt_open_at(HANDLE dir, const char *name, const struct nt_open *how,
    HANDLE *ret_h)
{
	OBJECT_ATTRIBUTES where;
	IO_STATUS_BLOCK io;
	UNICODE_STRING text;
	wchar_t *wide;
	NTSTATUS status;
	HANDLE h;
	int err;

	/* "" is the folder itself, opened once more. */
	if (name[0] != '\0' && !is_name(name))
		return ERR_PERMISSION;
	if ((err = win_wide(name, &wide)) != 0)
		return err;
	RtlInitUnicodeString(&text, wide);
	InitializeObjectAttributes(&where, &text, OBJ_CASE_INSENSITIVE, dir,
	    how->sd);
	status = NtCreateFile(&h, how->access | SYNCHRONIZE |
	    FILE_READ_ATTRIBUTES, &where, &io, NULL, FILE_ATTRIBUTE_NORMAL,
	    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	    how->disposition, how->options | FILE_SYNCHRONOUS_IO_NONALERT |
	    FILE_OPEN_REPARSE_POINT, NULL, 0);
	free(wide);
	if (!NT_SUCCESS(status))
		return nt_error(status);
	if ((err = nt_check_plain(h)) != 0) {
		(void)CloseHandle(h);
		return err;
	}
	*ret_h = h;
	return 0;
}

int
nt_rename(HANDLE h, HANDLE dir, const char *to)
{
	struct rename_to r;
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	wchar_t *wide;
	size_t i, n;
	int err;

	if ((err = win_wide(to, &wide)) != 0)
		return err;
	memset(&r, 0, sizeof(r));
	if ((n = wcslen(wide)) > FILENAME_MAX) {
		free(wide);
		return ERR_TOO_LARGE;
	}
	for (i = 0; i < n; i++)
		r.name[i] = wide[i] == L'/' ? L'\\' : wide[i];
	free(wide);
	r.root = dir;
	r.bytes = (ULONG)(n * sizeof(WCHAR));
	r.flags = RENAME_REPLACE | RENAME_POSIX;
	status = NtSetInformationFile(h, &io, &r, sizeof(r),
	    (FILE_INFORMATION_CLASS)CLASS_RENAME_EX);
	if (!NT_SUCCESS(status)) {
		/* A file system without it (FAT, some shares), or Wine. */
		r.flags = 1;
		status = NtSetInformationFile(h, &io, &r, sizeof(r),
		    (FILE_INFORMATION_CLASS)CLASS_RENAME);
	}
	return NT_SUCCESS(status) ? 0 : nt_error(status);
}

int
nt_remove(HANDLE h)
{
	ULONG flags = DISPOSITION_DELETE | DISPOSITION_POSIX;
	BOOLEAN yes = TRUE;
	IO_STATUS_BLOCK io;
	NTSTATUS status;

	status = NtSetInformationFile(h, &io, &flags, sizeof(flags),
	    (FILE_INFORMATION_CLASS)CLASS_DISPOSITION_EX);
	if (!NT_SUCCESS(status))
		status = NtSetInformationFile(h, &io, &yes, sizeof(yes),
		    (FILE_INFORMATION_CLASS)CLASS_DISPOSITION);
	return NT_SUCCESS(status) ? 0 : nt_error(status);
}

int
nt_free_space(HANDLE h, uint64_t *ret_bytes)
{
	struct full_size s;
	IO_STATUS_BLOCK io;
	NTSTATUS status = NtQueryVolumeInformationFile(h, &io, &s, sizeof(s),
	    (FS_INFORMATION_CLASS)CLASS_FS_FULL_SIZE);

	if (!NT_SUCCESS(status))
		return nt_error(status);
	/* What a quota leaves us. */
	*ret_bytes = (uint64_t)s.available.QuadPart * s.sectors * s.bytes;
	return 0;
}
