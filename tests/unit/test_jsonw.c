/*
 * test_jsonw.c - writing JSON.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/json.h"
#include "common/jsonw.h"
#include "common/timefmt.h"
#include "tests/harness/test.h"

TEST(every_kind_of_value)
{
	static const char want[] = "{\"s\":\"x\",\"i\":-5,\"t\":true,"
	    "\"f\":false,\"n\":null,\"a\":[1,[],{},\"y\"],\"o\":{\"k\":1},"
	    "\"d\":\"sha256:07070707070707070707070707070707070707070707070707"
	    "07070707070707\",\"time\":\"2001-09-09T01:46:40Z\","
	    "\"b\":\"+//+\",\"u\":\"-__-\",\"dyn\":2,\"raw\":{\"z\":0}}";
	struct sha256 d;
	struct jsonw w;
	struct buf b;

	memset(&d, 7, sizeof(d));
	buf_init(&b, 1000);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "s", "x");
	jsonw_int(&w, "i", -5);
	jsonw_bool(&w, "t", true);
	jsonw_bool(&w, "f", false);
	jsonw_null(&w, "n");
	jsonw_arr(&w, "a");
	jsonw_int(&w, NULL, 1);
	jsonw_arr(&w, NULL);
	jsonw_arr_end(&w);
	jsonw_obj(&w, NULL);
	jsonw_obj_end(&w);
	jsonw_str(&w, NULL, bytes_str("y"));
	jsonw_arr_end(&w);
	jsonw_obj(&w, "o");
	jsonw_int(&w, "k", 1);
	jsonw_obj_end(&w);
	jsonw_digest(&w, "d", &d);
	jsonw_time(&w, "time", 1000000000);
	jsonw_b64(&w, "b", bytes_of("\xfb\xff\xfe", 3));
	jsonw_b64url(&w, "u", bytes_of("\xfb\xff\xfe", 3));
	jsonw_key(&w, bytes_str("dyn"));
	jsonw_int(&w, NULL, 2);
	jsonw_raw(&w, "raw", bytes_str("{\"z\":0}"));
	jsonw_obj_end(&w);
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	CHECK_INT(json_check(buf_bytes(&b), JSON_INTEGERS_ONLY, NULL), 0);
	buf_free(&b);
}

TEST(strings_are_escaped)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
		{ "caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98"
		    "\x80\"" },
	};
	struct jsonw w;
	struct buf b;
	size_t i;

	buf_init(&b, 100);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		jsonw_init(&w, &b);
		jsonw_cstr(&w, NULL, rows[i].in);
		CHECK_INT(buf_error(&b), 0);
		CHECK_MEM(b.p, b.n, rows[i].want, strlen(rows[i].want));
	}
	/* Names too. */
	buf_clear(&b);
	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_null(&w, "a\nb");
	jsonw_obj_end(&w);
	CHECK(bytes_is(buf_bytes(&b), "{\"a\\nb\":null}"));
	buf_free(&b);
}

TEST(what_cannot_be_written_fails_the_buffer)
{
	static const char *const bad[] = { "\xff", "a\xc3", "\xed\xa0\x80" };
	struct jsonw w;
	struct buf b;
	size_t i;

	buf_init(&b, 100);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&b);
		jsonw_init(&w, &b);
		jsonw_cstr(&w, NULL, bad[i]);
		CHECK_INT(buf_error(&b), ERR_CHARACTER);
		buf_clear(&b);
		jsonw_key(&w, bytes_str(bad[i]));
		CHECK_INT(buf_error(&b), ERR_CHARACTER);
	}
	buf_clear(&b);
	jsonw_init(&w, &b);
	jsonw_str(&w, NULL, bytes_of("a\0b", 3));
	CHECK_INT(buf_error(&b), ERR_CHARACTER);
	/* The first error stays. */
	jsonw_int(&w, NULL, INT64_MAX);
	CHECK_INT(buf_error(&b), ERR_CHARACTER);
	buf_free(&b);
}

TEST(integers_stay_exact)
{
	static const struct {
		int64_t v;
		int err;
		const char *want;
	} rows[] = {
		{ 0, 0, "0" },
		{ JSON_MAX_INTEGER, 0, "9007199254740991" },
		{ -JSON_MAX_INTEGER, 0, "-9007199254740991" },
		{ JSON_MAX_INTEGER + 1, ERR_RANGE, "" },
		{ -JSON_MAX_INTEGER - 1, ERR_RANGE, "" },
		{ INT64_MIN, ERR_RANGE, "" },
	};
	struct jsonw w;
	struct buf b;
	size_t i;

	buf_init(&b, 100);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		jsonw_init(&w, &b);
		jsonw_int(&w, NULL, rows[i].v);
		CHECK_INT(buf_error(&b), rows[i].err);
		CHECK_MEM(b.p, b.n, rows[i].want, strlen(rows[i].want));
	}
	buf_free(&b);
}

TEST(running_out_of_room_fails_the_buffer)
{
	struct jsonw w;
	struct buf b;
	size_t cap;

	for (cap = 0; cap < 10; cap++) {
		buf_init(&b, cap);
		jsonw_init(&w, &b);
		jsonw_arr(&w, NULL);
		jsonw_cstr(&w, NULL, "\n\x01");
		jsonw_arr_end(&w);
		CHECK_INT(buf_error(&b), ERR_TOO_LARGE);
		buf_free(&b);
	}
}

TEST_MAIN()
