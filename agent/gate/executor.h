/*
 * executor.h - runs one approved action through a runner and reports its end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * A plan and a script's text go in, callbacks on the loop come out. The
 * executor knows no card, journal or policy: the caller records its intent
 * first, then starts. Whatever happens to the runner, on_end comes once.
 */
#ifndef COUNTERSIGN_AGENT_GATE_EXECUTOR_H
#define COUNTERSIGN_AGENT_GATE_EXECUTOR_H

#include "common/bytes.h"
#include "common/plan.h"
#include "platform/sandbox.h"

#include <uv.h>

/* How long a stop waits for the runner before it is killed; and how long
 * output may stay open after the runner's end. */
#define EXECUTOR_GRACE_MS 2000u

struct executor;	/* what all runs share */
struct execution;	/* one run */

struct executor_config {
	uv_loop_t *loop;	/* outlives the executor */
	int runner_fd;		/* the runner, opened at start (program.h);
				 * outlives the executor */
	/*
	 * What tells this gate's control groups from another's on this
	 * machine, the same after each start: the path of its state folder. A
	 * hash of it stands in their names. NULL only in tests: none are made
	 * then, limits are held by looking and the kill by walking.
	 */
	const char *name;
	/*
	 * Children of this process besides the runners, which a sweep must not
	 * kill and nobody else may reap: the courier. Every one, always; asked
	 * each time. NULL none. Sets at most n, returns how many.
	 */
	size_t (*keep)(void *user, int *ret_pids, size_t n);
	void *user;
	/* steward_start()'s, which is the executor's from here on; 0 none. */
	int steward;
};

enum exec_end {
	EXEC_FINISHED,		/* the payload ended by itself */
	EXEC_TIMED_OUT,		/* its deadline passed */
	EXEC_KILLED,		/* stopped, or ended for a limit */
	EXEC_FAILED_TO_START	/* the interpreter never ran, for certain */
};

/*
 * How a run ended. A runner that died before it reported the start leaves open
 * whether the interpreter ran: that is EXEC_KILLED, and not `started`.
 * Pointers live until on_end returns. `reason` is NULL or one of: "deadline",
 * "stopped" (execution_stop; the caller knows why), "oom", "limit",
 * "sandbox_error" (FAILED; detail has step and errno), "runner_start" (no
 * runner), "runner_died", "child_violation" (it sent what it may not; record
 * that too).
 */
struct exec_outcome {
	enum exec_end end;
	const char *reason;
	const char *detail;	/* short text for people, or NULL */
	bool started;		/* on_started was called */
	bool has_exit_code;
	bool has_signal;
	uint32_t exit_code;
	uint32_t signal;
	uint64_t wall_ms;
	uint64_t cpu_ms;
	uint64_t max_rss_kb;
	uint64_t stdout_bytes;	/* all that came */
	uint64_t stderr_bytes;
	uint32_t survivors;	/* killed (or kept) after the payload's end */
	const char *enforced;	/* what held, "" if it did not start */
};

/*
 * Callbacks, all on the loop and never from within executor_start() or
 * execution_stop(). on_output gets bytes of stream 1 or 2, at most 64 KiB, and
 * the ms since the start; nothing more is read before it returns, so that a
 * slow journal slows the payload and memory stays bounded. on_started comes
 * first, but not at all if the payload killed its runner before that could
 * report it; its output comes all the same. After on_end the execution is gone.
 */
struct exec_callbacks {
	void (*on_started)(void *user, uint32_t pid, const char *enforced);
	void (*on_output)(void *user, int stream, uint64_t ms,
	    struct bytes data);
	void (*on_end)(void *user, const struct exec_outcome *o);
	/* What the runner keeps open until it ends (identities.h), or 0. */
	int held;
};

/*
 * Prepares for runs: adopts orphans, finds where pens can stand. Nothing is
 * started and nothing swept. Before any child is started (but the steward,
 * which goes away from us), because on cgroup version 2 the gate may have to
 * move into a group of its own first.
 * digest_init() comes before. ERR_NOMEM, ERR_IO, ERR_UNSUPPORTED.
 */
MUST_CHECK int executor_open(const struct executor_config *cfg,
    struct executor **ret_ex);
/* Closes it and frees it once the loop has run again; every execution must
 * have ended. NULL is fine. */
void executor_close(struct executor *ex);

/*
 * Which profiles can be kept, and in what words. Until it is set (the probe has
 * to end first, offers.h): only `full`.
 */
void executor_set_offer(struct executor *ex, const struct sandbox_offer *o);
const struct sandbox_offer *executor_offer(const struct executor *ex);

/* Where its pens stand; owned by it. */
const struct pens *executor_places(const struct executor *ex);

/* Whether actions here can have services: where these are scripts, somebody has
 * to run them (steward.h). */
bool executor_has_services(const struct executor *ex);

/* What holds a run together here, in the words of `enforced`. */
const char *executor_pens(const struct executor *ex);

/*
 * Kills what an earlier gate left behind (its pens; on top, orphans of ours).
 * At start, before anything runs; with kept also survivors that an action was
 * allowed to keep: on a lockdown, then after execution_stop() of what runs,
 * whose pens it leaves alone. Blocks until they are dead, at most 4 s.
 * *ret_killed (may be NULL) is set also on failure. ERR_AGAIN some would not
 * die; ERR_IO.
 */
int executor_sweep(struct executor *ex, bool kept, uint32_t *ret_killed);

/*
 * Completes the plan with what only the executor knows (pen, flags) and
 * appends its bytes to ret_bytes: what the intent's digest is made over, and
 * what executor_start() takes. p->card is set by the caller, and each card is
 * run once. ERR_UNSUPPORTED survivors are to be kept and nothing here can hold
 * them; plan_encode()'s errors.
 */
MUST_CHECK int executor_prepare(struct executor *ex, const struct plan *p,
    struct buf *ret_bytes);

/*
 * Starts the run. plan: from executor_prepare(). script: the text for the
 * interpreter (kept in a sealed memory file), used if the plan says so.
 * timeout_ms: from now, on the boot-time clock. After 0, on_end will come,
 * also where the runner cannot be started; after an error nothing happened:
 * ERR_NOMEM, ERR_SYNTAX the plan does not read, ERR_RANGE no timeout.
 * The execution belongs to the executor; the pointer is good until on_end.
 */
MUST_CHECK int executor_start(struct executor *ex, struct bytes plan,
    struct bytes script, uint64_t timeout_ms,
    const struct exec_callbacks *cb, void *user, struct execution **ret_e);

/*
 * Stops it in two stages: closes the control pipe, so that the runner ends the
 * tree and reports; after EXECUTOR_GRACE_MS kills the runner and ends the tree
 * from here. The end comes through on_end: EXEC_KILLED, "stopped" (or as it
 * had ended by then). Idempotent.
 */
void execution_stop(struct execution *e);

#endif
