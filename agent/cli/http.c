/*
 * http.c - HTTP/1.1 as far as a console speaks it: a URL, and an answer.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/http.h"

#include "common/version.h"

#include <string.h>

/* ---- URLs ---- */

static int
parse_port(const char *p, size_t n, uint16_t *ret_port)
{
	uint32_t v = 0;
	size_t i;

	if (n == 0 || n > 5)
		return ERR_RANGE;
	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return ERR_SYNTAX;
		v = v * 10 + (uint32_t)(p[i] - '0');
	}
	if (v == 0 || v > 65535)
		return ERR_RANGE;
	*ret_port = (uint16_t)v;
	return 0;
}

/* HOST or [HOST], and :PORT; n bytes. */
static int
parse_authority(const char *p, size_t n, struct http_url *u)
{
	const char *end = p + n, *host = p, *colon;
	size_t host_n;

	if (n > 0 && *p == '[') {
		const char *close = memchr(p, ']', n);

		if (close == NULL)
			return ERR_SYNTAX;
		host = p + 1;
		host_n = (size_t)(close - host);
		colon = close + 1;
	} else {
		colon = memchr(p, ':', n);
		host_n = colon != NULL ? (size_t)(colon - p) : n;
		colon = p + host_n;
	}
	if (host_n == 0 || memchr(p, '@', n) != NULL)
		return ERR_SYNTAX;
	if (host_n >= sizeof(u->host))
		return ERR_TOO_LARGE;
	memcpy(u->host, host, host_n);
	u->host[host_n] = '\0';
	if (colon == end)
		return 0;
	if (*colon != ':')
		return ERR_SYNTAX;
	return parse_port(colon + 1, (size_t)(end - colon - 1), &u->port);
}

int
http_url_parse(const char *text, struct http_url *ret_u)
{
	struct http_url u;
	const char *p;
	size_t n, rest;
	int err;

	memset(&u, 0, sizeof(u));
	u.tls = strncmp(text, "https://", 8) == 0;
	if (!u.tls && strncmp(text, "http://", 7) != 0)
		return ERR_SYNTAX;
	for (p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '?' || *p == '#')
			return ERR_SYNTAX;
	p = text + (u.tls ? 8 : 7);
	u.port = u.tls ? 443 : 80;
	n = strcspn(p, "/");
	if ((err = parse_authority(p, n, &u)) != 0)
		return err;
	for (rest = strlen(p + n); rest > 0 && p[n + rest - 1] == '/'; rest--)
		;
	if (rest >= sizeof(u.prefix))
		return ERR_TOO_LARGE;
	memcpy(u.prefix, p + n, rest);
	*ret_u = u;
	return 0;
}

bool
http_url_is_local(const struct http_url *u)
{
	/* A number: "127.example" is anybody's name. */
	return (strncmp(u->host, "127.", 4) == 0 &&
	    strspn(u->host, "0123456789.") == strlen(u->host)) ||
	    strcmp(u->host, "::1") == 0 || strcmp(u->host, "localhost") == 0;
}

void
http_put_request(struct buf *b, const struct http_url *u, const char *method,
    const char *path, const char *token, struct bytes body)
{
	bool v6 = strchr(u->host, ':') != NULL;

	buf_printf(b, "%s %s%s HTTP/1.1\r\nHost: %s%s%s:%u\r\n", method,
	    u->prefix, path, v6 ? "[" : "", u->host, v6 ? "]" : "",
	    (unsigned)u->port);
	if (token != NULL)
		buf_printf(b, "Authorization: Bearer %s\r\n", token);
	buf_printf(b, "User-Agent: countersign/" COUNTERSIGN_VERSION "\r\n"
	    "Accept: application/json, application/problem+json\r\n"
	    "Connection: close\r\n");
	if (body.n > 0 || strcmp(method, "GET") != 0)
		buf_printf(b, "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n", body.n);
	buf_put_str(b, "\r\n");
	buf_put_bytes(b, body);
}

/* ---- answers ---- */

enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_CR, CHUNK_TRAILER };

void
http_reply_init(struct http_reply *r, struct buf *body)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->head, HTTP_HEAD_MAX);
	r->body = body;
}

void
http_reply_fini(struct http_reply *r)
{
	buf_free(&r->head);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The value of a header in a line, if the line is that header's. */
static bool
header_is(struct bytes line, const char *name, struct bytes *ret_value)
{
	size_t i, n = strlen(name);

	if (line.n <= n || line.p[n] != ':')
		return false;
	for (i = 0; i < n; i++)
		if (lower((char)line.p[i]) != name[i])
			return false;
	line = bytes_of(line.p + n + 1, line.n - n - 1);
	while (line.n > 0 && (*line.p == ' ' || *line.p == '\t'))
		line = bytes_of(line.p + 1, line.n - 1);
	while (line.n > 0 && (line.p[line.n - 1] == ' ' ||
	    line.p[line.n - 1] == '\r'))
		line.n--;
	*ret_value = line;
	return true;
}

static int
take_length(struct http_reply *r, struct bytes v)
{
	size_t i;

	if (v.n == 0 || v.n > 15)
		return ERR_PROTOCOL;
	r->left = 0;
	for (i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return ERR_PROTOCOL;
		r->left = r->left * 10 + (uint64_t)(v.p[i] - '0');
	}
	r->has_length = true;
	return 0;
}

static int
take_header(struct http_reply *r, struct bytes line)
{
	struct bytes v;

	if (header_is(line, "content-length", &v))
		return take_length(r, v);
	if (header_is(line, "transfer-encoding", &v)) {
		if (!bytes_is(v, "chunked"))
			return ERR_PROTOCOL;
		r->chunked = true;
	}
	return 0;
}

/* "HTTP/1.1 200 OK" */
static int
take_status(struct http_reply *r, struct bytes line)
{
	int i, status = 0;

	if (line.n < 12 || memcmp(line.p, "HTTP/1.", 7) != 0 ||
	    line.p[8] != ' ')
		return ERR_PROTOCOL;
	for (i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return ERR_PROTOCOL;
		status = status * 10 + (line.p[i] - '0');
	}
	r->status = status;
	return 0;
}

static int
take_head(struct http_reply *r)
{
	struct bytes rest = buf_bytes(&r->head);
	bool first = true;
	int err = 0;

	r->has_length = r->chunked = false;
	while (rest.n > 0 && err == 0) {
		const uint8_t *nl = memchr(rest.p, '\n', rest.n);
		size_t n = nl != NULL ? (size_t)(nl - rest.p) : rest.n;
		struct bytes line = bytes_of(rest.p, n);

		err = first ? take_status(r, line) : take_header(r, line);
		first = false;
		n += nl != NULL;
		rest = bytes_of(rest.p + n, rest.n - n);
	}
	if (err != 0)
		return err;
	buf_clear(&r->head);
	/* 100 Continue comes before the answer itself. */
	r->headed = r->status >= 200;
	r->whole = r->headed && (r->status == 204 ||
	    (!r->chunked && r->has_length && r->left == 0));
	if (r->chunked)
		r->left = 0;
	return 0;
}

/* Up to the empty line. */
static int
feed_head(struct http_reply *r, struct bytes *data)
{
	while (data->n > 0 && !r->headed) {
		buf_put_u8(&r->head, *data->p);
		*data = bytes_of(data->p + 1, data->n - 1);
		if (buf_error(&r->head) != 0)
			return ERR_TOO_LARGE;
		if (r->head.n >= 4 && memcmp(r->head.p + r->head.n - 4,
		    "\r\n\r\n", 4) == 0) {
			int err = take_head(r);

			if (err != 0)
				return err;
		}
	}
	return 0;
}

static void
take_body(struct http_reply *r, struct bytes *data)
{
	size_t n = data->n;

	if ((r->has_length || r->chunked) && n > r->left)
		n = (size_t)r->left;
	buf_put(r->body, data->p, n);
	*data = bytes_of(data->p + n, data->n - n);
	if (r->has_length || r->chunked)
		r->left -= n;
}

/* One byte of the framing of chunks. */
static int
chunk_byte(struct http_reply *r, uint8_t c)
{
	int digit = c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

	switch (r->chunk_at) {
	case CHUNK_SIZE:
		if (digit >= 0) {
			if (r->left > UINT32_MAX)
				return ERR_PROTOCOL;
			r->left = r->left * 16 + (uint64_t)digit;
			return 0;
		}
		if (c == ';' || c == ' ')
			r->chunk_at = CHUNK_EXTENSION;
		else if (c == '\n')
			r->chunk_at = r->left > 0 ? CHUNK_DATA :
			    CHUNK_TRAILER;
		else if (c != '\r')
			return ERR_PROTOCOL;
		return 0;
	case CHUNK_EXTENSION:
		if (c == '\n')
			r->chunk_at = r->left > 0 ? CHUNK_DATA :
			    CHUNK_TRAILER;
		return 0;
	case CHUNK_CR:
		if (c == '\n')
			r->chunk_at = CHUNK_SIZE;
		return c == '\n' || c == '\r' ? 0 : ERR_PROTOCOL;
	default:
		/* Trailers are no part of what we read. */
		r->whole = c == '\n';
		return 0;
	}
}

static int
feed_chunks(struct http_reply *r, struct bytes *data)
{
	int err;

	while (data->n > 0 && !r->whole) {
		if (r->chunk_at == CHUNK_DATA) {
			take_body(r, data);
			if (r->left == 0)
				r->chunk_at = CHUNK_CR;
			continue;
		}
		if ((err = chunk_byte(r, *data->p)) != 0)
			return err;
		*data = bytes_of(data->p + 1, data->n - 1);
	}
	return 0;
}

int
http_reply_feed(struct http_reply *r, struct bytes data)
{
	int err;

	if ((err = feed_head(r, &data)) != 0 || !r->headed || r->whole)
		return err;
	if (r->chunked) {
		err = feed_chunks(r, &data);
	} else {
		take_body(r, &data);
		r->whole = r->has_length && r->left == 0;
	}
	return err != 0 ? err : buf_error(r->body);
}

int
http_reply_end(struct http_reply *r)
{
	if (r->headed && !r->has_length && !r->chunked)
		r->whole = true;
	return r->whole ? 0 : ERR_TRUNCATED;
}
