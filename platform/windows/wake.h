/*
 * wake.h - a socket that another thread makes readable: what a loop waits for.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, on Windows.
 *
 * libuv polls sockets and nothing else there. This one is bound to loopback
 * and connected to itself: it takes datagrams from nobody else, and carries
 * nothing but the fact that there is something.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_WAKE_H
#define COUNTERSIGN_PLATFORM_WINDOWS_WAKE_H

#include "platform/windows/win.h"

/* ERR_IO. */
MUST_CHECK int wake_open(int *ret_fd);
/* Makes it readable; from any thread. */
void wake_ring(int fd);
/* It is no longer readable. */
void wake_quiet(int fd);
/* Closes *fd unless it is -1, and sets it to -1. */
void wake_close(int *fd);

#endif
