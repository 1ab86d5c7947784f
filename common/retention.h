/*
 * retention.h - whether what is missing in front of a journal may be.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * A device removes its oldest segment once the state that the next one begins
 * with is older, in running time, than the policy of that moment wants. That
 * moment is after that state, and the records from there on say which policies
 * there were and how much the device ran: so anybody can tell later whether
 * there was such a moment, even if a policy of today would keep more.
 */
#ifndef COUNTERSIGN_COMMON_RETENTION_H
#define COUNTERSIGN_COMMON_RETENTION_H

#include "common/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct retention {
	int64_t first;	/* running time in the state that is first now; ms */
	int64_t most;	/* at some moment all before this could go */
};

/* running_ms: of the state that is the first record now. */
void retention_begin(struct retention *r, int64_t running_ms);
/*
 * After a record: the running time that all records come to, and how many days
 * the policy keeps that holds from it on (retention_days()).
 */
void retention_note(struct retention *r, int64_t running_ms, int64_t days);
/* Whether the device may have removed what was before. */
bool retention_allows(const struct retention *r);
/* NULL: there is no policy. */
int64_t retention_days(const struct policy *p);

#endif
