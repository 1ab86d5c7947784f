/*
 * pens.c - where an action's control groups stand, making and ending them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/sandbox.h"

#include "platform/clock.h"
#include "platform/linux/cgroup.h"
#include "platform/linux/starter.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The leaf that the gate moves into; and what a service manager's unit file
 * may have named it (DelegateSubgroup=). */
#define LEAF "countersign.gate"
#define LEAF_OF_MANAGER "gate"
/* The digits of a card's digest in a pen's name: 128 bits are enough. */
#define NAME_BYTES 16
#define PREFIX_SIZE (sizeof("countersign..") + PENS_TAG_SIZE)

/* A folder in which pens are made. */
struct place {
	enum plan_cgroup kind;
	char base[PLAN_PATH_MAX + 1];
	bool memory;		/* pens here hold the memory limit */
	bool processes;		/* and the process limit */
	bool kill;		/* and die at one stroke (cgroup.kill) */
};

struct pens {
	char prefix[PREFIX_SIZE];	/* "countersign.<tag>." */
	struct place places[PLAN_CGROUPS_MAX];
	size_t n;
	char text[SANDBOX_TEXT_SIZE];
};

/* ---- finding the places -------------------------------------------------- */

/* Cuts the next word, at c, off the front of *s. NULL at the end. */
static char *
cut(char **s, char c)
{
	char *word = *s, *end;

	if (word == NULL)
		return NULL;
	if ((end = strchr(word, c)) != NULL)
		*end++ = '\0';
	*s = end;
	return word;
}

/* Whether a list with commas has that word. */
static bool
lists(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *p = list;

	while (p != NULL) {
		if (strncmp(p, word, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
		if ((p = strchr(p, ',')) != NULL)
			p++;
	}
	return false;
}

/*
 * Our own group on the hierarchy with that controller (NULL: version 2), as in
 * /proc/self/cgroup: "4:memory:/path", "0::/path".
 */
static bool
find_own(const char *controller, char *ret_path, size_t size)
{
	char line[PLAN_PATH_MAX + 128], *rest, *id, *names;
	bool found = false;
	FILE *f;

	if ((f = fopen("/proc/self/cgroup", "re")) == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		rest = line;
		id = cut(&rest, ':');
		names = cut(&rest, ':');
		if (names == NULL || rest == NULL || strlen(rest) >= size)
			continue;
		found = controller == NULL ? strcmp(id, "0") == 0 :
		    lists(names, controller);
		if (found)
			memcpy(ret_path, rest, strlen(rest) + 1);
	}
	(void)fclose(f);
	return found;
}

/* The part of path below root, or NULL if it is not below it. */
static const char *
below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		return strcmp(path, "/") == 0 ? "" : path;
	if (strncmp(path, root, n) != 0 ||
	    (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path + n;
}

/*
 * A line of /proc/self/mountinfo (proc(5)): if it mounts that hierarchy and
 * shows our own group, that group's folder.
 */
static bool
match_mount(char *line, const char *controller, const char *own,
    char *ret_base, size_t size)
{
	char *rest = line, *root, *where, *type, *options, *dash;
	const char *tail;
	int i, n;

	if ((dash = strstr(line, " - ")) == NULL)
		return false;
	*dash = '\0';
	options = dash + 3;
	type = cut(&options, ' ');
	(void)cut(&options, ' ');
	for (i = 0; i < 3; i++)
		(void)cut(&rest, ' ');
	root = cut(&rest, ' ');
	where = cut(&rest, ' ');
	if (where == NULL || options == NULL || strchr(where, '\\') != NULL)
		return false;
	if (controller == NULL ? strcmp(type, "cgroup2") != 0 :
	    strcmp(type, "cgroup") != 0 || !lists(options, controller))
		return false;
	if ((tail = below(own, root)) == NULL)
		return false;
	n = snprintf(ret_base, size, "%s%s", where, tail);
	return n > 0 && (size_t)n < size;
}

static bool
find_base(const char *controller, char *ret_base, size_t size)
{
	char own[PLAN_PATH_MAX + 1], line[2 * PLAN_PATH_MAX + 512];
	bool found = false;
	FILE *f;

	if (!find_own(controller, own, sizeof(own)))
		return false;
	if ((f = fopen("/proc/self/mountinfo", "re")) == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = match_mount(line, controller, own, ret_base, size);
	}
	(void)fclose(f);
	return found;
}

/* ---- version 2: handing controllers on ----------------------------------- */

/* Whether a list with spaces, as in cgroup.controllers, has that word. */
static bool
has_controller(const char *path, const char *file, const char *word)
{
	char text[512], *rest = text, *name;

	if (cgroup_read(path, file, text, sizeof(text)) != 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	while ((name = cut(&rest, ' ')) != NULL)
		if (strcmp(name, word) == 0)
			return true;
	return false;
}

/* Our starter, if there is one, else ourselves. */
static int
starter(void)
{
	return starter_calls != NULL ? starter_calls->pid() : (int)getpid();
}

/* Whether we, and our starter, are the only processes in that group. */
static bool
is_alone(const char *path)
{
	char text[64], *line, *end;
	long pid;

	if (cgroup_read(path, "cgroup.procs", text, sizeof(text)) != 0)
		return false;
	for (line = text; *line != '\0'; line = end + 1) {
		pid = strtol(line, &end, 10);
		if (*end != '\n' || (pid != getpid() && pid != starter()))
			return false;
	}
	return line != text;
}

/* Puts both into that group. */
static bool
join_both(const char *path)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", starter());
	return cgroup_write(path, "cgroup.procs", text) == 0 &&
	    cgroup_join(PLAN_CGROUP_V2, path) == 0;
}

/*
 * Moves us into a leaf of our own, because a group with processes in it cannot
 * hand controllers on ("no internal processes", cgroups(7)), and hands them
 * on. Back again if that fails.
 */
static bool
hand_on(const char *base)
{
	char leaf[PLAN_PATH_MAX + 1];
	int n = snprintf(leaf, sizeof(leaf), "%s/%s", base, LEAF);

	if (n < 0 || (size_t)n >= sizeof(leaf) || !is_alone(base))
		return false;
	if (mkdir(leaf, 0755) != 0 && errno != EEXIST)
		return false;
	if (join_both(leaf) && cgroup_write(base, "cgroup.subtree_control",
	    "+memory +pids") == 0)
		return true;
	(void)!join_both(base);
	(void)rmdir(leaf);
	return false;
}

/* If base is a leaf made for us, the group above it. */
static void
leave_leaf(char *base)
{
	char *name = strrchr(base, '/');

	if (name != NULL && name != base &&
	    (strcmp(name + 1, LEAF) == 0 ||
	    strcmp(name + 1, LEAF_OF_MANAGER) == 0))
		*name = '\0';
}

static bool
is_handed_on(const char *base)
{
	return has_controller(base, "cgroup.subtree_control", "memory") &&
	    has_controller(base, "cgroup.subtree_control", "pids");
}

/*
 * Sees to it that pens in base have the memory and pids controllers, if that
 * is ours to do: never in the root group, which is everybody's.
 */
static void
open_controllers(char *base)
{
	char above[PLAN_PATH_MAX + 1], own[PLAN_PATH_MAX + 1];

	memcpy(above, base, strlen(base) + 1);
	leave_leaf(above);
	if (strcmp(above, base) != 0 && (is_handed_on(above) ||
	    cgroup_write(above, "cgroup.subtree_control",
	    "+memory +pids") == 0)) {
		memcpy(base, above, strlen(above) + 1);
		return;
	}
	if (is_handed_on(base) || !find_own(NULL, own, sizeof(own)) ||
	    strcmp(own, "/") == 0 ||
	    !has_controller(base, "cgroup.controllers", "memory") ||
	    !has_controller(base, "cgroup.controllers", "pids"))
		return;
	(void)hand_on(base);
}

/* ---- trying a place out -------------------------------------------------- */

/* Makes a pen for trial, looks what it can do, and adds the place if any. */
static void
try_place(struct pens *pens, const struct place *found)
{
	struct place p = *found;
	char trial[PLAN_PATH_MAX + 1];
	bool usable;
	int n = snprintf(trial, sizeof(trial), "%s/%strial", p.base,
	    pens->prefix);

	if (n < 0 || (size_t)n >= sizeof(trial))
		return;
	if (mkdir(trial, 0755) != 0 && errno != EEXIST)
		return;
	p.kill = cgroup_may_write(trial, "cgroup.kill");
	p.memory = cgroup_may_write(trial, p.kind == PLAN_CGROUP_V2 ?
	    "memory.max" : "memory.limit_in_bytes");
	p.processes = cgroup_may_write(trial, "pids.max");
	usable = cgroup_may_write(trial, "cgroup.procs") &&
	    (p.kill || p.memory || p.processes);
	if (rmdir(trial) == 0 && usable)
		pens->places[pens->n++] = p;
}

static bool
any(const struct pens *pens, bool (*is)(const struct place *))
{
	size_t i;

	for (i = 0; i < pens->n; i++)
		if (is(&pens->places[i]))
			return true;
	return false;
}

static bool
is_memory(const struct place *p)
{
	return p->memory;
}

static bool
is_processes(const struct place *p)
{
	return p->processes;
}

static bool
is_kill(const struct place *p)
{
	return p->kill;
}

static bool
is_v1(const struct place *p)
{
	return p->kind != PLAN_CGROUP_V2;
}

static bool
is_v2(const struct place *p)
{
	return p->kind == PLAN_CGROUP_V2;
}

static void
find_places(struct pens *pens)
{
	struct place p;

	p = (struct place){ .kind = PLAN_CGROUP_V2 };
	if (find_base(NULL, p.base, sizeof(p.base))) {
		open_controllers(p.base);
		try_place(pens, &p);
	}
	p = (struct place){ .kind = PLAN_CGROUP_MEMORY };
	if (!any(pens, is_memory) &&
	    find_base("memory", p.base, sizeof(p.base)))
		try_place(pens, &p);
	p = (struct place){ .kind = PLAN_CGROUP_PIDS };
	if (!any(pens, is_processes) &&
	    find_base("pids", p.base, sizeof(p.base)))
		try_place(pens, &p);
}

static bool
is_tag(const char *tag)
{
	size_t n = strlen(tag);

	return n > 0 && n < PENS_TAG_SIZE &&
	    strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

int
pens_open(const char *tag, struct pens **ret_pens)
{
	struct pens *pens;

	if (tag != NULL && !is_tag(tag))
		return ERR_USAGE;
	if ((pens = calloc(1, sizeof(*pens))) == NULL)
		return ERR_NOMEM;
	if (tag != NULL) {
		(void)snprintf(pens->prefix, sizeof(pens->prefix),
		    "countersign.%s.", tag);
		find_places(pens);
	}
	(void)snprintf(pens->text, sizeof(pens->text),
	    "cgroup=%s kill=%s mem=%s procs=%s",
	    any(pens, is_v2) ? any(pens, is_v1) ? "v1+v2" : "v2" :
	    any(pens, is_v1) ? "v1" : "none",
	    any(pens, is_kill) ? "cgroup" : "walk",
	    any(pens, is_memory) ? "cgroup" : "rlimit+poll",
	    any(pens, is_processes) ? "cgroup" :
	    geteuid() == 0 ? "poll" : "rlimit+poll");
	*ret_pens = pens;
	return 0;
}

void
pens_close(struct pens *pens)
{
	free(pens);
}

const char *
pens_text(const struct pens *pens)
{
	return pens->text;
}

bool
pens_is_usable(const struct pens *pens)
{
	return pens->n > 0;
}

size_t
pens_folders(const struct pens *pens, const char **ret_folders)
{
	size_t i;

	for (i = 0; i < pens->n; i++)
		ret_folders[i] = pens->places[i].base;
	return pens->n;
}

/* ---- one pen ------------------------------------------------------------- */

void
pens_name(const struct pens *pens, const uint8_t card[32],
    enum plan_survivors survivors, struct pen *ret_pen)
{
	char hex[2 * NAME_BYTES + 1];
	size_t i;
	int n;

	ret_pen->n = 0;
	ret_pen->flags = 0;
	hex_encode(bytes_of(card, NAME_BYTES), hex);
	for (i = 0; i < pens->n; i++) {
		n = snprintf(ret_pen->groups[ret_pen->n].path,
		    sizeof(ret_pen->groups[0].path), "%s/%s%s.%s",
		    pens->places[i].base, pens->prefix, hex,
		    survivors == PLAN_KEEP ? "keep" : "kill");
		if (n < 0 || (size_t)n >= sizeof(ret_pen->groups[0].path))
			continue;
		ret_pen->groups[ret_pen->n++].kind = pens->places[i].kind;
		if (pens->places[i].memory)
			ret_pen->flags |= PLAN_FLAG_MEMORY;
		if (pens->places[i].processes)
			ret_pen->flags |= PLAN_FLAG_PROCESSES;
	}
}

/* Writes a number to a limit's file. 0 or an errno. */
static int
write_limit(const char *path, const char *file, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	return cgroup_write(path, file, text);
}

/*
 * The limits of one group. Swap would make a memory limit a limit of speed, so
 * there is none; kernels without swap accounting do not have those files.
 */
static int
write_limits(enum plan_cgroup kind, const char *path, uint64_t memory,
    uint32_t processes, uint32_t flags)
{
	int error = 0;

	if (memory > 0 && kind == PLAN_CGROUP_MEMORY) {
		error = write_limit(path, "memory.limit_in_bytes", memory);
		if (error == 0)
			(void)!write_limit(path, "memory.memsw.limit_in_bytes",
			    memory);
	}
	if (memory > 0 && kind == PLAN_CGROUP_V2 &&
	    cgroup_may_write(path, "memory.max")) {
		error = write_limit(path, "memory.max", memory);
		if (error == 0)
			(void)!write_limit(path, "memory.swap.max", 0);
	}
	if (error == 0 && processes > 0 && (flags & PLAN_FLAG_PROCESSES) != 0 &&
	    cgroup_may_write(path, "pids.max"))
		error = write_limit(path, "pids.max", processes);
	return error;
}

int
pen_make(const struct pen *pen, uint64_t memory_bytes, uint32_t processes,
    int *ret_errno)
{
	size_t i;
	int error = 0;

	for (i = 0; i < pen->n && error == 0; i++) {
		if (mkdir(pen->groups[i].path, 0755) != 0) {
			error = errno;
			break;
		}
		error = write_limits(pen->groups[i].kind, pen->groups[i].path,
		    memory_bytes, processes, pen->flags);
		if (error != 0)
			(void)rmdir(pen->groups[i].path);
	}
	if (error == 0)
		return 0;
	if (error != EEXIST)
		while (i-- > 0)
			(void)rmdir(pen->groups[i].path);
	if (ret_errno != NULL)
		*ret_errno = error;
	return error == EEXIST ? ERR_EXISTS : ERR_IO;
}

uint32_t
pen_kill(const struct pen *pen)
{
	uint32_t most = 0, n;
	size_t i;

	/* The same processes are in each of its groups; version 2 is first and
	 * kills at one stroke. */
	for (i = 0; i < pen->n; i++) {
		n = cgroup_kill(pen->groups[i].path);
		if (n > most)
			most = n;
	}
	return most;
}

int
pen_remove(const struct pen *pen)
{
	int r = 0, one;
	size_t i;

	for (i = 0; i < pen->n; i++) {
		one = cgroup_remove(pen->groups[i].path);
		if (one != 0 && r != ERR_AGAIN)
			r = one;
	}
	return r;
}

void
pen_counts(const struct pen *pen, uint64_t *ret_oom_kills,
    uint64_t *ret_refused)
{
	uint64_t oom = 0, refused = 0;
	size_t i;

	for (i = 0; i < pen->n; i++) {
		oom += cgroup_oom_kills(pen->groups[i].kind,
		    pen->groups[i].path);
		refused += cgroup_count(pen->groups[i].path, "pids.events",
		    "max");
	}
	*ret_oom_kills = oom;
	*ret_refused = refused;
}

/* ---- what an earlier gate left ------------------------------------------- */

/* What each_pen() does with the folder of a pen. */
typedef void each(const char *path, bool keeps, void *ctx);

/* Calls fn for each pen with our tag. */
static void
each_pen(const struct pens *pens, each *fn, void *ctx)
{
	char path[PLAN_PATH_MAX + 1];
	const char *ending;
	struct dirent *e;
	size_t i;
	DIR *dir;
	int n;

	for (i = 0; i < pens->n; i++) {
		if ((dir = opendir(pens->places[i].base)) == NULL)
			continue;
		while ((e = readdir(dir)) != NULL) {
			if (strncmp(e->d_name, pens->prefix,
			    strlen(pens->prefix)) != 0)
				continue;
			n = snprintf(path, sizeof(path), "%s/%s",
			    pens->places[i].base, e->d_name);
			ending = strrchr(e->d_name, '.');
			if (n > 0 && (size_t)n < sizeof(path))
				fn(path, strcmp(ending, ".keep") == 0, ctx);
		}
		(void)closedir(dir);
	}
}

struct sweep {
	unsigned which;
	uint64_t until;		/* boot-time clock, ms */
	uint32_t killed;
	int r;
};

/* Waits for a process to end until the sweep's time is up. */
static void
await(int pid, uint64_t until)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };
	uint64_t now = clock_boot_ms();

	if (now >= until)
		return;
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	(void)poll(&p, p.fd >= 0 ? 1 : 0, p.fd >= 0 ? (int)(until - now) : 1);
	if (p.fd >= 0)
		(void)close(p.fd);
}

static void
sweep_one(const char *path, bool keeps, void *ctx)
{
	struct sweep *s = ctx;
	bool end = (s->which & (keeps ? PENS_KEPT : PENS_LEFT)) != 0;
	int pid, r;

	if (end) {
		s->killed += cgroup_kill(path);
		while (clock_boot_ms() < s->until &&
		    cgroup_list(path, &pid, 1) > 0)
			await(pid, s->until);
	}
	/* Kept survivors may have ended by themselves. */
	if (!end && !keeps)
		return;
	r = cgroup_remove(path);
	if (end && r != 0)
		s->r = r;
}

int
pens_sweep(const struct pens *pens, unsigned which, unsigned within_ms,
    uint32_t *ret_killed)
{
	struct sweep s = { .which = which,
	    .until = clock_boot_ms() + within_ms };

	each_pen(pens, sweep_one, &s);
	if (ret_killed != NULL)
		*ret_killed = s.killed;
	return s.r;
}

struct kept {
	int *pids;
	size_t n;
	size_t size;
};

static void
list_kept(const char *path, bool keeps, void *ctx)
{
	struct kept *k = ctx;

	if (keeps)
		k->n += cgroup_list(path, k->pids + k->n, k->size - k->n);
}

size_t
pens_kept(const struct pens *pens, int *ret_pids, size_t n)
{
	struct kept k = { ret_pids, 0, n };

	each_pen(pens, list_kept, &k);
	return k.n;
}
