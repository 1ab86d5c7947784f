/*
 * policy_args.h - checking a card's arguments against a tool's.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_POLICY_ARGS_H
#define COUNTERSIGN_COMMON_POLICY_ARGS_H

#include "common/policy.h"

/*
 * NULL if the card's arguments are exactly the tool's and each is of its type;
 * else a static text for people, and the name of the argument that it is
 * about, which may be empty and points into the tool.
 */
const char *policy_args_check(const struct policy_tool *t,
    const struct card *c, struct bytes *ret_name);

#endif
