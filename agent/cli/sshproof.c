/*
 * sshproof.c - an approval's proof as `ssh-keygen -Y verify` takes it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/sshproof.h"

#include "common/base64.h"
#include "common/der.h"
#include "common/sshsig.h"

#include <string.h>

/* Where authenticatorData has its flags and counter, and what comes after
 * (WebAuthn 6.1). */
#define AUTH_FLAGS 32
#define AUTH_COUNTER 33
#define AUTH_EXTENSIONS 37

/* The key as OpenSSH has it. */
static int
public_of(const struct person_key *key, struct sshsig_public *ret_k)
{
	struct sshsig_public k = {
		.point = bytes_of(key->public, proof_public_size(key->alg))
	};

	switch (key->kind) {
	case PROOF_ED25519:
	case PROOF_SSH:
		k.kind = SSHSIG_ED25519;
		break;
	case PROOF_SK:
		k.kind = key->alg == PROOF_ALG_ES256 ? SSHSIG_SK_ECDSA :
		    SSHSIG_SK_ED25519;
		k.application = key->application;
		break;
	case PROOF_WEBAUTHN:
		if (key->alg != PROOF_ALG_ES256)
			return ERR_UNSUPPORTED;
		k.kind = SSHSIG_SK_ECDSA;
		k.application = key->rp_id;
		break;
	}
	*ret_k = k;
	return 0;
}

/* The value of "origin" in clientDataJSON, which was verified when it was
 * accepted: the only string of that name (WebAuthn 5.8.1.1). */
static struct bytes
origin_of(struct bytes client_data)
{
	static const char name[] = "\"origin\":\"";
	const size_t n = sizeof(name) - 1;
	size_t i, k;

	for (i = 0; i + n < client_data.n; i++)
		if (memcmp(client_data.p + i, name, n) == 0) {
			for (k = i + n; k < client_data.n &&
			    client_data.p[k] != '"'; k++)
				;
			return bytes_of(client_data.p + i + n, k - i - n);
		}
	return bytes_of(NULL, 0);
}

static int
rewrap(const struct webauthn_assertion *w, struct sshsig *s)
{
	const struct bytes auth = w->auth_data;

	if (auth.n < AUTH_EXTENSIONS || der_ecdsa_read(w->sig, s->sig) != 0)
		return ERR_SYNTAX;
	s->webauthn = true;
	s->origin = origin_of(w->client_data);
	s->client_data = w->client_data;
	s->flags = auth.p[AUTH_FLAGS];
	s->counter = (uint32_t)auth.p[AUTH_COUNTER] << 24 |
	    (uint32_t)auth.p[AUTH_COUNTER + 1] << 16 |
	    (uint32_t)auth.p[AUTH_COUNTER + 2] << 8 |
	    auth.p[AUTH_COUNTER + 3];
	s->extensions = bytes_of(auth.p + AUTH_EXTENSIONS,
	    auth.n - AUTH_EXTENSIONS);
	return 0;
}

int
sshproof_put(struct buf *b, const struct person_key *key, struct bytes proof)
{
	struct sshsig s = { .name_space = bytes_str(SSHSIG_NAMESPACE),
	    .hash = bytes_str("sha512") };
	struct proof p;
	struct buf blob;
	int err;

	if ((err = proof_read(proof, &p)) != 0)
		return err;
	if (p.wire == PROOF_WIRE_SSHSIG) {
		sshsig_armour(b, p.sshsig);
		return buf_error(b);
	}
	if ((err = public_of(key, &s.key)) != 0)
		return err;
	if (p.wire == PROOF_WIRE_WEBAUTHN)
		err = rewrap(&p.webauthn, &s);
	else if (p.sig.n != sizeof(s.sig))
		err = ERR_SYNTAX;
	else
		memcpy(s.sig, p.sig.p, sizeof(s.sig));
	if (err != 0)
		return err;
	buf_init(&blob, SSHSIG_MAX);
	sshsig_write(&blob, &s);
	if ((err = buf_error(&blob)) == 0) {
		sshsig_armour(b, buf_bytes(&blob));
		err = buf_error(b);
	}
	buf_free(&blob);
	return err;
}

void
sshproof_put_message(struct buf *b, struct bytes type, struct bytes payload)
{
	buf_printf(b, "DSSEv1 %zu ", type.n);
	buf_put_bytes(b, type);
	buf_printf(b, " %zu ", payload.n);
	buf_put_bytes(b, payload);
}

/* The name that a key blob begins with. */
static const char *
type_word(enum sshsig_key kind)
{
	switch (kind) {
	case SSHSIG_ED25519:
		return "ssh-ed25519";
	case SSHSIG_SK_ED25519:
		return "sk-ssh-ed25519@openssh.com";
	case SSHSIG_SK_ECDSA:
		return "sk-ecdsa-sha2-nistp256@openssh.com";
	}
	return "";
}

int
sshproof_put_signer(struct buf *b, struct bytes person,
    const struct person_key *key)
{
	struct sshsig_public k;
	struct buf blob;
	int err = public_of(key, &k);

	if (err != 0)
		return err;
	buf_init(&blob, SSHSIG_MAX);
	sshsig_write_public(&blob, &k);
	if ((err = buf_error(&blob)) == 0) {
		buf_put_bytes(b, person);
		buf_printf(b, " namespaces=\"" SSHSIG_NAMESPACE "\" %s ",
		    type_word(k.kind));
		base64_encode(b, buf_bytes(&blob));
		buf_put_u8(b, '\n');
		err = buf_error(b);
	}
	buf_free(&blob);
	return err;
}
