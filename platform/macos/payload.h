/*
 * payload.h - the payload's process, until it becomes the interpreter.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/macos only.
 */
#ifndef COUNTERSIGN_PLATFORM_MACOS_PAYLOAD_H
#define COUNTERSIGN_PLATFORM_MACOS_PAYLOAD_H

#include "platform/sandbox.h"

/*
 * Takes the steps of the plan's profile in a process that was just forked; does
 * not come back. go: read first, until the runner has noted who we are. tmp:
 * the temporary folder ("" none: `full`). If a step fails, struct
 * sandbox_failure goes to report, which closes by itself when all went well.
 */
__attribute__((noreturn)) void payload_enter(const struct plan *p,
    const char *tmp, int go, int report);

/*
 * What holds, in the words of `enforced`: those of sandbox.h, and for confined
 * profiles net=, unix=no and seatbelt=yes.
 */
void payload_describe(const struct plan *p, char ret_text[SANDBOX_TEXT_SIZE]);
/* Whether its account is nobody else's, so that all of it can be killed. */
bool payload_has_account(const struct plan *p);

#endif
