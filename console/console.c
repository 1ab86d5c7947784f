/*
 * console.c - what the rooms of the console share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/console.h"

/* Some 16 devices: a few milliseconds. */
#define ROLLOUT_BUCKETS 16

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

static void
on_rollout(uv_idle_t *h)
{
	struct console *c = h->data;

	c->rollout_at = links_poke_some(&c->links, c->rollout_at,
	    ROLLOUT_BUCKETS, LINK_NEWS_TRUST);
	if (c->rollout_at >= c->links.n_buckets)
		(void)uv_idle_stop(h);
}

void
console_roll_out(struct console *c)
{
	c->rollout_at = 0;
	c->rollout.data = c;
	(void)uv_idle_start(&c->rollout, on_rollout);
}
