/*
 * http.h - HTTP/1.1 as far as a console speaks it: a URL, and an answer.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * Pure: bytes in, bytes out (RFC 9112). No redirects, no compression.
 */
#ifndef COUNTERSIGN_AGENT_CLI_HTTP_H
#define COUNTERSIGN_AGENT_CLI_HTTP_H

#include "common/bytes.h"

#define HTTP_HOST_SIZE 256
#define HTTP_HEAD_MAX 32768

struct http_url {
	bool tls;
	char host[HTTP_HOST_SIZE];	/* without the brackets of IPv6 */
	uint16_t port;
	char prefix[256];		/* of the path, without a last slash */
};

/*
 * http://HOST[:PORT][/PATH] or https://. No user, query or fragment.
 * ERR_SYNTAX, ERR_RANGE (port), ERR_TOO_LARGE.
 */
MUST_CHECK int http_url_parse(const char *text, struct http_url *ret_u);
/* Whether the host is this machine by its name or number. */
bool http_url_is_local(const struct http_url *u);

/* Appends a request; token may be NULL. Failures are the buffer's. */
void http_put_request(struct buf *b, const struct http_url *u,
    const char *method, const char *path, const char *token,
    struct bytes body);

/* An answer on its way in. All zeros but body: an empty buffer. */
struct http_reply {
	int status;
	struct buf head;	/* until the empty line */
	struct buf *body;
	bool headed;		/* the head is whole */
	bool chunked, has_length;
	uint64_t left;		/* of the body, or of the chunk */
	int chunk_at;		/* where in a chunk */
	bool whole;
};

void http_reply_init(struct http_reply *r, struct buf *body);
void http_reply_fini(struct http_reply *r);
/* Takes bytes. ERR_PROTOCOL, ERR_TOO_LARGE, the body's errors. */
MUST_CHECK int http_reply_feed(struct http_reply *r, struct bytes data);
/* The connection has ended: ERR_TRUNCATED if the answer had not. */
MUST_CHECK int http_reply_end(struct http_reply *r);

#endif
