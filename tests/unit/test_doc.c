/*
 * test_doc.c - reading documents field by field.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/doc.h"
#include "tests/harness/test.h"

#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff" \
    "61f20015ad"
#define UUID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

static struct doc *
parse(const char *text)
{
	struct doc *d = NULL;

	CHECK_INT(doc_parse(bytes_str(text), 0, &d), 0);
	return d;
}

static const struct doc_word colours[] = {
	{ "red", 1 }, { "green", 2 }, { NULL, 0 }
};

TEST(reads_every_kind)
{
	static const char text[] = "{\"s\":\"a\\u00e9\\n\",\"t\":\"line\","
	    "\"i\":-3,\"b\":true,\"n\":null,\"e\":\"green\",\"d\":\"" DIGEST
	    "\",\"time\":\"2001-09-09T01:46:40Z\",\"u\":\"" UUID "\","
	    "\"b64\":\"+//+\",\"b64url\":\"-__-\",\"o\":{\"x\":1},"
	    "\"a\":[1,2,3],\"m\":{\"p\":{\"v\":1},\"q\":{\"v\":2}}}";
	struct doc_obj o, child, list, map;
	struct bytes s, t, u, b64, b64url;
	struct doc *d = parse(text);
	struct sha256 digest;
	int64_t i, x, time, v, sum = 0;
	int e;
	bool b;

	o = doc_root(d);
	CHECK_INT(doc_type(&o, "s"), DOC_STRING);
	CHECK_INT(doc_type(&o, "i"), DOC_INT);
	CHECK_INT(doc_type(&o, "b"), DOC_BOOL);
	CHECK_INT(doc_type(&o, "n"), DOC_NULL);
	CHECK_INT(doc_type(&o, "o"), DOC_OBJECT);
	CHECK_INT(doc_type(&o, "a"), DOC_ARRAY);
	CHECK_INT(doc_type(&o, "none"), DOC_NONE);
	CHECK_INT(doc_count(&o), 14);
	doc_str(&o, "s", &s);
	CHECK(bytes_is(s, "a\xc3\xa9\n"));
	CHECK_INT(s.p[s.n], 0);
	doc_text(&o, "t", TEXT_LINE, 4, 4, &t);
	CHECK(bytes_is(t, "line"));
	doc_int(&o, "i", -3, -3, &i);
	CHECK_INT(i, -3);
	doc_bool(&o, "b", &b);
	CHECK(b);
	CHECK(doc_is_null(&o, "n"));
	doc_enum(&o, "e", colours, &e);
	CHECK_INT(e, 2);
	CHECK_STR(doc_word_of(colours, 2), "green");
	CHECK_STR(doc_word_of(colours, 3), NULL);
	doc_digest(&o, "d", &digest);
	CHECK_INT(digest.b[0], 0xba);
	doc_time(&o, "time", &time);
	CHECK_INT(time, 1000000000);
	doc_uuid(&o, "u", &u);
	CHECK(bytes_is(u, UUID));
	doc_b64(&o, "b64", 3, 3, &b64);
	CHECK_MEM(b64.p, b64.n, "\xfb\xff\xfe", 3);
	doc_b64url(&o, "b64url", 0, 9, &b64url);
	CHECK_MEM(b64url.p, b64url.n, "\xfb\xff\xfe", 3);
	doc_obj(&o, "o", &child);
	doc_int(&child, "x", 0, 1, &x);
	CHECK_INT(x, 1);
	CHECK_INT(doc_key(&child).n, 0);
	doc_end(&child);
	doc_arr(&o, "a", 3, &list);
	CHECK_INT(doc_count(&list), 3);
	while (doc_next(&list)) {
		doc_int(&list, NULL, 1, 3, &v);
		CHECK_INT(doc_key(&list).n, 0);
		sum += v;
	}
	CHECK_INT(sum, 6);
	CHECK(!doc_next(&list));
	doc_obj(&o, "m", &map);
	while (doc_next(&map)) {
		CHECK(bytes_is(doc_key(&map), sum == 6 ? "p" : "q"));
		doc_obj(&map, NULL, &child);
		doc_int(&child, "v", 1, 2, &v);
		doc_end(&child);
		sum += v;
	}
	CHECK_INT(sum, 9);
	doc_end(&map);
	doc_end(&o);
	CHECK_INT(doc_error(d), 0);
	CHECK_STR(doc_error_field(d), "");
	doc_wipe(d);
	doc_free(NULL);
	doc_wipe(NULL);
}

TEST(optional_fields)
{
	struct doc *d = parse("{\"s\":\"x\",\"i\":1,\"b\":false,\"o\":{},"
	    "\"a\":[],\"t\":\"y\"}");
	struct doc_obj o = doc_root(d), child;
	struct bytes s = bytes_str("kept");
	int64_t i = 7;
	bool b = true;

	CHECK(!doc_has(&o, "none"));
	CHECK(doc_has(&o, "s"));
	CHECK(!doc_opt_str(&o, "none", &s));
	CHECK(!doc_opt_text(&o, "none", TEXT_LINE, 0, 9, &s));
	CHECK(bytes_is(s, "kept"));
	CHECK(!doc_opt_int(&o, "none", 0, 9, &i));
	CHECK_INT(i, 7);
	CHECK(!doc_opt_bool(&o, "none", &b));
	CHECK(b);
	CHECK(!doc_opt_obj(&o, "none", &child));
	CHECK(!doc_opt_arr(&o, "none", 0, &child));
	CHECK_INT(doc_error(d), 0);
	CHECK(doc_opt_str(&o, "s", &s));
	CHECK(bytes_is(s, "x"));
	CHECK(doc_opt_text(&o, "t", TEXT_LINE, 0, 9, &s));
	CHECK(bytes_is(s, "y"));
	CHECK(doc_opt_int(&o, "i", 0, 9, &i));
	CHECK_INT(i, 1);
	CHECK(doc_opt_bool(&o, "b", &b));
	CHECK(!b);
	CHECK(doc_opt_obj(&o, "o", &child));
	CHECK(doc_opt_arr(&o, "a", 0, &child));
	doc_end(&o);
	CHECK_INT(doc_error(d), 0);
	doc_free(d);
}

/* One call on {"f":…} that has to fail with this error, at this field. */
enum call {
	STR, LINE3, INT, BOOL, IS_NULL, ENUM, DIGEST_, TIME, UUID_, B64, B64URL,
	OBJ, ARR1, END
};

static void
call(struct doc_obj *o, enum call c)
{
	struct doc_obj child;
	struct sha256 digest;
	struct bytes s = bytes_str("x");
	int64_t i = 1;
	bool b = true;
	int e = 1;

	switch (c) {
	case STR:
		doc_str(o, "f", &s);
		CHECK_INT(s.n, 0);
		break;
	case LINE3:
		doc_text(o, "f", TEXT_LINE, 1, 3, &s);
		CHECK_INT(s.n, 0);
		break;
	case INT:
		doc_int(o, "f", -5, 5, &i);
		CHECK_INT(i, 0);
		break;
	case BOOL:
		doc_bool(o, "f", &b);
		CHECK(!b);
		break;
	case IS_NULL:
		CHECK(!doc_is_null(o, "f"));
		break;
	case ENUM:
		doc_enum(o, "f", colours, &e);
		CHECK_INT(e, 0);
		break;
	case DIGEST_:
		doc_digest(o, "f", &digest);
		break;
	case TIME:
		doc_time(o, "f", &i);
		CHECK_INT(i, 0);
		break;
	case UUID_:
		doc_uuid(o, "f", &s);
		CHECK_INT(s.n, 0);
		break;
	case B64:
		doc_b64(o, "f", 1, 3, &s);
		CHECK_INT(s.n, 0);
		break;
	case B64URL:
		doc_b64url(o, "f", 1, 3, &s);
		CHECK_INT(s.n, 0);
		break;
	case OBJ:
		doc_obj(o, "f", &child);
		CHECK(!doc_next(&child));
		CHECK_INT(doc_count(&child), 0);
		break;
	case ARR1:
		doc_arr(o, "f", 1, &child);
		CHECK(!doc_next(&child));
		break;
	case END:
		doc_end(o);
		break;
	}
}

TEST(what_is_wrong_is_said)
{
	static const struct {
		enum call call;
		const char *text;
		int err;
	} rows[] = {
		{ STR, "{}", ERR_MISSING_FIELD },
		{ STR, "{\"F\":\"x\"}", ERR_MISSING_FIELD },
		{ STR, "{\"f\":1}", ERR_TYPE },
		{ STR, "{\"f\":null}", ERR_TYPE },
		{ LINE3, "{\"f\":\"\"}", ERR_RANGE },
		{ LINE3, "{\"f\":\"abcd\"}", ERR_RANGE },
		{ LINE3, "{\"f\":\"a\\n\"}", ERR_CHARACTER },
		{ LINE3, "{\"f\":\"a\\u202e\"}", ERR_CHARACTER },
		{ LINE3, "{\"f\":1}", ERR_TYPE },
		{ INT, "{}", ERR_MISSING_FIELD },
		{ INT, "{\"f\":\"1\"}", ERR_TYPE },
		{ INT, "{\"f\":true}", ERR_TYPE },
		{ INT, "{\"f\":6}", ERR_RANGE },
		{ INT, "{\"f\":-6}", ERR_RANGE },
		{ BOOL, "{\"f\":0}", ERR_TYPE },
		{ BOOL, "{\"f\":\"true\"}", ERR_TYPE },
		{ IS_NULL, "{}", ERR_MISSING_FIELD },
		{ ENUM, "{\"f\":\"blue\"}", ERR_RANGE },
		{ ENUM, "{\"f\":\"Red\"}", ERR_RANGE },
		{ ENUM, "{\"f\":1}", ERR_TYPE },
		{ DIGEST_, "{\"f\":\"sha256:00\"}", ERR_SYNTAX },
		{ DIGEST_, "{\"f\":1}", ERR_TYPE },
		{ TIME, "{\"f\":\"now\"}", ERR_SYNTAX },
		{ TIME, "{\"f\":\"2025-02-30T00:00:00Z\"}", ERR_RANGE },
		{ TIME, "{}", ERR_MISSING_FIELD },
		{ UUID_, "{\"f\":\"x\"}", ERR_SYNTAX },
		{ UUID_, "{\"f\":[]}", ERR_TYPE },
		{ B64, "{\"f\":\"\"}", ERR_RANGE },
		{ B64, "{\"f\":\"AAAAAA==\"}", ERR_RANGE },
		{ B64, "{\"f\":\"A\"}", ERR_SYNTAX },
		{ B64, "{\"f\":\"-__-\"}", ERR_SYNTAX },
		{ B64, "{\"f\":{}}", ERR_TYPE },
		{ B64URL, "{\"f\":\"+//+\"}", ERR_SYNTAX },
		{ B64URL, "{\"f\":\"AAAAA\"}", ERR_SYNTAX },
		{ B64URL, "{\"f\":\"AAAAAA\"}", ERR_RANGE },
		{ OBJ, "{\"f\":[]}", ERR_TYPE },
		{ OBJ, "{}", ERR_MISSING_FIELD },
		{ ARR1, "{\"f\":{}}", ERR_TYPE },
		{ ARR1, "{\"f\":[1,2]}", ERR_RANGE },
		{ END, "{\"f\":1}", ERR_UNKNOWN_FIELD },
	};
	struct doc_obj o;
	struct doc *d;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		d = parse(rows[i].text);
		o = doc_root(d);
		call(&o, rows[i].call);
		CHECK_MSG(doc_error(d) == rows[i].err, "row %zu: %d", i,
		    doc_error(d));
		CHECK_STR(doc_error_field(d), "f");
		/* It has failed: nothing more comes out, nothing changes. */
		call(&o, rows[i].call);
		call(&o, END);
		CHECK(!doc_has(&o, "f"));
		CHECK_INT(doc_type(&o, "f"), DOC_NONE);
		doc_fail(&o, "g", ERR_IO);
		CHECK_INT(doc_error(d), rows[i].err);
		CHECK_STR(doc_error_field(d), "f");
		doc_free(d);
	}
}

TEST(not_null_is_left_for_another_getter)
{
	struct doc *d = parse("{\"f\":{}}");
	struct doc_obj o = doc_root(d), child;

	CHECK(!doc_is_null(&o, "f"));
	CHECK_INT(doc_error(d), 0);
	doc_obj(&o, "f", &child);
	doc_end(&o);
	CHECK_INT(doc_error(d), 0);
	doc_free(d);
}

TEST(unseen_members_are_unknown)
{
	struct doc *d = parse("{\"a\":1,\"b\":{\"c\":2,\"d\\u0009\\\"<x\":3}}");
	struct doc_obj o = doc_root(d), child;
	int64_t v;

	doc_int(&o, "a", 0, 9, &v);
	doc_obj(&o, "b", &child);
	doc_int(&child, "c", 0, 9, &v);
	doc_end(&o);
	CHECK_INT(doc_error(d), 0);
	doc_end(&child);
	CHECK_INT(doc_error(d), ERR_UNKNOWN_FIELD);
	/* The document chose the name; it is shown without its tricks. */
	CHECK_STR(doc_error_field(d), "b.d???x");
	doc_free(d);
	d = parse("{\"azAZ09_.-`{@[/:,\":1}");
	o = doc_root(d);
	doc_end(&o);
	CHECK_STR(doc_error_field(d), "azAZ09_.-???????");
	doc_free(d);
	/* Looking is not reading. */
	d = parse("{\"a\":1}");
	o = doc_root(d);
	CHECK(doc_has(&o, "a"));
	CHECK_INT(doc_type(&o, "a"), DOC_INT);
	doc_end(&o);
	CHECK_INT(doc_error(d), ERR_UNKNOWN_FIELD);
	doc_free(d);
}

TEST(fields_in_lists_are_named)
{
	struct doc *d = parse("{\"l\":[1,\"x\"],\"m\":{\"k\":{\"v\":1}}}");
	struct doc_obj o = doc_root(d), list, child;
	struct bytes s;
	int64_t v;

	doc_arr(&o, "l", 9, &list);
	while (doc_next(&list))
		doc_int(&list, NULL, 0, 9, &v);
	CHECK_INT(doc_error(d), ERR_TYPE);
	CHECK_STR(doc_error_field(d), "l");
	doc_free(d);

	d = parse("{\"m\":{\"k\":{\"v\":1}}}");
	o = doc_root(d);
	doc_obj(&o, "m", &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &child);
		doc_str(&child, "v", &s);
	}
	CHECK_STR(doc_error_field(d), "k.v");
	doc_free(d);

	d = parse("{\"m\":[{\"v\":1}]}");
	o = doc_root(d);
	doc_arr(&o, "m", 1, &list);
	while (doc_next(&list)) {
		doc_obj(&list, NULL, &child);
		doc_str(&child, "v", &s);
	}
	CHECK_STR(doc_error_field(d), "m.v");
	doc_free(d);

	/* No element is no field. */
	d = parse("{\"m\":[]}");
	o = doc_root(d);
	doc_arr(&o, "m", 1, &list);
	doc_str(&list, NULL, &s);
	CHECK_INT(doc_error(d), ERR_MISSING_FIELD);
	CHECK_STR(doc_error_field(d), "m");
	doc_free(d);

	/* A member's name in an array is not there either. */
	d = parse("{\"m\":[1]}");
	o = doc_root(d);
	doc_arr(&o, "m", 1, &list);
	CHECK(!doc_has(&list, "x"));
	doc_free(d);
}

TEST(callers_fail_it_in_their_own_words)
{
	struct doc *d = parse("{}");
	struct doc_obj o = doc_root(d);
	char name[300];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	doc_fail(&o, name, ERR_CONFLICT);
	CHECK_INT(doc_error(d), ERR_CONFLICT);
	CHECK_INT(strlen(doc_error_field(d)), 127);
	doc_free(d);
	d = parse("{}");
	o = doc_root(d);
	doc_fail(&o, NULL, ERR_CONFLICT);
	CHECK_STR(doc_error_field(d), "");
	doc_free(d);
}

TEST(the_root_is_an_object)
{
	static const char *const texts[] = { "[]", "1", "null", "\"x\"",
	    "[{\"f\":1}]" };
	struct doc_obj o;
	struct doc *d;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		d = parse(texts[i]);
		o = doc_root(d);
		CHECK_INT(doc_error(d), ERR_TYPE);
		call(&o, INT);
		doc_free(d);
	}
}

TEST(the_root_may_be_a_list)
{
	struct doc *d = parse("[1,2]");
	struct doc_obj list = doc_list(d);
	int64_t v, sum = 0;

	while (doc_next(&list)) {
		doc_int(&list, NULL, 1, 2, &v);
		sum += v;
	}
	CHECK_INT(sum, 3);
	CHECK_INT(doc_error(d), 0);
	doc_free(d);
	d = parse("{}");
	list = doc_list(d);
	CHECK_INT(doc_error(d), ERR_TYPE);
	CHECK(!doc_next(&list));
	doc_free(d);
}

TEST(empty_values)
{
	struct doc *d = parse("{\"a\":\"\",\"b\":\"\"}");
	struct doc_obj o = doc_root(d);
	struct bytes v = bytes_str("x");

	doc_b64(&o, "a", 0, 3, &v);
	CHECK_INT(v.n, 0);
	CHECK(v.p != NULL);
	doc_b64url(&o, "b", 0, 3, &v);
	CHECK_INT(v.n, 0);
	doc_end(&o);
	CHECK_INT(doc_error(d), 0);
	doc_free(d);
}

/* What cJSON alone would take: none of it gets through. */
TEST(the_scanner_comes_first)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "{\"a\":1,\"a\":2}", ERR_DUPLICATE },
		{ "{\"a\":\"\\u0000\"}", ERR_CHARACTER },
		{ "{\"a\":\"\xff\"}", ERR_CHARACTER },
		{ "{\"a\":\"\n\"}", ERR_CHARACTER },
		{ "\xef\xbb\xbf{}", ERR_CHARACTER },
		{ "{\"a\":0123}", ERR_SYNTAX },
		{ "{}x", ERR_SYNTAX },
		{ "{\"a\":9007199254740993}", ERR_RANGE },
		{ "{\"a\":1.0}", ERR_RANGE },
		{ "{\"a\":1e400}", ERR_RANGE },
	};
	struct doc *d = NULL;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_MSG(doc_parse(bytes_str(rows[i].text), 0, &d) ==
		    rows[i].err, "%s", rows[i].text);
	CHECK_INT(doc_parse(bytes_str("{\"a\":\"\\u202e\"}"), JSON_PLAIN_TEXT,
	    &d), ERR_CHARACTER);
	CHECK(d == NULL);
	CHECK_INT(doc_parse(bytes_str("{\"a\":\"\\u202e\"}"), 0, &d), 0);
	doc_free(d);
}

TEST(without_memory)
{
	struct doc_obj o;
	struct bytes b;
	struct doc *d;
	int r;

	OOM_LOOP {
		d = NULL;
		r = doc_parse(bytes_str("{\"a\":\"+//+\",\"b\":[1,{}]}"), 0,
		    &d);
		if (r == 0) {
			o = doc_root(d);
			doc_b64(&o, "a", 3, 3, &b);
			r = doc_error(d);
			CHECK_INT(b.n, r == 0 ? 3 : 0);
		}
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		doc_wipe(d);
	}
}

TEST_MAIN()
