/*
 * file.h - files that survive a crash.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Everything that has to be on disk goes through here, so that tests can let
 * each call fail or cut it short (tests/fault). Folders and files are
 * descriptors; a name is looked up in an open folder and is never a link:
 * O_NOFOLLOW, O_CLOEXEC, openat(2). Files are made with mode 0600, folders with
 * 0700. Descriptors are closed with file_close().
 *
 * Common errors: ERR_NOT_FOUND, ERR_EXISTS, ERR_PERMISSION (also for a link or
 * a thing of another kind), ERR_NO_SPACE (disk or quota), ERR_IO (all else).
 */
#ifndef COUNTERSIGN_PLATFORM_FILE_H
#define COUNTERSIGN_PLATFORM_FILE_H

#include "common/bytes.h"

/* Longest name in a folder, without the NUL. */
#define FILE_NAME_MAX 255

/* ---- folders ---- */

/* Opens the folder at a path; the last part of it may not be a link. */
MUST_CHECK int file_open_dir(const char *path, int *ret_dir);
/*
 * Opens the folder at a path after making it, if it is not there (its parent
 * must be; on Windows the agent's own below %ProgramData% is made too), and
 * requires file_check_private() of it.
 */
MUST_CHECK int file_make_dir(const char *path, int *ret_dir);
/* The same two for a name in an open folder; a new one is synced in it. */
MUST_CHECK int file_open_dir_at(int dir, const char *name, int *ret_dir);
MUST_CHECK int file_make_dir_at(int dir, const char *name, int *ret_dir);
/*
 * ERR_PERMISSION unless the file or folder belongs to us (or to root) and
 * nobody else has any right to it.
 */
MUST_CHECK int file_check_private(int fd);
/* ERR_PERMISSION unless it belongs to us (or to root) and nobody else may
 * change it; all may read it. */
MUST_CHECK int file_check_owned(int fd);
/* Makes creations, renames and removals in it durable. */
MUST_CHECK int file_sync_dir(int dir);
/*
 * Calls fn for every name in the folder but "." and "..", in no order, until
 * it returns something else than 0, which is then the result. ERR_NOMEM.
 */
typedef int file_list_fn(void *arg, const char *name);
MUST_CHECK int file_list(int dir, file_list_fn *fn, void *arg);
/* Bytes that we may still write to the folder's file system. */
MUST_CHECK int file_free_space(int dir, uint64_t *ret_bytes);

/* ---- files ---- */

/* Opens a regular file to read. */
MUST_CHECK int file_open_read(int dir, const char *name, int *ret_fd);
/*
 * Opens a file to read and write; ERR_NOT_FOUND if it is not there. It must be
 * file_check_private().
 */
MUST_CHECK int file_open_write(int dir, const char *name, int *ret_fd);
/* Makes a file to read and write. ERR_EXISTS. */
MUST_CHECK int file_create(int dir, const char *name, int *ret_fd);
/* Closes *fd unless it is -1, and sets it to -1. */
void file_close(int *fd);

/*
 * Writes all of it at that offset. After a failure some of it may be there.
 * ERR_NO_SPACE, ERR_TOO_LARGE (over a limit on the size of files), ERR_IO.
 */
MUST_CHECK int file_write_at(int fd, uint64_t at, struct bytes a);
/* Reads until n bytes are there or the file ends. ERR_IO. */
MUST_CHECK int file_read_at(int fd, uint64_t at, void *ret_p, size_t n,
    size_t *ret_n);
/*
 * Makes what was written durable (fdatasync). An error is final: what the
 * system could not write it may have dropped, and a second call would not
 * tell. ERR_NO_SPACE, ERR_IO.
 */
MUST_CHECK int file_sync(int fd);
MUST_CHECK int file_truncate(int fd, uint64_t size);
MUST_CHECK int file_size(int fd, uint64_t *ret_size);
/*
 * Takes disk space for the bytes from..from+n of the file, without changing
 * its size, so that they can be written on a full disk. ERR_NO_SPACE;
 * ERR_UNSUPPORTED the file system cannot.
 */
MUST_CHECK int file_reserve(int fd, uint64_t from, uint64_t n);
/*
 * Locks an open file for us alone, until it is closed or we end. ERR_EXISTS
 * somebody else has it.
 */
MUST_CHECK int file_lock(int fd);
/* The same, but waits so long for whoever has it to end. */
MUST_CHECK int file_lock_within(int fd, unsigned ms);

/* ---- files by name ---- */

/* Appends the content. ERR_TOO_LARGE over cap bytes; the buffer's errors. */
MUST_CHECK int file_read(int dir, const char *name, size_t cap,
    struct buf *ret_b);
/*
 * Gives the file that content in one step: after a crash it has the old or the
 * new one, after success the new one. A leftover "<name>.new" is replaced.
 */
MUST_CHECK int file_replace(int dir, const char *name, struct bytes content);
/* The first half: written and in place, but the folder is not yet synced. */
MUST_CHECK int file_put(int dir, const char *name, struct bytes content);
MUST_CHECK int file_rename(int dir, const char *from, const char *to);
/* ERR_NOT_FOUND. Durable after file_sync_dir(). */
MUST_CHECK int file_remove(int dir, const char *name);
/* Size in bytes and time of last change (seconds) of a regular file. */
MUST_CHECK int file_stat(int dir, const char *name, uint64_t *ret_size,
    int64_t *ret_changed);

#endif
