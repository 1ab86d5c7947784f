/*
 * test_timefmt.c - the one form of a point in time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/timefmt.h"
#include "tests/harness/test.h"

#include <time.h>

TEST(known_times)
{
	static const struct {
		const char *text;
		int64_t t;
	} rows[] = {
		{ "2000-01-01T00:00:00Z", 946684800 },
		{ "2000-02-29T23:59:59Z", 951868799 },
		{ "2001-09-09T01:46:40Z", 1000000000 },
		{ "2025-06-01T12:30:05Z", 1748781005 },
		{ "2038-01-19T03:14:08Z", INT64_C(2147483648) },
		{ "2100-03-01T00:00:00Z", INT64_C(4107542400) },
		{ "9999-12-31T23:59:59Z", INT64_C(253402300799) },
	};
	char text[TIME_TEXT_SIZE];
	int64_t t;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(time_parse(bytes_str(rows[i].text), &t), 0);
		CHECK_INT(t, rows[i].t);
		time_format(rows[i].t, text);
		CHECK_STR(text, rows[i].text);
	}
}

/* Every day of the range, against the C library. */
TEST(every_day_agrees_with_the_c_library)
{
	char text[TIME_TEXT_SIZE], want[40];
	int64_t t, back;
	struct tm tm;
	time_t c;

	for (t = TIME_MIN; t <= TIME_MAX; t += 86400 + 86399 * (t % 2)) {
		c = (time_t)t;
		CHECK(gmtime_r(&c, &tm) != NULL);
		CHECK(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ",
		    &tm) > 0);
		time_format(t, text);
		CHECK_STR(text, want);
		CHECK_INT(time_parse(bytes_str(text), &back), 0);
		CHECK_INT(back, t);
	}
}

TEST(outside_the_range_is_clamped)
{
	char text[TIME_TEXT_SIZE];

	time_format(INT64_MIN, text);
	CHECK_STR(text, "2000-01-01T00:00:00Z");
	time_format(TIME_MIN - 1, text);
	CHECK_STR(text, "2000-01-01T00:00:00Z");
	time_format(TIME_MAX + 1, text);
	CHECK_STR(text, "9999-12-31T23:59:59Z");
	time_format(INT64_MAX, text);
	CHECK_STR(text, "9999-12-31T23:59:59Z");
}

TEST(other_texts_are_refused)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "", ERR_SYNTAX },
		{ "2025-06-01T12:30:05", ERR_SYNTAX },
		{ "2025-06-01T12:30:05Z ", ERR_SYNTAX },
		{ "2025-06-01T12:30:05z", ERR_SYNTAX },
		{ "2025-06-01t12:30:05Z", ERR_SYNTAX },
		{ "2025-06-01 12:30:05Z", ERR_SYNTAX },
		{ "2025/06/01T12:30:05Z", ERR_SYNTAX },
		{ "2025-06-01T12:30:05+00:00", ERR_SYNTAX },
		{ "2025-06-01T12:30:05.0Z", ERR_SYNTAX },
		{ "x025-06-01T12:30:05Z", ERR_SYNTAX },
		{ "2025-0x-01T12:30:05Z", ERR_SYNTAX },
		{ "2025-06-+1T12:30:05Z", ERR_SYNTAX },
		{ "2025-06-01T -:30:05Z", ERR_SYNTAX },
		{ "2025-06-01T12:/0:05Z", ERR_SYNTAX },
		{ "2025-06-01T12:30::5Z", ERR_SYNTAX },
		{ "1999-12-31T23:59:59Z", ERR_RANGE },
		{ "0000-01-01T00:00:00Z", ERR_RANGE },
		{ "2025-00-01T12:30:05Z", ERR_RANGE },
		{ "2025-13-01T12:30:05Z", ERR_RANGE },
		{ "2025-06-00T12:30:05Z", ERR_RANGE },
		{ "2025-06-31T12:30:05Z", ERR_RANGE },
		{ "2025-12-32T12:30:05Z", ERR_RANGE },
		{ "2025-02-29T12:30:05Z", ERR_RANGE },
		{ "2100-02-29T12:30:05Z", ERR_RANGE },
		{ "2025-06-01T24:00:00Z", ERR_RANGE },
		{ "2025-06-01T12:60:05Z", ERR_RANGE },
		{ "2025-06-01T23:59:60Z", ERR_RANGE },
	};
	int64_t t = 42;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_MSG(time_parse(bytes_str(rows[i].text), &t) ==
		    rows[i].err, "%s", rows[i].text);
		CHECK_INT(t, 42);
	}
	CHECK_INT(time_parse(bytes_str("2400-02-29T00:00:00Z"), &t), 0);
}

TEST_MAIN()
