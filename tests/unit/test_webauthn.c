/*
 * test_webauthn.c - passkey assertions: each rule has its case.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/base64.h"
#include "common/digest.h"
#include "common/signer.h"
#include "common/webauthn.h"
#include "tests/harness/proofs.h"
#include "tests/harness/test.h"

#define RP_ID "approve.example"
#define ORIGIN "https://approve.example"
#define CHALLENGE "the challenge"
#define CHALLENGE64 "dGhlIGNoYWxsZW5nZQ"
#define CLIENT(challenge, origin, rest) "{\"type\":\"webauthn.get\"," \
    "\"challenge\":\"" challenge "\",\"origin\":\"" origin "\"" rest
#define GOOD CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false}")

#define UP 0x01
#define UV 0x04
#define BE 0x08
#define BS 0x10
#define AT 0x40
#define ED 0x80

/* An assertion that an authenticator of ours signs, whatever it says. */
struct made {
	const char *client;
	const char *rp_id;
	uint8_t flags;
	size_t more;		/* bytes of authenticatorData after 37 */
};

struct fixture {
	struct signer signer;
	struct bytes origins[2];
	struct webauthn_key key;
	struct webauthn_assertion a;
	uint8_t auth_data[WEBAUTHN_MAX_AUTH_DATA + 8];
	uint8_t sig[64];
};

static void
make(struct fixture *f, const struct made *m)
{
	uint8_t seed[32] = { 1 }, msg[WEBAUTHN_MAX_AUTH_DATA + 40];
	struct sha256 rp, client;
	size_t n = 37 + m->more;

	memset(f, 0, sizeof(*f));
	CHECK_INT(digest_init(), 0);
	CHECK_INT(signer_from_seed(seed, &f->signer), 0);
	f->origins[0] = bytes_str("http://localhost:8080");
	f->origins[1] = bytes_str(ORIGIN);
	f->key = (struct webauthn_key){ WEBAUTHN_EDDSA, f->signer.public,
	    bytes_str("credential"), bytes_str(RP_ID), f->origins, 2 };
	digest_sha256(bytes_str(m->rp_id), &rp);
	memcpy(f->auth_data, rp.b, 32);
	f->auth_data[32] = m->flags;
	f->auth_data[36] = 7;
	f->a = (struct webauthn_assertion){ bytes_str("credential"),
	    bytes_of(f->auth_data, n), bytes_str(m->client),
	    bytes_of(f->sig, 64) };
	digest_sha256(f->a.client_data, &client);
	memcpy(msg, f->auth_data, n);
	memcpy(msg + n, client.b, 32);
	CHECK_INT(signer_sign(&f->signer, bytes_of(msg, n + 32), f->sig), 0);
}

static int
verify(const struct fixture *f, const char **ret_reason)
{
	*ret_reason = "";
	return webauthn_verify(&f->key, &f->a, bytes_str(CHALLENGE),
	    ret_reason);
}

#define FLAGS (UP | UV)

static const struct {
	struct made m;
	int err;
	const char *reason;
} rows[] = {
	{ { GOOD, RP_ID, UP | UV, 0 }, 0, "" },
	{ { GOOD, RP_ID, UP | UV | BE, 0 }, 0, "" },
	{ { GOOD, RP_ID, UP | UV | BE | BS, 0 }, 0, "" },
	{ { GOOD, RP_ID, UP | UV | 0x22, 0 }, 0, "" },
	{ { GOOD, RP_ID, UP | UV | ED, 1 }, 0, "" },
	{ { GOOD, RP_ID, UP | UV | ED, 200 }, 0, "" },
	{ { CLIENT(CHALLENGE64, "http://localhost:8080",
	    ",\"crossOrigin\":false}"), RP_ID, FLAGS, 0 }, 0, "" },
	/* More members may follow (Chromium adds one at random). */
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false,\"other\":"
	    "\"x\"}"), RP_ID, FLAGS, 0 }, 0, "" },
	/* In another member's text the name is no name. */
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false,\"other\":"
	    "\"a \\\"topOrigin\\\" b\"}"), RP_ID, FLAGS, 0 }, 0, "" },

	/* authenticatorData */
	{ { GOOD, "other.example", FLAGS, 0 }, ERR_DENIED, "rp_id" },
	{ { GOOD, "", FLAGS, 0 }, ERR_DENIED, "rp_id" },
	{ { GOOD, RP_ID, UV, 0 }, ERR_DENIED, "user_not_present" },
	{ { GOOD, RP_ID, 0, 0 }, ERR_DENIED, "user_not_present" },
	{ { GOOD, RP_ID, UP, 0 }, ERR_DENIED, "user_not_verified" },
	{ { GOOD, RP_ID, UP | BE | BS, 0 }, ERR_DENIED, "user_not_verified" },
	{ { GOOD, RP_ID, UP | UV | BS, 0 }, ERR_DENIED, "backup_flags" },
	{ { GOOD, RP_ID, UP | UV | AT, 0 }, ERR_DENIED, "attested_data" },
	{ { GOOD, RP_ID, UP | UV | AT, 100 }, ERR_DENIED, "attested_data" },
	{ { GOOD, RP_ID, UP | UV | AT | ED, 100 }, ERR_DENIED,
	    "attested_data" },
	{ { GOOD, RP_ID, UP | UV, 1 }, ERR_DENIED, "extensions_length" },
	{ { GOOD, RP_ID, UP | UV | ED, 0 }, ERR_DENIED, "extensions_length" },
	{ { GOOD, RP_ID, UP | UV | ED, WEBAUTHN_MAX_AUTH_DATA - 37 }, 0, "" },
	{ { GOOD, RP_ID, UP | UV | ED, WEBAUTHN_MAX_AUTH_DATA - 36 },
	    ERR_SYNTAX, "auth_data_length" },

	/* clientDataJSON */
	{ { "", RP_ID, FLAGS, 0 }, ERR_SYNTAX, "client_data_length" },
	{ { "{}", RP_ID, FLAGS, 0 }, ERR_DENIED, "type" },
	{ { "{\"type\":\"webauthn.create\",\"challenge\":\"" CHALLENGE64
	    "\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}", RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "type" },
	{ { "{\"challenge\":\"" CHALLENGE64 "\",\"type\":\"webauthn.get\","
	    "\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}", RP_ID, FLAGS,
	    0 }, ERR_DENIED, "type" },
	{ { " " GOOD, RP_ID, FLAGS, 0 }, ERR_DENIED, "type" },
	{ { "{\"type\": \"webauthn.get\",\"challenge\":\"" CHALLENGE64
	    "\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}", RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "type" },
	{ { CLIENT("", ORIGIN, ",\"crossOrigin\":false}"), RP_ID, FLAGS, 0 },
	    ERR_DENIED, "challenge" },
	{ { CLIENT("dGhlIGNoYWxsZW5nZR", ORIGIN, ",\"crossOrigin\":false}"),
	    RP_ID, FLAGS, 0 }, ERR_DENIED, "challenge" },
	{ { CLIENT(CHALLENGE64 "A", ORIGIN, ",\"crossOrigin\":false}"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "challenge" },
	{ { CLIENT(CHALLENGE64 "==", ORIGIN, ",\"crossOrigin\":false}"),
	    RP_ID, FLAGS, 0 }, ERR_DENIED, "challenge" },
	{ { "{\"type\":\"webauthn.get\",\"challenge\":\"" CHALLENGE64 "\"}",
	    RP_ID, FLAGS, 0 }, ERR_DENIED, "challenge" },
	{ { "{\"type\":\"webauthn.get\",\"challenge\":\"dGhl", RP_ID, FLAGS,
	    0 }, ERR_DENIED, "challenge" },
	{ { CLIENT(CHALLENGE64, "https://evil.example",
	    ",\"crossOrigin\":false}"), RP_ID, FLAGS, 0 }, ERR_DENIED,
	    "origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN ".evil.example",
	    ",\"crossOrigin\":false}"), RP_ID, FLAGS, 0 }, ERR_DENIED,
	    "origin" },
	{ { CLIENT(CHALLENGE64, "https://approve.exampl",
	    ",\"crossOrigin\":false}"), RP_ID, FLAGS, 0 }, ERR_DENIED,
	    "origin" },
	{ { CLIENT(CHALLENGE64, "", ",\"crossOrigin\":false}"), RP_ID, FLAGS,
	    0 }, ERR_DENIED, "origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":true}"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "cross_origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, "}"), RP_ID, FLAGS, 0 }, ERR_DENIED,
	    "cross_origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"x\":1,\"crossOrigin\":false}"),
	    RP_ID, FLAGS, 0 }, ERR_DENIED, "cross_origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":true,\"topOrigin\":"
	    "\"" ORIGIN "\"}"), RP_ID, FLAGS, 0 }, ERR_DENIED, "top_origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false,\"topOrigin\":"
	    "\"" ORIGIN "\"}"), RP_ID, FLAGS, 0 }, ERR_DENIED, "top_origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false,\"x\":1,"
	    "\"topOrigin\":\"" ORIGIN "\"}"), RP_ID, FLAGS, 0 }, ERR_DENIED,
	    "top_origin" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "client_data" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false,"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "client_data" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false}x"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "client_data" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":false}}"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "client_data" },
	{ { CLIENT(CHALLENGE64, ORIGIN, ",\"crossOrigin\":falsehood}"), RP_ID,
	    FLAGS, 0 }, ERR_DENIED, "client_data" },
};

TEST(rules)
{
	const char *reason;
	struct fixture f;
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(&f, &rows[i].m);
		r = verify(&f, &reason);
		CHECK_MSG(r == rows[i].err && strcmp(reason, rows[i].reason)
		    == 0, "row %zu: %d %s", i, r, reason);
	}
}

TEST(what_the_key_says_is_held_to)
{
	static const struct made good = { GOOD, RP_ID, FLAGS, 0 };
	struct bytes one = bytes_str("https://elsewhere.example");
	const char *reason;
	struct signer other;
	uint8_t seed[32] = { 2 };
	struct fixture f;

	make(&f, &good);
	CHECK_INT(verify(&f, &reason), 0);
	f.key.credential_id = bytes_str("Credential");
	CHECK_INT(verify(&f, &reason), ERR_KEY);
	CHECK_STR(reason, "credential");
	make(&f, &good);
	f.a.credential_id.n--;
	CHECK_INT(verify(&f, &reason), ERR_KEY);
	make(&f, &good);
	f.key.rp_id = bytes_str("example");
	CHECK_INT(verify(&f, &reason), ERR_DENIED);
	CHECK_STR(reason, "rp_id");
	make(&f, &good);
	f.key.origins = &one;
	f.key.n_origins = 1;
	CHECK_INT(verify(&f, &reason), ERR_DENIED);
	CHECK_STR(reason, "origin");
	f.key.n_origins = 0;
	CHECK_INT(verify(&f, &reason), ERR_DENIED);
	CHECK_STR(reason, "origin");
	make(&f, &good);
	CHECK_INT(signer_from_seed(seed, &other), 0);
	f.key.public = other.public;
	CHECK_INT(verify(&f, &reason), ERR_SIGNATURE);
	CHECK_STR(reason, "sign");
}

TEST(an_empty_challenge_is_one_too)
{
	static const struct made empty = { CLIENT("", ORIGIN,
	    ",\"crossOrigin\":false}"), RP_ID, FLAGS, 0 };
	const char *reason = "";
	struct fixture f;

	make(&f, &empty);
	CHECK_INT(webauthn_verify(&f.key, &f.a, bytes_of(NULL, 0), &reason),
	    0);
	CHECK_INT(webauthn_verify(&f.key, &f.a, bytes_str("x"), &reason),
	    ERR_DENIED);
	CHECK_STR(reason, "challenge");
}

/* The algorithm is the key's; the bytes cannot choose another. */
TEST(the_algorithm_is_pinned)
{
	static const struct made good = { GOOD, RP_ID, FLAGS, 0 };
	uint8_t point[65] = { 4 };
	const char *reason;
	struct fixture f;

	make(&f, &good);
	f.key.alg = WEBAUTHN_ES256;
	f.key.public = point;
	CHECK_INT(verify(&f, &reason), ERR_SIGNATURE);
	CHECK_STR(reason, "sign");
}

TEST(short_authenticator_data)
{
	static const struct made good = { GOOD, RP_ID, FLAGS, 0 };
	const char *reason;
	struct fixture f;
	size_t n;

	for (n = 0; n < 37; n++) {
		make(&f, &good);
		f.a.auth_data.n = n;
		CHECK_INT(verify(&f, &reason), ERR_SYNTAX);
		CHECK_STR(reason, "auth_data_length");
		CHECK_INT(webauthn_verify_signature(&f.key, &f.a),
		    ERR_SIGNATURE);
	}
	make(&f, &good);
	f.a.auth_data.n = WEBAUTHN_MAX_AUTH_DATA + 1;
	CHECK_INT(webauthn_verify_signature(&f.key, &f.a), ERR_SIGNATURE);
}

TEST(long_client_data)
{
	static char client[WEBAUTHN_MAX_CLIENT_DATA + 2];
	static const char start[] = CLIENT(CHALLENGE64, ORIGIN,
	    ",\"crossOrigin\":false,\"x\":\"");
	struct made m = { client, RP_ID, FLAGS, 0 };
	const char *reason;
	struct fixture f;

	memset(client, 'x', sizeof(client) - 1);
	memcpy(client, start, sizeof(start) - 1);
	memcpy(client + WEBAUTHN_MAX_CLIENT_DATA - 2, "\"}", 3);
	make(&f, &m);
	CHECK_INT(verify(&f, &reason), 0);
	memcpy(client + WEBAUTHN_MAX_CLIENT_DATA - 2, "x\"}", 4);
	make(&f, &m);
	CHECK_INT(verify(&f, &reason), ERR_SYNTAX);
	CHECK_STR(reason, "client_data_length");
}

/* An assertion of another maker, ES256 and EdDSA; then every bit of it. */
TEST(real_ones_and_their_flipped_bits)
{
	static uint8_t b[115], auth[37], client[400], sig[2][80], cred[32];
	static uint8_t point[65], ed[32];
	struct bytes origin = bytes_str(PROOFS_ORIGIN);
	struct webauthn_key key = { .credential_id = { cred, 32 },
	    .rp_id = bytes_str(PROOFS_RP_ID), .origins = &origin,
	    .n_origins = 1 };
	size_t n[2] = { strlen(PROOFS_ES256_SIG) / 2, 64 }, i, k, j, alg;
	size_t client_n = strlen(PROOFS_CLIENT_DATA) / 2;
	struct webauthn_assertion a;
	const char *reason;
	struct {
		uint8_t *p;
		size_t n;
	} parts[4] = { { auth, 37 }, { client, client_n }, { NULL, 0 },
	    { cred, 32 } };

	CHECK_INT(digest_init(), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_B), b, sizeof(b)), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_AUTH_DATA), auth, 37), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_CLIENT_DATA), client, client_n),
	    0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_ES256_SIG), sig[0], n[0]), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_EDDSA_SIG), sig[1], 64), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_CREDENTIAL), cred, 32), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_P256_POINT), point, 65), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_ED25519_PUBLIC), ed, 32), 0);
	for (alg = 0; alg < 2; alg++) {
		uint8_t good[32];

		memcpy(good, cred, 32);
		key.alg = alg == 0 ? WEBAUTHN_ES256 : WEBAUTHN_EDDSA;
		key.public = alg == 0 ? point : ed;
		key.credential_id = bytes_of(good, 32);
		a = (struct webauthn_assertion){ bytes_of(cred, 32),
		    bytes_of(auth, 37), bytes_of(client, client_n),
		    bytes_of(sig[alg], n[alg]) };
		parts[2].p = sig[alg];
		parts[2].n = n[alg];
		CHECK_INT(webauthn_verify(&key, &a, bytes_of(b, sizeof(b)),
		    &reason), 0);
		for (k = 0; k < 4; k++) {
			for (i = 0; i < parts[k].n; i++) {
				for (j = 0; j < 8; j += alg == 0 ? 3 : 1) {
					parts[k].p[i] ^= (uint8_t)(1 << j);
					CHECK(webauthn_verify(&key, &a,
					    bytes_of(b, sizeof(b)), &reason)
					    == (k == 3 ? ERR_KEY :
					    ERR_SIGNATURE));
					parts[k].p[i] ^= (uint8_t)(1 << j);
				}
			}
		}
		for (i = 0; i < sizeof(b); i++) {
			b[i] ^= 0x20;
			CHECK_INT(webauthn_verify(&key, &a, bytes_of(b,
			    sizeof(b)), &reason), ERR_DENIED);
			CHECK_STR(reason, "challenge");
			b[i] ^= 0x20;
		}
	}
}

TEST(without_memory)
{
	static const struct made good = { GOOD, RP_ID, FLAGS, 0 };
	const char *reason;
	struct fixture f;
	uint8_t sig[80];
	uint8_t point[65];
	size_t n = strlen(PROOFS_ES256_SIG) / 2;
	int r;

	make(&f, &good);
	OOM_LOOP {
		r = verify(&f, &reason);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK_STR(reason, OOM_FIRED() ? "memory" : "");
	}
	/* In the curve's arithmetic too. */
	CHECK_INT(hex_decode(bytes_str(PROOFS_ES256_SIG), sig, n), 0);
	CHECK_INT(hex_decode(bytes_str(PROOFS_P256_POINT), point, 65), 0);
	f.key.alg = WEBAUTHN_ES256;
	f.key.public = point;
	f.a.sig = bytes_of(sig, n);
	OOM_LOOP {
		r = verify(&f, &reason);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : ERR_SIGNATURE);
		CHECK_STR(reason, OOM_FIRED() ? "memory" : "sign");
	}
}

TEST_MAIN()
