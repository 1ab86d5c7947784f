/*
 * identity.h - the device's own key, and what it signs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_IDENTITY_H
#define COUNTERSIGN_AGENT_GATE_IDENTITY_H

#include "common/deviceid.h"
#include "common/digest.h"
#include "common/signer.h"
#include "platform/sandbox.h"

/* The device key, in secret memory. */
struct identity_key;

/*
 * Reads the key file of 32 bytes, or makes it (make true). secrets.h's errors,
 * ERR_NOT_FOUND if it is not there and not to be made, ERR_NOMEM.
 */
MUST_CHECK int identity_open(const char *path, bool make,
    struct identity_key **ret_k);
void identity_close(struct identity_key *k);

const uint8_t *identity_public(const struct identity_key *k);
const char *identity_device(const struct identity_key *k);

/* What hello says besides the proof. */
struct hello {
	const char *org;
	const uint8_t *console_nonce;	/* 32 bytes, from the challenge */
	const uint8_t *exporter;	/* 32 bytes, of this TLS connection */
	uint64_t next;			/* records in the journal */
	const struct sandbox_offer *offer;
	bool split;			/* the courier has another account */
};

/*
 * Writes the hello payload and signs it as DSSE type hello; ret_payload is
 * appended to. The nonce of ours comes from the kernel. ERR_IO, ERR_CRYPTO,
 * the buffer's errors.
 */
MUST_CHECK int identity_hello(const struct identity_key *k,
    const struct hello *h, struct buf *ret_payload,
    uint8_t ret_sig[SIGNER_SIGNATURE_SIZE]);

/*
 * The signature over a message: the PAE of an epoch's statement, or the text of
 * a checkpoint; nothing else is signed with this key. ERR_CRYPTO.
 */
MUST_CHECK int identity_sign(const struct identity_key *k,
    struct bytes message, uint8_t ret_sig[SIGNER_SIGNATURE_SIZE]);

/* SHA-256 over what tells this machine from a copy of its disk (host.h). */
MUST_CHECK int identity_machine(struct sha256 *ret_d);

#endif
