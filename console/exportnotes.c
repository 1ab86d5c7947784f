/*
 * exportnotes.c - what an export has besides the journal itself: checkpoint,
 * cosignatures, alarms and their evidence.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve, export).
 */
#include "console/exportnotes.h"

#include "common/entry.h"
#include "common/jsonw.h"
#include "console/store/cosigned.h"
#include "console/store/trees.h"
#include "console/tar.h"
#include "console/witness/newest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PROOF_MAX ((size_t)1 << 20)
/* Records of evidence in one member: at most 32 KiB each. */
#define ROWS 64

struct members {
	const struct store_device *d;
	struct buf *b;
};

/* "cosig/<key id>": the id stands in the witness's own line. */
static int
put_cosig(const struct members *m, const char *witness,
    struct bytes signed_note)
{
	char name[32], hex[9] = "";
	struct note_signature s;
	struct bytes rest;
	struct buf value;
	struct note n;

	if (note_parse(signed_note, &n) != 0)
		return 0;
	rest = n.signatures;
	buf_init(&value, NOTE_MAX);
	while (hex[0] == '\0' && note_next(&rest, &value, &s) == 1)
		if (bytes_is(s.name, witness) && s.value.n > 4)
			hex_encode(bytes_of(s.value.p, 4), hex);
	buf_free(&value);
	if (hex[0] == '\0')
		return 0;
	(void)snprintf(name, sizeof(name), "cosig/%s", hex);
	tar_put_file(m->b, name, signed_note, m->d->seen);
	return buf_error(m->b);
}

static int
put_foreign(void *ctx, const struct store_cosig *c, struct bytes note)
{
	return put_cosig(ctx, c->witness, note);
}

int
exportnotes_put(struct store *s, const struct store_device *d,
    const struct note_key *self, struct buf *b)
{
	char origin[STORE_ORG_SIZE + DEVICEID_SIZE];
	struct members m = { d, b };
	struct buf note;
	uint64_t size;
	int err;

	buf_init(&note, NOTE_MAX);
	err = newest_note(s, d->n, &size, &note);
	if (err == 0)
		tar_put_file(b, "checkpoint", buf_bytes(&note), d->seen);
	buf_clear(&note);
	(void)snprintf(origin, sizeof(origin), "%s/%s", d->org, d->id);
	if (err == 0 || err == ERR_NOT_FOUND)
		err = store_log_note(s, origin, &note);
	if (err == 0)
		err = put_cosig(&m, self->name, buf_bytes(&note));
	buf_free(&note);
	if (err == 0 || err == ERR_NOT_FOUND)
		err = store_cosig_each(s, d->n, put_foreign, &m);
	return err != 0 ? err : buf_error(b);
}

/* ---- alarms ---- */

static void
put_text(struct jsonw *w, const char *key, const char *text)
{
	if (text[0] != '\0')
		jsonw_cstr(w, key, text);
	else
		jsonw_null(w, key);
}

static int
put_alarm(struct store *s, const struct store_alarm *a,
    const struct members *m)
{
	struct buf json, proof;
	char name[64];
	struct jsonw w;
	int err;

	buf_init(&json, 2 * PROOF_MAX);
	buf_init(&proof, PROOF_MAX);
	err = store_alarm_proof(s, a->n, &proof);
	jsonw_init(&w, &json);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "device", a->device_id);
	jsonw_cstr(&w, "kind", a->kind);
	jsonw_int(&w, "first", (int64_t)a->first);
	put_text(&w, "ours", a->ours);
	put_text(&w, "theirs", a->theirs);
	jsonw_cstr(&w, "text", a->text);
	jsonw_time(&w, "time", a->time);
	if (a->acknowledged > 0) {
		jsonw_time(&w, "acknowledged", a->acknowledged);
		jsonw_cstr(&w, "by", a->acknowledged_by);
		jsonw_cstr(&w, "reason", a->reason);
	}
	jsonw_b64(&w, "proof", buf_bytes(&proof));
	jsonw_obj_end(&w);
	buf_put_u8(&json, '\n');
	if (err == 0 && (err = buf_error(&json)) == 0) {
		(void)snprintf(name, sizeof(name), "evidence/alarm-%" PRId64
		    ".json", a->n);
		tar_put_file(m->b, name, buf_bytes(&json), m->d->seen);
	}
	buf_free(&proof);
	buf_free(&json);
	return err;
}

struct search {
	int64_t after;
	struct store_alarm found;
};

static int
find_next(void *ctx, const struct store_alarm *a)
{
	struct search *f = ctx;

	if (a->n <= f->after)
		return 0;
	f->found = *a;
	return ERR_EXISTS;
}

static int
put_entry(void *ctx, const struct store_record *r)
{
	entry_write(ctx, r->index, r->payload);
	return 0;
}

/* Some records that contradict ours. ERR_NOT_FOUND: all were written. */
static int
put_records(struct store *s, struct exportnotes_alarms *at,
    const struct members *m)
{
	struct buf entries;
	char name[64];
	int err;

	buf_init(&entries, ROWS * (size_t)ENTRY_MAX);
	err = store_evidence_each(s, at->n, at->records, ROWS, put_entry,
	    &entries);
	if (err == 0 && entries.n == 0)
		err = ERR_NOT_FOUND;
	if (err == 0 && (err = buf_error(&entries)) == 0) {
		(void)snprintf(name, sizeof(name), "evidence/alarm-%" PRId64
		    "/%016" PRIx64 ".seg", at->n, (uint64_t)at->records);
		tar_put_file(m->b, name, buf_bytes(&entries), m->d->seen);
		at->records += ROWS;
	}
	buf_free(&entries);
	return err;
}

int
exportnotes_alarm(struct store *s, const struct store_device *d,
    struct exportnotes_alarms *at, struct buf *b)
{
	struct members m = { d, b };
	struct search f;
	int err;

	if (at->inside) {
		err = put_records(s, at, &m);
		if (err != ERR_NOT_FOUND)
			return err;
		at->inside = false;
	}
	memset(&f, 0, sizeof(f));
	f.after = at->n;
	err = store_alarm_each(s, d->n, find_next, &f);
	if (err != ERR_EXISTS)
		return err != 0 ? err : ERR_NOT_FOUND;
	at->n = f.found.n;
	at->inside = true;
	at->records = 0;
	return put_alarm(s, &f.found, &m);
}
