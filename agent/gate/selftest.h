/*
 * selftest.h - the agent tries its own checks before it trusts them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_SELFTEST_H
#define COUNTERSIGN_AGENT_GATE_SELFTEST_H

#include "common/error.h"

#include <stdio.h>

/*
 * What must be accepted is, and what must be refused is: a known signature and
 * the same with one bit changed, a known approval by its key and by another, a
 * replay of a card that has run. 0, or 1 after saying which check failed; then
 * the agent must not start.
 */
MUST_CHECK int selftest_run(FILE *why);

/* `countersignd selftest`: the same, and what can be enforced here, printed.
 * Returns the exit code. */
int selftest_report(void);

#endif
