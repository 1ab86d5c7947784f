/*
 * sandbox.c - the runner's side: the payload, its limits, its whole end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (sandbox_probe also in the gate).
 *
 * Profile `full` supervises and does not confine: the payload is what the card
 * says as whom it says, inside its control groups; what is left of its tree is
 * killed when it ends.
 */
#include "platform/sandbox.h"

#include "platform/clock.h"
#include "platform/linux/cgroup.h"
#include "platform/linux/tree.h"
#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a payload that could not become the interpreter. */
#define EXIT_SANDBOX 125
/* How long killing the tree may take before the report goes out. */
#define KILL_MS 1000
/* How often limits are looked at that no control group holds. */
#define POLL_MS 100
/* Descriptors below which there may be some of ours. */
#define FD_LAST_OURS 63

void
sandbox_probe(struct sandbox_offer *ret_offer)
{
	/* `observe` and `repair` are offered once each layer of theirs has
	 * been tried here; nothing of that is built yet. */
	*ret_offer = (struct sandbox_offer){ .full = true };
	(void)snprintf(ret_offer->text, sizeof(ret_offer->text),
	    "profiles=full");
}

/* ---- in the payload's process, before it becomes the interpreter --------- */

static int
join_cgroups(const struct plan *p)
{
	size_t i;
	int error = 0;

	for (i = 0; i < p->n_cgroups && error == 0; i++)
		error = cgroup_join(p->cgroups[i].kind, p->cgroups[i].path);
	return error;
}

static int
new_session(const struct plan *p)
{
	sigset_t none;
	int i;

	(void)p;
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return errno;
	return setsid() < 0 ? errno : 0;
}

/*
 * Output belongs to the payload's user, so that /dev/stderr opens for it; the
 * script stays open for it; all else closes at exec.
 */
static int
set_descriptors(const struct plan *p)
{
	int fd;

	if (p->uid != geteuid() &&
	    (fchown(1, p->uid, (gid_t)-1) != 0 ||
	    fchown(2, p->uid, (gid_t)-1) != 0))
		return errno;
	for (fd = 3; fd <= FD_LAST_OURS; fd++)
		if (fd != PLAN_FD_SCRIPT &&
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 && errno != EBADF)
			return errno;
	if ((p->flags & PLAN_FLAG_SCRIPT) != 0)
		return fcntl(PLAN_FD_SCRIPT, F_SETFD, 0) != 0 ? errno : 0;
	(void)close(PLAN_FD_SCRIPT);
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

static int
set_limits(const struct plan *p)
{
	int error = lower(RLIMIT_CORE, 0);

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
		error = lower(RLIMIT_NPROC,
		    count_of_uid(p->uid) + p->processes);
	return error;
}

/*
 * Who the plan says. Without root that can only be who we are; our groups stay
 * then, because nobody but root can give them up.
 */
static int
set_identity(const struct plan *p)
{
	gid_t groups[PLAN_GROUPS_MAX];
	size_t i;

	if (geteuid() != 0)
		return p->uid == geteuid() && p->gid == getegid() ? 0 : EPERM;
	for (i = 0; i < p->n_groups; i++)
		groups[i] = p->groups[i];
	if (setgroups(p->n_groups, groups) != 0 ||
	    setresgid(p->gid, p->gid, p->gid) != 0 ||
	    setresuid(p->uid, p->uid, p->uid) != 0)
		return errno;
	return 0;
}

static int
set_directory(const struct plan *p)
{
	(void)umask((mode_t)p->umask);
	return chdir(p->cwd) != 0 ? errno : 0;
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
become(const struct plan *p)
{
	(void)execve(p->program, as_argv(p->args), as_argv(p->env));
	return errno;
}

/* What the payload's process does, in this order; each returns an errno. */
static const struct {
	enum plan_step step;
	int (*take)(const struct plan *p);
} full_steps[] = {
	{ PLAN_STEP_CGROUP, join_cgroups },
	{ PLAN_STEP_SESSION, new_session },
	{ PLAN_STEP_DESCRIPTORS, set_descriptors },
	{ PLAN_STEP_LIMITS, set_limits },
	{ PLAN_STEP_IDENTITY, set_identity },
	{ PLAN_STEP_DIRECTORY, set_directory },
	{ PLAN_STEP_EXEC, become },
};

/*
 * Takes the steps of the plan's profile; does not come back. If one fails, its
 * number and errno go to report, which closes by itself when all went well.
 */
__attribute__((noreturn)) static void
sandbox_enter(const struct plan *p, int report)
{
	struct sandbox_failure f = { PLAN_STEP_NONE, 0 };
	size_t i;

	for (i = 0; i < sizeof(full_steps) / sizeof(full_steps[0]); i++)
		if ((f.error = full_steps[i].take(p)) != 0) {
			f.step = full_steps[i].step;
			(void)!write(report, &f, sizeof(f));
			break;
		}
	_exit(EXIT_SANDBOX);
}

/* ---- in the runner ------------------------------------------------------- */

/* What holds, in the words of `enforced`. */
static void
describe(const struct plan *p, struct sandbox *s)
{
	bool v1 = false, v2 = false, kill = false;
	size_t i;

	for (i = 0; i < p->n_cgroups; i++) {
		if (p->cgroups[i].kind != PLAN_CGROUP_V2) {
			v1 = true;
			continue;
		}
		v2 = true;
		kill = cgroup_may_write(p->cgroups[i].path,
		    "cgroup.kill");
	}
	(void)snprintf(s->enforced, sizeof(s->enforced),
	    "profile=%s cgroup=%s kill=%s mem=%s procs=%s",
	    plan_profile_word(p->profile),
	    v2 ? v1 ? "v1+v2" : "v2" : v1 ? "v1" : "none",
	    p->survivors == PLAN_KEEP ? "none" : kill ? "cgroup" : "walk",
	    p->memory_bytes == 0 ? "none" :
	    (p->flags & PLAN_FLAG_MEMORY) != 0 ? "cgroup" : "rlimit+poll",
	    p->processes == 0 ? "none" :
	    (p->flags & PLAN_FLAG_PROCESSES) != 0 ? "cgroup" :
	    p->uid == 0 ? "poll" : "rlimit+poll");
	s->poll = (p->memory_bytes > 0 && (p->flags & PLAN_FLAG_MEMORY) == 0) ||
	    (p->processes > 0 && (p->flags & PLAN_FLAG_PROCESSES) == 0);
}

/*
 * Orphans of the payload come to us, their ends as readable events; a gate that
 * has gone must not end us by a signal before we have ended the tree.
 */
static int
supervise(struct sandbox *s)
{
	sigset_t child;

	if (process_adopt_orphans() != 0)
		return ENOTSUP;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return errno;
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &child, NULL) != 0)
		return errno;
	s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return errno;
	/* A name for ps: started from a descriptor, older kernels give the
	 * descriptor's number. */
	(void)prctl(PR_SET_NAME, "countersign-run", 0, 0, 0);
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ? errno : 0;
}

static int
fail(struct sandbox_failure *ret_f, enum plan_step step, int error)
{
	*ret_f = (struct sandbox_failure){ step, error };
	return error == ENOTSUP ? ERR_UNSUPPORTED : ERR_IO;
}

/* Reads what the payload's process reports: false at once if all went well. */
static bool
read_failure(int fd, struct sandbox_failure *ret_f)
{
	ssize_t n;

	do {
		n = read(fd, ret_f, sizeof(*ret_f));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret_f);
}

/* The payload's process, which does not come back; its id, or -1. */
static int
fork_payload(const struct plan *p, int report)
{
	struct plan rest = *p;
	const char *v2 = NULL;
	size_t i;
	int pid = -1;

	rest.n_cgroups = 0;
	for (i = 0; i < p->n_cgroups; i++) {
		if (p->cgroups[i].kind == PLAN_CGROUP_V2)
			v2 = p->cgroups[i].path;
		else
			rest.cgroups[rest.n_cgroups++] = p->cgroups[i];
	}
	if (v2 != NULL && (pid = cgroup_fork_into(v2)) == 0)
		sandbox_enter(&rest, report);
	if (pid < 0 && (pid = fork()) == 0)
		sandbox_enter(p, report);
	return pid;
}

int
sandbox_start(const struct plan *p, struct sandbox_helper *helper,
    struct sandbox_failure *ret_failure, struct sandbox *ret_s)
{
	struct sandbox s = { .signals = -1 };
	struct sandbox_failure f;
	int report[2], error;

	if (helper != NULL && helper->payload_fd >= 0) {
		(void)close(helper->payload_fd);
		helper->payload_fd = -1;
	}
	if (p->profile != PLAN_FULL)
		return fail(ret_failure, PLAN_STEP_PROFILE, ENOTSUP);
	if ((error = supervise(&s)) != 0 ||
	    (error = pipe2(report, O_CLOEXEC) != 0 ? errno : 0) != 0) {
		if (s.signals >= 0)
			(void)close(s.signals);
		return fail(ret_failure, PLAN_STEP_SUPERVISE, error);
	}
	describe(p, &s);
	s.started_us = clock_boot_us();
	s.pid = fork_payload(p, report[1]);
	error = errno;
	(void)close(report[1]);
	if (s.pid < 0)
		f = (struct sandbox_failure){ PLAN_STEP_FORK, error };
	if (s.pid >= 0 && !read_failure(report[0], &f)) {
		(void)close(report[0]);
		*ret_s = s;
		return 0;
	}
	(void)close(report[0]);
	(void)close(s.signals);
	if (s.pid > 0)
		(void)waitpid(s.pid, NULL, 0);
	return fail(ret_failure, f.step, f.error);
}

/* ---- waiting ------------------------------------------------------------- */

/*
 * Reaps what has ended: orphans for good, the payload with its status. Returns
 * whether the payload was among them.
 */
static bool
reap(struct sandbox *s, const struct sandbox_helper *helper, int *ret_status)
{
	struct signalfd_siginfo info;
	bool ended = false;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->pid) {
			*ret_status = status;
			ended = true;
		} else if (helper != NULL &&
		    helper->ended(helper->arg, pid, status)) {
			continue;
		} else if (s->ending && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGKILL) {
			s->killed++;
		}
	}
	return ended;
}

/*
 * Before everybody else: among a hundred that multiply we would have a
 * hundredth of the time to kill them. Where we may not, it goes without.
 */
static void
outrun(void)
{
	const int one = 1;	/* the lowest of the real-time priorities */

	/* Not through the C library: musl's refuses. */
	if (syscall(SYS_sched_setscheduler, 0,
	    SCHED_RR | SCHED_RESET_ON_FORK, &one) != 0)
		(void)setpriority(PRIO_PROCESS, 0, -20);
}

/* Whether the gate has closed its end; what it might write means nothing. */
static bool
is_closed(int control)
{
	char byte;
	ssize_t n = read(control, &byte, sizeof(byte));

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Whether the tree is over a limit that only we hold. */
static enum sandbox_why
look(struct tree *t, const struct plan *p)
{
	uint64_t memory = 0;
	size_t i, n;

	if (tree_read(t) != 0)
		return SANDBOX_ITSELF;
	n = tree_mark(t, getpid(), NULL, 0);
	if (p->processes > 0 && (p->flags & PLAN_FLAG_PROCESSES) == 0 &&
	    n > p->processes)
		return SANDBOX_PROCESSES;
	if (p->memory_bytes == 0 || (p->flags & PLAN_FLAG_MEMORY) != 0)
		return SANDBOX_ITSELF;
	for (i = 0; i < t->n; i++)
		if (t->p[i].ours)
			memory += tree_memory(t->p[i].pid);
	return memory > p->memory_bytes ? SANDBOX_MEMORY : SANDBOX_ITSELF;
}

/*
 * Until the payload ends (true, with its status) or has to be ended (false,
 * and why).
 */
static bool
wait_for_end(struct sandbox *s, const struct plan *p,
    struct sandbox_helper *helper, int control, int *ret_status,
    enum sandbox_why *ret_why)
{
	struct pollfd fds[4] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = control, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	enum sandbox_why why = SANDBOX_ITSELF;
	struct tree t = { NULL, 0, 0 };
	bool ended = false;

	if (s->poll)
		outrun();
	while (!ended && why == SANDBOX_ITSELF) {
		if (helper != NULL) {
			fds[2].fd = helper->fds[0];
			fds[3].fd = helper->fds[1];
		}
		if (poll(fds, 4, s->poll ? POLL_MS : -1) < 0 && errno != EINTR)
			why = SANDBOX_STOPPED;
		else if (reap(s, helper, ret_status))
			ended = true;
		else if (fds[1].revents != 0 && is_closed(control))
			why = SANDBOX_STOPPED;
		else if (s->poll)
			why = look(&t, p);
		if (!ended && (fds[2].revents | fds[3].revents) != 0)
			helper->ready(helper->arg);
	}
	tree_free(&t);
	*ret_why = why;
	return ended;
}

/* ---- ending -------------------------------------------------------------- */

/*
 * Ends all groups of the plan at one stroke where the kernel can. Only version
 * 2 knows how; what it cannot reach, the walk over our descendants does.
 */
static void
kill_groups(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_cgroups; i++)
		(void)cgroup_kill(p->cgroups[i].path);
}

/* Kills the payload and waits for its status, at most KILL_MS. */
static void
kill_payload(struct sandbox *s, int *ret_status)
{
	struct pollfd fd = { .fd = s->signals, .events = POLLIN };
	uint64_t until = clock_boot_ms() + KILL_MS, now;

	(void)kill(s->pid, SIGKILL);
	while (!reap(s, NULL, ret_status)) {
		if ((now = clock_boot_ms()) >= until)
			return;
		(void)poll(&fd, 1, (int)(until - now));
	}
}

static uint32_t
count_living(void)
{
	struct tree t = { NULL, 0, 0 };
	size_t n = 0;

	if (tree_read(&t) == 0)
		n = tree_mark(&t, getpid(), NULL, 0);
	tree_free(&t);
	return (uint32_t)n;
}

static uint64_t
to_us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/*
 * Whether the end is that of the memory limit: the kernel killed in our group,
 * and the payload died of such a kill, or of its last program's (a shell gives
 * 128 and the signal's number on).
 */
static bool
is_oom(const struct plan *p, const struct sandbox_end *end)
{
	uint64_t kills = 0;
	size_t i;

	if (end->code != (end->by_signal ? SIGKILL : 128u + SIGKILL))
		return false;
	for (i = 0; i < p->n_cgroups; i++)
		kills += cgroup_oom_kills(p->cgroups[i].kind,
		    p->cgroups[i].path);
	return kills > 0;
}

void
sandbox_wait(struct sandbox *s, const struct plan *p,
    struct sandbox_helper *helper, int control, struct sandbox_end *ret_end)
{
	struct sandbox_end end = { .survivors = 0 };
	struct rusage usage;
	int status = SIGKILL;	/* in waitpid's form: ended by it */

	if (!wait_for_end(s, p, helper, control, &status, &end.why)) {
		s->ending = true;
		outrun();
		kill_groups(p);
		kill_payload(s, &status);
	}
	end.wall_us = clock_boot_us() - s->started_us;
	end.by_signal = WIFSIGNALED(status);
	end.code = (uint32_t)(end.by_signal ? WTERMSIG(status) :
	    WEXITSTATUS(status));
	if (end.why == SANDBOX_ITSELF && is_oom(p, &end))
		end.why = SANDBOX_MEMORY;
	if (p->survivors == PLAN_KEEP && end.why != SANDBOX_STOPPED) {
		end.survivors = count_living();
	} else {
		outrun();
		kill_groups(p);
		(void)process_kill_children(NULL, 0, KILL_MS, &end.survivors);
		end.survivors += s->killed;
	}
	if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
		end.cpu_us = to_us(usage.ru_utime) + to_us(usage.ru_stime);
		end.max_rss_kb = (uint64_t)usage.ru_maxrss;
	}
	(void)close(s->signals);
	s->signals = -1;
	*ret_end = end;
}
