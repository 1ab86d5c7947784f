/*
 * consoleclient.h - one request to a console's HTTP API.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_CONSOLECLIENT_H
#define COUNTERSIGN_AGENT_CLI_CONSOLECLIENT_H

#include "agent/cli/cli.h"
#include "common/envelope.h"

/* For the tables of options. */
#define CONSOLECLIENT_OPTIONS \
	{ "--console", "URL", "the console, https://HOST[:PORT] or http:// on" \
	    " this machine" }, \
	{ "--token", "FILE", "the file with your token for the console" }, \
	{ "--ca", "FILE", "the authority of its certificate, PEM" }

/* Whether --console was given. */
bool consoleclient_is_meant(const struct args *a);

/*
 * One request; the body may be empty. The answer's body is appended to ret_b,
 * at most its cap. Complains about anything but a 2xx; CLI_* (4: not reached,
 * 3: refused).
 */
MUST_CHECK int consoleclient_ask(const struct args *a, const char *method,
    const char *path, struct bytes body, struct buf *ret_b);

/* Hands in an envelope, to the path that its type has. As above. */
MUST_CHECK int consoleclient_submit(const struct args *a,
    const struct envelope *e, struct buf *ret_b);

#endif
