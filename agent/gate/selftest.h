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

/*
 * `countersignd selftest`: the same, and what the runner's probe finds that
 * each profile really enforces on this machine: a line for each layer, then
 * one for each profile. Returns the exit code: 0; 1 a layer was tried and did
 * not hold, or nothing could be tried.
 */
struct config;
int selftest_report(const struct config *c);

#endif
