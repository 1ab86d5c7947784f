/*
 * api.h - the HTTP API, on the loop of the console.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#ifndef COUNTERSIGN_CONSOLE_API_API_H
#define COUNTERSIGN_CONSOLE_API_API_H

#include "console/console.h"

struct api;

/*
 * Listens. What console points to must outlive it. ERR_USAGE no address to
 * listen on, ERR_PERMISSION, ERR_EXISTS (somebody has the port), ERR_IO,
 * ERR_NOMEM.
 */
MUST_CHECK int api_new(struct console *c, struct api **ret_a);
/* The port that it listens on. */
uint16_t api_port(const struct api *a);
/* Ends every request and closes; frees once the loop has run on. */
void api_close(struct api *a);

#endif
