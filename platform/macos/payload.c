/*
 * payload.c - the payload's process, until it becomes the interpreter.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * One thread, straight down the list of steps. Confined profiles: identity,
 * then Seatbelt, then exec; nothing after Seatbelt can take it off again.
 */
#include "platform/macos/payload.h"

#include "platform/macos/seatbelt.h"
#include "platform/macos/tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a payload that could not become the interpreter. */
#define EXIT_SANDBOX 125
/* Descriptors below which there may be some of ours. */
#define FD_LAST_OURS 63

bool
payload_has_account(const struct plan *p)
{
	return p->profile == PLAN_OBSERVE && p->uid != 0 && geteuid() == 0;
}

static const char *
net_word(enum plan_net net)
{
	return net == PLAN_NET_HOST ? "host" : net == PLAN_NET_VIEW ? "view" :
	    "none";
}

void
payload_describe(const struct plan *p, char ret_text[SANDBOX_TEXT_SIZE])
{
	int n = snprintf(ret_text, SANDBOX_TEXT_SIZE,
	    "profile=%s cgroup=none kill=%s mem=%s procs=%s",
	    plan_profile_word(p->profile),
	    p->survivors == PLAN_KEEP ? "none" :
	    payload_has_account(p) ? "uid" : "lineage",
	    p->memory_bytes == 0 ? "none" : "poll",
	    p->processes == 0 ? "none" : p->uid == 0 ? "poll" : "rlimit+poll");

	if (p->profile != PLAN_FULL && n > 0 && n < SANDBOX_TEXT_SIZE)
		(void)snprintf(ret_text + n, SANDBOX_TEXT_SIZE - (size_t)n,
		    " net=%s unix=no seatbelt=yes", net_word(p->net));
}

/* What the steps are handed. */
struct entry {
	const struct plan *plan;
	const char *tmp;
};

static int
new_session(const struct entry *e)
{
	sigset_t none;
	int i;

	(void)e;
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return errno;
	return setsid() < 0 ? errno : 0;
}

/*
 * Output belongs to the payload's user; the script stays open for it; all else
 * closes at exec. (The kqueue of the runner does not survive a fork.)
 */
static int
set_descriptors(const struct entry *e)
{
	const struct plan *p = e->plan;
	int fd;

	for (fd = 3; fd <= FD_LAST_OURS; fd++)
		if (fd != PLAN_FD_SCRIPT &&
		    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 && errno != EBADF)
			return errno;
	if ((p->flags & PLAN_FLAG_SCRIPT) != 0)
		return fcntl(PLAN_FD_SCRIPT, F_SETFD, 0) != 0 ? errno : 0;
	(void)close(PLAN_FD_SCRIPT);
	return 0;
}

/* Lowers a limit to v, for good; one that is lower already stays. */
static int
lower(int resource, uint64_t v)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return errno;
	if (now.rlim_max > v)
		now.rlim_max = v;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now) != 0 ? errno : 0;
}

/* How many processes of that uid there are: the kernel counts them all. */
static uint64_t
count_of_uid(uint32_t uid)
{
	int bytes = proc_listpids(PROC_RUID_ONLY, uid, NULL, 0);

	return bytes > 0 ? (uint64_t)bytes / sizeof(int) : 0;
}

/*
 * RLIMIT_AS and RLIMIT_DATA hold nothing here (memory is mapped, not grown by
 * brk(2)): the runner looks at the sum of all and ends them.
 */
static int
set_limits(const struct entry *e)
{
	const struct plan *p = e->plan;
	int error = lower(RLIMIT_CORE, 0);

	if (error == 0 && p->open_files > 0)
		error = lower(RLIMIT_NOFILE, p->open_files);
	if (error == 0 && p->file_bytes > 0)
		error = lower(RLIMIT_FSIZE, p->file_bytes);
	if (error == 0 && p->processes > 0 && p->uid != 0)
		error = lower(RLIMIT_NPROC,
		    count_of_uid(p->uid) + p->processes);
	return error;
}

/* Who the plan says. Without root that can only be who we are. */
static int
set_identity(const struct entry *e)
{
	const struct plan *p = e->plan;
	gid_t groups[NGROUPS_MAX];
	size_t i;

	if (geteuid() != 0)
		return p->uid == geteuid() && p->gid == getegid() ? 0 : EPERM;
	if (p->n_groups + 1 > NGROUPS_MAX)
		return EINVAL;
	groups[0] = p->gid;
	for (i = 0; i < p->n_groups; i++)
		groups[i + 1] = p->groups[i];
	if (setgroups((int)p->n_groups + 1, groups) != 0 ||
	    setgid(p->gid) != 0 || setuid(p->uid) != 0)
		return errno;
	if (p->uid != 0 && (setuid(0) == 0 || geteuid() == 0))
		return EPERM;
	return 0;
}

/* Where a card says /tmp it means the folder that is its own. */
static int
set_directory(const struct entry *e)
{
	const char *cwd = e->plan->cwd;

	if (e->tmp[0] != '\0' && (strcmp(cwd, "/tmp") == 0 ||
	    strcmp(cwd, "/private/tmp") == 0))
		cwd = e->tmp;
	(void)umask((mode_t)e->plan->umask);
	return chdir(cwd) != 0 ? errno : 0;
}

static int
confine(const struct entry *e)
{
	const struct seatbelt_facts facts = { e->plan, e->tmp };

	switch (seatbelt_enter(e->plan->profile == PLAN_REPAIR ?
	    SEATBELT_REPAIR : SEATBELT_OBSERVE, &facts)) {
	case 0:
		return 0;
	case ERR_NOT_FOUND:
		return ENOENT;
	case ERR_NOMEM:
		return ENOMEM;
	default:
		return EPERM;
	}
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

static bool
names(const char *variable, const char *name)
{
	size_t n = strlen(name);

	return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

/* The plan's environment; with a temporary folder HOME and TMPDIR are it. */
static int
become(const struct entry *e)
{
	char home[sizeof("HOME=") + TMPDIR_SIZE];
	char tmpdir[sizeof("TMPDIR=") + TMPDIR_SIZE];
	const char *env[PLAN_ENV_MAX + 3];
	const struct plan *p = e->plan;
	size_t i, n = 0;

	(void)snprintf(home, sizeof(home), "HOME=%s", e->tmp);
	(void)snprintf(tmpdir, sizeof(tmpdir), "TMPDIR=%s", e->tmp);
	for (i = 0; i < p->n_env; i++)
		if (e->tmp[0] == '\0' || (!names(p->env[i], "HOME") &&
		    !names(p->env[i], "TMPDIR")))
			env[n++] = p->env[i];
	if (e->tmp[0] != '\0') {
		env[n++] = home;
		env[n++] = tmpdir;
	}
	env[n] = NULL;
	(void)execve(p->program, as_argv(p->args), as_argv(env));
	return errno;
}

struct step {
	enum plan_step step;
	bool confined;		/* not in `full` */
	int (*take)(const struct entry *e);
};

/* In this order; each returns an errno. */
static const struct step steps[] = {
	{ PLAN_STEP_SESSION, false, new_session },
	{ PLAN_STEP_DESCRIPTORS, false, set_descriptors },
	{ PLAN_STEP_LIMITS, false, set_limits },
	{ PLAN_STEP_IDENTITY, false, set_identity },
	{ PLAN_STEP_DIRECTORY, false, set_directory },
	{ PLAN_STEP_PROFILE, true, confine },
	{ PLAN_STEP_EXEC, false, become },
};

void
payload_enter(const struct plan *p, const char *tmp, int go, int report)
{
	const struct entry e = { p, tmp };
	struct sandbox_failure f = { PLAN_STEP_NONE, 0 };
	char byte;
	size_t i;

	/* A runner that has gone lets nobody go. */
	if (read(go, &byte, 1) != 1)
		_exit(EXIT_SANDBOX);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].confined && p->profile == PLAN_FULL)
			continue;
		if ((f.error = steps[i].take(&e)) != 0) {
			f.step = steps[i].step;
			(void)!write(report, &f, sizeof(f));
			break;
		}
	}
	_exit(EXIT_SANDBOX);
}
