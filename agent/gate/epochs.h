/*
 * epochs.h - the keys of the epochs: one secret at a time, the old one erased.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * File `epoch.key` of the state folder: the secret of the epoch that the
 * newest synced epoch record names. The next one is written to `epoch.key.new`
 * before its record is appended; when the record is on disk the old secret is
 * overwritten and the new file takes its place. A crash leaves either or both,
 * and the record says which of them counts.
 */
#ifndef COUNTERSIGN_AGENT_GATE_EPOCHS_H
#define COUNTERSIGN_AGENT_GATE_EPOCHS_H

#include "agent/gate/core.h"
#include "agent/gate/identity.h"

struct epochs;

/* dir: the state folder. ERR_NOMEM. */
MUST_CHECK int epochs_new(int dir, struct epochs **ret_e);
/* Wipes the secret from memory. NULL is fine. */
void epochs_free(struct epochs *e);

/*
 * At a start: takes the secret of that epoch's public key, and finishes what a
 * crash left. epoch 0: there is none yet, leftovers go. ERR_NOT_FOUND: neither
 * file has the secret of that key; secrets.h's errors; ERR_NOMEM.
 */
MUST_CHECK int epochs_open(struct epochs *e, int64_t epoch,
    const uint8_t *public);

/*
 * The next epoch: makes a key, keeps its secret beside the old one, and signs
 * the statement with the old one (of epoch 1: the device key). Before another,
 * epochs_settle() is due. ERR_STATE: it was not; ERR_NO_SPACE, ERR_IO,
 * ERR_CRYPTO, the buffer's errors.
 */
MUST_CHECK int epochs_next(struct epochs *e, const struct identity_key *device,
    const struct core_epoch *ask, struct buf *ret_payload,
    uint8_t ret_key[RECORD_DEVICE_KEY], uint8_t ret_sig[64]);
/* Whether a new key waits for its record to be synced. */
bool epochs_is_pending(const struct epochs *e);
/* Its record is on disk: the old secret is erased. No work if none waits.
 * ERR_IO, …: final. */
MUST_CHECK int epochs_settle(struct epochs *e);

/* The epoch whose secret is held; 0: none. */
int64_t epochs_number(const struct epochs *e);
const uint8_t *epochs_public(const struct epochs *e);
/* Signs with it. ERR_STATE: none; ERR_CRYPTO. */
MUST_CHECK int epochs_sign(const struct epochs *e, struct bytes message,
    uint8_t ret_sig[64]);

#endif
