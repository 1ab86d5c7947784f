/*
 * test_tokens.c - tests of console/tokens.c.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "console/tokens.h"
#include "tests/harness/test.h"

TEST(a_token_comes_apart_as_it_was_made)
{
	char text[TOKENS_TEXT_SIZE], id[STORE_TOKEN_ID_SIZE];
	char other[TOKENS_TEXT_SIZE], got[STORE_TOKEN_ID_SIZE];
	struct sha256 secret, want;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(tokens_make(text, id, &want), 0);
	CHECK_INT(strlen(text), TOKENS_TEXT_SIZE - 1);
	CHECK_INT(tokens_parse(text, got, &secret), 0);
	CHECK_STR(got, id);
	CHECK(tokens_equal(&secret, &want));
	CHECK_INT(tokens_make(other, id, &want), 0);
	CHECK(strcmp(text, other) != 0);
	CHECK(!tokens_equal(&secret, &want));
}

TEST(other_texts_are_refused)
{
	char text[TOKENS_TEXT_SIZE + 1], id[STORE_TOKEN_ID_SIZE];
	struct sha256 secret;
	size_t i;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(tokens_make(text, id, &secret), 0);
	for (i = 0; i < 21; i++) {
		text[i] ^= 0x40;
		CHECK_MSG(tokens_parse(text, id, &secret) == ERR_SYNTAX,
		    "at %zu", i);
		text[i] ^= 0x40;
	}
	text[TOKENS_TEXT_SIZE - 1] = 'x';
	text[TOKENS_TEXT_SIZE] = '\0';
	CHECK_INT(tokens_parse(text, id, &secret), ERR_SYNTAX);
	text[TOKENS_TEXT_SIZE - 2] = '\0';
	CHECK_INT(tokens_parse(text, id, &secret), ERR_SYNTAX);
	CHECK_INT(tokens_parse("", id, &secret), ERR_SYNTAX);
}

TEST(hashes_differ_in_any_bit)
{
	struct sha256 a = { { 0 } }, b = { { 0 } };
	size_t i;

	CHECK(tokens_equal(&a, &b));
	for (i = 0; i < 256; i++) {
		b.b[i / 8] ^= (uint8_t)(1u << (i % 8));
		CHECK(!tokens_equal(&a, &b));
		b.b[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
}

TEST_MAIN()
