/*
 * keys.h - key files, passphrases and public keys, as people name them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_KEYS_H
#define COUNTERSIGN_AGENT_CLI_KEYS_H

#include "agent/cli/cli.h"
#include "common/keyfile.h"
#include "common/keyid.h"
#include "common/proof.h"

/* A public key of any kind, and where it came from. */
struct public_key {
	enum proof_kind kind;	/* ed25519, ssh or sk */
	enum proof_alg alg;
	uint8_t public[PROOF_MAX_PUBLIC];
	char id[KEYID_SIZE];
	char application[65];	/* of sk keys; "" */
	bool has_use;		/* a key file or its public half */
	enum keyfile_use use;
};

/*
 * Reads a key file (without its passphrase), the file that keygen --public
 * writes, or an OpenSSH public key file. Complains; CLI_*.
 */
MUST_CHECK int keys_read_public(const char *path, struct public_key *ret_k);
/* Whether the file is a key file, one that can sign. */
bool keys_is_private(const char *path);

/*
 * Opens a key file for signing, asking for its passphrase, or reading it from
 * the file named by --passphrase-file. Only of one of the uses in the mask
 * KEYS_USE(). Complains; CLI_*. End *ret_s with signer_wipe().
 */
#define KEYS_USE(use) (1u << (unsigned)(use))
MUST_CHECK int keys_open(const struct args *a, const char *path, unsigned uses,
    struct signer *ret_s);

/* Appends the public half as a file: JSON and a newline. */
void keys_write_public(struct buf *b, enum keyfile_use use,
    const uint8_t public[SIGNER_PUBLIC_SIZE]);

/* The passphrase for a new key, typed twice or from a file. Complains. */
#define KEYS_PASSPHRASE_SIZE (KEYFILE_MAX_PASSPHRASE + 1)
MUST_CHECK int keys_new_passphrase(const struct args *a, const char *path,
    char ret_text[KEYS_PASSPHRASE_SIZE]);

#endif
