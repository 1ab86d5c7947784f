/*
 * test_proof.c - proofs of each kind against persons' keys.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/proof.h"
#include "common/signer.h"
#include "common/sshsig.h"
#include "tests/harness/proofs.h"
#include "tests/harness/test.h"

/* The proofs of tests/harness/proofs.h and the keys that made them. */
enum { ED, SSH, SK_ED, SK_EC, WA_EC, WA_ED, N_KINDS };

static uint8_t store[8192];
static size_t stored;
static struct person_key keys[N_KINDS];
static struct buf fields[N_KINDS];
static struct bytes B;

static struct bytes
unhex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = store + stored;

	CHECK(n <= sizeof(store) - stored);
	CHECK_INT(hex_decode(bytes_str(hex), p, n), 0);
	stored += n;
	return bytes_of(p, n);
}

static void
setup(void)
{
	struct proof p = { .wire = PROOF_WIRE_ED25519 };
	struct bytes ed, ec;
	size_t i;

	CHECK_INT(digest_init(), 0);
	stored = 0;
	B = unhex(PROOFS_B);
	ed = unhex(PROOFS_ED25519_PUBLIC);
	ec = unhex(PROOFS_P256_POINT);
	memset(keys, 0, sizeof(keys));
	for (i = 0; i < N_KINDS; i++) {
		bool es256 = i == SK_EC || i == WA_EC;

		keys[i].alg = es256 ? PROOF_ALG_ES256 : PROOF_ALG_ED25519;
		memcpy(keys[i].public, es256 ? ec.p : ed.p, es256 ? 65 : 32);
		buf_free(&fields[i]);
		buf_init(&fields[i], PROOF_MAX);
	}
	keys[ED].kind = PROOF_ED25519;
	keys[SSH].kind = PROOF_SSH;
	keys[SK_ED].kind = keys[SK_EC].kind = PROOF_SK;
	keys[SK_ED].application = keys[SK_EC].application =
	    bytes_str(PROOFS_APPLICATION);
	keys[SK_ED].verify_required = true;
	for (i = WA_EC; i <= WA_ED; i++) {
		keys[i].kind = PROOF_WEBAUTHN;
		keys[i].credential_id = unhex(PROOFS_CREDENTIAL);
		keys[i].rp_id = bytes_str(PROOFS_RP_ID);
		keys[i].origins[0] = bytes_str("https://other.example");
		keys[i].origins[1] = bytes_str(PROOFS_ORIGIN);
		keys[i].n_origins = 2;
	}
	p.sig = unhex(PROOFS_ED25519_SIG);
	proof_write(&fields[ED], &p);
	p.wire = PROOF_WIRE_SSHSIG;
	p.sshsig = unhex(PROOFS_SSH_BLOB);
	proof_write(&fields[SSH], &p);
	p.sshsig = unhex(PROOFS_SK_ED25519_BLOB);
	proof_write(&fields[SK_ED], &p);
	p.sshsig = unhex(PROOFS_SK_ECDSA_BLOB);
	proof_write(&fields[SK_EC], &p);
	p.wire = PROOF_WIRE_WEBAUTHN;
	p.webauthn.credential_id = unhex(PROOFS_CREDENTIAL);
	p.webauthn.auth_data = unhex(PROOFS_AUTH_DATA);
	p.webauthn.client_data = unhex(PROOFS_CLIENT_DATA);
	p.webauthn.sig = unhex(PROOFS_ES256_SIG);
	proof_write(&fields[WA_EC], &p);
	p.webauthn.sig = unhex(PROOFS_EDDSA_SIG);
	proof_write(&fields[WA_ED], &p);
	for (i = 0; i < N_KINDS; i++)
		CHECK_INT(buf_error(&fields[i]), 0);
}

static int
verify(size_t key, size_t field, const char **ret_reason)
{
	*ret_reason = "";
	return proof_verify(&keys[key], B, buf_bytes(&fields[field]),
	    ret_reason);
}

/* A proof is taken for the key that made it and refused for all others. */
TEST(each_key_takes_its_own_proof_alone)
{
	static const char *const want[N_KINDS][N_KINDS] = {
		/* proof:   ED     SSH     SK_ED   SK_EC   WA_EC   WA_ED */
		[ED] =    { "",     "kind", "kind", "kind", "kind", "kind" },
		[SSH] =   { "kind", "",     "key",  "key",  "kind", "kind" },
		[SK_ED] = { "kind", "key",  "",     "key",  "kind", "kind" },
		[SK_EC] = { "kind", "key",  "key",  "",     "kind", "kind" },
		[WA_EC] = { "kind", "kind", "kind", "kind", "",     "sign" },
		[WA_ED] = { "kind", "kind", "kind", "kind", "sign", "" },
	};
	const char *reason;
	size_t i, j;
	int r;

	setup();
	for (i = 0; i < N_KINDS; i++) {
		for (j = 0; j < N_KINDS; j++) {
			r = verify(i, j, &reason);
			CHECK_STR(reason, want[i][j]);
			CHECK_INT(r, i == j ? 0 : strcmp(reason, "sign") == 0 ?
			    ERR_SIGNATURE : ERR_KEY);
		}
	}
}

/*
 * Every bit of every proof counts, also of those parts of an SSHSIG that are
 * not signed (version, key, reserved, names).
 */
TEST(every_flipped_bit_is_refused)
{
	const char *reason;
	size_t i, bit, step;

	setup();
	for (i = 0; i < N_KINDS; i++) {
		/* P-256 takes its time. */
		step = keys[i].alg == PROOF_ALG_ES256 ? 3 : 1;
		for (bit = 0; bit < 8 * fields[i].n; bit += step) {
			fields[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_MSG(verify(i, i, &reason) != 0,
			    "proof %zu bit %zu", i, bit);
			CHECK(reason[0] != '\0');
			fields[i].p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		CHECK_INT(verify(i, i, &reason), 0);
		/* Of another approval. */
		for (bit = 0; bit < B.n; bit += step) {
			uint8_t *b = store + bit;

			*b ^= 4;
			CHECK(verify(i, i, &reason) != 0);
			*b ^= 4;
		}
	}
}

TEST(cut_and_longer_fields)
{
	const char *reason;
	struct proof p;
	size_t i, n, whole;
	uint8_t *copy;

	setup();
	for (i = 0; i < N_KINDS; i++) {
		whole = fields[i].n;
		for (n = 0; n < whole; n++) {
			CHECK_INT(bytes_dup(bytes_of(fields[i].p, n), &copy),
			    0);
			CHECK_INT(proof_read(bytes_of(copy, n), &p),
			    ERR_SYNTAX);
			reason = "";
			CHECK_INT(proof_verify(&keys[i], B, bytes_of(copy, n),
			    &reason), ERR_SYNTAX);
			CHECK_STR(reason, "proof");
			free(copy);
		}
		buf_put_u8(&fields[i], 0);
		CHECK_INT(verify(i, i, &reason), ERR_SYNTAX);
	}
}

TEST(fields_are_read_back_as_written)
{
	struct proof p;
	struct buf b;
	size_t i;

	setup();
	buf_init(&b, PROOF_MAX);
	for (i = 0; i < N_KINDS; i++) {
		CHECK_INT(proof_read(buf_bytes(&fields[i]), &p), 0);
		buf_clear(&b);
		proof_write(&b, &p);
		CHECK_INT(buf_error(&b), 0);
		CHECK_MEM(b.p, b.n, fields[i].p, fields[i].n);
	}
	CHECK_INT(p.webauthn.credential_id.n, 32);
	CHECK_INT(p.webauthn.auth_data.n, 37);
	buf_free(&b);
}

TEST(unknown_kinds_and_sizes)
{
	static uint8_t big[PROOF_MAX + 1];
	struct proof p;
	unsigned i;

	for (i = 0; i < 256; i++) {
		uint8_t field[5] = { (uint8_t)i, 0, 0, 0, 0 };
		int r = proof_read(bytes_of(field, sizeof(field)), &p);

		CHECK_INT(r, i == 1 || i == 2 ? 0 : i == 3 ? ERR_SYNTAX :
		    ERR_VERSION);
	}
	big[0] = 1;
	big[3] = 0x3f;
	big[4] = 0xfb;
	CHECK_INT(proof_read(bytes_of(big, PROOF_MAX), &p), 0);
	CHECK_INT(p.sig.n, PROOF_MAX - 5);
	big[4] = 0xfc;
	CHECK_INT(proof_read(bytes_of(big, PROOF_MAX + 1), &p),
	    ERR_TOO_LARGE);
	big[1] = 0xff;
	CHECK_INT(proof_read(bytes_of(big, PROOF_MAX), &p), ERR_SYNTAX);
}

/* An SSHSIG that a security key of ours makes, whatever it says. */
struct made {
	const char *name_space, *reserved, *hash, *application;
	uint8_t flags;
};

static int
verify_made(const struct made *m, bool sk, const char **ret_reason)
{
	uint8_t seed[32] = { 9 }, signed_data[69];
	struct sshsig s = { .key.kind = sk ? SSHSIG_SK_ED25519 :
	    SSHSIG_ED25519 };
	struct proof p = { .wire = PROOF_WIRE_SSHSIG };
	struct person_key key = { .kind = sk ? PROOF_SK : PROOF_SSH,
	    .alg = PROOF_ALG_ED25519, .application = bytes_str(sk ? "ssh:" :
	    ""), .verify_required = true };
	struct sha256 application, message;
	struct signer signer;
	struct buf blob, field;
	int r;

	CHECK_INT(signer_from_seed(seed, &signer), 0);
	memcpy(key.public, signer.public, 32);
	s.key.point = bytes_of(signer.public, 32);
	s.key.application = bytes_str(m->application);
	s.name_space = bytes_str(m->name_space);
	s.reserved = bytes_str(m->reserved);
	s.hash = bytes_str(m->hash);
	s.flags = m->flags;
	digest_sha256(s.key.application, &application);
	digest_sha256(B, &message);
	memcpy(signed_data, application.b, 32);
	signed_data[32] = m->flags;
	memset(signed_data + 33, 0, 4);
	memcpy(signed_data + 37, message.b, 32);
	CHECK_INT(signer_sign(&signer, sk ? bytes_of(signed_data, 69) : B,
	    s.sig), 0);
	buf_init(&blob, PROOF_MAX);
	buf_init(&field, PROOF_MAX);
	sshsig_write(&blob, &s);
	p.sshsig = buf_bytes(&blob);
	proof_write(&field, &p);
	CHECK_INT(buf_error(&field), 0);
	*ret_reason = "";
	r = proof_verify(&key, B, buf_bytes(&field), ret_reason);
	if (r == 0 || strcmp(*ret_reason, "user_not_verified") == 0) {
		/* Only where the person's entry asks for it. */
		key.verify_required = false;
		CHECK_INT(proof_verify(&key, B, buf_bytes(&field),
		    ret_reason), 0);
	}
	buf_free(&blob);
	buf_free(&field);
	return r;
}

TEST(rules_of_ssh_signatures)
{
	static const struct {
		struct made m;
		bool sk;
		int err;
		const char *reason;
	} rows[] = {
		{ { SSHSIG_NAMESPACE, "", "sha512", "ssh:", 5 }, true, 0, "" },
		{ { SSHSIG_NAMESPACE, "", "sha512", "", 0 }, false, 0, "" },
		{ { "file", "", "sha512", "ssh:", 5 }, true, ERR_DENIED,
		    "namespace" },
		{ { SSHSIG_NAMESPACE "x", "", "sha512", "", 0 }, false,
		    ERR_DENIED, "namespace" },
		{ { SSHSIG_NAMESPACE, "x", "sha512", "ssh:", 5 }, true,
		    ERR_DENIED, "reserved" },
		{ { SSHSIG_NAMESPACE, "x", "sha512", "", 0 }, false,
		    ERR_DENIED, "reserved" },
		{ { SSHSIG_NAMESPACE, "", "sha256", "ssh:", 5 }, true,
		    ERR_DENIED, "hash" },
		{ { SSHSIG_NAMESPACE, "", "sha256", "", 0 }, false,
		    ERR_DENIED, "hash" },
		{ { SSHSIG_NAMESPACE, "", "sha512", "ssh:x", 5 }, true,
		    ERR_KEY, "key" },
		{ { SSHSIG_NAMESPACE, "", "sha512", "ssh:", 4 }, true,
		    ERR_DENIED, "user_not_present" },
		{ { SSHSIG_NAMESPACE, "", "sha512", "ssh:", 0 }, true,
		    ERR_DENIED, "user_not_present" },
		{ { SSHSIG_NAMESPACE, "", "sha512", "ssh:", 1 }, true,
		    ERR_DENIED, "user_not_verified" },
	};
	const char *reason;
	size_t i;
	int r;

	setup();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = verify_made(&rows[i].m, rows[i].sk, &reason);
		CHECK_MSG(r == rows[i].err, "row %zu: %d %s", i, r, reason);
		if (strcmp(rows[i].reason, "user_not_verified") != 0)
			CHECK_STR(reason, rows[i].reason);
	}
}

/* A passkey's assertion in OpenSSH's wrapping is for exports alone. */
TEST(a_rewrapped_passkey_is_no_security_key)
{
	struct proof p = { .wire = PROOF_WIRE_SSHSIG };
	const char *reason;

	setup();
	p.sshsig = unhex(PROOFS_WEBAUTHN_BLOB);
	keys[SK_EC].application = bytes_str(PROOFS_RP_ID);
	buf_clear(&fields[SK_EC]);
	proof_write(&fields[SK_EC], &p);
	CHECK_INT(verify(SK_EC, SK_EC, &reason), ERR_KEY);
	CHECK_STR(reason, "kind");
	CHECK_INT(verify(WA_EC, SK_EC, &reason), ERR_KEY);
	CHECK_STR(reason, "kind");
}

TEST(words_and_sizes)
{
	CHECK_STR(proof_kind_word(PROOF_ED25519), "ed25519");
	CHECK_STR(proof_kind_word(PROOF_SSH), "ssh");
	CHECK_STR(proof_kind_word(PROOF_SK), "sk");
	CHECK_STR(proof_kind_word(PROOF_WEBAUTHN), "webauthn");
	CHECK_STR(proof_kind_word((enum proof_kind)0), "unknown");
	CHECK_INT(proof_public_size(PROOF_ALG_ED25519), 32);
	CHECK_INT(proof_public_size(PROOF_ALG_ES256), 65);
}

TEST(without_memory)
{
	const char *reason;
	int r;

	setup();
	OOM_LOOP {
		r = verify(SK_EC, SK_EC, &reason);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		CHECK_STR(reason, OOM_FIRED() ? "memory" : "");
	}
}

TEST_MAIN()
