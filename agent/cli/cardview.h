/*
 * cardview.h - a card whole, as a person has to see it before they approve.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_CARDVIEW_H
#define COUNTERSIGN_AGENT_CLI_CARDVIEW_H

#include "agent/cli/cli.h"
#include "common/card.h"
#include "common/policy.h"

/* What the card itself says, on stdout, everything escaped. */
void cardview_card(const struct card *c);
/* The same with what the policy and the people make of it. */
void cardview_reviewed(const struct card *c, const struct verdict *v,
    const struct device_entry *device, struct bytes proposer);

/* "name        text", the text escaped. */
void cardview_line(const char *name, struct bytes text);

#endif
