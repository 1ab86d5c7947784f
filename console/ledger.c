/*
 * ledger.c - what devices report, folded into the store.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/ledger.h"

#include "common/envelope.h"
#include "common/record.h"
#include "console/conlog.h"
#include "console/fold.h"
#include "console/notecheck.h"

#include <stdio.h>
#include <string.h>

/* What a record costs in the store besides its payload. */
#define RECORD_OVERHEAD 64

int
ledger_alarm(struct store *s, struct store_device *d, const char *text)
{
	if (d->alarm[0] != '\0')
		return 0;
	conlog_event("alarm device=%s text=\"%s\"", d->id, text);
	(void)snprintf(d->alarm, sizeof(d->alarm), "%s", text);
	return store_device_set_alarm(s, d->n, d->alarm);
}

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

static int
compare_old(void *ctx, const struct store_record *r)
{
	const struct bytes *payload = ctx;

	return bytes_equal(*payload, r->payload) ? ERR_EXISTS : ERR_CONFLICT;
}

int
ledger_record(struct fold *f, struct store_device *d, uint64_t index,
    struct bytes payload, int64_t now, struct ledger_effects *ret_e)
{
	struct store *s = fold_store(f);
	struct record_doc *doc = NULL;
	const struct record *rec = NULL;
	struct store_record row;
	int err;

	if (index > d->next || payload.n == 0)
		return ERR_PROTOCOL;
	if (index < d->next) {
		err = store_record_each(s, d->n, index, 1, compare_old,
		    &payload);
		if (err == ERR_CONFLICT)
			conlog_event("forked device=%s index=%llu", d->id,
			    (unsigned long long)index);
		return err == ERR_EXISTS ? 0 : err;
	}
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
		err = store_record_add(s, d->n, &row);
	} else if ((err = ledger_alarm(s, d, "it sent a record that this "
	    "console cannot read: update the console")) == 0) {
		err = store_record_add(s, d->n, &row);
	}
	if (err == 0 && rec != NULL)
		err = fold_record(f, d, index, rec, now, ret_e);
	if (err == 0) {
		d->next = index + 1;
		d->bytes += (int64_t)payload.n + RECORD_OVERHEAD;
	}
	record_free(doc);
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
	bool fresh;
	size_t i;
	int err;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		digest_pae(envelope_type_text(types[i]), content, &h);
		if (!sha256_equal(&h, hash))
			continue;
		err = store_blob_add(s, d->n, hash, content, &fresh);
		if (err == 0 && fresh)
			d->bytes += (int64_t)content.n;
		return err;
	}
	return ERR_SIGNATURE;
}

/* ---- checkpoints ---- */

int
ledger_checkpoint(struct store *s, const struct store_device *d,
    struct bytes note)
{
	struct buf old;
	uint64_t size, old_size = 0;
	int err;

	if ((err = notecheck(note, d->org, d->id, d->key, &size)) != 0)
		return err;
	buf_init(&old, WIRE_NOTE_CAP);
	err = store_checkpoint_get(s, d->n, &old_size, &old);
	buf_free(&old);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	if (err == 0 && size <= old_size)
		return ERR_ROLLBACK;
	return store_checkpoint_set(s, d->n, size, note);
}
