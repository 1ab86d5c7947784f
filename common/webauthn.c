/*
 * webauthn.c - checking a passkey's assertion over a known challenge.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/webauthn.h"
#include "common/base64.h"
#include "common/digest.h"
#include "common/ed25519.h"
#include "common/p256.h"

#include <string.h>

/* authenticatorData (Level 3, 6.1): 32 of rpIdHash, flags, u32 counter. */
#define FLAGS_AT 32
#define FIXED_SIZE 37
#define FLAG_UP 0x01
#define FLAG_UV 0x04
#define FLAG_BE 0x08
#define FLAG_BS 0x10
#define FLAG_AT 0x40
#define FLAG_ED 0x80

static int
refuse(int err, const char *reason, const char **ret_reason)
{
	*ret_reason = reason;
	return err;
}

int
webauthn_verify_signature(const struct webauthn_key *key,
    const struct webauthn_assertion *a)
{
	uint8_t msg[WEBAUTHN_MAX_AUTH_DATA + SHA256_SIZE];
	struct sha256 client;
	struct bytes all;
	int r;

	if (a->auth_data.n > WEBAUTHN_MAX_AUTH_DATA)
		return ERR_SIGNATURE;
	digest_sha256(a->client_data, &client);
	if (a->auth_data.n > 0)
		memcpy(msg, a->auth_data.p, a->auth_data.n);
	memcpy(msg + a->auth_data.n, client.b, SHA256_SIZE);
	all = bytes_of(msg, a->auth_data.n + SHA256_SIZE);
	if (key->alg == WEBAUTHN_EDDSA)
		return ed25519_verify(key->public, all, a->sig);
	r = es256_verify(key->public, all, a->sig);
	return r == 0 || r == ERR_NOMEM ? r : ERR_SIGNATURE;
}

/* Takes expected off the front of *rest, if it begins with that. */
static bool
take_prefix(struct bytes *rest, struct bytes expected)
{
	if (rest->n < expected.n || (expected.n > 0 &&
	    memcmp(rest->p, expected.p, expected.n) != 0))
		return false;
	rest->p += expected.n;
	rest->n -= expected.n;
	return true;
}

static bool
take_text(struct bytes *rest, const char *expected)
{
	return take_prefix(rest, bytes_str(expected));
}

/* Takes the challenge as base64url. ERR_DENIED if it is another. */
static int
take_challenge(struct bytes *rest, struct bytes challenge)
{
	struct buf text;
	int r;

	buf_init(&text, 2 * WEBAUTHN_MAX_CHALLENGE);
	base64url_encode(&text, challenge);
	r = buf_error(&text);
	if (r == 0 && !take_prefix(rest, buf_bytes(&text)))
		r = ERR_DENIED;
	buf_free(&text);
	return r;
}

/*
 * Takes one of the origins with its closing quote. Serialised text escapes
 * nothing in them, since they hold neither quotes nor backslashes.
 */
static bool
take_origin(struct bytes *rest, const struct webauthn_key *key)
{
	size_t i;

	for (i = 0; i < key->n_origins; i++) {
		struct bytes after = *rest;

		if (take_prefix(&after, key->origins[i]) &&
		    take_text(&after, "\"")) {
			*rest = after;
			return true;
		}
	}
	return false;
}

/*
 * Whether a topOrigin stands anywhere in what follows crossOrigin. A browser
 * writes it directly there or not at all. In the text of another member its
 * quotes would be escaped, so this finds names (and values) alone.
 */
static bool
has_top_origin(struct bytes rest)
{
	static const char name[] = "\"topOrigin\"";
	const size_t n = sizeof(name) - 1;

	for (; rest.n >= n; rest.p++, rest.n--) {
		if (memcmp(rest.p, name, n) == 0)
			return true;
	}
	return false;
}

/* The limited verification of clientDataJSON. */
static int
check_client_data(const struct webauthn_key *key, struct bytes rest,
    struct bytes challenge, const char **ret_reason)
{
	int r;

	if (!take_text(&rest, "{\"type\":\"webauthn.get\",\"challenge\":\""))
		return refuse(ERR_DENIED, "type", ret_reason);
	if ((r = take_challenge(&rest, challenge)) != 0)
		return refuse(r, r == ERR_DENIED ? "challenge" : "memory",
		    ret_reason);
	if (!take_text(&rest, "\",\"origin\":\""))
		return refuse(ERR_DENIED, "challenge", ret_reason);
	if (!take_origin(&rest, key))
		return refuse(ERR_DENIED, "origin", ret_reason);
	if (has_top_origin(rest))
		return refuse(ERR_DENIED, "top_origin", ret_reason);
	if (!take_text(&rest, ",\"crossOrigin\":false"))
		return refuse(ERR_DENIED, "cross_origin", ret_reason);
	/* The end, or more members up to an end. */
	if (rest.n == 0 || rest.p[rest.n - 1] != '}' ||
	    (rest.n > 1 && rest.p[0] != ','))
		return refuse(ERR_DENIED, "client_data", ret_reason);
	return 0;
}

static int
check_auth_data(const struct webauthn_key *key, struct bytes a,
    const char **ret_reason)
{
	uint8_t flags = a.p[FLAGS_AT];
	struct sha256 rp;

	digest_sha256(key->rp_id, &rp);
	if (memcmp(a.p, rp.b, SHA256_SIZE) != 0)
		return refuse(ERR_DENIED, "rp_id", ret_reason);
	if ((flags & FLAG_UP) == 0)
		return refuse(ERR_DENIED, "user_not_present", ret_reason);
	if ((flags & FLAG_UV) == 0)
		return refuse(ERR_DENIED, "user_not_verified", ret_reason);
	if ((flags & FLAG_BS) != 0 && (flags & FLAG_BE) == 0)
		return refuse(ERR_DENIED, "backup_flags", ret_reason);
	if ((flags & FLAG_AT) != 0)
		return refuse(ERR_DENIED, "attested_data", ret_reason);
	if (((flags & FLAG_ED) != 0) != (a.n > FIXED_SIZE))
		return refuse(ERR_DENIED, "extensions_length", ret_reason);
	return 0;
}

int
webauthn_verify(const struct webauthn_key *key,
    const struct webauthn_assertion *a, struct bytes challenge,
    const char **ret_reason)
{
	int r;

	if (!bytes_equal(a->credential_id, key->credential_id))
		return refuse(ERR_KEY, "credential", ret_reason);
	if (a->auth_data.n < FIXED_SIZE ||
	    a->auth_data.n > WEBAUTHN_MAX_AUTH_DATA)
		return refuse(ERR_SYNTAX, "auth_data_length", ret_reason);
	if (a->client_data.n == 0 ||
	    a->client_data.n > WEBAUTHN_MAX_CLIENT_DATA)
		return refuse(ERR_SYNTAX, "client_data_length", ret_reason);
	if ((r = webauthn_verify_signature(key, a)) != 0)
		return refuse(r, r == ERR_NOMEM ? "memory" : "sign",
		    ret_reason);
	r = check_client_data(key, a->client_data, challenge, ret_reason);
	if (r != 0)
		return r;
	return check_auth_data(key, a->auth_data, ret_reason);
}
