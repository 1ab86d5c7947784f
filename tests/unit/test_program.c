/*
 * test_program.c - which program files may be run, and their hashes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/gate/interpreter.h"
#include "common/digest.h"
#include "platform/program.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/time.h>

static char folder[PATH_MAX];
static char file[PATH_MAX + 32];

/*
 * A folder that only we may write, beside this test: /tmp is everybody's. The
 * test is skipped where the build's folder is not safe.
 */
static void
open_folder(void)
{
	struct program p;
	char *slash;
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 32);

	CHECK(n > 0);
	folder[n] = '\0';
	if (program_open(folder, PROGRAM_OWNER_SELF, &p) != 0)
		SKIP("others may write the build's folder");
	program_close(&p);
	slash = strrchr(folder, '/');
	(void)snprintf(slash, 32, "/program.XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(file, sizeof(file), "%s/program", folder);
}

static void
close_folder(void)
{
	(void)unlink(file);
	CHECK_INT(rmdir(folder), 0);
}

static void
write_file(const char *text, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
	CHECK_INT(fchmod(fd, mode), 0);
	CHECK_INT(close(fd), 0);
}

TEST(shells)
{
	struct program p;
	struct stat st;

	CHECK_INT(program_open("/bin/sh", PROGRAM_OWNER_ROOT, &p), 0);
	CHECK_INT(p.path[0], '/');
	CHECK_INT(lstat(p.path, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_INT(p.inode, st.st_ino);
	CHECK_INT(p.size, st.st_size);
	CHECK_INT(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	CHECK(program_is_same(&p, &p));
	CHECK(program_is_unchanged(&p));
	program_close(&p);
	program_close(&p);
	CHECK_INT(p.fd, -1);
}

static const struct {
	const char *path;
	int err;
} bad[] = {
	{ "sh", ERR_USAGE },
	{ "", ERR_USAGE },
	{ "./sh", ERR_USAGE },
	{ "/nonexistent/sh", ERR_NOT_FOUND },
	{ "/etc/passwd/sh", ERR_NOT_FOUND },
	{ "/etc/passwd", ERR_PERMISSION },
	{ "/dev/null", ERR_PERMISSION },
	{ "/bin", ERR_PERMISSION },
	{ "/", ERR_PERMISSION },
};

TEST(what_is_no_program)
{
	struct program p = { .fd = 99 };
	size_t i;
	int r;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = program_open(bad[i].path, PROGRAM_OWNER_SELF, &p);
		CHECK_MSG(r == bad[i].err, "%s: %s", bad[i].path, err_word(r));
		CHECK_INT(p.fd, 99);
	}
}

TEST(modes)
{
	static const struct {
		mode_t mode;
		bool ok;
	} rows[] = {
		{ 0755, true }, { 0555, true }, { 0500, true },
		{ 0757, false }, { 0722, false }, { 0644, false },
		{ 0703, false },
	};
	struct program p;
	size_t i;
	int r;

	open_folder();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file("x", rows[i].mode);
		r = program_open(file, PROGRAM_OWNER_SELF, &p);
		CHECK_MSG(r == (rows[i].ok ? 0 : ERR_PERMISSION), "%o: %s",
		    (unsigned)rows[i].mode, err_word(r));
		if (r == 0)
			program_close(&p);
		CHECK_INT(unlink(file), 0);
	}
	close_folder();
}

TEST(owners_and_groups)
{
	struct program p;

	if (geteuid() != 0)
		SKIP("needs root");
	open_folder();
	write_file("x", 0755);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), 0);
	program_close(&p);
	/* Group write only for root's own group. */
	CHECK_INT(chmod(file, 0775), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), 0);
	program_close(&p);
	CHECK_INT(chown(file, 0, 50), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), ERR_PERMISSION);
	CHECK_INT(chmod(file, 0755), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), 0);
	program_close(&p);
	CHECK_INT(chown(file, 65534, 0), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), ERR_PERMISSION);
	CHECK_INT(program_open(file, PROGRAM_OWNER_SELF, &p), ERR_PERMISSION);
	CHECK_INT(chown(file, 0, 0), 0);
	/* A folder on the way that another may write. */
	CHECK_INT(chmod(folder, 0777), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), ERR_PERMISSION);
	/* In a sticky one nobody else can change our names. */
	CHECK_INT(chmod(folder, 01777), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), 0);
	program_close(&p);
	CHECK_INT(chown(folder, 65534, 0), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), ERR_PERMISSION);
	CHECK_INT(chown(folder, 0, 0), 0);
	CHECK_INT(chmod(folder, 0755), 0);
	CHECK_INT(chown(folder, 65534, 0), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), ERR_PERMISSION);
	CHECK_INT(chown(folder, 0, 0), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_ROOT, &p), 0);
	program_close(&p);
	close_folder();
}

/* A symbolic link leads to what is checked: its own place does not matter. */
TEST(links)
{
	struct program p;
	char *link_path = file;

	open_folder();
	CHECK_INT(symlink("/bin/sh", link_path), 0);
	CHECK_INT(program_open(link_path, PROGRAM_OWNER_SELF, &p), 0);
	CHECK(strcmp(p.path, link_path) != 0);
	program_close(&p);
	CHECK_INT(unlink(link_path), 0);
	CHECK_INT(symlink(link_path, link_path), 0);
	CHECK_INT(program_open(link_path, PROGRAM_OWNER_SELF, &p),
	    ERR_PERMISSION);
	close_folder();
}

TEST(reads_at_an_offset)
{
	uint8_t text[8];
	struct program p;
	size_t n;

	open_folder();
	write_file("0123456789", 0755);
	CHECK_INT(program_open(file, PROGRAM_OWNER_SELF, &p), 0);
	CHECK_INT(program_read(&p, 2, text, 3, &n), 0);
	CHECK_MEM(text, n, "234", 3);
	CHECK_INT(program_read(&p, 8, text, 8, &n), 0);
	CHECK_MEM(text, n, "89", 2);
	CHECK_INT(program_read(&p, 10, text, 8, &n), 0);
	CHECK_INT(n, 0);
	program_close(&p);
	CHECK_INT(program_read(&p, 0, text, 8, &n), ERR_IO);
	close_folder();
}

/* ---- hashes -------------------------------------------------------------- */

static void
hash_of(const char *text, uint8_t *ret_hash)
{
	struct sha256 d;

	digest_sha256(bytes_str(text), &d);
	memcpy(ret_hash, d.b, 32);
}

TEST(hashes_follow_the_file)
{
	struct interpreter_cache cache = { .next = 0 };
	struct timeval times[2];
	uint8_t hash[32], want[32];
	struct program p, q;
	struct stat st;
	unsigned i;

	CHECK_INT(digest_init(), 0);
	open_folder();
	write_file("first", 0755);
	CHECK_INT(program_open(file, PROGRAM_OWNER_SELF, &p), 0);
	hash_of("first", want);
	for (i = 0; i < 3; i++) {
		CHECK_INT(interpreter_hash(&cache, &p, hash), 0);
		CHECK_MEM(hash, 32, want, 32);
	}
	CHECK_INT(cache.next, 1);
	/* The same length, and its old time set again. */
	CHECK_INT(stat(file, &st), 0);
	write_file("other", 0755);
	times[0].tv_sec = times[1].tv_sec = st.st_mtim.tv_sec;
	times[0].tv_usec = times[1].tv_usec =
	    (suseconds_t)(st.st_mtim.tv_nsec / 1000);
	CHECK_INT(utimes(file, times), 0);
	CHECK_INT(program_open(file, PROGRAM_OWNER_SELF, &q), 0);
	CHECK(!program_is_same(&p, &q));
	CHECK(!program_is_unchanged(&p));
	hash_of("other", want);
	CHECK_INT(interpreter_hash(&cache, &q, hash), 0);
	CHECK_MEM(hash, 32, want, 32);
	/* What was opened before is not what it was. */
	memset(&cache, 0, sizeof(cache));
	CHECK_INT(interpreter_hash(&cache, &p, hash), ERR_CONFLICT);
	program_close(&p);
	program_close(&q);
	close_folder();
}

TEST(hashes_of_shells)
{
	struct interpreter_cache cache = { .next = 0 };
	uint8_t hash[32], again[32];
	struct program p;
	struct sha256 d;
	uint8_t *content;
	size_t n;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(interpreter_check(&cache, "/bin/sh", hash), 0);
	CHECK_INT(interpreter_check(&cache, "/bin/sh", again), 0);
	CHECK_MEM(hash, 32, again, 32);
	CHECK_INT(cache.next, 1);
	CHECK_INT(program_open("/bin/sh", PROGRAM_OWNER_ROOT, &p), 0);
	content = malloc(p.size);
	CHECK(content != NULL);
	CHECK_INT(program_read(&p, 0, content, p.size, &n), 0);
	digest_sha256(bytes_of(content, n), &d);
	CHECK_MEM(hash, 32, d.b, 32);
	free(content);
	program_close(&p);
	CHECK_INT(interpreter_check(&cache, "/etc/passwd", hash),
	    ERR_PERMISSION);
	CHECK_INT(interpreter_check(&cache, "/bin/no-such-shell", hash),
	    ERR_NOT_FOUND);
}

/* More programs than are remembered. */
TEST(cache_is_bounded)
{
	struct interpreter_cache cache = { .next = 0 };
	uint8_t hash[32], want[32];
	struct program p;
	char text[32];
	unsigned i;

	CHECK_INT(digest_init(), 0);
	open_folder();
	for (i = 0; i < 3 * INTERPRETER_CACHE; i++) {
		(void)snprintf(text, sizeof(text), "program %u", i);
		write_file(text, 0755);
		CHECK_INT(program_open(file, PROGRAM_OWNER_SELF, &p), 0);
		hash_of(text, want);
		CHECK_INT(interpreter_hash(&cache, &p, hash), 0);
		CHECK_MEM(hash, 32, want, 32);
		program_close(&p);
		CHECK_INT(unlink(file), 0);
	}
	close_folder();
}

TEST_MAIN()
