/*
 * resolve.h - the addresses of a name, without holding up the loop.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * A thread of its own for each look-up, ended with it: libuv's pool would keep
 * four for good, for one look-up a connection.
 */
#ifndef COUNTERSIGN_AGENT_COURIER_RESOLVE_H
#define COUNTERSIGN_AGENT_COURIER_RESOLVE_H

#include "common/bytes.h"

#include <uv.h>

/* Addresses that are tried, one after the other. */
#define RESOLVE_MAX 8

struct resolve;

/* What came of it, in the loop's thread: n addresses with the port set, or none
 * and why, a static text. The look-up is over: do not cancel it any more. */
typedef void resolve_done(void *arg, const char *why,
    const struct sockaddr_storage *addrs, size_t n);

/*
 * Looks up a host name, or reads an address: then done is called before this
 * returns. ERR_NOMEM, ERR_IO: not begun, done will not be called.
 */
MUST_CHECK int resolve_start(uv_loop_t *loop, const char *host, uint16_t port,
    resolve_done *done, void *arg, struct resolve **ret_r);

/* done will not be called; the thread ends in its time. NULL is fine. */
void resolve_cancel(struct resolve *r);

#endif
