/*
 * outbox.c - the journal and the transcripts go to the console.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The journal is the outbox: there is a cursor into it and nothing else. The
 * console says from where it wants it (have), and how much of a transcript it
 * takes (credit); after a break both are said again. Only synced records go.
 *
 * A console that lacks what was pruned here gets the hashes of those records,
 * so that its tree goes on and it can prove what follows; and with the record
 * behind them what that one's state is made of, to fold on from there.
 */
#include "agent/gate/gate.h"

#include "common/merkle.h"
#include "common/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Transcripts that a console reads at the same time. */
#define CREDITS 16

/* Hashes in one message. */
#define LEAVES (WIRE_BATCH_CAP / WIRE_HASH)

/* Transcripts of which it is known that the console has them. */
#define FETCHED 1024

struct credit {
	struct sha256 card;
	uint64_t from;		/* what was asked for last */
	uint64_t at, until;	/* byte offsets */
};

struct outbox {
	struct gate *g;
	bool open;		/* the device has proven itself */
	bool has_cursor;	/* the console has said what it has */
	struct journal_cursor next;	/* the next record to send */
	uint64_t resumed;	/* the record that it was told to begin at
				 * anew, because the ones before are gone */
	struct credit credits[CREDITS];
	size_t n_credits;
	struct sha256 fetched[FETCHED];	/* a ring */
	size_t n_fetched;
};

int
outbox_new(struct gate *g, struct outbox **ret_o)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return ERR_NOMEM;
	o->g = g;
	*ret_o = o;
	return 0;
}

void
outbox_free(struct outbox *o)
{
	free(o);
}

void
outbox_open(struct outbox *o)
{
	o->open = true;
	o->has_cursor = false;
	o->resumed = 0;
	o->n_credits = 0;
}

void
outbox_shut(struct outbox *o)
{
	o->open = false;
}

void
outbox_have(struct outbox *o, uint64_t n)
{
	/* After the first, it only acknowledges; it frees nothing. */
	if (o->has_cursor && n <= o->next.index)
		return;
	o->has_cursor = true;
	journal_seek(&o->next, n);
}

void
outbox_credit(struct outbox *o, const struct wire_credit *credit)
{
	struct credit *c = NULL;
	size_t i;

	for (i = 0; i < o->n_credits; i++)
		if (memcmp(o->credits[i].card.b, credit->card, 32) == 0)
			c = &o->credits[i];
	if (c == NULL && o->n_credits == CREDITS) {
		/* The oldest goes: the console asks again for what it lacks. */
		memmove(&o->credits[0], &o->credits[1],
		    (CREDITS - 1) * sizeof(o->credits[0]));
		o->n_credits--;
	}
	if (c == NULL) {
		c = &o->credits[o->n_credits++];
		memcpy(c->card.b, credit->card, 32);
		c->at = credit->from;
	}
	/* From another place than where we are: it lost what we had sent. */
	if (credit->from != c->at && credit->from < c->at)
		c->at = credit->from;
	c->from = credit->from;
	c->until = credit->until;
}

/* Asked for from its end on: all before it is there. */
static void
note_fetched(struct outbox *o, const struct sha256 *card)
{
	if (!outbox_has_fetched(o, card))
		o->fetched[o->n_fetched++ % FETCHED] = *card;
}

bool
outbox_has_fetched(const struct outbox *o, const struct sha256 *card)
{
	size_t i;

	for (i = 0; i < o->n_fetched && i < FETCHED; i++)
		if (sha256_equal(&o->fetched[i], card))
			return true;
	return false;
}

/* ---- records, each after the blob that it names ---- */

struct batch {
	struct outbox *o;
	struct buf out;
	size_t mark;
	bool begun;
};

static void
batch_flush(struct batch *b)
{
	if (b->begun)
		wire_records_end(&b->out, b->mark);
	b->begun = false;
}

static int
put_content(struct batch *b, const struct sha256 *name, struct bytes content)
{
	struct wire_blob w = { .hash = name->b };
	size_t at, n;
	int err = 0;

	batch_flush(b);
	w.total = (uint32_t)content.n;
	for (at = 0; at < content.n && err == 0; at += n) {
		n = content.n - at < WIRE_BATCH_CAP / 2 ? content.n - at :
		    WIRE_BATCH_CAP / 2;
		w.offset = (uint32_t)at;
		w.data = bytes_of(content.p + at, n);
		wire_put_blob(&b->out, &w);
		err = buf_error(&b->out);
	}
	return err;
}

static int
put_blob(struct batch *b, const struct sha256 *name, size_t cap)
{
	struct buf blob;
	int err;

	buf_init(&blob, cap);
	err = blobs_read(b->o->g->blobs, name, &blob, NULL);
	/* Removed with its last record: the console has it, or never will. */
	if (err == ERR_NOT_FOUND)
		err = 0;
	if (err == 0)
		err = put_content(b, name, buf_bytes(&blob));
	buf_free(&blob);
	return err;
}

/* A trust file that the snapshot needs. */
static int
load_and_put(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	struct batch *b = arg;
	int err = blobs_read(b->o->g->blobs, name, ret_b, NULL);

	return err != 0 ? err : put_content(b, name, buf_bytes(ret_b));
}

/*
 * All that a state stands for: its snapshot, the trust files that were held
 * then, the cards that were remembered. What does not read any more is the
 * start's business: the console is told the record and has to do with that.
 */
static int
put_state(struct batch *b, const struct sha256 *name)
{
	const struct queue_item *i;
	struct standing s;
	struct trust *t;
	struct queue *q;
	struct buf snapshot;
	int err;

	buf_init(&snapshot, SNAPSHOT_CAP);
	err = blobs_read_state(b->o->g->blobs, name, &snapshot);
	if (err == 0 && (err = put_content(b, name,
	    buf_bytes(&snapshot))) == 0)
		err = snapshot_decode(buf_bytes(&snapshot), load_and_put, b,
		    &s, &t, &q);
	buf_free(&snapshot);
	if (err != 0)
		return err == ERR_NOMEM || err == ERR_IO ? err :
		    buf_error(&b->out);
	for (i = queue_first(q); i != NULL && err == 0; i = queue_next(q, i))
		err = put_blob(b, &i->digest, CAP_CARD);
	standing_fini(&s);
	trust_free(t);
	queue_free(q);
	return err;
}

static bool
begins_with(struct bytes payload, const char *kind)
{
	size_t n = strlen(kind);

	return payload.n >= n && memcmp(payload.p, kind, n) == 0;
}

/* Sends what the record names first, if it names anything. */
static int
put_what_it_names(struct batch *b, const struct entry *e)
{
	struct record_doc *doc;
	const struct record *rec;
	int err;

	/* `kind` is the first field of every record. */
	if (!begins_with(e->payload, "{\"kind\":\"card_received\"") &&
	    !begins_with(e->payload, "{\"kind\":\"trust\"") &&
	    (e->index == 0 || e->index != b->o->resumed))
		return 0;
	if ((err = record_parse(e->payload, &doc)) != 0)
		return err;
	rec = record_of(doc);
	if (rec->kind == RECORD_TRUST)
		err = put_blob(b, &rec->digest, CAP_TRUST);
	else if (rec->kind == RECORD_CARD_RECEIVED)
		err = put_blob(b, &rec->card, CAP_CARD);
	else if (rec->kind == RECORD_STATE)
		err = put_state(b, &rec->digest);
	record_free(doc);
	return err;
}

static int
put_record(struct batch *b, const struct entry *e)
{
	struct wire_record r = { e->index, e->payload };
	int err;

	if ((err = put_what_it_names(b, e)) != 0)
		return err;
	if (b->begun && !wire_records_fit(&b->out, b->mark, e->payload.n))
		batch_flush(b);
	if (!b->begun) {
		b->mark = wire_records_begin(&b->out);
		b->begun = true;
	}
	wire_records_add(&b->out, &r);
	return buf_error(&b->out);
}

/* One write's worth of records; *ret_more while there are others. */
static int
push_batch(struct outbox *o, bool *ret_more)
{
	struct batch b = { .o = o };
	struct buf payload;
	struct entry e;
	int r = 1, err = 0;

	/* A snapshot with its files is all in one, and the cap its largest. */
	buf_init(&b.out, 2 * SNAPSHOT_CAP);
	buf_init(&payload, ENTRY_MAX);
	while (err == 0 && b.out.n < UPLINK_QUEUE_CAP / 2) {
		r = journal_read(o->g->journal, &o->next, &payload, &e);
		if (r <= 0)
			break;
		err = put_record(&b, &e);
	}
	batch_flush(&b);
	if (r < 0)
		err = r;
	if (err == 0 && (err = buf_error(&b.out)) == 0)
		err = uplink_send(o->g->uplink, buf_bytes(&b.out));
	buf_free(&b.out);
	buf_free(&payload);
	*ret_more = r > 0;
	return err;
}

/* Whether what comes next was removed as too old, or all before it was. */
static bool
is_before_first(const struct outbox *o)
{
	uint64_t first = journal_first(o->g->journal);

	return first > 0 && o->resumed < first && o->next.index <= first;
}

/* Hashes in the place of records, as many as a message holds. */
static int
push_leaves(struct outbox *o)
{
	struct wire_leaves w = { .first = o->next.index };
	struct merkle_source tree;
	struct sha256 hash;
	struct buf hashes, out;
	uint64_t i;
	int err = 0;

	w.until = journal_first(o->g->journal);
	journal_tree(o->g->journal, &tree);
	buf_init(&hashes, WIRE_BATCH_CAP);
	buf_init(&out, WIRE_BATCH_CAP + 256);
	for (i = w.first; i < w.until && i < w.first + LEAVES && err == 0;
	    i++)
		if ((err = tree.hash(tree.arg, 0, i, &hash)) == 0)
			buf_put(&hashes, hash.b, sizeof(hash.b));
	if (err == 0 && (err = buf_error(&hashes)) == 0) {
		w.hashes = buf_bytes(&hashes);
		wire_put_leaves(&out, &w);
		if ((err = buf_error(&out)) == 0)
			err = uplink_send(o->g->uplink, buf_bytes(&out));
	}
	buf_free(&hashes);
	buf_free(&out);
	if (err != 0)
		return err;
	journal_seek(&o->next, i);
	if (i == w.until)
		o->resumed = i;
	return 0;
}

static int
push_records(struct outbox *o)
{
	bool more = true;
	int err = 0;

	while (err == 0 && more &&
	    o->next.index < journal_synced(o->g->journal) &&
	    uplink_room(o->g->uplink) > 0)
		err = is_before_first(o) ? push_leaves(o) :
		    push_batch(o, &more);
	return err;
}

/* ---- transcripts ---- */

static int
send_piece(struct gate *g, const struct credit *c, struct bytes data)
{
	struct wire_output w = { .card = c->card.b, .offset = c->at };
	struct buf out;
	int err;

	w.data = data;
	buf_init(&out, WIRE_BATCH_CAP + 256);
	wire_put_output(&out, &w);
	if ((err = buf_error(&out)) == 0)
		err = uplink_send(g->uplink, buf_bytes(&out));
	buf_free(&out);
	return err;
}

/* Whether what there is of it is all that there will be. */
static bool
is_over(const struct gate *g, const struct sha256 *card)
{
	const struct queue_item *item = queue_find(core_queue(g->core), card);

	return !transcripts_is_growing(g->transcripts, card) &&
	    (item == NULL || state_is_end(item->state));
}

static int
push_transcript(struct outbox *o, struct credit *c)
{
	static const size_t piece = WIRE_BATCH_CAP - 64;
	struct gate *g = o->g;
	uint64_t size = UINT64_MAX, at = c->at;
	uint8_t *data;
	size_t n = 1;
	int err = 0;

	if (c->at >= c->until || (data = malloc(piece)) == NULL)
		return 0;
	while (err == 0 && n > 0 && c->at < c->until &&
	    uplink_room(g->uplink) > 0) {
		size_t want = c->until - c->at < piece ?
		    (size_t)(c->until - c->at) : piece;

		err = transcripts_read(g->transcripts, &c->card, c->at, data,
		    want, &n, &size);
		if (err == ERR_NOT_FOUND) {
			/* Not begun, or gone: there is nothing to send. */
			err = 0;
			n = is_over(g, &c->card) ? 0 : 1;
			break;
		}
		if (err != 0 && err != ERR_NOMEM) {
			/* Ending for it would not mend the disk. */
			log_event(&g->log, SERVICE_WARNING, "a transcript"
			    " cannot be read reason=%s", err_word(err));
			c->until = c->at;
			err = 0;
			break;
		}
		if (err != 0 || n == 0)
			break;
		err = send_piece(g, c, bytes_of(data, n));
		c->at += n;
	}
	/* Asked for what is not there: then nobody need wait for it. */
	if (err == 0 && n == 0 && c->at == at && is_over(g, &c->card))
		err = send_piece(g, c, bytes_of(NULL, 0));
	/* All of it is sent and no more will come: the credit is used up. */
	if (err == 0 && n == 0 &&
	    !transcripts_is_growing(g->transcripts, &c->card)) {
		c->until = c->at;
		if (c->from >= size)
			note_fetched(o, &c->card);
	}
	free(data);
	return err;
}

/* A credit that is used up is forgotten; the next one says where it stands. */
static void
drop_used(struct outbox *o)
{
	size_t i = 0;

	while (i < o->n_credits)
		if (o->credits[i].at >= o->credits[i].until)
			memmove(&o->credits[i], &o->credits[i + 1],
			    (--o->n_credits - i) * sizeof(o->credits[0]));
		else
			i++;
}

uint64_t
outbox_sent(const struct outbox *o)
{
	return o->open && o->has_cursor ? o->next.index : 0;
}

void
outbox_push(struct outbox *o)
{
	size_t i;
	int err = 0;

	if (!o->open || !o->has_cursor || o->g->uplink == NULL)
		return;
	err = push_records(o);
	for (i = 0; i < o->n_credits && err == 0; i++)
		err = push_transcript(o, &o->credits[i]);
	drop_used(o);
	if (err == ERR_CORRUPT)
		gate_journal_tampered(o->g);
	else if (err != 0)
		gate_fail(o->g, "sending the journal", err);
}
