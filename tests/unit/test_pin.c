/*
 * test_pin.c - pins and key ids.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/keyid.h"
#include "common/pin.h"
#include "tests/harness/test.h"

#define HEX "00112233445566778899aabbccddeeff" \
	"00112233445566778899aabbccddeeff"
#define GOOD "countersign-pin:1:acme.example:" HEX ":1.2.3.4.9007199254740991"

TEST(reads_and_writes)
{
	struct pin pin;
	struct buf b;

	CHECK_INT(pin_parse(bytes_str(GOOD), &pin), 0);
	CHECK_STR(pin.org, "acme.example");
	CHECK_INT(pin.root.b[1], 0x11);
	CHECK_INT(pin.min_version[TRUST_ROOT], 1);
	CHECK_INT(pin.min_version[TRUST_PEOPLE], 2);
	CHECK_INT(pin.min_version[TRUST_POLICY], 3);
	CHECK_INT(pin.min_version[TRUST_DEVICE], 4);
	CHECK_INT(pin.min_version[TRUST_TIMESTAMP], CAP_VERSION);
	buf_init(&b, 512);
	pin_write(&b, &pin);
	CHECK_MEM(b.p, b.n, GOOD, strlen(GOOD));
	buf_clear(&b);
	pin_fingerprint(&b, &pin);
	CHECK_INT(b.n, 64 + 15);
	CHECK_MEM(b.p, 14, "0011 2233 4455", 14);
	buf_free(&b);
}

TEST(refuses)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "", ERR_SYNTAX }, { "countersign-pin", ERR_SYNTAX },
		{ "countersign-pin:1", ERR_SYNTAX },
		{ "countersign-pin:1:acme", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX, ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1.2.3.4", ERR_SYNTAX },
		{ "countersign-pin:2:acme:" HEX ":1.1.1.1.1", ERR_VERSION },
		{ "countersign-pix:1:acme:" HEX ":1.1.1.1.1", ERR_SYNTAX },
		{ " " GOOD, ERR_SYNTAX }, { GOOD "\n", ERR_SYNTAX },
		{ "countersign-pin:1::" HEX ":1.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:Acme:" HEX ":1.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:0" HEX ":1.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:0:1.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":0.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":01.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1..1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1.1.1.1.", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1.1.1.1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1.1.+1.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1.1.a.1.1", ERR_SYNTAX },
		{ "countersign-pin:1:acme:" HEX ":1.1.1.1.9007199254740992",
		    ERR_RANGE },
		{ "countersign-pin:1:acme:" HEX ":1.1.1.1.99999999999999999",
		    ERR_SYNTAX }
	};
	struct pin pin;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(pin_parse(bytes_str(rows[i].text), &pin) ==
		    rows[i].err, "row %zu: %s", i, rows[i].text);
}

TEST(key_ids)
{
	char id[KEYID_SIZE];

	CHECK_INT(digest_init(), 0);
	/* SHA-256 of nothing (FIPS 180-4's well-known value). */
	keyid_make(bytes_str(""), id);
	CHECK_STR(id, "e3b0c44298fc1c149afbf4c8996fb924");
	CHECK(keyid_is(bytes_str(id)));
	CHECK(!keyid_is(bytes_str("e3b0c44298fc1c149afbf4c8996fb92")));
	CHECK(!keyid_is(bytes_str("E3b0c44298fc1c149afbf4c8996fb924")));
}

TEST_MAIN()
