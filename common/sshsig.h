/*
 * sshsig.h - OpenSSH's signatures, and the one pre-image of every approval.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (verifying), courier and cli (armour), console.
 *
 * Formats: OpenSSH's PROTOCOL.sshsig (the blob and its armour), RFC 8709
 * (ssh-ed25519), RFC 5656 and PROTOCOL.u2f (security keys, WebAuthn).
 */
#ifndef COUNTERSIGN_COMMON_SSHSIG_H
#define COUNTERSIGN_COMMON_SSHSIG_H

#include "common/bytes.h"

#define SSHSIG_NAMESPACE "countersign-approval-v1"
/* Bytes of B, below. */
#define SSHSIG_PREIMAGE_SIZE 115
/* A blob is no longer than an approval with its proof may be. */
#define SSHSIG_MAX ((size_t)16 << 10)

/* Flags of a security key's signature (WebAuthn 6.1). */
#define SSHSIG_USER_PRESENT 0x01
#define SSHSIG_USER_VERIFIED 0x04

enum sshsig_key {
	SSHSIG_ED25519,		/* ssh-ed25519 */
	SSHSIG_SK_ED25519,	/* sk-ssh-ed25519@openssh.com */
	SSHSIG_SK_ECDSA		/* sk-ecdsa-sha2-nistp256@openssh.com */
};

/* A public key taken apart. It owns nothing. */
struct sshsig_public {
	enum sshsig_key kind;
	struct bytes point;	/* 32 bytes, or 65 for SSHSIG_SK_ECDSA */
	struct bytes application;	/* "ssh:…"; security keys only */
};

/* A signature blob taken apart. It owns nothing. */
struct sshsig {
	struct sshsig_public key;
	struct bytes name_space;
	struct bytes reserved;
	struct bytes hash;	/* "sha512" or "sha256" */
	uint8_t sig[64];	/* Ed25519, or r and s */
	uint8_t flags;		/* security keys only, as the next one */
	uint32_t counter;
	/* webauthn-sk-ecdsa-sha2-nistp256@openssh.com, and what it adds. */
	bool webauthn;
	struct bytes origin;
	struct bytes client_data;
	struct bytes extensions;
};

/*
 * B, the bytes that every approval's key signs, whatever its kind
 * (protocol.md section 3). With M = PAE(type, payload):
 * B = "SSHSIG" str("countersign-approval-v1") str("") str("sha512")
 * str(SHA-512(M)), where str is a u32 big-endian length and the bytes. It is
 * what `ssh-keygen -Y sign -n countersign-approval-v1` signs over M.
 */
void sshsig_preimage(struct bytes type, struct bytes payload,
    uint8_t ret_b[SSHSIG_PREIMAGE_SIZE]);

/*
 * Reads a public key blob. ERR_KEY for a key type that is not listed above;
 * ERR_SYNTAX for a length, a curve name, a compressed point or trailing bytes.
 * That the point is on the curve is p256_verify()'s to check.
 */
MUST_CHECK int sshsig_read_public(struct bytes blob,
    struct sshsig_public *ret_k);
/* Appends the blob of a key. Failures are the buffer's. */
void sshsig_write_public(struct buf *b, const struct sshsig_public *k);

/*
 * Reads a signature blob. The signature's type must belong to the key's.
 * ERR_TOO_LARGE, ERR_VERSION (not version 1), ERR_KEY as above, ERR_SYNTAX
 * for anything else: lengths, numbers that are negative, not minimal or wider
 * than 32 bytes, trailing bytes at any level. The meaning of name_space,
 * reserved, hash, flags and application is the caller's to check.
 */
MUST_CHECK int sshsig_read(struct bytes blob, struct sshsig *ret_s);
/* Appends the blob. Failures are the buffer's. */
void sshsig_write(struct buf *b, const struct sshsig *s);

/*
 * Whether the signature is the key's over the pre-image. For a security key
 * that is SHA-256(application), flags, counter, SHA-256(preimage). 0,
 * ERR_SIGNATURE, ERR_KEY (the point is not on the curve), ERR_NOMEM;
 * ERR_UNSUPPORTED for a WebAuthn one, which is webauthn.h's.
 */
MUST_CHECK int sshsig_verify(const struct sshsig *s, struct bytes preimage);

/*
 * Appends the text form: base64 in lines of 70 between -----BEGIN and
 * -----END SSH SIGNATURE-----, each line with its newline.
 */
void sshsig_armour(struct buf *b, struct bytes blob);
/*
 * Appends the blob of a text that is one such block: nothing before it, only
 * line ends after it. Lines may be of any length and end in CR LF. ERR_SYNTAX;
 * the buffer's errors. On failure ret_b's content is as it was.
 */
MUST_CHECK int sshsig_dearmour(struct bytes text, struct buf *ret_b);

#endif
