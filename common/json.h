/*
 * json.h - a strict scan of JSON text, before anything parses it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 *
 * JSON parsers disagree on what they forgive, so one signed text could be two
 * different cards. What they disagree on is refused here, at every level:
 * everything RFC 8259 forbids, and of what it leaves open
 *   - a name twice in one object, compared after decoding of escapes;
 *   - U+0000, which a C string cannot hold;
 *   - an integer beyond 2^53-1, which a double cannot hold (RFC 7493 2.2);
 *   - a surrogate that is not part of a pair;
 *   - a byte order mark;
 *   - more than 16 arrays and objects inside one another.
 * No memory is allocated; about 70 KB of stack are used.
 */
#ifndef COUNTERSIGN_COMMON_JSON_H
#define COUNTERSIGN_COMMON_JSON_H

#include "common/bytes.h"

/* The longest text: offsets fit, and the work stays below a second. */
#define JSON_MAX_TEXT ((size_t)16 << 20)
#define JSON_MAX_DEPTH 16
/*
 * Members of an object together with those, so far, of the objects around
 * it: what the search for duplicates has to remember at one time.
 */
#define JSON_MAX_MEMBERS 4096
/* Values of all kinds: a parser spends about 100 bytes on each. */
#define JSON_MAX_VALUES ((size_t)1 << 18)
#define JSON_MAX_INTEGER INT64_C(9007199254740991)

/* No fraction, no exponent, no -0: a number has exactly one spelling. */
#define JSON_INTEGERS_ONLY 0x1u
/* Every string and name is text in the sense of TEXT_PLAIN (text.h). */
#define JSON_PLAIN_TEXT 0x2u

struct json_error {
	int err;		/* the ERR_* that was returned */
	size_t at;		/* offset of the byte where it was seen */
	const char *rule;	/* which rule: one of the words below, static */
};

/*
 * Scans one JSON value with white space around it; flags are JSON_* or 0.
 * Returns 0, or, with *ret_where filled in (it may be NULL), the error and a
 * word for the rule:
 *   ERR_SYNTAX     "syntax", "end" (the text ends too early), "trailing"
 *                  (bytes after the value), "number" (0123, 1., +1), "escape"
 *   ERR_CHARACTER  "utf8", "control" (a raw control character in a string),
 *                  "nul" (\u0000), "surrogate", "bom", "character" (refused
 *                  by JSON_PLAIN_TEXT)
 *   ERR_RANGE      "integer" (beyond 2^53-1), "fraction" (fraction, exponent
 *                  or -0 with JSON_INTEGERS_ONLY)
 *   ERR_DUPLICATE  "duplicate" (a name twice in one object)
 *   ERR_TOO_LARGE  "depth", "members", "values", "size"
 * Names are compared by a 64-bit hash of the decoded characters, sorted at
 * the end of each object. Two different names of the same hash are refused
 * as duplicates: nobody meets such a pair by chance, and who makes one gets
 * no more than a refusal.
 */
MUST_CHECK int json_check(struct bytes text, unsigned flags,
    struct json_error *ret_where);

#endif
