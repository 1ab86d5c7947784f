/*
 * wshake.h - the HTTP/1.1 opening handshake of a WebSocket, both sides, and a
 * proxy's CONNECT, without I/O.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 *
 * RFC 6455 section 4, over the message format of RFC 9112, strictly: lines end
 * in CR LF, no folded lines, no spaces before a colon, one value where one is
 * meant. Nothing is followed: a redirect is a refusal.
 */
#ifndef COUNTERSIGN_COMMON_WSHAKE_H
#define COUNTERSIGN_COMMON_WSHAKE_H

#include "common/bytes.h"

/* The subprotocol of the link between device and console. */
#define WSHAKE_PROTOCOL "countersign.agent.v1"

/* Random bytes of Sec-WebSocket-Key. */
#define WSHAKE_NONCE_LEN 16

/* The head of a request or reply may have so many bytes. */
#define WSHAKE_HEAD_MAX ((size_t)8 * 1024)

/* ---- The head of a message as it arrives ---- */

struct wshake_head {
	struct buf data;
	int err;		/* once failed, it stays failed */
	bool done;
};

void wshake_head_init(struct wshake_head *h);
/* Frees it. Idempotent. */
void wshake_head_fini(struct wshake_head *h);

/*
 * Takes bytes off *in up to the end of the head; what then is left of *in
 * belongs to what follows. 0: the head is complete. ERR_AGAIN: more is needed.
 * ERR_TOO_LARGE: over WSHAKE_HEAD_MAX; ERR_CHARACTER: a byte that no head has;
 * ERR_NOMEM; ERR_STATE: complete already.
 */
MUST_CHECK int wshake_head_feed(struct wshake_head *h, struct bytes *in);

/* ---- The client ---- */

struct wshake_field {
	struct bytes name, value;
};

struct wshake_ask {
	struct bytes host;	/* and :port where it is not the default */
	struct bytes path;	/* from the first slash, with any query */
	struct bytes protocol;	/* the one subprotocol on offer */
	const uint8_t *nonce;	/* WSHAKE_NONCE_LEN random bytes */
	const struct wshake_field *extra;
	size_t n_extra;
};

/* Appends the request. ERR_CHARACTER: a part that would break the message;
 * the buffer's error. ret_b keeps its content on failure. */
MUST_CHECK int wshake_put_request(const struct wshake_ask *ask,
    struct buf *ret_b);

/* How the other side answered. */
struct wshake_answer {
	bool accepted;		/* else it refused with that status */
	int status;		/* 100 to 599 */
	/* Retry-After in seconds; 0: none, or given as a date, which needs a
	 * clock. As large as the other side likes: cap it. */
	uint32_t retry_after_s;
};

/*
 * The reply to a request with this nonce and protocol. accepted: status 101,
 * and upgrade, accept and subprotocol are right (4.1). ERR_SYNTAX,
 * ERR_CHARACTER, ERR_DUPLICATE: not a proper HTTP reply; ERR_PROTOCOL: a 101
 * that does not keep to RFC 6455; ERR_CRYPTO; ERR_TRUNCATED: h is not complete.
 */
MUST_CHECK int wshake_read_answer(const struct wshake_head *h,
    const uint8_t *nonce, struct bytes protocol,
    struct wshake_answer *ret_answer);

/* A proxy's user and password (RFC 7617, UTF-8). */
struct wshake_login {
	struct bytes user, password;
};

/*
 * Appends `CONNECT authority` (host:port, RFC 9110 9.3.6); login may be NULL.
 * ERR_CHARACTER: authority is no host:port, a colon in the user or a control
 * character in either; the buffer's error. ret_b keeps its content on failure.
 */
MUST_CHECK int wshake_put_connect(struct bytes authority,
    const struct wshake_login *login, struct buf *ret_b);

/* The proxy's reply. accepted: any 2xx; the bytes after the head are then the
 * tunnel's. ERR_SYNTAX, ERR_CHARACTER, ERR_DUPLICATE, ERR_TRUNCATED. */
MUST_CHECK int wshake_read_connect(const struct wshake_head *h,
    struct wshake_answer *ret_answer);

/* ---- The server ---- */

/* What a client asked for. Points into the head that was read. */
struct wshake_request {
	struct bytes path, host, key;
};

/*
 * Reads a request that must ask for this subprotocol. Which path and host are
 * served is the caller's to say. ERR_SYNTAX, ERR_CHARACTER, ERR_DUPLICATE,
 * ERR_MISSING_FIELD: not a proper request; ERR_UNSUPPORTED: another method than
 * GET; ERR_VERSION: no upgrade to a WebSocket of version 13; ERR_TRUNCATED: h
 * is not complete. wshake_status_for() has the status to refuse it with.
 */
MUST_CHECK int wshake_read_request(const struct wshake_head *h,
    struct bytes protocol, struct wshake_request *ret_request);

/* Appends the 101 reply. ERR_CRYPTO; the buffer's error. */
MUST_CHECK int wshake_put_accept(const struct wshake_request *request,
    struct bytes protocol, struct buf *ret_b);

/* The status to refuse a request with, for an error of wshake_head_feed() or
 * wshake_read_request(). */
int wshake_status_for(int err);

/*
 * Appends a refusal without a body; the connection is to be closed after it.
 * Retry-After is left out for 0. ERR_RANGE: a status that is not one of 400,
 * 401, 403, 404, 405, 408, 426, 429, 431, 500, 503; the buffer's error.
 */
MUST_CHECK int wshake_put_refusal(int status, uint32_t retry_after_s,
    struct buf *ret_b);

#endif
