/*
 * test_error.c - every error number has a word and a text of its own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: make unit.
 */
#include "common/error.h"
#include "tests/harness/test.h"

#include <limits.h>

TEST(known_words)
{
	/* These stand in records: they never change. */
	static const struct {
		int err;
		const char *word;
	} rows[] = {
		{ ERR_OK, "ok" },
		{ ERR_TOO_LARGE, "too_large" },
		{ ERR_SIGNATURE, "bad_signature" },
		{ ERR_EXPIRED, "expired" },
		{ ERR_DENIED, "denied" },
		{ ERR_USAGE, "usage" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_STR(err_word(rows[i].err), rows[i].word);
}

TEST(words_are_distinct_and_plain)
{
	const char *word;
	int a, b;

	for (a = 0; a >= ERR_LAST; a--) {
		word = err_word(a);
		CHECK_MSG(word[0] != '\0' && strspn(word,
		    "abcdefghijklmnopqrstuvwxyz_") == strlen(word),
		    "error %d", a);
		CHECK_MSG(strlen(err_text(a)) > 3, "error %d", a);
		for (b = 0; b > a; b--) {
			CHECK_MSG(strcmp(word, err_word(b)) != 0,
			    "errors %d and %d", a, b);
			CHECK_MSG(strcmp(err_text(a), err_text(b)) != 0,
			    "errors %d and %d", a, b);
		}
	}
}

TEST(unknown_numbers)
{
	static const int rows[] = { 1, ERR_LAST - 1, INT_MIN, INT_MAX };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_STR(err_word(rows[i]), "unknown_error");
		CHECK_STR(err_text(rows[i]), "unknown error");
	}
}

TEST_MAIN()
