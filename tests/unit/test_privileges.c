/*
 * test_privileges.c - accounts, giving root up, and the courier's confinement.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/privileges.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- accounts ------------------------------------------------------------ */

static const char passwd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "short:x:5:5:too few:/\n"
    "long:x:5:5:too:many:/:/bin/sh\n"
    "alice:x:1000:100:Alice,,,:/home/alice:/bin/sh\n"
    "hex:x:0x10:100::/:/bin/sh\n"
    "minus:x:-1:100::/:/bin/sh\n"
    "empty:x::100::/:/bin/sh\n"
    "nobody:x:4294967295:100::/:/bin/sh\n"
    "large:x:4294967296:100::/:/bin/sh\n"
    "top:x:4294967294:100::/:/bin/sh\n"
    "space:x: 7:100::/:/bin/sh\n"
    "badgid:x:7:x::/:/bin/sh\n"
    "alice:x:0:0:a second one:/:/bin/sh\n"
    "bob:x:1001:1001::/:/bin/sh";

static const char group[] =
    "root:x:0:\n"
    "adm:x:4:alice,bob\n"
    "broken:x:5\n"
    "users:x:100:alice\n"
    "journal:x:190:bob,alicex,xalice\n"
    "disk:x:6:carol,alice\n"
    "oddgid:x:six:dave\n";

static const struct {
	const char *name;
	int err;
	uint32_t uid, gid;
	size_t n_groups;
	uint32_t groups[2];
} users[] = {
	{ "root", 0, 0, 0, 0, { 0, 0 } },
	/* Its own gid is no supplementary group. */
	{ "alice", 0, 1000, 100, 2, { 4, 6 } },
	{ "bob", 0, 1001, 1001, 2, { 4, 190 } },
	{ "top", 0, 4294967294u, 100, 0, { 0, 0 } },
	{ "carol", ERR_NOT_FOUND, 0, 0, 0, { 0, 0 } },
	{ "", ERR_NOT_FOUND, 0, 0, 0, { 0, 0 } },
	{ "alic", ERR_NOT_FOUND, 0, 0, 0, { 0, 0 } },
	{ "root:x", ERR_NOT_FOUND, 0, 0, 0, { 0, 0 } },
	{ "short", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "long", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "hex", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "minus", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "empty", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "nobody", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "large", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "space", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
	{ "badgid", ERR_SYNTAX, 0, 0, 0, { 0, 0 } },
};

TEST(reads_accounts)
{
	struct identity id;
	size_t i;
	int r;

	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		r = privileges_parse_user(bytes_str(passwd), bytes_str(group),
		    users[i].name, &id);
		CHECK_MSG(r == users[i].err, "%s: %s", users[i].name,
		    err_word(r));
		if (r != 0)
			continue;
		CHECK_INT(id.uid, users[i].uid);
		CHECK_INT(id.gid, users[i].gid);
		CHECK_INT(id.n_groups, users[i].n_groups);
		CHECK_MEM(id.groups, id.n_groups * 4, users[i].groups,
		    users[i].n_groups * 4);
	}
	/* A group's number that cannot be read is not left out. */
	CHECK_INT(privileges_parse_user(
	    bytes_str("dave:x:5:5::/:/bin/sh\n"), bytes_str(group), "dave",
	    &id), ERR_SYNTAX);
	CHECK_INT(privileges_parse_user(bytes_of(NULL, 0), bytes_of(NULL, 0),
	    "root", &id), ERR_NOT_FOUND);
}

TEST(too_many_groups)
{
	struct identity id;
	struct buf b;
	int i;

	buf_init(&b, 65536);
	for (i = 0; i < IDENTITY_GROUPS_MAX; i++)
		buf_printf(&b, "g%d:x:%d:alice\n", i, 2000 + i);
	CHECK_INT(privileges_parse_user(bytes_str(passwd), buf_bytes(&b),
	    "alice", &id), 0);
	CHECK_INT(id.n_groups, IDENTITY_GROUPS_MAX);
	buf_put_str(&b, "one:x:9999:alice\n");
	CHECK_INT(privileges_parse_user(bytes_str(passwd), buf_bytes(&b),
	    "alice", &id), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST(accounts_of_this_machine)
{
	struct identity id;
	char name[64];
	uint32_t gid;

	CHECK_INT(privileges_find_user("root", &id), 0);
	CHECK_INT(id.uid, 0);
	CHECK_INT(privileges_find_group("root", &gid), 0);
	CHECK_INT(gid, 0);
	CHECK_INT(privileges_name_user(0, name, sizeof(name)), 0);
	CHECK_STR(name, "root");
	CHECK_INT(privileges_name_user(0, name, 4), ERR_TOO_LARGE);
	CHECK_INT(privileges_name_user(4000000000u, name, sizeof(name)),
	    ERR_NOT_FOUND);
	CHECK_INT(privileges_find_user("no such user", &id), ERR_NOT_FOUND);
	CHECK_INT(privileges_find_group("no such group", &gid),
	    ERR_NOT_FOUND);
	CHECK_INT(privileges_find_group("", &gid), ERR_NOT_FOUND);
	CHECK_INT(privileges_uid(), geteuid());
	CHECK_INT(privileges_gid(), getegid());
	CHECK(privileges_is_root() == (geteuid() == 0));
}

TEST(no_memory_for_accounts)
{
	struct identity id;
	int r;

	OOM_LOOP {
		r = privileges_find_user("root", &id);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
	}
}

/* ---- giving root up ------------------------------------------------------ */

/* A line of /proc/self/status. */
static void
read_status(const char *field, char *ret_value, size_t size)
{
	char line[256];
	size_t n = strlen(field);
	FILE *f = fopen("/proc/self/status", "r");

	CHECK(f != NULL);
	ret_value[0] = '\0';
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, n) == 0 && line[n] == ':') {
			line[strcspn(line, "\n")] = '\0';
			(void)snprintf(ret_value, size, "%s", line + n + 2);
		}
	(void)fclose(f);
	CHECK(ret_value[0] != '\0');
}

TEST(drops_for_good)
{
	static const char *const caps[] = { "CapInh", "CapPrm", "CapEff",
	    "CapBnd", "CapAmb" };
	static const struct identity id = { .uid = 65534, .gid = 65533,
	    .groups = { 65532, 65531 }, .n_groups = 2 };
	char text[256];
	gid_t groups[8];
	size_t i;

	if (geteuid() != 0)
		SKIP("needs root");
	CHECK_INT(privileges_drop(&id), 0);
	CHECK_INT(getuid(), 65534);
	CHECK_INT(getegid(), 65533);
	CHECK_INT(getgroups(8, groups), 2);
	CHECK(groups[0] + groups[1] == 65532u + 65531u);
	CHECK_INT(setuid(0), -1);
	CHECK_INT(seteuid(0), -1);
	CHECK_INT(setgid(0), -1);
	CHECK_INT(setuid(1), -1);
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		read_status(caps[i], text, sizeof(text));
		CHECK_STR(text, "0000000000000000");
	}
	read_status("Uid", text, sizeof(text));
	CHECK_STR(text, "65534\t65534\t65534\t65534");
	read_status("NoNewPrivs", text, sizeof(text));
	CHECK_STR(text, "1");
	/* Again is fine, to another is not. */
	CHECK_INT(privileges_drop(&id), 0);
	CHECK_INT(privileges_drop(&(const struct identity){ .uid = 1,
	    .gid = 1 }), ERR_PERMISSION);
}

TEST(never_drops_to_root)
{
	CHECK_INT(privileges_drop(&(const struct identity){ .uid = 0 }),
	    ERR_PERMISSION);
}

/* ---- the courier --------------------------------------------------------- */

static void *
thread_main(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

/* Fails with that errno. */
#define CHECK_FAILS(call, error) do {					\
	errno = 0;							\
	CHECK_INT((call), -1);						\
	CHECK_INT(errno, error);					\
} while (0)

static struct confinement
confine(void)
{
	struct confinement c;

	CHECK_INT(privileges_confine_courier(&c), 0);
	CHECK(c.no_new_privs);
	return c;
}

/* A test ends here: the leak checker would need what was given up. */
__attribute__((noreturn)) static void
done(void)
{
	(void)fflush(NULL);
	_exit(0);
}

TEST(courier_keeps_what_it_needs)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct addrinfo *list;
	pthread_t thread;
	socklen_t n = sizeof(a);
	int ran = 0, listener, fd, fds[2];
	char byte = 0;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_INT(listen(listener, 1), 0);
	CHECK_INT(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	(void)confine();
	CHECK_INT(pthread_create(&thread, NULL, thread_main, &ran), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(ran, 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	CHECK_INT(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_INT(write(fd, "x", 1), 1);
	CHECK_INT(close(fd), 0);
	CHECK((fd = open("/etc/passwd", O_RDONLY)) >= 0);
	CHECK_INT(read(fd, &byte, 1), 1);
	CHECK_INT(getaddrinfo("localhost", "443", NULL, &list), 0);
	freeaddrinfo(list);
	CHECK_INT(pipe(fds), 0);
	CHECK_INT(write(fds[1], "x", 1), 1);
	CHECK(malloc(1024 * 1024) != NULL);
	done();
}

TEST(courier_loses_the_rest)
{
	char *const argv[] = { NULL };
	struct confinement c;
	struct rlimit limit;
	char path[64];
	int fds[2], tcp, dir;

	(void)snprintf(path, sizeof(path), "/tmp/confine.%d", (int)getpid());
	dir = open("/tmp", O_RDONLY | O_DIRECTORY);
	c = confine();
	CHECK_INT(getrlimit(RLIMIT_CORE, &limit), 0);
	CHECK_INT(limit.rlim_max, 0);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(limit.rlim_max <= 256);
	if (c.landlock) {
		CHECK(c.landlock_abi > 0);
		CHECK_FAILS(open("/usr/bin/env", O_RDONLY), EACCES);
		CHECK_FAILS(open("/proc/self/status", O_RDONLY), EACCES);
	}
	if (!c.seccomp)
		SKIP("no seccomp");
	CHECK_FAILS(open(path, O_WRONLY | O_CREAT, 0600), EACCES);
	CHECK_FAILS(open("/etc/passwd", O_RDWR), EACCES);
	CHECK_FAILS(openat(dir, "x", O_WRONLY | O_CREAT, 0600), EACCES);
	CHECK_FAILS(unlink("/etc/passwd"), EPERM);
	CHECK_FAILS(unlinkat(dir, "x", 0), EPERM);
	CHECK_FAILS(rename(path, "/tmp/x"), EPERM);
	CHECK_FAILS(mkdir(path, 0700), EPERM);
	CHECK_FAILS(chmod("/etc/passwd", 0666), EPERM);
	CHECK_FAILS(symlink("/", path), EPERM);
	CHECK_FAILS(execve("/bin/true", argv, argv), EPERM);
	CHECK_FAILS(fork(), EPERM);
	CHECK_FAILS(kill(getppid(), 0), EPERM);
	CHECK_FAILS(kill(1, 0), EPERM);
	CHECK_FAILS(socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_FAILS(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT);
	CHECK_FAILS(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
	CHECK_FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), EPERM);
	CHECK((tcp = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	CHECK_FAILS(listen(tcp, 1), EPERM);
	CHECK_FAILS(setuid(0), EPERM);
	CHECK_FAILS(syscall(SYS_ptrace, 0, 0, 0, 0), EPERM);
	CHECK_FAILS(syscall(SYS_bpf, 0, NULL, 0), EPERM);
	CHECK_FAILS(syscall(SYS_unshare, 0x10000000), EPERM);
	CHECK_FAILS(syscall(SYS_io_uring_setup, 1, NULL), ENOSYS);
	CHECK_FAILS(syscall(435, NULL, 0), ENOSYS);	/* clone3 */
	CHECK_FAILS(syscall(437, -1, "/", NULL, 0), ENOSYS); /* openat2 */
	CHECK_FAILS(syscall(SYS_keyctl, 0, 0, 0), EPERM);
	CHECK_FAILS(syscall(SYS_memfd_create, "x", 0), EPERM);
	done();
}

#ifdef __x86_64__
static void
enter_x32(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
}

static void
enter_32(void)
{
	long r = 20;	/* getpid of the 32-bit table */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9",
	    "r10", "r11");
	(void)r;
}

/* What is in no table is unknown: it has an older form, or no use. */
TEST(courier_has_an_allow_list)
{
	struct confinement c = confine();
	char text[64] = "";

	if (!c.seccomp)
		SKIP("no seccomp");
	CHECK_FAILS(syscall(SYS_inotify_init1, 0), ENOSYS);
	CHECK_FAILS(syscall(SYS_fanotify_init, 0, 0), ENOSYS);
	CHECK_FAILS(syscall(SYS_shmget, 1, 4096, 0600), ENOSYS);
	CHECK_FAILS(syscall(SYS_mq_open, "/x", 0, 0, NULL), ENOSYS);
	CHECK_FAILS(syscall(SYS_timer_create, 0, NULL, NULL), ENOSYS);
	CHECK_FAILS(syscall(SYS_splice, 0, NULL, 1, NULL, 1, 0), ENOSYS);
	CHECK_FAILS(syscall(SYS_chdir, "/"), ENOSYS);
	CHECK_FAILS(syscall(SYS_sync), ENOSYS);
	CHECK_FAILS(syscall(1 << 20, text), ENOSYS);
	CHECK_FAILS(syscall(SYS_landlock_create_ruleset, NULL, 0, 1), ENOSYS);
	done();
}

/* The other two doors into the kernel are shut: they have other numbers. */
TEST(courier_has_one_way_into_the_kernel)
{
	static void (*const ways[])(void) = { enter_x32, enter_32 };
	struct confinement c;
	int status, pid;
	size_t i;

	for (i = 0; i < 2; i++) {
		if ((pid = fork()) == 0) {
			c = confine();
			if (!c.seccomp)
				_exit(77);
			ways[i]();
			_exit(1);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			SKIP("no seccomp");
		CHECK(WIFSIGNALED(status));
		/* A kernel without that door ends it as well. */
		CHECK(WTERMSIG(status) == SIGSYS ||
		    WTERMSIG(status) == SIGSEGV);
	}
}
#endif

TEST_MAIN()
