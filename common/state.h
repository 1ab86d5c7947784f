/*
 * state.h - the states of a card, and what each event makes of each state.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * One complete table: every state answers every event, with the next state or
 * with the word for why not. The fold of the journal (queue.h) and the gate's
 * decisions ask the same table, so what is decided can be folded.
 */
#ifndef COUNTERSIGN_COMMON_STATE_H
#define COUNTERSIGN_COMMON_STATE_H

#include "common/error.h"

#include <stdbool.h>

enum card_state {
	STATE_NONE,		/* not known here */
	STATE_PENDING,		/* waits for approvals */
	STATE_APPROVED,		/* waits for its turn */
	STATE_RUNNING,		/* its intent is recorded */
	/* From here on it has ended. */
	STATE_REFUSED,
	STATE_PLANNED,
	STATE_DENIED,
	STATE_EXPIRED,
	STATE_CANCELLED,
	STATE_VETOED,
	STATE_FINISHED,
	STATE_TIMED_OUT,
	STATE_KILLED,
	STATE_FAILED_TO_START,
	STATE_INTERRUPTED,	/* outcome unknown; it never runs again */
	STATES
};

enum card_event {
	EVENT_RECEIVE,		/* taken in */
	EVENT_REFUSE,		/* refused for good */
	EVENT_APPROVE,		/* an approval was accepted; not enough yet */
	EVENT_ENOUGH,		/* what is accepted is enough */
	EVENT_LAPSE,		/* an approval went; not enough any more */
	EVENT_SPARE,		/* an approval went; the others are enough */
	EVENT_RENEW,		/* a new device nonce: every approval went */
	EVENT_DENY,
	EVENT_VETO,
	EVENT_CANCEL_BY_APPROVER,
	EVENT_CANCEL_BY_PROPOSER,
	EVENT_WITHDRAW,		/* by the console */
	EVENT_WITHDRAW_STOP,	/* by a console that may stop this run */
	EVENT_CANCEL_BY_DEVICE,	/* a rule that was fulfilled no longer is */
	EVENT_EXPIRE,
	EVENT_PLAN,
	EVENT_INTENT,
	EVENT_STARTED,
	EVENT_FINISH,
	EVENT_TIME_OUT,
	EVENT_KILL,
	EVENT_FAIL_START,
	EVENT_INTERRUPT,
	EVENTS
};

/*
 * What the event makes of a card in that state. 0 and *ret_next, which may be
 * the same state (a running card that is vetoed runs until it is dead); or
 * ERR_STATE and *ret_word, a static word for records:
 *   unknown_card   there is none
 *   known_card     it is there already
 *   card_closed    it has ended
 *   late           it has started, or has been run
 *   may_not_stop   withdrawn by the console while it runs
 *   not_approved, not_running
 */
MUST_CHECK int state_next(enum card_state state, enum card_event event,
    enum card_state *ret_next, const char **ret_word);

/* Whether the card has ended; STATE_NONE has not. */
bool state_is_end(enum card_state state);
/* Whether it is pending, approved or running. */
bool state_is_open(enum card_state state);
/* Whether it was started once: an intent is recorded. */
bool state_has_run(enum card_state state);

/* "timed_out", "cancel_by_proposer": static; "unknown" for other numbers. */
const char *state_word(enum card_state state);
const char *state_event_word(enum card_event event);
/* The state of that word; STATES if it is none. */
enum card_state state_of_word(const char *word);

#endif
