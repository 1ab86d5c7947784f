/*
 * tree.c - the processes of this machine, and ending those that descend from
 * us.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 */
#include "platform/linux/tree.h"

#include "platform/clock.h"
#include "platform/linux/starter.h"
#include "platform/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many as the kernel can have (PID_MAX_LIMIT). */
#define PROCESSES_MAX (4u * 1024 * 1024)
/* How long a round waits for what it killed before it looks again. */
#define ROUND_MS 20

/* Reads a file of /proc into text, with a NUL; false if it has gone. */
static bool
read_text(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	n = read(fd, text, size - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/*
 * /proc/PID/stat: "pid (name) state ppid … ". The name may hold anything, also
 * ") R 1"; what follows its last ')' cannot. Field 20 is how many threads it
 * has, 22 the start.
 */
static bool
read_process(int pid, struct tree_process *ret_p)
{
	struct tree_process p = { .pid = pid };
	char text[1024];
	char *s, *end;
	int field;

	if (!read_text(pid, "stat", text, sizeof(text)) ||
	    (s = strrchr(text, ')')) == NULL || s[1] != ' ' || s[2] == '\0')
		return false;
	s += 2;
	p.zombie = *s == 'Z' || *s == 'X';
	p.parent = (int)strtol(s + 1, &end, 10);
	if (end == s + 1)
		return false;
	for (field = 5, s = end; field <= 22; field++) {
		if (*s != ' ')
			return false;
		p.start = strtoull(s + 1, &end, 10);
		if (field == 20)
			p.threads = (unsigned)p.start;
		/* Some fields are negative; those are passed over too. */
		s = end;
	}
	*ret_p = p;
	return true;
}

static bool
tree_add(struct tree *t, const struct tree_process *p)
{
	struct tree_process *more;
	size_t size;

	if (t->n == t->size) {
		size = t->size > 0 ? 2 * t->size : 256;
		if (size > PROCESSES_MAX ||
		    (more = realloc(t->p, size * sizeof(*more))) == NULL)
			return false;
		t->p = more;
		t->size = size;
	}
	t->p[t->n++] = *p;
	return true;
}

static int
by_pid(const void *a, const void *b)
{
	int x = ((const struct tree_process *)a)->pid;
	int y = ((const struct tree_process *)b)->pid;

	return (x > y) - (x < y);
}

int
tree_read(struct tree *t)
{
	struct tree_process p;
	struct dirent *e;
	char *end;
	DIR *dir;
	long pid;
	int r = 0;

	t->n = 0;
	if ((dir = opendir("/proc")) == NULL)
		return ERR_IO;
	while (r == 0 && (errno = 0, e = readdir(dir)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		pid = strtol(e->d_name, &end, 10);
		if (*end != '\0' || !read_process((int)pid, &p))
			continue;
		if (!tree_add(t, &p))
			r = ERR_NOMEM;
	}
	if (r == 0 && errno != 0)
		r = ERR_IO;
	(void)closedir(dir);
	if (r == 0 && t->n > 0)
		qsort(t->p, t->n, sizeof(*t->p), by_pid);
	return r;
}

void
tree_free(struct tree *t)
{
	free(t->p);
	*t = (struct tree){ NULL, 0, 0 };
}

static const struct tree_process *
find(const struct tree *t, int pid)
{
	const struct tree_process key = { .pid = pid };

	return t->n == 0 ? NULL :
	    bsearch(&key, t->p, t->n, sizeof(*t->p), by_pid);
}

static bool
is_among(int pid, const int *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i] == pid)
			return true;
	return false;
}

size_t
tree_mark(struct tree *t, int root, const int *keep, size_t n_keep)
{
	const struct tree_process *up;
	size_t i, steps, alive = 0;

	for (i = 0; i < t->n; i++) {
		t->p[i].ours = false;
		up = &t->p[i];
		/* A listing that is no one moment's could have a loop in it. */
		for (steps = 0; up != NULL && steps < t->n; steps++) {
			if (is_among(up->pid, keep, n_keep))
				break;
			if (up->parent == root && up->pid != root) {
				t->p[i].ours = true;
				break;
			}
			up = find(t, up->parent);
		}
		if (t->p[i].ours && !t->p[i].zombie)
			alive++;
	}
	return alive;
}

uint64_t
tree_memory(int pid)
{
	unsigned long long resident, shared;
	long page = sysconf(_SC_PAGESIZE);
	char text[128];
	char *end;

	/* "size resident shared …" in pages (proc(5)). */
	if (!read_text(pid, "statm", text, sizeof(text)))
		return 0;
	(void)strtoull(text, &end, 10);
	resident = strtoull(end, &end, 10);
	shared = strtoull(end, &end, 10);
	if (shared >= resident || page <= 0)
		return 0;
	return (uint64_t)(resident - shared) * (uint64_t)page;
}

/* ---- ending them --------------------------------------------------------- */

/*
 * Kills a process of the listing, unless its pid is another process by now: a
 * pidfd holds on to what it is while the listing is checked against it. Our
 * own children need no such care, nobody else can reap them.
 */
static void
kill_listed(const struct tree_process *p)
{
	struct tree_process now;
	long fd;

	if (p->parent == getpid()) {
		(void)kill(p->pid, SIGKILL);
		return;
	}
	fd = syscall(SYS_pidfd_open, p->pid, 0);
	if (read_process(p->pid, &now) && now.start == p->start) {
		if (fd >= 0)
			(void)syscall(SYS_pidfd_send_signal, (int)fd, SIGKILL,
			    NULL, 0);
		else
			(void)kill(p->pid, SIGKILL);
	}
	if (fd >= 0)
		(void)close((int)fd);
}

/* Waits until that child of ours has ended, at most ms. */
static void
await(int pid, unsigned ms)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* Without pidfds: looks again after a moment. */
	(void)poll(&p, p.fd >= 0 ? 1 : 0, p.fd >= 0 ? (int)ms : 1);
	if (p.fd >= 0)
		(void)close(p.fd);
}

/*
 * Kills and reaps once through the listing. Returns how many are still there;
 * *child is one of them that is our own child, or 0.
 */
static size_t
kill_round(struct tree *t, int *child, uint32_t *killed)
{
	size_t i, left = 0;
	int status;
	pid_t self = getpid(), got;

	*child = 0;
	for (i = 0; i < t->n; i++)
		if (t->p[i].ours && !t->p[i].zombie)
			kill_listed(&t->p[i]);
	for (i = 0; i < t->n; i++) {
		if (!t->p[i].ours)
			continue;
		if (t->p[i].parent != self) {
			/* Comes to us when its parent has ended. */
			left++;
			continue;
		}
		got = waitpid(t->p[i].pid, &status, WNOHANG);
		if (got == 0) {
			*child = t->p[i].pid;
			left++;
		} else if (got > 0 && WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGKILL)
			(*killed)++;
	}
	return left;
}

/* Whether we have no children at all, dead or alive: then no descendants. */
static bool
is_childless(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 &&
	    errno == ECHILD;
}

/* The orphan of adopts_already(): says whose child it is. */
__attribute__((noreturn)) static void
tell_parent(int gone, int answer)
{
	char byte;
	int parent;

	/* Until the other end is closed. */
	(void)!read(gone, &byte, 1);
	parent = (int)getppid();
	_exit(write(answer, &parent, sizeof(parent)) ==
	    (ssize_t)sizeof(parent) ? 0 : 1);
}

/*
 * Whether orphans come to us as we are, by making one: whoever started us may
 * have seen to it (it outlives execve(2)).
 */
static bool
adopts_already(void)
{
	int gone[2], answer[2], parent = 0;
	pid_t child;

	if (pipe2(gone, O_CLOEXEC) != 0)
		return false;
	if (pipe2(answer, O_CLOEXEC) != 0) {
		(void)close(gone[0]);
		(void)close(gone[1]);
		return false;
	}
	if ((child = fork()) == 0) {
		if (fork() != 0)
			_exit(0);
		(void)close(gone[1]);
		tell_parent(gone[0], answer[1]);
	}
	/* Once it is reaped its child is another's. */
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	(void)close(gone[1]);
	(void)close(answer[1]);
	if (read(answer[0], &parent, sizeof(parent)) !=
	    (ssize_t)sizeof(parent))
		parent = 0;
	(void)close(gone[0]);
	(void)close(answer[0]);
	/* It is reaped with others. */
	return parent == getpid();
}

int
process_adopt_orphans(void)
{
	/* They are the starter's. */
	if (starter_calls != NULL)
		return 0;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
		return 0;
	/* Emulators do not know the call. */
	return errno == EINVAL && adopts_already() ? 0 : ERR_UNSUPPORTED;
}

void
process_reap_orphans(const int *keep, size_t n_keep)
{
	siginfo_t info;

	if (starter_calls != NULL) {
		starter_calls->reap(keep, n_keep);
		return;
	}
	/* Looks first: a child of somebody else's is not ours to reap. */
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid == 0 || is_among(info.si_pid, keep, n_keep))
			break;
		(void)waitpid(info.si_pid, NULL, WNOHANG);
	}
}

int
process_kill_children(const int *keep, size_t n_keep, unsigned within_ms,
    uint32_t *ret_killed)
{
	uint64_t until = clock_boot_ms() + within_ms, now;
	struct tree t = { NULL, 0, 0 };
	uint32_t killed = 0;
	size_t left = 0;
	int child, r;

	if (starter_calls != NULL)
		return starter_calls->kill_children(keep, n_keep, within_ms,
		    ret_killed);
	for (;;) {
		r = 0;
		if (is_childless() || (r = tree_read(&t)) != 0)
			break;
		(void)tree_mark(&t, getpid(), keep, n_keep);
		left = kill_round(&t, &child, &killed);
		/* Those that were reaped may have left us theirs: look again,
		 * until a listing has none at all. */
		if (left == 0) {
			size_t i;

			for (i = 0; i < t.n && !t.p[i].ours; i++)
				;
			if (i == t.n)
				break;
		}
		now = clock_boot_ms();
		if (now >= until) {
			r = ERR_AGAIN;
			break;
		}
		if (child != 0)
			await(child, until - now < ROUND_MS ?
			    (unsigned)(until - now) : ROUND_MS);
	}
	tree_free(&t);
	if (ret_killed != NULL)
		*ret_killed = killed + (uint32_t)(r == ERR_AGAIN ? left : 0);
	return r;
}
