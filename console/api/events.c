/*
 * events.c - what happens to a card, live, as server-sent events.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * Everything is read from the store and the transcript, from where this
 * reader stands.
 *
 * The id of an event is where a reader goes on from that comes again with
 * Last-Event-ID: the next record's index and the bytes had of both streams.
 */
#include "console/api/stream.h"

#include "common/state.h"
#include "console/api/cards.h"
#include "console/transcript.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct events {
	struct stream stream;
	struct console *c;
	struct transcript t;
	struct sha256 card;
	int64_t device;
	uint64_t record;		/* the next index */
	uint64_t have[DEMUX_STREAMS];
	char state[STORE_WORD_SIZE];	/* the last one that was told */
	bool bad;			/* the transcript cannot be read on */
};

static void
end_events(struct stream *s)
{
	struct events *e = (struct events *)(void *)s;

	transcript_close(&e->t);
	free(e);
}

/* ---- writing events ---- */

static void
begin_event(struct events *e, const char *name)
{
	buf_printf(&e->stream.out, "event: %s\nid: %" PRIu64 "-%" PRIu64
	    "-%" PRIu64 "\ndata: ", name, e->record, e->have[DEMUX_STDOUT],
	    e->have[DEMUX_STDERR]);
}

static void
end_event(struct events *e)
{
	buf_put_str(&e->stream.out, "\n\n");
}

static int
put_record(void *ctx, const struct store_record *r)
{
	struct events *e = ctx;
	struct jsonw w;

	e->record = r->index + 1;
	begin_event(e, "record");
	jsonw_init(&w, &e->stream.out);
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
	jsonw_init(&w, &e->stream.out);
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
	jsonw_init(&w, &e->stream.out);
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
	jsonw_init(&w, &e->stream.out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "state", c->state);
	jsonw_cstr(&w, "reason", c->reason);
	jsonw_cstr(&w, "output", output);
	jsonw_obj_end(&w);
	end_event(e);
	e->stream.finished = true;
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
fill(struct stream *s)
{
	struct events *e = (struct events *)(void *)s;
	struct demux_piece piece;
	struct store_card c;
	const char *output;
	int err;

	if ((err = store_card_find(e->c->store, &e->card, NULL, &c)) != 0)
		return err;
	if ((err = store_record_each_of_card(e->c->store, e->device, &e->card,
	    e->record, 1, put_record, e)) != 0 || e->stream.out.n > 0)
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

/* ---- the beginning ---- */

/* "1-2-3": the three numbers; false: it is something else. */
static bool
split_position(const char *id, uint64_t ret_v[3])
{
	char *end;
	size_t i;

	for (i = 0; i < 3; i++) {
		if (*id < '0' || *id > '9')
			return false;
		errno = 0;
		ret_v[i] = strtoull(id, &end, 10);
		if (errno != 0 || *end != (i < 2 ? '-' : '\0'))
			return false;
		id = end + 1;
	}
	return true;
}

/* Where a reader that comes again had got to; anything else is a new one. */
static void
read_position(struct request *r, struct events *e)
{
	const char *id = MHD_lookup_connection_value(r->connection,
	    MHD_HEADER_KIND, "Last-Event-ID");
	uint64_t v[3];

	if (id == NULL || !split_position(id, v))
		return;
	e->record = v[0];
	e->have[DEMUX_STDOUT] = v[1];
	e->have[DEMUX_STDERR] = v[2];
}

static int
start(struct request *r, const struct store_card *card, struct events *e)
{
	struct store_device d;
	int err;

	e->stream.fill = fill;
	e->stream.end = end_events;
	e->c = r->c;
	e->card = card->digest;
	read_position(r, e);
	if ((err = store_device_find(r->c->store, card->device, &d)) != 0 ||
	    (err = transcript_open(&e->t, r->c->spool, card, e->have)) != 0)
		return err;
	e->device = d.n;
	return 0;
}

void
api_card_events(struct request *r)
{
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
	stream_start(r, &e->stream, &card.digest);
}
