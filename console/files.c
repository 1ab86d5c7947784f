/*
 * files.c - reading and replacing whole files, and folders of our own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 16384

int
files_error(int sys_errno)
{
	switch (sys_errno) {
	case 0:
		return 0;
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case EEXIST:
		return ERR_EXISTS;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

int
files_join(const char *folder, const char *name, char ret_path[FILES_PATH_SIZE])
{
	int n = snprintf(ret_path, FILES_PATH_SIZE, "%s/%s", folder, name);

	return n < 0 || n >= FILES_PATH_SIZE ? ERR_TOO_LARGE : 0;
}

int
files_read(const char *path, struct buf *ret_b)
{
	uint8_t part[READ_SIZE];
	struct stat st;
	ssize_t n;
	int fd, err = 0;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return files_error(errno);
	if (fstat(fd, &st) != 0)
		err = files_error(errno);
	else if (!S_ISREG(st.st_mode))
		err = ERR_PERMISSION;
	while (err == 0) {
		n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = files_error(errno);
		if (n <= 0)
			break;
		buf_put(ret_b, part, (size_t)n);
		err = buf_error(ret_b);
	}
	(void)close(fd);
	return err;
}

static int
write_all(int fd, struct bytes content)
{
	ssize_t n;

	while (content.n > 0) {
		n = write(fd, content.p, content.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return files_error(errno);
		content.p += n;
		content.n -= (size_t)n;
	}
	return fsync(fd) != 0 ? files_error(errno) : 0;
}

/* Makes a rename in the folder of path last. */
static int
sync_folder_of(const char *path)
{
	char folder[FILES_PATH_SIZE];
	const char *slash = strrchr(path, '/');
	int fd, err;

	if (slash == NULL || slash == path)
		(void)snprintf(folder, sizeof(folder), "%s",
		    slash == NULL ? "." : "/");
	else
		(void)snprintf(folder, sizeof(folder), "%.*s",
		    (int)(slash - path), path);
	if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return files_error(errno);
	err = fsync(fd) != 0 ? files_error(errno) : 0;
	(void)close(fd);
	return err;
}

int
files_replace(const char *path, struct bytes content)
{
	char tmp[FILES_PATH_SIZE];
	int fd, n, err;

	n = snprintf(tmp, sizeof(tmp), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return ERR_TOO_LARGE;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return files_error(errno);
	err = write_all(fd, content);
	if (close(fd) != 0 && err == 0)
		err = files_error(errno);
	if (err == 0 && rename(tmp, path) != 0)
		err = files_error(errno);
	if (err != 0) {
		(void)unlink(tmp);
		return err;
	}
	return sync_folder_of(path);
}

int
files_make_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return files_error(errno);
	if (stat(path, &st) != 0)
		return files_error(errno);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0)
		return ERR_PERMISSION;
	return 0;
}
