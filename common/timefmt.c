/*
 * timefmt.c - the one form of a point in time: YYYY-MM-DDTHH:MM:SSZ.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 */
#include "common/timefmt.h"

#define DAY 86400

/* Days before each month in a year that is not a leap year. */
static const int days_before[13] = {
	0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365
};

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of the years from 1970 up to, not including, year (2000 or later). */
static int
days_before_year(int year)
{
	int y = year - 1;

	return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
	    (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* Days of the months before month (1..13) in year. */
static int
days_before_month(int year, int month)
{
	return days_before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

/* The number that the pattern's digits at at[0..n) make; -1 if no digits. */
static int
number(const uint8_t *p, size_t n)
{
	int v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

int
time_parse(struct bytes text, int64_t *ret_t)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	int year, month, day, hour, minute, second;
	size_t i;

	if (text.n != sizeof(form) - 1)
		return ERR_SYNTAX;
	for (i = 0; i < text.n; i++) {
		if (form[i] != '0' && text.p[i] != (uint8_t)form[i])
			return ERR_SYNTAX;
	}
	year = number(text.p, 4);
	month = number(text.p + 5, 2);
	day = number(text.p + 8, 2);
	hour = number(text.p + 11, 2);
	minute = number(text.p + 14, 2);
	second = number(text.p + 17, 2);
	if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 ||
	    second < 0)
		return ERR_SYNTAX;
	if (year < 2000 || month < 1 || month > 12 || hour > 23 ||
	    minute > 59 || second > 59)
		return ERR_RANGE;
	if (day < 1 || day > days_before_month(year, month + 1) -
	    days_before_month(year, month))
		return ERR_RANGE;
	*ret_t = (int64_t)(days_before_year(year) +
	    days_before_month(year, month) + day - 1) * DAY +
	    hour * 3600 + minute * 60 + second;
	return 0;
}

static void
put_number(char *p, int v, size_t n)
{
	while (n > 0) {
		p[--n] = (char)('0' + v % 10);
		v /= 10;
	}
}

void
time_format(int64_t t, char ret_text[TIME_TEXT_SIZE])
{
	static const char form[TIME_TEXT_SIZE] = "0000-00-00T00:00:00Z";
	int day, second, year, month;
	size_t i;

	if (t < TIME_MIN)
		t = TIME_MIN;
	if (t > TIME_MAX)
		t = TIME_MAX;
	day = (int)(t / DAY);
	second = (int)(t % DAY);
	/* Too late by at most one year, from the mean length of a year. */
	year = 1970 + (int)((int64_t)day * 400 / 146097) + 1;
	while (days_before_year(year) > day)
		year--;
	day -= days_before_year(year);
	for (month = 1; days_before_month(year, month + 1) <= day; month++)
		;
	day -= days_before_month(year, month);
	for (i = 0; i < TIME_TEXT_SIZE; i++)
		ret_text[i] = form[i];
	put_number(ret_text, year, 4);
	put_number(ret_text + 5, month, 2);
	put_number(ret_text + 8, day + 1, 2);
	put_number(ret_text + 11, second / 3600, 2);
	put_number(ret_text + 14, second / 60 % 60, 2);
	put_number(ret_text + 17, second % 60, 2);
}
