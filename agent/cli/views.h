/*
 * views.h - the agent's answers as text for people.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * Everything in an answer that came from outside is escaped. CLI_*.
 */
#ifndef COUNTERSIGN_AGENT_CLI_VIEWS_H
#define COUNTERSIGN_AGENT_CLI_VIEWS_H

#include "agent/cli/cli.h"

int views_status(struct bytes json);
int views_cards(struct bytes json);
int views_card(struct bytes json);
/* {"answer":…} */
int views_answer(struct bytes json);

/*
 * A command as a person has to read it: every line with its number, every
 * character told apart, and after it how many lines and characters it has.
 */
void views_text(struct bytes text);

#endif
