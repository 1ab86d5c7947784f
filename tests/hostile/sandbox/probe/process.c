/*
 * process.c - reaching into other processes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define G "process"

static pid_t victim(void) { return (pid_t)fact_number("victim"); }
static int kill_(void) { return outcome(kill(victim(), SIGCONT)); }
static int kill_parent(void) { return outcome(kill(getppid(), SIGCONT)); }
static int kill_gate(void)
{
	return outcome(kill((pid_t)fact_number("gate"), SIGCONT));
}

static const char *
of_victim(const char *what)
{
	static char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s",
	    fact_number("victim"), what);
	return path;
}

static int
ptrace_(void)
{
	return outcome(ptrace(PTRACE_SEIZE, victim(), NULL, NULL));
}

static int
vm_read(void)
{
	char b[8];
	struct iovec to = { b, sizeof(b) };
	struct iovec from = { (void *)(uintptr_t)strtoull(
	    fact("victim_address"), NULL, 0), sizeof(b) };

	return outcome(process_vm_readv(victim(), &to, 1, &from, 1, 0));
}

static int memory(void) { return try_open(of_victim("mem"), O_RDONLY); }
static int environment(void)
{
	return try_open(of_victim("environ"), O_RDONLY);
}
static int root(void) { return try_open(of_victim("root/etc"), O_RDONLY); }

/* What its descriptor 0 is: their numbers alone say nothing. */
static int
descriptor_of(long pid)
{
	char path[64], target[256];

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd/0", pid);
	return outcome(readlink(path, target, sizeof(target)));
}

static int fds(void) { return descriptor_of(fact_number("victim")); }
static int gate_fds(void) { return descriptor_of(fact_number("gate")); }

static int
pidfd_signal(void)
{
	int fd = (int)syscall(SYS_pidfd_open, victim(), 0);

	if (fd < 0)
		return errno;
	return outcome(syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0));
}

static int
pidfd_take(void)
{
	int fd = (int)syscall(SYS_pidfd_open, victim(), 0);

	if (fd < 0)
		return errno;
	return outcome(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int
oom_adjust(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : outcome(write(fd, "-1000", 5));
}

static int
oom_adjust_other(void)
{
	return try_open(of_victim("oom_score_adj"), O_WRONLY);
}

static int
nice_(void)
{
	return outcome(setpriority(PRIO_PROCESS, 0, -5));
}

static int
real_time(void)
{
	const struct sched_param p = { .sched_priority = 1 };

	return outcome(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &p));
}

static int
affinity_other(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return errno;
	return outcome(sched_setaffinity(victim(), sizeof(set), &set));
}

static int
rlimit_other(void)
{
	const struct rlimit l = { 0, 0 };

	return outcome(prlimit(victim(), RLIMIT_CORE, &l, NULL));
}

const struct probe process_probes[] = {
	{ G, "ptrace", ptrace_ }, { G, "vm_read", vm_read },
	{ G, "proc_mem", memory }, { G, "proc_environ", environment },
	{ G, "proc_root", root }, { G, "proc_fd", fds },
	{ G, "proc_fd_of_gate", gate_fds }, { G, "kill", kill_ },
	{ G, "kill_gate", kill_gate },
	{ G, "kill_own_parent", kill_parent },
	{ G, "pidfd_signal", pidfd_signal }, { G, "pidfd_getfd", pidfd_take },
	{ G, "oom_score_adj", oom_adjust },
	{ G, "oom_score_adj_other", oom_adjust_other },
	{ G, "nice", nice_ }, { G, "sched_fifo", real_time },
	{ G, "affinity_other", affinity_other },
	{ G, "prlimit_other", rlimit_other },
	{ NULL, NULL, NULL }
};
