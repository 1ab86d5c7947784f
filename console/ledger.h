/*
 * ledger.h - what devices report, folded into the store.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * A device replicates its own journal; here its records are kept as they are,
 * the tree over them grows (tree.h), and the state of its cards follows from
 * them by the same code as on the device. A device can say nothing about
 * another device's cards, and nothing else about its own past: that is an
 * alarm (alarms.h).
 *
 * Everything belongs to the caller's transaction. The store's errors besides
 * those named.
 */
#ifndef COUNTERSIGN_CONSOLE_LEDGER_H
#define COUNTERSIGN_CONSOLE_LEDGER_H

#include "common/wire.h"
#include "console/tree.h"

struct fold;	/* fold.h */

/* What follows from a record, once it is committed. */
struct ledger_effects {
	bool has_card;			/* that card changed */
	struct sha256 card;
	bool outputs;			/* some output began or ended */
	bool held_back;			/* refused for now: it may come again */
	bool resend;			/* what was held back can go now */
	bool trust;			/* it may lack trust files */
	bool alarm;			/* an alarm was raised */
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
 * Whether the records of a message (for wire_next_record()) follow one another
 * and ours: nothing is written of one that does not. ERR_PROTOCOL: a gap, or
 * nothing in a record; wire.h's errors.
 */
MUST_CHECK int ledger_check(const struct store_device *d,
    struct bytes records);

/* The records of one message, which ledger_check() found good. */
struct ledger {
	struct fold *fold;
	struct store_device *d;
	int64_t now;
	struct tree tree;
};

/*
 * Begins with a message; f is the device's. What it points to must outlive
 * it. The store's errors.
 */
MUST_CHECK int ledger_begin(struct ledger *l, struct fold *f,
    struct store_device *d, int64_t now);
/*
 * Keeps a record and folds it. d->next and d->bytes move on. A record that we
 * have already is compared and left; another one than ours at its index is a
 * fork, and an alarm: it and all that comes after it are kept as evidence
 * beside the journal. The store's errors.
 */
MUST_CHECK int ledger_record(struct ledger *l, uint64_t index,
    struct bytes payload, struct ledger_effects *ret_e);
/*
 * Whether a message of hashes goes on where our records end. ERR_PROTOCOL: it
 * does not, or it has none where some are missing; ERR_DENIED: no device has so
 * many gaps; the store's errors.
 */
MUST_CHECK int ledger_check_leaves(struct store *s,
    const struct store_device *d, const struct wire_leaves *m);
/*
 * Hashes in the place of records that the device removed before we had them:
 * the tree and d->next move on, and that there is such a gap is an alarm.
 */
MUST_CHECK int ledger_leaves(struct ledger *l, const struct wire_leaves *m,
    struct ledger_effects *ret_e);
/*
 * Writes the tree's edge and the device, and compares a checkpoint that was
 * ahead of the records with what they come to.
 */
MUST_CHECK int ledger_end(struct ledger *l, struct ledger_effects *ret_e);

/*
 * Keeps the payload of a card or trust file, or a snapshot of state, which a
 * later record names. ERR_SIGNATURE if its hash is not that of the bytes, nor
 * of any payload type of ours.
 */
MUST_CHECK int ledger_blob(struct store *s, struct store_device *d,
    const struct sha256 *hash, struct bytes content);

/*
 * Keeps a checkpoint that this device signed, as its newest (the caller has
 * checked the signature), and compares it with our tree as far as that goes.
 * A root that is not ours is a fork, a smaller size than before a rollback:
 * alarms, and ERR_CONFLICT.
 */
MUST_CHECK int ledger_checkpoint(struct store *s, struct store_device *d,
    uint64_t size, const struct sha256 *root, struct bytes note, int64_t now,
    struct ledger_effects *ret_e);

/*
 * The same look at a checkpoint that is not to be kept. newest: it came over
 * the device's own link, so that a smaller one than before is an alarm.
 */
MUST_CHECK int ledger_doubt(struct store *s, struct store_device *d,
    uint64_t size, const struct sha256 *root, struct bytes note, bool newest,
    int64_t now, struct ledger_effects *ret_e);

/* What a device says of its journal's length when it connects. */
MUST_CHECK int ledger_hello(struct store *s, struct store_device *d,
    uint64_t next, int64_t now, struct ledger_effects *ret_e);

#endif
