/*
 * sshsign.h - having ssh-keygen sign, with a key file or through an agent.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_SSHSIGN_H
#define COUNTERSIGN_AGENT_CLI_SSHSIGN_H

#include "agent/cli/cli.h"

/*
 * Runs `ssh-keygen -Y sign -n countersign-approval-v1` over the message; the
 * key is a private key file, or a public one whose other half the user's agent
 * holds. Appends the binary SSHSIG. Complains; CLI_*.
 */
MUST_CHECK int sshsign_message(const char *key, bool use_agent,
    struct bytes message, struct buf *ret_sshsig);

#endif
