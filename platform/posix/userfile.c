/*
 * userfile.c - files and folders that a person names by their paths.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 */
#include "platform/userfile.h"

#include "platform/posix/native.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4200
#define PIECE 16384

static int
error_of(int e)
{
	switch (e) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EISDIR:
		return ERR_USAGE;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* Whatever it is. */
static int
open_any(const char *path, int flags, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0)
		return error_of(errno);
	*ret_fd = fd;
	return 0;
}

int
userfile_open(const char *path, int *ret_fd)
{
	struct stat st;
	int fd = -1, err;

	/* Opening a pipe would wait for who writes to it. */
	if ((err = open_any(path, O_NONBLOCK, &fd)) != 0)
		return err == ERR_IO && errno == ENXIO ? ERR_USAGE : err;
	if (fstat(fd, &st) != 0)
		err = error_of(errno);
	else if (!S_ISREG(st.st_mode))
		err = ERR_USAGE;
	if (err != 0)
		userfile_close(&fd);
	else
		*ret_fd = fd;
	return err;
}

int
userfile_read_some(int fd, void *p, size_t n, size_t *ret_n)
{
	ssize_t r;

	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return error_of(errno);
	*ret_n = (size_t)r;
	return 0;
}

int
userfile_read_at(int fd, uint64_t at, void *p, size_t n, size_t *ret_n)
{
	uint8_t *to = p;
	size_t got = 0;
	ssize_t r;

	while (got < n) {
		r = pread(fd, to + got, n - got, (off_t)(at + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_of(errno);
		if (r == 0)
			break;
		got += (size_t)r;
	}
	*ret_n = got;
	return 0;
}

void
userfile_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int
userfile_read(const char *path, size_t cap, struct buf *ret_b)
{
	bool std = strcmp(path, "-") == 0;
	uint8_t piece[PIECE];
	size_t n = 1, total = 0;
	int fd = STDIN_FILENO, err = 0;

	if (!std && (err = open_any(path, 0, &fd)) != 0)
		return err;
	while (err == 0 && n > 0) {
		err = userfile_read_some(fd, piece, sizeof(piece), &n);
		if (err != 0)
			break;
		if ((total += n) > cap)
			err = ERR_TOO_LARGE;
		else
			buf_put(ret_b, piece, n);
		if (err == 0)
			err = buf_error(ret_b);
	}
	/* It may have been a key or a passphrase. */
	native_wipe(piece, sizeof(piece));
	if (!std)
		userfile_close(&fd);
	return err;
}

int
userfile_check_private(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return error_of(errno);
	if ((st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return ERR_PERMISSION;
	return 0;
}

static int
write_all(int fd, struct bytes a)
{
	while (a.n > 0) {
		ssize_t r = write(fd, a.p, a.n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_of(errno);
		a.p += r;
		a.n -= (size_t)r;
	}
	return 0;
}

/* The folder's own entry of the new name, as far as the system can. */
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_SIZE] = ".";
	int fd, err = 0;

	if (slash != NULL)
		snprintf(dir, sizeof(dir), "%.*s",
		    slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_of(errno);
	if (native_sync(fd) != 0 && errno != EINVAL)
		err = error_of(errno);
	close(fd);
	return err;
}

/* The new content beside the old one. */
static int
write_beside(const char *temp, struct bytes content, enum userfile_mode mode)
{
	int fd, err;

	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    mode == USERFILE_PRIVATE ? 0600 : 0666);
	if (fd < 0)
		return error_of(errno);
	err = write_all(fd, content);
	if (err == 0 && native_sync(fd) != 0)
		err = error_of(errno);
	if (close(fd) != 0 && err == 0)
		err = error_of(errno);
	return err;
}

static bool
is_plain_file(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

int
userfile_write(const char *path, struct bytes content,
    enum userfile_mode mode, bool fresh)
{
	char temp[PATH_SIZE];
	int fd, err;

	if (strcmp(path, "-") == 0)
		return write_all(STDOUT_FILENO, content);
	if (!is_plain_file(path)) {
		/* A device or pipe is written to, never replaced. */
		if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
			return error_of(errno);
		err = write_all(fd, content);
		close(fd);
		return err;
	}
	if (snprintf(temp, sizeof(temp), "%s.%ld.new", path,
	    (long)getpid()) >= (int)sizeof(temp))
		return ERR_TOO_LARGE;
	if ((err = write_beside(temp, content, mode)) != 0)
		goto out;
	/* link(2) never replaces what is there. */
	if (fresh ? link(temp, path) != 0 : rename(temp, path) != 0)
		err = error_of(errno);
	else
		err = sync_folder(path);
out:
	(void)unlink(temp);
	return err;
}

int
userfile_make_dirs(const char *path, enum userfile_mode mode)
{
	mode_t bits = mode == USERFILE_PRIVATE ? 0700 : 0755;
	char part[PATH_SIZE];
	size_t i, n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return ERR_TOO_LARGE;
	for (i = 1; i <= n; i++) {
		if (i < n && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, bits) != 0 && errno != EEXIST)
			return error_of(errno);
	}
	return userfile_is_dir(path) ? 0 : ERR_EXISTS;
}

bool
userfile_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool
userfile_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

int
userfile_list(const char *path, userfile_list_fn *fn, void *arg)
{
	struct dirent **names;
	int i, n, err = 0;

	if ((n = scandir(path, &names, NULL, alphasort)) < 0)
		return error_of(errno);
	for (i = 0; i < n; i++) {
		if (err == 0 && strcmp(names[i]->d_name, ".") != 0 &&
		    strcmp(names[i]->d_name, "..") != 0)
			err = fn(arg, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return err;
}

int
userfile_make_temp(char *ret_path, size_t size)
{
	const char *base = getenv("TMPDIR");
	char path[PATH_SIZE];

	if (base == NULL || base[0] != '/')
		base = "/tmp";
	if (snprintf(path, sizeof(path), "%s/countersign-XXXXXX", base) >=
	    (int)sizeof(path) || strlen(path) >= size)
		return ERR_TOO_LARGE;
	if (mkdtemp(path) == NULL)
		return error_of(errno);
	memcpy(ret_path, path, strlen(path) + 1);
	return 0;
}

static int
remove_one(void *arg, const char *name)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
	(void)unlink(path);
	return 0;
}

void
userfile_remove_temp(const char *path)
{
	char copy[PATH_SIZE];

	snprintf(copy, sizeof(copy), "%s", path);
	(void)userfile_list(copy, remove_one, copy);
	(void)rmdir(copy);
}
