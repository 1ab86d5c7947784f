/*
 * execution.h - the inside of the executor: what its two files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#ifndef COUNTERSIGN_AGENT_GATE_EXECUTION_H
#define COUNTERSIGN_AGENT_GATE_EXECUTION_H

#include "agent/gate/executor.h"

#include "common/wire.h"
#include "platform/process.h"

/* Most processes that a sweep is told to leave alone. */
#define EXECUTOR_PIDS 4096
/* Read at once from a pipe; the journal's frames have the same size. */
#define EXECUTOR_READ 65536

struct executor {
	uv_loop_t *loop;
	uv_poll_t child;	/* events.h: a child has ended */
	int child_fd;
	struct pens *pens;
	struct sandbox_offer offer;
	struct execution *first;
	size_t (*keep)(void *user, int *ret_pids, size_t n);
	void *user;
	int runner_fd;
	int steward;	/* runs service scripts; -1 none */
	/* One for all: a read is handed on before the next one. */
	char buffer[EXECUTOR_READ];
};

/* A pipe from the runner: its output streams and its status. */
enum { PIPE_OUT, PIPE_ERR, PIPE_STATUS, PIPES };

struct source {
	struct execution *of;
	uv_pipe_t pipe;
	bool open;		/* end of file not seen */
	uint64_t bytes;
};

/* Why it was stopped from here: what came first. */
enum stop { STOP_NONE, STOP_ASKED, STOP_DEADLINE };

struct execution {
	struct executor *ex;
	struct execution *next;
	struct exec_callbacks cb;
	void *user;

	struct process runner;
	struct pen pen;
	int control;		/* closing it stops the runner; -1 closed */
	struct source sources[PIPES];
	uv_timer_t timer;	/* grace, and looking again whether all died */
	uv_poll_t deadline;
	int deadline_fd;
	bool has_deadline;	/* `deadline` is a handle of the loop */
	unsigned handles;	/* of the loop, not yet closed */

	struct wire_in status;
	enum wire_exec_state state;
	struct wire_ended ended;
	struct wire_failed failed;
	bool has_ended;		/* which of the two came */
	bool has_failed;
	bool violation;		/* it sent what it may not */
	enum stop why;
	bool keeps;		/* survivors may stay */
	uint32_t observer;	/* the account that is its own; 0 none */
	bool started;		/* on_started was called */
	bool exited;		/* the runner was reaped */
	bool killed;		/* it was told to die */
	bool done;		/* on_end was called */
	uint32_t swept;		/* killed from here */
	uint64_t started_ms;	/* boot-time clock */
	uint64_t give_up_ms;	/* when waiting for the dead ends */
	const char *trouble;	/* what failed before there was a runner */
	int trouble_errno;
	char enforced[SANDBOX_TEXT_SIZE];
	char detail[256];
};

/* The running runners and what the caller keeps: at most n. */
size_t executor_known(const struct executor *ex, int *ret_pids, size_t n);
/* Kills our descendants but those and, unless kept, the kept survivors. */
int executor_kill_orphans(struct executor *ex, bool kept, unsigned within_ms,
    uint32_t *ret_killed);
/* Reaps orphans that have ended by themselves. */
void executor_reap_orphans(struct executor *ex);
/* Looks whether the runner has ended, and goes on if so. */
void execution_reap(struct execution *e);

#endif
