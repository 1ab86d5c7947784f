/*
 * userfile.h - files and folders that a person names by their paths.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 *
 * Links are followed, as in any tool: whoever names the path owns what it
 * names. What a program keeps for itself goes through file.h.
 * Common errors: ERR_NOT_FOUND, ERR_EXISTS, ERR_PERMISSION, ERR_NO_SPACE,
 * ERR_IO, ERR_NOMEM.
 */
#ifndef COUNTERSIGN_PLATFORM_USERFILE_H
#define COUNTERSIGN_PLATFORM_USERFILE_H

#include "common/bytes.h"

enum userfile_mode {
	USERFILE_PUBLIC,	/* 0666 less the umask */
	USERFILE_PRIVATE	/* 0600 */
};

/*
 * Appends the content of a file; "-" is standard input. ERR_TOO_LARGE over cap
 * bytes; ERR_USAGE for a folder; the buffer's errors.
 */
MUST_CHECK int userfile_read(const char *path, size_t cap, struct buf *ret_b);

/* ERR_PERMISSION unless it is ours (or root's) and others have no right. */
MUST_CHECK int userfile_check_private(const char *path);

/*
 * Gives the file that content in one step, synced: written beside it and
 * renamed. "-" is standard output. With fresh, ERR_EXISTS for one that is
 * there, which stays as it is.
 */
MUST_CHECK int userfile_write(const char *path, struct bytes content,
    enum userfile_mode mode, bool fresh);

/* Makes the folder and those above it that are absent, with mode 0755, or
 * 0700 for USERFILE_PRIVATE. 0 if it is there. */
MUST_CHECK int userfile_make_dirs(const char *path, enum userfile_mode mode);

/* Whether there is such a folder, or a file of any kind. */
bool userfile_is_dir(const char *path);
bool userfile_exists(const char *path);

/* Calls fn for every name in the folder, in the order of their bytes, until it
 * returns something else than 0, which is then the result. */
typedef int userfile_list_fn(void *arg, const char *name);
int userfile_list(const char *path, userfile_list_fn *fn,
    void *arg);

/* An open file to read in pieces: ret_n is 0 at its end. ERR_USAGE: it is no
 * regular file (a folder, a pipe that would make us wait, a device). */
MUST_CHECK int userfile_open(const char *path, int *ret_fd);
MUST_CHECK int userfile_read_some(int fd, void *p, size_t n, size_t *ret_n);
/* At that offset, until n bytes are there or the file ends. */
MUST_CHECK int userfile_read_at(int fd, uint64_t at, void *p, size_t n,
    size_t *ret_n);
/* Closes *fd unless it is -1, and sets it to -1. */
void userfile_close(int *fd);

/* Makes a private folder for short-lived files and writes its path with a NUL
 * (size bytes). remove takes it away with the files in it. */
MUST_CHECK int userfile_make_temp(char *ret_path, size_t size);
void userfile_remove_temp(const char *path);

#endif
