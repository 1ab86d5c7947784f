/*
 * gateclient.h - asking this machine's agent over its control socket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_GATECLIENT_H
#define COUNTERSIGN_AGENT_CLI_GATECLIENT_H

#include "agent/cli/cli.h"
#include "common/control.h"
#include "common/envelope.h"

/* For the tables of options. */
#define GATECLIENT_OPTION { "--socket", "PATH", \
	"the agent's control socket, instead of the usual one" }

/*
 * Called for every DATA of an answer; something else than 0 ends it and is the
 * result.
 */
typedef int gateclient_data(void *arg, struct bytes data);

/*
 * One request. The JSON of OK is appended to ret_json, DATA goes to fn; either
 * may be NULL where none is expected. Complains; CLI_*.
 */
MUST_CHECK int gateclient_ask(const struct args *a,
    const struct control_request *req, struct buf *ret_json,
    gateclient_data *fn, void *arg);

/* Hands in an envelope. The answer's JSON is appended. Complains; CLI_*. */
MUST_CHECK int gateclient_submit(const struct args *a,
    const struct envelope *e, struct buf *ret_json);

#endif
