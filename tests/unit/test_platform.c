/*
 * test_platform.c - clock, random bytes, host, service manager, secrets.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/host.h"
#include "platform/random.h"
#include "platform/secrets.h"
#include "platform/service.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

/* A new folder, only ours; the test removes it. */
static char *
new_folder(void)
{
	static char path[] = "/tmp/platform.XXXXXX";

	CHECK(mkdtemp(path) != NULL);
	return path;
}

/* ---- clock --------------------------------------------------------------- */

TEST(clocks)
{
	/* Not time(3), whose clock may be a moment behind. */
	struct timespec boot[2], real[2];
	uint64_t a, b, c;
	int64_t wall;

	CHECK_INT(clock_gettime(CLOCK_BOOTTIME, &boot[0]), 0);
	CHECK_INT(clock_gettime(CLOCK_REALTIME, &real[0]), 0);
	a = clock_boot_us();
	b = clock_boot_ms();
	c = clock_boot_us();
	wall = clock_wall_s();
	CHECK_INT(clock_gettime(CLOCK_BOOTTIME, &boot[1]), 0);
	CHECK_INT(clock_gettime(CLOCK_REALTIME, &real[1]), 0);
	CHECK(a / 1000 <= b && b <= c / 1000);
	CHECK(a / 1000000 >= (uint64_t)boot[0].tv_sec &&
	    c / 1000000 <= (uint64_t)boot[1].tv_sec);
	CHECK(wall >= real[0].tv_sec && wall <= real[1].tv_sec);
}

TEST(boot_id)
{
	char a[CLOCK_BOOT_ID_SIZE], b[CLOCK_BOOT_ID_SIZE];

	CHECK_INT(clock_boot_id(a), 0);
	CHECK_INT(clock_boot_id(b), 0);
	CHECK_STR(a, b);
	CHECK_INT(strlen(a), 36);
	CHECK_INT(strspn(a, "0123456789abcdef-"), 36);
}

TEST(timer)
{
	struct pollfd p = { .events = POLLIN };
	uint64_t now;

	CHECK_INT(clock_timer_open(&p.fd), 0);
	CHECK_INT(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(poll(&p, 1, 0), 0);
	now = clock_boot_ms();
	CHECK_INT(clock_timer_set(p.fd, now + 50), 0);
	CHECK_INT(poll(&p, 1, 0), 0);
	CHECK_INT(poll(&p, 1, 5000), 1);
	CHECK(clock_boot_ms() >= now + 50);
	/* Stopped, the firing is forgotten. */
	CHECK_INT(clock_timer_set(p.fd, 0), 0);
	CHECK_INT(poll(&p, 1, 0), 0);
	/* A time that has passed. */
	CHECK_INT(clock_timer_set(p.fd, 1), 0);
	CHECK_INT(poll(&p, 1, 5000), 1);
	CHECK_INT(close(p.fd), 0);
	CHECK_INT(clock_timer_set(p.fd, 1), ERR_IO);
}

/* ---- random -------------------------------------------------------------- */

TEST(random_bytes)
{
	static uint8_t a[100000], b[100000];
	size_t i, zeros = 0;

	CHECK_INT(random_fill(a, 0), 0);
	CHECK_INT(a[0], 0);
	CHECK_INT(random_fill(a, sizeof(a)), 0);
	CHECK_INT(random_fill(b, sizeof(b)), 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	for (i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	/* 390 are to be expected. */
	CHECK(zeros > 200 && zeros < 700);
}

/* ---- host ---------------------------------------------------------------- */

TEST(host)
{
	struct buf a, b;
	int r;

	CHECK_STR(host_system(), "linux");
	CHECK(strlen(host_arch()) > 0);
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	host_put_name(&a);
	CHECK(a.n > 0 && a.n <= 255);
	buf_clear(&a);
	r = host_put_machine(&a);
	CHECK_INT(host_put_machine(&b), r);
	CHECK(r == 0 || r == ERR_NOT_FOUND);
	if (r == 0) {
		CHECK_MEM(a.p, a.n, b.p, b.n);
		CHECK(memmem(a.p, a.n, "machine-id", 10) != NULL);
		CHECK(memmem(a.p, a.n, "hardware", 8) != NULL);
		CHECK_INT(a.p[a.n - 1], '\n');
	}
	buf_free(&a);
	buf_free(&b);
	/* No room. */
	buf_init(&a, 3);
	CHECK(host_put_machine(&a) < 0);
	buf_free(&a);
}

/* ---- service ------------------------------------------------------------- */

static int
bind_notify(const char *name, size_t n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(a.sun_path, name, n);
	CHECK_INT(bind(fd, (struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	return fd;
}

static void
check_notified(int fd, const char *want)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	CHECK(n >= 0);
	text[n] = '\0';
	CHECK_STR(text, want);
}

TEST(notifies)
{
	char path[64], line[256], long_text[300];
	int fd;

	/* Nobody asked: nothing happens. */
	(void)unsetenv("NOTIFY_SOCKET");
	service_ready();
	(void)snprintf(path, sizeof(path), "%s/notify", new_folder());
	fd = bind_notify(path, strlen(path) + 1);
	CHECK_INT(setenv("NOTIFY_SOCKET", path, 1), 0);
	service_ready();
	check_notified(fd, "READY=1");
	service_alive();
	check_notified(fd, "WATCHDOG=1");
	service_stopping();
	check_notified(fd, "STOPPING=1");
	service_status("two\nlines");
	check_notified(fd, "STATUS=two");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	service_status(long_text);
	(void)snprintf(line, sizeof(line), "STATUS=%.200s", long_text);
	check_notified(fd, line);
	CHECK_INT(close(fd), 0);
	/* Nobody listens any more; a name that cannot be. */
	service_ready();
	CHECK_INT(setenv("NOTIFY_SOCKET", "relative", 1), 0);
	service_ready();
	CHECK_INT(setenv("NOTIFY_SOCKET", long_text, 1), 0);
	service_ready();
	CHECK_INT(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	CHECK_INT(rmdir(path), 0);
}

TEST(notifies_an_abstract_socket)
{
	char name[64];
	int fd;

	(void)snprintf(name, sizeof(name), "@countersign-test-%d",
	    (int)getpid());
	CHECK_INT(setenv("NOTIFY_SOCKET", name, 1), 0);
	name[0] = '\0';
	fd = bind_notify(name, 1 + strlen(name + 1));
	service_ready();
	check_notified(fd, "READY=1");
	CHECK_INT(close(fd), 0);
}

TEST(watchdog)
{
	static const struct {
		const char *us;
		uint64_t ms;
	} rows[] = {
		{ "120000000", 120000 }, { "0", 0 }, { "", 0 }, { "x", 0 },
		{ "12x", 0 }, { "-5", 0 }, { " 5000", 0 },
		{ "99999999999999999999999", 0 },
	};
	char pid[16];
	size_t i;

	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
	CHECK_INT(service_watchdog_ms(), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(setenv("WATCHDOG_USEC", rows[i].us, 1), 0);
		CHECK_INT(service_watchdog_ms(), rows[i].ms);
	}
	CHECK_INT(setenv("WATCHDOG_USEC", "5000", 1), 0);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	CHECK_INT(setenv("WATCHDOG_PID", pid, 1), 0);
	CHECK_INT(service_watchdog_ms(), 5);
	/* Meant for another process. */
	CHECK_INT(setenv("WATCHDOG_PID", "1", 1), 0);
	CHECK_INT(service_watchdog_ms(), 0);
}

/* ---- secrets ------------------------------------------------------------- */

/* The same in an open folder, and how its secret goes. */
TEST(secret_in_a_folder)
{
	uint8_t in[SECRET_SIZE], out[SECRET_SIZE], zero[SECRET_SIZE] = { 0 };
	char *folder = new_folder(), path[64];
	struct stat st;
	int dir = -1;

	(void)snprintf(path, sizeof(path), "%s/k", folder);
	CHECK_INT(file_open_dir(folder, &dir), 0);
	CHECK_INT(random_fill(in, sizeof(in)), 0);
	CHECK_INT(secrets_read_at(dir, "k", out), ERR_NOT_FOUND);
	CHECK_INT(secrets_erase_at(dir, "k"), ERR_NOT_FOUND);
	CHECK_INT(secrets_write_at(dir, "k", in), 0);
	CHECK_INT(secrets_write_at(dir, "k", in), ERR_EXISTS);
	CHECK_INT(secrets_read_at(dir, "k", out), 0);
	CHECK_MEM(out, sizeof(out), in, sizeof(in));
	CHECK_INT(secrets_read(path, out), 0);
	CHECK_INT(chmod(path, 0640), 0);
	CHECK_INT(secrets_read_at(dir, "k", out), ERR_PERMISSION);
	CHECK_INT(chmod(path, 0600), 0);
	CHECK_INT(truncate(path, 31), 0);
	CHECK_INT(secrets_read_at(dir, "k", out), ERR_CORRUPT);
	CHECK_INT(truncate(path, 700), 0);
	CHECK_INT(secrets_read_at(dir, "k", out), ERR_CORRUPT);
	CHECK_INT(truncate(path, 32), 0);
	CHECK_INT(secrets_erase_at(dir, "k"), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_size, 32);
	CHECK_INT(secrets_read_at(dir, "k", out), 0);
	CHECK_MEM(out, sizeof(out), zero, sizeof(zero));
	CHECK_INT(unlink(path), 0);
	/* What is no file has no secret, and keeps nobody waiting. */
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(secrets_read_at(dir, "k", out), ERR_PERMISSION);
	CHECK_INT(secrets_erase_at(dir, "k"), 0);
	CHECK_INT(secrets_write_at(dir, "k", in), ERR_EXISTS);
	CHECK_INT(unlink(path), 0);
	file_close(&dir);
	CHECK_INT(rmdir(folder), 0);
}

TEST(secret_file)
{
	char path[64], other[64];
	uint8_t in[SECRET_SIZE], out[SECRET_SIZE], zero[SECRET_SIZE] = { 0 };
	struct stat st;
	char *folder = new_folder();
	int fd;

	(void)snprintf(path, sizeof(path), "%s/device.key", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	CHECK_INT(random_fill(in, sizeof(in)), 0);
	memset(out, 0, sizeof(out));
	CHECK_INT(secrets_read(path, out), ERR_NOT_FOUND);
	(void)umask(0);
	CHECK_INT(secrets_write(path, in), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(secrets_read(path, out), 0);
	CHECK_MEM(out, sizeof(out), in, sizeof(in));
	/* Never over one that is there. */
	CHECK_INT(secrets_write(path, zero), ERR_EXISTS);
	CHECK_INT(secrets_read(path, out), 0);
	CHECK_MEM(out, sizeof(out), in, sizeof(in));

	memset(out, 0, sizeof(out));
	CHECK_INT(chmod(path, 0640), 0);
	CHECK_INT(secrets_read(path, out), ERR_PERMISSION);
	CHECK_INT(chmod(path, 0604), 0);
	CHECK_INT(secrets_read(path, out), ERR_PERMISSION);
	CHECK_INT(chmod(path, 0400), 0);
	CHECK_INT(secrets_read(path, out), 0);
	memset(out, 0, sizeof(out));
	CHECK_INT(symlink(path, other), 0);
	CHECK_INT(secrets_read(other, out), ERR_PERMISSION);
	CHECK_INT(secrets_write(other, in), ERR_EXISTS);
	CHECK_INT(unlink(other), 0);
	CHECK_INT(secrets_read(folder, out), ERR_PERMISSION);
	CHECK_INT(mkfifo(other, 0600), 0);
	CHECK_INT(secrets_read(other, out), ERR_PERMISSION);
	CHECK_INT(unlink(other), 0);
	CHECK_INT(chmod(path, 0600), 0);
	fd = open(path, O_WRONLY);
	CHECK_INT(ftruncate(fd, 31), 0);
	CHECK_INT(secrets_read(path, out), ERR_CORRUPT);
	CHECK_INT(ftruncate(fd, 33), 0);
	CHECK_INT(secrets_read(path, out), ERR_CORRUPT);
	CHECK_INT(close(fd), 0);
	CHECK_MEM(out, sizeof(out), zero, sizeof(zero));
	if (geteuid() == 0) {
		CHECK_INT(truncate(path, 32), 0);
		CHECK_INT(chown(path, 65534, 0), 0);
		CHECK_INT(secrets_read(path, out), ERR_PERMISSION);
	}
	CHECK_INT(secrets_write("/nonexistent/x/key", in), ERR_NOT_FOUND);
	CHECK_INT(unlink(path), 0);
	/* Nothing besides was left. */
	CHECK_INT(rmdir(folder), 0);
}

TEST(secret_memory)
{
	static const size_t sizes[] = { 1, 31, 32, 4095, 4096, 4097, 100000 };
	uint8_t *p;
	size_t i, j;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = secrets_alloc(sizes[i]);
		CHECK(p != NULL);
		for (j = 0; j < sizes[i]; j++)
			CHECK_INT(p[j], 0);
		memset(p, 0xa5, sizes[i]);
		secrets_wipe(p, sizes[i]);
		CHECK_INT(p[0], 0);
		CHECK_INT(p[sizes[i] - 1], 0);
		secrets_free(p, sizes[i]);
	}
	CHECK(secrets_alloc(0) == NULL);
	CHECK(secrets_alloc(SIZE_MAX) == NULL);
	secrets_free(NULL, 32);
	secrets_wipe(NULL, 0);
}

/* A child that was forked has none of it, and running over its end is seen. */
TEST(secret_memory_is_guarded)
{
	volatile uint8_t *p = secrets_alloc(32);
	int status, pid;

	CHECK(p != NULL);
	p[0] = 7;
	if ((pid = fork()) == 0)
		_exit(p[0] == 0 ? 0 : 1);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	if ((pid = fork()) == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		p[32] = 1;
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(closed_standard_descriptors_are_taken)
{
	int fds[2], status, fd;
	pid_t pid;

	if ((pid = fork()) == 0) {
		for (fd = 0; fd < 3; fd++)
			(void)close(fd);
		if (secrets_guard_process() != 0 || pipe(fds) != 0)
			_exit(1);
		_exit(fds[0] > 2 && fds[1] > 2 && read(0, &fd, 1) < 0 &&
		    write(1, "x", 1) < 0 && write(2, "x", 1) < 0 ? 0 : 2);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

TEST(guards_the_process)
{
	struct rlimit limit;

	CHECK_INT(secrets_guard_process(), 0);
	CHECK_INT(getrlimit(RLIMIT_CORE, &limit), 0);
	CHECK_INT(limit.rlim_cur, 0);
	CHECK(limit.rlim_max <= 1);
	CHECK_INT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	/* The leak checker needs what was given up. */
	_exit(0);
}

TEST_MAIN()
