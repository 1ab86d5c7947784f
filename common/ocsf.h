/*
 * ocsf.h - a record as other people's programs want it: one OCSF event.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * Open Cybersecurity Schema Framework 1.3.0. What runs is Process Activity
 * (1007), what becomes of a card, an approval or a trust file Entity Management
 * (3004), the agent itself Application Lifecycle (6002), and what should not be
 * a Detection Finding (2004). The record stands whole in `unmapped.record`, so
 * nothing is lost on the way; which kind became what is a table in ocsf.c.
 */
#ifndef COUNTERSIGN_COMMON_OCSF_H
#define COUNTERSIGN_COMMON_OCSF_H

#include "common/record.h"

/* Whose record it is; strings are never NULL. */
struct ocsf_origin {
	const char *org;
	const char *device;
};

/*
 * Appends the event of one record as one JSON object without a line break.
 * payload is the record's own bytes, which rec was read from; with_record:
 * whether they stand in the event. Failures are the buffer's.
 */
void ocsf_put(struct buf *b, const struct ocsf_origin *from, uint64_t index,
    const struct record *rec, struct bytes payload, bool with_record);

/* syslog(3)'s level of a record: 5 notice, 4 warning, 6 info. */
int ocsf_syslog_level(const struct record *rec);

#endif
