/*
 * approving.h - approving, denying and cancelling cards.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_APPROVING_H
#define COUNTERSIGN_AGENT_CLI_APPROVING_H

#include "agent/cli/cli.h"

/* `countersign card cancel` */
extern const struct option approving_cancel_options[];
int approving_cancel(const struct args *a);

#endif
