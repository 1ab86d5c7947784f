/*
 * webauthn.h - checking a passkey's assertion over a known challenge.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * W3C Web Authentication Level 3, section 7.2, with the limited verification
 * of clientDataJSON (5.8.1.2): the text is compared with what it has to begin
 * with and never parsed. Stricter than Level 3 where protocol.md section 3
 * says so: the user is verified, not only present, and no frame of another
 * origin is involved. All that is expected comes from a signed people file.
 */
#ifndef COUNTERSIGN_COMMON_WEBAUTHN_H
#define COUNTERSIGN_COMMON_WEBAUTHN_H

#include "common/bytes.h"

#define WEBAUTHN_MAX_CREDENTIAL 1023	/* Level 3, 7.1 */
#define WEBAUTHN_MAX_ORIGINS 8
#define WEBAUTHN_MAX_CHALLENGE 128
/* Real ones are 37 bytes, and some 200; a proof has 16 KiB in all. */
#define WEBAUTHN_MAX_AUTH_DATA 1024
#define WEBAUTHN_MAX_CLIENT_DATA 4096

/* COSE algorithms (RFC 9053), as the people file names them. */
enum webauthn_alg {
	WEBAUTHN_ES256 = -7,
	WEBAUTHN_EDDSA = -8
};

/* What a person's entry says of the credential. It owns nothing. */
struct webauthn_key {
	enum webauthn_alg alg;
	const uint8_t *public;	/* 65 bytes (0x04, x, y) for ES256, else 32 */
	struct bytes credential_id;
	struct bytes rp_id;
	const struct bytes *origins;	/* printable ASCII without " and \ */
	size_t n_origins;
};

/* What the authenticator and the browser made. It owns nothing. */
struct webauthn_assertion {
	struct bytes credential_id;
	struct bytes auth_data;
	struct bytes client_data;	/* clientDataJSON */
	struct bytes sig;		/* strict DER, or 64 bytes of EdDSA */
};

/*
 * Checks everything, in this order; the first that fails gives the error and,
 * in *ret_reason, one of these static words (untouched on success):
 *   ERR_KEY        "credential" (another credential id)
 *   ERR_SYNTAX     "auth_data_length" (less than 37 bytes, or over the cap),
 *                  "client_data_length"
 *   ERR_SIGNATURE  "sign" (over authenticatorData and SHA-256 of
 *                  clientDataJSON; a key that is no key too)
 *   ERR_DENIED     "type" (not webauthn.get), "challenge", "origin" (not
 *                  listed), "cross_origin" (true, or not there),
 *                  "top_origin", "client_data" (what follows is no end of an
 *                  object), "rp_id", "user_not_present", "user_not_verified",
 *                  "backup_flags" (backed up but not eligible),
 *                  "attested_data" (AT set), "extensions_length" (not exactly
 *                  37 bytes without ED, no more than 37 with it)
 *   ERR_NOMEM      "memory"
 */
MUST_CHECK int webauthn_verify(const struct webauthn_key *key,
    const struct webauthn_assertion *a, struct bytes challenge,
    const char **ret_reason);

/*
 * The signature alone: what webauthn_verify() checks as "sign". 0,
 * ERR_SIGNATURE, ERR_NOMEM.
 */
MUST_CHECK int webauthn_verify_signature(const struct webauthn_key *key,
    const struct webauthn_assertion *a);

#endif
