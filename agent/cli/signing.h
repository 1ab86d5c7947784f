/*
 * signing.h - envelopes in files, and adding signatures to them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_SIGNING_H
#define COUNTERSIGN_AGENT_CLI_SIGNING_H

#include "agent/cli/cli.h"
#include "common/envelope.h"
#include "common/keyid.h"
#include "common/proof.h"
#include "common/signer.h"

#define SIGNING_FILE_MAX ((size_t)6 << 20)

/* Reads an envelope from a file. Complains; CLI_*. envelope_free() it. */
MUST_CHECK int signing_read(const char *path, struct envelope_doc *ret_d);
/* The same, of one type only. */
MUST_CHECK int signing_read_type(const char *path, enum payload_type type,
    struct envelope_doc *ret_d);
/* Writes it, with a newline. Complains; CLI_*. */
MUST_CHECK int signing_write(const char *path, const struct envelope *e);

/* What a signature needs besides the envelope, for as long as that is used. */
struct signature {
	char keyid[KEYID_SIZE];
	uint8_t sig[PROOF_MAX];
	size_t n;
};

/*
 * Adds the key's Ed25519 signature over the PAE; one with the same key id is
 * replaced. ERR_RANGE (too many), ERR_CRYPTO, ERR_NOMEM.
 */
MUST_CHECK int signing_add(struct envelope *e, const struct signer *s,
    struct signature *ret_sig);

/*
 * Signs an approval or cancel: one signature, a proof over B. The envelope
 * has type and payload.
 */
MUST_CHECK int signing_prove(struct envelope *e, const struct signer *s,
    struct signature *ret_sig);
/* The same with a binary SSHSIG; public is the key's. */
MUST_CHECK int signing_wrap(struct envelope *e, struct bytes sshsig,
    struct bytes public, struct signature *ret_sig);

#endif
