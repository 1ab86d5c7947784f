/*
 * file.c - files that survive a crash.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "platform/file.h"

#include "platform/clock.h"
#include "platform/posix/native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOCK_LOOK_MS 10

static int
error_of(int e)
{
	switch (e) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case ELOOP:
	case ENOTDIR:
	case EISDIR:
	case EROFS:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EFBIG:
		return ERR_TOO_LARGE;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* ---- folders ---- */

static int
open_dir(int at, const char *path, int *ret_dir)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);

	if (fd < 0)
		return error_of(errno);
	*ret_dir = fd;
	return 0;
}

int
file_open_dir(const char *path, int *ret_dir)
{
	return open_dir(AT_FDCWD, path, ret_dir);
}

int
file_open_dir_at(int dir, const char *name, int *ret_dir)
{
	return open_dir(dir, name, ret_dir);
}

static int
make_dir(int at, const char *path, bool *ret_made, int *ret_dir)
{
	int fd = -1, err;

	*ret_made = mkdirat(at, path, 0700) == 0;
	if (!*ret_made && errno != EEXIST)
		return error_of(errno);
	if ((err = open_dir(at, path, &fd)) != 0)
		return err;
	if ((err = file_check_private(fd)) != 0) {
		file_close(&fd);
		return err;
	}
	*ret_dir = fd;
	return 0;
}

int
file_make_dir(const char *path, int *ret_dir)
{
	int fd = -1, parent = -1, err;
	bool made;

	if ((err = make_dir(AT_FDCWD, path, &made, &fd)) != 0)
		return err;
	/* A new folder lasts once the one above it is on disk. */
	if (made && (err = open_dir(fd, "..", &parent)) == 0)
		err = file_sync_dir(parent);
	file_close(&parent);
	if (err != 0) {
		file_close(&fd);
		return err;
	}
	*ret_dir = fd;
	return 0;
}

int
file_make_dir_at(int dir, const char *name, int *ret_dir)
{
	int fd = -1, err;
	bool made;

	if ((err = make_dir(dir, name, &made, &fd)) != 0)
		return err;
	if (made && (err = file_sync_dir(dir)) != 0) {
		file_close(&fd);
		return err;
	}
	*ret_dir = fd;
	return 0;
}

int
file_check_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_of(errno);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return ERR_PERMISSION;
	return 0;
}

int
file_sync_dir(int dir)
{
	return native_sync(dir) == 0 ? 0 : error_of(errno);
}

int
file_list(int dir, file_list_fn *fn, void *arg)
{
	struct dirent *e;
	DIR *d;
	int fd, r = 0;

	/* A descriptor of its own: reading moves its offset. */
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_of(errno);
	if ((d = fdopendir(fd)) == NULL) {
		r = error_of(errno);
		(void)close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0)
			r = fn(arg, e->d_name);
	if (r == 0 && errno != 0)
		r = error_of(errno);
	(void)closedir(d);
	return r;
}

int
file_free_space(int dir, uint64_t *ret_bytes)
{
	struct statvfs v;

	if (fstatvfs(dir, &v) != 0)
		return error_of(errno);
	*ret_bytes = (uint64_t)(geteuid() == 0 ? v.f_bfree : v.f_bavail) *
	    v.f_frsize;
	return 0;
}

/* ---- files ---- */

static int
open_regular(int dir, const char *name, int flags, int *ret_fd)
{
	struct stat st;
	int fd, err = 0;

	/* O_NONBLOCK: what is no file (a pipe) must not make us wait. */
	fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
	    0600);
	if (fd < 0)
		return error_of(errno);
	if (fstat(fd, &st) != 0)
		err = error_of(errno);
	else if (!S_ISREG(st.st_mode))
		err = ERR_PERMISSION;
	if (err != 0) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int
file_open_read(int dir, const char *name, int *ret_fd)
{
	return open_regular(dir, name, O_RDONLY, ret_fd);
}

int
file_open_write(int dir, const char *name, int *ret_fd)
{
	int fd = -1, err;

	if ((err = open_regular(dir, name, O_RDWR, &fd)) != 0)
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
	return open_regular(dir, name, O_RDWR | O_CREAT | O_EXCL, ret_fd);
}

void
file_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int
file_write_at(int fd, uint64_t at, struct bytes a)
{
	ssize_t n;

	while (a.n > 0) {
		n = pwrite(fd, a.p, a.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_of(errno);
		if (n == 0)
			return ERR_IO;
		a.p += n;
		a.n -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int
file_read_at(int fd, uint64_t at, void *ret_p, size_t n, size_t *ret_n)
{
	uint8_t *p = ret_p;
	size_t have = 0;
	ssize_t r;

	while (have < n) {
		r = pread(fd, p + have, n - have, (off_t)(at + have));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_of(errno);
		if (r == 0)
			break;
		have += (size_t)r;
	}
	*ret_n = have;
	return 0;
}

int
file_truncate(int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size) == 0 ? 0 : error_of(errno);
}

int
file_size(int fd, uint64_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_of(errno);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int
file_lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? ERR_EXISTS : error_of(errno);
}

int
file_lock_within(int fd, unsigned ms)
{
	uint64_t until = clock_boot_ms() + ms;
	int r;

	while ((r = file_lock(fd)) == ERR_EXISTS && clock_boot_ms() < until)
		/* No event tells that a lock is free. */
		(void)poll(NULL, 0, LOCK_LOOK_MS);
	return r;
}

/* ---- files by name ---- */

int
file_read(int dir, const char *name, size_t cap, struct buf *ret_b)
{
	uint64_t size;
	uint8_t *to;
	size_t n = 0;
	int fd = -1, err;

	if ((err = file_open_read(dir, name, &fd)) != 0)
		return err;
	if ((err = file_size(fd, &size)) == 0 && size > cap)
		err = ERR_TOO_LARGE;
	if (err == 0 && size > 0) {
		if ((to = buf_reserve(ret_b, (size_t)size)) == NULL)
			err = buf_error(ret_b);
		else if ((err = file_read_at(fd, 0, to, (size_t)size,
		    &n)) == 0)
			buf_commit(ret_b, n);
	}
	file_close(&fd);
	return err;
}

int
file_put(int dir, const char *name, struct bytes content)
{
	char fresh[FILE_NAME_MAX + 8];
	int fd = -1, err;

	if (strlen(name) > FILE_NAME_MAX - 4)
		return ERR_TOO_LARGE;
	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	err = file_remove(dir, fresh);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	if ((err = file_create(dir, fresh, &fd)) != 0)
		return err;
	if ((err = file_write_at(fd, 0, content)) == 0)
		err = file_sync(fd);
	file_close(&fd);
	if (err == 0)
		err = file_rename(dir, fresh, name);
	if (err != 0)
		(void)unlinkat(dir, fresh, 0);
	return err;
}

int
file_replace(int dir, const char *name, struct bytes content)
{
	int err = file_put(dir, name, content);

	return err != 0 ? err : file_sync_dir(dir);
}

int
file_rename(int dir, const char *from, const char *to)
{
	return renameat(dir, from, dir, to) == 0 ? 0 : error_of(errno);
}

int
file_remove(int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 ? 0 : error_of(errno);
}

int
file_stat(int dir, const char *name, uint64_t *ret_size, int64_t *ret_changed)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_of(errno);
	if (!S_ISREG(st.st_mode))
		return ERR_PERMISSION;
	*ret_size = (uint64_t)st.st_size;
	*ret_changed = (int64_t)st.st_mtime;
	return 0;
}
