/*
 * outlet.h - bytes that wait to be written to a stream.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * Append to `pending`, then flush. One write is on its way at a time; what
 * comes meanwhile gathers behind it. The memory of both is kept for what comes
 * next, up to OUTLET_KEEP bytes each, until outlet_tidy().
 */
#ifndef COUNTERSIGN_AGENT_COURIER_OUTLET_H
#define COUNTERSIGN_AGENT_COURIER_OUTLET_H

#include "common/bytes.h"

#include <uv.h>

#define OUTLET_KEEP ((size_t)256 * 1024)

struct outlet {
	uv_stream_t *stream;
	struct buf pending;	/* its failure is the writer's to see */
	struct buf inflight;
	uv_write_t req;
	bool writing;
	uint64_t handed;	/* bytes given to libuv so far */
	/* A write has ended: err 0, or ERR_IO and the stream is of no use.
	 * Not called for what uv_close() cancels. */
	void (*on_sent)(void *arg, int err);
	void *arg;
};

/* Nothing waits; more than cap bytes never will. */
void outlet_init(struct outlet *o, uv_stream_t *stream, size_t cap,
    void (*on_sent)(void *arg, int err), void *arg);
/* Frees what waits: only while no write is on its way. Idempotent. */
void outlet_fini(struct outlet *o);
/* Frees what is kept, if nothing waits. */
void outlet_tidy(struct outlet *o);
/* Hands what waits to the system. ERR_IO. */
MUST_CHECK int outlet_flush(struct outlet *o);
/* Bytes that the system has taken so far. */
uint64_t outlet_taken(const struct outlet *o);
/* Bytes that wait here or in libuv, without those in the system's buffer. */
size_t outlet_waiting(const struct outlet *o);

#endif
