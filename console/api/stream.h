/*
 * stream.h - server-sent events: what all such streams have in common.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/api).
 *
 * A stream reads what it tells from the store, from where its reader stands;
 * when there is no more, its connection is suspended until its watcher is
 * woken. Nothing is kept for a slow reader but one event.
 */
#ifndef COUNTERSIGN_CONSOLE_API_STREAM_H
#define COUNTERSIGN_CONSOLE_API_STREAM_H

#include "console/api/http.h"

/* One event: a record of 32 KiB, or a piece of output as base64. */
#define STREAM_EVENT_MAX ((size_t)96 << 10)

/* The first member of what belongs to one kind of stream. */
struct stream {
	/* Puts the next event into out, if there is one; 0 whether or not.
	 * ERR_AGAIN: call again, later. Other errors end the stream. */
	int (*fill)(struct stream *s);
	/* Frees all of it but what is the stream's own. */
	void (*end)(struct stream *s);
	struct buf out;
	bool finished;			/* the last event is in out */
	/* From here on the module's own. */
	struct api *api;
	struct MHD_Connection *connection;
	struct stream *next, **at;
	struct watcher watcher;
	size_t out_at;			/* what of it was handed on */
	bool suspended;
	bool closing;
};

/*
 * Answers the request with a stream that is woken with that key of watch.h;
 * fill and end are set, the rest of it is zero. The memory is taken over: end
 * is called last, and frees it.
 */
void stream_start(struct request *r, struct stream *s,
    const struct sha256 *key);

#endif
