/*
 * shares.c - what all programs of a machine, or all of root's, have together.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 *
 * Whoever takes all of it stops the others without touching them.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define G "shares"
#define HUGE_SIZE (2u << 20)
/* More terminals than any action needs; the machine has 4096. */
#define TERMINALS 400
/* inotify(7): an account's are 128 unless set otherwise. */
#define WATCHERS 64
#define SIGNALS 1100
#define QUEUES 8

#ifndef SHM_NORESERVE
#define SHM_NORESERVE 010000
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* Whoever opens the file for writing waits until it is given up. */
static int
lease(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : outcome(fcntl(fd, F_SETLEASE, F_RDLCK));
}

static int
lease_file(void)
{
	return lease(below("folder", "file"));
}

static int
lease_system_file(void)
{
	return lease("/etc/passwd");
}

/* fs.aio-max-nr is for the whole machine. */
static int
aio(void)
{
	unsigned long context = 0;

	return outcome(syscall(SYS_io_setup, 1024, &context));
}

static int
inotify_of_root(void)
{
	int i;

	if (getuid() != 0)
		return EPERM;
	for (i = 0; i < WATCHERS; i++)
		if (inotify_init1(IN_CLOEXEC) < 0)
			return errno;
	return 0;
}

/* Timers and queued signals of one account come from one stock. */
static int
signals_of_root(void)
{
	const union sigval v = { 0 };
	sigset_t all;
	int i;

	if (getuid() != 0)
		return EPERM;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	for (i = 0; i < SIGNALS; i++)
		if (sigqueue(getpid(), SIGRTMIN, v) != 0)
			return errno;
	return 0;
}

static int
queues_of_root(void)
{
	struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
	char name[32];
	int i, error = 0, made;

	if (getuid() != 0)
		return EPERM;
	for (i = 0; i < QUEUES && error == 0; i++) {
		(void)snprintf(name, sizeof(name), "/cs-share-%d", i);
		if (mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr) < 0)
			error = errno;
	}
	made = error == 0 ? i : i - 1;
	for (i = 0; i < made; i++) {
		(void)snprintf(name, sizeof(name), "/cs-share-%d", i);
		(void)mq_unlink(name);
	}
	return error;
}

/* Huge pages are set aside for a database; no control of memory counts them. */
static int
huge_map(void)
{
	return mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE | MAP_HUGETLB, -1, 0) == MAP_FAILED ?
	    errno : 0;
}

static int
huge_file(void)
{
	return outcome(memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB));
}

static int
huge_shared(void)
{
	int id = shmget(IPC_PRIVATE, HUGE_SIZE, IPC_CREAT | SHM_HUGETLB |
	    SHM_NORESERVE | 0600);

	if (id < 0)
		return errno;
	(void)shmctl(id, IPC_RMID, NULL);
	return 0;
}

static int
terminals(void)
{
	int i;

	for (i = 0; i < TERMINALS; i++)
		if (open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) < 0)
			return errno;
	return 0;
}

/* What one reads there, no other sees. */
static int
trace(void)
{
	return try_open("/sys/kernel/tracing/trace_pipe",
	    O_RDONLY | O_NONBLOCK);
}

/* Root's own keys can be taken from a file system by any file of it. What
 * has none says that it knows no such request. */
static int
file_system_key(void)
{
	uint8_t argument[128] = { 2 };
	int fd = open("/etc", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	/* FS_IOC_REMOVE_ENCRYPTION_KEY; C libraries differ in its type. */
	return syscall(SYS_ioctl, fd, 0xc0406618ul, argument) < 0 &&
	    errno == EPERM ? errno : 0;
}

/* The memory of a process that has ended is nobody's to take yet. */
static int
mrelease(void)
{
	siginfo_t info;
	int pid = fork(), fd, error;

	if (pid == 0)
		_exit(0);
	if (pid < 0 || (fd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0)
		return errno;
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	error = outcome(syscall(SYS_process_mrelease, fd, 0));
	/* Nothing of it is left: it was let in. */
	return error == ESRCH || error == EINVAL ? 0 : error;
}

const struct probe share_probes[] = {
	{ G, "lease_file", lease_file },
	{ G, "lease_system_file", lease_system_file }, { G, "aio", aio },
	{ G, "inotify_of_root", inotify_of_root },
	{ G, "signals_of_root", signals_of_root },
	{ G, "queues_of_root", queues_of_root }, { G, "huge_map", huge_map },
	{ G, "huge_file", huge_file }, { G, "huge_shared", huge_shared },
	{ G, "terminals", terminals }, { G, "trace", trace },
	{ G, "file_system_key", file_system_key },
	{ G, "mrelease", mrelease },
	{ NULL, NULL, NULL }
};
