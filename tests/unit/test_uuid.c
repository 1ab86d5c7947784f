/*
 * test_uuid.c - UUID version 7.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/uuid.h"
#include "tests/harness/test.h"

/* RFC 9562, appendix A.6. */
#define EXAMPLE "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

TEST(makes_the_example)
{
	static const uint8_t rnd[10] = { 0xfc, 0xc3, 0x18, 0xc4, 0xdc, 0x0c,
	    0x0c, 0x07, 0x39, 0x8f };
	char text[UUID_TEXT_SIZE];

	uuid_make(UINT64_C(0x017f22e279b0), rnd, text);
	CHECK_STR(text, EXAMPLE);
	CHECK_INT(uuid_check(bytes_str(text)), 0);
}

TEST(version_and_variant_do_not_depend_on_the_input)
{
	char text[UUID_TEXT_SIZE];
	uint8_t rnd[10];
	unsigned v;

	for (v = 0; v < 256; v++) {
		memset(rnd, (int)v, sizeof(rnd));
		uuid_make(UINT64_MAX - v, rnd, text);
		CHECK_INT(uuid_check(bytes_str(text)), 0);
	}
}

TEST(other_texts_are_refused)
{
	static const char *const bad[] = {
		"",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		EXAMPLE "0",
		"017F22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-4cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-78c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",
		"017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e279b0-7cc3-98c4-dc0c0c07398f-",
		"g17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(uuid_check(bytes_str(bad[i])) == ERR_SYNTAX, "%s",
		    bad[i]);
	/* A NUL is no digit, though every string ends in one. */
	CHECK_INT(uuid_check(bytes_of(EXAMPLE, 36)), 0);
	CHECK_INT(uuid_check(bytes_of("\0" "17f22e2-79b0-7cc3-98c4-dc0c0c073"
	    "98f", 36)), ERR_SYNTAX);
}

TEST_MAIN()
