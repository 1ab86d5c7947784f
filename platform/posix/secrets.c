/*
 * secrets.c - secret files and secret memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "platform/secrets.h"

#include "platform/file.h"
#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The lowest free number is what open(2) takes. */
static int
fill_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null",
		    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return ERR_IO;
	return 0;
}

/* What we start may have the least that there is: linux/payload.c. */
static int
forbid_cores(void)
{
	const struct rlimit least = { 0, 1 }, none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &least) == 0 ? 0 :
	    setrlimit(RLIMIT_CORE, &none);
}

int
secrets_guard_process(void)
{
	if (fill_standard() != 0 || forbid_cores() != 0)
		return ERR_IO;
	return native_forbid_tracing() == 0 ? 0 : ERR_IO;
}

static size_t
page_size(void)
{
	long n = sysconf(_SC_PAGESIZE);

	return n > 0 ? (size_t)n : 4096;
}

/* n rounded up to whole pages; 0 if that is nothing or too much. */
static size_t
whole_pages(size_t n)
{
	size_t page = page_size();

	if (n == 0 || n > SIZE_MAX / 2)
		return 0;
	return (n + page - 1) / page * page;
}

/*
 * What lies unused before n bytes in `inner`: they end at the guard page, so
 * that running over their end is caught, as near as alignment lets them.
 */
static size_t
slack(size_t inner, size_t n)
{
	return (inner - n) / 16 * 16;
}

void *
secrets_alloc(size_t n)
{
	size_t page = page_size(), inner = whole_pages(n);
	uint8_t *p;

	if (inner == 0)
		return NULL;
	p = mmap(NULL, inner + 2 * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + page, inner, PROT_READ | PROT_WRITE) != 0) {
		(void)munmap(p, inner + 2 * page);
		return NULL;
	}
	(void)mlock(p + page, inner);
	native_hide_memory(p + page, inner);
	return p + page + slack(inner, n);
}

void
secrets_wipe(void *p, size_t n)
{
	if (p != NULL && n > 0)
		native_wipe(p, n);
}

void
secrets_free(void *p, size_t n)
{
	size_t page = page_size(), inner = whole_pages(n);

	if (p == NULL || inner == 0)
		return;
	secrets_wipe(p, n);
	(void)munmap((uint8_t *)p - slack(inner, n) - page, inner + 2 * page);
}

static int
error_of(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
		return ERR_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	default:
		return ERR_IO;
	}
}

/* Reads up to n bytes, fewer only at the end of the file; -1 on error. */
static ssize_t
read_full(int fd, uint8_t *p, size_t n)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = read(fd, p + have, n - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static int
check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return ERR_PERMISSION;
	return st.st_size == SECRET_SIZE ? 0 : ERR_CORRUPT;
}

int
secrets_read(const char *path, uint8_t ret_secret[SECRET_SIZE])
{
	uint8_t secret[SECRET_SIZE + 1];
	ssize_t n;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return error_of(errno);
	if ((r = check_file(fd)) == 0) {
		n = read_full(fd, secret, sizeof(secret));
		if (n < 0)
			r = ERR_IO;
		else if (n != SECRET_SIZE)
			r = ERR_CORRUPT;
		else
			memcpy(ret_secret, secret, SECRET_SIZE);
		secrets_wipe(secret, sizeof(secret));
	}
	(void)close(fd);
	return r;
}

static int
write_file(const char *path, const uint8_t *p, size_t n)
{
	struct stat st;
	ssize_t done;
	int fd, r = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (fd < 0)
		return error_of(errno);
	/* Whatever the umask is; the gate's is right, and it may not change any
	 * file's mode. */
	if (fstat(fd, &st) != 0 || ((st.st_mode & 07777) != 0600 &&
	    fchmod(fd, 0600) != 0))
		r = error_of(errno);
	while (r == 0 && n > 0) {
		done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			r = error_of(errno);
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	if (r == 0 && native_sync(fd) != 0)
		r = error_of(errno);
	if (close(fd) != 0 && r == 0)
		r = error_of(errno);
	return r;
}

static int
sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int n = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
	int fd, r;

	(void)snprintf(folder, sizeof(folder), "%.*s", n,
	    slash == NULL ? "." : path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_of(errno);
	r = native_sync(fd) == 0 ? 0 : error_of(errno);
	(void)close(fd);
	return r;
}

int
secrets_write(const char *path, const uint8_t secret[SECRET_SIZE])
{
	char fresh[PATH_MAX];
	int n, r;

	n = snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(fresh))
		return ERR_IO;
	/* What a crash in here left was never used by anybody. */
	(void)unlink(fresh);
	r = write_file(fresh, secret, SECRET_SIZE);
	/* link(2) does not replace, as rename(2) would. */
	if (r == 0 && link(fresh, path) != 0)
		r = error_of(errno);
	if (r != ERR_NOT_FOUND)
		(void)unlink(fresh);
	if (r == 0)
		r = sync_folder_of(path);
	return r;
}

/* ---- in an open folder ---- */

int
secrets_read_at(int dir, const char *name, uint8_t ret_secret[SECRET_SIZE])
{
	uint8_t secret[SECRET_SIZE];
	uint64_t size = 0;
	size_t n = 0;
	int fd = -1, err;

	if ((err = file_open_read(dir, name, &fd)) == 0 &&
	    (err = file_check_private(fd)) == 0 &&
	    (err = file_size(fd, &size)) == 0 && size != SECRET_SIZE)
		err = ERR_CORRUPT;
	if (err == 0 && (err = file_read_at(fd, 0, secret, SECRET_SIZE,
	    &n)) == 0 && n != SECRET_SIZE)
		err = ERR_CORRUPT;
	if (err == 0)
		memcpy(ret_secret, secret, SECRET_SIZE);
	secrets_wipe(secret, sizeof(secret));
	file_close(&fd);
	return err;
}

int
secrets_write_at(int dir, const char *name,
    const uint8_t secret[SECRET_SIZE])
{
	int fd = -1, err;

	if ((err = file_create(dir, name, &fd)) != 0)
		return err;
	if ((err = file_write_at(fd, 0, bytes_of(secret, SECRET_SIZE))) == 0)
		err = file_sync(fd);
	file_close(&fd);
	return err != 0 ? err : file_sync_dir(dir);
}

int
secrets_erase_at(int dir, const char *name)
{
	static const uint8_t zeros[256];
	uint64_t size = 0, at = 0;
	size_t n;
	int fd = -1, err;

	err = file_open_write(dir, name, &fd);
	if (err == ERR_PERMISSION)
		return 0;
	if (err == 0)
		err = file_size(fd, &size);
	for (; err == 0 && at < size; at += n) {
		n = size - at < sizeof(zeros) ? (size_t)(size - at) :
		    sizeof(zeros);
		err = file_write_at(fd, at, bytes_of(zeros, n));
	}
	if (err == 0 && size > 0)
		err = file_sync(fd);
	file_close(&fd);
	return err;
}
