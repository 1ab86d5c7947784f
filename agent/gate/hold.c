/*
 * hold.c - a state folder that cannot be used: nothing runs, and it is said.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A folder where a file should be, a link, another owner, a disk that gives
 * errors: that need not be anybody's hand, and starting over at once does not
 * mend it. The agent stays up without its journal, locked, says why in its
 * status, changes nothing, and looks again once a minute.
 */
#include "agent/gate/gate.h"

#include <stdio.h>
#include <string.h>

#define AGAIN_MS 60000u

static void
on_again(uv_timer_t *t)
{
	gate_begin_anew(t->data);
}

int
gate_hold(struct gate *g, int err)
{
	char reason[64];

	/* Another agent has it, or there is nothing yet. */
	if (err == ERR_EXISTS || err == ERR_NOT_FOUND || err == ERR_NOMEM ||
	    g->core == NULL)
		return err;
	journal_close(g->journal);
	g->journal = NULL;
	(void)snprintf(reason, sizeof(reason), "state_folder: %s: %s",
	    g->trouble, err_text(err));
	core_seal(g->core, "local", "device", reason);
	g->held = true;
	log_event(&g->log, SERVICE_ERROR, "the state folder cannot be used:"
	    " nothing runs until it can; looked at again every minute");
	return 0;
}

int
gate_hold_start(struct gate *g)
{
	if (uv_timer_init(g->loop, &g->again) != 0)
		return ERR_IO;
	g->again.data = g;
	return !g->held || uv_timer_start(&g->again, on_again, AGAIN_MS,
	    0) == 0 ? 0 : ERR_IO;
}
