/*
 * test_json.c - the strict scan of JSON text: each rule has its case.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/json.h"
#include "tests/harness/test.h"

#define I JSON_INTEGERS_ONLY
#define P JSON_PLAIN_TEXT

static const struct {
	const char *text;
	unsigned flags;
	int err;
	const char *rule;
	size_t at;
} rows[] = {
	/* Good ones. */
	{ "{}", I | P, 0, NULL, 0 },
	{ "[]", I | P, 0, NULL, 0 },
	{ " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", I | P, 0, NULL, 0 },
	{ "true", 0, 0, NULL, 0 },
	{ "false", 0, 0, NULL, 0 },
	{ "null", 0, 0, NULL, 0 },
	{ "\"\"", 0, 0, NULL, 0 },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u00E9\"", 0, 0, NULL, 0 },
	{ "\"\\ud83d\\ude00\\uD83D\\uDE00\"", 0, 0, NULL, 0 },
	{ "\"caf\xc3\xa9 \x7f\"", 0, 0, NULL, 0 },
	{ "0", I, 0, NULL, 0 },
	{ "-0", 0, 0, NULL, 0 },
	{ "-1", I, 0, NULL, 0 },
	{ "10", I, 0, NULL, 0 },
	{ "9007199254740991", I, 0, NULL, 0 },
	{ "-9007199254740991", I, 0, NULL, 0 },
	{ "1.5", 0, 0, NULL, 0 },
	{ "-0.0e+00", 0, 0, NULL, 0 },
	{ "1E5", 0, 0, NULL, 0 },
	{ "1e-5", 0, 0, NULL, 0 },
	{ "9007199254740993.0", 0, 0, NULL, 0 },
	{ "[{\"a\":1},{\"a\":2}]", I | P, 0, NULL, 0 },
	{ "{\"a\":{\"a\":{\"a\":1}}}", I | P, 0, NULL, 0 },
	{ "{\"a\":1,\"A\":2}", I | P, 0, NULL, 0 },
	{ "{\"\":1,\" \":2}", I | P, 0, NULL, 0 },

	/* Form. */
	{ "", 0, ERR_SYNTAX, "end", 0 },
	{ " ", 0, ERR_SYNTAX, "end", 1 },
	{ "{", 0, ERR_SYNTAX, "end", 1 },
	{ "[", 0, ERR_SYNTAX, "end", 1 },
	{ "{\"a\"", 0, ERR_SYNTAX, "end", 4 },
	{ "{\"a\":", 0, ERR_SYNTAX, "end", 5 },
	{ "{\"a\":1", 0, ERR_SYNTAX, "end", 6 },
	{ "{\"a\":1,", 0, ERR_SYNTAX, "end", 7 },
	{ "[1", 0, ERR_SYNTAX, "end", 2 },
	{ "[1,", 0, ERR_SYNTAX, "end", 3 },
	{ "tru", 0, ERR_SYNTAX, "end", 3 },
	{ "\"abc", 0, ERR_SYNTAX, "end", 4 },
	{ "\"\\", 0, ERR_SYNTAX, "end", 2 },
	{ "\"\\u12", 0, ERR_SYNTAX, "end", 5 },
	{ "-", 0, ERR_SYNTAX, "end", 1 },
	{ "1.", 0, ERR_SYNTAX, "end", 2 },
	{ "1e", 0, ERR_SYNTAX, "end", 2 },
	{ "1e+", 0, ERR_SYNTAX, "end", 3 },
	{ "}", 0, ERR_SYNTAX, "syntax", 0 },
	{ "{]", 0, ERR_SYNTAX, "syntax", 1 },
	{ "[}", 0, ERR_SYNTAX, "syntax", 1 },
	{ "{,}", 0, ERR_SYNTAX, "syntax", 1 },
	{ "[,]", 0, ERR_SYNTAX, "syntax", 1 },
	{ "[1,]", 0, ERR_SYNTAX, "syntax", 3 },
	{ "{\"a\":1,}", 0, ERR_SYNTAX, "syntax", 7 },
	{ "[1 2]", 0, ERR_SYNTAX, "syntax", 3 },
	{ "{\"a\" 1}", 0, ERR_SYNTAX, "syntax", 5 },
	{ "{\"a\",1}", 0, ERR_SYNTAX, "syntax", 4 },
	{ "{a:1}", 0, ERR_SYNTAX, "syntax", 1 },
	{ "{1:1}", 0, ERR_SYNTAX, "syntax", 1 },
	{ "{'a':1}", 0, ERR_SYNTAX, "syntax", 1 },
	{ "True", 0, ERR_SYNTAX, "syntax", 0 },
	{ "trux", 0, ERR_SYNTAX, "syntax", 3 },
	{ "nul\0", 0, ERR_SYNTAX, "end", 3 },
	{ "NaN", 0, ERR_SYNTAX, "syntax", 0 },
	{ "Infinity", 0, ERR_SYNTAX, "syntax", 0 },
	{ "\v1", 0, ERR_SYNTAX, "syntax", 0 },
	{ "\xc2\xa0" "1", 0, ERR_SYNTAX, "syntax", 0 },
	{ "/**/1", 0, ERR_SYNTAX, "syntax", 0 },
	{ "{\"a\":1 /* */}", 0, ERR_SYNTAX, "syntax", 7 },
	{ "{} {}", 0, ERR_SYNTAX, "trailing", 3 },
	{ "1 x", 0, ERR_SYNTAX, "trailing", 2 },
	{ "[]]", 0, ERR_SYNTAX, "trailing", 2 },
	{ "\"a\"\"b\"", 0, ERR_SYNTAX, "trailing", 3 },

	/* Numbers. */
	{ "0123", 0, ERR_SYNTAX, "number", 0 },
	{ "00", 0, ERR_SYNTAX, "number", 0 },
	{ "-01", 0, ERR_SYNTAX, "number", 0 },
	{ "-x", 0, ERR_SYNTAX, "number", 1 },
	{ "--1", 0, ERR_SYNTAX, "number", 1 },
	{ "+1", 0, ERR_SYNTAX, "syntax", 0 },
	{ ".5", 0, ERR_SYNTAX, "syntax", 0 },
	{ "1.x", 0, ERR_SYNTAX, "number", 2 },
	{ "1.e5", 0, ERR_SYNTAX, "number", 2 },
	{ "1ee5", 0, ERR_SYNTAX, "number", 2 },
	{ "0x10", 0, ERR_SYNTAX, "trailing", 1 },
	{ "1_0", 0, ERR_SYNTAX, "trailing", 1 },
	{ "9007199254740992", 0, ERR_RANGE, "integer", 0 },
	{ "9007199254740993", 0, ERR_RANGE, "integer", 0 },
	{ "-9007199254740992", 0, ERR_RANGE, "integer", 0 },
	{ "18446744073709551617", 0, ERR_RANGE, "integer", 0 },
	{ "[1,99999999999999999999999999999999999]", 0, ERR_RANGE, "integer",
	    3 },
	{ "[1.0]", I, ERR_RANGE, "fraction", 1 },
	{ "[1e2]", I, ERR_RANGE, "fraction", 1 },
	{ "[1E2]", I, ERR_RANGE, "fraction", 1 },
	{ "[-0]", I, ERR_RANGE, "fraction", 1 },

	/* Strings. */
	{ "\"\\x41\"", 0, ERR_SYNTAX, "escape", 2 },
	{ "\"\\'\"", 0, ERR_SYNTAX, "escape", 2 },
	{ "\"\\U0041\"", 0, ERR_SYNTAX, "escape", 2 },
	{ "\"\\u00g0\"", 0, ERR_SYNTAX, "escape", 5 },
	{ "\"\\u00\"", 0, ERR_SYNTAX, "escape", 5 },
	{ "\"\\u+041\"", 0, ERR_SYNTAX, "escape", 3 },
	{ "\"a\nb\"", 0, ERR_CHARACTER, "control", 2 },
	{ "\"a\tb\"", 0, ERR_CHARACTER, "control", 2 },
	{ "\"\x1f\"", 0, ERR_CHARACTER, "control", 1 },
	{ "{\"\x01\":1}", 0, ERR_CHARACTER, "control", 2 },
	{ "\"a\\u0000b\"", 0, ERR_CHARACTER, "nul", 4 },
	{ "{\"a\\u0000\":1}", 0, ERR_CHARACTER, "nul", 5 },
	{ "\"\\ud800\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\ud800x\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\ud800\\n\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\udc00\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\udbff\\udbff\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\ud800\\ue000\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\ud800\\u0041\"", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\\ud800\\u00", 0, ERR_SYNTAX, "end", 11 },
	{ "\"\\ud83d", 0, ERR_CHARACTER, "surrogate", 3 },
	{ "\"\xff\"", 0, ERR_CHARACTER, "utf8", 1 },
	{ "\"\xc3\"", 0, ERR_CHARACTER, "utf8", 1 },
	{ "\"\xc0\x80\"", 0, ERR_CHARACTER, "utf8", 1 },
	{ "\"\xed\xa0\x80\"", 0, ERR_CHARACTER, "utf8", 1 },
	{ "\"\xf4\x90\x80\x80\"", 0, ERR_CHARACTER, "utf8", 1 },
	{ "{\"\xe2\x28\xa1\":1}", 0, ERR_CHARACTER, "utf8", 2 },
	{ "\xef\xbb\xbf{}", 0, ERR_CHARACTER, "bom", 0 },
	{ "\xef\xbb\xbf", 0, ERR_CHARACTER, "bom", 0 },

	/* Names twice, at every level, however they are written. */
	{ "{\"a\":1,\"a\":1}", 0, ERR_DUPLICATE, "duplicate", 7 },
	{ "{\"a\":1,\"b\":2,\"\\u0061\":3}", 0, ERR_DUPLICATE, "duplicate",
	    13 },
	{ "{\"\":1,\"\":2}", 0, ERR_DUPLICATE, "duplicate", 6 },
	{ "{\"/\":1,\"\\/\":2}", 0, ERR_DUPLICATE, "duplicate", 7 },
	{ "{\"\xc3\xa9\":1,\"\\u00E9\":2}", 0, ERR_DUPLICATE, "duplicate", 8 },
	{ "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", 0, ERR_DUPLICATE,
	    "duplicate", 18 },
	{ "[1,{\"x\":{\"a\":1,\"c\":2,\"a\":3}}]", 0, ERR_DUPLICATE,
	    "duplicate", 21 },
	{ "{\"a\":{\"b\":1},\"c\":[{\"b\":1}],\"a\":3}", 0, ERR_DUPLICATE,
	    "duplicate", 27 },

	/* Text that people will read. */
	{ "\"a\\tb\\nc caf\xc3\xa9\"", P, 0, NULL, 0 },
	{ "\"\x7f\"", P, ERR_CHARACTER, "character", 1 },
	{ "\"a\\r\"", P, ERR_CHARACTER, "character", 2 },
	{ "\"\\u001b[2J\"", P, ERR_CHARACTER, "character", 1 },
	{ "\"x\xe2\x80\xae\"", P, ERR_CHARACTER, "character", 2 },
	{ "\"x\\u202e\"", P, ERR_CHARACTER, "character", 2 },
	{ "\"\\u2028\"", P, ERR_CHARACTER, "character", 1 },
	{ "\"\\ue000\"", P, ERR_CHARACTER, "character", 1 },
	{ "\"\\u0378\"", P, ERR_CHARACTER, "character", 1 },
	{ "\"\\u3164\"", P, ERR_CHARACTER, "character", 1 },
	{ "{\"a\\u200b\":1}", P, ERR_CHARACTER, "character", 3 },
	{ "\"x\\u202e\"", 0, 0, NULL, 0 },
};

TEST(rules)
{
	struct json_error e;
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&e, 0, sizeof(e));
		r = json_check(bytes_str(rows[i].text), rows[i].flags, &e);
		CHECK_MSG(r == rows[i].err, "row %zu %s: %d", i, rows[i].text,
		    r);
		CHECK_MSG(e.err == r, "row %zu", i);
		if (r == 0)
			continue;
		CHECK_STR(e.rule, rows[i].rule);
		CHECK_MSG(e.at == rows[i].at, "row %zu %s: at %zu", i,
		    rows[i].text, e.at);
		CHECK_INT(json_check(bytes_str(rows[i].text), rows[i].flags,
		    NULL), r);
	}
}

/* Cut anywhere, a document is refused; and no cut reads past its end. */
TEST(every_cut_is_refused)
{
	static const char text[] = "{\"a\":[1,-2.5e+3,true,false,null,\"x\\n"
	    "\\ud83d\\ude00\xc3\xa9\"],\"b\":{\"c\":{}}}";
	struct json_error e;
	uint8_t *p;
	size_t n;

	CHECK_INT(json_check(bytes_str(text), 0, &e), 0);
	for (n = 0; n < sizeof(text) - 1; n++) {
		/* Exact memory, so that the sanitizer sees a read beyond. */
		CHECK_INT(bytes_dup(bytes_of(text, n), &p), 0);
		CHECK_MSG(json_check(bytes_of(p, n), 0, &e) != 0, "cut %zu",
		    n);
		CHECK(e.at <= n);
		free(p);
	}
}

TEST(a_raw_nul_is_refused_everywhere)
{
	static const char text[] = "{\"a\":[1,true,\"x\"]}";
	char copy[sizeof(text)];
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		CHECK_MSG(json_check(bytes_of(copy, sizeof(text) - 1), 0,
		    NULL) != 0, "at %zu", i);
	}
}

static void
nest(struct buf *b, size_t n, const char *open, const char *inner,
    const char *close)
{
	size_t i;

	buf_clear(b);
	for (i = 0; i < n; i++)
		buf_put_str(b, open);
	buf_put_str(b, inner);
	for (i = 0; i < n; i++)
		buf_put_str(b, close);
}

TEST(depth)
{
	struct json_error e;
	struct buf b;

	buf_init(&b, 1 << 20);
	nest(&b, 16, "[", "1", "]");
	CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	nest(&b, 17, "[", "1", "]");
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	CHECK_STR(e.rule, "depth");
	CHECK_INT(e.at, 16);
	nest(&b, 16, "{\"a\":", "{}", "}");
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	nest(&b, 15, "{\"a\":", "[]", "}");
	CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	nest(&b, 100000, "[", "", "");
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	CHECK_STR(e.rule, "depth");
	buf_free(&b);
}

/* An object of n names, in a shuffled order; one twice if twice < n. */
static void
members(struct buf *b, size_t n, size_t twice)
{
	size_t i;

	buf_put_u8(b, '{');
	for (i = 0; i < n; i++) {
		size_t name = i == n - 1 && twice < n ? twice : i;

		buf_printf(b, "%s\"k%zu\":%zu", i > 0 ? "," : "",
		    name * 7919 % 100003, i);
	}
	buf_put_u8(b, '}');
}

TEST(many_members)
{
	struct json_error e;
	struct buf b;
	size_t n, twice;

	buf_init(&b, 1 << 20);
	for (n = 2; n < 200; n = n * 3 / 2 + 1) {
		for (twice = 0; twice < n - 1; twice++) {
			buf_clear(&b);
			members(&b, n, twice);
			CHECK_MSG(json_check(buf_bytes(&b), 0, &e) ==
			    ERR_DUPLICATE, "%zu of %zu", twice, n);
			/* The later of the two: the last member. */
			CHECK(b.n - e.at < 20);
		}
		buf_clear(&b);
		members(&b, n, n);
		CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	}
	buf_clear(&b);
	members(&b, 4096, 4096);
	CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	buf_clear(&b);
	members(&b, 4096, 1234);
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_DUPLICATE);
	buf_clear(&b);
	members(&b, 4097, 4097);
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	CHECK_STR(e.rule, "members");
	/* Closed objects give their room back, open ones keep it. */
	buf_clear(&b);
	buf_put_u8(&b, '[');
	members(&b, 4000, 4000);
	buf_put_u8(&b, ',');
	members(&b, 4000, 4000);
	buf_put_u8(&b, ']');
	CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	buf_clear(&b);
	buf_put_str(&b, "{\"x\":");
	members(&b, 4096, 4096);
	buf_put_u8(&b, '}');
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	buf_free(&b);
}

TEST(many_values)
{
	struct json_error e;
	struct buf b;
	size_t i;

	buf_init(&b, (size_t)20 << 20);
	buf_put_u8(&b, '[');
	for (i = 0; i < JSON_MAX_VALUES - 2; i++)
		buf_put_str(&b, "1,");
	buf_put_str(&b, "1]");
	CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	b.p[b.n - 1] = ',';
	buf_put_str(&b, "1]");
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	CHECK_STR(e.rule, "values");
	buf_clear(&b);
	buf_put_u8(&b, '"');
	while (b.n < JSON_MAX_TEXT - 1)
		buf_put_u8(&b, 'a');
	buf_put_u8(&b, '"');
	CHECK_INT(json_check(buf_bytes(&b), 0, NULL), 0);
	buf_put_u8(&b, ' ');
	CHECK_INT(json_check(buf_bytes(&b), 0, &e), ERR_TOO_LARGE);
	CHECK_STR(e.rule, "size");
	CHECK_INT(buf_error(&b), 0);
	buf_free(&b);
}

TEST_MAIN()
