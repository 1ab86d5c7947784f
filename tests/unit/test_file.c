/*
 * test_file.c - files that survive a crash: on a real disk, with system calls
 * that fail, stop short or are interrupted.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 *
 * The module is compiled into this test, with its system calls led through
 * the functions below.
 */
#include "platform/file.h"
#include "tests/harness/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The call of that name that fails next, with this errno, so many times. */
static struct {
	const char *call;
	int error, times;
	size_t most;		/* bytes of a read or write; 0: all */
} shim;

static bool
fails(const char *call)
{
	if (shim.call == NULL || strcmp(shim.call, call) != 0 ||
	    shim.times == 0)
		return false;
	shim.times--;
	errno = shim.error;
	return true;
}

static size_t
least(size_t n)
{
	return shim.most != 0 && n > shim.most ? shim.most : n;
}

static ssize_t
shim_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails("pwrite") ? -1 : pwrite(fd, p, least(n), at);
}

static ssize_t
shim_pread(int fd, void *p, size_t n, off_t at)
{
	return fails("pread") ? -1 : pread(fd, p, least(n), at);
}

static int
shim_fsync(int fd)
{
	return fails("fsync") ? -1 : fsync(fd);
}

static int
shim_fdatasync(int fd)
{
	return fails("fdatasync") ? -1 : fdatasync(fd);
}

static int
shim_ftruncate(int fd, off_t n)
{
	return fails("ftruncate") ? -1 : ftruncate(fd, n);
}

static int
shim_fallocate(int fd, int mode, off_t at, off_t n)
{
	return fails("fallocate") ? -1 : fallocate(fd, mode, at, n);
}

static int
shim_renameat(int a, const char *from, int b, const char *to)
{
	return fails("renameat") ? -1 : renameat(a, from, b, to);
}

static int
shim_fstat(int fd, struct stat *st)
{
	return fails("fstat") ? -1 : fstat(fd, st);
}

#define pwrite shim_pwrite
#define pread shim_pread
#define fsync shim_fsync
#define fdatasync shim_fdatasync
#define ftruncate shim_ftruncate
#define fallocate shim_fallocate
#define renameat shim_renameat
#define fstat(fd, st) shim_fstat(fd, st)
#include "platform/linux/file_sync.c"
#include "platform/linux/native.c"
#include "platform/posix/file.c"
#undef fstat

static char path[64];
static int dir = -1;

static void
begin(void)
{
	(void)snprintf(path, sizeof(path), "/tmp/test_file.XXXXXX");
	CHECK(mkdtemp(path) != NULL);
	CHECK_INT(file_open_dir(path, &dir), 0);
}

static int
remove_it(void *arg, const char *name)
{
	(void)arg;
	if (unlinkat(dir, name, 0) != 0)
		(void)unlinkat(dir, name, AT_REMOVEDIR);
	return 0;
}

static void
end(void)
{
	memset(&shim, 0, sizeof(shim));
	CHECK_INT(file_list(dir, remove_it, NULL), 0);
	file_close(&dir);
	CHECK_INT(dir, -1);
	CHECK_INT(rmdir(path), 0);
}

static void
fail_next(const char *call, int error)
{
	shim.call = call;
	shim.error = error;
	shim.times = 1;
}

static int
content_is(const char *name, const char *want)
{
	struct buf b;
	int err;

	buf_init(&b, 1000);
	err = file_read(dir, name, 100, &b);
	if (err == 0)
		CHECK(bytes_is(buf_bytes(&b), want));
	buf_free(&b);
	return err;
}

static unsigned
mode_of(const char *name)
{
	struct stat st;

	CHECK_INT(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

TEST(folders)
{
	char sub[80];
	int fd = -1;

	begin();
	(void)umask(0);
	CHECK_INT(file_open_dir_at(dir, "sub", &fd), ERR_NOT_FOUND);
	CHECK_INT(file_make_dir_at(dir, "sub", &fd), 0);
	CHECK_INT(mode_of("sub"), 0700);
	file_close(&fd);
	/* Again: it is there. */
	CHECK_INT(file_make_dir_at(dir, "sub", &fd), 0);
	file_close(&fd);
	(void)snprintf(sub, sizeof(sub), "%s/sub", path);
	CHECK_INT(file_make_dir(sub, &fd), 0);
	file_close(&fd);
	(void)snprintf(sub, sizeof(sub), "%s/new", path);
	CHECK_INT(file_make_dir(sub, &fd), 0);
	CHECK_INT(mode_of("new"), 0700);
	file_close(&fd);
	(void)snprintf(sub, sizeof(sub), "%s/no/new", path);
	CHECK_INT(file_make_dir(sub, &fd), ERR_NOT_FOUND);
	CHECK_INT(file_open_dir(sub, &fd), ERR_NOT_FOUND);
	/* Not ours alone. */
	CHECK_INT(fchmodat(dir, "sub", 0750, 0), 0);
	CHECK_INT(file_make_dir_at(dir, "sub", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_dir_at(dir, "sub", &fd), 0);
	CHECK_INT(file_check_private(fd), ERR_PERMISSION);
	file_close(&fd);
	file_close(&fd);
	/* A link, and a file, are no folders. */
	CHECK_INT(symlinkat("sub", dir, "link"), 0);
	CHECK_INT(file_open_dir_at(dir, "link", &fd), ERR_PERMISSION);
	CHECK_INT(file_make_dir_at(dir, "link", &fd), ERR_PERMISSION);
	CHECK_INT(file_put(dir, "file", bytes_str("x")), 0);
	CHECK_INT(file_open_dir_at(dir, "file", &fd), ERR_PERMISSION);
	CHECK_INT(fd, -1);
	end();
}

TEST(owner)
{
	int fd = -1;

	if (geteuid() != 0)
		SKIP("only root can give a file away");
	begin();
	CHECK_INT(file_put(dir, "a", bytes_str("x")), 0);
	CHECK_INT(fchownat(dir, "a", 65534, 65534, 0), 0);
	CHECK_INT(file_open_write(dir, "a", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_read(dir, "a", &fd), 0);
	CHECK_INT(file_check_private(fd), ERR_PERMISSION);
	file_close(&fd);
	end();
}

TEST(opening)
{
	int fd = -1, other = -1;

	begin();
	(void)umask(0);
	CHECK_INT(file_open_read(dir, "a", &fd), ERR_NOT_FOUND);
	CHECK_INT(file_open_write(dir, "a", &fd), ERR_NOT_FOUND);
	CHECK_INT(file_create(dir, "a", &fd), 0);
	CHECK_INT(mode_of("a"), 0600);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(file_create(dir, "a", &other), ERR_EXISTS);
	file_close(&fd);
	CHECK_INT(file_open_write(dir, "a", &fd), 0);
	CHECK_INT(file_write_at(fd, 0, bytes_str("abc")), 0);
	file_close(&fd);
	CHECK_INT(file_open_read(dir, "a", &fd), 0);
	CHECK_INT(file_write_at(fd, 0, bytes_str("abc")), ERR_IO);
	file_close(&fd);
	/* Links, also to nowhere, pipes and folders are no files. */
	CHECK_INT(symlinkat("a", dir, "link"), 0);
	CHECK_INT(symlinkat("nowhere", dir, "dangling"), 0);
	CHECK_INT(mkfifoat(dir, "pipe", 0600), 0);
	CHECK_INT(mkdirat(dir, "sub", 0700), 0);
	CHECK_INT(file_open_read(dir, "link", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_write(dir, "link", &fd), ERR_PERMISSION);
	CHECK_INT(file_create(dir, "dangling", &fd), ERR_EXISTS);
	CHECK_INT(file_open_read(dir, "pipe", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_write(dir, "pipe", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_read(dir, "sub", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_write(dir, "sub", &fd), ERR_PERMISSION);
	/* One that others may read is not for writing secrets into. */
	CHECK_INT(fchmodat(dir, "a", 0640, 0), 0);
	CHECK_INT(file_open_write(dir, "a", &fd), ERR_PERMISSION);
	CHECK_INT(file_open_read(dir, "a", &fd), 0);
	file_close(&fd);
	fail_next("fstat", EIO);
	CHECK_INT(file_open_read(dir, "a", &fd), ERR_IO);
	CHECK_INT(fd, -1);
	end();
}

TEST(reading_and_writing)
{
	uint64_t size = 0;
	char p[20];
	size_t n = 0;
	int fd = -1;

	begin();
	CHECK_INT(file_create(dir, "a", &fd), 0);
	CHECK_INT(file_write_at(fd, 3, bytes_str("defgh")), 0);
	CHECK_INT(file_write_at(fd, 0, bytes_str("abc")), 0);
	CHECK_INT(file_write_at(fd, 8, bytes_of(NULL, 0)), 0);
	CHECK_INT(file_size(fd, &size), 0);
	CHECK_INT(size, 8);
	CHECK_INT(file_read_at(fd, 1, p, 4, &n), 0);
	CHECK_MEM(p, n, "bcde", 4);
	CHECK_INT(file_read_at(fd, 6, p, sizeof(p), &n), 0);
	CHECK_MEM(p, n, "gh", 2);
	CHECK_INT(file_read_at(fd, 8, p, 1, &n), 0);
	CHECK_INT(n, 0);
	CHECK_INT(file_truncate(fd, 2), 0);
	CHECK_INT(content_is("a", "ab"), 0);
	CHECK_INT(file_sync(fd), 0);
	CHECK_INT(file_sync_dir(dir), 0);
	file_close(&fd);
	end();
}

/* The system takes and gives a byte at a time, and signals come between. */
TEST(short_and_interrupted)
{
	char p[20];
	size_t n = 0;
	int fd = -1;

	begin();
	CHECK_INT(file_create(dir, "a", &fd), 0);
	shim.most = 1;
	fail_next("pwrite", EINTR);
	shim.times = 3;
	CHECK_INT(file_write_at(fd, 0, bytes_str("abcdef")), 0);
	CHECK_INT(shim.times, 0);
	fail_next("pread", EINTR);
	shim.times = 3;
	CHECK_INT(file_read_at(fd, 0, p, sizeof(p), &n), 0);
	CHECK_MEM(p, n, "abcdef", 6);
	fail_next("fallocate", EINTR);
	CHECK_INT(file_reserve(fd, 0, 4096), 0);
	file_close(&fd);
	end();
}

TEST(errors)
{
	static const struct {
		int error, err;
	} t[] = {
		{ ENOSPC, ERR_NO_SPACE }, { EDQUOT, ERR_NO_SPACE },
		{ EIO, ERR_IO }, { EFBIG, ERR_TOO_LARGE },
		{ EROFS, ERR_PERMISSION }, { EBADF, ERR_IO },
	};
	uint64_t size;
	char p[4];
	size_t i, n;
	int fd = -1;

	begin();
	CHECK_INT(file_create(dir, "a", &fd), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fail_next("pwrite", t[i].error);
		CHECK_INT(file_write_at(fd, 0, bytes_str("x")), t[i].err);
		fail_next("pread", t[i].error);
		CHECK_INT(file_read_at(fd, 0, p, 1, &n), t[i].err);
		fail_next("ftruncate", t[i].error);
		CHECK_INT(file_truncate(fd, 0), t[i].err);
		fail_next("renameat", t[i].error);
		CHECK_INT(file_rename(dir, "a", "b"), t[i].err);
		fail_next("fstat", t[i].error);
		CHECK_INT(file_size(fd, &size), t[i].err);
		fail_next("fsync", t[i].error);
		CHECK_INT(file_sync_dir(dir), t[i].err);
		fail_next("fdatasync", t[i].error);
		CHECK_INT(file_sync(fd), t[i].err == ERR_NO_SPACE ?
		    ERR_NO_SPACE : ERR_IO);
	}
	fail_next("fallocate", ENOSPC);
	CHECK_INT(file_reserve(fd, 0, 1), ERR_NO_SPACE);
	fail_next("fallocate", EOPNOTSUPP);
	CHECK_INT(file_reserve(fd, 0, 1), ERR_UNSUPPORTED);
	fail_next("fallocate", EIO);
	CHECK_INT(file_reserve(fd, 0, 1), ERR_IO);
	file_close(&fd);
	end();
}

TEST(reserve)
{
	struct stat st;
	uint64_t size;
	int fd = -1;

	begin();
	CHECK_INT(file_create(dir, "a", &fd), 0);
	CHECK_INT(file_write_at(fd, 0, bytes_str("x")), 0);
	if (file_reserve(fd, 1, 1 << 20) == ERR_UNSUPPORTED)
		SKIP("the file system of /tmp cannot");
	CHECK_INT(file_size(fd, &size), 0);
	CHECK_INT(size, 1);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK(st.st_blocks * 512 >= 1 << 20);
	/* Cutting gives it back. */
	CHECK_INT(file_truncate(fd, 1), 0);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK(st.st_blocks * 512 < 1 << 20);
	file_close(&fd);
	end();
}

TEST(lock)
{
	int a = -1, b = -1;

	begin();
	CHECK_INT(file_create(dir, "lock", &a), 0);
	CHECK_INT(file_open_write(dir, "lock", &b), 0);
	CHECK_INT(file_lock(a), 0);
	CHECK_INT(file_lock(b), ERR_EXISTS);
	file_close(&a);
	CHECK_INT(file_lock(b), 0);
	file_close(&b);
	end();
}

TEST(replace)
{
	char longest[FILE_NAME_MAX + 1];
	uint64_t size;
	int64_t changed;
	struct buf b;

	begin();
	CHECK_INT(file_replace(dir, "a", bytes_str("one")), 0);
	CHECK_INT(content_is("a", "one"), 0);
	CHECK_INT(file_replace(dir, "a", bytes_str("")), 0);
	CHECK_INT(content_is("a", ""), 0);
	CHECK_INT(mode_of("a"), 0600);
	/* A leftover of a crash, and a trap. */
	CHECK_INT(symlinkat("victim", dir, "a.new"), 0);
	CHECK_INT(file_replace(dir, "a", bytes_str("two")), 0);
	CHECK_INT(content_is("a", "two"), 0);
	CHECK_INT(content_is("a.new", ""), ERR_NOT_FOUND);
	CHECK_INT(content_is("victim", ""), ERR_NOT_FOUND);
	memset(longest, 'x', FILE_NAME_MAX);
	longest[FILE_NAME_MAX] = '\0';
	CHECK_INT(file_replace(dir, longest, bytes_str("x")), ERR_TOO_LARGE);
	longest[FILE_NAME_MAX - 4] = '\0';
	CHECK_INT(file_replace(dir, longest, bytes_str("x")), 0);
	/* Names, sizes, caps. */
	CHECK_INT(file_stat(dir, "a", &size, &changed), 0);
	CHECK_INT(size, 3);
	CHECK(changed > 1600000000);
	CHECK_INT(file_rename(dir, "a", "b"), 0);
	CHECK_INT(file_stat(dir, "a", &size, &changed), ERR_NOT_FOUND);
	CHECK_INT(file_rename(dir, "a", "b"), ERR_NOT_FOUND);
	CHECK_INT(symlinkat("b", dir, "link"), 0);
	CHECK_INT(file_stat(dir, "link", &size, &changed), ERR_PERMISSION);
	CHECK_INT(content_is("link", "two"), ERR_PERMISSION);
	buf_init(&b, 1000);
	CHECK_INT(file_read(dir, "b", 2, &b), ERR_TOO_LARGE);
	buf_put_str(&b, "and ");
	CHECK_INT(file_read(dir, "b", 3, &b), 0);
	CHECK(bytes_is(buf_bytes(&b), "and two"));
	buf_free(&b);
	CHECK_INT(file_remove(dir, "b"), 0);
	CHECK_INT(file_remove(dir, "b"), ERR_NOT_FOUND);
	end();
}

/* Whichever call fails: the old content is there, or the new one. */
TEST(replace_fails)
{
	static const struct {
		const char *call;
		int error, err;
	} t[] = {
		{ "fstat", EIO, ERR_IO },
		{ "pwrite", ENOSPC, ERR_NO_SPACE },
		{ "pwrite", EIO, ERR_IO },
		{ "fdatasync", EIO, ERR_IO },
		{ "renameat", EIO, ERR_IO },
	};
	size_t i;

	begin();
	CHECK_INT(file_replace(dir, "a", bytes_str("old")), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fail_next(t[i].call, t[i].error);
		CHECK_INT(file_replace(dir, "a", bytes_str("new")), t[i].err);
		CHECK_INT(content_is("a", "old"), 0);
	}
	CHECK_INT(content_is("a.new", ""), i > 0 ? ERR_NOT_FOUND : 0);
	fail_next("fsync", EIO);
	CHECK_INT(file_replace(dir, "a", bytes_str("new")), ERR_IO);
	CHECK_INT(content_is("a", "new"), 0);
	end();
}

static int
count(void *arg, const char *name)
{
	int *n = arg;

	CHECK(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	++*n;
	return *n == 3 ? ERR_DENIED : 0;
}

TEST(list)
{
	uint64_t bytes = 0;
	int n = 0;

	begin();
	CHECK_INT(file_list(dir, count, &n), 0);
	CHECK_INT(n, 0);
	CHECK_INT(file_put(dir, "a", bytes_str("x")), 0);
	CHECK_INT(file_put(dir, "b", bytes_str("x")), 0);
	CHECK_INT(file_list(dir, count, &n), 0);
	CHECK_INT(n, 2);
	/* From the start each time; what the function returns ends it. */
	CHECK_INT(file_list(dir, count, &n), ERR_DENIED);
	CHECK_INT(n, 3);
	CHECK_INT(file_free_space(dir, &bytes), 0);
	CHECK(bytes > 0);
	end();
}

TEST_MAIN()
