/*
 * host.c - the machine's own settings, its terminal, what was left open.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define G "host"

extern char **environ;

static int
core_pattern(void)
{
	return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int
modprobe_path(void)
{
	return try_open("/proc/sys/kernel/modprobe", O_WRONLY);
}

static int sysrq(void) { return try_open("/proc/sysrq-trigger", O_WRONLY); }
static int sysfs(void) { return try_open(fact("sysfs"), O_WRONLY); }
static int sysctl(void)
{
	return try_open("/proc/sys/vm/swappiness", O_WRONLY);
}

static int
set_time(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return errno;
	return outcome(clock_settime(CLOCK_REALTIME, &now));
}

static int
adjust_time(void)
{
	struct timex t = { .modes = ADJ_OFFSET_SINGLESHOT };

	return outcome(adjtimex(&t));
}

/* To what it is already. */
static int
host_name(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)) != 0)
		return errno;
	return outcome(sethostname(name, strlen(name)));
}

static int
reboot_(void)
{
	/* What Ctrl-Alt-Del means: an answer, and no reboot. */
	return outcome(syscall(SYS_reboot, 0xfee1dead, 0x28121969, 0, NULL));
}

static int
kernel_log(void)
{
	char b[64];

	return outcome(klogctl(3 /* read all */, b, sizeof(b)));
}

static int
shared_memory(void)
{
	int id = shmget((key_t)fact_number("shm_key"), 0, 0);

	return id < 0 ? errno : outcome((long)shmat(id, NULL, SHM_RDONLY));
}

static int
message_queue(void)
{
	return outcome(mq_open(fact("mq"), O_RDONLY | O_NONBLOCK));
}

/* Anything open besides the three, the broker, and the script. */
static int
left_open(void)
{
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		struct stat st;

		if (fcntl(fd, F_GETFD) < 0 || fstat(fd, &st) != 0)
			continue;
		if (fd == 3 && S_ISSOCK(st.st_mode))
			continue;
		if (fd == 6 && S_ISREG(st.st_mode))
			continue;
		return 0;
	}
	return ENOENT;
}

static int
environment(void)
{
	char **e;

	for (e = environ; *e != NULL; e++)
		if (strstr(*e, fact("env_secret")) != NULL)
			return 0;
	return ENOENT;
}

static int terminal(void) { return try_open("/dev/tty", O_RDWR); }

static int
push_input(void)
{
	char c = '\n';
	int fd = open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY);

	/* On a terminal of our own: it is the call that must not be there. */
	if (fd < 0)
		return errno;
	if (ioctl(fd, TIOCSCTTY, 0) != 0 && setsid() < 0)
		(void)errno;
	return outcome(ioctl(fd, TIOCSTI, &c));
}

static int cgroup_enter(void)
{
	return try_open(fact("cgroup_procs"), O_WRONLY);
}

static int
cgroup_make(void)
{
	char path[2048];

	(void)snprintf(path, sizeof(path), "%s", fact("cgroup_procs"));
	(void)snprintf(strrchr(path, '/'), 32, "/cs-probe");
	if (mkdir(path, 0755) != 0)
		return errno;
	(void)rmdir(path);
	return 0;
}

const struct probe host_probes[] = {
	{ G, "core_pattern", core_pattern }, { G, "modprobe", modprobe_path },
	{ G, "sysrq", sysrq }, { G, "sysfs", sysfs }, { G, "sysctl", sysctl },
	{ G, "settime", set_time }, { G, "adjtimex", adjust_time },
	{ G, "hostname", host_name }, { G, "reboot", reboot_ },
	{ G, "syslog", kernel_log }, { G, "sysv_shm", shared_memory },
	{ G, "posix_mq", message_queue }, { G, "fd_leak", left_open },
	{ G, "env_leak", environment }, { G, "dev_tty", terminal },
	{ G, "tiocsti", push_input }, { G, "cgroup_enter", cgroup_enter },
	{ G, "cgroup_mkdir", cgroup_make },
	{ NULL, NULL, NULL }
};
