/*
 * fold.c - a device's records, folded into what the store says of it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/fold.h"

#include "common/card.h"
#include "common/envelope.h"
#include "common/link.h"
#include "console/alarms.h"
#include "console/resume.h"
#include "console/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fold {
	struct store *store;
	struct queue *queue;	/* NULL until it is needed */
	size_t folded;		/* records since it was read */
	int64_t now;		/* of the record that is being folded */
	struct ledger_effects *effects;
	struct rows rows;	/* of the message that is being folded */
	bool waits;		/* something may wait for it in the outbox */
	bool broken;		/* a record made no sense: cards stand still */
};

static int
note_alarm(struct fold *f, struct store_device *d, const char *text)
{
	return alarm_note(f->store, d, text, f->now, &f->effects->alarm);
}

/* ---- from the store ---- */

/* Records of open cards, to be folded in the order of their indexes. */
struct replay {
	struct store *store;
	int64_t device;
	uint64_t from, until;		/* from that index, before that one */
	struct store_record *rows;	/* payloads are copies */
	size_t n, size;
};

static void
free_replay(struct replay *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free((void *)(uintptr_t)r->rows[i].payload.p);
	free(r->rows);
}

static int
keep_row(void *ctx, const struct store_record *row)
{
	struct store_record *rows;
	struct replay *r = ctx;
	uint8_t *copy;
	size_t size;

	if (row->index >= r->until)
		return 0;
	if (r->n == r->size) {
		size = r->size == 0 ? 64 : 2 * r->size;
		rows = realloc(r->rows, size * sizeof(*rows));
		if (rows == NULL)
			return ERR_NOMEM;
		r->rows = rows;
		r->size = size;
	}
	if (bytes_dup(row->payload, &copy) != 0)
		return ERR_NOMEM;
	r->rows[r->n] = *row;
	r->rows[r->n++].payload = bytes_of(copy, row->payload.n);
	return 0;
}

static int
keep_card(void *ctx, const struct sha256 *card)
{
	struct replay *r = ctx;

	if (r->n > FOLD_LOAD_MAX)
		return ERR_TOO_LARGE;
	return store_record_each_of_card(r->store, r->device, card, r->from,
	    FOLD_RECORDS_MAX, keep_row, r);
}

static int
by_index(const void *a, const void *b)
{
	const struct store_record *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static int
fold_rows(struct queue *q, const struct replay *r)
{
	struct record_doc *doc = NULL;
	size_t i;
	int err = 0;

	for (i = 0; i < r->n && err == 0; i++) {
		err = record_read(r->rows[i].payload, &doc);
		if (err == 0)
			err = queue_fold(q, r->rows[i].index, record_of(doc));
		else if (err != ERR_NOMEM)
			err = 0;	/* it was noted when it came */
	}
	record_free(doc);
	return err;
}

/* The cards of a device that are open, as their rows say. */
static int
each_open(struct store *s, const char *device, store_digest_fn *fn, void *ctx)
{
	static const char *const open[] = { "pending", "approved", "running" };
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(open) / sizeof(open[0]) && err == 0; i++)
		err = store_card_each_in(s, device, open[i], fn, ctx);
	return err;
}

static int
load_open(struct replay *r, const char *device)
{
	int err = each_open(r->store, device, keep_card, r);

	if (err == 0 && r->n > 0)
		qsort(r->rows, r->n, sizeof(r->rows[0]), by_index);
	return err;
}

int
fold_open(struct store *s, struct fold **ret_f)
{
	struct fold *f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return ERR_NOMEM;
	f->store = s;
	rows_init(&f->rows, s);
	*ret_f = f;
	return 0;
}

int
fold_begin(struct fold *f, const char *device)
{
	int64_t n = 0;
	int err;

	err = store_out_count(f->store, device, &n);
	f->waits = n > 0;
	return err;
}

int
fold_end(struct fold *f)
{
	return rows_flush(&f->rows);
}

/*
 * The open cards of the device as they were before that record, if they have
 * not been read, or long ago. What is wrong with them was an alarm when it
 * came, or is one now.
 */
static int
load(struct fold *f, struct store_device *d, uint64_t index)
{
	struct replay r = { f->store, d->n, 0, index, NULL, 0, 0 };
	struct queue *q = NULL;
	int err;

	if (f->queue != NULL && ++f->folded < FOLD_ANEW)
		return 0;
	if ((err = rows_flush(&f->rows)) != 0)
		return err;
	if ((err = resume_queue(f->store, d->n, &r.from, &q)) == 0 &&
	    (err = load_open(&r, d->id)) == 0)
		err = fold_rows(q, &r);
	free_replay(&r);
	if (err == ERR_TOO_LARGE || err == ERR_CORRUPT) {
		f->broken = true;
		err = err == ERR_CORRUPT ? 0 : note_alarm(f, d,
		    "too much is open there: its cards stand still");
	}
	if (err != 0) {
		queue_free(q);
		return err;
	}
	queue_free(f->queue);
	f->queue = q;
	f->folded = 0;
	return 0;
}

void
fold_anew(struct fold *f)
{
	queue_free(f->queue);
	f->queue = NULL;
	f->broken = false;
}

void
fold_close(struct fold *f)
{
	if (f == NULL)
		return;
	rows_clear(&f->rows);
	queue_free(f->queue);
	free(f);
}

struct store *
fold_store(const struct fold *f)
{
	return f->store;
}

int
fold_card(struct store *s, int64_t device, const struct sha256 *card,
    struct queue **ret_q, const struct queue_item **ret_item)
{
	struct replay r = { s, device, 0, UINT64_MAX, NULL, 0, 0 };
	struct queue *q = NULL;
	int err;

	err = resume_queue(s, device, &r.from, &q);
	/* Not among the cards of then: its records are all before or after. */
	if (err == 0 && r.from > 0 && queue_find(q, card) == NULL) {
		queue_free(q);
		q = NULL;
		r.from = 0;
		err = queue_new(&q);
	}
	if (err == 0)
		err = keep_card(&r, card);
	if (err == 0 && r.n == FOLD_RECORDS_MAX)
		err = ERR_TOO_LARGE;
	if (err == 0)
		err = fold_rows(q, &r);
	free_replay(&r);
	if (err != 0) {
		queue_free(q);
		return err;
	}
	*ret_q = q;
	*ret_item = queue_find(q, card);
	return 0;
}

/* ---- trust, lockdown, identity ---- */

static void
copy_word(struct bytes word, char *dst, size_t size)
{
	size_t n = word.n < size ? word.n : size - 1;

	if (n > 0)
		memcpy(dst, word.p, n);
	dst[n] = '\0';
}

static int
fold_genesis(struct fold *f, struct store_device *d, const struct record *rec)
{
	if (bytes_is(rec->org, d->org) && bytes_is(rec->device, d->id) &&
	    bytes_equal(rec->device_key, bytes_of(d->key, sizeof(d->key))))
		return 0;
	return note_alarm(f, d, "its journal began as another "
	    "device's or for another org: it has to be enrolled again");
}

/* A new root may make good what was refused under the old one. */
static int
forget_refusals(struct store *s, int64_t device)
{
	static const char *const files[] = {
		"people", "policy", "device", "timestamp"
	};
	struct store_installed i;
	size_t n;
	int err = 0;

	for (n = 0; n < sizeof(files) / sizeof(files[0]) && err == 0; n++) {
		err = store_installed_find(s, device, files[n], &i);
		if (err == 0 && i.has_refused) {
			i.has_refused = false;
			err = store_installed_set(s, device, files[n], &i);
		}
	}
	return err;
}

static int
fold_trust(struct fold *f, const struct store_device *d,
    const struct record *rec, struct ledger_effects *e)
{
	char file[STORE_WORD_SIZE];
	struct store_installed i;
	int err;

	copy_word(rec->file, file, sizeof(file));
	if (!rec->has[RF_FILE] || !rec->has[RF_DIGEST])
		return 0;
	if ((err = store_installed_find(f->store, d->n, file, &i)) != 0)
		return err;
	if (rec->kind == RECORD_TRUST) {
		i.version = rec->version;
		i.digest = rec->digest;
		i.has_refused = false;
		e->trust = true;
		e->resend = true;
	} else {
		i.has_refused = true;
		i.refused = rec->digest;
	}
	err = store_installed_set(f->store, d->n, file, &i);
	if (err == 0 && rec->kind == RECORD_TRUST &&
	    strcmp(file, "root") == 0)
		err = forget_refusals(f->store, d->n);
	return err;
}

static int
fold_lockdown(struct fold *f, struct store_device *d,
    const struct record *rec, struct ledger_effects *e)
{
	d->lockdown = rec->kind == RECORD_LOCKDOWN;
	e->resend = !d->lockdown;
	if (!d->lockdown || !bytes_is(rec->source, "tamper"))
		return 0;
	return note_alarm(f, d, "it locked itself down: somebody "
	    "tampered with it");
}

/* ---- cards ---- */

/* The envelope of a card that reached the device without this console. */
static int
write_envelope(struct bytes payload, const struct record *rec, struct buf *b)
{
	struct envelope e;
	size_t i;

	memset(&e, 0, sizeof(e));
	e.type = envelope_type_text(PAYLOAD_CARD);
	e.payload = payload;
	for (i = 0; i < rec->n_sigs && i < ENVELOPE_MAX_SIGS; i++) {
		e.sigs[i].keyid = rec->sigs[i].keyid;
		e.sigs[i].sig = rec->sigs[i].sig;
		e.n_sigs = i + 1;
	}
	envelope_write(b, &e);
	return buf_error(b);
}

/* Such a card gets its row from the blob that came before the record. */
static int
add_row(struct fold *f, const struct store_device *d,
    const struct record *rec, int64_t now, struct row *row)
{
	struct buf payload, envelope;
	struct store_card c;
	struct card *card = NULL;
	struct refusal why;
	int err;

	memset(&c, 0, sizeof(c));
	buf_init(&payload, CAP_CARD);
	buf_init(&envelope, 8 * CAP_CARD);
	err = store_blob_get(f->store, d->n, &rec->card, &payload);
	if (err == 0 && (err = card_parse(buf_bytes(&payload), &card,
	    &why)) == 0)
		err = write_envelope(buf_bytes(&payload), rec, &envelope);
	if (err == 0) {
		c.digest = rec->card;
		memcpy(c.id, card->id, sizeof(c.id));
		copy_word(card->org, c.org, sizeof(c.org));
		copy_word(card->device, c.device, sizeof(c.device));
		copy_word(card->tool, c.tool, sizeof(c.tool));
		c.submitted = now;
		c.created = card->created;
		c.expires = card->expires;
		(void)snprintf(c.state, sizeof(c.state), "undelivered");
		err = strcmp(c.device, d->id) == 0 ?
		    rows_add(row, &c, buf_bytes(&envelope)) : ERR_DEVICE;
	}
	card_free(card);
	buf_free(&envelope);
	buf_free(&payload);
	return err;
}

/* Takes what the record answers out of the outbox. */
static int
answer(struct fold *f, const char *device, const struct record *rec)
{
	enum payload_type type = PAYLOAD_APPROVAL;
	int kind = LINK_APPROVAL;
	struct sha256 digest;

	if (!f->waits)
		return 0;
	switch ((int)rec->kind) {
	case RECORD_CARD_RECEIVED:
		return store_out_answer(f->store, device, LINK_CARD,
		    &rec->card);
	case RECORD_CARD_REFUSED:
		return !rec->final ? 0 : store_out_answer(f->store, device,
		    LINK_CARD, &rec->card);
	case RECORD_CANCELLED:
	case RECORD_CANCEL_REFUSED:
		if (bytes_is(rec->by, "console"))
			return store_out_answer(f->store, device,
			    LINK_WITHDRAW, &rec->card);
		type = PAYLOAD_CANCEL;
		kind = LINK_CANCEL;
		break;
	default:
		break;
	}
	if (rec->has[RF_APPROVAL])
		digest = rec->approval;
	else if (rec->has[RF_PAYLOAD])
		digest_pae(envelope_type_text(type), rec->payload, &digest);
	else
		return 0;
	return store_out_answer(f->store, device, kind, &digest);
}

/* Nobody will say how much there was: it does not keep a place from others. */
static int
give_up_output(struct fold *f, struct row *row)
{
	struct store_output *o = &row->output;
	int err = rows_read_output(&f->rows, row);

	if (err == 0 && row->has_output && !o->ended &&
	    o->state == STORE_OUTPUT_OPEN) {
		o->state = STORE_OUTPUT_UNKNOWN;
		row->output_changed = true;
	}
	return err;
}

static int
fold_output(struct fold *f, const char *device, const struct record *rec,
    struct row *row, struct ledger_effects *e)
{
	struct store_output *o = &row->output;
	int err;

	if (rec->kind == RECORD_EXEC_INTERRUPTED) {
		e->outputs = true;
		return give_up_output(f, row);
	}
	/* From the intent on, so that the first bytes wait for nothing more. */
	if (rec->kind != RECORD_EXEC_INTENT && rec->kind != RECORD_EXEC_RESULT)
		return 0;
	if ((err = rows_read_output(&f->rows, row)) != 0)
		return err;
	if (!row->has_output) {
		memset(o, 0, sizeof(*o));
		o->card = rec->card;
		(void)snprintf(o->device, sizeof(o->device), "%s", device);
	}
	if (rec->kind == RECORD_EXEC_RESULT) {
		o->ended = true;
		o->total = rec->has[RF_TRANSCRIPT_BYTES] ?
		    (uint64_t)rec->transcript_bytes : 0;
		o->hash = rec->transcript_hash;
		if (o->total == 0)
			o->state = STORE_OUTPUT_COMPLETE;
	}
	row->has_output = row->output_changed = true;
	e->outputs = true;
	return 0;
}

static void
copy_item(const struct queue_item *item, struct store_card *row)
{
	(void)snprintf(row->state, sizeof(row->state), "%s",
	    state_word(item->state));
	(void)snprintf(row->reason, sizeof(row->reason), "%s", item->reason);
	(void)snprintf(row->proposer, sizeof(row->proposer), "%s",
	    item->proposer);
	row->has_records = true;
}

/* The queue's word on the card becomes the row's. */
static void
update_row(struct fold *f, uint64_t index, const struct record *rec,
    struct row *row)
{
	const struct queue_item *item = queue_find(f->queue, &rec->card);
	struct store_card *c = &row->card;

	if (item != NULL)
		copy_item(item, c);
	else if (rec->kind == RECORD_CARD_REFUSED && !c->has_records)
		copy_word(rec->reason, c->reason, sizeof(c->reason));
	c->last_record = index;
	c->changed = rec->time;
	row->card_changed = true;
}

static int
fold_queue(struct fold *f, struct store_device *d, uint64_t index,
    const struct record *rec, struct row **row)
{
	char text[STORE_TEXT_SIZE];
	int err;

	/* Reading the queue anew lets go of the rows. */
	if ((err = load(f, d, index)) != 0 ||
	    (err = rows_find(&f->rows, &rec->card, row)) != 0 || f->broken)
		return err;
	err = queue_fold(f->queue, index, rec);
	if (err == ERR_CORRUPT) {
		(void)snprintf(text, sizeof(text), "record %llu makes no "
		    "sense: %s", (unsigned long long)index,
		    queue_error(f->queue));
		f->broken = true;
		return note_alarm(f, d, text);
	}
	return err;
}

static int
fold_card_record(struct fold *f, struct store_device *d, uint64_t index,
    const struct record *rec, int64_t now, struct ledger_effects *e)
{
	enum card_state state;
	struct row *row;
	int err;

	if ((err = rows_find(&f->rows, &rec->card, &row)) != 0)
		return err;
	if (!row->has_card && rec->kind == RECORD_CARD_RECEIVED)
		err = add_row(f, d, rec, now, row);
	if (err == ERR_NOMEM || err == ERR_NO_SPACE || err == ERR_IO ||
	    err == ERR_AGAIN || err == ERR_PERMISSION || err == ERR_CORRUPT)
		return err;
	/* Nothing to be shown: not sent through here, and no payload came. */
	if (!row->has_card)
		return answer(f, d->id, rec);
	if (strcmp(row->card.device, d->id) != 0)
		return note_alarm(f, d, "it reports on another device's card");
	if ((err = fold_queue(f, d, index, rec, &row)) != 0 ||
	    (err = answer(f, d->id, rec)) != 0 ||
	    (err = fold_output(f, d->id, rec, row, e)) != 0 || f->broken)
		return err;
	update_row(f, index, rec, row);
	e->has_card = true;
	e->card = rec->card;
	e->held_back = rec->kind == RECORD_CARD_REFUSED && !rec->final;
	state = state_of_word(row->card.state);
	if (state == STATES || !state_is_end(state))
		return 0;
	e->resend = true;
	return f->waits ? store_out_drop_card(f->store, d->id, &rec->card) : 0;
}

/* ---- behind a gap ---- */

/* Cards that were open when we last heard of them. */
struct opened {
	struct sha256 *cards;
	size_t n, size;
};

static int
keep_digest(void *ctx, const struct sha256 *digest)
{
	struct opened *o = ctx;
	struct sha256 *p;
	size_t size = o->size == 0 ? 64 : 2 * o->size;

	if (o->n == o->size) {
		if ((p = realloc(o->cards, size * sizeof(*p))) == NULL)
			return ERR_NOMEM;
		o->cards = p;
		o->size = size;
	}
	o->cards[o->n++] = *digest;
	return 0;
}

/* What became of it: the snapshot's word, or nobody knows. */
static int
settle_card(struct fold *f, const struct store_device *d,
    const struct sha256 *card, const struct record *rec)
{
	const struct queue_item *item = queue_find(f->queue, card);
	struct row *row;
	int err;

	if ((err = rows_find(&f->rows, card, &row)) != 0 || !row->has_card)
		return err;
	row->card.changed = rec->time;
	row->card_changed = true;
	if (item != NULL) {
		copy_item(item, &row->card);
		return 0;
	}
	(void)snprintf(row->card.state, sizeof(row->card.state),
	    "interrupted");
	(void)snprintf(row->card.reason, sizeof(row->card.reason),
	    "records_missing");
	if ((err = give_up_output(f, row)) != 0)
		return err;
	return store_out_drop_card(f->store, d->id, card);
}

static int
settle_cards(struct fold *f, const struct store_device *d,
    const struct record *rec)
{
	struct opened o = { NULL, 0, 0 };
	size_t i;
	int err;

	err = each_open(f->store, d->id, keep_digest, &o);
	for (i = 0; i < o.n && err == 0; i++)
		err = settle_card(f, d, &o.cards[i], rec);
	free(o.cards);
	return err;
}

static int
settle_files(struct fold *f, const struct store_device *d,
    const struct record *rec)
{
	char file[STORE_WORD_SIZE];
	struct store_installed i;
	size_t n;
	int err = 0;

	for (n = 0; n < rec->n_files && err == 0; n++) {
		memset(&i, 0, sizeof(i));
		copy_word(rec->files[n].file, file, sizeof(file));
		i.version = rec->files[n].version;
		i.digest = rec->files[n].digest;
		err = store_installed_set(f->store, d->n, file, &i);
	}
	return err;
}

/* The state that the journal goes on with: all that can be known of then. */
static int
fold_state(struct fold *f, struct store_device *d, uint64_t index,
    const struct record *rec, struct ledger_effects *e)
{
	struct standing s;
	uint64_t at;
	int err;

	err = resume_at(f->store, d->n, &at);
	if (err != 0 || at != index)
		return err == ERR_NOT_FOUND ? 0 : err;
	fold_anew(f);
	err = resume_read(f->store, d->n, &rec->digest, &s, &f->queue);
	if (err == ERR_CORRUPT) {
		f->broken = true;
		return note_alarm(f, d, "what it sent of its state behind the "
		    "missing records does not read: its cards stand still");
	}
	if (err != 0)
		return err;
	f->folded = 0;
	if (strcmp(s.org, d->org) != 0 || strcmp(s.device, d->id) != 0 ||
	    memcmp(s.device_key, d->key, sizeof(d->key)) != 0)
		err = note_alarm(f, d, "its journal is another device's or "
		    "for another org: it has to be enrolled again");
	d->lockdown = s.lock.on;
	standing_fini(&s);
	e->trust = e->resend = true;
	if (err == 0 && (err = settle_files(f, d, rec)) == 0)
		err = settle_cards(f, d, rec);
	return err;
}

int
fold_record(struct fold *f, struct store_device *d, uint64_t index,
    const struct record *rec, int64_t now, struct ledger_effects *ret_e)
{
	f->now = now;
	f->effects = ret_e;
	switch ((int)rec->kind) {
	case RECORD_GENESIS:
		return fold_genesis(f, d, rec);
	case RECORD_STATE:
		return fold_state(f, d, index, rec, ret_e);
	case RECORD_TRUST:
	case RECORD_TRUST_REFUSED:
		return fold_trust(f, d, rec, ret_e);
	case RECORD_LOCKDOWN:
	case RECORD_LOCKDOWN_LIFTED:
		return fold_lockdown(f, d, rec, ret_e);
	default:
		return rec->has[RF_CARD] ? fold_card_record(f, d, index, rec,
		    now, ret_e) : 0;
	}
}
