/*
 * outgoing.c - what goes to a connected device: trust files, envelopes,
 * withdrawals, and credit for its output.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/gateway/outgoing.h"

#include "common/link.h"
#include "console/conlog.h"

#include <string.h>

/* Rows that are read at once. */
#define ROWS 64
/* A callback's way to say that there is no room: no error. */
#define NO_ROOM 1

static const char *const file_words[OUTGOING_FILES] = {
	"root", "people", "policy", "device", "timestamp"
};

void
outgoing_init(struct outgoing *o, struct console *c,
    const struct session_io *io, void *ctx)
{
	memset(o, 0, sizeof(*o));
	o->c = c;
	o->io = io;
	o->ctx = ctx;
}

void
outgoing_fini(struct outgoing *o)
{
	size_t i;

	for (i = 0; i < SESSION_OUTPUTS; i++) {
		spool_release(o->outputs[i].file);
		o->outputs[i].file = NULL;
	}
	o->device = NULL;
}

void
outgoing_open(struct outgoing *o, const struct store_device *d)
{
	o->device = d;
	o->trust_news = true;
	o->outputs_news = true;
}

void
outgoing_rewind(struct outgoing *o)
{
	o->sent = 0;
}

void
outgoing_trust_changed(struct outgoing *o)
{
	o->trust_news = true;
}

void
outgoing_outputs_changed(struct outgoing *o)
{
	o->outputs_news = true;
}

/* Sends a message that was put together; frees the buffer. */
static int
send_and_free(struct outgoing *o, struct buf *b)
{
	int err = buf_error(b);

	if (err == 0)
		o->io->send(o->ctx, buf_bytes(b));
	buf_free(b);
	return err;
}

static int
send_envelope(struct outgoing *o, enum link_type type, struct bytes json)
{
	struct buf b;

	buf_init(&b, LINK_TEXT_CAP);
	link_put_envelope_text(&b, type, json);
	return send_and_free(o, &b);
}

/* ---- trust files ---- */

static int
send_root(void *ctx, const struct store_trust *t)
{
	struct outgoing *o = ctx;
	int err;

	if (!o->io->has_room(o->ctx))
		return NO_ROOM;
	if ((err = send_envelope(o, LINK_TRUST, t->envelope)) == 0)
		o->sent_root = t->version;
	return err;
}

/* Every root after the one that it has: none may be left out. */
static int
pump_roots(struct outgoing *o)
{
	struct store_installed have;
	int64_t above;
	int err;

	if ((err = store_installed_find(o->c->store, o->device->n, "root",
	    &have)) != 0)
		return err;
	above = have.version > o->sent_root ? have.version : o->sent_root;
	return store_trust_each(o->c->store, o->device->org, "root", "",
	    above, send_root, o);
}

static int
pump_file(struct outgoing *o, size_t file)
{
	const char *device = file == OUTGOING_DEVICE ? o->device->id : "";
	struct store_installed have;
	struct store_trust t;
	struct buf envelope;
	int err;

	err = store_trust_find(o->c->store, o->device->org, file_words[file],
	    device, 0, NULL, &t);
	if (err != 0)
		return err == ERR_NOT_FOUND ? 0 : err;
	if ((err = store_installed_find(o->c->store, o->device->n,
	    file_words[file], &have)) != 0)
		return err;
	if (sha256_equal(&have.digest, &t.digest) ||
	    (have.has_refused && sha256_equal(&have.refused, &t.digest)) ||
	    sha256_equal(&o->sent_file[file], &t.digest))
		return 0;
	if (!o->io->has_room(o->ctx))
		return NO_ROOM;
	buf_init(&envelope, LINK_TEXT_CAP);
	err = store_trust_find(o->c->store, o->device->org, file_words[file],
	    device, t.version, &envelope, &t);
	if (err == 0 &&
	    (err = send_envelope(o, LINK_TRUST, t.envelope)) == 0)
		o->sent_file[file] = t.digest;
	buf_free(&envelope);
	return err;
}

static int
pump_trust(struct outgoing *o)
{
	size_t file;
	int err;

	if (!o->trust_news)
		return 0;
	err = pump_roots(o);
	for (file = OUTGOING_PEOPLE; file < OUTGOING_FILES && err == 0; file++)
		err = pump_file(o, file);
	if (err == 0)
		o->trust_news = false;
	return err;
}

/* ---- cards, approvals, cancels, withdrawals ---- */

static int
send_row(void *ctx, const struct store_out *row)
{
	struct outgoing *o = ctx;
	struct wire_withdraw w;
	struct buf b;
	int err;

	if (!o->io->has_room(o->ctx))
		return NO_ROOM;
	if (row->kind == LINK_WITHDRAW) {
		w.card = row->card.b;
		w.reason = row->body;
		buf_init(&b, LINK_TEXT_CAP);
		link_put_withdraw(&b, &w);
		err = send_and_free(o, &b);
	} else {
		err = send_envelope(o, (enum link_type)row->kind, row->body);
	}
	/* One that cannot be put into a message must not hold up the rest. */
	if (err != 0)
		conlog_event("unsendable device=%s row=%lld error=%s",
		    o->device->id, (long long)row->n, err_word(err));
	o->sent = row->n;
	return 0;
}

static int
pump_rows(struct outgoing *o)
{
	int64_t before;
	int err;

	do {
		before = o->sent;
		err = store_out_each(o->c->store, o->device->id, o->sent, ROWS,
		    send_row, o);
	} while (err == 0 && o->sent != before);
	return err;
}

/* ---- output ---- */

static struct outgoing_output *
find_output(struct outgoing *o, const struct sha256 *card)
{
	size_t i;

	for (i = 0; i < SESSION_OUTPUTS; i++)
		if (o->outputs[i].file != NULL &&
		    sha256_equal(spool_card(o->outputs[i].file), card))
			return &o->outputs[i];
	return NULL;
}

static int
send_credit(struct outgoing *o, struct outgoing_output *p, uint64_t from,
    uint64_t until)
{
	struct wire_credit m;
	struct buf b;

	m.card = spool_card(p->file)->b;
	m.from = from;
	m.until = until;
	p->until = until;
	buf_init(&b, 1024);
	link_put_credit(&b, &m);
	return send_and_free(o, &b);
}

/* The first window of a connection: from what we have. */
static int
open_window(struct outgoing *o, struct outgoing_output *p)
{
	uint64_t have = spool_have(p->file);

	if (!spool_wants(p->file))
		return 0;
	return send_credit(o, p, have, have + SESSION_WINDOW);
}

/*
 * Once half of the window is used up, a piece is added at its end: a `from`
 * that is further back would have the device send again what is under way.
 */
static int
move_window(struct outgoing *o, struct outgoing_output *p)
{
	uint64_t have = spool_have(p->file);

	if (!spool_wants(p->file) || have + SESSION_WINDOW / 2 < p->until)
		return 0;
	return send_credit(o, p, p->until, have + SESSION_WINDOW);
}

/* It is whole, given up, or to be sent from the beginning. */
static void
on_file_changed(void *ctx, struct spool_file *f)
{
	struct outgoing *o = ctx;
	struct outgoing_output *p = find_output(o, spool_card(f));

	if (p == NULL)
		return;
	if (spool_state(f) == STORE_OUTPUT_OPEN) {
		if (open_window(o, p) == 0)
			o->io->flush(o->ctx);
		return;
	}
	spool_release(f);
	p->file = NULL;
	o->outputs_news = true;
	if (outgoing_pump(o) == 0)
		o->io->flush(o->ctx);
}

/*
 * One that is free, or that of a card that was interrupted: what there was may
 * have come, and nobody waits for more.
 */
static struct outgoing_output *
find_place(struct outgoing *o)
{
	struct store_output row;
	size_t i;

	for (i = 0; i < SESSION_OUTPUTS; i++)
		if (o->outputs[i].file == NULL)
			return &o->outputs[i];
	for (i = 0; i < SESSION_OUTPUTS; i++)
		if (store_output_find(o->c->store,
		    spool_card(o->outputs[i].file), &row) == 0 &&
		    row.state == STORE_OUTPUT_UNKNOWN) {
			spool_release(o->outputs[i].file);
			o->outputs[i].file = NULL;
			return &o->outputs[i];
		}
	return NULL;
}

static int
take_output(void *ctx, const struct store_output *row)
{
	struct outgoing *o = ctx;
	struct outgoing_output *p = find_output(o, &row->card);
	int err;

	/* The turn failed while the row before was looked at. */
	if (o->device == NULL)
		return NO_ROOM;
	/* It waits; one that has a place may come after it. */
	if (p == NULL && (p = find_place(o)) == NULL)
		return 0;
	if (p->file == NULL) {
		err = spool_hold(o->c->spool, row, on_file_changed, o,
		    &p->file);
		if (err == ERR_STATE)
			return 0;
		if (err != 0) {
			conlog_event("output_unwritable device=%s error=%s",
			    o->device->id, err_word(err));
			return err;
		}
		p->until = 0;
		p->ended = false;
		p->asked_again = false;
	}
	if (row->ended && !p->ended) {
		p->ended = true;
		spool_end(p->file, row->total, &row->hash);
	}
	return p->file != NULL && p->until == 0 ? open_window(o, p) : 0;
}

static int
pump_outputs(struct outgoing *o)
{
	int err;

	if (!o->outputs_news)
		return 0;
	o->outputs_news = false;
	err = store_output_each_open(o->c->store, o->device->id, take_output,
	    o);
	return err == NO_ROOM ? 0 : err;
}

/* What has ended is looked at once the commit has come about. */
static int
begin_output(void *ctx, const struct store_output *row)
{
	return row->ended ? 0 : take_output(ctx, row);
}

int
outgoing_begin_outputs(struct outgoing *o)
{
	int err;

	if (o->device == NULL)
		return 0;
	err = store_output_each_open(o->c->store, o->device->id, begin_output,
	    o);
	return err == NO_ROOM ? 0 : err;
}

int
outgoing_on_output(struct outgoing *o, const struct wire_output *m)
{
	struct outgoing_output *p;
	struct sha256 card;
	int err;

	memcpy(card.b, m->card, SHA256_SIZE);
	/* One complete or given up: it may still have been under way. */
	if ((p = find_output(o, &card)) == NULL)
		return 0;
	if (m->offset > p->until || m->data.n > p->until - m->offset)
		return ERR_PROTOCOL;
	if (m->data.n == 0) {
		if (m->offset == spool_have(p->file))
			spool_give_up(p->file);
		return 0;
	}
	err = spool_write(p->file, m->offset, m->data);
	if (err == ERR_RANGE && !p->asked_again) {
		/* It has lost the place: from what we have, but once. */
		p->asked_again = true;
		return open_window(o, p);
	}
	if (err == ERR_RANGE)
		return 0;
	if (err != 0)
		return err == ERR_TOO_LARGE ? ERR_PROTOCOL : err;
	p->asked_again = false;
	return p->file != NULL ? move_window(o, p) : 0;
}

int
outgoing_pump(struct outgoing *o)
{
	int err;

	if (o->device == NULL)
		return 0;
	if ((err = pump_trust(o)) == 0 && (err = pump_rows(o)) == 0)
		err = pump_outputs(o);
	return err == NO_ROOM ? 0 : err;
}
