/*
 * sandbox.c - the runner's side: the payload, its limits, its whole end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * What the payload's process does to itself stands in payload.c. What is left
 * of its tree when it ends is killed: by the end of its pid namespace, as the
 * one user whose it all is, by its control group, and whatever is still there
 * by walking over our descendants.
 */
#include "platform/sandbox.h"

#include "platform/clock.h"
#include "platform/linux/cgroup.h"
#include "platform/linux/payload.h"
#include "platform/linux/sweep.h"
#include "platform/linux/tree.h"
#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long killing the tree may take before the report goes out. */
#define KILL_MS 1000
/* How often limits are looked at that no control group holds. */
#define POLL_MS 100

/* ---- in the runner ------------------------------------------------------- */

/* The namespaces of a profile, in the words of `enforced`. */
static const char *
name_namespaces(const struct plan *p)
{
	const bool net = p->net == PLAN_NET_NONE;

	if ((p->flags & PLAN_FLAG_USERNS) != 0)
		return net ? "user,mnt,pid,ipc,uts,net" :
		    "user,mnt,pid,ipc,uts";
	if (p->profile == PLAN_REPAIR)
		return net ? "mnt,pid,ipc,uts,net" : "mnt,pid,ipc,uts";
	return net ? "mnt,ipc,uts,net" : "mnt,ipc,uts";
}

/* What ends the whole tree at one stroke, besides a control group. */
static const char *
name_kill(const struct plan *p, bool cgroup)
{
	if (p->survivors == PLAN_KEEP)
		return "none";
	if (payload_has_init(p))
		return cgroup ? "pid+cgroup" : "pid";
	if (p->profile == PLAN_OBSERVE)
		return cgroup ? "uid+cgroup" : "uid";
	return cgroup ? "cgroup" : "walk";
}

/* What holds, in the words of `enforced`. */
static void
describe(const struct payload *y, struct sandbox *s)
{
	static const char *const nets[] = {
		[PLAN_NET_NONE] = "none", [PLAN_NET_VIEW] = "view",
		[PLAN_NET_HOST] = "host",
	};
	const struct plan *p = y->plan;
	bool v1 = false, v2 = false, kill = false;
	size_t i;
	int n;

	for (i = 0; i < p->n_cgroups; i++) {
		if (p->cgroups[i].kind != PLAN_CGROUP_V2) {
			v1 = true;
			continue;
		}
		v2 = true;
		kill = cgroup_may_write(p->cgroups[i].path,
		    "cgroup.kill");
	}
	n = snprintf(s->enforced, sizeof(s->enforced),
	    "profile=%s cgroup=%s kill=%s mem=%s procs=%s",
	    plan_profile_word(p->profile),
	    v2 ? v1 ? "v1+v2" : "v2" : v1 ? "v1" : "none",
	    name_kill(p, kill),
	    p->memory_bytes == 0 ? "none" :
	    (p->flags & PLAN_FLAG_MEMORY) != 0 ? "cgroup" : "rlimit+poll",
	    p->processes == 0 ? "none" :
	    (p->flags & PLAN_FLAG_PROCESSES) != 0 ? "cgroup" :
	    p->uid == 0 ? "poll" : "rlimit+poll");
	if (p->profile != PLAN_FULL && n > 0)
		(void)snprintf(s->enforced + n, sizeof(s->enforced) - (size_t)n,
		    " ns=%s mnt=ro net=%s unix=%s caps=%s nnp=yes seccomp=yes "
		    "landlock=%d", name_namespaces(p), nets[p->net],
		    payload_has_unix(p) ? "yes" : "no",
		    (p->flags & PLAN_FLAG_USERNS) != 0 ? "none" :
		    p->profile == PLAN_REPAIR ? "repair" :
		    p->read == PLAN_READ_ALL ? "read" : "none", y->landlock);
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
	return 0;
}

/*
 * Nobody looks into us. A user namespace's maps are written by what we start,
 * and only while that may be looked into: there it comes after.
 */
static int
hide(void)
{
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

/* What this system cannot keep is not begun. */
static bool
is_possible(const struct plan *p)
{
	if (p->profile == PLAN_FULL)
		return true;
	/* As the user that we are: no other's files, no services. */
	if ((p->flags & PLAN_FLAG_USERNS) != 0)
		return geteuid() != 0 && p->uid == geteuid() &&
		    p->read != PLAN_READ_ALL &&
		    (p->flags & PLAN_FLAG_SERVICES) == 0;
	return geteuid() == 0 && p->survivors == PLAN_KILL;
}

/* Makes the process and waits until it is the interpreter. False, and where
 * it failed. */
static bool
launch(struct payload *y, struct sandbox *s, struct sandbox_failure *ret_f)
{
	int report[2];
	bool failed;

	if (pipe2(report, O_CLOEXEC) != 0) {
		*ret_f = (struct sandbox_failure){ PLAN_STEP_SUPERVISE, errno };
		return false;
	}
	y->report = report[1];
	s->pid = payload_clone(y);
	/* EAGAIN, ENOMEM: no more processes; else it is the namespaces. */
	*ret_f = (struct sandbox_failure){ errno == EAGAIN || errno == ENOMEM ||
	    y->plan->profile == PLAN_FULL ? PLAN_STEP_FORK :
	    PLAN_STEP_NAMESPACE, errno };
	(void)close(report[1]);
	failed = s->pid < 0 || read_failure(report[0], ret_f);
	(void)close(report[0]);
	if (failed && s->pid > 0)
		(void)waitpid(s->pid, NULL, 0);
	return !failed;
}

/* Everything before the payload's process. 0 or an errno. */
static int
prepare(struct payload *y, struct sandbox *s, enum plan_step *ret_step)
{
	int end[2], error;

	*ret_step = PLAN_STEP_SUPERVISE;
	if ((error = supervise(s)) != 0)
		return error;
	if ((y->plan->flags & PLAN_FLAG_USERNS) == 0 && (error = hide()) != 0)
		return error;
	if (payload_has_init(y->plan)) {
		/* It is lost with us, and nothing with it. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
		    pipe2(end, O_CLOEXEC) != 0)
			return errno;
		s->end = end[0];
		y->end = end[1];
	}
	*ret_step = PLAN_STEP_CGROUP;
	if ((error = payload_open(y)) == 0)
		describe(y, s);
	return error;
}

int
sandbox_start(const struct plan *p, struct sandbox_helper *helper,
    struct sandbox_failure *ret_failure, struct sandbox *ret_s)
{
	struct sandbox s = { .signals = -1, .end = -1 };
	struct payload y = { .plan = p, .report = -1, .end = -1, .broker = -1,
	    .groups = { -1, -1, -1 } };
	struct sandbox_failure f = { PLAN_STEP_PROFILE, ENOTSUP };
	bool started = false;

	if (helper != NULL && (p->flags & PLAN_FLAG_SERVICES) != 0)
		y.broker = helper->payload_fd;
	if (is_possible(p) && (f.error = prepare(&y, &s, &f.step)) == 0) {
		s.started_us = clock_boot_us();
		started = launch(&y, &s, &f);
	}
	if (started && (p->flags & PLAN_FLAG_USERNS) != 0)
		(void)hide();
	payload_close(&y);
	if (y.end >= 0)
		(void)close(y.end);
	if (helper != NULL && helper->payload_fd >= 0) {
		(void)close(helper->payload_fd);
		helper->payload_fd = -1;
	}
	if (started) {
		*ret_s = s;
		return 0;
	}
	if (s.end >= 0)
		(void)close(s.end);
	if (s.signals >= 0)
		(void)close(s.signals);
	return fail(ret_failure, f.step, f.error);
}

/* ---- waiting ------------------------------------------------------------- */

/* What the payload's init told of its end, if it came to that. */
static void
read_end(struct sandbox *s, int *ret_status)
{
	struct payload_end end;

	if (s->end < 0)
		return;
	/* Killed before it could tell, as its payload was with it. */
	*ret_status = SIGKILL;
	if (read(s->end, &end, sizeof(end)) == (ssize_t)sizeof(end)) {
		*ret_status = end.status;
		if (!s->ending)
			s->killed += end.survivors;
	}
	(void)close(s->end);
	s->end = -1;
}

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
			read_end(s, ret_status);
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
	size_t i, n = 0;

	if (tree_read(t) != 0)
		return SANDBOX_ITSELF;
	(void)tree_mark(t, getpid(), NULL, 0);
	/* Each thread, as control groups and RLIMIT_NPROC count. */
	for (i = 0; i < t->n; i++)
		if (t->p[i].ours && !t->p[i].zombie)
			n += t->p[i].threads;
	if (n > 0 && payload_has_init(p))
		n--;
	if (p->processes > 0 && (p->flags & PLAN_FLAG_PROCESSES) == 0 &&
	    n > p->processes)
		return SANDBOX_PROCESSES;
	if (p->memory_bytes == 0 || (p->flags & PLAN_FLAG_MEMORY) != 0)
		return SANDBOX_ITSELF;
	for (i = 0; i < t->n; i++)
		if (t->p[i].ours)
			memory += tree_memory(t->p[i].pid);
	memory += tree_shared_memory(t);
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
		if (helper != NULL && !ended &&
		    (fds[2].revents | fds[3].revents) != 0)
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

/* Whether nothing of the payload is left, and nothing can come from it. */
static bool
is_over(const struct plan *p)
{
	siginfo_t info;

	/* Orphans come to us; what it put into our groups is not ours. */
	return p->profile != PLAN_FULL && waitid(P_ALL, 0, &info, WEXITED |
	    WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
}

/* At one stroke, as far as there is one; then what is left by walking. */
static void
kill_rest(const struct plan *p, uint32_t *ret_killed)
{
	if (is_over(p))
		return;
	outrun();
	kill_groups(p);
	if (p->profile == PLAN_OBSERVE && !payload_has_init(p))
		(void)!sweep_user(p->uid);
	(void)process_kill_children(NULL, 0, KILL_MS, ret_killed);
}

/* It has to end, now. How many there were besides the payload goes to
 * s->killed, at the latest when they are reaped. */
static void
stop_payload(struct sandbox *s, const struct plan *p, int *ret_status)
{
	uint32_t n;

	s->ending = true;
	outrun();
	/* Those below an init are not ours to reap. */
	if (payload_has_init(p) && (n = count_living()) > 2)
		s->killed += n - 2;
	kill_groups(p);
	if (p->profile == PLAN_OBSERVE && !payload_has_init(p))
		(void)!sweep_user(p->uid);
	kill_payload(s, ret_status);
}

void
sandbox_wait(struct sandbox *s, const struct plan *p,
    struct sandbox_helper *helper, int control, struct sandbox_end *ret_end)
{
	struct sandbox_end end = { .survivors = 0 };
	struct rusage usage;
	int status = SIGKILL;	/* in waitpid's form: ended by it */

	if (!wait_for_end(s, p, helper, control, &status, &end.why))
		stop_payload(s, p, &status);
	end.wall_us = clock_boot_us() - s->started_us;
	end.by_signal = WIFSIGNALED(status);
	end.code = (uint32_t)(end.by_signal ? WTERMSIG(status) :
	    WEXITSTATUS(status));
	if (end.why == SANDBOX_ITSELF && is_oom(p, &end))
		end.why = SANDBOX_MEMORY;
	if (p->survivors == PLAN_KEEP && end.why != SANDBOX_STOPPED) {
		end.survivors = count_living();
	} else {
		kill_rest(p, &end.survivors);
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
