/*
 * sandbox.h - what holds an approved action: its profile, limits and end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (enter), gate (probe, pens, sweep).
 *
 * A *pen* is what holds all processes of one action so that they can be
 * limited and killed together: on Linux the control groups that the gate makes
 * below its own and that the payload joins.
 */
#ifndef COUNTERSIGN_PLATFORM_SANDBOX_H
#define COUNTERSIGN_PLATFORM_SANDBOX_H

#include "common/plan.h"

#include <stdbool.h>

/* Longest text about what is enforced, with its NUL. */
#define SANDBOX_TEXT_SIZE 256

/* ---- both: what this machine can do ---- */

/* Which profiles can be kept here, and in what words. */
struct sandbox_offer {
	bool observe;
	bool repair;
	bool full;
	char text[SANDBOX_TEXT_SIZE];	/* "cgroup=v1 kill=cgroup …" */
};

/*
 * Finds out what can be enforced, by trying. Only what was tried and held is
 * offered. Never fails: at worst only `full` is offered.
 */
void sandbox_probe(struct sandbox_offer *ret_offer);

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
	int pid;
	uint64_t started_us;	/* boot-time clock */
	bool poll;		/* limits held by looking, not by the kernel */
	int signals;		/* signalfd of SIGCHLD */
	char enforced[SANDBOX_TEXT_SIZE];	/* what really holds */
};

/*
 * Starts the payload of the plan, sandboxed as it says, in a process that has
 * just been exec'd, has one thread and the runner's descriptors. Returns once
 * the interpreter runs. On failure there is no payload, ret_failure says
 * where, and nothing weaker was tried instead. ERR_IO, ERR_UNSUPPORTED.
 */
MUST_CHECK int sandbox_start(const struct plan *p,
    struct sandbox_failure *ret_failure, struct sandbox *ret_s);

/*
 * Waits until the payload ends, the control descriptor reports end of file or
 * a limit is passed; then ends the whole tree (unless survivors are kept), and
 * counts. Always comes to an end if the kernel lets processes die; after 1 s
 * of trying to kill it reports what it has.
 */
void sandbox_wait(struct sandbox *s, const struct plan *p, int control,
    struct sandbox_end *ret_end);

/* ---- gate ---- */

struct pens;	/* where the pens of this gate stand */

/*
 * Finds where pens can be made: below our own control group, on each
 * hierarchy. Where version 2 has controllers that we may hand out, the gate
 * (which must be alone in its group) moves into a leaf of its own first.
 * use = false: make none (tests of what holds without). Never a half result:
 * what cannot be had is left out and shows in pens_text(). ERR_NOMEM.
 */
MUST_CHECK int pens_open(bool use, struct pens **ret_pens);
void pens_close(struct pens *);
/* What the pens can do: "cgroup=v1 kill=cgroup mem=cgroup procs=cgroup". */
const char *pens_text(const struct pens *);

/* The pen of one action: its control group folders. */
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
void pens_name(const struct pens *, const uint8_t card[32],
    enum plan_survivors survivors, struct pen *ret_pen);
/* Makes the folders and writes the limits (0 none). ERR_EXISTS, ERR_IO: what
 * had been made is removed again. */
MUST_CHECK int pen_make(const struct pen *, uint64_t memory_bytes,
    uint32_t processes);
/*
 * Kills all in it and removes it, waiting at most within_ms. ERR_AGAIN some
 * are still dying. *ret_killed (may be NULL) is how many living were found.
 */
int pen_end(const struct pen *, unsigned within_ms, uint32_t *ret_killed);
/* Removes it if empty; one with kept survivors stays. */
void pen_leave(const struct pen *);
/* How often the kernel killed for memory, refused a process; 0 not known. */
void pen_counts(const struct pen *, uint64_t *ret_oom_kills,
    uint64_t *ret_refused_forks);

/*
 * Ends what an earlier gate left: kills and removes every pen that stands
 * where ours do, kept survivors only if kept is true (a lockdown).
 * *ret_killed (may be NULL) as above. ERR_AGAIN some did not die in time.
 */
int pens_sweep(const struct pens *, bool kept, uint32_t *ret_killed);

#endif
