/*
 * test_state.c - every event in every state, against a listing of its own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/state.h"
#include "tests/harness/test.h"

/*
 * A row for each event, a letter for each state: where it goes to
 *	P pending, A approved, R running, X refused, N planned, D denied,
 *	E expired, C cancelled, V vetoed, F finished, T timed_out, K killed,
 *	S failed_to_start, I interrupted
 * or why it does not
 *	? unknown_card, = known_card, . card_closed, l late, m may_not_stop,
 *	a not_approved, r not_running
 */
static const struct {
	const char *event, *row;
} rows[] = {
	/*			  -PARXNDECVFTKSI */
	{ "receive",		 "P==============" },
	{ "refuse",		 "X==============" },
	{ "approve",		 "?PPl..........." },
	{ "enough",		 "?AAl..........." },
	{ "lapse",		 "?PPl..........." },
	{ "spare",		 "?aAl..........." },
	{ "renew",		 "?PPl..........." },
	{ "deny",		 "?DDl......lllll" },
	{ "veto",		 "?VVR..........." },
	{ "cancel_by_approver",	 "?CCR..........." },
	{ "cancel_by_proposer",	 "?CCl......lllll" },
	{ "withdraw",		 "?CCm..........." },
	{ "withdraw_stop",	 "?CCR..........." },
	{ "cancel_by_device",	 "?CCl..........." },
	{ "expire",		 "?EEl..........." },
	{ "plan",		 "?NNl..........." },
	{ "intent",		 "?aRl..........." },
	{ "started",		 "?rrR..........." },
	{ "finish",		 "?rrF..........." },
	{ "time_out",		 "?rrT..........." },
	{ "kill",		 "?rrK..........." },
	{ "fail_start",		 "?rrS..........." },
	{ "interrupt",		 "?rrI..........." },
};

static const char letters[] = "-PARXNDECVFTKSI";
static const char *const words[] = {
	"none", "pending", "approved", "running", "refused", "planned",
	"denied", "expired", "cancelled", "vetoed", "finished", "timed_out",
	"killed", "failed_to_start", "interrupted"
};
static const struct {
	char letter;
	const char *word;
} refusals[] = {
	{ '?', "unknown_card" }, { '=', "known_card" }, { '.', "card_closed" },
	{ 'l', "late" }, { 'm', "may_not_stop" }, { 'a', "not_approved" },
	{ 'r', "not_running" },
};

static const char *
refusal_of(char letter)
{
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].letter == letter)
			return refusals[i].word;
	return NULL;
}

TEST(every_cell)
{
	enum card_event e;
	enum card_state s;

	CHECK_INT(sizeof(rows) / sizeof(rows[0]), EVENTS);
	CHECK_INT(strlen(letters), STATES);
	for (e = (enum card_event)0; e < EVENTS; e++) {
		CHECK_STR(state_event_word(e), rows[e].event);
		CHECK_INT(strlen(rows[e].row), STATES);
		for (s = STATE_NONE; s < STATES; s++) {
			char want = rows[e].row[s];
			const char *word = NULL, *why = refusal_of(want);
			enum card_state next = STATES;
			int err = state_next(s, e, &next, &word);

			CHECK_MSG(err == (why != NULL ? ERR_STATE : 0),
			    "%s in %s", rows[e].event, words[s]);
			if (why != NULL) {
				CHECK_STR(word, why);
				CHECK_INT(next, STATES);
				continue;
			}
			CHECK(word == NULL);
			CHECK_MSG(next < STATES && letters[next] == want,
			    "%s in %s leads to %s", rows[e].event, words[s],
			    state_word(next));
		}
	}
}

TEST(words)
{
	enum card_state s;

	for (s = STATE_NONE; s < STATES; s++) {
		CHECK_STR(state_word(s), words[s]);
		CHECK_INT(state_of_word(words[s]), s);
	}
	CHECK_INT(state_of_word("open"), STATES);
	CHECK_STR(state_word(STATES), "unknown");
	CHECK_STR(state_event_word(EVENTS), "unknown");
}

TEST(kinds_of_state)
{
	enum card_state s;

	for (s = STATE_NONE; s < STATES; s++) {
		char c = letters[s];

		CHECK_INT(state_is_open(s), strchr("PAR", c) != NULL);
		CHECK_INT(state_is_end(s), strchr("-PAR", c) == NULL);
		CHECK_INT(state_has_run(s), strchr("RFTKSI", c) != NULL);
	}
}

/* No event leads out of an end, or into a second run. */
TEST(ends_are_ends)
{
	const char *word;
	enum card_state s, next;
	enum card_event e;

	for (s = STATE_NONE; s < STATES; s++)
		for (e = (enum card_event)0; e < EVENTS; e++) {
			next = s;
			if (state_next(s, e, &next, &word) != 0)
				continue;
			CHECK(!state_is_end(s));
			CHECK(next != STATE_NONE);
			if (next == STATE_RUNNING && s != STATE_RUNNING)
				CHECK(s == STATE_APPROVED && e == EVENT_INTENT);
			if (s == STATE_RUNNING && next != STATE_RUNNING)
				CHECK(state_has_run(next));
		}
}

TEST_MAIN()
