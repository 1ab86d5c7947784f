/*
 * cards.h - taking cards in: what the two ways to post one share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/api).
 */
#ifndef COUNTERSIGN_CONSOLE_API_CARDS_H
#define COUNTERSIGN_CONSOLE_API_CARDS_H

#include "common/card.h"
#include "common/signer.h"
#include "console/api/http.h"

struct envelope;

/* Takes a signed card in, and answers. */
void cards_take(struct request *r, const struct envelope *e);
/* Whether its state is an end, be it by the console. */
bool cards_has_ended(const struct store_card *c);
/*
 * Makes a card of the fields in the body, signs it with the AI proposer's own
 * key that the console keeps, takes it in, and answers.
 */
void cards_propose(struct request *r);

#endif
