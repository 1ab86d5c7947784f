/*
 * self.h - this console as a witness: its name and its key.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Made once and kept in the store beside the other secrets. Owners write name
 * and key into their root files, so neither ever changes: a witness with one
 * key has one name (C2SP tlog-cosignature).
 */
#ifndef COUNTERSIGN_CONSOLE_WITNESS_SELF_H
#define COUNTERSIGN_CONSOLE_WITNESS_SELF_H

#include "common/note.h"
#include "common/signer.h"
#include "console/settings.h"
#include "console/store/store.h"

struct self {
	struct note_key key;		/* kind NOTE_COSIGNATURE */
	struct signer signer;
};

/*
 * Reads it, making it if there is none: named as the settings say, or after
 * the first name of the agents' port. ERR_CONFLICT if the settings now say
 * another name; ERR_SYNTAX a name that no key can have; ERR_IO (no random
 * bytes), ERR_CRYPTO; the store's errors. End it with self_wipe().
 */
MUST_CHECK int self_load(struct store *s, const struct settings *settings,
    struct self *ret_self);
/* Idempotent; fine on one that is all zero. */
void self_wipe(struct self *self);

#endif
