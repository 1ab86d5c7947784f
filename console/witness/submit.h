/*
 * submit.h - foreign witnesses are asked to cosign our devices' checkpoints.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * A witness that is not run by the console's owner makes the console honest
 * too. Each gets the newest checkpoint of every device that fits our copy of
 * its records, with the proof from what it cosigned last; one request at a
 * time for each witness, and nobody waits for it. Its line is verified, kept,
 * and handed on to the device.
 */
#ifndef COUNTERSIGN_CONSOLE_WITNESS_SUBMIT_H
#define COUNTERSIGN_CONSOLE_WITNESS_SUBMIT_H

#include "console/console.h"

/* *ret_s is NULL if the settings name no witness. ERR_NOMEM, ERR_IO. */
MUST_CHECK int submit_new(struct console *c, struct submit **ret_s);
/* Frees once the loop has run on. NULL is fine. */
void submit_close(struct submit *s);
/* There is a checkpoint that is new. NULL is fine. */
void submit_news(struct submit *s);

#endif
