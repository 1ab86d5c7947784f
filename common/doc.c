/*
 * doc.c - reading a JSON document field by field, strictly.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, courier, cli, console.
 */
#include "common/doc.h"
#include "common/base64.h"
#include "common/timefmt.h"
#include "common/uuid.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

/* Our mark on an item that was read; cJSON itself uses bits 0 to 9. */
#define SEEN (1 << 16)
#define TYPE_BITS 0xff

/* Memory that getters made, freed with the document. */
struct piece {
	struct piece *next;
	size_t n;
	uint8_t bytes[];
};

struct doc {
	cJSON *root;
	struct piece *pieces;
	int err;
	char field[128];
};

int
doc_parse(struct bytes text, unsigned flags, struct doc **ret_d)
{
	struct doc *d;
	int r;

	if ((r = json_check(text, flags | JSON_INTEGERS_ONLY, NULL)) != 0)
		return r;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return ERR_NOMEM;
	/* What the scanner let through, cJSON refuses only without memory. */
	d->root = cJSON_ParseWithLength((const char *)text.p, text.n);
	if (d->root == NULL) {
		doc_free(d);
		return ERR_NOMEM;
	}
	*ret_d = d;
	return 0;
}

void
doc_free(struct doc *d)
{
	struct piece *p;

	if (d == NULL)
		return;
	while ((p = d->pieces) != NULL) {
		d->pieces = p->next;
		free(p);
	}
	cJSON_Delete(d->root);
	free(d);
}

/* Overwrites memory in a way that the compiler keeps. */
static void
wipe(void *p, size_t n)
{
	volatile uint8_t *to = p;

	while (n > 0)
		to[--n] = 0;
}

/* Depth is bounded by the scanner. */
static void
wipe_strings(cJSON *it)
{
	for (; it != NULL; it = it->next) {
		if (it->valuestring != NULL)
			wipe(it->valuestring, strlen(it->valuestring));
		wipe_strings(it->child);
	}
}

void
doc_wipe(struct doc *d)
{
	struct piece *p;

	if (d == NULL)
		return;
	for (p = d->pieces; p != NULL; p = p->next)
		wipe(p->bytes, p->n);
	wipe_strings(d->root);
	doc_free(d);
}

int
doc_error(const struct doc *d)
{
	return d->err;
}

const char *
doc_error_field(const struct doc *d)
{
	return d->field;
}

static bool
is_showable(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* Appends as much of name as fits to the field's name. */
static void
add_field(struct doc *d, const char *name)
{
	size_t n = strlen(d->field);

	for (; *name != '\0' && n < sizeof(d->field) - 1; name++)
		d->field[n++] = is_showable(*name) ? *name : '?';
	d->field[n] = '\0';
}

static const char *
current_name(const struct doc_obj *o)
{
	const cJSON *it = o->current;

	return it != NULL ? it->string : NULL;
}

void
doc_fail(struct doc_obj *o, const char *name, int err)
{
	struct doc *d = o->doc;

	if (d->err != 0)
		return;
	d->err = err;
	if (name == NULL)
		name = current_name(o);
	if (o->name != NULL)
		add_field(d, o->name);
	if (o->name != NULL && name != NULL)
		add_field(d, ".");
	if (name != NULL)
		add_field(d, name);
}

static struct doc_obj
cursor(struct doc *d, cJSON *item, const char *name)
{
	struct doc_obj o = { .doc = d, .item = item, .name = name };

	return o;
}

struct doc_obj
doc_root(struct doc *d)
{
	struct doc_obj o = cursor(d, d->root, NULL);

	if (!cJSON_IsObject(d->root))
		doc_fail(&o, NULL, ERR_TYPE);
	return o;
}

struct doc_obj
doc_list(struct doc *d)
{
	struct doc_obj o = cursor(d, d->root, NULL);

	if (!cJSON_IsArray(d->root))
		doc_fail(&o, NULL, ERR_TYPE);
	return o;
}

static cJSON *
find(const struct doc_obj *o, const char *name)
{
	if (o->doc->err != 0)
		return NULL;
	if (name == NULL)
		return o->current;
	return cJSON_GetObjectItemCaseSensitive(o->item, name);
}

bool
doc_has(const struct doc_obj *o, const char *name)
{
	return find(o, name) != NULL;
}

enum doc_type
doc_type(const struct doc_obj *o, const char *name)
{
	const cJSON *it = find(o, name);

	if (it == NULL)
		return DOC_NONE;
	switch (it->type & TYPE_BITS) {
	case cJSON_False:
	case cJSON_True:
		return DOC_BOOL;
	case cJSON_Number:
		return DOC_INT;
	case cJSON_String:
		return DOC_STRING;
	case cJSON_Array:
		return DOC_ARRAY;
	case cJSON_Object:
		return DOC_OBJECT;
	default:
		return DOC_NULL;
	}
}

/* The member, marked as read; a failure of the document without it. */
static cJSON *
take(struct doc_obj *o, const char *name, enum doc_type type)
{
	cJSON *it = find(o, name);

	if (it == NULL) {
		doc_fail(o, name, ERR_MISSING_FIELD);
		return NULL;
	}
	if (doc_type(o, name) != type) {
		doc_fail(o, name, ERR_TYPE);
		return NULL;
	}
	it->type |= SEEN;
	return it;
}

void
doc_str(struct doc_obj *o, const char *name, struct bytes *ret_v)
{
	const cJSON *it = take(o, name, DOC_STRING);

	*ret_v = bytes_str(it != NULL ? it->valuestring : NULL);
}

bool
doc_opt_str(struct doc_obj *o, const char *name, struct bytes *ret_v)
{
	bool there = doc_has(o, name);

	if (there)
		doc_str(o, name, ret_v);
	return there;
}

void
doc_text(struct doc_obj *o, const char *name, enum text_class what,
    size_t min, size_t max, struct bytes *ret_v)
{
	struct bytes v;
	size_t n;
	int r;

	doc_str(o, name, &v);
	n = text_chars(v);
	if (o->doc->err != 0)
		r = o->doc->err;
	else if (n < min || n > max)
		r = ERR_RANGE;
	else
		r = text_check(v, what, NULL);
	if (r != 0) {
		doc_fail(o, name, r);
		v = bytes_of(NULL, 0);
	}
	*ret_v = v;
}

bool
doc_opt_text(struct doc_obj *o, const char *name, enum text_class what,
    size_t min, size_t max, struct bytes *ret_v)
{
	bool there = doc_has(o, name);

	if (there)
		doc_text(o, name, what, min, max, ret_v);
	return there;
}

void
doc_int(struct doc_obj *o, const char *name, int64_t min, int64_t max,
    int64_t *ret_v)
{
	const cJSON *it = take(o, name, DOC_INT);
	/* Exact: the scanner lets only integers below 2^53 through. */
	int64_t v = it != NULL ? (int64_t)it->valuedouble : 0;

	if (it != NULL && (v < min || v > max)) {
		doc_fail(o, name, ERR_RANGE);
		v = 0;
	}
	*ret_v = v;
}

bool
doc_opt_int(struct doc_obj *o, const char *name, int64_t min, int64_t max,
    int64_t *ret_v)
{
	bool there = doc_has(o, name);

	if (there)
		doc_int(o, name, min, max, ret_v);
	return there;
}

void
doc_bool(struct doc_obj *o, const char *name, bool *ret_v)
{
	const cJSON *it = take(o, name, DOC_BOOL);

	*ret_v = it != NULL && cJSON_IsTrue(it);
}

bool
doc_opt_bool(struct doc_obj *o, const char *name, bool *ret_v)
{
	bool there = doc_has(o, name);

	if (there)
		doc_bool(o, name, ret_v);
	return there;
}

bool
doc_is_null(struct doc_obj *o, const char *name)
{
	cJSON *it = find(o, name);

	if (it == NULL) {
		doc_fail(o, name, ERR_MISSING_FIELD);
		return false;
	}
	if (doc_type(o, name) != DOC_NULL)
		return false;
	it->type |= SEEN;
	return true;
}

void
doc_enum(struct doc_obj *o, const char *name, const struct doc_word *words,
    int *ret_v)
{
	struct bytes v;

	*ret_v = 0;
	doc_str(o, name, &v);
	if (o->doc->err != 0)
		return;
	for (; words->word != NULL; words++) {
		if (bytes_is(v, words->word)) {
			*ret_v = words->value;
			return;
		}
	}
	doc_fail(o, name, ERR_RANGE);
}

const char *
doc_word_of(const struct doc_word *words, int value)
{
	for (; words->word != NULL; words++) {
		if (words->value == value)
			return words->word;
	}
	return NULL;
}

void
doc_digest(struct doc_obj *o, const char *name, struct sha256 *ret_v)
{
	struct bytes v;
	int r;

	memset(ret_v, 0, sizeof(*ret_v));
	doc_str(o, name, &v);
	if (o->doc->err == 0 && (r = digest_parse(v, ret_v)) != 0)
		doc_fail(o, name, r);
}

void
doc_time(struct doc_obj *o, const char *name, int64_t *ret_v)
{
	struct bytes v;
	int r;

	*ret_v = 0;
	doc_str(o, name, &v);
	if (o->doc->err == 0 && (r = time_parse(v, ret_v)) != 0)
		doc_fail(o, name, r);
}

void
doc_uuid(struct doc_obj *o, const char *name, struct bytes *ret_v)
{
	struct bytes v;
	int r;

	doc_str(o, name, &v);
	if (o->doc->err == 0 && (r = uuid_check(v)) != 0) {
		doc_fail(o, name, r);
		v = bytes_of(NULL, 0);
	}
	*ret_v = v;
}

/* Copies decoded bytes into memory that the document owns. */
static int
keep(struct doc *d, struct bytes v, struct bytes *ret_v)
{
	struct piece *p = malloc(sizeof(*p) + v.n + 1);

	if (p == NULL)
		return ERR_NOMEM;
	if (v.n > 0)
		memcpy(p->bytes, v.p, v.n);
	p->bytes[v.n] = 0;
	p->n = v.n;
	p->next = d->pieces;
	d->pieces = p;
	*ret_v = bytes_of(p->bytes, v.n);
	return 0;
}

static void
get_b64(struct doc_obj *o, const char *name, size_t min, size_t max,
    int (*decode)(struct bytes, struct buf *), struct bytes *ret_v)
{
	struct bytes v;
	struct buf b;
	int r;

	*ret_v = bytes_of(NULL, 0);
	doc_str(o, name, &v);
	if (o->doc->err != 0)
		return;
	/* The cap is the text's own length: what is too long is ERR_RANGE. */
	buf_init(&b, v.n + 1);
	r = decode(v, &b);
	if (r == ERR_CHARACTER)
		r = ERR_SYNTAX;
	if (r == 0 && (b.n < min || b.n > max))
		r = ERR_RANGE;
	if (r == 0)
		r = keep(o->doc, buf_bytes(&b), ret_v);
	if (r != 0)
		doc_fail(o, name, r);
	if (b.p != NULL)
		wipe(b.p, b.size);
	buf_free(&b);
}

void
doc_b64(struct doc_obj *o, const char *name, size_t min, size_t max,
    struct bytes *ret_v)
{
	get_b64(o, name, min, max, base64_decode, ret_v);
}

void
doc_b64url(struct doc_obj *o, const char *name, size_t min, size_t max,
    struct bytes *ret_v)
{
	get_b64(o, name, min, max, base64url_decode, ret_v);
}

/* A cursor on a member; in a list it bears its key or the list's name. */
static void
enter(struct doc_obj *o, const char *name, enum doc_type type,
    struct doc_obj *ret_v)
{
	cJSON *it = take(o, name, type);

	if (name == NULL && (name = current_name(o)) == NULL)
		name = o->name;
	*ret_v = cursor(o->doc, it, name);
}

void
doc_obj(struct doc_obj *o, const char *name, struct doc_obj *ret_v)
{
	enter(o, name, DOC_OBJECT, ret_v);
}

bool
doc_opt_obj(struct doc_obj *o, const char *name, struct doc_obj *ret_v)
{
	bool there = doc_has(o, name);

	if (there)
		doc_obj(o, name, ret_v);
	return there;
}

void
doc_arr(struct doc_obj *o, const char *name, size_t max,
    struct doc_obj *ret_v)
{
	enter(o, name, DOC_ARRAY, ret_v);
	if (doc_count(ret_v) > max)
		doc_fail(o, name, ERR_RANGE);
}

bool
doc_opt_arr(struct doc_obj *o, const char *name, size_t max,
    struct doc_obj *ret_v)
{
	bool there = doc_has(o, name);

	if (there)
		doc_arr(o, name, max, ret_v);
	return there;
}

size_t
doc_count(const struct doc_obj *o)
{
	const cJSON *it, *list = o->item;
	size_t n = 0;

	if (o->doc->err != 0)
		return 0;
	for (it = list->child; it != NULL; it = it->next)
		n++;
	return n;
}

bool
doc_next(struct doc_obj *o)
{
	cJSON *it, *list = o->item;

	if (o->doc->err != 0)
		return false;
	if (!o->started) {
		it = list->child;
	} else {
		it = o->current;
		it = it != NULL ? it->next : NULL;
	}
	o->started = true;
	o->current = it;
	if (it != NULL)
		it->type |= SEEN;
	return it != NULL;
}

struct bytes
doc_key(const struct doc_obj *o)
{
	return bytes_str(current_name(o));
}

void
doc_end(struct doc_obj *o)
{
	const cJSON *it, *object = o->item;

	if (o->doc->err != 0)
		return;
	for (it = object->child; it != NULL; it = it->next) {
		if ((it->type & SEEN) == 0) {
			doc_fail(o, it->string, ERR_UNKNOWN_FIELD);
			return;
		}
	}
}
