/*
 * payload.c - from the runner's process to the interpreter, step by step.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * One list of steps for each profile, in the order in which they must be
 * taken. `full` supervises and does not confine. `observe` stays in the host's
 * pid namespace, where it sees all processes. `repair`, and both in a user
 * namespace, live below an init of their own, with which they end.
 */
#include "platform/linux/payload.h"

#include "platform/linux/cgroup.h"
#include "platform/linux/landlock.h"
#include "platform/linux/mounts.h"
#include "platform/linux/rights.h"
#include "platform/linux/seccomp.h"
#include "platform/linux/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a payload that could not become the interpreter. */
#define EXIT_SANDBOX 125
/* What the init says when it has mounted. */
#define MOUNTED 0
#define MOUNTED_UNSEEN 1		/* struct mounts_result */
/* The highest descriptor that is looked for where /proc does not tell. */
#define FD_LAST 4095

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_ON_EXEC 4u		/* CLOSE_RANGE_CLOEXEC */

static bool
is_userns(const struct plan *p)
{
	return (p->flags & PLAN_FLAG_USERNS) != 0;
}

bool
payload_has_init(const struct plan *p)
{
	return p->profile == PLAN_REPAIR ||
	    (p->profile == PLAN_OBSERVE && is_userns(p));
}

bool
payload_has_unix(const struct plan *p)
{
	return p->profile == PLAN_FULL || (p->profile == PLAN_OBSERVE &&
	    !is_userns(p) && (p->flags & PLAN_FLAG_NO_UNIX) == 0);
}

/* ---- the steps; each returns an errno ------------------------------------ */

static int
join_cgroups(const struct payload *y)
{
	const struct plan *p = y->plan;
	size_t i;
	int error = 0;

	for (i = 0; i < p->n_cgroups && error == 0; i++)
		if (!y->joined || p->cgroups[i].kind != PLAN_CGROUP_V2)
			error = cgroup_join_at(p->cgroups[i].kind,
			    y->groups[i]);
	return error;
}

/* Writes a text to a file of /proc. 0 or an errno. */
static int
write_self(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	(void)close(fd);
	return error;
}

/*
 * System V's segments and queues hold memory that is no process's. Where no
 * control group counts it, the namespace's own limits do (proc(5)); as far as
 * the kernel lets us write them.
 */
static int
limit_ipc(const struct payload *y)
{
	const struct plan *p = y->plan;
	char pages[24];
	long size = sysconf(_SC_PAGESIZE);

	if (p->memory_bytes == 0 || (p->flags & PLAN_FLAG_MEMORY) != 0 ||
	    size <= 0)
		return 0;
	(void)snprintf(pages, sizeof(pages), "%llu",
	    (unsigned long long)(p->memory_bytes / (uint64_t)size));
	(void)!write_self("/proc/sys/kernel/shmall", pages);
	(void)!write_self("/proc/sys/kernel/msgmni", "16");
	/* Semaphores are 64 bytes each: 2 MB. */
	(void)!write_self("/proc/sys/kernel/sem", "32000 32000 500 128");
	return 0;
}

static int
make_mounts(const struct payload *y, struct mounts_result *ret_result)
{
	const struct mounts_options o = {
		.own_proc = payload_has_init(y->plan),
		.userns = is_userns(y->plan),
		.mask_pipes = y->plan->profile == PLAN_REPAIR &&
		    !is_userns(y->plan) && y->landlock == 0,
	};

	return mounts_enter(y->plan, &o, ret_result);
}

/* As a step; it has no roots. */
static int
enter_mounts(const struct payload *y)
{
	return make_mounts(y, NULL);
}

/* The network namespace of what runs below an init. */
static int
enter_network(const struct payload *y)
{
	return y->plan->net == PLAN_NET_NONE && unshare(CLONE_NEWNET) != 0 ?
	    errno : 0;
}

/* Until the init has made the mounts; without them it ends, and we with it. */
static int
await_mounts(const struct payload *y)
{
	char byte = MOUNTED;
	ssize_t n;

	do {
		n = read(y->mounted, &byte, sizeof(byte));
	} while (n < 0 && errno == EINTR);
	*y->unseen = byte == MOUNTED_UNSEEN;
	return n == 1 ? 0 : EIO;
}

static int
new_session(const struct payload *y)
{
	sigset_t none;
	int i;

	(void)y;
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return errno;
	return setsid() < 0 ? errno : 0;
}

/*
 * Calls fn for each descriptor that is open, by the list in /proc, or for as
 * many as there may be where that is not mounted. Kernels before 5.9.
 */
static void
each_descriptor(int from, void (*fn)(int fd))
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int fd;

	if (dir == NULL)
		for (fd = from; fd <= FD_LAST; fd++)
			fn(fd);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		fd = (int)strtol(e->d_name, NULL, 10);
		if (e->d_name[0] != '.' && fd >= from && fd != dirfd(dir))
			fn(fd);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
mark_descriptor(int fd)
{
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void
close_descriptor(int fd)
{
	(void)close(fd);
}

/* Everything from 3 on closes at exec. */
static void
close_at_exec(void)
{
	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_ON_EXEC) != 0)
		each_descriptor(3, mark_descriptor);
}

/*
 * Output belongs to the payload's user, so that /dev/stderr opens for it; the
 * script stays open for it, and the broker; all else closes at exec.
 */
static int
set_descriptors(const struct payload *y)
{
	const struct plan *p = y->plan;

	if (p->uid != geteuid() &&
	    (fchown(1, p->uid, (gid_t)-1) != 0 ||
	    fchown(2, p->uid, (gid_t)-1) != 0))
		return errno;
	close_at_exec();
	/* 3 was the plan's, which is closed or closes with us. */
	if (y->broker == PLAN_FD_BROKER ?
	    fcntl(PLAN_FD_BROKER, F_SETFD, 0) != 0 :
	    y->broker >= 0 && dup2(y->broker, PLAN_FD_BROKER) < 0)
		return errno;
	if ((p->flags & PLAN_FLAG_SCRIPT) != 0)
		return fcntl(PLAN_FD_SCRIPT, F_SETFD, 0) != 0 ? errno : 0;
	return 0;
}

/* struct rlimit64 of prlimit(2), the same for every C library. */
struct limit {
	uint64_t soft;
	uint64_t hard;
};

/* Lowers a limit to v, for good; one that is lower already stays. */
static int
lower(int resource, uint64_t v)
{
	struct limit now;

	if (syscall(SYS_prlimit64, 0, resource, NULL, &now) != 0)
		return errno;
	/* No limit is the highest number. */
	if (now.hard < v)
		v = now.hard;
	now.soft = now.hard = v;
	return syscall(SYS_prlimit64, 0, resource, &now, NULL) != 0 ? errno : 0;
}

/*
 * What the kernel counts by account, which for `repair` is root's, with all of
 * root's programs; and the turns that an agent may have been given.
 */
static const struct {
	int resource;
	uint64_t most;
} shares[] = {
	{ RLIMIT_SIGPENDING, 1024 },
	{ RLIMIT_MSGQUEUE, 131072 },	/* a queue as it is by default */
	{ RLIMIT_RTPRIO, 0 },
	{ RLIMIT_NICE, 0 },
};

/*
 * No core files. Where a program takes them (core(5), "|" in core_pattern), it
 * is started by the kernel, as root and outside, whatever this limit says: but
 * for 1, which is below any file's size and ends it there as well. The filter
 * sees to it that this stays.
 */
static int
limit_cores(const struct plan *p)
{
	const struct limit one = { 1, 1 };

	if (p->profile != PLAN_FULL &&
	    syscall(SYS_prlimit64, 0, RLIMIT_CORE, &one, NULL) == 0)
		return 0;
	return lower(RLIMIT_CORE, 0);
}

static int
set_limits(const struct payload *y)
{
	const struct plan *p = y->plan;
	int error = limit_cores(p);
	size_t i;

	for (i = 0; i < sizeof(shares) / sizeof(shares[0]) && error == 0 &&
	    p->profile != PLAN_FULL; i++)
		error = lower(shares[i].resource, shares[i].most);
	if (error == 0 && p->open_files > 0)
		error = lower(RLIMIT_NOFILE, p->open_files);
	if (error == 0 && p->file_bytes > 0)
		error = lower(RLIMIT_FSIZE, p->file_bytes);
	/* No control group: the runner looks at the sum of all, and in between
	 * one process is held by the kernel. */
	if (error == 0 && p->memory_bytes > 0 &&
	    (p->flags & PLAN_FLAG_MEMORY) == 0)
		error = lower(RLIMIT_DATA, p->memory_bytes);
	if (error == 0 && p->processes > 0 && p->uid != 0 &&
	    (p->flags & PLAN_FLAG_PROCESSES) == 0)
		error = lower(RLIMIT_NPROC, y->others + p->processes);
	return error;
}

/* Who the plan says, and with `full` all the rights that go with it. */
static int
set_identity(const struct payload *y)
{
	return y->plan->profile == PLAN_FULL ? rights_become(y->plan) :
	    rights_confine(y->plan);
}

static int
set_privileges(const struct payload *y)
{
	(void)y;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ? errno : 0;
}

static int
set_directory(const struct payload *y)
{
	(void)umask((mode_t)y->plan->umask);
	return chdir(y->plan->cwd) != 0 ? errno : 0;
}

static int
enter_landlock(const struct payload *y)
{
	return y->landlock > 0 ? landlock_enter(y->plan, y->landlock) : 0;
}

static int
enter_seccomp(const struct payload *y)
{
	const enum plan_net net = y->plan->net;
	const struct seccomp_policy policy = {
		.unix_sockets = payload_has_unix(y->plan),
		/* With no network there is nobody to reach; that nothing is
		 * listened on either, Landlock sees to from version 4 on. */
		.internet = net == PLAN_NET_HOST ||
		    (net == PLAN_NET_NONE && y->landlock >= 4),
		.root = y->plan->uid == 0,
		.no_shared_files = y->unseen != NULL && *y->unseen,
	};

	return seccomp_enter(&policy);
}

/* A list of strings in the form that execve(2) has always had. */
static char *const *
as_argv(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} u = { list };

	return u.out;
}

static int
become(const struct payload *y)
{
	const struct plan *p = y->plan;

	(void)execve(p->program, as_argv(p->args), as_argv(p->env));
	return errno;
}

/* ---- the lists ----------------------------------------------------------- */

struct step {
	enum plan_step step;
	int (*take)(const struct payload *y);
};

static const struct step full_steps[] = {
	{ PLAN_STEP_CGROUP, join_cgroups },
	{ PLAN_STEP_SESSION, new_session },
	{ PLAN_STEP_DESCRIPTORS, set_descriptors },
	{ PLAN_STEP_LIMITS, set_limits },
	{ PLAN_STEP_IDENTITY, set_identity },
	{ PLAN_STEP_DIRECTORY, set_directory },
	{ PLAN_STEP_EXEC, become },
	{ PLAN_STEP_NONE, NULL },
};

static const struct step observe_steps[] = {
	{ PLAN_STEP_CGROUP, join_cgroups },
	{ PLAN_STEP_LIMITS, limit_ipc },
	{ PLAN_STEP_MOUNT, enter_mounts },
	{ PLAN_STEP_SESSION, new_session },
	{ PLAN_STEP_DESCRIPTORS, set_descriptors },
	{ PLAN_STEP_LIMITS, set_limits },
	{ PLAN_STEP_IDENTITY, set_identity },
	{ PLAN_STEP_CAPABILITIES, set_privileges },
	{ PLAN_STEP_DIRECTORY, set_directory },
	{ PLAN_STEP_LANDLOCK, enter_landlock },
	{ PLAN_STEP_SECCOMP, enter_seccomp },
	{ PLAN_STEP_EXEC, become },
	{ PLAN_STEP_NONE, NULL },
};

/*
 * Below an init, which sees to the mounts meanwhile: an empty network takes the
 * kernel as long to make as they take all together.
 */
static const struct step repair_steps[] = {
	{ PLAN_STEP_NAMESPACE, enter_network },
	{ PLAN_STEP_CGROUP, join_cgroups },
	{ PLAN_STEP_SESSION, new_session },
	{ PLAN_STEP_DESCRIPTORS, set_descriptors },
	{ PLAN_STEP_LIMITS, set_limits },
	{ PLAN_STEP_IDENTITY, set_identity },
	{ PLAN_STEP_CAPABILITIES, set_privileges },
	{ PLAN_STEP_MOUNT, await_mounts },
	{ PLAN_STEP_DIRECTORY, set_directory },
	{ PLAN_STEP_LANDLOCK, enter_landlock },
	{ PLAN_STEP_SECCOMP, enter_seccomp },
	{ PLAN_STEP_EXEC, become },
	{ PLAN_STEP_NONE, NULL },
};

__attribute__((noreturn)) static void
fail(const struct payload *y, enum plan_step step, int error)
{
	const struct sandbox_failure f = { step, error };

	(void)!write(y->report, &f, sizeof(f));
	_exit(EXIT_SANDBOX);
}

/* Takes the steps; does not come back. */
__attribute__((noreturn)) static void
take_steps(const struct payload *y, const struct step *s)
{
	int error = 0;

	for (; s->take != NULL && error == 0; s++)
		if ((error = s->take(y)) != 0)
			break;
	fail(y, s->step, error);
}

/* ---- processes ----------------------------------------------------------- */

/*
 * fork(2) into new namespaces, and where the kernel can (Linux 5.7) straight
 * into the version 2 control group: moving there costs an RCU grace period.
 */
static int
clone_into(struct payload *y, unsigned long flags)
{
	size_t i;
	int pid;

	for (i = 0; i < y->plan->n_cgroups; i++) {
		if (y->plan->cgroups[i].kind != PLAN_CGROUP_V2)
			continue;
		y->joined = true;
		if ((pid = cgroup_fork_at(y->groups[i], flags)) >= 0)
			return pid;
		y->joined = false;
	}
	return (int)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* What the init does when its payload has been started: nothing but wait. */
__attribute__((noreturn)) static void
watch(const struct payload *y, int payload)
{
	struct payload_end end = { .survivors = 0 };
	int status;
	pid_t pid;

	(void)!rights_keep_kill();
	/* Not least the output: it must not be held open here. */
	if (dup2(y->end, 0) != 0 ||
	    syscall(SYS_close_range, 1u, ~0u, 0u) != 0)
		each_descriptor(1, close_descriptor);
	do {
		pid = waitpid(-1, &status, 0);
	} while (pid != payload && (pid > 0 || errno == EINTR));
	end.status = pid == payload ? status : SIGKILL;
	(void)kill(-1, SIGKILL);
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0 && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGKILL)
			end.survivors++;
	(void)!write(0, &end, sizeof(end));
	_exit(0);
}

/* user_namespaces(7): who we were is who we are, and nobody else is there. */
static int
map_self(const struct plan *p)
{
	char uid[48], gid[48];
	int error;

	(void)snprintf(uid, sizeof(uid), "%u %u 1\n", p->uid, p->uid);
	(void)snprintf(gid, sizeof(gid), "%u %u 1\n", p->gid, p->gid);
	if ((error = write_self("/proc/self/uid_map", uid)) != 0 ||
	    ((error = write_self("/proc/self/setgroups", "deny")) != 0 &&
	    error != ENOENT))
		return error;
	return write_self("/proc/self/gid_map", gid);
}

/* The runner may have died before it was to take us along. */
static bool
is_orphan(const struct payload *y)
{
	struct pollfd p = { .fd = y->end };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
}

/* The init of the payload's pid namespace; it ends with the runner. */
__attribute__((noreturn)) static void
be_init(struct payload *y)
{
	struct mounts_result result;
	int mounted[2], error, pid;
	bool unseen = false;
	char byte;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
	    pipe2(mounted, O_CLOEXEC) != 0)
		fail(y, PLAN_STEP_SUPERVISE, errno);
	if (is_orphan(y))
		_exit(EXIT_SANDBOX);
	if (is_userns(y->plan) && (error = map_self(y->plan)) != 0)
		fail(y, PLAN_STEP_NAMESPACE, error);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fail(y, PLAN_STEP_SUPERVISE, errno);
	y->mounted = mounted[0];
	y->unseen = &unseen;
	if ((pid = clone_into(y, 0)) == 0)
		take_steps(y, repair_steps);
	if (pid < 0)
		fail(y, PLAN_STEP_FORK, errno);
	(void)limit_ipc(y);
	if ((error = make_mounts(y, &result)) != 0)
		fail(y, PLAN_STEP_MOUNT, error);
	byte = result.unseen ? MOUNTED_UNSEEN : MOUNTED;
	if (write(mounted[1], &byte, 1) != 1)
		fail(y, PLAN_STEP_MOUNT, errno);
	watch(y, pid);
}

int
payload_clone(struct payload *y)
{
	const struct plan *p = y->plan;
	unsigned long flags = 0;
	int pid;

	if (p->profile != PLAN_FULL)
		flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
	if (payload_has_init(p)) {
		flags |= CLONE_NEWPID;
		if (is_userns(p))
			flags |= CLONE_NEWUSER;
		pid = (int)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL,
		    NULL, NULL);
		if (pid == 0)
			be_init(y);
		return pid;
	}
	if (p->profile != PLAN_FULL && p->net == PLAN_NET_NONE)
		flags |= CLONE_NEWNET;
	if ((pid = clone_into(y, flags)) == 0)
		take_steps(y, p->profile == PLAN_FULL ? full_steps :
		    observe_steps);
	return pid;
}

/* ---- what comes from outside --------------------------------------------- */

/* How many processes and threads of that uid there are: the kernel counts them
 * all against RLIMIT_NPROC. */
static uint64_t
count_of_uid(uid_t uid)
{
	struct tree t = { NULL, 0, 0 };
	struct stat st;
	char path[32];
	uint64_t n = 0;
	size_t i;

	if (tree_read(&t) == 0)
		for (i = 0; i < t.n; i++) {
			(void)snprintf(path, sizeof(path), "/proc/%d/task",
			    t.p[i].pid);
			/* One folder in it for each thread, and two links. */
			if (stat(path, &st) == 0 && st.st_uid == uid &&
			    st.st_nlink > 2)
				n += (uint64_t)st.st_nlink - 2;
		}
	tree_free(&t);
	return n;
}

int
payload_open(struct payload *y)
{
	const struct plan *p = y->plan;
	size_t i;

	for (i = 0; i < PLAN_CGROUPS_MAX; i++)
		y->groups[i] = -1;
	for (i = 0; i < p->n_cgroups; i++)
		if ((y->groups[i] = cgroup_open(p->cgroups[i].path)) < 0)
			return errno;
	/* The account of `observe` has none: it is nobody else's. */
	if (p->processes > 0 && p->uid != 0 &&
	    (p->flags & PLAN_FLAG_PROCESSES) == 0 &&
	    (p->profile != PLAN_OBSERVE || is_userns(p)))
		y->others = count_of_uid(p->uid);
	if (p->profile != PLAN_FULL)
		y->landlock = landlock_abi();
	/* The agent goes last when memory runs out (its unit); what it runs
	 * must not. A lower value than this one stays: that needs no right. */
	(void)write_self("/proc/self/oom_score_adj", "0");
	return 0;
}

void
payload_close(struct payload *y)
{
	size_t i;

	for (i = 0; i < PLAN_CGROUPS_MAX; i++)
		if (y->groups[i] >= 0)
			(void)close(y->groups[i]);
}
