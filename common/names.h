/*
 * names.h - lists of ids, groups, paths and the like, as JSON arrays.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_NAMES_H
#define COUNTERSIGN_COMMON_NAMES_H

#include "common/arena.h"
#include "common/doc.h"

/*
 * A list of texts. In a policy an absent list (listed = false) is no limit
 * and an empty one is nobody.
 */
struct names {
	bool listed;
	size_t n;
	const struct bytes *p;
};

/*
 * Reads an array of at most max texts of a class, each of 1 to max_chars
 * characters; the texts point into the document, the array into the arena.
 * One that stands twice fails the document with ERR_DUPLICATE.
 */
void names_read(struct doc_obj *o, const char *name, enum text_class what,
    size_t max_chars, size_t max, struct arena *a, struct names *ret_n);
/* The same where it may be absent: then *ret_n is not listed. */
void names_opt_read(struct doc_obj *o, const char *name,
    enum text_class what, size_t max_chars, size_t max, struct arena *a,
    struct names *ret_n);

/* Whether the text is in the list, byte for byte; false if not listed. */
bool names_has(const struct names *n, struct bytes text);
/* Whether the list allows the text: it is absent, or has it. */
bool names_allow(const struct names *n, struct bytes text);
/* Whether the two have an element in common. */
bool names_meet(const struct names *a, const struct names *b);

/*
 * Sorts a copy of the spans and tells whether one stands twice. The scratch
 * array has n elements and is the caller's.
 */
bool names_repeat(const struct bytes *p, size_t n, struct bytes *scratch);

/* Sorts spans, and finds a text in sorted ones by halving. */
void names_sort(struct bytes *p, size_t n);
bool names_sorted_has(const struct bytes *p, size_t n, struct bytes text);

#endif
