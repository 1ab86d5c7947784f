/*
 * test_trustpaper.c - sources of trust files: their text, and renewing them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/cli/trustpaper.h"
#include "tests/harness/test.h"

static void
check_pretty(const char *json, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	paper_pretty(&b, bytes_str(json));
	CHECK_INT(buf_error(&b), 0);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	buf_free(&b);
}

TEST(pretty)
{
	check_pretty("{}", "{}\n");
	check_pretty("{\"a\":[]}", "{\n\t\"a\": []\n}\n");
	check_pretty("{\"a\":[1,2],\"b\":{\"c\":\"x,{}\\\"[\"}}",
	    "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t],\n\t\"b\": {\n"
	    "\t\t\"c\": \"x,{}\\\"[\"\n\t}\n}\n");
	/* What is pretty already stays so. */
	check_pretty("{\n\t\"a\": [\n\t\t1\n\t]\n}\n",
	    "{\n\t\"a\": [\n\t\t1\n\t]\n}\n");
}

TEST(renew_changes_the_outermost_fields)
{
	static const char old[] = "{\"x\":{\"version\":7,\"issued\":\"no\"},"
	    "\"y\":\"\\\"version\\\":9\",\"version\" : 3,\n\"issued\":\"a\","
	    "\"expires\":\"b\"}";
	static const char want[] = "{\"x\":{\"version\":7,\"issued\":\"no\"},"
	    "\"y\":\"\\\"version\\\":9\",\"version\" : 4,\n"
	    "\"issued\":\"2026-01-01T00:00:00Z\","
	    "\"expires\":\"2026-01-31T00:00:00Z\"}";
	struct buf b;

	buf_init(&b, 4096);
	CHECK_INT(paper_renew(bytes_str(old), TRUST_PEOPLE, 4,
	    INT64_C(1767225600), &b), 0);
	CHECK_MEM(b.p, b.n, want, strlen(want));
	buf_free(&b);
}

TEST(renew_needs_the_fields)
{
	struct buf b;

	buf_init(&b, 4096);
	CHECK_INT(paper_renew(bytes_str("{\"version\":1,\"issued\":\"a\"}"),
	    TRUST_PEOPLE, 2, 0, &b), ERR_SYNTAX);
	buf_free(&b);
}

TEST(paths)
{
	char path[TRUSTPAPER_PATH];

	CHECK_INT(paper_path("trust/people.json", ".dsse", path), 0);
	CHECK_STR(path, "trust/people.dsse");
	CHECK_INT(paper_path("root.1.dsse", ".json", path), 0);
	CHECK_STR(path, "root.1.json");
	CHECK_INT(paper_path("other", ".dsse", path), 0);
	CHECK_STR(path, "other.dsse");
}

TEST_MAIN()
