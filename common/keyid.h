/*
 * keyid.h - the short name of a public key.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_KEYID_H
#define COUNTERSIGN_COMMON_KEYID_H

#include "common/bytes.h"

/* 32 hex digits and a NUL. */
#define KEYID_SIZE 33

/*
 * The first 16 bytes, in lower-case hex, of SHA-256(raw public key): 32 bytes
 * of Ed25519, or the 65 of an uncompressed P-256 point. In an envelope it is
 * a hint that narrows which keys are tried; in `revoked` and in records it
 * names a key.
 */
void keyid_make(struct bytes public, char ret_id[KEYID_SIZE]);

/* Whether the text has that form. */
bool keyid_is(struct bytes text);

#endif
