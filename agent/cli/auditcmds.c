/*
 * auditcmds.c - audit verify.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/cli.h"
const struct command commands_audit[] = {
	{ NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
};
