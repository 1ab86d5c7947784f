/*
 * notecheck.h - whether a checkpoint is the device's own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#ifndef COUNTERSIGN_CONSOLE_NOTECHECK_H
#define COUNTERSIGN_CONSOLE_NOTECHECK_H

#include "common/bytes.h"

/*
 * Checks a C2SP signed note (signed-note, tlog-checkpoint): origin
 * "<org>/<device id>", a decimal size, a root hash, and among its signatures
 * one by the device's key under that name. *ret_size is the number of
 * records that it covers. ERR_SYNTAX, ERR_SIGNATURE, ERR_NOMEM.
 */
MUST_CHECK int notecheck(struct bytes note, const char *org,
    const char *device, const uint8_t key[32], uint64_t *ret_size);

#endif
