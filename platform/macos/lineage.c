/*
 * lineage.c - who descends from a process, also after their parents' end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner.
 */
#include "platform/macos/lineage.h"

#include "platform/clock.h"

#include <errno.h>
#include <libproc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * bsd/sys/proc_info_private.h of XNU: flavour 17 of proc_pidinfo(), which every
 * process may ask of every other. Not in the public headers; the size is what
 * the kernel checks.
 */
#define UNIQUE_FLAVOR 17
struct unique_info {
	uint8_t image[16];	/* UUID of the executable */
	uint64_t id;		/* this process's number */
	uint64_t parent_id;	/* of the one that made it, for good */
	int32_t version;
	int32_t parent_version;
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct unique_info) == 56, "as the kernel has it");

/* More processes than a Mac can have (kern.maxproc). */
#define PIDS_MAX 100000
/* How long a round of killing waits before it looks again. */
#define ROUND_MS 10

static bool
read_unique(int pid, struct unique_info *ret_u)
{
	return proc_pidinfo(pid, UNIQUE_FLAVOR, 0, ret_u, sizeof(*ret_u)) ==
	    (int)sizeof(*ret_u);
}

/* ---- the set ------------------------------------------------------------- */

/* Where id stands in the sorted set, or would. */
static size_t
place_of(const struct lineage *l, uint64_t id)
{
	size_t low = 0, high = l->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (l->kin[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct kin *
find(const struct lineage *l, uint64_t id)
{
	size_t i = place_of(l, id);

	return i < l->n && l->kin[i].id == id ? &l->kin[i] : NULL;
}

static int
add(struct lineage *l, const struct kin *k)
{
	size_t i = place_of(l, k->id), size;
	struct kin *more;

	if (l->n == l->size) {
		size = l->size > 0 ? 2 * l->size : 64;
		if ((more = realloc(l->kin, size * sizeof(*more))) == NULL)
			return ERR_NOMEM;
		l->kin = more;
		l->size = size;
	}
	memmove(l->kin + i + 1, l->kin + i, (l->n - i) * sizeof(*l->kin));
	l->kin[i] = *k;
	l->n++;
	return 0;
}

/*
 * Forgets those that have ended and from whom nobody descends who lives: they
 * can make no more children, and a listing has just shown all they had.
 */
static void
prune(struct lineage *l)
{
	struct kin *k;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		if (l->kin[i].alive || l->kin[i].id == l->root)
			for (k = &l->kin[i]; k != NULL && !k->needed;
			    k = find(l, k->parent))
				k->needed = true;
	for (i = 0; i < l->n; i++)
		if (l->kin[i].needed) {
			l->kin[i].needed = false;
			l->kin[n++] = l->kin[i];
		}
	l->n = n;
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

/* Whether it lives, is not the root, and no `keep` process stands above it. */
static bool
is_meant(const struct lineage *l, const struct kin *k, const int *keep,
    size_t n_keep)
{
	size_t steps;

	if (!k->alive || k->id == l->root)
		return false;
	/* A parent's number is always the lower one; the count is for a kernel
	 * that breaks that. */
	for (steps = 0; k != NULL && steps <= l->n; steps++) {
		if (k->id == l->root)
			return true;
		if (k->alive && is_among(k->pid, keep, n_keep))
			return false;
		k = find(l, k->parent);
	}
	return false;
}

int
lineage_begin(struct lineage *l, int root, int queue)
{
	struct kin first = { .pid = root, .alive = true };
	struct unique_info u;

	*l = (struct lineage){ .queue = queue };
	if (!read_unique(root, &u))
		return errno == ESRCH ? ERR_NOT_FOUND : ERR_IO;
	l->root = first.id = u.id;
	first.parent = u.parent_id;
	return add(l, &first);
}

void
lineage_end(struct lineage *l)
{
	free(l->kin);
	*l = (struct lineage){ .queue = -1 };
}

/* ---- looking ------------------------------------------------------------- */

/* All processes of that kind, to be freed, *ret_n of them; or NULL. */
static int *
list_pids(uint32_t type, uint32_t which, size_t *ret_n)
{
	int bytes = proc_listpids(type, which, NULL, 0);
	int *pids;

	if (bytes <= 0 || (size_t)bytes > PIDS_MAX * sizeof(int))
		return NULL;
	/* Room for those that begin meanwhile. */
	bytes += 128 * (int)sizeof(int);
	if ((pids = calloc(1, (size_t)bytes)) == NULL)
		return NULL;
	bytes = proc_listpids(type, which, pids, bytes);
	if (bytes < 0) {
		free(pids);
		return NULL;
	}
	*ret_n = (size_t)bytes / sizeof(int);
	return pids;
}

/* One that has ended meanwhile cannot be watched: no matter. */
static void
watch(const struct lineage *l, int pid)
{
	struct kevent e;

	EV_SET(&e, (uintptr_t)pid, EVFILT_PROC, EV_ADD | EV_CLEAR,
	    NOTE_FORK | NOTE_EXIT, 0, NULL);
	if (l->queue >= 0)
		(void)kevent(l->queue, &e, 1, NULL, 0, NULL);
}

/*
 * One pass over a listing: a child may stand before its parent in it, so the
 * caller goes on until a pass finds nobody new.
 */
static int
pass(struct lineage *l, const int *pids, size_t n, bool *ret_found)
{
	struct kin fresh = { .alive = true };
	struct unique_info u;
	struct kin *k;
	size_t i;
	int r = 0;

	*ret_found = false;
	for (i = 0; i < n && r == 0; i++) {
		if (pids[i] <= 1 || !read_unique(pids[i], &u))
			continue;
		if ((k = find(l, u.id)) != NULL) {
			k->alive = true;
			k->pid = pids[i];
			continue;
		}
		fresh.id = u.id;
		fresh.parent = u.parent_id;
		fresh.pid = pids[i];
		if (find(l, u.parent_id) == NULL) {
			if (l->session == 0 || getsid(pids[i]) != l->session)
				continue;
			fresh.parent = l->root;
		}
		if ((r = add(l, &fresh)) == 0)
			watch(l, pids[i]);
		*ret_found = true;
	}
	return r;
}

int
lineage_look(struct lineage *l)
{
	bool found = true;
	size_t n = 0, i;
	int *pids, r = 0;

	while (found && r == 0) {
		if ((pids = list_pids(PROC_ALL_PIDS, 0, &n)) == NULL)
			return ERR_IO;
		for (i = 0; i < l->n; i++)
			l->kin[i].alive = false;
		r = pass(l, pids, n, &found);
		free(pids);
	}
	if (r == 0)
		prune(l);
	return r;
}

size_t
lineage_count(const struct lineage *l, const int *keep, size_t n_keep)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		n += is_meant(l, &l->kin[i], keep, n_keep);
	return n;
}

uint64_t
lineage_memory(const struct lineage *l)
{
	struct rusage_info_v2 info;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < l->n; i++)
		if (is_meant(l, &l->kin[i], NULL, 0) &&
		    proc_pid_rusage(l->kin[i].pid, RUSAGE_INFO_V2,
		    (rusage_info_t *)&info) == 0)
			sum += info.ri_phys_footprint;
	return sum;
}

size_t
lineage_kill(const struct lineage *l, const int *keep, size_t n_keep)
{
	struct unique_info u;
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		/* The pid may be somebody else's by now. */
		if (is_meant(l, &l->kin[i], keep, n_keep) &&
		    read_unique(l->kin[i].pid, &u) && u.id == l->kin[i].id &&
		    kill(l->kin[i].pid, SIGKILL) == 0)
			n++;
	return n;
}

/* ---- an account's ------------------------------------------------------- */

static size_t
count_account(uint32_t uid)
{
	size_t n = 0, i, living = 0;
	int *pids = list_pids(PROC_RUID_ONLY, uid, &n);

	if (pids == NULL)
		return 0;
	for (i = 0; i < n; i++)
		living += pids[i] > 1;
	free(pids);
	return living;
}

/*
 * kill(-1) reaches all that the caller may signal but itself: as that account,
 * all of that account, at one stroke.
 */
int
lineage_kill_account(uint32_t uid)
{
	int status;
	pid_t pid;

	if (uid == 0)
		return ERR_USAGE;
	if ((pid = fork()) < 0)
		return ERR_IO;
	if (pid == 0) {
		if (setuid(uid) != 0 || getuid() != uid ||
		    geteuid() != uid)
			_exit(1);
		_exit(kill(-1, SIGKILL) == 0 || errno == ESRCH ? 0 : 2);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return ERR_IO;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ERR_IO;
}

int
lineage_sweep_account(uint32_t uid, unsigned within_ms, uint32_t *ret_killed)
{
	uint64_t until = clock_boot_ms() + within_ms;
	int r;

	*ret_killed = (uint32_t)count_account(uid);
	/* Also where none was seen: one may be on its way. */
	do {
		/* One of theirs may have killed the one who was to kill. */
		r = lineage_kill_account(uid);
		if (count_account(uid) == 0)
			return 0;
		/* What was killed is on its way out. */
		(void)poll(NULL, 0, ROUND_MS);
	} while (clock_boot_ms() < until);
	return r != 0 ? r : ERR_AGAIN;
}
