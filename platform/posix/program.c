/*
 * program.c - a program file that may be run: where it is, who may write it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "platform/program.h"

#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
may_own(uid_t uid, enum program_owner owner)
{
	return uid == 0 || (owner == PROGRAM_OWNER_SELF && uid == geteuid());
}

/* Nobody but a permitted owner, or root's own group, can write it. */
static bool
is_safe(const struct stat *st, enum program_owner owner)
{
	if (!may_own(st->st_uid, owner))
		return false;
	if ((st->st_mode & S_IWOTH) != 0)
		return false;
	return (st->st_mode & S_IWGRP) == 0 || st->st_gid == 0;
}

/*
 * The same of a folder above it. In a sticky one (/tmp) everybody may make
 * names, but only their owner, the folder's or root may change or remove them;
 * and what lies below is checked in its turn.
 */
static bool
folder_is_safe(const struct stat *st, enum program_owner owner)
{
	return is_safe(st, owner) ||
	    (may_own(st->st_uid, owner) && (st->st_mode & S_ISVTX) != 0);
}

/*
 * Every folder from / to the last is safe: then nobody else can put another
 * file in the program's place. path has no symbolic links.
 */
static int
check_folders(const char *path, enum program_owner owner)
{
	char folder[PROGRAM_PATH_SIZE];
	struct stat st;
	size_t i, n = strlen(path);

	for (i = 0; i < n; i++) {
		if (path[i] != '/')
			continue;
		memcpy(folder, path, i);
		folder[i] = '\0';
		if (lstat(i == 0 ? "/" : folder, &st) != 0)
			return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
		if (!S_ISDIR(st.st_mode) || !folder_is_safe(&st, owner))
			return ERR_PERMISSION;
	}
	return 0;
}

static int
open_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case ELOOP:
		return ERR_PERMISSION;
	case ENAMETOOLONG:
		return ERR_TOO_LARGE;
	default:
		return ERR_IO;
	}
}

static void
set_facts(struct program *p, const struct stat *st)
{
	p->device = (uint64_t)st->st_dev;
	p->inode = (uint64_t)st->st_ino;
	p->size = (uint64_t)st->st_size;
	p->mtime_ns = native_mtime_ns(st);
	p->ctime_ns = native_ctime_ns(st);
}

/* Opens the resolved path and fills *p from what is open. */
static int
open_file(const char *path, enum program_owner owner, struct program *p)
{
	struct stat st;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return open_error(errno);
	if (fstat(fd, &st) != 0)
		r = ERR_IO;
	else if (!S_ISREG(st.st_mode) || !is_safe(&st, owner) ||
	    (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
		r = ERR_PERMISSION;
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	p->fd = fd;
	set_facts(p, &st);
	return 0;
}

int
program_open(const char *path, enum program_owner owner,
    struct program *ret_p)
{
	struct program p = { .fd = -1 };
	char *resolved;
	struct stat st;
	int r;

	if (path[0] != '/')
		return ERR_USAGE;
	if ((r = native_open_program(path, owner, &p)) == 0) {
		if (fstat(p.fd, &st) != 0) {
			(void)close(p.fd);
			return ERR_IO;
		}
		set_facts(&p, &st);
		*ret_p = p;
	}
	if (r != ERR_UNSUPPORTED)
		return r;
	if ((resolved = realpath(path, NULL)) == NULL)
		return open_error(errno);
	if (strlen(resolved) >= sizeof(p.path))
		r = ERR_TOO_LARGE;
	else if ((r = check_folders(resolved, owner)) == 0)
		r = open_file(resolved, owner, &p);
	if (r == 0) {
		memcpy(p.path, resolved, strlen(resolved) + 1);
		*ret_p = p;
	}
	free(resolved);
	return r;
}

void
program_close(struct program *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}

int
program_read(const struct program *p, uint64_t at, uint8_t *ret_p, size_t n,
    size_t *ret_n)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = pread(p->fd, ret_p + have, n - have, (off_t)(at + have));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	*ret_n = have;
	return 0;
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
	struct stat st;

	if (fstat(p->fd, &st) != 0)
		return false;
	set_facts(&now, &st);
	return program_is_same(&now, p);
}
