/*
 * sandbox.h - what holds an approved action: its profile, limits and end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (probe, start, wait), gate (pens, sweep).
 *
 * A *pen* is what holds all processes of one action so that they can be
 * limited and killed together: on Linux the control groups that the gate makes
 * below its own and that the payload joins.
 */
#ifndef COUNTERSIGN_PLATFORM_SANDBOX_H
#define COUNTERSIGN_PLATFORM_SANDBOX_H

#include "common/offer.h"
#include "common/plan.h"

#include <stdbool.h>

/*
 * What is enforced, in `enforced` of a result, words with a blank between and
 * always in this order (at most SANDBOX_TEXT_SIZE with the NUL). On Linux:
 *	profile=full|repair|observe
 *	cgroup=v1|v2|v1+v2|none		the pens' hierarchies
 *	kill=				what ends the whole tree:
 *	    pid|pid+cgroup		    its pid namespace
 *	    uid|uid+cgroup		    kill(-1) as its user, who is no
 *					    one else's
 *	    cgroup|walk			    the group at one stroke; by walking
 *					    over our descendants
 *	    none			    survivors are kept
 *	mem=cgroup|rlimit+poll|none	the memory limit: held by the kernel
 *					for the tree; for each process, and the
 *					sum looked at; not asked for
 *	procs=cgroup|rlimit+poll|poll|none	the process limit likewise
 * and for confined profiles:
 *	ns=mnt,ipc,uts			new namespaces: also user, pid, net
 *	mnt=ro				all read-only but what is private or
 *					declared
 *	net=none|view|host
 *	unix=yes|no			whether Unix sockets can be made
 *	caps=none|read|repair		none; CAP_DAC_READ_SEARCH; the six of
 *					`repair`
 *	nnp=yes seccomp=yes
 *	landlock=0…9			the version that holds; 0 none
 * On macOS: cgroup=none; kill=uid|lineage|none (lineage: by the kernel's memory
 * of who made whom); mem=poll|none; procs=poll|rlimit+poll|none; for confined
 * profiles net= and unix=no as above, and seatbelt=yes.
 */

/* ---- runner: what this machine can do ---- */

/*
 * Finds out what can be enforced, by trying, if offer->try_out: each confined
 * profile is entered, and what it is to keep out is attempted from within.
 * Only what was tried and held is offered. With root, `observe` is tried as
 * offer->uid (0: there is no account for it, and it is not offered; nor if
 * somebody runs as it, who would be killed with the trial); without, both are
 * tried in a user namespace. Takes some tens of milliseconds, and
 * forks: for the runner, whose --probe it is. Never fails: at worst only
 * `full` is offered.
 */
void sandbox_probe(struct sandbox_offer *offer);
/*
 * The other half of it: what is run inside. args: as sandbox_probe() gave them
 * to the program `countersign-runner --inside`. Returns its exit code.
 */
int sandbox_inside(int n_args, char **args);

/* ---- runner ---- */

/* The step that failed, and its errno. */
struct sandbox_failure {
	enum plan_step step;
	int error;
};

/* Why the payload ended, as in ENDED. */
enum sandbox_why {
	SANDBOX_ITSELF = 0,
	SANDBOX_STOPPED = 1,	/* the control descriptor was closed */
	SANDBOX_MEMORY = 2,	/* killed for the memory limit */
	SANDBOX_PROCESSES = 3	/* killed for the process limit */
};

/* How it ended. */
struct sandbox_end {
	bool by_signal;
	uint32_t code;		/* exit code or signal */
	enum sandbox_why why;
	uint64_t wall_us;
	uint64_t cpu_us;	/* of all its processes */
	uint64_t max_rss_kb;	/* of the largest of them */
	uint32_t survivors;	/* found alive after the payload's end */
};

/* A running payload. */
struct sandbox {
	int pid;		/* its own, or that of its init */
	int end;		/* tells its end if there is an init, or -1 */
	uint64_t started_us;	/* boot-time clock */
	bool poll;		/* limits held by looking, not by the kernel */
	bool ending;		/* the tree is being killed */
	uint32_t killed;	/* that were reaped since then */
	int signals;		/* signalfd of SIGCHLD */
	char enforced[SANDBOX_TEXT_SIZE];	/* what really holds */
};

/*
 * What serves the payload from outside of its sandbox while it runs (the
 * service broker). Made before sandbox_start(), with a connected pair of
 * sockets; the functions are called by sandbox_wait(), in the runner: host's
 * namespaces, all its rights. Neither may block: what takes time is a child,
 * which the helper starts close-on-exec clean and is told the end of.
 */
struct sandbox_helper {
	int payload_fd;		/* becomes PLAN_FD_BROKER of the payload;
				 * closed in the runner by sandbox_start(),
				 * also on failure, and set to -1 */
	int fds[2];		/* looked at for reading and closing; -1: not.
				 * May change in each call */
	/* One of fds, or both, can be read or was closed by its peer. */
	void (*ready)(void *arg);
	/*
	 * A child of the runner ended (status in waitpid(2)'s form). Whether
	 * it was the helper's. Those that live when the payload ends are
	 * killed with what is left of it.
	 */
	bool (*ended)(void *arg, int pid, int status);
	void *arg;
};

/*
 * Starts the payload of the plan, sandboxed as it says, in a process that has
 * just been exec'd, has one thread and the runner's descriptors. Returns once
 * the interpreter runs. On failure there is no payload, ret_failure says
 * where, and nothing weaker was tried instead. helper: with PLAN_FLAG_SERVICES,
 * else NULL. ERR_IO, ERR_UNSUPPORTED.
 */
MUST_CHECK int sandbox_start(const struct plan *p,
    struct sandbox_helper *helper, struct sandbox_failure *ret_failure,
    struct sandbox *ret_s);

/*
 * Waits until the payload ends, the control descriptor reports end of file or
 * a limit is passed; then ends the whole tree (unless survivors are kept), and
 * counts. Always comes to an end if the kernel lets processes die; after 1 s
 * of trying to kill it reports what it has.
 */
void sandbox_wait(struct sandbox *s, const struct plan *p,
    struct sandbox_helper *helper, int control, struct sandbox_end *ret_end);

/* ---- gate ---- */

/*
 * Kills all that runs as an account of `observe`, at one stroke and without
 * waiting for it to die: what an earlier gate's actions may have left there.
 * Needs root. ERR_USAGE uid 0; ERR_IO; ERR_UNSUPPORTED.
 */
MUST_CHECK int sandbox_sweep(uint32_t uid);

struct pens;	/* where the pens of this gate stand */

/* Longest tag of a gate, with its NUL. */
#define PENS_TAG_SIZE 41

/*
 * Finds where pens can be made: below our own control group, on each
 * hierarchy; each place is tried out. Where version 2 has controllers that we
 * may hand out, the gate (which must be alone in its group) moves into a leaf
 * of its own first, `countersign.gate`; a gate that its service manager has
 * put into a leaf `gate` or `countersign.gate` makes its pens beside it.
 * tag: [a-z0-9-]{1,40}, the same after each start of this gate and not that of
 * another on this machine: it says whose pens are whose. NULL: make none
 * (tests of what holds without). What cannot be had is left out and shows in
 * pens_text(). ERR_NOMEM; ERR_USAGE a tag of another form.
 */
MUST_CHECK int pens_open(const char *tag, struct pens **ret_pens);
/* Frees it; pens that stand stay. NULL is fine. */
void pens_close(struct pens *pens);
/*
 * What the pens do, as it stands at the front of `enforced`:
 * "cgroup=v1 kill=cgroup mem=cgroup procs=cgroup".
 */
const char *pens_text(const struct pens *pens);
/* Whether there is any place for pens. */
bool pens_is_usable(const struct pens *pens);

/* Sets the folders in which pens are made, at most PLAN_CGROUPS_MAX; they live
 * as long as pens. Returns how many. */
size_t pens_folders(const struct pens *pens, const char **ret_folders);

/* The pen of one action: its control groups' folders. */
struct pen {
	struct {
		enum plan_cgroup kind;
		char path[PLAN_PATH_MAX + 1];
	} groups[PLAN_CGROUPS_MAX];
	size_t n;
	uint32_t flags;		/* PLAN_FLAG_MEMORY, PLAN_FLAG_PROCESSES */
};

/*
 * The paths of the pen of that card: a pure function of the card's digest and
 * of where the pens stand, so that a plan can name them before they exist.
 * survivors says whether a sweep leaves it alone.
 */
void pens_name(const struct pens *pens, const uint8_t card[32],
    enum plan_survivors survivors, struct pen *ret_pen);
/*
 * Makes the folders and writes the limits (0 none). On failure what had been
 * made is removed again, and *ret_errno (may be NULL) says why. ERR_EXISTS,
 * ERR_IO.
 */
MUST_CHECK int pen_make(const struct pen *pen, uint64_t memory_bytes,
    uint32_t processes, int *ret_errno);
/*
 * Kills all that are in it, without waiting for them to die. Returns how many
 * there were. A pen that is not there: 0.
 */
uint32_t pen_kill(const struct pen *pen);
/*
 * Removes its folders, with what the action may have made below them. 0 also
 * if there are none; ERR_AGAIN somebody is still in it; ERR_IO.
 */
MUST_CHECK int pen_remove(const struct pen *pen);
/*
 * How often the kernel killed for the memory limit and refused a process for
 * the other; 0 where not known.
 */
void pen_counts(const struct pen *pen, uint64_t *ret_oom_kills,
    uint64_t *ret_refused);

/* Whose pens pens_sweep() ends; bits. */
#define PENS_LEFT 0x1u	/* of actions that an earlier gate ran */
#define PENS_KEPT 0x2u	/* of survivors that were allowed to stay */

/*
 * Kills and removes the pens with our tag of those sorts, and removes empty
 * ones of kept survivors always. Blocks, at most within_ms. *ret_killed (may
 * be NULL) is how many were found, also on failure. ERR_AGAIN some did not die
 * in time; ERR_IO.
 */
int pens_sweep(const struct pens *pens, unsigned which, unsigned within_ms,
    uint32_t *ret_killed);
/* The processes in pens of kept survivors: at most n. Returns how many. */
size_t pens_kept(const struct pens *pens, int *ret_pids, size_t n);

#endif
