/*
 * test_p256.c - ES256 signatures.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/p256.h"
#include "tests/harness/proofs.h"
#include "tests/harness/test.h"

static uint8_t point[P256_POINT_SIZE], der[80], rs[P256_RS_SIZE], msg[69];
static size_t der_n;

/* The order of the group. */
static const char order[] =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

static void
unhex(const char *hex, uint8_t *to, size_t n)
{
	CHECK_INT(hex_decode(bytes_str(hex), to, n), 0);
}

static void
setup(void)
{
	static uint8_t client[500];
	size_t n = strlen(PROOFS_CLIENT_DATA) / 2;
	struct sha256 hash;

	CHECK_INT(digest_init(), 0);
	der_n = strlen(PROOFS_ES256_SIG) / 2;
	unhex(PROOFS_ES256_SIG, der, der_n);
	unhex(PROOFS_P256_POINT, point, sizeof(point));
	unhex(PROOFS_ES256_RS, rs, sizeof(rs));
	unhex(PROOFS_CLIENT_DATA, client, n);
	digest_sha256(bytes_of(client, n), &hash);
	unhex(PROOFS_AUTH_DATA, msg, 37);
	memcpy(msg + 37, hash.b, 32);
}

static int
verify_raw(void)
{
	return es256_verify_raw(point, bytes_of(msg, sizeof(msg)),
	    bytes_of(rs, sizeof(rs)));
}

TEST(a_good_one)
{
	setup();
	CHECK_INT(es256_verify(point, bytes_of(msg, sizeof(msg)),
	    bytes_of(der, der_n)), 0);
	CHECK_INT(verify_raw(), 0);
	CHECK_INT(p256_check_point(point), 0);
}

TEST(every_flipped_bit_is_refused)
{
	size_t i;
	int r;

	setup();
	for (i = 0; i < 8 * der_n; i++) {
		der[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_MSG(es256_verify(point, bytes_of(msg, sizeof(msg)),
		    bytes_of(der, der_n)) == ERR_SIGNATURE, "der %zu", i);
		der[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < 8 * sizeof(rs); i++) {
		rs[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_MSG(verify_raw() == ERR_SIGNATURE, "rs %zu", i);
		rs[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < 8 * sizeof(msg); i++) {
		msg[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_MSG(verify_raw() == ERR_SIGNATURE, "msg %zu", i);
		msg[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < 8 * sizeof(point); i++) {
		point[i / 8] ^= (uint8_t)(1 << i % 8);
		r = verify_raw();
		CHECK_MSG(r == ERR_KEY || r == ERR_SIGNATURE, "point %zu", i);
		CHECK_INT(p256_check_point(point), r == ERR_KEY ? ERR_KEY : 0);
		point[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CHECK_INT(verify_raw(), 0);
}

TEST(r_and_s_have_a_range)
{
	uint8_t n[32], good[64];
	size_t half;

	setup();
	unhex(order, n, sizeof(n));
	memcpy(good, rs, sizeof(rs));
	for (half = 0; half < 64; half += 32) {
		memset(rs + half, 0, 32);
		CHECK_INT(verify_raw(), ERR_SIGNATURE);
		memcpy(rs + half, n, 32);
		CHECK_INT(verify_raw(), ERR_SIGNATURE);
		rs[half + 31]++;
		CHECK_INT(verify_raw(), ERR_SIGNATURE);
		memset(rs + half, 0xff, 32);
		CHECK_INT(verify_raw(), ERR_SIGNATURE);
		/* n-1 is in the range, and no signature. */
		memcpy(rs + half, n, 32);
		rs[half + 31]--;
		CHECK_INT(verify_raw(), ERR_SIGNATURE);
		memcpy(rs, good, sizeof(rs));
	}
	CHECK_INT(verify_raw(), 0);
}

TEST(forms)
{
	size_t i;

	setup();
	for (i = 0; i < sizeof(rs); i++)
		CHECK_INT(es256_verify_raw(point, bytes_of(msg, sizeof(msg)),
		    bytes_of(rs, i)), ERR_SIGNATURE);
	/* Each form is refused where the other is expected. */
	CHECK_INT(es256_verify(point, bytes_of(msg, sizeof(msg)),
	    bytes_of(rs, sizeof(rs))), ERR_SIGNATURE);
	CHECK_INT(es256_verify_raw(point, bytes_of(msg, sizeof(msg)),
	    bytes_of(der, der_n)), ERR_SIGNATURE);
}

TEST(points)
{
	static const char prime[] =
	    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
	uint8_t p[32];
	size_t i;

	setup();
	/* Compressed and hybrid forms, infinity, other first bytes. */
	for (i = 0; i < 256; i++) {
		point[0] = (uint8_t)i;
		CHECK_INT(p256_check_point(point), i == 4 ? 0 : ERR_KEY);
	}
	memset(point, 0, sizeof(point));
	CHECK_INT(p256_check_point(point), ERR_KEY);
	point[0] = 4;
	CHECK_INT(p256_check_point(point), ERR_KEY);
	/* x as x + p would be the same point, were it not too large. */
	setup();
	unhex(prime, p, sizeof(p));
	memcpy(point + 1, p, sizeof(p));
	CHECK_INT(p256_check_point(point), ERR_KEY);
	setup();
	memcpy(point + 33, p, sizeof(p));
	CHECK_INT(p256_check_point(point), ERR_KEY);
	memset(point + 1, 0xff, 64);
	CHECK_INT(p256_check_point(point), ERR_KEY);
	CHECK_INT(verify_raw(), ERR_KEY);
}

TEST(without_memory)
{
	int r;

	setup();
	OOM_LOOP {
		r = verify_raw();
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
	}
	OOM_LOOP {
		r = p256_check_point(point);
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
	}
}

TEST_MAIN()
