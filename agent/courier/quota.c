/*
 * quota.c - so many a minute and no more.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/quota.h"

void
quota_init(struct quota *q, unsigned cap)
{
	*q = (struct quota){ .cap = cap };
}

bool
quota_take(struct quota *q, uint64_t now)
{
	if (q->taken > 0 && now - q->since >= QUOTA_MINUTE_MS)
		q->taken = 0;
	if (q->taken >= q->cap)
		return false;
	if (q->taken++ == 0)
		q->since = now;
	return true;
}
