/*
 * messages.h - whole messages between the runner and its payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 */
#ifndef COUNTERSIGN_PLATFORM_MESSAGES_H
#define COUNTERSIGN_PLATFORM_MESSAGES_H

#include "common/bytes.h"

/*
 * A connected pair of sockets that keep messages apart, close-on-exec: [0] for
 * us, which never waits; [1] for the payload. ERR_IO; ERR_UNSUPPORTED.
 */
MUST_CHECK int messages_pair(int ret_fds[2]);
/* A pipe, close-on-exec: [0] reads and never waits, [1] is for a child. */
MUST_CHECK int messages_pipe(int ret_fds[2]);

/* Sends one message. ERR_AGAIN nobody takes them; ERR_IO. */
MUST_CHECK int messages_put(int fd, struct bytes m);
/*
 * Takes one message, or what there is in a pipe, of at most n bytes; what is
 * longer is cut. ERR_AGAIN there is none; ERR_CLOSED (an empty message too);
 * ERR_IO.
 */
MUST_CHECK int messages_get(int fd, uint8_t *ret_p, size_t n, size_t *ret_n);

/*
 * Waits until nobody else has the file at path (which is made) locked, and
 * holds it until the descriptor is closed; -1 if that cannot be.
 */
int messages_turn(const char *path);

#endif
