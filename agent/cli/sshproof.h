/*
 * sshproof.h - an approval's proof as `ssh-keygen -Y verify` takes it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * Every approval signs the blob that ssh-keygen would sign over the PAE of its
 * payload, whatever kind the key is (sshsig.h). So each can be handed to a
 * stock ssh-keygen: as it is, with a head around it, or, a passkey's,
 * re-wrapped as a WebAuthn signature (OpenSSH 8.4 and later).
 */
#ifndef COUNTERSIGN_AGENT_CLI_SSHPROOF_H
#define COUNTERSIGN_AGENT_CLI_SSHPROOF_H

#include "common/proof.h"

/*
 * Appends the armoured SSHSIG of that proof, made by that key. ERR_UNSUPPORTED
 * an EdDSA passkey, for which OpenSSH has no signature type; proof_read()'s
 * errors; ERR_SYNTAX; the buffer's.
 */
MUST_CHECK int sshproof_put(struct buf *b, const struct person_key *key,
    struct bytes proof);

/* Appends what was signed: the PAE of the type and the payload. */
void sshproof_put_message(struct buf *b, struct bytes type,
    struct bytes payload);

/*
 * Appends a line of an allowed-signers file (ssh-keygen(1)): the person, for
 * approvals only, and the key. ERR_UNSUPPORTED as above.
 */
MUST_CHECK int sshproof_put_signer(struct buf *b, struct bytes person,
    const struct person_key *key);

#endif
