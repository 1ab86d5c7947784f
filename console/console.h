/*
 * console.h - what the rooms of the console share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * One process, one loop, one thread. The gateway brings what devices say into
 * the store, the API what people and programs say; each tells the other by
 * links (to a device) and watch (of a card).
 */
#ifndef COUNTERSIGN_CONSOLE_CONSOLE_H
#define COUNTERSIGN_CONSOLE_CONSOLE_H

#include "console/links.h"
#include "console/settings.h"
#include "console/spool.h"
#include "console/store/store.h"
#include "console/turn.h"
#include "console/watch.h"
#include "console/witness/answer.h"

#include <uv.h>

/* Sums since the start, for /metrics. */
struct counters {
	uint64_t agent_connections, agent_refused, enrolments, hellos_refused;
	uint64_t records, record_bytes, output_bytes;
	uint64_t cards, approvals, cancels;
	uint64_t requests, requests_refused, events_opened;
	uint64_t cosigned, cosigning_refused;
	uint64_t lines_left_out;
};

struct owners;
struct submit;

/* Lines of the log that anybody can cause: so many a second. */
#define CONSOLE_LOG_PER_S 20

struct console {
	uv_loop_t *loop;
	const struct settings *settings;
	struct store *store;
	struct turn turn;
	struct watch watch;
	struct links links;
	struct spool *spool;
	struct owners *owners;	/* trust files, by org */
	struct self self;	/* we as a witness */
	struct answerer answerer;
	struct submit *submit;	/* to foreign witnesses */
	struct counters counters;
	int64_t started;	/* seconds since 1970 */
	uint64_t log_second;	/* of the loop, and lines in it */
	unsigned log_lines;
	uint64_t asked_at;	/* uv_now; the bucket of add-checkpoint */
	unsigned asked_left;
	struct buf counted;	/* metrics that took counting, as text */
	uint64_t counted_until;	/* uv_hrtime until which they serve */
	uv_idle_t rollout;	/* of trust files, to all that are connected */
	size_t rollout_at;
};

/*
 * Has every connected device look for new trust files, some each turn of the
 * loop, so that a fleet holds up nobody.
 */
void console_roll_out(struct console *c);

/*
 * Whether there may be one more line about something that a stranger caused.
 * What is left out is counted.
 */
bool console_may_log(struct console *c);

#endif
