/*
 * test_names.c - lists of texts, the arena that they live in, and refusals.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/names.h"
#include "common/refusal.h"
#include "tests/harness/test.h"

static struct doc *doc;
static struct arena arena;
static struct names list;

/* Reads the member n of the text, of at most 3 names. */
static int
read_list(const char *json, bool optional)
{
	struct doc_obj o;
	int r;

	doc_free(doc);
	doc = NULL;
	CHECK_INT(doc_parse(bytes_str(json), 0, &doc), 0);
	o = doc_root(doc);
	if (optional)
		names_opt_read(&o, "n", TEXT_NAME, 8, 3, &arena, &list);
	else
		names_read(&o, "n", TEXT_NAME, 8, 3, &arena, &list);
	r = arena_error(&arena);
	return r != 0 ? r : doc_error(doc);
}

static void
done(void)
{
	doc_free(doc);
	doc = NULL;
	arena_free(&arena);
}

TEST(reads)
{
	CHECK_INT(read_list("{\"n\":[\"b\",\"a\",\"ab\"]}", false), 0);
	CHECK(list.listed && list.n == 3 && bytes_is(list.p[0], "b"));
	CHECK(names_has(&list, bytes_str("ab")));
	CHECK(names_allow(&list, bytes_str("a")));
	CHECK(!names_allow(&list, bytes_str("c")));
	CHECK_INT(read_list("{\"n\":[]}", true), 0);
	CHECK(list.listed && list.n == 0);
	CHECK(!names_allow(&list, bytes_str("a")));
	CHECK_INT(read_list("{}", true), 0);
	CHECK(!list.listed && names_allow(&list, bytes_str("a")));
	CHECK(!names_has(&list, bytes_str("a")));
	done();
}

TEST(refuses)
{
	CHECK_INT(read_list("{}", false), ERR_MISSING_FIELD);
	CHECK_INT(read_list("{\"n\":\"a\"}", false), ERR_TYPE);
	CHECK_INT(read_list("{\"n\":[1]}", false), ERR_TYPE);
	CHECK_INT(read_list("{\"n\":[\"a\",\"b\",\"c\",\"d\"]}", false),
	    ERR_RANGE);
	CHECK_INT(read_list("{\"n\":[\"123456789\"]}", false), ERR_RANGE);
	CHECK_INT(read_list("{\"n\":[\"\"]}", true), ERR_RANGE);
	CHECK_INT(read_list("{\"n\":[\"a b\"]}", true), ERR_CHARACTER);
	CHECK_INT(read_list("{\"n\":[\"a\",\"b\",\"a\"]}", true),
	    ERR_DUPLICATE);
	done();
}

TEST(meet)
{
	struct bytes ab[] = { bytes_str("a"), bytes_str("b") };
	struct bytes bc[] = { bytes_str("c"), bytes_str("b") };
	struct names a = { true, 1, ab }, b = { true, 2, bc };
	struct names c = { true, 2, ab };

	CHECK(!names_meet(&a, &b));
	CHECK(names_meet(&c, &b));
	b.n = 0;
	CHECK(!names_meet(&c, &b));
	CHECK(!names_meet(&b, &c));
}

TEST(sorted)
{
	struct bytes p[] = { bytes_str("b"), bytes_str("ab"), bytes_str("a"),
	    bytes_str("") }, q[4];

	CHECK(!names_repeat(p, 4, q));
	CHECK(!names_repeat(p, 1, q));
	p[1] = bytes_str("b");
	CHECK(names_repeat(p, 4, q));
	CHECK(bytes_is(p[0], "b"));
	names_sort(p, 4);
	CHECK(p[0].n == 0 && bytes_is(p[1], "a") && bytes_is(p[3], "b"));
	CHECK(names_sorted_has(p, 4, bytes_str("a")));
	CHECK(!names_sorted_has(p, 4, bytes_str("ab")));
	CHECK(!names_sorted_has(p, 0, bytes_str("a")));
	names_sort(p, 1);
}

TEST(arena_gives_and_takes)
{
	struct arena a = { NULL, 0 };
	uint64_t *v = arena_take(&a, 3, sizeof(*v));
	struct bytes b = arena_copy(&a, bytes_str("hello"));

	CHECK(v != NULL && v[0] == 0 && v[2] == 0);
	CHECK(bytes_is(b, "hello"));
	CHECK(arena_take(&a, 0, 8) == NULL);
	CHECK_INT(arena_error(&a), 0);
	CHECK(arena_take(&a, SIZE_MAX / 4, 8) == NULL);
	CHECK_INT(arena_error(&a), ERR_NOMEM);
	CHECK(arena_take(&a, 1, 1) == NULL);
	CHECK_INT(arena_copy(&a, bytes_str("x")).n, 0);
	arena_free(&a);
	arena_free(&a);
	CHECK_INT(arena_error(&a), 0);
}

TEST(without_memory)
{
	OOM_LOOP {
		struct doc_obj o;
		int r;

		doc = NULL;
		r = doc_parse(bytes_str("{\"n\":[\"a\",\"b\"]}"), 0, &doc);
		if (r == 0) {
			o = doc_root(doc);
			names_read(&o, "n", TEXT_NAME, 8, 3, &arena, &list);
			r = doc_error(doc);
		}
		CHECK_INT(r, OOM_FIRED() ? ERR_NOMEM : 0);
		done();
	}
}

TEST(refusals_say_why)
{
	struct refusal why;
	struct doc *d;
	struct doc_obj o;
	int64_t v;

	CHECK_INT(refusal_set(&why, ERR_DENIED, "word", "a %d", 7),
	    ERR_DENIED);
	CHECK_STR(why.reason, "word");
	CHECK_STR(why.detail, "a 7");
	CHECK_INT(refusal_field(&why, ERR_ORG, "org", "x"), ERR_ORG);
	CHECK_STR(why.reason, "wrong_org");
	CHECK_STR(why.detail, "org: x");
	refusal_field(&why, ERR_ORG, "", "x");
	CHECK_STR(why.detail, "x");
	refusal_set(&why, 0, "long", "%0300d", 1);
	CHECK_INT(strlen(why.detail), REFUSAL_DETAIL_SIZE - 1);
	CHECK_INT(refusal_doc(&why, ERR_DUPLICATE,
	    bytes_str("{\"a\":1,\"a\":2}"), 0, NULL), ERR_DUPLICATE);
	CHECK_STR(why.reason, "duplicate");
	CHECK(strstr(why.detail, "duplicate at byte") != NULL);
	CHECK_INT(refusal_doc(&why, ERR_NOMEM, bytes_str("{}"), 0, NULL),
	    ERR_NOMEM);
	CHECK_STR(why.reason, "no_memory");
	CHECK_INT(doc_parse(bytes_str("{\"a\":\"\",\"\\u00e9\":1}"), 0, &d),
	    0);
	o = doc_root(d);
	doc_int(&o, "a", 0, 1, &v);
	CHECK_INT(refusal_doc(&why, doc_error(d), bytes_str(""), 0, d),
	    ERR_TYPE);
	CHECK_STR(why.detail, "a: a field has the wrong type");
	doc_free(d);
}

TEST_MAIN()
