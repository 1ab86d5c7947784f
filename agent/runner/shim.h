/*
 * shim.h - what a `repair` finds under the name systemctl.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (as a program of the payload).
 */
#ifndef COUNTERSIGN_AGENT_RUNNER_SHIM_H
#define COUNTERSIGN_AGENT_RUNNER_SHIM_H

#include <stdbool.h>

/* Whether this process was started under that name. */
bool shim_is_called(const char *argv0);

/*
 * `systemctl [OPTIONS] VERB UNIT`: asks the broker, prints what the service
 * manager said, and returns its exit code. One unit at a time. VERB: start,
 * stop, restart, reload, status, is-active. OPTIONS:
 * --no-pager, --quiet (-q), --full (-l), --no-ask-password, --system, --.
 * A name without an ending is a service's. 2 for anything else; 69 there is no
 * broker; 77 it is not part of the approved action.
 */
int shim_run(int argc, char **argv);

#endif
