/*
 * fuzz_doc.c - documents: what was read and written again reads the same.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/doc.h"
#include "tests/harness/doc_copy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Calls each getter on each member that is there. */
static void
get_all(struct doc *d, const char *name)
{
	static const struct doc_word words[] = { { "a", 1 }, { NULL, 0 } };
	struct doc_obj o = doc_root(d), child;
	struct sha256 digest;
	struct bytes v;
	int64_t i;
	bool b;
	int e;

	(void)doc_opt_str(&o, name, &v);
	(void)doc_opt_obj(&o, name, &child);
	(void)doc_opt_arr(&o, name, 3, &child);
	(void)doc_opt_text(&o, name, TEXT_LINE, 0, 9, &v);
	(void)doc_opt_int(&o, name, -9, 9, &i);
	(void)doc_opt_bool(&o, name, &b);
	(void)doc_is_null(&o, name);
	doc_enum(&o, name, words, &e);
	doc_digest(&o, name, &digest);
	doc_time(&o, name, &i);
	doc_uuid(&o, name, &v);
	doc_b64(&o, name, 0, 9, &v);
	doc_b64url(&o, name, 0, 9, &v);
	doc_end(&o);
	if (doc_error(d) == 0 && doc_error_field(d)[0] != '\0')
		abort();
}

/* The document as JSON, if its outermost value is an object. */
static bool
rewrite(struct bytes text, struct buf *b)
{
	struct doc *d = NULL;
	struct doc_obj o;
	struct jsonw w;
	bool good = false;

	if (doc_parse(text, 0, &d) != 0)
		return false;
	o = doc_root(d);
	if (doc_error(d) == 0) {
		jsonw_init(&w, b);
		jsonw_obj(&w, NULL);
		doc_copy_members(&w, &o);
		jsonw_obj_end(&w);
		/* Every member was read. */
		doc_end(&o);
		good = doc_error(d) == 0;
		if (!good)
			abort();
	}
	doc_wipe(d);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const names[] = { "a", "b", "id", "" };
	struct buf once, twice;
	struct doc *d;
	size_t i;

	buf_init(&once, 16 << 20);
	buf_init(&twice, 16 << 20);
	if (rewrite(bytes_of(p, n), &once)) {
		if (buf_error(&once) != 0 ||
		    !rewrite(buf_bytes(&once), &twice) ||
		    !bytes_equal(buf_bytes(&once), buf_bytes(&twice)))
			abort();
		for (i = 0; i < 4; i++) {
			if (doc_parse(bytes_of(p, n), 0, &d) != 0)
				abort();
			get_all(d, names[i]);
			doc_free(d);
		}
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
