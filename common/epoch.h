/*
 * epoch.h - the statement that names the next key of a device's checkpoints.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * Each epoch has an Ed25519 key of its own, named by a record `epoch` that the
 * key of the epoch before signed (of the first: the device key); then that
 * one's secret is erased. What was signed with an erased key nobody can sign
 * anew: whoever owns the machine today cannot rewrite what it said yesterday.
 * The payload (DSSE type epoch) is
 *   {"v":1,"org","device","epoch":n,"key":base64,"issued":time}
 */
#ifndef COUNTERSIGN_COMMON_EPOCH_H
#define COUNTERSIGN_COMMON_EPOCH_H

#include "common/record.h"

/* "<org>/<device id>/epoch-<n>" and a NUL: the name of the key in notes. */
#define EPOCH_NAME_SIZE 160

struct epoch_fields {
	const char *org;
	const char *device;
	int64_t epoch;		/* from 1 */
	const uint8_t *key;	/* 32 bytes, public */
	int64_t issued;		/* seconds */
};

/* Appends the payload. Failures are the buffer's. */
void epoch_write(struct buf *b, const struct epoch_fields *f);

/*
 * Checks a record of kind epoch: its payload says the same epoch and key, and
 * org and device; its one signature is by that key (32 bytes, public).
 * ERR_SIGNATURE; ERR_CORRUPT its payload says something else; ERR_RANGE not
 * one signature; doc.h's errors; ERR_NOMEM.
 */
MUST_CHECK int epoch_check(const struct record *rec, const char *org,
    const char *device, const uint8_t *by);

/* The name of an epoch's key in signed notes. */
void epoch_name(const char *org, const char *device, int64_t epoch,
    char ret_name[EPOCH_NAME_SIZE]);

#endif
