/*
 * pulse.h - when to ping, and when a link counts as dead.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * Pure: boot-time milliseconds and chance are passed in. A ping goes out every
 * 30 s, 20 % either way. After one, some sign of life has to come within
 * PULSE_DEAD_MS: bytes from the peer, or that it takes in ours (on a slow line
 * a pong stands behind all that waits to be sent).
 */
#ifndef COUNTERSIGN_AGENT_COURIER_PULSE_H
#define COUNTERSIGN_AGENT_COURIER_PULSE_H

#include <stdint.h>

#define PULSE_PING_MS 30000u
#define PULSE_SPREAD_MS 6000u	/* 20 % of it */
#define PULSE_DEAD_MS 20000u	/* before the next ping in any case */

struct pulse {
	uint64_t ping_at;	/* 0 stopped */
	uint64_t dead_at;	/* 0 no ping is unanswered */
};

enum pulse_due { PULSE_NOTHING, PULSE_PING, PULSE_DEAD };

void pulse_start(struct pulse *p, uint64_t now, uint32_t random);
void pulse_stop(struct pulse *p);
/* A sign of life. */
void pulse_alive(struct pulse *p);
/*
 * We have stopped reading by ourselves, so no sign can be seen: what was due
 * is due anew.
 */
void pulse_excuse(struct pulse *p, uint64_t now);
/* What is due now; PULSE_PING has the next one set already. */
enum pulse_due pulse_due(struct pulse *p, uint64_t now, uint32_t random);
/* When to ask again; 0 never. */
uint64_t pulse_next(const struct pulse *p);

#endif
