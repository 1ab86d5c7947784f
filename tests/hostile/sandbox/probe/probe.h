/*
 * probe.h - one thing that an approved command might try.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests (as a payload, and unconfined for comparison).
 *
 * Each probe does one forbidden thing in its harmless form: what it opens it
 * does not write to, a clock is set to what it shows, a signal is SIGCONT. It
 * returns 0 if it could, else the errno that stopped it. It runs in a process
 * of its own, so it may also be killed for it.
 */
#ifndef COUNTERSIGN_TESTS_HOSTILE_SANDBOX_PROBE_H
#define COUNTERSIGN_TESTS_HOSTILE_SANDBOX_PROBE_H

#include <stddef.h>

struct probe {
	const char *group;
	const char *name;
	int (*run)(void);
};

/* A fact of the fixture ("secret", a path); ends the probe if it has none. */
const char *fact(const char *name);
long fact_number(const char *name);

/* 0, or errno of the call that failed. */
int outcome(long r);
/* Opens it with these flags, closes it again. */
int try_open(const char *path, int flags);
/* The same, and removes what it has made: O_CREAT is added. */
int try_make(const char *path);
/* A path below a fact's: "folder", "x" -> /opt/…/folder/x. */
const char *below(const char *name, const char *rest);

extern const struct probe file_probes[], identity_probes[], process_probes[],
    kernel_probes[], mount_probes[], network_probes[], host_probes[],
    share_probes[];

#endif
