/*
 * console.c - what the rooms of the console share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/console.h"

bool
console_may_log(struct console *c)
{
	uint64_t second = uv_now(c->loop) / 1000;

	if (second != c->log_second) {
		c->log_second = second;
		c->log_lines = 0;
	}
	if (c->log_lines < CONSOLE_LOG_PER_S) {
		c->log_lines++;
		return true;
	}
	c->counters.lines_left_out++;
	return false;
}
