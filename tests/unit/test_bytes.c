/*
 * test_bytes.c - spans, the growable buffer, the cursor, hex, error words.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make unit.
 */
#include "common/bytes.h"
#include "tests/harness/test.h"

TEST(first)
{
	CHECK(bytes_is(bytes_str("abc"), "abc"));
}

TEST_MAIN()
