/*
 * doc_copy.h - writes a document's values as JSON again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#ifndef COUNTERSIGN_TESTS_HARNESS_DOC_COPY_H
#define COUNTERSIGN_TESTS_HARNESS_DOC_COPY_H

#include "common/doc.h"
#include "common/jsonw.h"

static void doc_copy_value(struct jsonw *w, struct doc_obj *list);

/* The members that an object has, between braces that are there. */
static void
doc_copy_members(struct jsonw *w, struct doc_obj *object)
{
	while (doc_next(object)) {
		jsonw_key(w, doc_key(object));
		doc_copy_value(w, object);
	}
}

/* Writes what a cursor's current value is, as JSON again. */
static void
doc_copy_value(struct jsonw *w, struct doc_obj *list)
{
	struct doc_obj child;
	struct bytes s;
	int64_t i;
	bool b;

	switch (doc_type(list, NULL)) {
	case DOC_BOOL:
		doc_bool(list, NULL, &b);
		jsonw_bool(w, NULL, b);
		break;
	case DOC_INT:
		doc_int(list, NULL, INT64_MIN, INT64_MAX, &i);
		jsonw_int(w, NULL, i);
		break;
	case DOC_STRING:
		doc_str(list, NULL, &s);
		jsonw_str(w, NULL, s);
		break;
	case DOC_ARRAY:
		doc_arr(list, NULL, SIZE_MAX, &child);
		jsonw_arr(w, NULL);
		while (doc_next(&child))
			doc_copy_value(w, &child);
		jsonw_arr_end(w);
		break;
	case DOC_OBJECT:
		doc_obj(list, NULL, &child);
		jsonw_obj(w, NULL);
		doc_copy_members(w, &child);
		jsonw_obj_end(w);
		break;
	case DOC_NULL:
	case DOC_NONE:
		jsonw_null(w, NULL);
		break;
	}
}

#endif
