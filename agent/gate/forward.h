/*
 * forward.h - every record to the system's log, one line each, for a SIEM.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Off unless the configuration's `forward` names a log. A line is the record's
 * OCSF event (ocsf.h), sent after the record is on disk. The journal is the
 * queue: where the log does not take a line, the same one is tried again with
 * the next turn, or half a minute later, and nothing is skipped. The file
 * `forwarded` of the state folder says how far it came, so a start goes on from
 * there; after a crash the last few lines come twice, with the same
 * metadata.uid.
 */
#ifndef COUNTERSIGN_AGENT_GATE_FORWARD_H
#define COUNTERSIGN_AGENT_GATE_FORWARD_H

#include "common/error.h"

struct gate;
struct forward;

/* After the journal is open and the loop's handles are; *ret_f is NULL where
 * nothing is to be forwarded. ERR_NOMEM, ERR_IO. */
MUST_CHECK int forward_new(struct gate *g, struct forward **ret_f);
/* What is synced and not yet sent. */
void forward_push(struct forward *f);
/* Stops; writes how far it came. The loop frees it when it runs next. NULL is
 * fine, as above. */
void forward_close(struct forward *f);

#endif
