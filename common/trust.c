/*
 * trust.c - the set of trust files that a device or an approver holds.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/trust.h"
#include "common/deviceid.h"

#include <stdlib.h>
#include <string.h>

/* A file of the set: its bytes as signed, and what they say. */
struct item {
	struct envelope envelope;	/* points into memory */
	uint8_t *memory;
	struct sha256 digest;
	struct trust_head head;
	/* The one of them that it is. */
	struct root *root;
	struct people *people;
	struct policy *policy;
	struct device_entry *device;
	struct timestamp *timestamp;
};

struct trust {
	struct pin pin;
	char device[DEVICEID_SIZE];	/* empty: no entry is taken */
	struct item *items[TRUST_FILES];
	struct item *root_before;	/* to notice two roots of one version */
	int64_t least[TRUST_FILES];
	int64_t clock_floor;
};

static void
item_free(struct item *it)
{
	if (it == NULL)
		return;
	root_free(it->root);
	people_free(it->people);
	policy_free(it->policy);
	device_entry_free(it->device);
	timestamp_free(it->timestamp);
	free(it->memory);
	free(it);
}

int
trust_new(const struct pin *pin, struct bytes device, struct trust **ret_t)
{
	struct trust *t;

	if (device.n > 0 && !deviceid_is(device))
		return ERR_SYNTAX;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return ERR_NOMEM;
	t->pin = *pin;
	memcpy(t->least, pin->min_version, sizeof(t->least));
	if (device.n > 0)
		memcpy(t->device, device.p, device.n);
	*ret_t = t;
	return 0;
}

void
trust_free(struct trust *t)
{
	int i;

	if (t == NULL)
		return;
	for (i = 0; i < TRUST_FILES; i++)
		item_free(t->items[i]);
	item_free(t->root_before);
	free(t);
}

/* ---- signatures ---- */

/*
 * How many different holders of a role signed. 0 with *ret_n, which is 0 where
 * no signature is any holder's; ERR_NOMEM.
 */
static int
count_signers(const struct root_role *role, const struct envelope *e,
    size_t *ret_n)
{
	const uint8_t *keys[CAP_ROOT_KEYS];
	bool valid[CAP_ROOT_KEYS] = { false };
	size_t i, j, n = 0;
	int r;

	for (i = 0; i < role->n_keys; i++)
		keys[i] = role->keys[i].key;
	r = envelope_verify_ed25519(e, keys, role->n_keys, valid);
	if (r == ERR_NOMEM)
		return r;
	for (i = 0; r == 0 && i < role->n_keys; i++) {
		for (j = 0; j < i; j++) {
			if (valid[j] && bytes_equal(role->keys[j].holder,
			    role->keys[i].holder))
				break;
		}
		n += valid[i] && j == i;
	}
	*ret_n = n;
	return 0;
}

/* 0, ERR_SIGNATURE `bad_signature`, ERR_THRESHOLD, ERR_NOMEM. */
static int
check_signers(const struct root_role *role, const struct envelope *e,
    struct refusal *ret_why)
{
	size_t n;
	int r;

	if ((r = count_signers(role, e, &n)) != 0)
		return refusal_field(ret_why, r, "", "signatures");
	if (n == 0)
		return refusal_field(ret_why, ERR_SIGNATURE, "signatures",
		    "none is of a key that the root names for this file");
	if (n < role->threshold)
		return refusal_set(ret_why, ERR_THRESHOLD,
		    err_word(ERR_THRESHOLD),
		    "signatures: %zu of %zu holders signed", n,
		    role->threshold);
	return 0;
}

/* ---- one file ---- */

/* Copies type, payload and signatures into memory of the item's own. */
static int
copy_envelope(struct item *it, const struct envelope *e)
{
	size_t i, n = e->type.n + e->payload.n;
	struct buf b;

	for (i = 0; i < e->n_sigs; i++)
		n += e->sigs[i].keyid.n + e->sigs[i].sig.n;
	/* Reserved at once, so that what is put in does not move. */
	buf_init(&b, n + 1);
	if (buf_reserve(&b, n + 1) == NULL)
		return ERR_NOMEM;
	it->memory = b.p;
	it->envelope.type = bytes_of(b.p + b.n, e->type.n);
	buf_put_bytes(&b, e->type);
	it->envelope.payload = bytes_of(b.p + b.n, e->payload.n);
	buf_put_bytes(&b, e->payload);
	it->envelope.n_sigs = e->n_sigs;
	for (i = 0; i < e->n_sigs; i++) {
		struct envelope_sig *s = &it->envelope.sigs[i];

		s->keyid = bytes_of(b.p + b.n, e->sigs[i].keyid.n);
		buf_put_bytes(&b, e->sigs[i].keyid);
		s->sig = bytes_of(b.p + b.n, e->sigs[i].sig.n);
		buf_put_bytes(&b, e->sigs[i].sig);
	}
	return 0;
}

static int
parse_root(struct item *it, struct bytes payload, struct refusal *ret_why)
{
	int r = root_parse(payload, &it->root, ret_why);

	if (r == 0)
		it->head = it->root->head;
	return r;
}

static int
parse_people(struct item *it, struct bytes payload, struct refusal *ret_why)
{
	int r = people_parse(payload, &it->people, ret_why);

	if (r == 0)
		it->head = it->people->head;
	return r;
}

static int
parse_policy(struct item *it, struct bytes payload, struct refusal *ret_why)
{
	int r = policy_parse(payload, &it->policy, ret_why);

	if (r == 0)
		it->head = it->policy->head;
	return r;
}

static int
parse_device(struct item *it, struct bytes payload, struct refusal *ret_why)
{
	int r = device_entry_parse(payload, &it->device, ret_why);

	if (r == 0)
		it->head = it->device->head;
	return r;
}

static int
parse_timestamp(struct item *it, struct bytes payload,
    struct refusal *ret_why)
{
	int r = timestamp_parse(payload, &it->timestamp, ret_why);

	if (r == 0)
		it->head = it->timestamp->head;
	return r;
}

static int (*const parsers[TRUST_FILES])(struct item *it,
    struct bytes payload, struct refusal *ret_why) = {
	[TRUST_ROOT] = parse_root,
	[TRUST_PEOPLE] = parse_people,
	[TRUST_POLICY] = parse_policy,
	[TRUST_DEVICE] = parse_device,
	[TRUST_TIMESTAMP] = parse_timestamp
};

/* A new item of an envelope whose signatures have been looked at. */
static int
item_new(enum trust_file file, const struct envelope *e,
    const struct sha256 *digest, struct item **ret_it,
    struct refusal *ret_why)
{
	struct item *it = calloc(1, sizeof(*it));
	int r;

	if (it == NULL)
		return refusal_field(ret_why, ERR_NOMEM, "", "trust file");
	it->digest = *digest;
	if ((r = copy_envelope(it, e)) != 0) {
		refusal_field(ret_why, r, "", "trust file");
		goto out;
	}
	if ((r = parsers[file](it, it->envelope.payload, ret_why)) != 0)
		goto out;
	*ret_it = it;
	it = NULL;
out:
	item_free(it);
	return r;
}

/* ---- judging ---- */

/* A file on its way into the set, and what is known of it. */
struct candidate {
	const struct trust *t;
	const struct envelope *e;
	enum trust_file file;
	struct sha256 digest;
	struct item *item;	/* once verified and parsed */
	bool conflict;		/* refused, and worse than that */
};

static const struct item *
held(const struct candidate *c)
{
	return c->t->items[c->file];
}

/* The first root: the pin says which it is, and it signs itself. */
static int
verify_first_root(struct candidate *c, struct refusal *ret_why)
{
	int r;

	if (!sha256_equal(&c->digest, &c->t->pin.root))
		return refusal_set(ret_why, ERR_KEY, "not_pinned",
		    "not the root that the pin names");
	r = item_new(c->file, c->e, &c->digest, &c->item, ret_why);
	if (r != 0)
		return r;
	return check_signers(&c->item->root->roles[TRUST_ROOT], c->e,
	    ret_why);
}

/*
 * A later root is signed by the thresholds of the one held and of its own. One
 * of the version held, too, by those of the one before: then it is a conflict.
 */
static int
verify_next_root(struct candidate *c, struct refusal *ret_why)
{
	const struct item *before = c->t->root_before;
	const struct root *now = held(c)->root;
	int by_now, by_before = ERR_SIGNATURE, r;

	by_now = check_signers(&now->roles[TRUST_ROOT], c->e, ret_why);
	if (by_now == ERR_NOMEM)
		return by_now;
	if (by_now != 0 && before != NULL)
		by_before = check_signers(&before->root->roles[TRUST_ROOT],
		    c->e, ret_why);
	if (by_now != 0 && by_before != 0)
		return by_before == ERR_NOMEM ? by_before : by_now;
	r = item_new(c->file, c->e, &c->digest, &c->item, ret_why);
	if (r != 0)
		return r;
	if (by_now != 0 && c->item->head.version != now->head.version)
		return refusal_field(ret_why, by_now, "signatures",
		    "not signed under the root that is held");
	return check_signers(&c->item->root->roles[TRUST_ROOT], c->e,
	    ret_why);
}

static int
verify_file(struct candidate *c, struct refusal *ret_why)
{
	const struct item *root = c->t->items[TRUST_ROOT];
	int r;

	if (root == NULL)
		return refusal_set(ret_why, ERR_STATE, "no_root",
		    "there is no root yet to verify it");
	r = check_signers(&root->root->roles[c->file], c->e, ret_why);
	if (r != 0)
		return r;
	return item_new(c->file, c->e, &c->digest, &c->item, ret_why);
}

static int
verify(struct candidate *c, struct refusal *ret_why)
{
	if (c->file != TRUST_ROOT)
		return verify_file(c, ret_why);
	if (held(c) == NULL)
		return verify_first_root(c, ret_why);
	return verify_next_root(c, ret_why);
}

static int
check_target(const struct candidate *c, struct refusal *ret_why)
{
	const struct device_entry *d = c->item->device;

	if (!bytes_is(c->item->head.org, c->t->pin.org))
		return refusal_field(ret_why, ERR_ORG, "org",
		    "the file is another org's");
	if (d != NULL && !bytes_is(d->device, c->t->device))
		return refusal_field(ret_why, ERR_DEVICE, "device",
		    "the entry is another device's");
	return 0;
}

static int
check_version(struct candidate *c, struct refusal *ret_why)
{
	int64_t version = c->item->head.version;
	const struct item *h = held(c);

	if (h != NULL && version == h->head.version) {
		c->conflict = c->file != TRUST_TIMESTAMP;
		return refusal_set(ret_why, ERR_CONFLICT, "conflict",
		    "version: held already, with other bytes");
	}
	if (c->file == TRUST_ROOT && h != NULL &&
	    version > h->head.version + 1)
		return refusal_set(ret_why, ERR_VERSION, "version_skipped",
		    "version: the root after the one held comes first");
	/* The pinned root is what it is; a later one makes up for it. */
	if ((c->file != TRUST_ROOT || h != NULL) &&
	    version < c->t->least[c->file])
		return refusal_field(ret_why, ERR_ROLLBACK, "version",
		    "older than one already seen or demanded");
	return 0;
}

/* All that does not depend on the time. The item is the caller's to free. */
static int
judge(struct candidate *c, struct refusal *ret_why)
{
	int r;

	if ((r = verify(c, ret_why)) != 0)
		return r;
	if ((r = check_target(c, ret_why)) != 0)
		return r;
	return check_version(c, ret_why);
}

/* Finds out which file it is; the candidate then has its digest. */
static int
begin(const struct trust *t, const struct envelope *e, struct candidate *c,
    struct refusal *ret_why)
{
	memset(c, 0, sizeof(*c));
	c->t = t;
	c->e = e;
	if (trust_file_of(e->type, &c->file) != 0)
		return refusal_field(ret_why, ERR_VERSION, "payloadType",
		    "no trust file of a version known here");
	if (e->payload.n > CAP_TRUST || e->n_sigs > ENVELOPE_MAX_SIGS)
		return refusal_field(ret_why, ERR_TOO_LARGE, "",
		    "more than 4 MiB, or more than 16 signatures");
	digest_pae(e->type, e->payload, &c->digest);
	return 0;
}

static int
check_time(const struct candidate *c, int64_t now, struct refusal *ret_why)
{
	const struct trust_head *h = &c->item->head;

	if (h->issued > now + CAP_CLOCK_SKEW)
		return refusal_field(ret_why, ERR_FUTURE, "issued",
		    "more than 300 s ahead of the clock");
	/* An expired root may be a step on the way to a later one. */
	if (c->file != TRUST_ROOT && now >= h->expires)
		return refusal_field(ret_why, ERR_EXPIRED, "expires",
		    "has passed");
	return 0;
}

static bool
is_held(const struct candidate *c)
{
	return held(c) != NULL && sha256_equal(&held(c)->digest, &c->digest);
}

/* What is known of a verified file, into the outcome. */
static void
tell(struct trust_outcome *o, const struct trust_head *h)
{
	o->verified = true;
	o->version = h->version;
	o->issued = h->issued;
	o->expires = h->expires;
}

int
trust_offer(const struct trust *t, const struct envelope *e, int64_t now,
    struct trust_outcome *ret)
{
	struct trust_outcome o;
	struct candidate c;
	int r;

	memset(&o, 0, sizeof(o));
	o.verdict = TRUST_REFUSE;
	if ((r = begin(t, e, &c, &o.why)) != 0)
		goto out;
	o.known_file = true;
	o.file = c.file;
	o.digest = c.digest;
	if (is_held(&c)) {
		o.verdict = TRUST_HAVE;
		tell(&o, &held(&c)->head);
		goto out;
	}
	r = judge(&c, &o.why);
	if (c.item != NULL)
		tell(&o, &c.item->head);
	if (c.conflict)
		o.verdict = TRUST_CONFLICT;
	if (r == 0)
		r = check_time(&c, now, &o.why);
	if (r == 0)
		o.verdict = TRUST_ACCEPT;
	item_free(c.item);
	if (r == ERR_NOMEM)
		return r;
out:
	*ret = o;
	return 0;
}

/* ---- installing ---- */

/* Whether a role's keys are the same set in both roots. */
static bool
same_keys(const struct root_role *a, const struct root_role *b)
{
	size_t i, j;

	for (i = 0; i < a->n_keys; i++) {
		for (j = 0; j < b->n_keys; j++) {
			if (memcmp(a->keys[i].key, b->keys[j].key,
			    ED25519_PUBLIC_SIZE) == 0)
				break;
		}
		if (j == b->n_keys)
			return false;
	}
	/* No key stands twice in a role. */
	return a->n_keys == b->n_keys;
}

/* Which of the other files a new root still stands behind. ERR_NOMEM. */
static int
find_valid(const struct trust *t, const struct root *new,
    bool ret_valid[TRUST_FILES])
{
	const struct item *it;
	size_t n;
	int i, r;

	for (i = TRUST_ROOT + 1; i < TRUST_FILES; i++) {
		ret_valid[i] = false;
		if ((it = t->items[i]) == NULL)
			continue;
		r = count_signers(&new->roles[i], &it->envelope, &n);
		if (r != 0)
			return r;
		ret_valid[i] = n >= new->roles[i].threshold &&
		    it->head.version >= new->min_version[i];
	}
	return 0;
}

/* Keeps or drops the other files and their counters under a new root. */
static int
install_root(struct trust *t, struct item *it)
{
	const struct item *old = t->items[TRUST_ROOT];
	const struct root *new = it->root;
	bool valid[TRUST_FILES];
	int i, r;

	if ((r = find_valid(t, new, valid)) != 0)
		return r;
	for (i = TRUST_ROOT + 1; i < TRUST_FILES; i++) {
		if (!valid[i]) {
			item_free(t->items[i]);
			t->items[i] = NULL;
		}
		if (old != NULL &&
		    !same_keys(&old->root->roles[i], &new->roles[i]))
			t->least[i] = new->min_version[i];
		else if (t->least[i] < new->min_version[i])
			t->least[i] = new->min_version[i];
	}
	item_free(t->root_before);
	t->root_before = t->items[TRUST_ROOT];
	t->items[TRUST_ROOT] = NULL;
	return 0;
}

int
trust_install(struct trust *t, const struct envelope *e,
    struct refusal *ret_why)
{
	struct candidate c;
	int r;

	if ((r = begin(t, e, &c, ret_why)) != 0)
		return r;
	if (is_held(&c))
		return refusal_field(ret_why, ERR_EXISTS, "",
		    "this very file is held");
	if ((r = judge(&c, ret_why)) != 0)
		goto out;
	if (c.file == TRUST_ROOT && (r = install_root(t, c.item)) != 0) {
		refusal_field(ret_why, r, "", "root");
		goto out;
	}
	item_free(t->items[c.file]);
	t->items[c.file] = c.item;
	if (c.file != TRUST_ROOT || t->least[c.file] < c.item->head.version)
		t->least[c.file] = c.item->head.version;
	if ((c.file == TRUST_PEOPLE || c.file == TRUST_POLICY) &&
	    t->clock_floor < c.item->head.issued)
		t->clock_floor = c.item->head.issued;
	c.item = NULL;
out:
	item_free(c.item);
	return r;
}

/* ---- what is held ---- */

const struct root *
trust_root(const struct trust *t)
{
	const struct item *it = t->items[TRUST_ROOT];

	return it != NULL ? it->root : NULL;
}

const struct people *
trust_people(const struct trust *t)
{
	const struct item *it = t->items[TRUST_PEOPLE];

	return it != NULL ? it->people : NULL;
}

const struct policy *
trust_policy(const struct trust *t)
{
	const struct item *it = t->items[TRUST_POLICY];

	return it != NULL ? it->policy : NULL;
}

const struct device_entry *
trust_device(const struct trust *t)
{
	const struct item *it = t->items[TRUST_DEVICE];

	return it != NULL ? it->device : NULL;
}

const struct timestamp *
trust_timestamp(const struct trust *t)
{
	const struct item *it = t->items[TRUST_TIMESTAMP];

	return it != NULL ? it->timestamp : NULL;
}

bool
trust_held(const struct trust *t, enum trust_file file,
    struct trust_held *ret_h)
{
	const struct item *it = t->items[file];

	if (it == NULL)
		return false;
	ret_h->envelope = it->envelope;
	ret_h->digest = it->digest;
	ret_h->head = it->head;
	return true;
}

struct bytes
trust_org(const struct trust *t)
{
	return bytes_str(t->pin.org);
}

int64_t
trust_least(const struct trust *t, enum trust_file file)
{
	return t->least[file];
}

void
trust_raise(struct trust *t, enum trust_file file, int64_t version)
{
	if (t->least[file] < version)
		t->least[file] = version;
}

void
trust_raise_clock_floor(struct trust *t, int64_t floor)
{
	if (t->clock_floor < floor)
		t->clock_floor = floor;
}

int64_t
trust_clock_floor(const struct trust *t)
{
	return t->clock_floor;
}

/* ---- what it permits ---- */

static const char *
why_blocked(const struct trust *t, int64_t now)
{
	static const struct {
		enum trust_file file;
		const char *absent;
		const char *expired;
	} files[] = {
		{ TRUST_ROOT, "no_root", "root_expired" },
		{ TRUST_PEOPLE, "no_people", "people_expired" },
		{ TRUST_POLICY, "no_policy", "policy_expired" },
		{ TRUST_DEVICE, "device_not_listed", "device_expired" }
	};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct item *it = t->items[files[i].file];

		if (it == NULL)
			return files[i].absent;
		if (files[i].file == TRUST_ROOT &&
		    it->head.version < t->least[TRUST_ROOT])
			return "root_too_old";
		if (now >= it->head.expires)
			return files[i].expired;
		if (files[i].file == TRUST_POLICY &&
		    t->items[TRUST_PEOPLE]->head.version <
		    it->policy->min_people)
			return "people_too_old";
	}
	return NULL;
}

static const char *
why_auto_stopped(const struct trust *t, int64_t now)
{
	const struct item *it = t->items[TRUST_TIMESTAMP], *named;
	int i;

	if (it == NULL)
		return "no_timestamp";
	if (now >= it->head.expires)
		return "timestamp_expired";
	for (i = TRUST_ROOT; i <= TRUST_POLICY; i++) {
		int64_t version = it->timestamp->version[i];

		named = t->items[i];
		if (named == NULL || named->head.version < version)
			return "timestamp_newer";
		if (named->head.version == version && !sha256_equal(
		    &named->digest, &it->timestamp->digest[i]))
			return "timestamp_differs";
	}
	return NULL;
}

void
trust_status(const struct trust *t, int64_t now,
    struct trust_status *ret_s)
{
	ret_s->blocked = why_blocked(t, now);
	ret_s->auto_stopped = why_auto_stopped(t, now);
}
