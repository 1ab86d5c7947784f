/*
 * starter.c - the split of the service: the starter stays, the gate goes on.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The starter is the service manager's main process. It is the parent of all
 * that runs, and the subreaper of what these leave.
 */
#include "platform/linux/starter.h"

#include "platform/clock.h"
#include "platform/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
#define N_PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

/* How long those may take who end with the gate. */
#define SEE_OFF_MS 500u

struct post {
	const struct starter *s;
	pid_t gate;
	int ears;		/* our end of the pair */
	int signals;		/* signalfd */
};

/* Whether the gate has ended; it is reaped then. */
static bool
has_ended(const struct post *p, int options, int *ret_status)
{
	pid_t pid;

	do {
		pid = waitpid(p->gate, ret_status, options);
	} while (pid < 0 && errno == EINTR);
	return pid != 0;
}

/* What comes to us is meant for the gate; a child's end as well. */
static void
pass_on(const struct post *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGHUP || p->s->may_renew == NULL ||
		    p->s->may_renew(p->s->arg))
			(void)kill(p->gate, (int)info.ssi_signo);
}

/* Until the gate has ended: how, as waitpid(2) says it. */
static int
stand(const struct post *p)
{
	struct pollfd at[2] = { { .fd = p->signals, .events = POLLIN },
	    { .fd = p->ears, .events = POLLIN } };
	int status = 0;

	for (;;) {
		if (poll(at, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (at[1].revents != 0 && !starter_serve(p->ears, p->s,
		    (int)p->gate))
			break;
		/* Before a signal goes to a pid that is no more. */
		if (at[0].revents != 0) {
			if (has_ended(p, WNOHANG, &status))
				return status;
			pass_on(p);
		}
	}
	/* One that does not ask any more has ended, or has to. */
	(void)kill(p->gate, SIGKILL);
	(void)has_ended(p, 0, &status);
	return status;
}

/*
 * Sees off those who end with the gate (its courier), so that who looks after
 * the service finds nobody left in its group. Others do not keep it.
 */
static void
see_off(const struct post *p)
{
	struct pollfd at = { .fd = p->signals, .events = POLLIN };
	uint64_t until = clock_boot_ms() + SEE_OFF_MS, now;
	struct signalfd_siginfo info;
	siginfo_t left;

	while ((now = clock_boot_ms()) < until) {
		process_reap_orphans(NULL, 0);
		if (waitid(P_ALL, 0, &left, WEXITED | WNOHANG | WNOWAIT) != 0)
			break;
		(void)poll(&at, 1, (int)(until - now));
		while (read(p->signals, &info, sizeof(info)) ==
		    (ssize_t)sizeof(info))
			;
	}
}

/* Ends as the gate did. */
static int
end_alike(int status, const sigset_t *old)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	sigset_t one;

	if (number != 0) {
		(void)signal(number, SIG_DFL);
		(void)sigemptyset(&one);
		(void)sigaddset(&one, number);
		(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
		(void)raise(number);
	}
	(void)sigprocmask(SIG_SETMASK, old, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The child's first steps. */
static void
be_gate(const struct post *p, int mouth, pid_t parent, const sigset_t *old)
{
	(void)close(p->ears);
	(void)close(p->signals);
	/* The terminal's signals come from the starter, once. */
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
	/* Its name for ps, of at most 15 characters. */
	(void)prctl(PR_SET_NAME, "countersign-gat", 0, 0, 0);
	/* Until there is somebody to hear it. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, old, NULL);
	starter_ask_at(mouth, (int)parent);
}

int
starter_split(const struct starter *s, int *ret_code)
{
	struct post p = { .s = s };
	pid_t parent = getpid();
	sigset_t set, old;
	int pair[2], status;
	size_t i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_IO;
	p.ears = pair[0];
	(void)sigemptyset(&set);
	for (i = 0; i < N_PASSED_ON; i++)
		(void)sigaddset(&set, passed_on[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	p.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p.signals >= 0 && process_adopt_orphans() == 0 &&
	    (p.gate = fork()) >= 0) {
		if (p.gate == 0) {
			be_gate(&p, pair[1], parent, &old);
			return STARTER_IS_GATE;
		}
		(void)close(pair[1]);
		guard_starter();
		if (s->gates > 0)
			(void)close(s->gates);
		status = stand(&p);
		see_off(&p);
		*ret_code = end_alike(status, &old);
		(void)close(p.signals);
		(void)close(p.ears);
		return STARTER_IS_OVER;
	}
	if (p.signals >= 0)
		(void)close(p.signals);
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return ERR_IO;
}
