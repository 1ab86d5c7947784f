/*
 * nt.h - opening by name in an open folder, which Win32 has no call for.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, on Windows.
 *
 * NtCreateFile() and its like are documented (Microsoft, "NtCreateFile
 * function (winternl.h)"; information classes: "ntifs.h").
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_NT_H
#define COUNTERSIGN_PLATFORM_WINDOWS_NT_H

#include "platform/windows/win.h"

#include <winternl.h>

/* What to open, and how. */
struct nt_open {
	ACCESS_MASK access;
	ULONG disposition;	/* FILE_OPEN, FILE_CREATE, … */
	ULONG options;		/* FILE_DIRECTORY_FILE, … */
	PSECURITY_DESCRIPTOR sd;	/* of a new one; NULL: inherited */
};

/*
 * Opens the name in the open folder: one name, no path, no stream of a file. A
 * reparse point (link, junction) is never followed: ERR_PERMISSION, as for a
 * thing of another kind than asked. Shared with everybody, as on other systems.
 */
MUST_CHECK int nt_open_at(HANDLE dir, const char *name,
    const struct nt_open *how, HANDLE *ret_h);
/* ERR_PERMISSION if it is a reparse point. */
MUST_CHECK int nt_check_plain(HANDLE h);
/*
 * Renames the open file or folder, in that folder: it takes the place of a
 * file that has the name, also of one that somebody has open. `to` may go into
 * a folder below, by '/'.
 */
MUST_CHECK int nt_rename(HANDLE h, HANDLE dir, const char *to);
/* Removes the open file: its name is free at once where the system can. */
MUST_CHECK int nt_remove(HANDLE h);
/* Free bytes for us on the volume of an open file or folder. */
MUST_CHECK int nt_free_space(HANDLE h, uint64_t *ret_bytes);

#endif
