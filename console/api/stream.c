/*
 * stream.c - server-sent events: what all such streams have in common.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/api/stream.h"

#include <string.h>

#define READ_SIZE 65536

static void
wake(void *ctx)
{
	struct stream *s = ctx;

	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->connection);
	http_kick(s->api);
}

void
stream_beat_all(struct stream **first)
{
	struct stream *s;

	for (s = *first; s != NULL; s = s->next)
		if (s->suspended) {
			/* A comment: it finds out who has gone. */
			buf_put_str(&s->out, ":\n\n");
			wake(s);
		}
}

void
stream_end_all(struct stream **first)
{
	struct stream *s;

	for (s = *first; s != NULL; s = s->next) {
		s->closing = true;
		wake(s);
	}
}

static void
free_stream(void *cls)
{
	struct stream *s = cls;

	watch_remove(&s->watcher);
	*s->at = s->next;
	if (s->next != NULL)
		s->next->at = s->at;
	buf_free(&s->out);
	s->end(s);
}

static ssize_t
read_stream(void *cls, uint64_t at, char *buf, size_t max)
{
	struct stream *s = cls;
	size_t n;
	int err;

	(void)at;
	if (s->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (s->out_at == s->out.n) {
		if (s->finished)
			return MHD_CONTENT_READER_END_OF_STREAM;
		buf_clear(&s->out);
		s->out_at = 0;
		err = s->fill(s);
		if (err == ERR_AGAIN)
			return 0;
		if (err != 0 || buf_error(&s->out) != 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (s->out.n == 0) {
		s->suspended = true;
		MHD_suspend_connection(s->connection);
		return 0;
	}
	n = s->out.n - s->out_at;
	if (n > max)
		n = max;
	memcpy(buf, s->out.p + s->out_at, n);
	s->out_at += n;
	return (ssize_t)n;
}

void
stream_start(struct request *r, struct stream *s, const struct sha256 *key)
{
	struct stream **first = http_streams(r->api);
	struct MHD_Response *response;

	s->api = r->api;
	s->connection = r->connection;
	buf_init(&s->out, STREAM_EVENT_MAX);
	s->watcher.card = *key;
	s->watcher.wake = wake;
	s->watcher.ctx = s;
	watch_add(&r->c->watch, &s->watcher);
	s->next = *first;
	s->at = first;
	if (s->next != NULL)
		s->next->at = &s->next;
	*first = s;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
	    READ_SIZE, read_stream, s, free_stream);
	if (response == NULL) {
		free_stream(s);
		http_error(r, ERR_NOMEM);
		return;
	}
	r->c->counters.events_opened++;
	http_stream(r, "text/event-stream", response);
}
