/*
 * ledger.c - what devices report, folded into the store.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/ledger.h"

#include "common/envelope.h"
#include "common/record.h"
#include "console/alarms.h"
#include "console/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Each needs a console that was put back, and records that are too old. */
#define GAPS_MAX 64
/* What a record costs in the store besides its payload. */
#define RECORD_OVERHEAD 64

/* ---- enrolment ---- */

/* The device of that key, made if it is new. NULL, or a word why not. */
static int
take_device(struct store *s, const struct wire_enrol *m,
    const struct store_token *t, int64_t now, const char **ret_reason,
    struct store_device *ret_d)
{
	struct store_device d;
	int err;

	memset(&d, 0, sizeof(d));
	deviceid_make(m->key, d.id);
	err = store_device_find(s, d.id, ret_d);
	if (err == 0) {
		*ret_reason = strcmp(ret_d->org, t->org) == 0 ? NULL :
		    "already_enrolled";
		return 0;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	memcpy(d.org, t->org, sizeof(d.org));
	memcpy(d.key, m->key, sizeof(d.key));
	d.enrolled = now;
	if ((err = store_device_add(s, &d)) != 0)
		return err;
	*ret_d = d;
	*ret_reason = NULL;
	return 0;
}

int
ledger_enrol(struct store *s, const struct wire_enrol *m, int64_t now,
    const char **ret_reason, struct store_device *ret_d)
{
	char id[DEVICEID_SIZE];
	struct store_token t;
	struct sha256 secret;
	int err;

	deviceid_make(m->key, id);
	if (!bytes_is(m->device, id)) {
		*ret_reason = "bad_key";
		return 0;
	}
	digest_sha256(m->secret, &secret);
	err = store_token_find(s, &secret, &t);
	if (err != 0) {
		*ret_reason = "unknown_token";
		return err == ERR_NOT_FOUND ? 0 : err;
	}
	if (t.used && memcmp(t.key, m->key, sizeof(t.key)) != 0) {
		*ret_reason = "token_used";
		return 0;
	}
	if (!t.used && now >= t.expires) {
		*ret_reason = "token_expired";
		return 0;
	}
	err = take_device(s, m, &t, now, ret_reason, ret_d);
	if (err != 0 || *ret_reason != NULL || t.used)
		return err;
	return store_token_use(s, &secret, m->key);
}

/* ---- records ---- */

int
ledger_check(const struct store_device *d, struct bytes records)
{
	uint64_t next = d->next;
	struct wire_record r;
	int more;

	while ((more = wire_next_record(&records, &r)) == 1) {
		if (r.payload.n == 0 || (r.index > next && d->branch == 0))
			return ERR_PROTOCOL;
		if (r.index == next)
			next++;
	}
	return more;
}

int
ledger_begin(struct ledger *l, struct fold *f, struct store_device *d,
    int64_t now)
{
	int err;

	l->fold = f;
	l->d = d;
	l->now = now;
	if ((err = fold_begin(f, d->id)) != 0)
		return err;
	return tree_open(&l->tree, fold_store(f), d);
}

/* What we have at an index that the device sent once more. */
struct old_record {
	struct bytes payload;
	bool same;
	struct sha256 ours;
};

static int
compare_old(void *ctx, const struct store_record *r)
{
	struct old_record *o = ctx;

	o->same = bytes_equal(o->payload, r->payload);
	merkle_leaf(r->payload, &o->ours);
	return 0;
}

/* A record that does not go on where ours end. */
static int
keep_aside(struct ledger *l, uint64_t index, struct bytes payload,
    struct ledger_effects *e)
{
	struct store *s = fold_store(l->fold);
	struct old_record o = { payload, false, { { 0 } } };
	struct alarm_case c;
	struct sha256 leaf;
	int err;

	if (index < l->d->next && (err = store_record_each(s, l->d->n, index,
	    1, compare_old, &o)) != 0)
		return err;
	if (o.same)
		return 0;
	merkle_leaf(payload, &leaf);
	if (l->d->branch == 0) {
		alarm_case_hashes(&c, ALARM_FORK, index, &o.ours, &leaf);
		c.text = "it sent another record than before at one index: "
		    "its journal was forked";
		c.proof = payload;
		if ((err = alarm_raise(s, l->d, &c, l->now, &e->alarm)) != 0)
			return err;
	}
	return alarm_keep(s, l->d, index, &leaf, payload);
}

/* Keeps the record itself; *ret_doc is NULL for one that cannot be read. */
static int
add_record(struct ledger *l, uint64_t index, struct bytes payload,
    struct record_doc **ret_doc, struct ledger_effects *e)
{
	struct store *s = fold_store(l->fold);
	struct record_doc *doc = NULL;
	const struct record *rec;
	struct store_record row;
	struct sha256 leaf;
	int err;

	err = record_parse(payload, &doc);
	if (err == ERR_NOMEM)
		return err;
	memset(&row, 0, sizeof(row));
	row.index = index;
	row.payload = payload;
	if (err == 0) {
		rec = record_of(doc);
		row.has_card = rec->has[RF_CARD];
		row.card = rec->card;
		if (rec->kind == RECORD_STATE)
			err = store_segment_add(s, l->d->n, index);
	} else {
		err = alarm_note(s, l->d, "it sent a record that this console "
		    "cannot read: update the console", l->now, &e->alarm);
	}
	merkle_leaf(payload, &leaf);
	if (err == 0 && (err = store_record_add(s, l->d->n, &row)) == 0)
		err = tree_add(&l->tree, &leaf);
	if (err != 0) {
		record_free(doc);
		return err;
	}
	*ret_doc = doc;
	return 0;
}

int
ledger_record(struct ledger *l, uint64_t index, struct bytes payload,
    struct ledger_effects *ret_e)
{
	struct record_doc *doc = NULL;
	int err;

	if (index < l->d->next || l->d->branch != 0)
		return keep_aside(l, index, payload, ret_e);
	if ((err = add_record(l, index, payload, &doc, ret_e)) != 0)
		return err;
	if (doc != NULL)
		err = fold_record(l->fold, l->d, index, record_of(doc), l->now,
		    ret_e);
	record_free(doc);
	if (err != 0)
		return err;
	l->d->next = index + 1;
	l->d->bytes += (int64_t)payload.n + RECORD_OVERHEAD;
	return 0;
}

/* ---- records that we never had ---- */

struct gaps {
	unsigned n;
	uint64_t end;		/* of the last one */
};

static int
count_gap(void *ctx, const struct store_gap *g)
{
	struct gaps *all = ctx;

	all->n++;
	all->end = g->until;
	return 0;
}

int
ledger_check_leaves(struct store *s, const struct store_device *d,
    const struct wire_leaves *m)
{
	struct gaps all = { 0, 0 };
	int err;

	if (d->branch != 0 || (m->first == d->next && m->until == d->next))
		return 0;
	if (m->first != d->next || m->hashes.n == 0)
		return ERR_PROTOCOL;
	err = store_gap_each(s, d->n, count_gap, &all);
	if (err == 0 && all.n >= GAPS_MAX && m->first > all.end)
		err = ERR_DENIED;
	return err;
}

/* Nobody here will ever know what those records said. */
static int
raise_missing(struct ledger *l, const struct wire_leaves *m,
    struct ledger_effects *e)
{
	struct alarm_case c;
	char text[STORE_TEXT_SIZE];

	alarm_case_sizes(&c, ALARM_MISSING, m->first, m->first, m->until);
	(void)snprintf(text, sizeof(text), "its records %" PRIu64 " to %"
	    PRIu64 " were never held here, and it has removed them as too "
	    "old: their hashes are kept, what they said is not known",
	    m->first, m->until - 1);
	c.text = text;
	return alarm_raise(fold_store(l->fold), l->d, &c, l->now, &e->alarm);
}

int
ledger_leaves(struct ledger *l, const struct wire_leaves *m,
    struct ledger_effects *ret_e)
{
	struct store_gap gap = { m->first, m->until };
	struct sha256 leaf;
	bool fresh;
	size_t i;
	int err;

	if (l->d->branch != 0 || m->hashes.n == 0)
		return 0;
	err = store_gap_add(fold_store(l->fold), l->d->n, &gap, &fresh);
	if (err == 0 && fresh)
		err = raise_missing(l, m, ret_e);
	for (i = 0; err == 0 && i < m->hashes.n; i += SHA256_SIZE) {
		memcpy(leaf.b, m->hashes.p + i, SHA256_SIZE);
		if ((err = tree_add(&l->tree, &leaf)) == 0) {
			l->d->next++;
			l->d->bytes += SHA256_SIZE;
		}
	}
	fold_anew(l->fold);
	return err;
}

/* ---- blobs ---- */

int
ledger_blob(struct store *s, struct store_device *d,
    const struct sha256 *hash, struct bytes content)
{
	static const enum payload_type types[] = {
		PAYLOAD_CARD, PAYLOAD_POLICY, PAYLOAD_PEOPLE, PAYLOAD_DEVICE,
		PAYLOAD_TIMESTAMP, PAYLOAD_ROOT, PAYLOAD_EPOCH
	};
	struct sha256 h;
	bool fresh, named = false;
	size_t i;
	int err;

	/* Nearly all are cards. */
	for (i = 0; i < sizeof(types) / sizeof(types[0]) && !named; i++) {
		digest_pae(envelope_type_text(types[i]), content, &h);
		named = sha256_equal(&h, hash);
	}
	/* A snapshot of state goes by its plain hash. */
	if (!named)
		digest_sha256(content, &h);
	if (!named && !sha256_equal(&h, hash))
		return ERR_SIGNATURE;
	err = store_blob_add(s, d->n, hash, content, &fresh);
	if (err == 0 && fresh)
		d->bytes += (int64_t)content.n;
	return err;
}

/* ---- checkpoints ---- */

/*
 * A checkpoint of records that we have: its root is our tree's, or the device
 * told us other records than it signed for. Where they part is known no
 * closer than from the last checkpoint that fitted. ERR_CONFLICT, and an
 * alarm.
 */
static int
compare_root(struct store *s, struct store_device *d, uint64_t size,
    const struct sha256 *root, struct bytes note, int64_t now,
    struct ledger_effects *e)
{
	struct alarm_case c;
	struct sha256 ours;
	int err;

	if ((err = tree_root(s, d->n, size, &ours)) != 0)
		return err;
	if (sha256_equal(&ours, root))
		return 0;
	alarm_case_hashes(&c, ALARM_FORK, size < d->note_checked ? size :
	    d->note_checked, &ours, root);
	c.text = "it signed for other records than it sent here: its journal "
	    "was forked";
	c.proof = note;
	err = alarm_raise(s, d, &c, now, &e->alarm);
	return err != 0 ? err : ERR_CONFLICT;
}

/* Two roots that it signed for one size. ERR_CONFLICT, and an alarm. */
static int
compare_signed(struct store *s, struct store_device *d,
    const struct sha256 *root, struct bytes note, int64_t now,
    struct ledger_effects *e)
{
	struct alarm_case c;
	struct sha256 ours;
	uint64_t size;
	int err;

	err = store_checkpoint_get(s, d->n, &size, &ours, NULL);
	if (err != 0 || sha256_equal(&ours, root))
		return err == ERR_NOT_FOUND ? 0 : err;
	alarm_case_hashes(&c, ALARM_FORK, d->note_checked, &ours, root);
	c.text = "it signed two roots for one number of records: its journal "
	    "was forked";
	c.proof = note;
	err = alarm_raise(s, d, &c, now, &e->alarm);
	return err != 0 ? err : ERR_CONFLICT;
}

static int
raise_smaller(struct store *s, struct store_device *d, uint64_t size,
    struct bytes note, int64_t now, struct ledger_effects *e)
{
	struct alarm_case c;
	int err;

	alarm_case_sizes(&c, ALARM_ROLLBACK, size, d->note_size, size);
	c.text = "it signed a smaller checkpoint than before: its journal was "
	    "rolled back";
	c.proof = note;
	err = alarm_raise(s, d, &c, now, &e->alarm);
	return err != 0 ? err : ERR_CONFLICT;
}

int
ledger_doubt(struct store *s, struct store_device *d, uint64_t size,
    const struct sha256 *root, struct bytes note, bool newest, int64_t now,
    struct ledger_effects *ret_e)
{
	int err = 0;

	if (size <= d->tree)
		err = compare_root(s, d, size, root, note, now, ret_e);
	if (err == 0 && size == d->note_size)
		err = compare_signed(s, d, root, note, now, ret_e);
	if (err == 0 && newest && size < d->note_size)
		err = raise_smaller(s, d, size, note, now, ret_e);
	return err == ERR_CONFLICT ? 0 : err;
}

static int
note_checked(struct store *s, struct store_device *d, uint64_t size)
{
	d->note_checked = size;
	return store_checkpoint_checked(s, d->n, size);
}

/*
 * It signs for more and more, and the records of what it signed before have
 * not come: a device sends them first.
 */
static int
note_withheld(struct store *s, struct store_device *d, int64_t now,
    struct ledger_effects *e)
{
	char text[STORE_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "it signed for %" PRIu64 " records"
	    " and more, and sent only %" PRIu64 ": it withholds some",
	    d->note_size, d->tree);
	return alarm_note(s, d, text, now, &e->alarm);
}

int
ledger_checkpoint(struct store *s, struct store_device *d, uint64_t size,
    const struct sha256 *root, struct bytes note, int64_t now,
    struct ledger_effects *ret_e)
{
	int err;

	if (size <= d->tree && (err = compare_root(s, d, size, root, note,
	    now, ret_e)) != 0)
		return err;
	if (size < d->note_size)
		return raise_smaller(s, d, size, note, now, ret_e);
	if (size > d->note_size && d->note_size > d->tree &&
	    (err = note_withheld(s, d, now, ret_e)) != 0)
		return err;
	d->note_size = size;
	err = store_checkpoint_set(s, d->n, size, root, note);
	return err == 0 && size <= d->tree ? note_checked(s, d, size) : err;
}

int
ledger_end(struct ledger *l, struct ledger_effects *ret_e)
{
	struct store *s = fold_store(l->fold);
	struct store_device *d = l->d;
	struct sha256 root;
	struct buf note;
	uint64_t size;
	int err;

	if ((err = tree_flush(&l->tree)) != 0 ||
	    (err = fold_end(l->fold)) != 0)
		return err;
	d->tree = l->tree.size;
	d->seen = l->now;
	if (d->note_size > d->note_checked && d->note_size <= d->tree &&
	    d->branch == 0) {
		buf_init(&note, WIRE_NOTE_CAP);
		err = store_checkpoint_get(s, d->n, &size, &root, &note);
		if (err == 0)
			err = compare_root(s, d, size, &root,
			    buf_bytes(&note), l->now, ret_e);
		buf_free(&note);
		if (err == 0)
			err = note_checked(s, d, size);
		else if (err == ERR_CONFLICT)
			err = 0;
	}
	return err != 0 ? err : store_device_update(s, d);
}

int
ledger_hello(struct store *s, struct store_device *d, uint64_t next,
    int64_t now, struct ledger_effects *ret_e)
{
	struct alarm_case c;

	if (next < d->note_size) {
		alarm_case_sizes(&c, ALARM_ROLLBACK, next, d->note_size, next);
		c.text = "its journal is shorter than a checkpoint that it "
		    "signed: its disk was rolled back or replaced";
	} else if (next < d->next) {
		alarm_case_sizes(&c, ALARM_CUT, next, d->next, next);
		c.text = "its journal is shorter than our copy of it: its end "
		    "was cut off, or its disk rolled back";
	} else {
		return 0;
	}
	return alarm_raise(s, d, &c, now, &ret_e->alarm);
}
