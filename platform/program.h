/*
 * program.h - a program file that may be run: where it is and who may write it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#ifndef COUNTERSIGN_PLATFORM_PROGRAM_H
#define COUNTERSIGN_PLATFORM_PROGRAM_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest path of a program, with its NUL. */
#define PROGRAM_PATH_SIZE 4096

/* Who may own a program file and the folders above it. */
enum program_owner {
	PROGRAM_OWNER_ROOT,	/* root only: interpreters */
	PROGRAM_OWNER_SELF	/* root or our own uid: the agent's programs */
};

/* An opened program file. Two with equal facts are the same file, unchanged. */
struct program {
	int fd;			/* read-only, close-on-exec; -1 none */
	char path[PROGRAM_PATH_SIZE];	/* without symbolic links */
	uint64_t device;
	uint64_t inode;
	uint64_t size;		/* bytes */
	int64_t mtime_ns;	/* content last changed */
	int64_t ctime_ns;	/* content, owner or mode last changed */
};

/*
 * Opens the program at the absolute path, following symbolic links, and checks
 * what it found: an executable regular file, the owner's as asked, not
 * writable by anybody else (group write only where the group is root's), and
 * the same of every folder from / down to it, which may also be sticky, as
 * /tmp is. The descriptor serves to hash it and to start it (struct
 * process_spec), and stays on this very file whatever happens to the name. The
 * caller calls program_close(). On Windows a name without a dot gets ".exe",
 * and the file cannot be changed, renamed or removed while it is open.
 *
 * ERR_USAGE path not absolute; ERR_NOT_FOUND; ERR_PERMISSION owner, mode or
 * kind of file wrong; ERR_TOO_LARGE path too long; ERR_IO.
 */
MUST_CHECK int program_open(const char *path, enum program_owner owner,
    struct program *ret_p);

/*
 * Opens and checks the program that this process runs, as program_open() with
 * PROGRAM_OWNER_SELF: the very file, also after another has taken its name.
 * Its errors.
 */
MUST_CHECK int program_open_own(struct program *ret_p);

/*
 * Becomes what is installed now at the path from which this process was
 * started: the same process, another program; descriptors that are not
 * close-on-exec and children stay. The file is checked as by
 * program_open_own(). Returns only if it cannot be: program_open()'s errors;
 * ERR_UNSUPPORTED this system has no such thing.
 */
MUST_CHECK int program_renew(char *const argv[]);

/* Closes the descriptor. Idempotent. */
void program_close(struct program *p);

/*
 * Reads up to n bytes at that offset, fewer only at the end of the file;
 * *ret_n is how many. ERR_IO.
 */
MUST_CHECK int program_read(const struct program *p, uint64_t at,
    uint8_t *ret_p, size_t n, size_t *ret_n);
/* Whether the open file is still as it was when it was opened. */
bool program_is_unchanged(const struct program *p);
/* Whether both were the same file with the same content by device, inode,
 * size and both times. */
bool program_is_same(const struct program *a, const struct program *b);

#endif
