/*
 * guard.h - what the gate gives up, of what it would not pass on.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * A card of profile full has all that root has, and the gate is what starts
 * its runner: what a child inherits (system calls, Landlock, no_new_privs) the
 * gate cannot give up. secrets_guard_process() is besides.
 */
#ifndef COUNTERSIGN_PLATFORM_GUARD_H
#define COUNTERSIGN_PLATFORM_GUARD_H

#include <stdbool.h>

/* Each is true where it holds from now on. */
struct guard {
	bool capabilities;	/* only those of which it has need */
	bool no_new_code;	/* no memory both written and run, ever */
};

/*
 * Gives up what it can, in a process with one thread. On Linux as root:
 * capabilities but CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID and
 * IPC_LOCK (a program that it starts as root has all again); and, from Linux
 * 6.6 on, memory that is or was writable cannot be made executable, which
 * children do not inherit. Never fails: what cannot be had is false.
 */
void guard_gate(struct guard *ret_g);

#endif
