/*
 * io.h - reading and writing handles, whether they were opened to wait or not.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, runner, cli, on Windows.
 */
#ifndef COUNTERSIGN_PLATFORM_WINDOWS_IO_H
#define COUNTERSIGN_PLATFORM_WINDOWS_IO_H

#include "platform/windows/win.h"

/*
 * The next bytes; *ret_n is 0 at the end of a file, or of a pipe that nobody
 * writes any more. Waits at most ms (INFINITE: for ever), where it is a pipe.
 * ERR_AGAIN nothing came in time; ERR_IO.
 */
MUST_CHECK int io_read(HANDLE h, void *p, size_t n, DWORD ms, size_t *ret_n);
/* All of it. ERR_AGAIN, ERR_CLOSED nobody reads; ERR_NO_SPACE; ERR_IO. */
MUST_CHECK int io_write(HANDLE h, struct bytes a, DWORD ms);

#endif
