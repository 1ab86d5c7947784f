/*
 * newest.h - a device's newest checkpoint with everybody's word for it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#ifndef COUNTERSIGN_CONSOLE_WITNESS_NEWEST_H
#define COUNTERSIGN_CONSOLE_WITNESS_NEWEST_H

#include "console/store/cosigned.h"

/*
 * Appends the note: the device's lines and ours, and those of foreign
 * witnesses for exactly this checkpoint, as many as fit into b. *ret_size is
 * how many records it covers. ERR_NOT_FOUND; the store's errors.
 */
MUST_CHECK int newest_note(struct store *s, int64_t device,
    uint64_t *ret_size, struct buf *b);

#endif
