/*
 * test_der.c - ECDSA signatures in strict DER.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/der.h"
#include "tests/harness/proofs.h"
#include "tests/harness/test.h"

/* 32 and 31 bytes in hex, and a number with the top bit set. */
#define B31 "112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define B32 "7f" B31
#define H32 "80" B31

static size_t
unhex(const char *hex, uint8_t *to, size_t size)
{
	size_t n = strlen(hex) / 2;

	CHECK(n <= size);
	CHECK_INT(hex_decode(bytes_str(hex), to, n), 0);
	return n;
}

TEST(good_signatures)
{
	static const struct {
		const char *der, *r, *s;
	} rows[] = {
		{ "3006020101020101", "01", "01" },
		{ "3006020100020100", "00", "00" },
		{ "3006020101020200ff", NULL, NULL },
		{ "3007020101020200ff", "01", "ff" },
		{ "300702020080020101", "80", "01" },
		{ "3007" "02020100" "020101", "0100", "01" },
		{ "3044" "0220" B32 "0220" B32, B32, B32 },
		{ "3046" "022100" H32 "022100" H32, H32, H32 },
		{ "3043" "021f" "7f" "112233445566778899aabbccddeeff0011223344"
		    "5566778899aabbccddee" "0220" B32,
		    "7f" "112233445566778899aabbccddeeff00112233445566778899"
		    "aabbccddee", B32 },
	};
	uint8_t der[100], want[64], got[64], part[32];
	struct buf b;
	size_t i, n, m;

	buf_init(&b, 200);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = unhex(rows[i].der, der, sizeof(der));
		if (rows[i].r == NULL) {
			CHECK_INT(der_ecdsa_read(bytes_of(der, n), got),
			    ERR_SYNTAX);
			continue;
		}
		memset(want, 0, sizeof(want));
		m = unhex(rows[i].r, part, sizeof(part));
		memcpy(want + 32 - m, part, m);
		m = unhex(rows[i].s, part, sizeof(part));
		memcpy(want + 64 - m, part, m);
		CHECK_MSG(der_ecdsa_read(bytes_of(der, n), got) == 0,
		    "row %zu", i);
		CHECK_MEM(got, 64, want, 64);
		/* One spelling: what is written is what was read. */
		buf_clear(&b);
		der_ecdsa_write(&b, got);
		CHECK_MEM(b.p, b.n, der, n);
	}
	buf_free(&b);
}

TEST(bad_signatures)
{
	static const char *const rows[] = {
		"", "30", "3000", "3003020101", "3106020101020101",
		"30060201010201", "300602010102010100", "3005020101020101",
		"3007020101020101",
		/* Lengths of more than one byte, indefinite ones. */
		"308106020101020101", "30820006020101020101",
		"30800201010201010000", "3007028101" "01" "020101",
		"3007020101" "028101" "01", "30ff020101020101",
		/* Integers: none, negative, not of the fewest bytes, wide. */
		"30050200020101", "30050201010200", "3006020180020101",
		"3006020101020180", "300702020001020101", "300702010102020001",
		"3007020200000201" "01", "30070202ff80020101",
		"3047" "0221" "01" "00" B31 "022100" H32,
		"3047" "022200" "80" H32 "0220" B32,
		/* Other tags. */
		"3006030101020101", "3006020101030101", "3006a20101020101",
		/* Something after s. */
		"3009020101020101020101", "30080201010201010500",
	};
	uint8_t der[100], got[64], before[64];
	size_t i, n;

	memset(got, 9, sizeof(got));
	memcpy(before, got, sizeof(got));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = unhex(rows[i], der, sizeof(der));
		CHECK_MSG(der_ecdsa_read(bytes_of(der, n), got) == ERR_SYNTAX,
		    "row %zu", i);
		CHECK_MEM(got, 64, before, 64);
	}
}

TEST(a_real_one_and_its_cuts)
{
	uint8_t der[100], rs[64], got[64];
	size_t n, i;

	n = unhex(PROOFS_ES256_SIG, der, sizeof(der));
	(void)unhex(PROOFS_ES256_RS, rs, sizeof(rs));
	CHECK_INT(der_ecdsa_read(bytes_of(der, n), got), 0);
	CHECK_MEM(got, 64, rs, 64);
	for (i = 0; i < n; i++)
		CHECK_INT(der_ecdsa_read(bytes_of(der, i), got), ERR_SYNTAX);
	der[n] = 0;
	CHECK_INT(der_ecdsa_read(bytes_of(der, n + 1), got), ERR_SYNTAX);
}

TEST_MAIN()
