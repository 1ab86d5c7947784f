/*
 * trustfile.c - the trust files that are small: root, device, timestamp.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/trustfile.h"
#include "common/deviceid.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	enum payload_type type;
	int64_t life;
} files[TRUST_FILES] = {
	[TRUST_ROOT] = { "root", PAYLOAD_ROOT, CAP_LIFE_ROOT },
	[TRUST_PEOPLE] = { "people", PAYLOAD_PEOPLE, CAP_LIFE_PEOPLE },
	[TRUST_POLICY] = { "policy", PAYLOAD_POLICY, CAP_LIFE_POLICY },
	[TRUST_DEVICE] = { "device", PAYLOAD_DEVICE, CAP_LIFE_DEVICE },
	[TRUST_TIMESTAMP] = { "timestamp", PAYLOAD_TIMESTAMP,
	    CAP_LIFE_TIMESTAMP }
};

const char *
trust_file_word(enum trust_file file)
{
	return files[file].word;
}

enum payload_type
trust_file_type(enum trust_file file)
{
	return files[file].type;
}

int
trust_file_of(struct bytes payload_type, enum trust_file *ret_file)
{
	enum payload_type type = envelope_type(payload_type);
	int i;

	for (i = 0; i < TRUST_FILES; i++) {
		if (files[i].type == type) {
			*ret_file = (enum trust_file)i;
			return 0;
		}
	}
	return ERR_VERSION;
}

int64_t
trust_file_life(enum trust_file file)
{
	return files[file].life;
}

void
trust_head_read(struct doc_obj *o, enum trust_file file,
    struct trust_head *ret_h)
{
	int64_t v;

	doc_int(o, "v", 1, 1, &v);
	doc_text(o, "org", TEXT_ORG, 1, TEXT_ORG_MAX, &ret_h->org);
	doc_int(o, "version", 1, CAP_VERSION, &ret_h->version);
	doc_time(o, "issued", &ret_h->issued);
	doc_time(o, "expires", &ret_h->expires);
	if (ret_h->expires <= ret_h->issued ||
	    ret_h->expires - ret_h->issued > files[file].life)
		doc_fail(o, "expires", ERR_RANGE);
}

int
trust_doc_open(struct bytes payload, struct doc **ret_d,
    struct refusal *ret_why)
{
	int r;

	if (payload.n > CAP_TRUST)
		return refusal_field(ret_why, ERR_TOO_LARGE, "",
		    "more than 4 MiB");
	if ((r = doc_parse(payload, JSON_PLAIN_TEXT, ret_d)) != 0)
		return refusal_doc(ret_why, r, payload, JSON_PLAIN_TEXT, NULL);
	return 0;
}

int
trust_doc_close(struct bytes payload, const struct doc *d,
    const struct arena *a, struct refusal *ret_why)
{
	int r = arena_error(a);

	if (r == 0)
		r = doc_error(d);
	if (r != 0)
		refusal_doc(ret_why, r, payload, JSON_PLAIN_TEXT, d);
	return r;
}

/* Copies a key; the document has failed if it is not there. */
static void
read_key(struct doc_obj *o, uint8_t ret_key[ED25519_PUBLIC_SIZE])
{
	struct bytes key;

	doc_b64(o, "key", ED25519_PUBLIC_SIZE, ED25519_PUBLIC_SIZE, &key);
	if (key.n == ED25519_PUBLIC_SIZE)
		memcpy(ret_key, key.p, key.n);
}

/* How many different holders the keys have. */
static size_t
count_holders(const struct root_role *role)
{
	size_t i, j, n = 0;

	for (i = 0; i < role->n_keys; i++) {
		for (j = 0; j < i; j++) {
			if (bytes_equal(role->keys[i].holder,
			    role->keys[j].holder))
				break;
		}
		n += j == i;
	}
	return n;
}

static bool
same_key(const struct root_key *a, const struct root_key *b)
{
	return memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

static void
read_role(struct doc_obj *o, const char *name, struct arena *a,
    struct root_role *ret_role)
{
	struct doc_obj role, list, one;
	struct root_key *keys;
	size_t i = 0, j;
	int64_t threshold;

	doc_obj(o, name, &role);
	doc_int(&role, "threshold", 1, CAP_ROOT_KEYS, &threshold);
	doc_arr(&role, "keys", CAP_ROOT_KEYS, &list);
	ret_role->n_keys = doc_count(&list);
	keys = arena_take(a, ret_role->n_keys, sizeof(*keys));
	if (keys == NULL)
		ret_role->n_keys = 0;
	while (keys != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		doc_text(&one, "holder", TEXT_NAME, 1, TEXT_NAME_MAX,
		    &keys[i].holder);
		read_key(&one, keys[i].key);
		doc_end(&one);
		for (j = 0; j < i; j++) {
			if (same_key(&keys[i], &keys[j]))
				doc_fail(&one, "key", ERR_DUPLICATE);
		}
		i++;
	}
	ret_role->keys = keys;
	ret_role->threshold = (size_t)threshold;
	if (doc_error(o->doc) == 0 &&
	    ret_role->threshold > count_holders(ret_role))
		doc_fail(&role, "threshold", ERR_RANGE);
	doc_end(&role);
}

/* One key must not speak for two holders, in whatever roles. */
static bool
shared_key(const struct root_role *a, const struct root_role *b)
{
	size_t i, j;

	for (i = 0; i < a->n_keys; i++) {
		for (j = 0; j < b->n_keys; j++) {
			if (same_key(&a->keys[i], &b->keys[j]) &&
			    !bytes_equal(a->keys[i].holder,
			    b->keys[j].holder))
				return true;
		}
	}
	return false;
}

static void
read_roles(struct doc_obj *o, struct root *t)
{
	struct doc_obj roles;
	int i, j;

	doc_obj(o, "roles", &roles);
	for (i = 0; i < TRUST_FILES; i++) {
		read_role(&roles, files[i].word, &t->arena, &t->roles[i]);
		for (j = 0; j < i && doc_error(o->doc) == 0; j++) {
			if (shared_key(&t->roles[i], &t->roles[j]))
				doc_fail(&roles, files[i].word,
				    ERR_DUPLICATE);
		}
	}
	doc_end(&roles);
}

static void
read_witnesses(struct doc_obj *o, struct root *t)
{
	struct root_witness *w;
	struct doc_obj list, one;
	size_t i = 0;

	if (!doc_opt_arr(o, "witnesses", CAP_WITNESSES, &list))
		return;
	t->n_witnesses = doc_count(&list);
	w = arena_take(&t->arena, t->n_witnesses, sizeof(*w));
	while (w != NULL && doc_next(&list)) {
		doc_obj(&list, NULL, &one);
		doc_text(&one, "name", TEXT_LINE, 1, CAP_NAME, &w[i].name);
		/* A signed note's key name: no space, no plus. */
		if (w[i].name.n > 0 &&
		    (memchr(w[i].name.p, ' ', w[i].name.n) != NULL ||
		    memchr(w[i].name.p, '+', w[i].name.n) != NULL))
			doc_fail(&one, "name", ERR_CHARACTER);
		read_key(&one, w[i].key);
		doc_end(&one);
		i++;
	}
	t->witnesses = w;
}

static void
read_root(struct doc_obj *o, struct root *t)
{
	struct doc_obj min;
	int i;

	trust_head_read(o, TRUST_ROOT, &t->head);
	read_roles(o, t);
	doc_obj(o, "min_version", &min);
	t->min_version[TRUST_ROOT] = 1;
	for (i = TRUST_ROOT + 1; i < TRUST_FILES; i++)
		doc_int(&min, files[i].word, 1, CAP_VERSION,
		    &t->min_version[i]);
	doc_end(&min);
	read_witnesses(o, t);
	doc_end(o);
}

int
root_parse(struct bytes payload, struct root **ret_r,
    struct refusal *ret_why)
{
	struct root *t = calloc(1, sizeof(*t));
	struct doc_obj o;
	int r;

	if (t == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "root");
	if ((r = trust_doc_open(payload, &t->doc, ret_why)) == 0) {
		o = doc_root(t->doc);
		read_root(&o, t);
		r = trust_doc_close(payload, t->doc, &t->arena, ret_why);
	}
	if (r != 0) {
		root_free(t);
		return r;
	}
	*ret_r = t;
	return 0;
}

void
root_free(struct root *r)
{
	if (r == NULL)
		return;
	doc_free(r->doc);
	arena_free(&r->arena);
	free(r);
}

int
device_entry_parse(struct bytes payload, struct device_entry **ret_d,
    struct refusal *ret_why)
{
	struct device_entry *t = calloc(1, sizeof(*t));
	struct doc_obj o;
	int r;

	if (t == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "device");
	if ((r = trust_doc_open(payload, &t->doc, ret_why)) == 0) {
		o = doc_root(t->doc);
		trust_head_read(&o, TRUST_DEVICE, &t->head);
		doc_str(&o, "device", &t->device);
		if (!deviceid_is(t->device))
			doc_fail(&o, "device", ERR_SYNTAX);
		doc_text(&o, "name", TEXT_LINE, 1, CAP_NAME, &t->name);
		names_read(&o, "groups", TEXT_NAME, TEXT_NAME_MAX, CAP_GROUPS,
		    &t->arena, &t->groups);
		doc_end(&o);
		r = trust_doc_close(payload, t->doc, &t->arena, ret_why);
	}
	if (r != 0) {
		device_entry_free(t);
		return r;
	}
	*ret_d = t;
	return 0;
}

void
device_entry_free(struct device_entry *d)
{
	if (d == NULL)
		return;
	doc_free(d->doc);
	arena_free(&d->arena);
	free(d);
}

static void
read_stamped(struct doc_obj *o, struct timestamp *t)
{
	struct doc_obj list, one;
	int i;

	doc_obj(o, "files", &list);
	for (i = TRUST_ROOT; i <= TRUST_POLICY; i++) {
		doc_obj(&list, files[i].word, &one);
		doc_int(&one, "version", 1, CAP_VERSION, &t->version[i]);
		doc_digest(&one, "digest", &t->digest[i]);
		doc_end(&one);
	}
	doc_end(&list);
}

int
timestamp_parse(struct bytes payload, struct timestamp **ret_t,
    struct refusal *ret_why)
{
	struct timestamp *t = calloc(1, sizeof(*t));
	struct doc_obj o;
	int r;

	if (t == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "timestamp");
	if ((r = trust_doc_open(payload, &t->doc, ret_why)) == 0) {
		o = doc_root(t->doc);
		trust_head_read(&o, TRUST_TIMESTAMP, &t->head);
		read_stamped(&o, t);
		doc_end(&o);
		r = trust_doc_close(payload, t->doc, &t->arena, ret_why);
	}
	if (r != 0) {
		timestamp_free(t);
		return r;
	}
	*ret_t = t;
	return 0;
}

void
timestamp_free(struct timestamp *t)
{
	if (t == NULL)
		return;
	doc_free(t->doc);
	arena_free(&t->arena);
	free(t);
}
