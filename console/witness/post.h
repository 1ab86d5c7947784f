/*
 * post.h - one HTTP POST at a time, in a thread of its own.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * The only user of libcurl. A server that is slow, or never answers, holds up
 * nothing but what is asked of it. The connection is kept for the next one.
 */
#ifndef COUNTERSIGN_CONSOLE_WITNESS_POST_H
#define COUNTERSIGN_CONSOLE_WITNESS_POST_H

#include "common/bytes.h"

#include <uv.h>

/* The largest answer that is read. */
#define POST_ANSWER_MAX ((size_t)64 << 10)

struct post;

/* On the loop. status: of HTTP, or 0 if there was no whole answer. */
typedef void post_done_fn(void *ctx, long status, struct bytes body);

/* ERR_NOMEM, ERR_IO. */
MUST_CHECK int post_new(uv_loop_t *loop, post_done_fn *done, void *ctx,
    struct post **ret_p);
/* Stops what is under way; done is not called any more. Frees once the loop
 * has run on. NULL is fine. */
void post_close(struct post *p);
bool post_is_busy(const struct post *p);
/* Both are copied. ERR_STATE while busy; ERR_NOMEM; ERR_IO no thread. */
MUST_CHECK int post_send(struct post *p, const char *url, struct bytes body);

#endif
