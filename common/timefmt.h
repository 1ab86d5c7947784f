/*
 * timefmt.h - the one form of a point in time: YYYY-MM-DDTHH:MM:SSZ.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 *
 * A time is a number of seconds since 1970-01-01T00:00:00Z, without leap
 * seconds (POSIX). The text is a subset of RFC 3339, always 20 characters.
 */
#ifndef COUNTERSIGN_COMMON_TIMEFMT_H
#define COUNTERSIGN_COMMON_TIMEFMT_H

#include "common/bytes.h"

/* 20 characters and a NUL. */
#define TIME_TEXT_SIZE 21
/* The range that has a text: 2000-01-01T00:00:00Z to 9999-12-31T23:59:59Z. */
#define TIME_MIN INT64_C(946684800)
#define TIME_MAX INT64_C(253402300799)

/*
 * Reads a time. ERR_SYNTAX for anything but exactly this form; ERR_RANGE for
 * a day or hour that does not exist (a 60th second too) and for a year before
 * 2000.
 */
MUST_CHECK int time_parse(struct bytes text, int64_t *ret_t);

/*
 * Writes a time and a NUL. A time outside TIME_MIN..TIME_MAX is written as the
 * nearer of the two.
 */
void time_format(int64_t t, char ret_text[TIME_TEXT_SIZE]);

#endif
