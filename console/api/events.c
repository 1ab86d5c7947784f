/*
 * events.c - what happens to a card, live, as server-sent events.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * Everything is read from the store and the transcript, from where this
 * reader stands; when there is no more, its connection is suspended until the
 * card's watcher is woken. Nothing is kept for a slow reader but one event.
 *
 * The id of an event is where a reader goes on from that comes again with
 * Last-Event-ID: the next record's index and the bytes had of both streams.
 */
#include "console/api/http.h"

#include "common/state.h"
#include "console/api/cards.h"
#include "console/transcript.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One event: a record of 32 KiB, or a piece of output as base64. */
#define EVENT_MAX ((size_t)96 << 10)

struct events {
	struct api *api;
	struct console *c;
	struct MHD_Connection *connection;
	struct events *next, **at;
	struct watcher watcher;
	struct transcript t;
	struct sha256 card;
	int64_t device;
	uint64_t record;		/* the next index */
	uint64_t have[DEMUX_STREAMS];
	char state[STORE_WORD_SIZE];	/* the last one that was told */
	struct buf out;
	size_t out_at;			/* what of it was handed on */
	bool suspended;
	bool bad;			/* the transcript cannot be read on */
	bool finished;			/* the last event is in out */
	bool closing;
};

/* ---- waking ---- */

static void
wake(void *ctx)
{
	struct events *e = ctx;

	if (!e->suspended)
		return;
	e->suspended = false;
	MHD_resume_connection(e->connection);
	http_kick(e->api);
}

void
events_beat_all(struct events **first)
{
	struct events *e;

	for (e = *first; e != NULL; e = e->next)
		if (e->suspended) {
			/* A comment: it finds out who has gone. */
			buf_put_str(&e->out, ":\n\n");
			wake(e);
		}
}

void
events_end_all(struct events **first)
{
	struct events *e;

	for (e = *first; e != NULL; e = e->next) {
		e->closing = true;
		wake(e);
	}
}

static void
free_events(void *cls)
{
	struct events *e = cls;

	watch_remove(&e->watcher);
	*e->at = e->next;
	if (e->next != NULL)
		e->next->at = e->at;
	transcript_close(&e->t);
	buf_free(&e->out);
	free(e);
}

/* ---- writing events ---- */

static void
begin_event(struct events *e, const char *name)
{
	buf_printf(&e->out, "event: %s\nid: %" PRIu64 "-%" PRIu64 "-%" PRIu64
	    "\ndata: ", name, e->record, e->have[DEMUX_STDOUT],
	    e->have[DEMUX_STDERR]);
}

static void
end_event(struct events *e)
{
	buf_put_str(&e->out, "\n\n");
}

static int
put_record(void *ctx, const struct store_record *r)
{
	struct events *e = ctx;
	struct jsonw w;

	e->record = r->index + 1;
	begin_event(e, "record");
	jsonw_init(&w, &e->out);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "index", (int64_t)r->index);
	jsonw_raw(&w, "record", r->payload);
	jsonw_obj_end(&w);
	end_event(e);
	return 0;
}

static void
put_output(struct events *e, const struct demux_piece *p)
{
	struct jsonw w;

	e->have[p->stream] = p->offset + p->data.n;
	begin_event(e, "output");
	jsonw_init(&w, &e->out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "stream", demux_word(p->stream));
	jsonw_int(&w, "offset", (int64_t)p->offset);
	jsonw_int(&w, "ms", p->ms < JSON_MAX_INTEGER ? (int64_t)p->ms :
	    JSON_MAX_INTEGER);
	jsonw_b64(&w, "base64", p->data);
	jsonw_obj_end(&w);
	end_event(e);
}

static void
put_state(struct events *e, const struct store_card *c)
{
	struct jsonw w;

	memcpy(e->state, c->state, sizeof(e->state));
	begin_event(e, "state");
	jsonw_init(&w, &e->out);
	jsonw_obj(&w, NULL);
	jsonw_digest(&w, "card", &c->digest);
	jsonw_cstr(&w, "state", c->state);
	jsonw_cstr(&w, "reason", c->reason);
	jsonw_obj_end(&w);
	end_event(e);
}

static void
put_end(struct events *e, const struct store_card *c, const char *output)
{
	struct jsonw w;

	begin_event(e, "end");
	jsonw_init(&w, &e->out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "state", c->state);
	jsonw_cstr(&w, "reason", c->reason);
	jsonw_cstr(&w, "output", output);
	jsonw_obj_end(&w);
	end_event(e);
	e->finished = true;
}

/* ---- what there is ---- */

/* Whether the output is all there that will ever be; its word for `end`. */
static int
output_end(struct events *e, const struct store_card *c, const char **ret_word)
{
	struct store_output o;
	int err;

	*ret_word = NULL;
	err = store_output_find(e->c->store, &e->card, &o);
	if (err == ERR_NOT_FOUND)
		*ret_word = "none";
	else if (err != 0)
		return err;
	else if (o.state == STORE_OUTPUT_COMPLETE)
		*ret_word = "complete";
	else if (o.state == STORE_OUTPUT_BAD)
		*ret_word = "bad";
	else if (!o.ended && strcmp(c->state, "interrupted") == 0)
		*ret_word = "unknown";
	return 0;
}

/*
 * Puts the next event into out, if there is one. 0 whether or not; ERR_AGAIN:
 * call again, later.
 */
static int
fill(struct events *e)
{
	struct demux_piece piece;
	struct store_card c;
	const char *output;
	int err;

	if ((err = store_card_find(e->c->store, &e->card, NULL, &c)) != 0)
		return err;
	if ((err = store_record_each_of_card(e->c->store, e->device, &e->card,
	    e->record, 1, put_record, e)) != 0 || e->out.n > 0)
		return err;
	if (strcmp(e->state, c.state) != 0) {
		put_state(e, &c);
		return 0;
	}
	/* Before the file is read: what is complete now is read to its end. */
	if ((err = output_end(e, &c, &output)) != 0)
		return err;
	if (!e->bad) {
		err = transcript_next(&e->t, &piece);
		if (err == 1) {
			put_output(e, &piece);
			return 0;
		}
		if (err == ERR_AGAIN)
			return err;
		e->bad = err != 0;
	}
	if (cards_has_ended(&c) && output != NULL)
		put_end(e, &c, e->bad ? "bad" : output);
	return 0;
}

static ssize_t
read_events(void *cls, uint64_t at, char *buf, size_t max)
{
	struct events *e = cls;
	size_t n;
	int err;

	(void)at;
	if (e->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (e->out_at == e->out.n) {
		if (e->finished)
			return MHD_CONTENT_READER_END_OF_STREAM;
		buf_clear(&e->out);
		e->out_at = 0;
		err = fill(e);
		if (err == ERR_AGAIN)
			return 0;
		if (err != 0 || buf_error(&e->out) != 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (e->out.n == 0) {
		e->suspended = true;
		MHD_suspend_connection(e->connection);
		return 0;
	}
	n = e->out.n - e->out_at;
	if (n > max)
		n = max;
	memcpy(buf, e->out.p + e->out_at, n);
	e->out_at += n;
	return (ssize_t)n;
}

/* ---- the beginning ---- */

/* Where a reader that comes again had got to; anything else is a new one. */
static void
read_position(struct request *r, struct events *e)
{
	const char *id = MHD_lookup_connection_value(r->connection,
	    MHD_HEADER_KIND, "Last-Event-ID");
	uint64_t v[3];

	if (id == NULL || sscanf(id, "%" SCNu64 "-%" SCNu64 "-%" SCNu64,
	    &v[0], &v[1], &v[2]) != 3)
		return;
	e->record = v[0];
	e->have[DEMUX_STDOUT] = v[1];
	e->have[DEMUX_STDERR] = v[2];
}

static int
start(struct request *r, const struct store_card *card, struct events *e)
{
	struct events **first = http_events(r->api);
	struct store_device d;
	int err;

	e->api = r->api;
	e->c = r->c;
	e->connection = r->connection;
	e->card = card->digest;
	buf_init(&e->out, EVENT_MAX);
	read_position(r, e);
	if ((err = store_device_find(r->c->store, card->device, &d)) != 0 ||
	    (err = transcript_open(&e->t, r->c->spool, card, e->have)) != 0)
		return err;
	e->device = d.n;
	e->watcher.card = card->digest;
	e->watcher.wake = wake;
	e->watcher.ctx = e;
	watch_add(&r->c->watch, &e->watcher);
	e->next = *first;
	e->at = first;
	if (e->next != NULL)
		e->next->at = &e->next;
	*first = e;
	return 0;
}

void
api_card_events(struct request *r)
{
	struct MHD_Response *response;
	struct store_card card;
	struct events *e;
	int err;

	if (!api_find_card(r, NULL, &card))
		return;
	if ((e = calloc(1, sizeof(*e))) == NULL) {
		http_error(r, ERR_NOMEM);
		return;
	}
	if ((err = start(r, &card, e)) != 0) {
		free(e);
		http_error(r, err);
		return;
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
	    TRANSCRIPT_READ, read_events, e, free_events);
	if (response == NULL) {
		free_events(e);
		http_error(r, ERR_NOMEM);
		return;
	}
	r->c->counters.events_opened++;
	http_stream(r, "text/event-stream", response);
}
