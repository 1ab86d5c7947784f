/*
 * kernel.c - parts of the kernel that no repair needs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define G "kernel"

/* The calls that are probed for whether they are let in at all: what comes
 * back then is about their arguments. */
static int
reached(long r, int about_arguments)
{
	return r < 0 && errno != about_arguments ? errno : 0;
}

static int
unshare_user(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int
unshare_net(void)
{
	return outcome(unshare(CLONE_NEWNET));
}

static int
unshare_mount(void)
{
	return outcome(unshare(CLONE_NEWNS));
}

/* Whether the child came to be; it ends at once. */
static int
child(long pid)
{
	int status;

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	return outcome(waitpid((pid_t)pid, &status, __WALL));
}

static int
clone_user(void)
{
	return child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static int
clone3_user(void)
{
	uint64_t args[11] = { CLONE_NEWUSER };

	args[4] = SIGCHLD;
	return child(syscall(SYS_clone3, args, sizeof(args)));
}

static int
setns_(void)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/ns/net",
	    fact_number("victim"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : outcome(setns(fd, CLONE_NEWNET));
}

static int
finit_module(void)
{
	int fd = memfd_create("m", MFD_CLOEXEC);

	/* An empty one: let in, it is no module. */
	return fd < 0 ? errno : reached(syscall(SYS_finit_module, fd, "", 0),
	    ENOEXEC);
}

static int
init_module(void)
{
	return reached(syscall(SYS_init_module, "x", 1UL, ""), ENOEXEC);
}

static int
delete_module(void)
{
	return reached(syscall(SYS_delete_module, "no_such_module",
	    O_NONBLOCK), ENOENT);
}

static int
kexec(void)
{
	/* No segments: unloads what is not loaded. */
	return outcome(syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL));
}

static int
bpf(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4,
	    .value_size = 4, .max_entries = 1 };

	return outcome(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

static int
perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
	    .size = sizeof(a), .config = PERF_COUNT_SW_CPU_CLOCK };

	return outcome(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0UL));
}

static int
io_uring(void)
{
	uint32_t params[30] = { 0 };

	return outcome(syscall(SYS_io_uring_setup, 2, params));
}

static int
userfault(void)
{
	return outcome(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int
add_key(void)
{
	return outcome(syscall(SYS_add_key, "user", "cs-probe", "x", 1UL,
	    -2 /* the process's keyring */));
}

static int
keyctl(void)
{
	return outcome(syscall(SYS_keyctl, 0 /* GET_KEYRING_ID */, -3, 1));
}

static int
fanotify(void)
{
	return outcome(syscall(SYS_fanotify_init, 0, O_RDONLY));
}

static int
swap_off(void)
{
	return reached(syscall(SYS_swapoff, "/dev/null"), EINVAL);
}

static int
accounting(void)
{
	/* Turns off what is off. */
	return outcome(syscall(SYS_acct, NULL));
}

static int
quota(void)
{
	return reached(syscall(SYS_quotactl, 0x800001 << 8, NULL, 0, NULL),
	    ENODEV);
}

#if defined(__x86_64__)
static int
iopl_(void)
{
	return outcome(syscall(SYS_iopl, 3));
}

/* getpid of the 32-bit table: a way round a filter that looks at numbers
 * only. */
static int
int_80(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(20L) : "memory");
	if (r > 0)
		return 0;
	return r < 0 ? (int)-r : ENOSYS;
}

static int
x32(void)
{
	return outcome(syscall(0x40000000 | SYS_getpid));
}
#endif

static int
memfd_exec(void)
{
	char *const argv[] = { (char *)(uintptr_t)"true", NULL };
	static char b[65536];
	int from = open("/bin/true", O_RDONLY | O_CLOEXEC);
	int fd = (int)syscall(SYS_memfd_create, "p", 1U);
	ssize_t n;
	pid_t pid;
	int status;

	if (from < 0 || fd < 0)
		return errno;
	while ((n = read(from, b, sizeof(b))) > 0)
		if (write(fd, b, (size_t)n) != n)
			return errno;
	if ((pid = fork()) == 0) {
		(void)syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
		_exit(errno == 0 ? 1 : errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

const struct probe kernel_probes[] = {
	{ G, "unshare_user", unshare_user },
	{ G, "unshare_net", unshare_net },
	{ G, "unshare_mount", unshare_mount },
	{ G, "clone_user", clone_user }, { G, "clone3_user", clone3_user },
	{ G, "setns", setns_ }, { G, "finit_module", finit_module },
	{ G, "init_module", init_module },
	{ G, "delete_module", delete_module }, { G, "kexec", kexec },
	{ G, "bpf", bpf }, { G, "perf", perf }, { G, "io_uring", io_uring },
	{ G, "userfaultfd", userfault }, { G, "add_key", add_key },
	{ G, "keyctl", keyctl }, { G, "fanotify", fanotify },
	{ G, "swapoff", swap_off }, { G, "acct", accounting },
	{ G, "quotactl", quota },
#if defined(__x86_64__)
	{ G, "iopl", iopl_ }, { G, "int_80", int_80 }, { G, "x32", x32 },
#endif
	{ G, "memfd_exec", memfd_exec },
	{ NULL, NULL, NULL }
};
