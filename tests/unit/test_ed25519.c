/*
 * test_ed25519.c - signing and verifying Ed25519.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/ed25519.h"
#include "common/signer.h"
#include "tests/harness/test.h"

/* RFC 8032 section 7.1, tests 1 to 3. */
static const struct {
	const char *seed, *public, *msg, *sig;
} known[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	  "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	  "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	  "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	  "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	  "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static void
unhex(const char *hex, uint8_t *to, size_t n)
{
	CHECK_INT(hex_decode(bytes_str(hex), to, n), 0);
}

TEST(rfc8032_answers)
{
	uint8_t seed[32], public[32], msg[2], want[64], sig[64], back[32];
	struct signer s;
	size_t i, n;

	CHECK_INT(digest_init(), 0);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		n = strlen(known[i].msg) / 2;
		unhex(known[i].seed, seed, 32);
		unhex(known[i].public, public, 32);
		unhex(known[i].msg, msg, n);
		unhex(known[i].sig, want, 64);
		CHECK_INT(signer_from_seed(seed, &s), 0);
		CHECK_MEM(s.public, 32, public, 32);
		signer_seed(&s, back);
		CHECK_MEM(back, 32, seed, 32);
		CHECK_INT(signer_sign(&s, bytes_of(msg, n), sig), 0);
		CHECK_MEM(sig, 64, want, 64);
		CHECK_INT(ed25519_verify(public, bytes_of(msg, n),
		    bytes_of(sig, 64)), 0);
	}
	CHECK_INT(signer_sign(&s, bytes_of(NULL, 0), sig), 0);
	CHECK_INT(ed25519_verify(public, bytes_of(NULL, 0),
	    bytes_of(sig, 64)), 0);
}

TEST(every_flipped_bit_is_refused)
{
	uint8_t seed[32] = { 1 }, msg[20] = { 2 }, sig[64], public[32];
	struct signer s;
	size_t i;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(signer_from_seed(seed, &s), 0);
	CHECK_INT(signer_sign(&s, bytes_of(msg, sizeof(msg)), sig), 0);
	memcpy(public, s.public, 32);
	for (i = 0; i < 8 * (64 + 20 + 32); i++) {
		uint8_t *p = i < 512 ? sig : i < 672 ? msg : public;
		size_t bit = i < 512 ? i : i < 672 ? i - 512 : i - 672;

		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_MSG(ed25519_verify(public, bytes_of(msg, sizeof(msg)),
		    bytes_of(sig, 64)) == ERR_SIGNATURE, "bit %zu", i);
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (i = 0; i < 64; i++)
		CHECK_INT(ed25519_verify(public, bytes_of(msg, sizeof(msg)),
		    bytes_of(sig, i)), ERR_SIGNATURE);
	CHECK_INT(ed25519_verify(public, bytes_of(msg, sizeof(msg)),
	    bytes_of(sig, 64)), 0);
}

/* Adds the group order to S: the same equation, another spelling. */
TEST(s_beyond_the_order_is_refused)
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
		0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10
	};
	uint8_t seed[32] = { 3 }, sig[64];
	unsigned carry = 0;
	struct signer s;
	size_t i;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(signer_from_seed(seed, &s), 0);
	CHECK_INT(signer_sign(&s, bytes_str("m"), sig), 0);
	for (i = 0; i < 32; i++) {
		carry += (unsigned)sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	CHECK_INT(carry, 0);
	CHECK_INT(ed25519_verify(s.public, bytes_str("m"), bytes_of(sig, 64)),
	    ERR_SIGNATURE);
}

/*
 * Under a key of small order the signature R = 0-point, S = 0 holds for many
 * messages without any secret. The last is a key that is not canonical.
 */
TEST(weak_keys_are_refused)
{
	static const char *const weak[] = {
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t key[32], sig[64], msg[1];
	size_t i;
	unsigned m;

	CHECK_INT(digest_init(), 0);
	memset(sig, 0, sizeof(sig));
	sig[0] = 1;
	for (i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		unhex(weak[i], key, 32);
		for (m = 0; m < 256; m++) {
			msg[0] = (uint8_t)m;
			CHECK_INT(ed25519_verify(key, bytes_of(msg, 1),
			    bytes_of(sig, 64)), ERR_SIGNATURE);
		}
	}
}

TEST(wiping_leaves_nothing)
{
	uint8_t seed[32] = { 4 }, zero[sizeof(struct signer)] = { 0 };
	struct signer s;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(signer_from_seed(seed, &s), 0);
	signer_wipe(&s);
	signer_wipe(&s);
	CHECK_MEM(&s, sizeof(s), zero, sizeof(zero));
	signer_wipe_memory(seed, sizeof(seed));
	CHECK_MEM(seed, 32, zero, 32);
}

TEST_MAIN()
