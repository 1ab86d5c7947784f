/*
 * interop_proof.c - proofs and key files for tests/interop/test_proofs.py.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 *	preimage TYPE PAYLOAD_FILE
 *	ssh KIND ALG PUBLIC APPLICATION TYPE PAYLOAD_FILE ARMOUR_FILE
 *	webauthn ALG PUBLIC RP_ID ORIGIN TYPE PAYLOAD_FILE AUTH CLIENT SIG
 *	rewrap PUBLIC RP_ID ORIGIN AUTH CLIENT SIG
 *	keyfile-write PASSPHRASE SEED
 *	keyfile-open PASSPHRASE FILE
 *
 * KIND is ssh or sk, ALG ed25519 or es256; PUBLIC, AUTH, CLIENT, SIG and SEED
 * are hex. What checks prints `ok` or `refused REASON`.
 */
#include "common/der.h"
#include "common/keyfile.h"
#include "common/proof.h"
#include "common/sshsig.h"
#include "tests/harness/interop.h"

#include <string.h>

/* Freed all at once, at the end. */
static void *pieces[16];
static size_t n_pieces;

static struct bytes
unhex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = malloc(n + 1);

	if (p == NULL || n_pieces == sizeof(pieces) / sizeof(pieces[0]) ||
	    hex_decode(bytes_str(hex), p, n) != 0)
		interop_die(hex, "is not hex");
	pieces[n_pieces++] = p;
	return bytes_of(p, n);
}

static void
preimage(char **a, uint8_t *ret_b)
{
	struct buf payload = interop_read(a[1]);

	sshsig_preimage(bytes_str(a[0]), buf_bytes(&payload), ret_b);
	buf_free(&payload);
}

static void
set_public(struct person_key *key, const char *alg, const char *hex)
{
	struct bytes public = unhex(hex);

	key->alg = strcmp(alg, "es256") == 0 ? PROOF_ALG_ES256 :
	    PROOF_ALG_ED25519;
	if (public.n != proof_public_size(key->alg))
		interop_die(hex, "is not a key's size");
	memcpy(key->public, public.p, public.n);
}

static void
verify(const struct person_key *key, char **type_and_file,
    const struct proof *p)
{
	uint8_t b[SSHSIG_PREIMAGE_SIZE];
	const char *reason = "";
	struct buf field;
	int r;

	preimage(type_and_file, b);
	buf_init(&field, PROOF_MAX);
	proof_write(&field, p);
	r = proof_verify(key, bytes_of(b, sizeof(b)), buf_bytes(&field),
	    &reason);
	buf_free(&field);
	if (r == 0)
		printf("ok\n");
	else
		printf("refused %s\n", reason);
}

static void
run_ssh(char **a)
{
	struct person_key key = { .kind = strcmp(a[0], "sk") == 0 ?
	    PROOF_SK : PROOF_SSH, .application = bytes_str(a[3]) };
	struct proof p = { .wire = PROOF_WIRE_SSHSIG };
	struct buf armour = interop_read(a[6]), blob;

	set_public(&key, a[1], a[2]);
	buf_init(&blob, SSHSIG_MAX);
	if (sshsig_dearmour(buf_bytes(&armour), &blob) != 0)
		interop_die(a[6], "is not armoured");
	p.sshsig = buf_bytes(&blob);
	verify(&key, a + 4, &p);
	buf_free(&armour);
	buf_free(&blob);
}

static void
run_webauthn(char **a)
{
	struct person_key key = { .kind = PROOF_WEBAUTHN,
	    .credential_id = bytes_str("c"), .rp_id = bytes_str(a[2]),
	    .origins = { bytes_str(a[3]) }, .n_origins = 1 };
	struct proof p = { .wire = PROOF_WIRE_WEBAUTHN };

	set_public(&key, a[0], a[1]);
	p.webauthn.credential_id = bytes_str("c");
	p.webauthn.auth_data = unhex(a[6]);
	p.webauthn.client_data = unhex(a[7]);
	p.webauthn.sig = unhex(a[8]);
	verify(&key, a + 4, &p);
}

/* An ES256 assertion as OpenSSH takes it. */
static void
run_rewrap(char **a)
{
	struct bytes auth = unhex(a[3]);
	struct sshsig s = {
		.key = { SSHSIG_SK_ECDSA, unhex(a[0]), bytes_str(a[1]) },
		.name_space = bytes_str(SSHSIG_NAMESPACE),
		.hash = bytes_str("sha512"),
		.webauthn = true,
		.origin = bytes_str(a[2]),
		.client_data = unhex(a[4])
	};
	struct buf blob, armour;

	if (auth.n < 37 || der_ecdsa_read(unhex(a[5]), s.sig) != 0)
		interop_die("rewrap", "not an ES256 assertion");
	s.flags = auth.p[32];
	s.counter = (uint32_t)auth.p[33] << 24 | (uint32_t)auth.p[34] << 16 |
	    (uint32_t)auth.p[35] << 8 | auth.p[36];
	s.extensions = bytes_of(auth.p + 37, auth.n - 37);
	buf_init(&blob, SSHSIG_MAX);
	buf_init(&armour, 2 * SSHSIG_MAX);
	sshsig_write(&blob, &s);
	sshsig_armour(&armour, buf_bytes(&blob));
	if (buf_error(&blob) != 0 || buf_error(&armour) != 0)
		interop_die("rewrap", "does not fit");
	(void)fwrite(armour.p, 1, armour.n, stdout);
	buf_free(&blob);
	buf_free(&armour);
}

static void
run_keyfile_write(char **a)
{
	struct keyfile_new n = { .use = KEYFILE_APPROVER,
	    .seed = unhex(a[1]).p, .passphrase = bytes_str(a[0]), .ops = 2,
	    .mem = (size_t)1 << 20 };
	struct buf b;

	memset(n.salt, 7, sizeof(n.salt));
	memset(n.nonce, 8, sizeof(n.nonce));
	buf_init(&b, KEYFILE_MAX);
	if (keyfile_write(&n, &b) != 0)
		interop_die("keyfile-write", "failed");
	(void)fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
}

static void
run_keyfile_open(char **a)
{
	struct buf text = interop_read(a[1]);
	struct keyfile_info info;
	struct signer s;
	uint8_t seed[SIGNER_SEED_SIZE];
	char hex[2 * SIGNER_SEED_SIZE + 1];
	int r;

	r = keyfile_open(buf_bytes(&text), bytes_str(a[0]), &info, &s);
	if (r == 0) {
		signer_seed(&s, seed);
		hex_encode(bytes_of(seed, sizeof(seed)), hex);
		printf("ok %s %s\n", keyfile_use_word(info.use), hex);
	} else {
		printf("refused %s\n", err_word(r));
	}
	buf_free(&text);
}

static void
run_preimage(char **a)
{
	uint8_t b[SSHSIG_PREIMAGE_SIZE];
	char hex[2 * SSHSIG_PREIMAGE_SIZE + 1];

	preimage(a, b);
	hex_encode(bytes_of(b, sizeof(b)), hex);
	printf("%s\n", hex);
}

static const struct {
	const char *name;
	int args;
	void (*run)(char **);
} commands[] = {
	{ "preimage", 2, run_preimage },
	{ "ssh", 7, run_ssh },
	{ "webauthn", 9, run_webauthn },
	{ "rewrap", 6, run_rewrap },
	{ "keyfile-write", 2, run_keyfile_write },
	{ "keyfile-open", 2, run_keyfile_open },
};

int
main(int argc, char **argv)
{
	size_t i;

	if (digest_init() != 0)
		interop_die(argv[0], "libsodium does not start");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc != 2 + commands[i].args ||
		    strcmp(argv[1], commands[i].name) != 0)
			continue;
		commands[i].run(argv + 2);
		while (n_pieces > 0)
			free(pieces[--n_pieces]);
		return 0;
	}
	interop_die(argv[0], "no such command");
}
