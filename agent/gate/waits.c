/*
 * waits.c - what an approved card waits for, in words.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * As schedule.c decides it, in its order.
 */
#include "agent/gate/core_inside.h"

#include <string.h>

const char *
core_waits_for(const struct core *c, struct moment m,
    const struct queue_item *item, const struct card *card)
{
	bool looks = strcmp(item->profile, "observe") == 0;
	unsigned changing, looking;

	if (item->state != STATE_APPROVED)
		return NULL;
	if (core_blocked(c, m) != NULL)
		return "nothing runs now: see status";
	if (c->hold)
		return "the agent is being stopped";
	if (card != NULL && core_after_others(c, card->after,
	    card->n_after) != CORE_WAIT_GO)
		return "the cards that it comes after";
	core_count_running(c, &changing, &looking);
	if (looks && looking >= SLOTS_LOOKING)
		return "one of the cards that look to end: as many run as may";
	if (!looks && changing >= SLOTS_CHANGING)
		return "the card that runs to end: one changes things at a"
		    " time";
	if (looks && c->no_account)
		return "a free account to look as: other agents of this"
		    " machine have them all";
	if (c->no_room)
		return "room on the disk for its output";
	return item->n_approvals == 0 ? "its tool's turn: so many an hour may"
	    " run" : "its turn";
}

const char *
core_first_waits_for(const struct core *c, struct moment m)
{
	const struct queue_item *item = queue_first_approved(c->queue);

	return item != NULL ? core_waits_for(c, m, item, NULL) : NULL;
}
