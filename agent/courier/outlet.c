/*
 * outlet.c - bytes that wait to be written to a stream.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/outlet.h"

void
outlet_init(struct outlet *o, uv_stream_t *stream, size_t cap,
    void (*on_sent)(void *arg, int err), void *arg)
{
	o->stream = stream;
	o->writing = false;
	o->handed = 0;
	o->on_sent = on_sent;
	o->arg = arg;
	buf_init(&o->pending, cap);
	buf_init(&o->inflight, cap);
}

void
outlet_fini(struct outlet *o)
{
	buf_free(&o->pending);
	buf_free(&o->inflight);
}

void
outlet_tidy(struct outlet *o)
{
	if (!o->writing && o->pending.n == 0)
		outlet_fini(o);
}

static void
on_written(uv_write_t *req, int status)
{
	struct outlet *o = req->data;
	int err = status == 0 ? 0 : ERR_IO;

	o->writing = false;
	buf_clear(&o->inflight);
	if (status == UV_ECANCELED)
		return;
	if (o->inflight.size > OUTLET_KEEP)
		buf_free(&o->inflight);
	if (err == 0)
		err = outlet_flush(o);
	o->on_sent(o->arg, err);
}

int
outlet_flush(struct outlet *o)
{
	struct buf empty = o->inflight;
	uv_buf_t piece;

	if (o->writing || o->pending.n == 0)
		return 0;
	o->inflight = o->pending;
	o->pending = empty;
	piece = uv_buf_init((char *)o->inflight.p,
	    (unsigned)o->inflight.n);
	o->req.data = o;
	if (uv_write(&o->req, o->stream, &piece, 1, on_written) != 0)
		return ERR_IO;
	o->writing = true;
	o->handed += o->inflight.n;
	return 0;
}

uint64_t
outlet_taken(const struct outlet *o)
{
	return o->handed - uv_stream_get_write_queue_size(o->stream);
}

size_t
outlet_waiting(const struct outlet *o)
{
	return o->pending.n + uv_stream_get_write_queue_size(o->stream);
}
