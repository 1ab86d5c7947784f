/*
 * sandbox.c - the runner's side: the payload, its limits, its whole end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * The kernel holds a payload by Seatbelt (seatbelt.c) and by its account; its
 * tree is what the runner keeps book of (lineage.h), awake at each fork.
 */
#include "platform/sandbox.h"

#include "platform/clock.h"
#include "platform/macos/lineage.h"
#include "platform/macos/payload.h"
#include "platform/macos/tmpdir.h"
#include "platform/posix/native.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/event.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long killing the tree may take before the report goes out. */
#define KILL_MS 1000
/* How often limits are looked at: no kernel holds them for a tree. */
#define POLL_MS 100
/* How long a round of killing waits before it looks again. */
#define ROUND_MS 10

/* The runner has one action, and this is it. */
static struct {
	struct lineage tree;
	char tmp[TMPDIR_SIZE];	/* "" none */
} action = { .tree = { .queue = -1 } };

static int
fail(struct sandbox_failure *ret_f, enum plan_step step, int error)
{
	*ret_f = (struct sandbox_failure){ step, error };
	return error == ENOTSUP ? ERR_UNSUPPORTED : ERR_IO;
}

/* A gate that has gone must not end us before we have ended the tree. */
static int
supervise(struct sandbox *s)
{
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    (s->signals = kqueue()) < 0 ||
	    fcntl(s->signals, F_SETFD, FD_CLOEXEC) != 0)
		return errno;
	return lineage_begin(&action.tree, getpid(), s->signals) != 0 ?
	    EIO : 0;
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

/*
 * Forks the payload, notes who it is, lets it go, and hears what became of it.
 * 0, or the failure in *f.
 */
static int
launch(const struct plan *p, struct sandbox *s, struct sandbox_failure *f)
{
	int go[2] = { -1, -1 }, report[2] = { -1, -1 };
	int i, failed = -1;

	*f = (struct sandbox_failure){ PLAN_STEP_FORK, EIO };
	if (native_pipe(go) != 0 || native_pipe(report) != 0) {
		f->error = errno;
		goto out;
	}
	s->started_us = clock_boot_us();
	if ((s->pid = fork()) == 0) {
		/* Whose end we hold, nobody else may keep open. */
		(void)close(go[1]);
		payload_enter(p, action.tmp, go[0], report[1]);
	}
	if (s->pid < 0) {
		f->error = errno;
		goto out;
	}
	(void)close(report[1]);
	report[1] = -1;
	/* Its session will have its number; until it is reaped at the very end
	 * nobody else can have that. */
	action.tree.session = s->pid;
	if (lineage_look(&action.tree) == 0 && write(go[1], "", 1) == 1 &&
	    !read_failure(report[0], f))
		failed = 0;
out:
	for (i = 0; i < 2; i++) {
		if (go[i] >= 0)
			(void)close(go[i]);
		if (report[i] >= 0)
			(void)close(report[i]);
	}
	if (failed != 0 && s->pid > 0) {
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	return failed;
}

/* Frees what start() has made. */
static void
forget(struct sandbox *s)
{
	lineage_end(&action.tree);
	if (action.tmp[0] != '\0')
		tmpdir_remove(action.tmp);
	action.tmp[0] = '\0';
	if (s->signals >= 0)
		(void)close(s->signals);
	s->signals = -1;
}

int
sandbox_start(const struct plan *p, struct sandbox_helper *helper,
    struct sandbox_failure *ret_failure, struct sandbox *ret_s)
{
	struct sandbox s = { .end = -1, .signals = -1 };
	struct sandbox_failure f;
	int error;

	/* There is no broker for launchd's services. */
	if (helper != NULL) {
		if (helper->payload_fd >= 0)
			(void)close(helper->payload_fd);
		helper->payload_fd = -1;
		return fail(ret_failure, PLAN_STEP_PROFILE, ENOTSUP);
	}
	if (p->read == PLAN_READ_ALL && p->profile == PLAN_OBSERVE)
		return fail(ret_failure, PLAN_STEP_PROFILE, ENOTSUP);
	if ((error = supervise(&s)) != 0) {
		forget(&s);
		return fail(ret_failure, PLAN_STEP_SUPERVISE, error);
	}
	if (p->profile != PLAN_FULL &&
	    tmpdir_make(p->uid, p->gid, action.tmp) != 0) {
		error = errno;
		forget(&s);
		return fail(ret_failure, PLAN_STEP_MOUNT, error);
	}
	payload_describe(p, s.enforced);
	s.poll = p->memory_bytes > 0 || p->processes > 0;
	if (launch(p, &s, &f) != 0) {
		forget(&s);
		return fail(ret_failure, f.step, f.error);
	}
	*ret_s = s;
	return 0;
}

/* ---- waiting ------------------------------------------------------------- */

/* Whether the payload has ended; it is not reaped by that. */
static bool
has_ended(const struct sandbox *s)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) !=
	    0)
		return errno == ECHILD;
	return info.si_pid == s->pid;
}

/* Whether the gate has closed its end; what it might write means nothing. */
static bool
is_closed(int control)
{
	struct pollfd fd = { .fd = control, .events = POLLIN };
	char byte;
	ssize_t n;

	if (poll(&fd, 1, 0) <= 0)
		return false;
	n = read(control, &byte, sizeof(byte));
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Whether the tree is over a limit. */
static enum sandbox_why
look(const struct plan *p)
{
	if (p->processes > 0 && lineage_count(&action.tree, NULL, 0) >
	    p->processes)
		return SANDBOX_PROCESSES;
	if (p->memory_bytes > 0 && lineage_memory(&action.tree) >
	    p->memory_bytes)
		return SANDBOX_MEMORY;
	return SANDBOX_ITSELF;
}

/* Among many that multiply we would have a small part of the time. */
static void
outrun(void)
{
	(void)setpriority(PRIO_PROCESS, 0, -20);
}

/* Until the payload has ended or has to be ended: which of it is the answer. */
static enum sandbox_why
wait_for_end(struct sandbox *s, const struct plan *p, int control)
{
	const struct timespec often = { 0, POLL_MS * 1000000L };
	enum sandbox_why why = SANDBOX_ITSELF;
	struct kevent e;

	EV_SET(&e, (uintptr_t)control, EVFILT_READ, EV_ADD, 0, 0, NULL);
	if (kevent(s->signals, &e, 1, NULL, 0, NULL) != 0)
		return SANDBOX_STOPPED;
	if (s->poll)
		outrun();
	while (why == SANDBOX_ITSELF && !has_ended(s)) {
		if (kevent(s->signals, NULL, 0, &e, 1, s->poll ? &often :
		    NULL) < 0 && errno != EINTR)
			why = SANDBOX_STOPPED;
		else if (is_closed(control))
			why = SANDBOX_STOPPED;
		else if (lineage_look(&action.tree) == 0 && s->poll)
			why = look(p);
	}
	return why;
}

/* ---- ending -------------------------------------------------------------- */

static uint64_t
to_us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/*
 * Kills what is left until a look finds nobody, at most KILL_MS. Returns how
 * many lived besides the payload at most.
 */
static uint32_t
kill_all(const struct sandbox *s, const struct plan *p)
{
	uint64_t until = clock_boot_ms() + KILL_MS;
	uint32_t in_account = 0;
	size_t most = 0, now;

	for (;;) {
		if (lineage_look(&action.tree) != 0)
			break;
		now = lineage_count(&action.tree, &s->pid, 1);
		if (now > most)
			most = now;
		if (lineage_kill(&action.tree, NULL, 0) == 0 ||
		    clock_boot_ms() >= until)
			break;
		/* What was killed is on its way out. */
		(void)poll(NULL, 0, ROUND_MS);
	}
	if (payload_has_account(p) && lineage_sweep_account(p->uid, KILL_MS,
	    &in_account) == 0 && in_account > most)
		most = in_account;
	return (uint32_t)most;
}

int
sandbox_sweep(uint32_t uid)
{
	return lineage_kill_account(uid);
}

void
sandbox_wait(struct sandbox *s, const struct plan *p,
    struct sandbox_helper *helper, int control, struct sandbox_end *ret_end)
{
	struct sandbox_end end = { .survivors = 0 };
	int status = SIGKILL;	/* in waitpid's form: ended by it */
	struct rusage usage;

	(void)helper;
	end.why = wait_for_end(s, p, control);
	s->ending = true;
	if (end.why != SANDBOX_ITSELF)
		(void)kill(s->pid, SIGKILL);
	end.wall_us = clock_boot_us() - s->started_us;
	outrun();
	/* A payload that ended leaves those whom it had made; it itself is not
	 * reaped before they are found, so that its number stays its own. */
	end.survivors = kill_all(s, p);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	end.by_signal = WIFSIGNALED(status);
	end.code = (uint32_t)(end.by_signal ? WTERMSIG(status) :
	    WEXITSTATUS(status));
	if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
		end.cpu_us = to_us(usage.ru_utime) + to_us(usage.ru_stime);
		/* In bytes here (getrusage(2)). */
		end.max_rss_kb = (uint64_t)usage.ru_maxrss / 1024;
	}
	forget(s);
	*ret_end = end;
}
