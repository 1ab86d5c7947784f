/*
 * cgroup.c - control groups as folders: joining, killing, counting, removing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 *
 * Both versions of the interface look alike from here: a group is a folder,
 * its processes stand in cgroup.procs (cgroups(7)).
 */
#include "platform/linux/cgroup.h"

#include "platform/linux/starter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How deep an action may have nested groups below its own. */
#define DEPTH_MAX 16

static int
open_file(const char *path, const char *file, int flags)
{
	char name[PLAN_PATH_MAX + 64];
	int n = snprintf(name, sizeof(name), "%s/%s", path, file);

	if (n < 0 || (size_t)n >= sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(name, flags | O_CLOEXEC | O_NOFOLLOW);
}

bool
cgroup_may_write(const char *path, const char *file)
{
	char name[PLAN_PATH_MAX + 64];
	int n = snprintf(name, sizeof(name), "%s/%s", path, file);

	return n > 0 && (size_t)n < sizeof(name) && access(name, W_OK) == 0;
}

int
cgroup_write(const char *path, const char *file, const char *text)
{
	int fd = open_file(path, file, O_WRONLY), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		error = errno;
	(void)close(fd);
	return error;
}

int
cgroup_join(enum plan_cgroup kind, const char *path)
{
	int error = ENOENT;

	if (kind != PLAN_CGROUP_V2)
		error = cgroup_write(path, "tasks", "0");
	return error == ENOENT ? cgroup_write(path, "cgroup.procs", "0") :
	    error;
}

int
cgroup_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Puts us into the group through that file of its folder. 0 or an errno. */
static int
write_zero(int folder, const char *file)
{
	int fd = openat(folder, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	int error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, "0", 1) < 0)
		error = errno;
	(void)close(fd);
	return error;
}

int
cgroup_join_at(enum plan_cgroup kind, int folder)
{
	int error = ENOENT;

	if (kind != PLAN_CGROUP_V2)
		error = write_zero(folder, "tasks");
	return error == ENOENT ? write_zero(folder, "cgroup.procs") : error;
}

int
cgroup_fork_at(int folder, unsigned long flags)
{
	struct clone_args args = {
		.flags = (uint64_t)CLONE_INTO_CGROUP | flags,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)(unsigned)folder,
	};

	return (int)syscall(SYS_clone3, &args, sizeof(args));
}

int
cgroup_read(const char *path, const char *file, char *ret_text, size_t size)
{
	int fd = open_file(path, file, O_RDONLY), error = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	if ((n = read(fd, ret_text, size - 1)) < 0)
		error = errno;
	else
		ret_text[n] = '\0';
	(void)close(fd);
	return error;
}

uint64_t
cgroup_count(const char *path, const char *file, const char *word)
{
	char text[1024], *line;
	size_t n = strlen(word);

	if (cgroup_read(path, file, text, sizeof(text)) != 0)
		return 0;
	for (line = text; line != NULL; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, word, n) == 0 && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
	}
	return 0;
}

uint64_t
cgroup_oom_kills(enum plan_cgroup kind, const char *path)
{
	return cgroup_count(path, kind == PLAN_CGROUP_V2 ? "memory.events" :
	    "memory.oom_control", "oom_kill");
}

/* ---- a group and those below it ------------------------------------------ */

/* What walk() does in each group. */
typedef void visit(const char *path, void *ctx);

/* Calls fn for the group and all below it, the lower ones first. */
static void
walk(const char *path, visit *fn, void *ctx, unsigned depth)
{
	char below[PLAN_PATH_MAX + 1];
	struct dirent *e;
	DIR *dir;
	int n;

	if (depth < DEPTH_MAX && (dir = opendir(path)) != NULL) {
		while ((e = readdir(dir)) != NULL) {
			if (e->d_type != DT_DIR || e->d_name[0] == '.')
				continue;
			n = snprintf(below, sizeof(below), "%s/%s", path,
			    e->d_name);
			if (n > 0 && (size_t)n < sizeof(below))
				walk(below, fn, ctx, depth + 1);
		}
		(void)closedir(dir);
	}
	fn(path, ctx);
}

struct list {
	int *pids;
	size_t n;
	size_t size;
	uint32_t all;	/* also those that have no room in pids */
	bool kill;
};

/*
 * Takes the processes of one group. Never init or ourselves, wherever somebody
 * with the right to do so may have put them.
 */
static void
visit_list(const char *path, void *ctx)
{
	struct list *l = ctx;
	char line[32];
	FILE *f;
	long pid;
	int fd;

	if ((fd = open_file(path, "cgroup.procs", O_RDONLY)) < 0)
		return;
	if ((f = fdopen(fd, "r")) == NULL) {
		(void)close(fd);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		pid = strtol(line, NULL, 10);
		if (pid <= 1 || pid == getpid() || (starter_calls != NULL &&
		    pid == starter_calls->pid()))
			continue;
		l->all++;
		if (l->kill)
			(void)kill((pid_t)pid, SIGKILL);
		if (l->n < l->size)
			l->pids[l->n++] = (int)pid;
	}
	(void)fclose(f);
}

size_t
cgroup_list(const char *path, int *ret_pids, size_t n)
{
	struct list l = { .pids = ret_pids, .size = n };

	walk(path, visit_list, &l, 0);
	return l.n;
}

uint32_t
cgroup_kill(const char *path)
{
	struct list l = { .kill = false };

	walk(path, visit_list, &l, 0);
	if (l.all == 0 || cgroup_write(path, "cgroup.kill", "1") == 0)
		return l.all;
	l.kill = true;
	l.all = 0;
	walk(path, visit_list, &l, 0);
	return l.all;
}

static void
visit_remove(const char *path, void *ctx)
{
	int *error = ctx;

	if (rmdir(path) != 0 && errno != ENOENT)
		*error = errno;
}

int
cgroup_remove(const char *path)
{
	int error = 0;

	walk(path, visit_remove, &error, 0);
	if (error == 0)
		return 0;
	return error == EBUSY || error == ENOTEMPTY ? ERR_AGAIN : ERR_IO;
}
