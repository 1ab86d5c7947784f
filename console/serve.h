/*
 * serve.h - the console as a service: everything put together.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#ifndef COUNTERSIGN_CONSOLE_SERVE_H
#define COUNTERSIGN_CONSOLE_SERVE_H

#include "console/settings.h"
#include "console/store/store.h"

/* Where a running console says which ports it has. */
#define SERVE_LISTEN_FILE "listen.json"

/*
 * Serves until SIGTERM or SIGINT. json: says where it listens as JSON. Returns
 * the exit code; what went wrong was printed.
 */
int serve(const struct settings *settings, struct store *store, bool json);

/*
 * The agents' port of the console that serves, or served last, from these
 * settings. ERR_NOT_FOUND if none has; doc.h's errors.
 */
MUST_CHECK int serve_agents_port(const struct settings *settings,
    uint16_t *ret_port);

#endif
