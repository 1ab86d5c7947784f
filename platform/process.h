/*
 * process.h - starting, signalling and reaping child processes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (courier, runner), runner, console, tests.
 *
 * A child gets exactly the descriptors, arguments and environment listed, and
 * nothing else of ours: fork and exec always, never fork alone. In a gate that
 * has a starter (starter.h) these functions ask it: the children are the
 * starter's, which tells of their ends by SIGCHLD too.
 */
#ifndef COUNTERSIGN_PLATFORM_PROCESS_H
#define COUNTERSIGN_PLATFORM_PROCESS_H

#include "common/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where there are no signals, process_kill() ends a process whatever it is
 * given; this is the one to give. */
#ifndef SIGKILL
#define SIGKILL 9
#endif

/* Most descriptors that one child is given, and the highest number. */
#define PROCESS_FDS_MAX 16
#define PROCESS_FD_HIGHEST 63

/*
 * What a child of the gate is, in the words of its starter, which runs nothing
 * else: with which program and option is known to it. NONE is only for those
 * who start children themselves.
 */
enum process_role {
	PROCESS_NONE,
	PROCESS_COURIER,
	PROCESS_RUNNER,
	PROCESS_PROBE,		/* the runner with --probe [UID GID] */
	PROCESS_SHOW		/* the runner with --show UNIT */
};

/* In the child, number `child` is a copy of our descriptor `parent`. */
struct process_fd {
	int child;
	int parent;
};

struct process_spec {
	enum process_role role;
	/*
	 * What to run: the file open at exec_fd (program.h), or where that is
	 * -1 the absolute path, taken as it is: the caller has checked it.
	 */
	int exec_fd;
	const char *path;
	const char *const *argv;	/* ends in NULL, argv[0] too */
	const char *const *envp;	/* ends in NULL; NULL: empty */
	/* Any order, each child number once. 0, 1, 2 not named: /dev/null. */
	const struct process_fd *fds;
	size_t n_fds;
	bool new_session;		/* setsid: no terminal, own group */
	/*
	 * On Windows, if we are SYSTEM: the account under whose token the child
	 * runs, because it cannot become another one by itself. Elsewhere it is
	 * not looked at (privileges_drop()). NULL: ours.
	 */
	const char *user;
};

/* A child of ours. */
struct process {
	int pid;	/* > 0; 0 none or reaped */
	int pidfd;	/* readable once it ended; -1 kernel has none */
};

/* How a child ended. */
struct process_end {
	bool by_signal;
	int code;		/* exit code, or the signal's number */
	uint64_t cpu_us;	/* user and system time, its reaped children's
				 * included */
	uint64_t max_rss_kb;	/* largest resident set of it or one of them */
};

/*
 * Starts a child: listed descriptors only (all others closed), every signal at
 * its default and unblocked, own session where asked. Returns once the program
 * runs or could not be run. Safe in a process with threads; the memory of a
 * large parent is not copied (vfork semantics).
 *
 * ERR_USAGE a spec that cannot be (too many descriptors, one twice or out of
 * range, no argv, relative path); ERR_IO pipe, fork or exec failed: then
 * *ret_errno (may be NULL) is the errno, and there is no child. ret_p is
 * untouched on failure. On success the caller reaps it with process_wait().
 */
MUST_CHECK int process_start(const struct process_spec *spec, int *ret_errno,
    struct process *ret_p);

/*
 * Sends a signal, through the pidfd where there is one; never to a process
 * that was reaped. 0 also if it has ended and was not reaped. ERR_NOT_FOUND
 * reaped; ERR_IO refused.
 */
int process_kill(const struct process *p, int signal);

/*
 * Reaps the child without waiting for it: 0 and how it ended (ret_end may be
 * NULL), pid and pidfd are then reset and the pidfd is closed; ERR_AGAIN it
 * still runs; ERR_NOT_FOUND not ours or reaped already.
 */
MUST_CHECK int process_wait(struct process *p, struct process_end *ret_end);

/* As process_wait(), but waits until it ends. For shutdown and tests. */
MUST_CHECK int process_wait_end(struct process *p,
    struct process_end *ret_end);

/*
 * Orphans among our descendants become our children, not init's, from now on
 * (PR_SET_CHILD_SUBREAPER), so that process_kill_children() finds them.
 * ERR_UNSUPPORTED.
 */
MUST_CHECK int process_adopt_orphans(void);

/*
 * Reaps children that have ended, so that adopted orphans do not stay as
 * zombies; stops at one of `keep`, whose owner reaps it. Does not wait.
 */
void process_reap_orphans(const int *keep, size_t n_keep);

/*
 * Kills (SIGKILL) and reaps every descendant but the `keep` processes and what
 * descends from them, again and again until none is left or within_ms passed.
 * Call process_adopt_orphans() first. *ret_killed (may be NULL) is how many
 * living ones there were; set also on failure. ERR_AGAIN some are left (in the
 * kernel, or multiplying faster); ERR_IO the process list cannot be read.
 */
int process_kill_children(const int *keep, size_t n_keep, unsigned within_ms,
    uint32_t *ret_killed);

#endif
