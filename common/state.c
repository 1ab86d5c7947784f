/*
 * state.c - the states of a card, and what each event makes of each state.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/state.h"

#include <stddef.h>
#include <string.h>

/* What states have in common as far as events go. */
enum column {
	NONE,
	PENDING,
	APPROVED,
	RUNNING,
	CLOSED,		/* ended without having run */
	DONE,		/* ended after its intent */
	COLUMNS
};

struct state {
	const char *word;
	enum column column;
};

/* clang-format off */
static const struct state states[] = {
	[STATE_NONE]		= { "none", NONE },
	[STATE_PENDING]		= { "pending", PENDING },
	[STATE_APPROVED]	= { "approved", APPROVED },
	[STATE_RUNNING]		= { "running", RUNNING },
	[STATE_REFUSED]		= { "refused", CLOSED },
	[STATE_PLANNED]		= { "planned", CLOSED },
	[STATE_DENIED]		= { "denied", CLOSED },
	[STATE_EXPIRED]		= { "expired", CLOSED },
	[STATE_CANCELLED]	= { "cancelled", CLOSED },
	[STATE_VETOED]		= { "vetoed", CLOSED },
	[STATE_FINISHED]	= { "finished", DONE },
	[STATE_TIMED_OUT]	= { "timed_out", DONE },
	[STATE_KILLED]		= { "killed", DONE },
	[STATE_FAILED_TO_START]	= { "failed_to_start", DONE },
	[STATE_INTERRUPTED]	= { "interrupted", DONE },
};

/*
 * A cell is a state to go to, or a word why not: never neither, since nothing
 * leads to STATE_NONE.
 */
struct cell {
	enum card_state next;
	const char *word;
};

#define TO(state) { STATE_##state, NULL }
#define NO(word) { STATE_NONE, word }
#define ABSENT NO("unknown_card")
#define ENDED NO("card_closed")
#define LATE NO("late")

struct event {
	const char *word;
	struct cell cell[COLUMNS];
};

static const struct event events[] = {
	/* none, pending, approved, running, closed, done */
	[EVENT_RECEIVE] = { "receive", {
		TO(PENDING), NO("known_card"), NO("known_card"),
		NO("known_card"), NO("known_card"), NO("known_card") } },
	[EVENT_REFUSE] = { "refuse", {
		TO(REFUSED), NO("known_card"), NO("known_card"),
		NO("known_card"), NO("known_card"), NO("known_card") } },
	/* One that replaces its person's earlier one may be worth less. */
	[EVENT_APPROVE] = { "approve", {
		ABSENT, TO(PENDING), TO(PENDING), LATE, ENDED, ENDED } },
	[EVENT_ENOUGH] = { "enough", {
		ABSENT, TO(APPROVED), TO(APPROVED), LATE, ENDED, ENDED } },
	[EVENT_LAPSE] = { "lapse", {
		ABSENT, TO(PENDING), TO(PENDING), LATE, ENDED, ENDED } },
	[EVENT_SPARE] = { "spare", {
		ABSENT, NO("not_approved"), TO(APPROVED), LATE, ENDED,
		ENDED } },
	[EVENT_RENEW] = { "renew", {
		ABSENT, TO(PENDING), TO(PENDING), LATE, ENDED, ENDED } },
	[EVENT_DENY] = { "deny", {
		ABSENT, TO(DENIED), TO(DENIED), LATE, ENDED, LATE } },
	/* One that runs is told to stop; it ends when it is dead. */
	[EVENT_VETO] = { "veto", {
		ABSENT, TO(VETOED), TO(VETOED), TO(RUNNING), ENDED, ENDED } },
	[EVENT_CANCEL_BY_APPROVER] = { "cancel_by_approver", {
		ABSENT, TO(CANCELLED), TO(CANCELLED), TO(RUNNING), ENDED,
		ENDED } },
	[EVENT_CANCEL_BY_PROPOSER] = { "cancel_by_proposer", {
		ABSENT, TO(CANCELLED), TO(CANCELLED), LATE, ENDED, LATE } },
	[EVENT_WITHDRAW] = { "withdraw", {
		ABSENT, TO(CANCELLED), TO(CANCELLED), NO("may_not_stop"),
		ENDED, ENDED } },
	[EVENT_WITHDRAW_STOP] = { "withdraw_stop", {
		ABSENT, TO(CANCELLED), TO(CANCELLED), TO(RUNNING), ENDED,
		ENDED } },
	[EVENT_CANCEL_BY_DEVICE] = { "cancel_by_device", {
		ABSENT, TO(CANCELLED), TO(CANCELLED), LATE, ENDED, ENDED } },
	[EVENT_EXPIRE] = { "expire", {
		ABSENT, TO(EXPIRED), TO(EXPIRED), LATE, ENDED, ENDED } },
	[EVENT_PLAN] = { "plan", {
		ABSENT, TO(PLANNED), TO(PLANNED), LATE, ENDED, ENDED } },
	[EVENT_INTENT] = { "intent", {
		ABSENT, NO("not_approved"), TO(RUNNING), LATE, ENDED,
		ENDED } },
	[EVENT_STARTED] = { "started", {
		ABSENT, NO("not_running"), NO("not_running"), TO(RUNNING),
		ENDED, ENDED } },
	[EVENT_FINISH] = { "finish", {
		ABSENT, NO("not_running"), NO("not_running"), TO(FINISHED),
		ENDED, ENDED } },
	[EVENT_TIME_OUT] = { "time_out", {
		ABSENT, NO("not_running"), NO("not_running"), TO(TIMED_OUT),
		ENDED, ENDED } },
	[EVENT_KILL] = { "kill", {
		ABSENT, NO("not_running"), NO("not_running"), TO(KILLED),
		ENDED, ENDED } },
	[EVENT_FAIL_START] = { "fail_start", {
		ABSENT, NO("not_running"), NO("not_running"),
		TO(FAILED_TO_START), ENDED, ENDED } },
	[EVENT_INTERRUPT] = { "interrupt", {
		ABSENT, NO("not_running"), NO("not_running"),
		TO(INTERRUPTED), ENDED, ENDED } },
};
/* clang-format on */

_Static_assert(sizeof(states) / sizeof(states[0]) == STATES,
    "every state has its row");
_Static_assert(sizeof(events) / sizeof(events[0]) == EVENTS,
    "every event has its row");

int
state_next(enum card_state state, enum card_event event,
    enum card_state *ret_next, const char **ret_word)
{
	const struct cell *c = &events[event].cell[states[state].column];

	if (c->word != NULL) {
		*ret_word = c->word;
		return ERR_STATE;
	}
	*ret_next = c->next;
	return 0;
}

bool
state_is_end(enum card_state state)
{
	return states[state].column == CLOSED || states[state].column == DONE;
}

bool
state_is_open(enum card_state state)
{
	return state != STATE_NONE && !state_is_end(state);
}

bool
state_has_run(enum card_state state)
{
	return states[state].column == RUNNING || states[state].column == DONE;
}

const char *
state_word(enum card_state state)
{
	return (size_t)state < STATES ? states[state].word : "unknown";
}

const char *
state_event_word(enum card_event event)
{
	return (size_t)event < EVENTS ? events[event].word : "unknown";
}

enum card_state
state_of_word(const char *word)
{
	enum card_state s = STATE_NONE;

	while (s < STATES && strcmp(states[s].word, word) != 0)
		s++;
	return s;
}
