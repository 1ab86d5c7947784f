/*
 * stream.h - blocking connections, for a tool that does one thing at a time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli.
 */
#ifndef COUNTERSIGN_PLATFORM_STREAM_H
#define COUNTERSIGN_PLATFORM_STREAM_H

#include "common/bytes.h"

/*
 * Connects to a TCP port by DNS name or address; every address is tried, each
 * for at most within_ms. ERR_NOT_FOUND no such name; ERR_CLOSED nobody takes
 * the connection; ERR_IO.
 */
MUST_CHECK int stream_dial(const char *host, uint16_t port, unsigned within_ms,
    int *ret_fd);

/*
 * The next bytes, as they come; ret_n is 0 at the end. A write takes all of
 * them. ERR_AGAIN: nothing moved for the time set; ERR_CLOSED, ERR_IO.
 */
MUST_CHECK int stream_read(int fd, void *p, size_t n, size_t *ret_n);
MUST_CHECK int stream_write(int fd, struct bytes a);
/* How long a read or write waits; 0: for ever. */
void stream_set_wait(int fd, unsigned ms);

/* Closes *fd unless it is -1, and sets it to -1. */
void stream_close(int *fd);

#endif
