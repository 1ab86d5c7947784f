/*
 * digest.c - SHA-256 and SHA-512, and the hash that names every payload.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#include "common/digest.h"

#include <sodium/core.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_hash_sha512.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "sha256:"
#define PREFIX_SIZE (sizeof(PREFIX) - 1)

_Static_assert(sizeof(struct digest_ctx) >= sizeof(crypto_hash_sha256_state),
    "digest_ctx holds libsodium's state");
_Static_assert(_Alignof(struct digest_ctx) >=
    _Alignof(crypto_hash_sha256_state), "digest_ctx is aligned for it");
_Static_assert(SHA256_SIZE == crypto_hash_sha256_BYTES, "SHA-256 size");
_Static_assert(SHA512_SIZE == crypto_hash_sha512_BYTES, "SHA-512 size");

int
digest_init(void)
{
	return sodium_init() < 0 ? ERR_CRYPTO : 0;
}

void
digest_sha256(struct bytes a, struct sha256 *ret_d)
{
	(void)crypto_hash_sha256(ret_d->b, a.p, a.n);
}

void
digest_sha512(struct bytes a, uint8_t ret_d[SHA512_SIZE])
{
	(void)crypto_hash_sha512(ret_d, a.p, a.n);
}

static crypto_hash_sha256_state *
ctx_state(struct digest_ctx *c)
{
	return (crypto_hash_sha256_state *)(void *)c->opaque;
}

void
digest_ctx_init(struct digest_ctx *c)
{
	(void)crypto_hash_sha256_init(ctx_state(c));
}

void
digest_ctx_update(struct digest_ctx *c, struct bytes a)
{
	/* libsodium copies from the pointer even when there is nothing. */
	if (a.n > 0)
		(void)crypto_hash_sha256_update(ctx_state(c), a.p, a.n);
}

void
digest_ctx_final(struct digest_ctx *c, struct sha256 *ret_d)
{
	(void)crypto_hash_sha256_final(ctx_state(c), ret_d->b);
}

/* The parts of a PAE around the type and the body. */
struct pae_frame {
	char before_type[32];
	char before_body[32];
};

static void
pae_frame(size_t type_n, size_t body_n, struct pae_frame *ret_f)
{
	(void)snprintf(ret_f->before_type, sizeof(ret_f->before_type),
	    "DSSEv1 %zu ", type_n);
	(void)snprintf(ret_f->before_body, sizeof(ret_f->before_body),
	    " %zu ", body_n);
}

void
digest_pae(struct bytes type, struct bytes payload, struct sha256 *ret_d)
{
	struct pae_frame f = { "", "" };
	struct digest_ctx c = { { 0 } };

	pae_frame(type.n, payload.n, &f);
	digest_ctx_init(&c);
	digest_ctx_update(&c, bytes_str(f.before_type));
	digest_ctx_update(&c, type);
	digest_ctx_update(&c, bytes_str(f.before_body));
	digest_ctx_update(&c, payload);
	digest_ctx_final(&c, ret_d);
}

static void
sha512_update(crypto_hash_sha512_state *s, struct bytes a)
{
	if (a.n > 0)
		(void)crypto_hash_sha512_update(s, a.p, a.n);
}

void
digest_pae512(struct bytes type, struct bytes payload,
    uint8_t ret_d[SHA512_SIZE])
{
	struct pae_frame f = { "", "" };
	crypto_hash_sha512_state s;

	pae_frame(type.n, payload.n, &f);
	(void)crypto_hash_sha512_init(&s);
	sha512_update(&s, bytes_str(f.before_type));
	sha512_update(&s, type);
	sha512_update(&s, bytes_str(f.before_body));
	sha512_update(&s, payload);
	(void)crypto_hash_sha512_final(&s, ret_d);
}

bool
sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->b, b->b, SHA256_SIZE) == 0;
}

void
digest_text(const struct sha256 *d, char ret_text[DIGEST_TEXT_SIZE])
{
	memcpy(ret_text, PREFIX, PREFIX_SIZE);
	hex_encode(bytes_of(d->b, SHA256_SIZE), ret_text + PREFIX_SIZE);
}

int
digest_parse(struct bytes text, struct sha256 *ret_d)
{
	if (text.n != DIGEST_TEXT_SIZE - 1 ||
	    memcmp(text.p, PREFIX, PREFIX_SIZE) != 0)
		return ERR_SYNTAX;
	return hex_decode(bytes_of(text.p + PREFIX_SIZE, 2 * SHA256_SIZE),
	    ret_d->b, SHA256_SIZE);
}
