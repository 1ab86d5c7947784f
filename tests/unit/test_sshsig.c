/*
 * test_sshsig.c - OpenSSH's signatures and the pre-image of approvals.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/sshsig.h"
#include "tests/harness/proofs.h"
#include "tests/harness/test.h"

static const struct {
	const char *hex;
	enum sshsig_key kind;
	bool webauthn;
} blobs[] = {
	{ PROOFS_SSH_BLOB, SSHSIG_ED25519, false },
	{ PROOFS_SK_ED25519_BLOB, SSHSIG_SK_ED25519, false },
	{ PROOFS_SK_ECDSA_BLOB, SSHSIG_SK_ECDSA, false },
	{ PROOFS_WEBAUTHN_BLOB, SSHSIG_SK_ECDSA, true },
};

#define N_BLOBS (sizeof(blobs) / sizeof(blobs[0]))

/* Decoded hex in fresh memory of exactly its size. */
static struct bytes
unhex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = malloc(n > 0 ? n : 1);

	CHECK(p != NULL);
	CHECK_INT(hex_decode(bytes_str(hex), p, n), 0);
	return bytes_of(p, n);
}

static void
drop(struct bytes a)
{
	free((void *)(uintptr_t)a.p);
}

static uint8_t *
writable(struct bytes a)
{
	return (uint8_t *)(uintptr_t)a.p;
}

TEST(the_preimage_is_what_ssh_keygen_signs)
{
	struct bytes payload = unhex(PROOFS_PAYLOAD), want = unhex(PROOFS_B);
	uint8_t b[SSHSIG_PREIMAGE_SIZE];

	CHECK_INT(digest_init(), 0);
	sshsig_preimage(bytes_str(PROOFS_TYPE), payload, b);
	CHECK_MEM(b, sizeof(b), want.p, want.n);
	/* It depends on both. */
	sshsig_preimage(bytes_str(PROOFS_TYPE "x"), payload, b);
	CHECK(memcmp(b, want.p, want.n) != 0);
	payload.n--;
	sshsig_preimage(bytes_str(PROOFS_TYPE), payload, b);
	CHECK(memcmp(b, want.p, want.n) != 0);
	payload.n++;
	drop(payload);
	drop(want);
}

TEST(blobs_are_read_verified_and_written_back)
{
	struct bytes b = unhex(PROOFS_B), blob;
	struct sshsig s;
	struct buf out;
	size_t i;

	CHECK_INT(digest_init(), 0);
	buf_init(&out, SSHSIG_MAX);
	for (i = 0; i < N_BLOBS; i++) {
		blob = unhex(blobs[i].hex);
		CHECK_INT(sshsig_read(blob, &s), 0);
		CHECK_INT(s.key.kind, blobs[i].kind);
		CHECK_INT(s.webauthn, blobs[i].webauthn);
		CHECK(bytes_is(s.name_space, SSHSIG_NAMESPACE));
		CHECK_INT(s.reserved.n, 0);
		CHECK(bytes_is(s.hash, "sha512"));
		if (blobs[i].kind == SSHSIG_ED25519) {
			CHECK_INT(s.key.application.n, 0);
		} else if (!blobs[i].webauthn) {
			CHECK(bytes_is(s.key.application,
			    PROOFS_APPLICATION));
			CHECK_INT(s.flags, 5);
			CHECK_INT(s.counter, 0x01020304);
		} else {
			CHECK(bytes_is(s.origin, PROOFS_ORIGIN));
			CHECK_INT(s.extensions.n, 0);
		}
		CHECK_INT(sshsig_verify(&s, b), blobs[i].webauthn ?
		    ERR_UNSUPPORTED : 0);
		buf_clear(&out);
		sshsig_write(&out, &s);
		CHECK_INT(buf_error(&out), 0);
		CHECK_MEM(out.p, out.n, blob.p, blob.n);
		drop(blob);
	}
	buf_free(&out);
	drop(b);
}

/* Of a blob cut or longer nothing is left; of the rest every bit counts. */
TEST(cuts_and_flipped_bits)
{
	struct bytes b = unhex(PROOFS_B), blob, cut;
	struct sshsig s;
	size_t i, n;
	int r;

	CHECK_INT(digest_init(), 0);
	for (i = 0; i < N_BLOBS; i++) {
		blob = unhex(blobs[i].hex);
		for (n = 0; n < blob.n; n++) {
			uint8_t *p;

			CHECK_INT(bytes_dup(bytes_of(blob.p, n), &p), 0);
			cut = bytes_of(p, n);
			CHECK_INT(sshsig_read(cut, &s), ERR_SYNTAX);
			free(p);
		}
		for (n = 0; n < 8 * blob.n && !blobs[i].webauthn; n++) {
			writable(blob)[n / 8] ^= (uint8_t)(1 << n % 8);
			r = sshsig_read(blob, &s);
			if (r == 0 && bytes_is(s.name_space,
			    SSHSIG_NAMESPACE) && bytes_is(s.hash, "sha512"))
				r = sshsig_verify(&s, b);
			else
				r = -1;
			CHECK_MSG(r != 0, "blob %zu bit %zu", i, n);
			writable(blob)[n / 8] ^= (uint8_t)(1 << n % 8);
		}
		for (n = 0; n < b.n; n++) {
			CHECK_INT(sshsig_read(blob, &s), 0);
			writable(b)[n] ^= 1;
			CHECK(sshsig_verify(&s, b) != 0);
			writable(b)[n] ^= 1;
		}
		drop(blob);
	}
	drop(b);
}

/* A public key blob from its parts. */
static int
read_public(const char *name, const char *curve, struct bytes point,
    const char *application, const char *more)
{
	struct sshsig_public k;
	struct buf b;
	int r;

	buf_init(&b, 1000);
	buf_put_sshstr(&b, bytes_str(name));
	if (curve != NULL)
		buf_put_sshstr(&b, bytes_str(curve));
	buf_put_sshstr(&b, point);
	if (application != NULL)
		buf_put_sshstr(&b, bytes_str(application));
	buf_put_str(&b, more);
	r = sshsig_read_public(buf_bytes(&b), &k);
	buf_free(&b);
	return r;
}

TEST(public_keys)
{
	static const uint8_t zeros[66];
	static uint8_t point[66] = { 4 };
	struct bytes ed = bytes_of(zeros, 32), ec = bytes_of(point, 65);

	CHECK_INT(read_public("ssh-ed25519", NULL, ed, NULL, ""), 0);
	CHECK_INT(read_public("ssh-ed25519", NULL, ed, NULL, "x"),
	    ERR_SYNTAX);
	CHECK_INT(read_public("ssh-ed25519", NULL, ed, "ssh:", ""),
	    ERR_SYNTAX);
	CHECK_INT(read_public("ssh-ed25519", NULL, bytes_of(zeros, 31), NULL,
	    ""), ERR_SYNTAX);
	CHECK_INT(read_public("ssh-ed25519", NULL, bytes_of(zeros, 33), NULL,
	    ""), ERR_SYNTAX);
	CHECK_INT(read_public("sk-ssh-ed25519@openssh.com", NULL, ed, "ssh:",
	    ""), 0);
	CHECK_INT(read_public("sk-ssh-ed25519@openssh.com", NULL, ed, NULL,
	    ""), ERR_SYNTAX);
	CHECK_INT(read_public("sk-ecdsa-sha2-nistp256@openssh.com",
	    "nistp256", ec, "", ""), 0);
	CHECK_INT(read_public("sk-ecdsa-sha2-nistp256@openssh.com",
	    "nistp384", ec, "", ""), ERR_SYNTAX);
	CHECK_INT(read_public("sk-ecdsa-sha2-nistp256@openssh.com",
	    "nistp256", ed, "", ""), ERR_SYNTAX);
	CHECK_INT(read_public("sk-ecdsa-sha2-nistp256@openssh.com",
	    "nistp256", bytes_of(zeros, 65), "", ""), ERR_SYNTAX);
	CHECK_INT(read_public("sk-ecdsa-sha2-nistp256@openssh.com",
	    "nistp256", bytes_of(point, 66), "", ""), ERR_SYNTAX);
	CHECK_INT(read_public("ssh-rsa", NULL, ed, NULL, ""), ERR_KEY);
	CHECK_INT(read_public("ssh-ed25519-cert-v01@openssh.com", NULL, ed,
	    NULL, ""), ERR_KEY);
	CHECK_INT(read_public("", NULL, ed, NULL, ""), ERR_KEY);
}

/* The parts of a blob that a test may change. */
struct parts {
	const char *magic;
	uint32_t version;
	const char *key_name;
	const char *sig_name;
	const char *r, *s;	/* hex of the numbers' content */
	const char *more_sig;	/* after the signature's fields */
	const char *more;	/* after everything */
};

static int
read_parts(const struct parts *p)
{
	static const uint8_t point[65] = { 4 };
	struct buf b, key, sig, rs;
	struct bytes number;
	struct sshsig s;
	int r;

	buf_init(&b, 2000);
	buf_init(&key, 500);
	buf_init(&sig, 500);
	buf_init(&rs, 500);
	buf_put_sshstr(&key, bytes_str(p->key_name));
	buf_put_sshstr(&key, bytes_str("nistp256"));
	buf_put_sshstr(&key, bytes_of(point, 65));
	buf_put_sshstr(&key, bytes_str("ssh:"));
	number = unhex(p->r);
	buf_put_sshstr(&rs, number);
	drop(number);
	number = unhex(p->s);
	buf_put_sshstr(&rs, number);
	drop(number);
	buf_put_sshstr(&sig, bytes_str(p->sig_name));
	buf_put_sshstr(&sig, buf_bytes(&rs));
	buf_put(&sig, "\1\0\0\0\2", 5);
	buf_put_str(&sig, p->more_sig);
	buf_put_str(&b, p->magic);
	buf_put_u32be(&b, p->version);
	buf_put_sshstr(&b, buf_bytes(&key));
	buf_put_sshstr(&b, bytes_str("ns"));
	buf_put_sshstr(&b, bytes_str("r"));
	buf_put_sshstr(&b, bytes_str("h"));
	buf_put_sshstr(&b, buf_bytes(&sig));
	buf_put_str(&b, p->more);
	r = sshsig_read(buf_bytes(&b), &s);
	buf_free(&b);
	buf_free(&key);
	buf_free(&sig);
	buf_free(&rs);
	return r;
}

#define SK "sk-ecdsa-sha2-nistp256@openssh.com"
#define Z31 "00000000000000000000000000000000000000000000000000000000000000"
#define Z32 Z31 "00"

TEST(the_form_of_a_blob)
{
	static const struct {
		struct parts p;
		int err;
	} rows[] = {
		{ { "SSHSIG", 1, SK, SK, "01", "01", "", "" }, 0 },
		{ { "SSHSIG", 1, SK, SK, "0080", "7f", "", "" }, 0 },
		{ { "SSHSIG", 1, SK, SK, "7f" Z31, "0080" Z31, "", "" }, 0 },
		{ { "SSHSIh", 1, SK, SK, "01", "01", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 0, SK, SK, "01", "01", "", "" }, ERR_VERSION },
		{ { "SSHSIG", 2, SK, SK, "01", "01", "", "" }, ERR_VERSION },
		{ { "SSHSIG", 1, "ssh-dss", SK, "01", "01", "", "" },
		    ERR_KEY },
		{ { "SSHSIG", 1, SK, "ssh-ed25519", "01", "01", "", "" },
		    ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, "ecdsa-sha2-nistp256", "01", "01", "",
		    "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, "", "01", "01", "", "" }, ERR_SYNTAX },
		/* Numbers: zero, negative, with needless zeros, too wide. */
		{ { "SSHSIG", 1, SK, SK, "", "01", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "01", "", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "00", "01", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "80", "01", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "0001", "01", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "01", "0001", "", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "01" Z32, "01", "", "" },
		    ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "0080" Z32, "01", "", "" },
		    ERR_SYNTAX },
		/* Trailing bytes. */
		{ { "SSHSIG", 1, SK, SK, "01", "01", "x", "" }, ERR_SYNTAX },
		{ { "SSHSIG", 1, SK, SK, "01", "01", "", "x" }, ERR_SYNTAX },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(read_parts(&rows[i].p) == rows[i].err, "row %zu", i);
}

TEST(fields_of_the_wrong_size)
{
	static uint8_t zeros[SSHSIG_MAX + 1];
	struct bytes blob = unhex(PROOFS_SSH_BLOB);
	struct sshsig s;
	struct buf b;

	CHECK_INT(sshsig_read(bytes_of(zeros, sizeof(zeros)), &s),
	    ERR_TOO_LARGE);
	CHECK_INT(sshsig_read(bytes_of(zeros, SSHSIG_MAX), &s), ERR_SYNTAX);
	/* An Ed25519 signature of 63 bytes. */
	buf_init(&b, 1000);
	buf_put(&b, blob.p, blob.n - 1);
	b.p[b.n - 63 - 1] = 63;
	b.p[b.n - 63 - 4 - 11 - 4 - 1] = 4 + 11 + 4 + 63;
	CHECK_INT(sshsig_read(buf_bytes(&b), &s), ERR_SYNTAX);
	buf_free(&b);
	drop(blob);
}

TEST(numbers_are_written_short)
{
	static const struct {
		const char *sig, *r, *s;
	} rows[] = {
		{ Z31 "01" Z31 "7f", "01", "7f" },
		{ Z31 "80" "80" Z31, "0080", "0080" Z31 },
		{ Z31 "01" "7f" Z31, "01", "7f" Z31 },
		{ Z32 Z31 "01", "", "01" },
	};
	struct bytes rs, want;
	uint8_t point[65] = { 4 };
	struct sshsig s;
	struct buf b, w;
	size_t i;

	buf_init(&b, SSHSIG_MAX);
	buf_init(&w, SSHSIG_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&s, 0, sizeof(s));
		s.key.kind = SSHSIG_SK_ECDSA;
		s.key.point = bytes_of(point, sizeof(point));
		rs = unhex(rows[i].sig);
		memcpy(s.sig, rs.p, 64);
		drop(rs);
		buf_clear(&b);
		sshsig_write(&b, &s);
		CHECK_INT(buf_error(&b), 0);
		/* The signature is last: name, numbers, flags, counter. */
		buf_clear(&w);
		want = unhex(rows[i].r);
		buf_put_sshstr(&w, want);
		drop(want);
		want = unhex(rows[i].s);
		buf_put_sshstr(&w, want);
		drop(want);
		buf_put(&w, "\0\0\0\0\0", 5);
		CHECK(b.n > w.n);
		CHECK_MEM(b.p + b.n - w.n, w.n, w.p, w.n);
	}
	buf_free(&b);
	buf_free(&w);
}

TEST(writing_reports_what_does_not_fit)
{
	static uint8_t big[SSHSIG_MAX];
	struct bytes blob = unhex(PROOFS_WEBAUTHN_BLOB);
	struct sshsig s;
	struct buf b;
	size_t cap;

	CHECK_INT(sshsig_read(blob, &s), 0);
	for (cap = 0; cap < blob.n; cap++) {
		buf_init(&b, cap);
		sshsig_write(&b, &s);
		CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
		buf_free(&b);
	}
	s.client_data = bytes_of(big, sizeof(big));
	buf_init(&b, 1 << 20);
	sshsig_write(&b, &s);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
	CHECK_INT(sshsig_read(blob, &s), 0);
	OOM_LOOP {
		buf_init(&b, 1 << 20);
		sshsig_write(&b, &s);
		CHECK_INT(buf_error(&b), OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
	}
	drop(blob);
}

TEST(armour_as_ssh_keygen_writes_it)
{
	struct bytes blob = unhex(PROOFS_SSH_BLOB);
	struct buf b;
	int r;

	buf_init(&b, 4000);
	sshsig_armour(&b, blob);
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(b.p, b.n, PROOFS_SSH_ARMOUR, strlen(PROOFS_SSH_ARMOUR));
	buf_clear(&b);
	CHECK_INT(sshsig_dearmour(bytes_str(PROOFS_SSH_ARMOUR), &b), 0);
	CHECK_MEM(b.p, b.n, blob.p, blob.n);
	buf_free(&b);
	buf_init(&b, 100);
	sshsig_armour(&b, blob);
	CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
	buf_free(&b);
	OOM_LOOP {
		buf_init(&b, 4000);
		sshsig_armour(&b, blob);
		CHECK_INT(buf_error(&b), OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
	}
	OOM_LOOP {
		buf_init(&b, 4000);
		r = sshsig_dearmour(bytes_str(PROOFS_SSH_ARMOUR), &b);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
	}
	drop(blob);
}

#define BEGIN "-----BEGIN SSH SIGNATURE-----"
#define END "-----END SSH SIGNATURE-----"

TEST(armour_of_other_forms)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ BEGIN "\nAQID\n" END "\n", 0 },
		{ BEGIN "\nAQID\n" END, 0 },
		{ BEGIN "\r\nAQ\r\nID\r\n" END "\r\n", 0 },
		{ BEGIN "\nA\nQ\n\nI\nD\n" END "\n\n\r\n", 0 },
		{ "", ERR_SYNTAX },
		{ "\n" BEGIN "\nAQID\n" END "\n", ERR_SYNTAX },
		{ " " BEGIN "\nAQID\n" END "\n", ERR_SYNTAX },
		{ BEGIN, ERR_SYNTAX },
		{ BEGIN "\n", ERR_SYNTAX },
		{ BEGIN "\nAQID", ERR_SYNTAX },
		{ BEGIN "\nAQID\n", ERR_SYNTAX },
		{ BEGIN "AQID\n" END "\n", ERR_SYNTAX },
		{ BEGIN "\nAQID" END "\n", ERR_SYNTAX },
		{ BEGIN "\nAQID\n" END "x\n", ERR_SYNTAX },
		{ BEGIN "\nAQID\n" END "\nx", ERR_SYNTAX },
		{ BEGIN "\nAQID\n" END "\n" BEGIN "\nAQID\n" END "\n",
		    ERR_SYNTAX },
		{ BEGIN "\nAQ ID\n" END "\n", ERR_SYNTAX },
		{ BEGIN "\nAQI\n" END "\n", ERR_SYNTAX },
		{ BEGIN "\nAQ==\nAQID\n" END "\n", ERR_SYNTAX },
		{ BEGIN "\nA-_D\n" END "\n", ERR_SYNTAX },
		{ BEGIN "\nComment: x\nAQID\n" END "\n", ERR_SYNTAX },
	};
	struct buf b;
	size_t i;

	buf_init(&b, 100);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		CHECK_MSG(sshsig_dearmour(bytes_str(rows[i].text), &b) ==
		    rows[i].err, "row %zu", i);
		CHECK_MEM(b.p, b.n, "\1\2\3", rows[i].err == 0 ? 3 : 0);
	}
	buf_free(&b);
}

TEST_MAIN()
