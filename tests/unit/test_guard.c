/*
 * test_guard.c - what the gate gives up, and what it starts has all the same.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/file.h"
#include "platform/guard.h"
#include "platform/pipes.h"
#include "platform/privileges.h"
#include "platform/process.h"
#include "platform/program.h"
#include "platform/starter.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A set of capabilities in /proc/PID/status, as a number. */
static unsigned long long
set_of(const char *file, const char *name)
{
	char line[256];
	FILE *f = fopen(file, "re");
	unsigned long long v = ~0ull;

	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			v = strtoull(line + strlen(name) + 1, NULL, 16);
	(void)fclose(f);
	return v;
}

#define KEPT ((1ull << 0) | (1ull << 1) | (1ull << 3) | (1ull << 5) |	\
	(1ull << 6) | (1ull << 7) | (1ull << 14))

TEST(few_capabilities_are_left_and_a_child_has_all)
{
	static const char *const own = "/proc/self/status";
	unsigned long long all = set_of(own, "CapPrm"),
	    bounding = set_of(own, "CapBnd");
	char text[64] = "";
	int fds[2], status;
	struct guard g;
	pid_t pid;

	guard_gate(&g);
	CHECK(g.capabilities);
	CHECK_INT((long long)set_of(own, "CapPrm"), (long long)(all & KEPT));
	CHECK_INT((long long)set_of(own, "CapEff"), (long long)(all & KEPT));
	CHECK_INT((long long)set_of(own, "CapBnd"), (long long)bounding);
	CHECK_INT((long long)set_of(own, "NoNewPrivs"), 0);
	if (geteuid() != 0)
		SKIP("not root");
	CHECK_INT(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		(void)dup2(fds[1], 1);
		(void)execl("/bin/sh", "sh", "-c",
		    "grep CapEff /proc/self/status", (char *)NULL);
		_exit(127);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(read(fds[0], text, sizeof(text) - 1) > 8);
	CHECK_INT((long long)strtoull(text + 7, NULL, 16),
	    (long long)bounding);
}

TEST(no_memory_becomes_code)
{
	struct guard g;
	int status;
	pid_t pid;
	void *p;

	guard_gate(&g);
	if (!g.no_new_code)
		SKIP("this kernel has it not");
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(p == MAP_FAILED);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_INT(mprotect(p, 4096, PROT_READ | PROT_EXEC), -1);
	CHECK_INT(munmap(p, 4096), 0);
	/* What it starts may: an interpreter with a compiler in it. */
	if ((pid = fork()) == 0) {
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		_exit(p == MAP_FAILED ? 1 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- confined ------------------------------------------------------------ */

/* A gate, with a state folder in a folder of its own. */
struct confined {
	char dir[32], state[48], socket[48], mine[64], other[64];
	FILE *status;		/* /proc/self/status, open before */
	struct guard g;
};

static void
lay_out(struct confined *c)
{
	int fd;

	(void)snprintf(c->dir, sizeof(c->dir), "/tmp/cs-guard-XXXXXX");
	CHECK(mkdtemp(c->dir) != NULL);
	(void)snprintf(c->state, sizeof(c->state), "%s/state", c->dir);
	(void)snprintf(c->socket, sizeof(c->socket), "%s/gate.sock", c->dir);
	(void)snprintf(c->mine, sizeof(c->mine), "%s/mine", c->state);
	(void)snprintf(c->other, sizeof(c->other), "%s/other", c->dir);
	CHECK_INT(mkdir(c->state, 0700), 0);
	CHECK((fd = open(c->other, O_WRONLY | O_CREAT, 0600)) >= 0);
	(void)close(fd);
}

static void
clear_out(const struct confined *c)
{
	(void)unlink(c->other);
	(void)unlink(c->mine);
	(void)rmdir(c->state);
	CHECK_INT(rmdir(c->dir), 0);
}

/* Splits this process; its gate does that, confined. Ends where it fails. */
static void
as_gate(void (*act)(struct confined *c))
{
	struct starter s = { -1, open("/bin/echo", O_RDONLY | O_CLOEXEC),
	    "nobody", 0, NULL, NULL };
	struct guard_places at = { NULL, NULL, NULL };
	struct confined c;
	int code = -1, r;

	lay_out(&c);
	(void)fflush(NULL);
	if ((r = starter_split(&s, &code)) == STARTER_IS_GATE) {
		CHECK((c.status = fopen("/proc/self/status", "re")) != NULL);
		at.state = c.state;
		at.socket = c.socket;
		guard_gate(&c.g);
		guard_confine(&at, &c.g);
		CHECK(c.g.starter && c.g.no_new_privs);
		act(&c);
		_exit(0);
	}
	CHECK_INT(r, STARTER_IS_OVER);
	clear_out(&c);
	/* Its message is the test's. */
	if (code != 0)
		_exit(code);
}

/* Does not come about, whoever of the walls it is that says so. */
#define CHECK_REFUSED(call) do {					\
	errno = 0;							\
	CHECK_MSG((call) == -1 && (errno == EPERM || errno == EACCES ||	\
	    errno == ENOSYS), "%s: errno %d", #call, errno);		\
} while (0)

static void
files(struct confined *c)
{
	char out[80];
	int fd, dir, path;
	struct timespec times[2] = { { 0, 0 }, { 0, 0 } };

	if (c->g.landlock == 0)
		SKIP("no Landlock");
	/* To be read. */
	CHECK_REFUSED(open("/etc/shadow", O_RDONLY));
	CHECK_REFUSED(open("/etc/passwd", O_RDONLY));
	CHECK_REFUSED(open("/proc/self/status", O_RDONLY));
	CHECK_REFUSED(open("/", O_RDONLY | O_DIRECTORY));
	CHECK_REFUSED(open(c->other, O_RDONLY));
	/* To be written. */
	CHECK_REFUSED(open(c->other, O_WRONLY));
	CHECK_REFUSED(open(c->other, O_WRONLY | O_TRUNC));
	(void)snprintf(out, sizeof(out), "%s/new", c->dir);
	CHECK_REFUSED(open(out, O_WRONLY | O_CREAT, 0600));
	CHECK_REFUSED(mkdir(out, 0700));
	CHECK_REFUSED(symlink("/etc", out));
	CHECK_REFUSED(mknod(out, S_IFIFO | 0600, 0));
	CHECK_REFUSED(open("/proc/self/oom_score_adj", O_WRONLY));
	CHECK_REFUSED(open("/proc/sys/kernel/core_pattern", O_WRONLY));
	CHECK_REFUSED(truncate(c->other, 0));
	CHECK_REFUSED(chmod(c->other, 0666));
	CHECK_REFUSED(lchown(c->other, 1, 1));
	CHECK_REFUSED(setxattr(c->other, "user.x", "y", 1, 0));
	CHECK_REFUSED(utimensat(AT_FDCWD, c->other, times, 0));
	/* A descriptor without rights is no way either. */
	path = open(c->other, O_PATH | O_CLOEXEC);
	CHECK(path >= 0);
	CHECK_REFUSED(fchownat(path, "", 1, 1, 0x1000 /* AT_EMPTY_PATH */));
	CHECK_REFUSED(syscall(452 /* fchmodat2 */, path, "", 0666, 0x1000));
	CHECK_INT(fchmod(path, 0666), -1);
	/* Its own. */
	fd = open(c->mine, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, "x", 1), 1);
	CHECK_INT(ftruncate(fd, 0), 0);
	CHECK_INT(fsync(fd), 0);
	(void)snprintf(out, sizeof(out), "%s/there", c->state);
	CHECK_INT(link(c->mine, out), 0);
	CHECK_INT(unlink(c->mine), 0);
	CHECK_INT(rename(out, c->mine), 0);
	CHECK_INT(mkdir(out, 0700), 0);
	dir = open(out, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0);
	CHECK_INT(rmdir(out), 0);
	/* Nothing of it comes out. */
	(void)snprintf(out, sizeof(out), "%s/new", c->dir);
	CHECK(rename(c->mine, out) == -1 && link(c->mine, out) == -1);
}

TEST(files_of_its_own_and_no_others)
{
	if (geteuid() != 0)
		SKIP("not root");
	as_gate(files);
}

static void
programs(struct confined *c)
{
	char *const argv[] = { NULL };
	void *p;

	if (!c->g.seccomp)
		SKIP("no seccomp");
	CHECK_REFUSED(execve("/bin/true", argv, argv));
	CHECK_REFUSED((int)syscall(SYS_execveat, 0, "", argv, argv, 0x1000));
	CHECK_REFUSED(fork());
	CHECK_REFUSED((int)syscall(SYS_clone, CLONE_VM | CLONE_THREAD |
	    CLONE_SIGHAND, NULL, NULL, NULL, NULL));
	CHECK_REFUSED((int)syscall(435 /* clone3 */, NULL, 0));
	CHECK_REFUSED((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	CHECK_REFUSED((int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	CHECK_REFUSED((int)syscall(SYS_process_vm_writev, getppid(), NULL, 0,
	    NULL, 0, 0));
	CHECK_REFUSED((int)syscall(438 /* pidfd_getfd */, 0, 0, 0));
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(p == MAP_FAILED);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_REFUSED(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	CHECK_REFUSED((int)syscall(329 /* pkey_mprotect */, p, 4096,
	    PROT_EXEC, -1));
}

TEST(no_other_program_and_no_code)
{
	as_gate(programs);
}

static void
network(struct confined *c)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK,
	    AF_PACKET, 40 /* AF_VSOCK */, 38 /* AF_ALG */ };
	struct sockaddr_un a = { .sun_family = AF_UNIX,
	    .sun_path = "/run/systemd/private" };
	int pair[2];
	size_t i;

	if (!c->g.seccomp)
		SKIP("no seccomp");
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		CHECK_REFUSED(socket(families[i], SOCK_STREAM, 0));
		CHECK_REFUSED(socket(families[i], SOCK_DGRAM, 0));
	}
	CHECK_REFUSED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	CHECK_REFUSED(socketpair(AF_INET, SOCK_STREAM, 0, pair));
	/* What it needs is connected, for good. */
	CHECK_INT(pipes_pair(pair), 0);
	CHECK(connect(pair[0], (const struct sockaddr *)&a, sizeof(a)) != 0);
	CHECK_REFUSED(bind(pair[0], (const struct sockaddr *)&a, sizeof(a)));
	CHECK_REFUSED(listen(pair[0], 1));
	CHECK_REFUSED(ioctl(pair[0], TIOCSTI, "x") == -1 && errno == ENOTTY ?
	    (errno = EPERM, -1) : 0);
}

TEST(no_network_and_no_socket_of_anybody)
{
	as_gate(network);
}

static void
kernel(struct confined *c)
{
	static const struct {
		const char *name;
		long number;
		long a[4];
	} rows[] = {
		{ "mount", SYS_mount, { 0, 0, 0, MS_BIND } },
		{ "umount2", SYS_umount2, { 0 } },
		{ "pivot_root", SYS_pivot_root, { 0 } },
		{ "chroot", SYS_chroot, { 0 } },
		{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
		{ "setns", SYS_setns, { 0 } },
		{ "open_tree", 428, { 0 } },
		{ "fsopen", 430, { 0 } },
		{ "mount_setattr", 442, { 0 } },
		{ "bpf", SYS_bpf, { 0 } },
		{ "perf_event_open", SYS_perf_event_open, { 0 } },
		{ "userfaultfd", SYS_userfaultfd, { 0 } },
		{ "keyctl", SYS_keyctl, { 0 } },
		{ "init_module", SYS_init_module, { 0 } },
		{ "finit_module", SYS_finit_module, { 0 } },
		{ "kexec_load", SYS_kexec_load, { 0 } },
		{ "reboot", SYS_reboot, { 0 } },
		{ "settimeofday", SYS_settimeofday, { 0 } },
		{ "sethostname", SYS_sethostname, { 0 } },
		{ "io_uring_setup", 425, { 1 } },
		{ "io_uring_enter", 426, { 0 } },
		{ "open_by_handle_at", SYS_open_by_handle_at, { 0 } },
		{ "openat2", 437, { 0 } },
		{ "inotify_init1", SYS_inotify_init1, { 0 } },
		{ "shmget", SYS_shmget, { 0 } },
		{ "setuid", SYS_setuid, { 0 } },
		{ "setresuid", SYS_setresuid, { 0, 0, 0 } },
		{ "setgroups", SYS_setgroups, { 0 } },
		{ "capset", SYS_capset, { 0 } },
		{ "prctl", SYS_prctl, { PR_SET_DUMPABLE, 1 } },
		{ "seccomp", SYS_seccomp, { 0 } },
		{ "landlock", 444, { 0 } },
		{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_CORE } },
		{ "personality", SYS_personality, { 0 } },
		{ "no such call", 1 << 20, { 0 } },
	};
	size_t i;

	if (!c->g.seccomp)
		SKIP("no seccomp");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = 0;
		CHECK_MSG(syscall(rows[i].number, rows[i].a[0], rows[i].a[1],
		    rows[i].a[2], rows[i].a[3]) == -1 && (errno == EPERM ||
		    errno == ENOSYS), "%s: %d", rows[i].name, errno);
	}
}

TEST(little_of_the_kernel)
{
	as_gate(kernel);
}

/* The lines of its status as they are now. */
static unsigned long long
now(struct confined *c, const char *name, int base)
{
	char line[256];

	rewind(c->status);
	while (fgets(line, sizeof(line), c->status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 &&
		    line[strlen(name)] == ':')
			return strtoull(line + strlen(name) + 1, NULL, base);
	return ~0ull;
}

static void
rights(struct confined *c)
{
	const unsigned long long most = (1ull << 5) | (1ull << 14);

	CHECK_INT((long long)now(c, "NoNewPrivs", 10), 1);
	CHECK_INT((long long)now(c, "Seccomp", 10), c->g.seccomp ? 2 : 0);
	CHECK_INT((long long)(now(c, "CapPrm", 16) & ~most), 0);
	CHECK_INT((long long)(now(c, "CapEff", 16) & ~most), 0);
	CHECK_INT((long long)now(c, "CapInh", 16), 0);
	CHECK(c->g.capabilities);
}

TEST(two_capabilities_are_left_and_no_more_to_come)
{
	as_gate(rights);
}

/* What it has the starter do, it still can. */
static void
asks(struct confined *c)
{
	static const char *const argv[] = { "countersign-runner", NULL };
	struct process_fd map[1] = { { 1, -1 } };
	struct process_spec spec = { .role = PROCESS_RUNNER, .exec_fd = -1,
	    .argv = argv, .fds = map, .n_fds = 1 };
	struct program sh = { .fd = -1 };
	struct process_end end;
	struct identity id;
	struct process p;
	char byte, name[32];
	int fds[2], fd;

	CHECK_INT(program_open("/bin/mknod", PROGRAM_OWNER_ROOT, &sh), 0);
	CHECK(sh.fd >= 0 && sh.size > 0 && program_is_unchanged(&sh));
	/* To be read, and no more. */
	CHECK(write(sh.fd, "x", 1) == -1);
	if (c->g.seccomp) {
		CHECK_REFUSED(fchmod(sh.fd, 04755));
		CHECK_REFUSED(fchown(sh.fd, 1, 1));
		CHECK_REFUSED(futimens(sh.fd, NULL));
		CHECK_REFUSED(fsetxattr(sh.fd, "security.capability", "", 0,
		    0));
	}
	if (c->g.landlock > 0) {
		(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", sh.fd);
		CHECK_REFUSED(open(name, O_WRONLY));
		CHECK_REFUSED(linkat(AT_FDCWD, name, AT_FDCWD, c->mine,
		    AT_SYMLINK_FOLLOW) == -1 && errno == EXDEV ?
		    (errno = EPERM, -1) : 0);
	}
	CHECK_INT(program_open("/etc/shadow", PROGRAM_OWNER_ROOT, &sh),
	    ERR_PERMISSION);
	CHECK_INT(privileges_find_user("root", &id), 0);
	CHECK_INT(id.uid, 0);
	CHECK_INT(pipes_sealed("x", bytes_str("y"), &fd), 0);
	CHECK_INT(pipes_open(fds), 0);
	map[0].parent = fds[1];
	CHECK_INT(process_start(&spec, NULL, &p), 0);
	CHECK_INT(read(fds[0], &byte, 1), 1);
	CHECK_INT(process_wait_end(&p, &end), 0);
	CHECK(!end.by_signal && end.code == 0);
}

TEST(the_starter_does_what_it_cannot)
{
	as_gate(asks);
}

/* What the gate has it start is not confined: profile full has all. Started
 * under the runner's name, this program tells what it is. */
static int
tell_rights(void)
{
	static const char *const own = "/proc/self/status";

	printf("%llx %llu %llu\n", set_of(own, "CapEff"),
	    set_of(own, "NoNewPrivs"), set_of(own, "Seccomp:"));
	return fflush(stdout);
}

TEST(what_it_has_started_is_not_confined)
{
	static const char *const argv[] = { "countersign-runner", NULL };
	const unsigned long long all = set_of("/proc/self/status", "CapEff");
	struct guard_places at = { "/tmp", NULL, NULL };
	struct starter s = { -1, open("/proc/self/exe", O_RDONLY |
	    O_CLOEXEC), "nobody", 0, NULL, NULL };
	struct process_fd map[1] = { { 1, -1 } };
	struct process_spec spec = { .role = PROCESS_RUNNER, .exec_fd = -1,
	    .argv = argv, .fds = map, .n_fds = 1 };
	char said[64] = "", want[64];
	int fds[2], code = -1;
	struct process_end end;
	struct process p;
	struct guard g;

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	map[0].parent = fds[1];
	if (starter_split(&s, &code) == STARTER_IS_GATE) {
		guard_gate(&g);
		guard_confine(&at, &g);
		CHECK_INT(process_start(&spec, NULL, &p), 0);
		CHECK_INT(process_wait_end(&p, &end), 0);
		_exit(end.code);
	}
	CHECK_INT(code, 0);
	(void)snprintf(want, sizeof(want), "%llx 0 0\n", all);
	CHECK(read(fds[0], said, sizeof(said) - 1) > 0);
	CHECK_STR(said, want);
}

#ifdef __x86_64__
static void
by_x32(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
}

static void
by_32_bits(void)
{
	long r = 20;	/* getpid of the 32-bit table */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9",
	    "r10", "r11");
	(void)r;
}

/* Its starter ends alike, and whoever looks after the service sees it. */
TEST(one_way_into_the_kernel)
{
	static void (*const ways[])(void) = { by_x32, by_32_bits };
	const struct guard_places at = { "/tmp", NULL, NULL };
	const struct starter s = { -1, -1, "nobody", 0, NULL, NULL };
	int status, pid, code;
	struct guard g;
	size_t i;

	for (i = 0; i < 2; i++) {
		if ((pid = fork()) == 0) {
			if (starter_split(&s, &code) != STARTER_IS_GATE)
				_exit(code);
			guard_gate(&g);
			guard_confine(&at, &g);
			if (!g.seccomp)
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

int
main(int argc, char **argv)
{
	if (strcmp(argv[0], "countersign-runner") == 0)
		return tell_rights();
	return test_main(argc, argv);
}
