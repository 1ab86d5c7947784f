/*
 * roots.h - folders and services that a repair may have, on this machine.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * On top of common/writeroot.h's list, which knows no machine, and of the
 * policy's repair_write.
 */
#ifndef COUNTERSIGN_AGENT_GATE_ROOTS_H
#define COUNTERSIGN_AGENT_GATE_ROOTS_H

#include "agent/gate/config.h"
#include "common/action.h"

/*
 * Whether the write roots and services of the action may be given: NULL, or
 * the word to refuse it with, and a text for people (REFUSAL_DETAIL_SIZE):
 *	"needs_full"	a root is, holds or lies below the agent's own folders
 *			or leads there, to a listed one or a home for logins;
 *			or root takes code from it (platform/believed.h); or it
 *			holds what a service runs or reads, or one that comes
 *			along with it, that the action may start or reload;
 *	"write_not_allowed"	there is a symbolic link in its path;
 *	"service_not_allowed"	a service is an alias of another;
 *	"sandbox_unavailable"	there is no service manager.
 * Asks systemd where it has to, for at most 2 s a unit, through the runner's
 * program.
 */
const char *roots_check(const struct config *c, int runner_fd,
    const struct action *a, char ret_detail[REFUSAL_DETAIL_SIZE]);

#endif
