/*
 * sshsig.c - OpenSSH's signatures, and the one pre-image of every approval.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (verifying), courier and cli (armour), console.
 */
#include "common/sshsig.h"
#include "common/digest.h"
#include "common/ed25519.h"
#include "common/p256.h"

#include <string.h>

#define MAGIC "SSHSIG"
#define MAGIC_SIZE 6
#define CURVE "nistp256"
#define WEBAUTHN_SIG "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
#define SCALAR 32

static const char *const key_names[] = {
	[SSHSIG_ED25519] = "ssh-ed25519",
	[SSHSIG_SK_ED25519] = "sk-ssh-ed25519@openssh.com",
	[SSHSIG_SK_ECDSA] = "sk-ecdsa-sha2-nistp256@openssh.com"
};

#define N_KEYS (sizeof(key_names) / sizeof(key_names[0]))

_Static_assert(SSHSIG_PREIMAGE_SIZE == MAGIC_SIZE +
    4 + sizeof(SSHSIG_NAMESPACE) - 1 + 4 + 4 + 6 + 4 + SHA512_SIZE,
    "the size of B");

/* Appends an SSH string to fixed memory. */
static uint8_t *
put_string(uint8_t *to, const void *p, size_t n)
{
	to[0] = 0;
	to[1] = 0;
	to[2] = 0;
	to[3] = (uint8_t)n;
	memcpy(to + 4, p, n);
	return to + 4 + n;
}

void
sshsig_preimage(struct bytes type, struct bytes payload,
    uint8_t ret_b[SSHSIG_PREIMAGE_SIZE])
{
	uint8_t hash[SHA512_SIZE], *to = ret_b + MAGIC_SIZE;

	digest_pae512(type, payload, hash);
	memcpy(ret_b, MAGIC, MAGIC_SIZE);
	to = put_string(to, SSHSIG_NAMESPACE, strlen(SSHSIG_NAMESPACE));
	to = put_string(to, "", 0);
	to = put_string(to, "sha512", 6);
	(void)put_string(to, hash, sizeof(hash));
}

static struct bytes
get_string(struct reader *r)
{
	return reader_sshstr(r, SSHSIG_MAX);
}

/* Cursor errors in one word: whatever it was, the form is wrong. */
static int
end_of(const struct reader *r)
{
	return reader_end(r) != 0 ? ERR_SYNTAX : 0;
}

int
sshsig_read_public(struct bytes blob, struct sshsig_public *ret_k)
{
	struct sshsig_public k;
	struct bytes name;
	struct reader r;
	size_t i, want = ED25519_PUBLIC_SIZE;

	memset(&k, 0, sizeof(k));
	reader_init(&r, blob);
	name = get_string(&r);
	for (i = 0; i < N_KEYS && !bytes_is(name, key_names[i]); i++)
		;
	if (i == N_KEYS)
		return ERR_KEY;
	k.kind = (enum sshsig_key)i;
	if (k.kind == SSHSIG_SK_ECDSA) {
		want = P256_POINT_SIZE;
		if (!bytes_is(get_string(&r), CURVE))
			return ERR_SYNTAX;
	}
	k.point = get_string(&r);
	if (k.kind != SSHSIG_ED25519)
		k.application = get_string(&r);
	if (end_of(&r) != 0 || k.point.n != want)
		return ERR_SYNTAX;
	if (k.kind == SSHSIG_SK_ECDSA && k.point.p[0] != 0x04)
		return ERR_SYNTAX;
	*ret_k = k;
	return 0;
}

void
sshsig_write_public(struct buf *b, const struct sshsig_public *k)
{
	buf_put_sshstr(b, bytes_str(key_names[k->kind]));
	if (k->kind == SSHSIG_SK_ECDSA)
		buf_put_sshstr(b, bytes_str(CURVE));
	buf_put_sshstr(b, k->point);
	if (k->kind != SSHSIG_ED25519)
		buf_put_sshstr(b, k->application);
}

/* A positive mpint (RFC 4251 5) of the fewest bytes, into 32 bytes. */
static int
get_scalar(struct reader *r, uint8_t *ret_p)
{
	struct bytes v = get_string(r);

	if (r->err != 0 || v.n == 0 || (v.p[0] & 0x80) != 0)
		return ERR_SYNTAX;
	if (v.p[0] == 0) {
		if (v.n == 1 || (v.p[1] & 0x80) == 0)
			return ERR_SYNTAX;
		v.p++;
		v.n--;
	}
	if (v.n > SCALAR)
		return ERR_SYNTAX;
	memset(ret_p, 0, SCALAR - v.n);
	memcpy(ret_p + SCALAR - v.n, v.p, v.n);
	return 0;
}

static int
get_ecdsa(struct bytes blob, uint8_t *ret_rs)
{
	struct reader r;

	reader_init(&r, blob);
	if (get_scalar(&r, ret_rs) != 0 ||
	    get_scalar(&r, ret_rs + SCALAR) != 0)
		return ERR_SYNTAX;
	return end_of(&r);
}

/* The signature field, whose form depends on the key. */
static int
read_signature(struct bytes blob, struct sshsig *s)
{
	struct bytes name, sig;
	struct reader r;

	reader_init(&r, blob);
	name = get_string(&r);
	s->webauthn = s->key.kind == SSHSIG_SK_ECDSA &&
	    bytes_is(name, WEBAUTHN_SIG);
	if (!s->webauthn && !bytes_is(name, key_names[s->key.kind]))
		return ERR_SYNTAX;
	sig = get_string(&r);
	if (s->key.kind != SSHSIG_ED25519) {
		s->flags = reader_u8(&r);
		s->counter = reader_u32be(&r);
	}
	if (s->webauthn) {
		s->origin = get_string(&r);
		s->client_data = get_string(&r);
		s->extensions = get_string(&r);
	}
	if (end_of(&r) != 0)
		return ERR_SYNTAX;
	if (s->key.kind == SSHSIG_SK_ECDSA)
		return get_ecdsa(sig, s->sig);
	if (sig.n != sizeof(s->sig))
		return ERR_SYNTAX;
	memcpy(s->sig, sig.p, sizeof(s->sig));
	return 0;
}

int
sshsig_read(struct bytes blob, struct sshsig *ret_s)
{
	struct bytes magic, public, sig;
	uint32_t version;
	struct sshsig s;
	struct reader r;
	int rc;

	if (blob.n > SSHSIG_MAX)
		return ERR_TOO_LARGE;
	memset(&s, 0, sizeof(s));
	reader_init(&r, blob);
	magic = reader_take(&r, MAGIC_SIZE);
	version = reader_u32be(&r);
	if (r.err != 0 || !bytes_is(magic, MAGIC))
		return ERR_SYNTAX;
	if (version != 1)
		return ERR_VERSION;
	public = get_string(&r);
	s.name_space = get_string(&r);
	s.reserved = get_string(&r);
	s.hash = get_string(&r);
	sig = get_string(&r);
	if (end_of(&r) != 0)
		return ERR_SYNTAX;
	if ((rc = sshsig_read_public(public, &s.key)) != 0 ||
	    (rc = read_signature(sig, &s)) != 0)
		return rc;
	*ret_s = s;
	return 0;
}

static void
put_scalar(struct buf *b, const uint8_t *p)
{
	struct bytes v = bytes_of(p, SCALAR);

	while (v.n > 0 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	if (v.n > 0 && (v.p[0] & 0x80) != 0) {
		buf_put_u32be(b, (uint32_t)v.n + 1);
		buf_put_u8(b, 0);
		buf_put_bytes(b, v);
	} else {
		buf_put_sshstr(b, v);
	}
}

static void
write_signature(struct buf *b, const struct sshsig *s, struct buf *scratch)
{
	buf_put_sshstr(b, bytes_str(s->webauthn ? WEBAUTHN_SIG :
	    key_names[s->key.kind]));
	if (s->key.kind == SSHSIG_SK_ECDSA) {
		buf_clear(scratch);
		put_scalar(scratch, s->sig);
		put_scalar(scratch, s->sig + SCALAR);
		buf_put_sshstr(b, buf_bytes(scratch));
	} else {
		buf_put_sshstr(b, bytes_of(s->sig, sizeof(s->sig)));
	}
	if (s->key.kind != SSHSIG_ED25519) {
		buf_put_u8(b, s->flags);
		buf_put_u32be(b, s->counter);
	}
	if (s->webauthn) {
		buf_put_sshstr(b, s->origin);
		buf_put_sshstr(b, s->client_data);
		buf_put_sshstr(b, s->extensions);
	}
}

void
sshsig_write(struct buf *b, const struct sshsig *s)
{
	struct buf part, scratch;

	buf_init(&part, SSHSIG_MAX);
	buf_init(&scratch, 2 * (SCALAR + 8));
	buf_put(b, MAGIC, MAGIC_SIZE);
	buf_put_u32be(b, 1);
	sshsig_write_public(&part, &s->key);
	buf_put_sshstr(b, buf_bytes(&part));
	buf_put_sshstr(b, s->name_space);
	buf_put_sshstr(b, s->reserved);
	buf_put_sshstr(b, s->hash);
	if (part.err == 0)
		buf_clear(&part);
	write_signature(&part, s, &scratch);
	buf_put_sshstr(b, buf_bytes(&part));
	if (b->err == 0)
		b->err = part.err != 0 ? part.err : scratch.err;
	buf_free(&scratch);
	buf_free(&part);
}

int
sshsig_verify(const struct sshsig *s, struct bytes preimage)
{
	struct sha256 application, message, hash;
	uint8_t signed_data[2 * SHA256_SIZE + 5];
	struct bytes sig = bytes_of(s->sig, sizeof(s->sig));
	uint8_t *to = signed_data + SHA256_SIZE;

	if (s->webauthn)
		return ERR_UNSUPPORTED;
	if (s->key.kind == SSHSIG_ED25519)
		return ed25519_verify(s->key.point.p, preimage, sig);
	digest_sha256(s->key.application, &application);
	digest_sha256(preimage, &message);
	memcpy(signed_data, application.b, SHA256_SIZE);
	*to++ = s->flags;
	*to++ = (uint8_t)(s->counter >> 24);
	*to++ = (uint8_t)(s->counter >> 16);
	*to++ = (uint8_t)(s->counter >> 8);
	*to++ = (uint8_t)s->counter;
	memcpy(to, message.b, SHA256_SIZE);
	if (s->key.kind == SSHSIG_SK_ED25519)
		return ed25519_verify(s->key.point.p,
		    bytes_of(signed_data, sizeof(signed_data)), sig);
	digest_sha256(bytes_of(signed_data, sizeof(signed_data)), &hash);
	return p256_verify(s->key.point.p, &hash, s->sig);
}
