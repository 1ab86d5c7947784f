/*
 * guard.h - what the gate gives up.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * A gate that has a starter (starter.h) starts nothing by itself, and so passes
 * nothing on: it gives up whatever its work does not need. It needs its folder,
 * the pens' control groups and what was opened before. What this does not stop:
 * whoever has taken it over has the device's key and can have a runner run a
 * plan of his own. What it does: files outside of its folders, a network, other
 * programs, most of the kernel.
 */
#ifndef COUNTERSIGN_PLATFORM_GUARD_H
#define COUNTERSIGN_PLATFORM_GUARD_H

#include "platform/sandbox.h"

#include <stdbool.h>

/* What holds from now on. */
struct guard {
	bool starter;		/* another process starts what is started */
	bool capabilities;	/* only those of which it has need */
	bool no_new_code;	/* no memory both written and run, ever */
	bool no_new_privs;
	bool seccomp;		/* a list of the calls that it makes */
	int landlock;		/* the version that holds; 0 none */
};

/* What a confined gate still has of all files. */
struct guard_places {
	const char *state;	/* everything in it */
	const char *socket;	/* only to remove it */
	const struct pens *pens;
};

/*
 * The first step, before anything is read, in a process with one thread: gives
 * up what can be without starter_split(). On Linux as root: capabilities but
 * CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID and IPC_LOCK (a program
 * that it starts as root has all again); and, from Linux 6.6 on, memory that
 * is or was writable cannot be made executable, which children do not inherit;
 * with a starter also no_new_privs. Never fails: what cannot be had is false.
 */
void guard_gate(struct guard *ret_g);

/*
 * The starter's only step: of those, what a program that it starts does not
 * inherit: capabilities, and memory. The same seven: it looks for accounts and
 * programs, and ends processes of others.
 */
void guard_starter(void);

/*
 * The second, once everything is open and before anybody is talked to; only
 * where starter_is_there(), else nothing more happens. On Linux:
 * capabilities but KILL and IPC_LOCK (and DAC_OVERRIDE where pens stand in a
 * topmost control group), Landlock, a filter of system calls.
 * Never fails either; a kernel without one of them has the others.
 */
void guard_confine(const struct guard_places *at, struct guard *io_g);

#endif
