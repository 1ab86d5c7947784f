/*
 * proof.h - the signature of an approval or cancel, of whatever kind.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * The `sig` of an approval's or cancel's envelope is a byte for the kind and
 * then fields, each a u32 big-endian length and that many bytes:
 *   1 ed25519   the signature over B, 64 bytes
 *   2 sshsig    the binary SSHSIG
 *   3 webauthn  credentialId, authenticatorData, clientDataJSON, signature
 * B is sshsig_preimage(). Which kind is right comes from the key's entry in
 * the signed people file and never from the proof.
 */
#ifndef COUNTERSIGN_COMMON_PROOF_H
#define COUNTERSIGN_COMMON_PROOF_H

#include "common/bytes.h"
#include "common/webauthn.h"

/* The whole field: an approval with its proof has 16 KiB. */
#define PROOF_MAX ((size_t)16 << 10)
#define PROOF_MAX_PUBLIC 65

/* Kinds of keys, as the people file and a policy's `proofs` name them. */
enum proof_kind {
	PROOF_ED25519 = 1,	/* a Countersign key file */
	PROOF_SSH,		/* plain ssh-ed25519: no touch is proven */
	PROOF_SK,		/* a FIDO key through OpenSSH */
	PROOF_WEBAUTHN		/* a passkey */
};

enum proof_alg {
	PROOF_ALG_ED25519 = 1,
	PROOF_ALG_ES256
};

/* What the first byte of the field says. */
enum proof_wire {
	PROOF_WIRE_ED25519 = 1,
	PROOF_WIRE_SSHSIG = 2,
	PROOF_WIRE_WEBAUTHN = 3
};

/*
 * A person's key, all that a proof is checked against. The spans belong to
 * whoever filled it in (the trust module), and outlive it.
 */
struct person_key {
	enum proof_kind kind;
	enum proof_alg alg;	/* Ed25519 for PROOF_ED25519 and PROOF_SSH */
	uint8_t public[PROOF_MAX_PUBLIC];	/* 32, or 65 for ES256 */
	/* PROOF_SK */
	struct bytes application;	/* "ssh:" or longer */
	bool verify_required;	/* the user must be verified, not only there */
	/* PROOF_WEBAUTHN */
	struct bytes credential_id;
	struct bytes rp_id;
	struct bytes origins[WEBAUTHN_MAX_ORIGINS];
	size_t n_origins;
};

/* A proof taken apart. It owns nothing. */
struct proof {
	enum proof_wire wire;
	struct bytes sig;		/* PROOF_WIRE_ED25519 */
	struct bytes sshsig;		/* PROOF_WIRE_SSHSIG */
	struct webauthn_assertion webauthn;	/* PROOF_WIRE_WEBAUTHN */
};

/* "ed25519", "ssh", "sk", "webauthn": static; "unknown" for other values. */
const char *proof_kind_word(enum proof_kind kind);

/* How many bytes the public key has: 32 or 65. */
size_t proof_public_size(enum proof_alg alg);

/*
 * Reads the field. ERR_TOO_LARGE over PROOF_MAX, ERR_VERSION for a kind that
 * is not known, ERR_SYNTAX for lengths that do not add up exactly.
 */
MUST_CHECK int proof_read(struct bytes field, struct proof *ret_p);
/* Appends the field. Failures are the buffer's. */
void proof_write(struct buf *b, const struct proof *p);

/*
 * Whether the proof in the field is the key's over B. 0, or an error and in
 * *ret_reason a static word (untouched on success):
 *   ERR_SYNTAX     "proof" (proof_read() or sshsig_read() refuse it)
 *   ERR_KEY        "kind" (another kind of proof than the key's), "key"
 *                  (the SSHSIG names another key or application),
 *                  "credential"
 *   ERR_DENIED     "namespace", "reserved", "hash" (not sha512),
 *                  "user_not_present", "user_not_verified", and those of
 *                  webauthn_verify()
 *   ERR_SIGNATURE  "sign"
 *   ERR_NOMEM      "memory"
 */
MUST_CHECK int proof_verify(const struct person_key *key, struct bytes B,
    struct bytes field, const char **ret_reason);

#endif
