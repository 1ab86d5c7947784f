/*
 * names.c - lists of ids, groups, paths and the like, as JSON arrays.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/names.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const void *x, const void *y)
{
	const struct bytes *a = x, *b = y;
	size_t n = a->n < b->n ? a->n : b->n;
	int c = n > 0 ? memcmp(a->p, b->p, n) : 0;

	if (c != 0)
		return c;
	return (a->n > b->n) - (a->n < b->n);
}

void
names_sort(struct bytes *p, size_t n)
{
	if (n > 1)
		qsort(p, n, sizeof(*p), compare);
}

bool
names_sorted_has(const struct bytes *p, size_t n, struct bytes text)
{
	return n > 0 && bsearch(&text, p, n, sizeof(*p), compare) != NULL;
}

bool
names_repeat(const struct bytes *p, size_t n, struct bytes *scratch)
{
	size_t i;

	if (n < 2)
		return false;
	memcpy(scratch, p, n * sizeof(*p));
	names_sort(scratch, n);
	for (i = 1; i < n; i++) {
		if (compare(&scratch[i - 1], &scratch[i]) == 0)
			return true;
	}
	return false;
}

void
names_read(struct doc_obj *o, const char *name, enum text_class what,
    size_t max_chars, size_t max, struct arena *a, struct names *ret_n)
{
	struct bytes *p, *scratch;
	struct doc_obj list;
	size_t n, i = 0;

	memset(ret_n, 0, sizeof(*ret_n));
	ret_n->listed = true;
	doc_arr(o, name, max, &list);
	if ((n = doc_count(&list)) == 0)
		return;
	p = arena_take(a, n, sizeof(*p));
	scratch = arena_take(a, n, sizeof(*p));
	if (p == NULL || scratch == NULL) {
		doc_fail(o, name, ERR_NOMEM);
		return;
	}
	while (doc_next(&list))
		doc_text(&list, NULL, what, 1, max_chars, &p[i++]);
	/* On a failure the spans that are left are empty: no matter. */
	if (doc_error(o->doc) == 0 && names_repeat(p, n, scratch))
		doc_fail(o, name, ERR_DUPLICATE);
	ret_n->p = p;
	ret_n->n = n;
}

void
names_opt_read(struct doc_obj *o, const char *name, enum text_class what,
    size_t max_chars, size_t max, struct arena *a, struct names *ret_n)
{
	memset(ret_n, 0, sizeof(*ret_n));
	if (doc_has(o, name))
		names_read(o, name, what, max_chars, max, a, ret_n);
}

bool
names_has(const struct names *n, struct bytes text)
{
	size_t i;

	for (i = 0; i < n->n; i++) {
		if (bytes_equal(n->p[i], text))
			return true;
	}
	return false;
}

bool
names_allow(const struct names *n, struct bytes text)
{
	return !n->listed || names_has(n, text);
}

bool
names_meet(const struct names *a, const struct names *b)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		if (names_has(b, a->p[i]))
			return true;
	}
	return false;
}
