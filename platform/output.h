/*
 * output.h - what a child of ours says, with an end to our patience.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#ifndef COUNTERSIGN_PLATFORM_OUTPUT_H
#define COUNTERSIGN_PLATFORM_OUTPUT_H

#include "common/bytes.h"

/*
 * Reads the pipe to its end of file, after what b holds; not longer than until
 * that moment of the boot-time clock. ERR_AGAIN it was not over by then;
 * ERR_IO; the buffer's errors.
 */
MUST_CHECK int output_read(int fd, uint64_t until_ms, struct buf *b);

#endif
