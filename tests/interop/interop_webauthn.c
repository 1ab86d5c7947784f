/*
 * interop_webauthn.c - runs Web Authentication Level 3's own assertions.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * Two cases for each vector: its signature verifies, and a changed one does
 * not; and webauthn_verify() takes it or refuses it for the reason that our
 * rules give (Level 3 allows frames of another origin and users that are only
 * present). The reason is worked out here from the vector, by other means.
 */
#include "common/webauthn.h"
#include "tests/harness/interop.h"

#include <string.h>

/* COSE keys as they stand in these vectors: no other encoding is read. */
#define EC2 "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"
#define EC2_Y "\x22\x58\x20"
#define OKP "\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20"

struct vector {
	struct bytes anchor, rp_id, origin;
	int64_t alg;
	struct buf cose, credential, challenge, auth_data, client_data, sig;
	uint8_t public[65];
};

static bool
begins(struct bytes a, const char *with, size_t n)
{
	return a.n >= n && memcmp(a.p, with, n) == 0;
}

static bool
contains(struct bytes a, const char *what)
{
	size_t i, n = strlen(what);

	for (i = 0; i + n <= a.n; i++) {
		if (memcmp(a.p + i, what, n) == 0)
			return true;
	}
	return false;
}

/* Whether the key is one of the two forms; fills in the public key. */
static bool
read_key(struct vector *v)
{
	struct bytes c = buf_bytes(&v->cose);

	if (v->alg == WEBAUTHN_EDDSA && c.n == 42 && begins(c, OKP, 10)) {
		memcpy(v->public, c.p + 10, 32);
		return true;
	}
	if (v->alg != WEBAUTHN_ES256 || c.n != 77 || !begins(c, EC2, 10) ||
	    memcmp(c.p + 42, EC2_Y, 3) != 0)
		return false;
	v->public[0] = 0x04;
	memcpy(v->public + 1, c.p + 10, 32);
	memcpy(v->public + 33, c.p + 45, 32);
	return true;
}

/* The reason to expect, NULL where the assertion is good for us. */
static const char *
expected(const struct vector *v)
{
	struct bytes client = buf_bytes(&v->client_data);
	uint8_t flags = v->auth_data.p[32];

	if (contains(client, "\"topOrigin\":"))
		return "top_origin";
	if (contains(client, "\"crossOrigin\":true"))
		return "cross_origin";
	if ((flags & 0x01) == 0)
		return "user_not_present";
	if ((flags & 0x04) == 0)
		return "user_not_verified";
	if ((flags & 0x18) == 0x10)
		return "backup_flags";
	return NULL;
}

static void
run_signature(const struct vector *v, const struct webauthn_key *key,
    struct webauthn_assertion a, struct tally *t)
{
	bool good, other;

	good = webauthn_verify_signature(key, &a) == 0;
	v->sig.p[v->sig.n - 1] ^= 1;
	other = webauthn_verify_signature(key, &a) == 0;
	v->sig.p[v->sig.n - 1] ^= 1;
	interop_case(t, good && !other, "%.*s-signature: %s", (int)v->anchor.n,
	    (const char *)v->anchor.p, !good ? "refused" : other ?
	    "verifies, and so does a changed one" : "verifies");
}

static void
run_case(const struct vector *v, struct tally *t)
{
	const struct webauthn_key key = { (enum webauthn_alg)v->alg, v->public,
	    buf_bytes(&v->credential), v->rp_id, &v->origin, 1 };
	const struct webauthn_assertion a = { buf_bytes(&v->credential),
	    buf_bytes(&v->auth_data), buf_bytes(&v->client_data),
	    buf_bytes(&v->sig) };
	const char *want = expected(v), *got = NULL;
	bool good;
	int r;

	run_signature(v, &key, a, t);
	r = webauthn_verify(&key, &a, buf_bytes(&v->challenge), &got);
	good = want == NULL ? r == 0 : r != 0 && strcmp(got, want) == 0;
	interop_case(t, good, "%.*s: %s, want %s", (int)v->anchor.n,
	    (const char *)v->anchor.p, r == 0 ? "taken" : got,
	    want == NULL ? "taken" : want);
}

static void
run_vector(struct doc_obj *o, struct tally *t)
{
	struct vector v;

	doc_str(o, "anchor", &v.anchor);
	doc_str(o, "rp_id", &v.rp_id);
	doc_str(o, "origin", &v.origin);
	doc_int(o, "alg", -65536, 0, &v.alg);
	v.cose = interop_hex(o, "cose_key_hex");
	v.credential = interop_hex(o, "credential_id");
	v.challenge = interop_hex(o, "challenge");
	v.auth_data = interop_hex(o, "authenticatorData");
	v.client_data = interop_hex(o, "clientDataJSON");
	v.sig = interop_hex(o, "signature");
	interop_check(o->doc);
	if (v.alg != WEBAUTHN_ES256 && v.alg != WEBAUTHN_EDDSA)
		interop_skip(t, "%.*s: algorithm %d is not one of ours",
		    (int)v.anchor.n, (const char *)v.anchor.p, (int)v.alg);
	else if (!read_key(&v) || v.auth_data.n < 37 || v.sig.n == 0)
		interop_case(t, false, "%.*s: a key or assertion of another "
		    "form", (int)v.anchor.n, (const char *)v.anchor.p);
	else
		run_case(&v, t);
	buf_free(&v.cose);
	buf_free(&v.credential);
	buf_free(&v.challenge);
	buf_free(&v.auth_data);
	buf_free(&v.client_data);
	buf_free(&v.sig);
}

int
main(int argc, char **argv)
{
	struct tally t = { 0, 0, 0 };
	struct doc_obj list, one;
	struct doc *d;

	if (argc != 2)
		interop_die(argv[0], "takes one file of vectors");
	d = interop_parse(argv[1]);
	list = doc_list(d);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		run_vector(&one, &t);
	}
	interop_check(d);
	doc_free(d);
	return interop_end(&t);
}
