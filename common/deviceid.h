/*
 * deviceid.h - the name of a device, made from its public key.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, console, cli.
 */
#ifndef COUNTERSIGN_COMMON_DEVICEID_H
#define COUNTERSIGN_COMMON_DEVICEID_H

#include "common/bytes.h"

/* Bytes of a device id with its NUL: "d-" and 26 characters. */
#define DEVICEID_SIZE 29

/*
 * The id of the device with that Ed25519 public key: "d-" and the first 26
 * characters of base32(SHA-256(key)) (RFC 4648 section 6) in lower case.
 */
void deviceid_make(const uint8_t key[32], char ret_id[DEVICEID_SIZE]);

/* Whether the text has the form of a device id. */
bool deviceid_is(struct bytes text);

#endif
