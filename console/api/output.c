/*
 * output.c - the output of a card so far, one stream or both.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/http.h"

#include "console/transcript.h"

#include <stdlib.h>
#include <string.h>

struct output {
	struct transcript t;
	int stream;		/* enum demux_stream; -1 both, as they came */
	uint64_t left_out;	/* of both: still to be left out */
	struct bytes piece;	/* not yet handed on */
};

static void
free_output(void *cls)
{
	struct output *o = cls;

	transcript_close(&o->t);
	free(o);
}

/* The next piece that is wanted: 1, 0 at the end, or an error. */
static int
next_piece(struct output *o)
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
		if (o->piece.n > 0)
			return 1;
	}
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

void
api_card_output(struct request *r)
{
	static const char *const words[] = { "open", "complete", "bad" };
	int stream = parse_stream(http_query(r, "stream")), err;
	uint64_t offset = 0, skip[DEMUX_STREAMS] = { 0, 0 };
	struct store_output row;
	struct store_card card;
	struct output *o;

	if (stream == -2 || !http_query_number(r, "offset", &offset)) {
		http_problem(r, 400, "bad_query", "stream or offset cannot "
		    "be", "stream is stdout or stderr, offset a number of "
		    "bytes");
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
	if ((o = calloc(1, sizeof(*o))) == NULL) {
		http_error(r, ERR_NOMEM);
		return;
	}
	o->stream = stream;
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
