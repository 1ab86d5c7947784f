/*
 * output.c - what a child of ours says. Windows has no child that is asked.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/output.h"

int
output_read(int fd, uint64_t until_ms, struct buf *b)
{
	(void)fd;
	(void)until_ms;
	(void)b;
	return ERR_UNSUPPORTED;
}
