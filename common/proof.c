/*
 * proof.c - the signature of an approval or cancel, of whatever kind.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/proof.h"
#include "common/ed25519.h"
#include "common/p256.h"
#include "common/sshsig.h"

#include <string.h>

_Static_assert(PROOF_MAX_PUBLIC == P256_POINT_SIZE, "the largest key");

const char *
proof_kind_word(enum proof_kind kind)
{
	switch (kind) {
	case PROOF_ED25519:
		return "ed25519";
	case PROOF_SSH:
		return "ssh";
	case PROOF_SK:
		return "sk";
	case PROOF_WEBAUTHN:
		return "webauthn";
	}
	return "unknown";
}

size_t
proof_public_size(enum proof_alg alg)
{
	return alg == PROOF_ALG_ES256 ? P256_POINT_SIZE : ED25519_PUBLIC_SIZE;
}

int
proof_read(struct bytes field, struct proof *ret_p)
{
	struct proof p;
	struct reader r;
	uint8_t wire;

	if (field.n > PROOF_MAX)
		return ERR_TOO_LARGE;
	memset(&p, 0, sizeof(p));
	reader_init(&r, field);
	wire = reader_u8(&r);
	if (r.err != 0)
		return ERR_SYNTAX;
	switch (wire) {
	case PROOF_WIRE_ED25519:
		p.sig = reader_sshstr(&r, PROOF_MAX);
		break;
	case PROOF_WIRE_SSHSIG:
		p.sshsig = reader_sshstr(&r, PROOF_MAX);
		break;
	case PROOF_WIRE_WEBAUTHN:
		p.webauthn.credential_id = reader_sshstr(&r, PROOF_MAX);
		p.webauthn.auth_data = reader_sshstr(&r, PROOF_MAX);
		p.webauthn.client_data = reader_sshstr(&r, PROOF_MAX);
		p.webauthn.sig = reader_sshstr(&r, PROOF_MAX);
		break;
	default:
		return ERR_VERSION;
	}
	if (reader_end(&r) != 0)
		return ERR_SYNTAX;
	p.wire = (enum proof_wire)wire;
	*ret_p = p;
	return 0;
}

void
proof_write(struct buf *b, const struct proof *p)
{
	buf_put_u8(b, (uint8_t)p->wire);
	switch (p->wire) {
	case PROOF_WIRE_ED25519:
		buf_put_sshstr(b, p->sig);
		break;
	case PROOF_WIRE_SSHSIG:
		buf_put_sshstr(b, p->sshsig);
		break;
	case PROOF_WIRE_WEBAUTHN:
		buf_put_sshstr(b, p->webauthn.credential_id);
		buf_put_sshstr(b, p->webauthn.auth_data);
		buf_put_sshstr(b, p->webauthn.client_data);
		buf_put_sshstr(b, p->webauthn.sig);
		break;
	}
}

static int
refuse(int err, const char *reason, const char **ret_reason)
{
	*ret_reason = reason;
	return err;
}

static int
refuse_signature(int err, const char **ret_reason)
{
	if (err == ERR_NOMEM)
		return refuse(err, "memory", ret_reason);
	return refuse(ERR_SIGNATURE, "sign", ret_reason);
}

/* The key that an SSHSIG of this person has to name. */
static struct sshsig_public
expected_public(const struct person_key *key)
{
	struct sshsig_public k = {
		.kind = SSHSIG_ED25519,
		.point = bytes_of(key->public, proof_public_size(key->alg))
	};

	if (key->kind == PROOF_SK) {
		k.kind = key->alg == PROOF_ALG_ES256 ? SSHSIG_SK_ECDSA :
		    SSHSIG_SK_ED25519;
		k.application = key->application;
	}
	return k;
}

static bool
same_public(const struct sshsig_public *a, const struct sshsig_public *b)
{
	return a->kind == b->kind && bytes_equal(a->point, b->point) &&
	    bytes_equal(a->application, b->application);
}

static int
verify_sshsig(const struct person_key *key, struct bytes B,
    struct bytes blob, const char **ret_reason)
{
	struct sshsig_public want = expected_public(key);
	struct sshsig s;
	int r;

	if (sshsig_read(blob, &s) != 0)
		return refuse(ERR_SYNTAX, "proof", ret_reason);
	/* That one is a passkey's, re-wrapped: for exports, not for devices. */
	if (s.webauthn)
		return refuse(ERR_KEY, "kind", ret_reason);
	if (!same_public(&s.key, &want))
		return refuse(ERR_KEY, "key", ret_reason);
	if (!bytes_is(s.name_space, SSHSIG_NAMESPACE))
		return refuse(ERR_DENIED, "namespace", ret_reason);
	if (s.reserved.n != 0)
		return refuse(ERR_DENIED, "reserved", ret_reason);
	if (!bytes_is(s.hash, "sha512"))
		return refuse(ERR_DENIED, "hash", ret_reason);
	if ((r = sshsig_verify(&s, B)) != 0)
		return refuse_signature(r, ret_reason);
	if (key->kind == PROOF_SK && (s.flags & SSHSIG_USER_PRESENT) == 0)
		return refuse(ERR_DENIED, "user_not_present", ret_reason);
	if (key->kind == PROOF_SK && key->verify_required &&
	    (s.flags & SSHSIG_USER_VERIFIED) == 0)
		return refuse(ERR_DENIED, "user_not_verified", ret_reason);
	return 0;
}

static int
verify_webauthn(const struct person_key *key, struct bytes B,
    const struct webauthn_assertion *a, const char **ret_reason)
{
	struct webauthn_key k = {
		.alg = key->alg == PROOF_ALG_ES256 ? WEBAUTHN_ES256 :
		    WEBAUTHN_EDDSA,
		.public = key->public,
		.credential_id = key->credential_id,
		.rp_id = key->rp_id,
		.origins = key->origins,
		.n_origins = key->n_origins
	};

	return webauthn_verify(&k, a, B, ret_reason);
}

static enum proof_wire
wire_of(enum proof_kind kind)
{
	if (kind == PROOF_ED25519)
		return PROOF_WIRE_ED25519;
	return kind == PROOF_WEBAUTHN ? PROOF_WIRE_WEBAUTHN :
	    PROOF_WIRE_SSHSIG;
}

int
proof_verify(const struct person_key *key, struct bytes B,
    struct bytes field, const char **ret_reason)
{
	struct proof p;

	if (proof_read(field, &p) != 0)
		return refuse(ERR_SYNTAX, "proof", ret_reason);
	if (p.wire != wire_of(key->kind))
		return refuse(ERR_KEY, "kind", ret_reason);
	switch (p.wire) {
	case PROOF_WIRE_SSHSIG:
		return verify_sshsig(key, B, p.sshsig, ret_reason);
	case PROOF_WIRE_WEBAUTHN:
		return verify_webauthn(key, B, &p.webauthn, ret_reason);
	case PROOF_WIRE_ED25519:
		break;
	}
	if (ed25519_verify(key->public, B, p.sig) != 0)
		return refuse(ERR_SIGNATURE, "sign", ret_reason);
	return 0;
}
