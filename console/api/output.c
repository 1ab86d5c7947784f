/*
 * output.c - the output of a card so far, one stream or both.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "common/clixml.h"
#include "console/transcript.h"

#include <stdlib.h>
#include <string.h>

struct output {
	struct transcript t;
	int stream;		/* enum demux_stream; -1 both, as they came */
	uint64_t left_out;	/* of both: still to be left out */
	struct bytes piece;	/* not yet handed on */
	bool text;		/* as a person is shown it (clixml.h) */
	struct clixml clean[DEMUX_STREAMS];
	struct buf shown;	/* where the piece lies then */
};

static void
free_output(void *cls)
{
	struct output *o = cls;
	int i;

	transcript_close(&o->t);
	for (i = 0; i < DEMUX_STREAMS; i++)
		clixml_fini(&o->clean[i]);
	buf_free(&o->shown);
	free(o);
}

/* The next piece that is wanted: 1, 0 at the end, or an error. */
static int
next_raw(struct output *o, int *ret_stream)
{
	struct demux_piece p;
	uint64_t n;
	int r;

	while ((r = transcript_next(&o->t, &p)) == 1) {
		if (o->stream >= 0 && (int)p.stream != o->stream)
			continue;
		n = o->left_out < p.data.n ? o->left_out : p.data.n;
		o->left_out -= n;
		o->piece = bytes_of(p.data.p + n, p.data.n - (size_t)n);
		*ret_stream = (int)p.stream;
		if (o->piece.n > 0)
			return 1;
	}
	return r;
}

static int
next_piece(struct output *o)
{
	int i, r = 0, err = 0, stream;

	if (!o->text)
		return next_raw(o, &stream);
	buf_clear(&o->shown);
	while (err == 0 && o->shown.n == 0 && (r = next_raw(o, &stream)) == 1)
		err = clixml_feed(&o->clean[stream], o->piece, &o->shown);
	if (err == 0 && o->shown.n == 0 && r == 0)
		for (i = 0; i < DEMUX_STREAMS && err == 0; i++)
			err = clixml_finish(&o->clean[i], &o->shown);
	o->piece = buf_bytes(&o->shown);
	if (err != 0 || o->piece.n > 0)
		return err != 0 ? err : 1;
	return r;
}

static ssize_t
read_output(void *cls, uint64_t at, char *buf, size_t max)
{
	struct output *o = cls;
	size_t n;
	int r;

	(void)at;
	if (o->piece.n == 0 && (r = next_piece(o)) != 1) {
		/* Returning 0 has it called again after others had a turn. */
		if (r == ERR_AGAIN)
			return 0;
		return r == 0 || r == ERR_CORRUPT ?
		    MHD_CONTENT_READER_END_OF_STREAM :
		    MHD_CONTENT_READER_END_WITH_ERROR;
	}
	n = o->piece.n < max ? o->piece.n : max;
	memcpy(buf, o->piece.p, n);
	o->piece = bytes_of(o->piece.p + n, o->piece.n - n);
	return (ssize_t)n;
}

static int
parse_stream(const char *text)
{
	if (text == NULL)
		return -1;
	if (strcmp(text, "stdout") == 0)
		return DEMUX_STDOUT;
	return strcmp(text, "stderr") == 0 ? DEMUX_STDERR : -2;
}

static struct output *
new_output(int stream, bool text)
{
	struct output *o = calloc(1, sizeof(*o));
	int i;

	if (o == NULL)
		return NULL;
	o->stream = stream;
	o->text = text;
	for (i = 0; i < DEMUX_STREAMS; i++)
		clixml_init(&o->clean[i]);
	buf_init(&o->shown, (size_t)DEMUX_STREAMS * (CLIXML_BLOCK_MAX +
	    TRANSCRIPT_READ + 64));
	return o;
}

void
api_card_output(struct request *r)
{
	static const char *const words[] = { "open", "complete", "bad",
		"unknown" };
	const char *view = http_query(r, "view");
	int stream = parse_stream(http_query(r, "stream")), err;
	uint64_t offset = 0, skip[DEMUX_STREAMS] = { 0, 0 };
	struct store_output row;
	struct store_card card;
	struct output *o;

	if (stream == -2 || !http_query_number(r, "offset", &offset) ||
	    (view != NULL && strcmp(view, "raw") != 0 &&
	    strcmp(view, "text") != 0)) {
		http_problem(r, 400, "bad_query", "stream, offset or view "
		    "cannot be", "stream is stdout or stderr, offset a number "
		    "of bytes, view raw or text");
		return;
	}
	if (!api_find_card(r, NULL, &card))
		return;
	err = store_output_find(r->c->store, &card.digest, &row);
	if (err != 0 && err != ERR_NOT_FOUND) {
		http_error(r, err);
		return;
	}
	r->output = err == 0 ? words[row.state] : "none";
	o = new_output(stream, view != NULL && strcmp(view, "text") == 0);
	if (o == NULL) {
		http_error(r, ERR_NOMEM);
		return;
	}
	if (stream >= 0)
		skip[stream] = offset;
	else
		o->left_out = offset;
	if ((err = transcript_open(&o->t, r->c->spool, &card, skip)) != 0) {
		free_output(o);
		http_error(r, err);
		return;
	}
	http_stream(r, "application/octet-stream",
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
	    TRANSCRIPT_READ, read_output, o, free_output));
}
