/*
 * observers.h - the accounts under which cards that only look are run.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * One for each card that runs, so that all that runs as it can be killed at one
 * stroke. The package makes them; packaging/systemd/countersign.sysusers.
 */
#ifndef COUNTERSIGN_PLATFORM_OBSERVERS_H
#define COUNTERSIGN_PLATFORM_OBSERVERS_H

#include "common/bytes.h"

#include <stdbool.h>

/* How many there are; as many such cards run at once. */
#define OBSERVERS 4

/* The name of number i, from 0; NULL where this system has no such thing. */
const char *observers_name(unsigned i);
/* What a person types to make all of them. */
const char *observers_command(void);
/* The number that the package gives to number i; 0: what the system gives. */
uint32_t observers_number(unsigned i);
/*
 * Whether only the account itself can have that number. All that runs under it
 * is killed when a card ends, and that reaches into the containers of this
 * machine: so no number that systems and images give out by themselves (below
 * 65536), and none of the ranges that user namespaces are given (subuid(5)).
 */
bool observers_is_apart(uint32_t uid);
/* The same, with the ranges' file. Pure. */
bool observers_is_outside(uint32_t uid, struct bytes subuid);
/*
 * Keeps number i from other agents of this machine, for as long as the
 * descriptor is open: they would kill one another's cards. Needs root.
 * ERR_EXISTS another has it; ERR_IO; ERR_UNSUPPORTED.
 */
MUST_CHECK int observers_hold(unsigned i, int *ret_fd);
/*
 * The same for any of those whose bit is set in `which`; waits at most wait_ms
 * until another agent of this machine lets one go. ERR_EXISTS none was let go.
 */
MUST_CHECK int observers_hold_any(unsigned which, unsigned wait_ms,
    unsigned *ret_i, int *ret_fd);
/* Lets it go; sets *fd to -1. Idempotent. */
void observers_release(int *fd);

#endif
