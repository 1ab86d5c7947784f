/*
 * hello.h - a device's proof that it is at the other end of this connection.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#ifndef COUNTERSIGN_CONSOLE_GATEWAY_HELLO_H
#define COUNTERSIGN_CONSOLE_GATEWAY_HELLO_H

#include "common/deviceid.h"
#include "common/text.h"
#include "common/wire.h"

/* With their NULs: every profile's word; a line of what holds for each. */
#define HELLO_PROFILES_SIZE 64
#define HELLO_SANDBOX_SIZE 800

/* What a hello says, copied out of it. */
struct hello {
	char org[TEXT_ORG_MAX + 1];
	char device[DEVICEID_SIZE];
	uint8_t console_nonce[WIRE_NONCE];
	uint8_t exporter[WIRE_HASH];
	char version[TEXT_NAME_MAX + 1];
	char system[TEXT_NAME_MAX + 1];
	char arch[TEXT_NAME_MAX + 1];
	char profiles[HELLO_PROFILES_SIZE];	/* words with commas */
	char sandbox[HELLO_SANDBOX_SIZE];	/* a line for each */
	bool split;
	uint64_t next;		/* records that its journal has */
};

/*
 * Whose hello it claims to be: the device id in the payload, before any
 * signature was looked at. Good for looking up the key and nothing else.
 * doc.h's errors.
 */
MUST_CHECK int hello_claim(struct bytes payload,
    char ret_device[DEVICEID_SIZE]);

/*
 * Checks the one signature with the device's key, then reads the payload.
 * ERR_VERSION another payload type, ERR_SIGNATURE, doc.h's errors.
 */
MUST_CHECK int hello_verify(const struct wire_envelope *e,
    const uint8_t key[WIRE_KEY], struct hello *ret_h);

#endif
