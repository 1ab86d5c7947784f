/*
 * test_ocsf.c - every kind of record as an event.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/ocsf.h"
#include "common/doc.h"
#include "tests/harness/records.h"
#include "tests/harness/test.h"

#include <string.h>

static const struct ocsf_origin origin = { "acme.example", "d-x" };

/* The event of a sample with all its fields, or with those it has to have. */
static void
put(struct buf *b, enum record_kind kind, bool all)
{
	struct record_doc *doc;
	struct record rec;
	struct buf payload;

	sample_record(&rec, kind, all);
	buf_init(&payload, CAP_RECORD);
	record_write(&payload, &rec);
	CHECK_INT(buf_error(&payload), 0);
	CHECK_INT(record_parse(buf_bytes(&payload), &doc), 0);
	buf_clear(b);
	ocsf_put(b, &origin, 17, record_of(doc), buf_bytes(&payload), true);
	CHECK_INT(buf_error(b), 0);
	record_free(doc);
	buf_free(&payload);
}

/* ---- what OCSF 1.3.0 asks of each ---- */

static int64_t
number(struct doc_obj *o, const char *name, int64_t least, int64_t most)
{
	int64_t v = -1;

	doc_int(o, name, least, most, &v);
	return v;
}

static struct bytes
text(struct doc_obj *o, const char *name)
{
	struct bytes v = { NULL, 0 };

	doc_str(o, name, &v);
	return v;
}

static bool
has_any(struct doc_obj *o, const char *a, const char *b, const char *c)
{
	return doc_has(o, a) || doc_has(o, b) || doc_has(o, c);
}

/* What the class itself requires. */
static void
check_class(struct doc_obj *o, int64_t class, const char *kind)
{
	struct doc_obj x, y;

	switch (class) {
	case 1007:
		doc_obj(o, "process", &x);
		CHECK_MSG(has_any(&x, "pid", "uid", "uid"), "%s", kind);
		if (doc_has(&x, "file")) {
			doc_obj(&x, "file", &y);
			CHECK(text(&y, "name").n > 0);
			CHECK_INT(number(&y, "type_id", 0, 99), 1);
		}
		break;
	case 2004:
		doc_obj(o, "finding_info", &x);
		CHECK(text(&x, "title").n > 0 && text(&x, "uid").n > 0);
		/* A finding's status is another enumeration. */
		CHECK_INT(number(o, "status_id", 1, 1), 1);
		CHECK(bytes_is(text(o, "status"), "New"));
		break;
	case 3004:
		doc_obj(o, "entity", &x);
		CHECK_MSG(has_any(&x, "name", "uid", "uid"), "%s", kind);
		CHECK(text(&x, "type").n > 0);
		if (doc_has(&x, "version"))
			CHECK_MSG(text(&x, "version").n > 0, "%s", kind);
		break;
	case 6002:
		doc_obj(o, "app", &x);
		CHECK(text(&x, "vendor_name").n > 0);
		CHECK(text(&x, "name").n > 0);
		break;
	default:
		CHECK_MSG(false, "%s: class %d", kind, (int)class);
	}
}

static void
check_event(struct doc_obj *o, const char *kind)
{
	struct doc_obj x, y;
	int64_t class = number(o, "class_uid", 1000, 6999);
	int64_t activity = number(o, "activity_id", 1, 99);

	CHECK_INT(number(o, "category_uid", 1, 6), class / 1000);
	CHECK_INT(number(o, "type_uid", 0, 699999), class * 100 + activity);
	CHECK_INT(number(o, "time", 0, INT64_MAX), SAMPLE_TIME * 1000);
	CHECK(number(o, "severity_id", 1, 5) > 0);
	CHECK(number(o, "status_id", 1, 2) > 0);
	doc_obj(o, "metadata", &x);
	CHECK(bytes_is(text(&x, "version"), "1.3.0"));
	CHECK_INT(number(&x, "sequence", 0, 99), 17);
	doc_obj(&x, "product", &y);
	CHECK(text(&y, "vendor_name").n > 0);
	doc_obj(o, "device", &x);
	CHECK_INT(number(&x, "type_id", 0, 99), 0);
	CHECK(bytes_is(text(&x, "uid"), "d-x"));
	doc_obj(o, "actor", &x);
	CHECK_MSG(has_any(&x, "user", "app_name", "process"), "%s", kind);
	check_class(o, class, kind);
	doc_obj(o, "unmapped", &x);
	CHECK(bytes_is(text(&x, "kind"), kind));
	CHECK(doc_has(&x, "record"));
}

TEST(every_kind_is_an_event)
{
	struct doc_obj o;
	struct doc *d;
	struct buf b;
	int kind, all;

	buf_init(&b, 1 << 20);
	for (kind = RECORD_NONE + 1; kind < RECORD_KINDS; kind++)
		for (all = 0; all < 2; all++) {
			put(&b, (enum record_kind)kind, all != 0);
			CHECK(b.n > 0 && memchr(b.p, '\n', b.n) == NULL);
			CHECK_INT(doc_parse(buf_bytes(&b), 0, &d), 0);
			o = doc_root(d);
			check_event(&o, record_kind_word((enum record_kind)
			    kind));
			doc_free(d);
		}
	buf_free(&b);
}

TEST_MAIN()
