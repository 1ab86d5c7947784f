/*
 * pulse.c - when to ping, and when a link counts as dead.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/pulse.h"

static uint64_t
ping_time(uint64_t now, uint32_t random)
{
	uint64_t spread = 2 * (uint64_t)PULSE_SPREAD_MS + 1;

	return now + PULSE_PING_MS - PULSE_SPREAD_MS + (spread * random >> 32);
}

void
pulse_start(struct pulse *p, uint64_t now, uint32_t random)
{
	p->ping_at = ping_time(now, random);
	p->dead_at = 0;
}

void
pulse_stop(struct pulse *p)
{
	p->ping_at = 0;
	p->dead_at = 0;
}

void
pulse_alive(struct pulse *p)
{
	p->dead_at = 0;
}

void
pulse_excuse(struct pulse *p, uint64_t now)
{
	if (p->dead_at != 0)
		p->dead_at = now + PULSE_DEAD_MS;
}

enum pulse_due
pulse_due(struct pulse *p, uint64_t now, uint32_t random)
{
	if (p->dead_at != 0 && now >= p->dead_at)
		return PULSE_DEAD;
	if (p->ping_at == 0 || now < p->ping_at)
		return PULSE_NOTHING;
	p->ping_at = ping_time(now, random);
	/* One that was excused may still be open: its time goes on. */
	if (p->dead_at == 0)
		p->dead_at = now + PULSE_DEAD_MS;
	return PULSE_PING;
}

uint64_t
pulse_next(const struct pulse *p)
{
	if (p->dead_at != 0 && p->dead_at < p->ping_at)
		return p->dead_at;
	return p->ping_at;
}
