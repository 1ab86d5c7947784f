/*
 * ledger.h - what devices report, folded into the store.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * A device replicates its own journal; here its records are kept as they are,
 * and the state of its cards follows from them by the same code as on the
 * device. A device can say nothing about another device's cards.
 *
 * Everything belongs to the caller's transaction. The store's errors besides
 * those named.
 */
#ifndef COUNTERSIGN_CONSOLE_LEDGER_H
#define COUNTERSIGN_CONSOLE_LEDGER_H

#include "common/wire.h"
#include "console/store/store.h"

struct fold;	/* fold.h */

/* What follows from a record, once it is committed. */
struct ledger_effects {
	bool has_card;			/* that card changed */
	struct sha256 card;
	bool outputs;			/* some output began or ended */
	bool held_back;			/* refused for now: it may come again */
	bool resend;			/* what was held back can go now */
	bool trust;			/* it may lack trust files */
};

/*
 * Enrols a device with a token's secret. *ret_reason is NULL and *ret_d the
 * device, or a word why not: `bad_key` (the id is not the key's),
 * `unknown_token`, `token_used` (by another key), `token_expired`,
 * `already_enrolled` (in another org). The same key and secret again get the
 * same answer.
 */
MUST_CHECK int ledger_enrol(struct store *s, const struct wire_enrol *m,
    int64_t now, const char **ret_reason, struct store_device *ret_d);

/*
 * Keeps a record and folds it into f, the device's. d->next and d->bytes move
 * on; the caller updates the device. A record that we have already is compared
 * and left. ERR_PROTOCOL: a gap, or nothing in it; ERR_CONFLICT: another one
 * than ours at that index.
 */
MUST_CHECK int ledger_record(struct fold *f, struct store_device *d,
    uint64_t index, struct bytes payload, int64_t now,
    struct ledger_effects *ret_e);

/*
 * Keeps the payload of a card or trust file, which a later record names.
 * ERR_SIGNATURE if its hash is not that of any payload type of ours.
 */
MUST_CHECK int ledger_blob(struct store *s, struct store_device *d,
    const struct sha256 *hash, struct bytes content);

/*
 * Keeps a checkpoint that this device signed. ERR_SYNTAX, ERR_SIGNATURE;
 * ERR_ROLLBACK for one that is not newer than the one held.
 */
MUST_CHECK int ledger_checkpoint(struct store *s, const struct store_device *d,
    struct bytes note);

/*
 * Notes for people that something is wrong with a device. The first such note
 * stays, and is the only one that is logged, until somebody clears it.
 */
MUST_CHECK int ledger_alarm(struct store *s, struct store_device *d,
    const char *text);

#endif
