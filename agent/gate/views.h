/*
 * views.h - what the gate shows: its state and its cards as JSON.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Each appends one JSON object to b and returns 0, or an error of looking
 * things up; the buffer's own error is the caller's to look at.
 */
#ifndef COUNTERSIGN_AGENT_GATE_VIEWS_H
#define COUNTERSIGN_AGENT_GATE_VIEWS_H

#include "agent/gate/gate.h"

MUST_CHECK int view_status(struct gate *g, struct buf *b);
/* The open cards, or all that are remembered: {"cards":[…]}. */
MUST_CHECK int view_cards(struct gate *g, bool all, struct buf *b);
/* One card with its text, verdict and who still has to approve. */
MUST_CHECK int view_card_whole(struct gate *g, const struct queue_item *item,
    struct buf *b);
/* The pending file of an open card. ERR_STATE trust files are missing. */
MUST_CHECK int view_pending_file(struct gate *g,
    const struct queue_item *item, struct buf *b);
MUST_CHECK int view_reply(const struct core_reply *r, struct buf *b);

#endif
