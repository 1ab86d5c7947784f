/*
 * owners.h - the owners' trust files, verified as far as a console can.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * A console has no pin: the first root of an org that an admin puts is what
 * the later ones are checked against. That protects the console from mistakes,
 * and nobody from the console: devices and approvers have pins of their own.
 */
#ifndef COUNTERSIGN_CONSOLE_OWNERS_H
#define COUNTERSIGN_CONSOLE_OWNERS_H

#include "common/trust.h"
#include "console/store/store.h"

struct owners;

MUST_CHECK int owners_new(struct store *store, struct owners **ret_o);
/* NULL is fine. */
void owners_free(struct owners *o);

/*
 * The trust files of an org, without device entries; *ret_t is NULL if there
 * is no root. Valid until the next owners_put(). The store's errors.
 */
MUST_CHECK int owners_trust(struct owners *o, const char *org,
    const struct trust **ret_t);

/* The entry of a device; the caller frees it. ERR_NOT_FOUND. */
MUST_CHECK int owners_device(struct owners *o, const char *org,
    const char *device, struct device_entry **ret_d);

/*
 * Offers a file: to the set, or, with a device's id, as the entry of that
 * device (else device is ""). What is accepted is written to the store, in
 * the transaction that the caller opened and settles, and calls
 * owners_forget() for if that fails. Returns 0 for every verdict.
 */
MUST_CHECK int owners_put(struct owners *o, const char *org,
    const char *device, const struct envelope *e, int64_t now,
    struct trust_outcome *ret);
/* What is held in memory is read anew from the store. */
void owners_forget(struct owners *o, const char *org);

#endif
