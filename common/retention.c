/*
 * retention.c - whether what is missing in front of a journal may be.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/retention.h"

#include "common/caps.h"

#define DAY_MS INT64_C(86400000)

void
retention_begin(struct retention *r, int64_t running_ms)
{
	r->first = running_ms;
	r->most = INT64_MIN;
}

void
retention_note(struct retention *r, int64_t running_ms, int64_t days)
{
	if (running_ms - days * DAY_MS > r->most)
		r->most = running_ms - days * DAY_MS;
}

bool
retention_allows(const struct retention *r)
{
	return r->most > r->first;
}

int64_t
retention_days(const struct policy *p)
{
	return p != NULL ? p->retention_days : CAP_RETENTION_DAYS_DEFAULT;
}
