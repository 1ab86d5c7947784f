/*
 * doc.h - reading a JSON document field by field, strictly.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 *
 * The only user of cJSON, and only behind json_check(). A parser reads as a
 * straight list and looks once at the end:
 *
 *	struct doc_obj o = doc_root(d);
 *
 *	doc_int(&o, "v", 1, 1, &v);
 *	doc_text(&o, "org", TEXT_ORG, 1, 63, &card->org);
 *	doc_arr(&o, "write", 64, &list);
 *	while (doc_next(&list))
 *		doc_text(&list, NULL, TEXT_LINE, 1, 4096, &path);
 *	doc_end(&o);
 *	return doc_error(d);
 *
 * The first thing that is wrong is kept, with the name of its field; from
 * then on every getter gives zeros and every loop ends. Names are matched
 * exactly, in their case. A member that no getter asked for makes doc_end()
 * fail: what was not understood was not approved.
 *
 * What getters return points into the document and lives until doc_free().
 * Strings hold no NUL and have one behind them.
 */
#ifndef COUNTERSIGN_COMMON_DOC_H
#define COUNTERSIGN_COMMON_DOC_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/text.h"

struct doc;

/*
 * A cursor on an object or array of a document. Copy it freely; it owns
 * nothing. The fields are doc.c's business.
 */
struct doc_obj {
	struct doc *doc;
	void *item;
	void *current;		/* what doc_next() stands on */
	bool started;
	const char *name;	/* its own name, for doc_error_field() */
};

enum doc_type {
	DOC_NONE,		/* no such member, or the document has failed */
	DOC_NULL,
	DOC_BOOL,
	DOC_INT,
	DOC_STRING,
	DOC_ARRAY,
	DOC_OBJECT
};

/*
 * Scans the text with json_check(text, flags | JSON_INTEGERS_ONLY) and parses
 * it. The text need not outlive the call. The caller frees the document.
 * json_check()'s errors, or ERR_NOMEM.
 */
MUST_CHECK int doc_parse(struct bytes text, unsigned flags,
    struct doc **ret_d);

/* Frees it and all that was read from it. NULL is fine. */
void doc_free(struct doc *d);

/* The same for a document with a secret: overwrites its strings first. */
void doc_wipe(struct doc *d);

/*
 * The outermost object. The document fails with ERR_TYPE if it is none.
 */
struct doc_obj doc_root(struct doc *d);
/* The same where the outermost value is an array. */
struct doc_obj doc_list(struct doc *d);

/*
 * 0, or the first error:
 *   ERR_MISSING_FIELD, ERR_UNKNOWN_FIELD, ERR_TYPE (another JSON type),
 *   ERR_RANGE (number, length or count), ERR_CHARACTER, ERR_SYNTAX (of a
 *   digest, time, UUID or base64), ERR_TOO_LARGE, ERR_NOMEM, and what
 *   doc_fail() was given.
 */
MUST_CHECK int doc_error(const struct doc *d);

/*
 * Where the first error was: "timeout_s", or "limits.timeout_s" with the name
 * of the object it is in; "" for none. Only [A-Za-z0-9_.-]: other characters
 * of names that the document brought are shown as '?'. Lives with d.
 */
const char *doc_error_field(const struct doc *d);

/* Fails the document from outside, unless it has failed already. */
void doc_fail(struct doc_obj *o, const char *name, int err);

/*
 * Everywhere below, name is the member's name, or NULL for the element that
 * doc_next() stands on. Without _opt_, a member that is absent is an error.
 * The _opt_ getters return whether it is there; if not, *ret is untouched.
 */

/* Whether there is such a member. Does not count as having read it. */
bool doc_has(const struct doc_obj *o, const char *name);
/* Its type. Does not count as having read it. */
enum doc_type doc_type(const struct doc_obj *o, const char *name);

/* Any string. */
void doc_str(struct doc_obj *o, const char *name, struct bytes *ret_v);
bool doc_opt_str(struct doc_obj *o, const char *name, struct bytes *ret_v);
/* A string of a class (text_check()) and min to max characters. */
void doc_text(struct doc_obj *o, const char *name, enum text_class what,
    size_t min, size_t max, struct bytes *ret_v);
bool doc_opt_text(struct doc_obj *o, const char *name, enum text_class what,
    size_t min, size_t max, struct bytes *ret_v);
/* An integer, min <= v <= max. */
void doc_int(struct doc_obj *o, const char *name, int64_t min, int64_t max,
    int64_t *ret_v);
bool doc_opt_int(struct doc_obj *o, const char *name, int64_t min,
    int64_t max, int64_t *ret_v);
void doc_bool(struct doc_obj *o, const char *name, bool *ret_v);
bool doc_opt_bool(struct doc_obj *o, const char *name, bool *ret_v);
/* Whether the member, which must be there, is null; reads it only then. */
bool doc_is_null(struct doc_obj *o, const char *name);

/* A word and what it stands for; a table ends with a NULL word. */
struct doc_word {
	const char *word;
	int value;
};

/* One of the words of a table. ERR_RANGE for another string. */
void doc_enum(struct doc_obj *o, const char *name,
    const struct doc_word *words, int *ret_v);
/* The word of a value in such a table; NULL if it has none. */
const char *doc_word_of(const struct doc_word *words, int value);

/* "sha256:<64 hex digits>" (digest.h). */
void doc_digest(struct doc_obj *o, const char *name, struct sha256 *ret_v);
/* YYYY-MM-DDTHH:MM:SSZ (timefmt.h). */
void doc_time(struct doc_obj *o, const char *name, int64_t *ret_v);
/* A UUIDv7 in lower case (uuid.h), as text. */
void doc_uuid(struct doc_obj *o, const char *name, struct bytes *ret_v);
/* min to max bytes as base64, or as base64url (base64.h). */
void doc_b64(struct doc_obj *o, const char *name, size_t min, size_t max,
    struct bytes *ret_v);
void doc_b64url(struct doc_obj *o, const char *name, size_t min, size_t max,
    struct bytes *ret_v);

/* An object: read its members, then doc_end() it. */
void doc_obj(struct doc_obj *o, const char *name, struct doc_obj *ret_v);
bool doc_opt_obj(struct doc_obj *o, const char *name, struct doc_obj *ret_v);
/* An array of at most max elements; go through it with doc_next(). */
void doc_arr(struct doc_obj *o, const char *name, size_t max,
    struct doc_obj *ret_v);
bool doc_opt_arr(struct doc_obj *o, const char *name, size_t max,
    struct doc_obj *ret_v);

/* Members or elements; 0 once the document has failed. */
size_t doc_count(const struct doc_obj *o);
/*
 * Steps to the next element of an array, or member of an object whose names
 * are free; true while there is one. The member counts as read.
 */
bool doc_next(struct doc_obj *o);
/* The name of the member that doc_next() stands on; empty in an array. */
struct bytes doc_key(const struct doc_obj *o);

/* ERR_UNKNOWN_FIELD if a member of the object was not read. */
void doc_end(struct doc_obj *o);

#endif
