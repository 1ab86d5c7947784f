/*
 * quota.h - so many a minute and no more.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * Pure: the time is passed in. A minute begins with the first that is taken in
 * it.
 */
#ifndef COUNTERSIGN_AGENT_COURIER_QUOTA_H
#define COUNTERSIGN_AGENT_COURIER_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#define QUOTA_MINUTE_MS 60000u

struct quota {
	unsigned cap;		/* a minute */
	unsigned taken;		/* in this one */
	uint64_t since;		/* its first, boot-time ms */
};

void quota_init(struct quota *q, unsigned cap);
/* Whether one more fits in the minute, and if so takes it. */
bool quota_take(struct quota *q, uint64_t now);

#endif
