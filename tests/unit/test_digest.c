/*
 * test_digest.c - hashes, the hash of a PAE, digests as text.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/envelope.h"
#include "tests/harness/test.h"

/* FIPS 180-4 examples (and the empty message). */
static const struct {
	const char *msg, *sha256, *sha512;
} known[] = {
	{ "",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	  "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e" },
	{ "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
};

TEST(known_answers)
{
	char hex[2 * SHA512_SIZE + 1];
	uint8_t wide[SHA512_SIZE];
	struct sha256 d;
	size_t i;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(digest_init(), 0);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		digest_sha256(bytes_str(known[i].msg), &d);
		hex_encode(bytes_of(d.b, sizeof(d.b)), hex);
		CHECK_STR(hex, known[i].sha256);
		digest_sha512(bytes_str(known[i].msg), wide);
		hex_encode(bytes_of(wide, sizeof(wide)), hex);
		CHECK_STR(hex, known[i].sha512);
	}
	digest_sha256(bytes_of(NULL, 0), &d);
	hex_encode(bytes_of(d.b, sizeof(d.b)), hex);
	CHECK_STR(hex, known[0].sha256);
}

TEST(pieces_are_the_whole)
{
	static const char msg[] = "a message that is longer than one block of "
	    "SHA-256, cut at every place";
	struct digest_ctx c;
	struct sha256 whole, d;
	size_t i;

	digest_sha256(bytes_str(msg), &whole);
	for (i = 0; i < sizeof(msg); i++) {
		digest_ctx_init(&c);
		digest_ctx_update(&c, bytes_of(msg, i));
		digest_ctx_update(&c, bytes_of(NULL, 0));
		digest_ctx_update(&c, bytes_of(msg + i, sizeof(msg) - 1 - i));
		digest_ctx_final(&c, &d);
		CHECK(sha256_equal(&d, &whole));
	}
}

TEST(pae_is_hashed_as_envelope_builds_it)
{
	static const char *const parts[] = { "", "a", "http://example.com/x",
	    "hello world", "0123456789" };
	const size_t n = sizeof(parts) / sizeof(parts[0]);
	uint8_t got[SHA512_SIZE], want[SHA512_SIZE];
	struct sha256 d, e;
	struct buf b;
	size_t i;

	buf_init(&b, 200);
	for (i = 0; i < n * n; i++) {
		struct bytes type = bytes_str(parts[i / n]);
		struct bytes body = bytes_str(parts[i % n]);

		buf_clear(&b);
		envelope_pae(&b, type, body);
		digest_pae(type, body, &d);
		digest_sha256(buf_bytes(&b), &e);
		CHECK_MEM(d.b, 32, e.b, 32);
		digest_pae512(type, body, got);
		digest_sha512(buf_bytes(&b), want);
		CHECK_MEM(got, 64, want, 64);
	}
	/* The DSSE specification's own example. */
	buf_clear(&b);
	envelope_pae(&b, bytes_str("http://example.com/HelloWorld"),
	    bytes_str("hello world"));
	CHECK(bytes_is(buf_bytes(&b), "DSSEv1 29 http://example.com/HelloWorld "
	    "11 hello world"));
	buf_free(&b);
}

TEST(equal_looks_at_every_byte)
{
	struct sha256 a, b;
	size_t i;

	digest_sha256(bytes_str("x"), &a);
	for (i = 0; i < sizeof(a.b); i++) {
		b = a;
		CHECK(sha256_equal(&a, &b));
		b.b[i] ^= 1;
		CHECK(!sha256_equal(&a, &b));
	}
}

TEST(text_and_back)
{
	char text[DIGEST_TEXT_SIZE];
	struct sha256 d, e;

	digest_sha256(bytes_str("abc"), &d);
	digest_text(&d, text);
	CHECK_STR(text, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a"
	    "9cb410ff61f20015ad");
	CHECK_INT(digest_parse(bytes_str(text), &e), 0);
	CHECK(sha256_equal(&d, &e));
}

TEST(other_texts_are_refused)
{
	static const char hex[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	static const struct {
		const char *prefix, *rest;
		int cut;
	} bad[] = {
		{ "", "", 0 },
		{ "", hex, 0 },
		{ "sha256-", hex, 0 },
		{ "SHA256:", hex, 0 },
		{ "sha512:", hex, 0 },
		{ "sha256:", hex, 1 },
		{ "sha256:0", hex, 0 },
		{ "sha256: ", hex + 1, 0 },
		{ "sha256:B", hex + 1, 0 },
		{ "sha256:g", hex + 1, 0 },
	};
	struct sha256 d, before;
	char text[100];
	size_t i;

	memset(&d, 7, sizeof(d));
	before = d;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int n = snprintf(text, sizeof(text), "%s%s", bad[i].prefix,
		    bad[i].rest);

		CHECK_MSG(digest_parse(bytes_of(text, (size_t)(n -
		    bad[i].cut)), &d) == ERR_SYNTAX, "row %zu", i);
		CHECK(sha256_equal(&d, &before));
	}
}

TEST_MAIN()
