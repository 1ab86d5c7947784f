/*
 * cardview.h - a card as the API shows it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/api).
 */
#ifndef COUNTERSIGN_CONSOLE_API_CARDVIEW_H
#define COUNTERSIGN_CONSOLE_API_CARDVIEW_H

#include "common/jsonw.h"
#include "common/queue.h"
#include "console/console.h"

/* The members of a card's row, inside an object. */
void cardview_row(struct jsonw *w, const struct store_card *c);

/*
 * The whole card as an object: its row, the payload, what the device's records
 * say, the verdict of the policy that is held here and who still has to
 * approve. c->envelope is its envelope. The store's errors.
 */
MUST_CHECK int cardview_whole(struct console *c, const struct store_card *card,
    int64_t now, struct jsonw *w);

/*
 * The pending file for an approver (DECISIONS: countersign-pending).
 * ERR_STATE if the device has not taken the card in, or it is not pending;
 * ERR_NOT_FOUND if a trust file is not here.
 */
MUST_CHECK int cardview_pending(struct console *c,
    const struct store_card *card, struct buf *b);

#endif
