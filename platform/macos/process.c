/*
 * process.c - starting, signalling and reaping child processes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (courier, runner), cli, tests.
 *
 * posix_spawn(2) with POSIX_SPAWN_CLOEXEC_DEFAULT: the kernel closes every
 * descriptor that no file action names, whatever its flags are.
 */
#include "platform/process.h"

#include "platform/clock.h"
#include "platform/macos/lineage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a round of killing waits before it looks again. */
#define ROUND_MS 10

static char *const no_env[] = { NULL };

/*
 * Everybody that descends from this process: begun by process_adopt_orphans().
 * The one thing here that outlives a call; who asks is the process itself.
 */
static struct lineage family = { .queue = -1 };
static bool has_family;

static int
check_spec(const struct process_spec *spec)
{
	size_t i, j;

	if (spec->argv == NULL || spec->argv[0] == NULL ||
	    spec->n_fds > PROCESS_FDS_MAX)
		return ERR_USAGE;
	if (spec->exec_fd < 0 && (spec->path == NULL || spec->path[0] != '/'))
		return ERR_USAGE;
	for (i = 0; i < spec->n_fds; i++) {
		if (spec->fds[i].parent < 0 || spec->fds[i].child < 0 ||
		    spec->fds[i].child > PROCESS_FD_HIGHEST)
			return ERR_USAGE;
		for (j = 0; j < i; j++)
			if (spec->fds[j].child == spec->fds[i].child)
				return ERR_USAGE;
	}
	return 0;
}

/* The list of strings in the form that execve(2) has always had. */
static char *const *
as_argv(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} u = { list };

	return list != NULL ? u.out : no_env;
}

/*
 * The path of the open program file, which nothing here can execute by its
 * descriptor: as the kernel names it now, and only if what stands there is
 * that very file. Its folders were checked when it was opened (program.h):
 * nobody but their owner can put another one there. 0 or an errno.
 */
static int
path_of(int fd, char path[PATH_MAX])
{
	struct stat open_file, named;

	if (fcntl(fd, F_GETPATH, path) != 0 || fstat(fd, &open_file) != 0 ||
	    lstat(path, &named) != 0)
		return errno;
	if (open_file.st_dev != named.st_dev ||
	    open_file.st_ino != named.st_ino ||
	    open_file.st_size != named.st_size ||
	    open_file.st_uid != named.st_uid ||
	    open_file.st_mode != named.st_mode)
		return ESTALE;
	return 0;
}

/* Every signal at its default and unblocked; own session where asked. */
static int
set_attributes(const struct process_spec *spec, posix_spawnattr_t *a)
{
	short flags = POSIX_SPAWN_CLOEXEC_DEFAULT | POSIX_SPAWN_SETSIGDEF |
	    POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int error;

	if (spec->new_session)
		flags |= POSIX_SPAWN_SETSID;
	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	if ((error = posix_spawnattr_setsigdefault(a, &all)) != 0 ||
	    (error = posix_spawnattr_setsigmask(a, &none)) != 0)
		return error;
	return posix_spawnattr_setflags(a, flags);
}

/*
 * File actions are done one after the other, so a source whose number is
 * another's target would be gone: each is lifted above all targets first.
 */
static int
lift(const struct process_spec *spec, int lifted[PROCESS_FDS_MAX])
{
	size_t i;

	for (i = 0; i < spec->n_fds; i++) {
		lifted[i] = fcntl(spec->fds[i].parent, F_DUPFD_CLOEXEC,
		    PROCESS_FD_HIGHEST + 1);
		if (lifted[i] < 0)
			return errno;
	}
	return 0;
}

static int
set_descriptors(const struct process_spec *spec,
    const int lifted[PROCESS_FDS_MAX], posix_spawn_file_actions_t *a)
{
	bool named[3] = { false, false, false };
	size_t i;
	int error, fd;

	for (i = 0; i < spec->n_fds; i++) {
		if (spec->fds[i].child < 3)
			named[spec->fds[i].child] = true;
		if ((error = posix_spawn_file_actions_adddup2(a, lifted[i],
		    spec->fds[i].child)) != 0)
			return error;
	}
	for (fd = 0; fd < 3; fd++)
		if (!named[fd] && (error = posix_spawn_file_actions_addopen(a,
		    fd, "/dev/null", O_RDWR, 0)) != 0)
			return error;
	return 0;
}

static int
spawn(const struct process_spec *spec, const char *path,
    const int lifted[PROCESS_FDS_MAX], pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	if ((error = posix_spawnattr_init(&attributes)) != 0)
		return error;
	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		goto out;
	if ((error = set_attributes(spec, &attributes)) == 0 &&
	    (error = set_descriptors(spec, lifted, &actions)) == 0)
		error = posix_spawn(ret_pid, path, &actions, &attributes,
		    as_argv(spec->argv), as_argv(spec->envp));
	(void)posix_spawn_file_actions_destroy(&actions);
out:
	(void)posix_spawnattr_destroy(&attributes);
	return error;
}

int
process_start(const struct process_spec *spec, int *ret_errno,
    struct process *ret_p)
{
	int lifted[PROCESS_FDS_MAX], error = 0, r;
	char path[PATH_MAX];
	pid_t pid = 0;
	size_t i;

	if ((r = check_spec(spec)) != 0)
		return r;
	for (i = 0; i < PROCESS_FDS_MAX; i++)
		lifted[i] = -1;
	if (spec->exec_fd >= 0)
		error = path_of(spec->exec_fd, path);
	if (error == 0 && (error = lift(spec, lifted)) == 0)
		error = spawn(spec, spec->exec_fd >= 0 ? path : spec->path,
		    lifted, &pid);
	for (i = 0; i < PROCESS_FDS_MAX; i++)
		if (lifted[i] >= 0)
			(void)close(lifted[i]);
	if (error != 0) {
		if (ret_errno != NULL)
			*ret_errno = error;
		return ERR_IO;
	}
	/* So that its children are known even if it ends at once. */
	if (has_family)
		(void)!lineage_look(&family);
	*ret_p = (struct process){ pid, -1 };
	return 0;
}

/* A pid of a child that nobody has reaped is nobody else's. */
int
process_kill(const struct process *p, int signal)
{
	if (p->pid <= 0)
		return ERR_NOT_FOUND;
	if (kill(p->pid, signal) == 0)
		return 0;
	return errno == ESRCH ? ERR_NOT_FOUND : ERR_IO;
}

static uint64_t
to_us(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static int
reap(struct process *p, int options, struct process_end *ret_end)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (p->pid <= 0)
		return ERR_NOT_FOUND;
	do {
		pid = wait4(p->pid, &status, options, &usage);
	} while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return ERR_AGAIN;
	if (pid < 0)
		return ERR_NOT_FOUND;
	if (ret_end != NULL) {
		ret_end->by_signal = WIFSIGNALED(status);
		ret_end->code = WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status);
		ret_end->cpu_us = to_us(usage.ru_utime) + to_us(usage.ru_stime);
		/* In bytes here (getrusage(2)). */
		ret_end->max_rss_kb = (uint64_t)usage.ru_maxrss / 1024;
	}
	*p = (struct process){ 0, -1 };
	return 0;
}

int
process_wait(struct process *p, struct process_end *ret_end)
{
	return reap(p, WNOHANG, ret_end);
}

int
process_wait_end(struct process *p, struct process_end *ret_end)
{
	return reap(p, 0, ret_end);
}

/* ---- orphans ------------------------------------------------------------- */

/*
 * Nobody becomes our child here; but from now on we know who descends from us.
 */
int
process_adopt_orphans(void)
{
	int r;

	if (has_family)
		return 0;
	if ((r = lineage_begin(&family, getpid(), -1)) != 0)
		return r == ERR_NOT_FOUND ? ERR_UNSUPPORTED : r;
	has_family = true;
	return 0;
}

/* Children of ours that nobody waits for; looks first, does not wait. */
static void
reap_children(const int *keep, size_t n_keep)
{
	siginfo_t info;
	size_t i;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid == 0)
			return;
		for (i = 0; i < n_keep; i++)
			if (keep[i] == info.si_pid)
				return;
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

/* Orphans are launchd's; this is the time for a look who is there. */
void
process_reap_orphans(const int *keep, size_t n_keep)
{
	reap_children(keep, n_keep);
	if (has_family)
		(void)!lineage_look(&family);
}

int
process_kill_children(const int *keep, size_t n_keep, unsigned within_ms,
    uint32_t *ret_killed)
{
	uint64_t until = clock_boot_ms() + within_ms;
	size_t most = 0, now;
	int r;

	if ((r = process_adopt_orphans()) != 0)
		return r;
	for (;;) {
		if ((r = lineage_look(&family)) != 0)
			break;
		now = lineage_count(&family, keep, n_keep);
		if (now > most)
			most = now;
		if (now == 0)
			break;
		(void)lineage_kill(&family, keep, n_keep);
		reap_children(keep, n_keep);
		if (clock_boot_ms() >= until) {
			r = ERR_AGAIN;
			break;
		}
		/* What was killed is on its way out. */
		(void)poll(NULL, 0, ROUND_MS);
	}
	if (ret_killed != NULL)
		*ret_killed = (uint32_t)most;
	return r;
}
