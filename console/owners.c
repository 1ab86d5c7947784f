/*
 * owners.c - the owners' trust files, verified as far as a console can.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/owners.h"

#include "console/conlog.h"

#include <stdlib.h>
#include <string.h>

#define ENVELOPE_TEXT_MAX ((size_t)8 << 20)

/* The set of one org, as it was read or put. */
struct owner {
	char org[STORE_ORG_SIZE];
	struct trust *trust;
	struct owner *next;
};

struct owners {
	struct store *store;
	struct owner *first;
};

int
owners_new(struct store *store, struct owners **ret_o)
{
	struct owners *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return ERR_NOMEM;
	o->store = store;
	*ret_o = o;
	return 0;
}

void
owners_forget(struct owners *o, const char *org)
{
	struct owner **at, *w;

	for (at = &o->first; (w = *at) != NULL; at = &w->next)
		if (strcmp(w->org, org) == 0) {
			*at = w->next;
			trust_free(w->trust);
			free(w);
			return;
		}
}

void
owners_free(struct owners *o)
{
	if (o == NULL)
		return;
	while (o->first != NULL)
		owners_forget(o, o->first->org);
	free(o);
}

/* ---- reading what was stored ---- */

static int
install(void *ctx, const struct store_trust *t)
{
	struct trust *trust = ctx;
	struct envelope_doc d;
	struct refusal why;
	int err;

	err = envelope_parse(t->envelope, ENVELOPE_TEXT_MAX, &d);
	if (err == 0) {
		err = trust_install(trust, &d.e, &why);
		envelope_free(&d);
	}
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		conlog_event("trust_unusable org=%s file=%s version=%lld "
		    "error=%s", t->org, t->file, (long long)t->version,
		    err_word(err));
	return 0;
}

static int
make_pin(const char *org, const struct sha256 *root, struct pin *ret_pin)
{
	size_t i;

	memset(ret_pin, 0, sizeof(*ret_pin));
	if (strlen(org) >= sizeof(ret_pin->org))
		return ERR_TOO_LARGE;
	memcpy(ret_pin->org, org, strlen(org) + 1);
	ret_pin->root = *root;
	for (i = 0; i < TRUST_FILES; i++)
		ret_pin->min_version[i] = 1;
	return 0;
}

static int
keep_digest(void *ctx, const struct store_trust *t)
{
	*(struct sha256 *)ctx = t->digest;
	return ERR_EXISTS;
}

/* A set with every root of the org; ERR_NOT_FOUND if there is none. */
static int
new_with_roots(struct owners *o, const char *org, const char *device,
    struct trust **ret_t)
{
	struct trust *t = NULL;
	struct sha256 root;
	struct pin pin;
	int err;

	err = store_trust_each(o->store, org, "root", "", 0, keep_digest,
	    &root);
	if (err != ERR_EXISTS)
		return err == 0 ? ERR_NOT_FOUND : err;
	if ((err = make_pin(org, &root, &pin)) == 0 &&
	    (err = trust_new(&pin, bytes_str(device), &t)) == 0)
		err = store_trust_each(o->store, org, "root", "", 0, install,
		    t);
	if (err != 0) {
		trust_free(t);
		return err;
	}
	*ret_t = t;
	return 0;
}

/* Installs the newest stored version of a file, if there is one. */
static int
install_newest(struct owners *o, const char *org, const char *file,
    const char *device, struct trust *t)
{
	struct store_trust row;
	struct buf envelope;
	int err;

	buf_init(&envelope, ENVELOPE_TEXT_MAX);
	err = store_trust_find(o->store, org, file, device, 0, &envelope,
	    &row);
	if (err == 0)
		err = install(t, &row);
	buf_free(&envelope);
	return err == ERR_NOT_FOUND ? 0 : err;
}

static int
load(struct owners *o, const char *org, struct owner **ret_w)
{
	struct trust *t = NULL;
	struct owner *w;
	int err;

	for (w = o->first; w != NULL; w = w->next)
		if (strcmp(w->org, org) == 0) {
			*ret_w = w;
			return 0;
		}
	if ((err = new_with_roots(o, org, "", &t)) != 0)
		return err;
	if ((err = install_newest(o, org, "people", "", t)) != 0 ||
	    (err = install_newest(o, org, "policy", "", t)) != 0 ||
	    (err = install_newest(o, org, "timestamp", "", t)) != 0 ||
	    (w = calloc(1, sizeof(*w))) == NULL) {
		trust_free(t);
		return err != 0 ? err : ERR_NOMEM;
	}
	memcpy(w->org, org, strlen(org) + 1);
	w->trust = t;
	w->next = o->first;
	o->first = w;
	*ret_w = w;
	return 0;
}

int
owners_trust(struct owners *o, const char *org, const struct trust **ret_t)
{
	struct owner *w;
	int err = load(o, org, &w);

	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	*ret_t = err == 0 ? w->trust : NULL;
	return 0;
}

int
owners_device(struct owners *o, const char *org, const char *device,
    struct device_entry **ret_d)
{
	struct envelope_doc d;
	struct store_trust row;
	struct buf envelope;
	struct refusal why;
	int err;

	buf_init(&envelope, ENVELOPE_TEXT_MAX);
	err = store_trust_find(o->store, org, "device", device, 0, &envelope,
	    &row);
	if (err == 0 && (err = envelope_parse(row.envelope, ENVELOPE_TEXT_MAX,
	    &d)) == 0) {
		err = device_entry_parse(d.e.payload, ret_d, &why);
		envelope_free(&d);
	}
	buf_free(&envelope);
	return err;
}

/* ---- taking one in ---- */

static int
add_row(struct owners *o, const char *org, const char *device,
    const struct envelope *e, const struct trust_outcome *out)
{
	struct store_trust row;
	struct buf text;
	int err;

	memset(&row, 0, sizeof(row));
	memcpy(row.org, org, strlen(org) + 1);
	memcpy(row.device, device, strlen(device) + 1);
	(void)snprintf(row.file, sizeof(row.file), "%s",
	    trust_file_word(out->file));
	row.version = out->version;
	row.issued = out->issued;
	row.expires = out->expires;
	row.digest = out->digest;
	buf_init(&text, ENVELOPE_TEXT_MAX);
	envelope_write(&text, e);
	row.envelope = buf_bytes(&text);
	if ((err = buf_error(&text)) == 0)
		err = store_trust_add(o->store, &row);
	buf_free(&text);
	return err;
}

/* A new root may have dropped files whose keys it changed. */
static int
drop_unheld(struct owners *o, const char *org, const struct trust *t)
{
	static const enum trust_file files[] = {
		TRUST_PEOPLE, TRUST_POLICY, TRUST_TIMESTAMP
	};
	struct trust_held held;
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && err == 0; i++)
		if (!trust_held(t, files[i], &held))
			err = store_trust_reset(o->store, org,
			    trust_file_word(files[i]), "");
	return err;
}

/* The first root of an org: it is checked against itself. */
static int
put_first_root(struct owners *o, const char *org, const struct envelope *e,
    int64_t now, struct trust_outcome *ret)
{
	struct sha256 digest;
	struct trust *t;
	struct pin pin;
	int err;

	digest_pae(e->type, e->payload, &digest);
	if ((err = make_pin(org, &digest, &pin)) != 0 ||
	    (err = trust_new(&pin, bytes_of(NULL, 0), &t)) != 0)
		return err;
	err = trust_offer(t, e, now, ret);
	if (err == 0 && ret->verdict == TRUST_ACCEPT)
		err = add_row(o, org, "", e, ret);
	trust_free(t);
	return err;
}

static int
put_file(struct owners *o, struct owner *w, const struct envelope *e,
    int64_t now, struct trust_outcome *ret)
{
	struct refusal why;
	int err;

	if ((err = trust_offer(w->trust, e, now, ret)) != 0 ||
	    ret->verdict != TRUST_ACCEPT)
		return err;
	if ((err = trust_install(w->trust, e, &why)) != 0)
		return err;
	if (ret->file == TRUST_ROOT &&
	    (err = drop_unheld(o, w->org, w->trust)) != 0)
		return err;
	return add_row(o, w->org, "", e, ret);
}

static int
put_device(struct owners *o, const char *org, const char *device,
    const struct envelope *e, int64_t now, struct trust_outcome *ret)
{
	struct trust_held held;
	struct trust *t;
	int err;

	if ((err = new_with_roots(o, org, device, &t)) != 0)
		return err;
	err = install_newest(o, org, "device", device, t);
	if (err == 0 && (err = trust_offer(t, e, now, ret)) == 0 &&
	    ret->verdict == TRUST_ACCEPT) {
		if (!trust_held(t, TRUST_DEVICE, &held))
			err = store_trust_reset(o->store, org, "device",
			    device);
		if (err == 0)
			err = add_row(o, org, device, e, ret);
	}
	trust_free(t);
	return err;
}

int
owners_put(struct owners *o, const char *org, const char *device,
    const struct envelope *e, int64_t now, struct trust_outcome *ret)
{
	struct owner *w;
	int err;

	memset(ret, 0, sizeof(*ret));
	err = load(o, org, &w);
	if (err == ERR_NOT_FOUND) {
		if (envelope_type(e->type) == PAYLOAD_ROOT)
			return put_first_root(o, org, e, now, ret);
		ret->verdict = TRUST_REFUSE;
		(void)refusal_set(&ret->why, ERR_MISSING_FIELD, "no_root",
		    "put the org's root first");
		return 0;
	}
	if (err != 0)
		return err;
	if (device[0] != '\0')
		return put_device(o, org, device, e, now, ret);
	return put_file(o, w, e, now, ret);
}
