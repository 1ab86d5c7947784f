/*
 * files.h - reading and replacing whole files, and folders of our own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#ifndef COUNTERSIGN_CONSOLE_FILES_H
#define COUNTERSIGN_CONSOLE_FILES_H

#include "common/bytes.h"

/* Longest path that is put together here, with its NUL. */
#define FILES_PATH_SIZE 4096

/*
 * Appends a regular file's content. ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO; the
 * buffer's errors (its cap bounds the size).
 */
MUST_CHECK int files_read(const char *path, struct buf *ret_b);

/*
 * Writes a file of mode 0600 that appears whole or not at all, in place of one
 * that is there: synced, renamed, folder synced. ERR_NO_SPACE, ERR_PERMISSION,
 * ERR_TOO_LARGE (the path), ERR_IO.
 */
MUST_CHECK int files_replace(const char *path, struct bytes content);

/*
 * Makes the folder with mode 0700 if it is not there. ERR_PERMISSION if it is
 * there and is not ours or others may read it; ERR_NOT_FOUND no such parent;
 * ERR_IO.
 */
MUST_CHECK int files_make_folder(const char *path);

/* Joins a folder and a name. ERR_TOO_LARGE. */
MUST_CHECK int files_join(const char *folder, const char *name,
    char ret_path[FILES_PATH_SIZE]);

/* errno as an ERR_*. */
int files_error(int sys_errno);

#endif
