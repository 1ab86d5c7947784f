/*
 * test_wshake.c - the WebSocket's opening handshake and a proxy's CONNECT.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/sha1.h"
#include "common/wshake.h"
#include "tests/harness/test.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The key of RFC 6455 1.3, "the sample nonce", and its accept value */
static const uint8_t nonce[] = "the sample nonce";
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define P "countersign.agent.v1"

#define REQUEST_LINE "GET /agent HTTP/1.1\r\n"
#define HOST "Host: console.example:8443\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define THE_KEY "Sec-WebSocket-Key: " KEY "\r\n"
#define PROTO "Sec-WebSocket-Protocol: " P "\r\n"
#define GOOD_REQUEST REQUEST_LINE HOST UP V13 THE_KEY PROTO "\r\n"

#define STATUS_101 "HTTP/1.1 101 Switching Protocols\r\n"
#define THE_ACCEPT "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static int
feed(struct wshake_head *h, const char *text)
{
	struct bytes in = bytes_str(text);
	int err = wshake_head_feed(h, &in);

	CHECK(err != 0 || in.n == 0);
	return err;
}

TEST(sha1_vectors)
{
	uint8_t digest[SHA1_LEN];

	/* FIPS 180 examples */
	CHECK_INT(sha1(bytes_str("abc"), digest), 0);
	CHECK_MEM(digest, 20, "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25"
	    "\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d", 20);
	CHECK_INT(sha1(bytes_str(""), digest), 0);
	CHECK_MEM(digest, 20, "\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf"
	    "\xef\x95\x60\x18\x90\xaf\xd8\x07\x09", 20);
}

/* ---- the head ---- */

static const struct {
	const char *text;
	int err;
} heads[] = {
	{ "A\r\n\r\n", 0 },
	{ "\r\n\r\n", 0 },
	{ "A\r\nB: c\r\n\r\n", 0 },
	{ "A\tB \x80\xff~\r\n\r\n", 0 },
	{ "", ERR_AGAIN },
	{ "A\r\n\r", ERR_AGAIN },
	{ "A\r\nB\r\n", ERR_AGAIN },
	{ "A\n\n", ERR_CHARACTER },
	{ "\n", ERR_CHARACTER },
	{ "A\r\r\n", ERR_CHARACTER },
	{ "A\rB", ERR_CHARACTER },
	{ "A\r\n\n", ERR_CHARACTER },
	{ "A\x7f", ERR_CHARACTER },
	{ "A\x01", ERR_CHARACTER },
	{ "A\x1f", ERR_CHARACTER },
};

TEST(head_table)
{
	struct wshake_head h;
	struct bytes in;
	size_t i, k, n;
	int err;

	for (i = 0; i < COUNT(heads); i++) {
		wshake_head_init(&h);
		err = feed(&h, heads[i].text);
		CHECK_MSG(err == heads[i].err, "row %zu: %d", i, err);
		wshake_head_fini(&h);
		/* One byte at a time */
		wshake_head_init(&h);
		n = strlen(heads[i].text);
		for (err = ERR_AGAIN, k = 0; k < n && err == ERR_AGAIN; k++) {
			in = bytes_of(heads[i].text + k, 1);
			err = wshake_head_feed(&h, &in);
		}
		CHECK_MSG(err == heads[i].err, "row %zu: %d", i, err);
		wshake_head_fini(&h);
		wshake_head_fini(&h);
	}
	wshake_head_init(&h);
	in = bytes_of("A\0\r\n\r\n", 6);
	CHECK_INT(wshake_head_feed(&h, &in), ERR_CHARACTER);
	in = bytes_str("B\r\n\r\n");
	CHECK_INT(wshake_head_feed(&h, &in), ERR_CHARACTER);
	wshake_head_fini(&h);
}

TEST(head_leaves_what_follows)
{
	struct wshake_head h;
	struct bytes in;

	wshake_head_init(&h);
	in = bytes_str("A\r\n\r\n\x81");
	CHECK_INT(wshake_head_feed(&h, &in), 0);
	CHECK_MEM(in.p, in.n, "\x81", 1);
	CHECK_INT(wshake_head_feed(&h, &in), ERR_STATE);
	CHECK_INT(in.n, 1);
	wshake_head_fini(&h);
}

TEST(head_cap)
{
	struct wshake_head h;
	struct bytes in;
	char *big;
	size_t n = WSHAKE_HEAD_MAX;

	CHECK((big = malloc(n + 1)) != NULL);
	memset(big, 'a', n + 1);
	memcpy(big + n - 4, "\r\n\r\n", 4);
	wshake_head_init(&h);
	in = bytes_of(big, n);
	CHECK_INT(wshake_head_feed(&h, &in), 0);
	wshake_head_fini(&h);
	memset(big, 'a', n + 1);
	wshake_head_init(&h);
	in = bytes_of(big, n);
	CHECK_INT(wshake_head_feed(&h, &in), ERR_AGAIN);
	in = bytes_of(big, 1);
	CHECK_INT(wshake_head_feed(&h, &in), ERR_TOO_LARGE);
	CHECK_INT(wshake_head_feed(&h, &in), ERR_TOO_LARGE);
	wshake_head_fini(&h);
	free(big);
}

/* ---- what the client writes, the server reads, and back ---- */

TEST(both_sides)
{
	struct wshake_field extra[] = {
	    { bytes_str("User-Agent"), bytes_str("countersign/1 (linux)") } };
	struct wshake_ask ask = { .host = bytes_str("console.example:8443"),
	    .path = bytes_str("/agent?x=1"), .protocol = bytes_str(P),
	    .nonce = nonce, .extra = extra, .n_extra = 1 };
	struct wshake_request request;
	struct wshake_answer answer;
	struct wshake_head h;
	struct buf b;
	struct bytes in;

	buf_init(&b, 4096);
	CHECK_INT(wshake_put_request(&ask, &b), 0);
	buf_put_u8(&b, 0);
	CHECK_STR((char *)b.p, "GET /agent?x=1 HTTP/1.1\r\n" HOST UP V13
	    THE_KEY PROTO "User-Agent: countersign/1 (linux)\r\n\r\n");
	wshake_head_init(&h);
	in = bytes_of(b.p, b.n - 1);
	CHECK_INT(wshake_head_feed(&h, &in), 0);
	CHECK_INT(wshake_read_request(&h, bytes_str(P), &request), 0);
	CHECK(bytes_is(request.path, "/agent?x=1"));
	CHECK(bytes_is(request.host, "console.example:8443"));
	CHECK(bytes_is(request.key, KEY));

	buf_clear(&b);
	CHECK_INT(wshake_put_accept(&request, bytes_str(P), &b), 0);
	wshake_head_fini(&h);
	buf_put_u8(&b, 0);
	CHECK_STR((char *)b.p, STATUS_101 UP THE_ACCEPT PROTO "\r\n");
	wshake_head_init(&h);
	in = bytes_of(b.p, b.n - 1);
	CHECK_INT(wshake_head_feed(&h, &in), 0);
	CHECK_INT(wshake_read_answer(&h, nonce, bytes_str(P), &answer), 0);
	CHECK(answer.accepted);
	CHECK_INT(answer.status, 101);
	wshake_head_fini(&h);
	buf_free(&b);
}

static const struct {
	const char *host, *path, *protocol, *name, *value;
	int err;
} asks[] = {
	{ "h", "/", "p", "n", "v", 0 },
	{ "[::1]:8443", "/a", "p", "n", "a b\tc\xff", 0 },
	{ "", "/", "p", "n", "v", ERR_CHARACTER },
	{ "h\r\nX: y", "/", "p", "n", "v", ERR_CHARACTER },
	{ "h/x", "/", "p", "n", "v", ERR_CHARACTER },
	{ "u@h", "/", "p", "n", "v", ERR_CHARACTER },
	{ "h h", "/", "p", "n", "v", ERR_CHARACTER },
	{ "h\x80", "/", "p", "n", "v", ERR_CHARACTER },
	{ "h", "", "p", "n", "v", ERR_CHARACTER },
	{ "h", "a", "p", "n", "v", ERR_CHARACTER },
	{ "h", "/a b", "p", "n", "v", ERR_CHARACTER },
	{ "h", "/a\r\n", "p", "n", "v", ERR_CHARACTER },
	{ "h", "/a#b", "p", "n", "v", ERR_CHARACTER },
	{ "h", "/", "", "n", "v", ERR_CHARACTER },
	{ "h", "/", "p,q", "n", "v", ERR_CHARACTER },
	{ "h", "/", "p", "n:", "v", ERR_CHARACTER },
	{ "h", "/", "p", "", "v", ERR_CHARACTER },
	{ "h", "/", "p", "n", "v\r\nX: y", ERR_CHARACTER },
	{ "h", "/", "p", "n", "v\x7f", ERR_CHARACTER },
	{ "h", "/", "p", "n", "", ERR_CHARACTER },
};

TEST(request_parts)
{
	struct wshake_field extra;
	struct wshake_ask ask;
	struct buf b;
	size_t i;

	for (i = 0; i < COUNT(asks); i++) {
		extra.name = bytes_str(asks[i].name);
		extra.value = bytes_str(asks[i].value);
		ask = (struct wshake_ask){ .host = bytes_str(asks[i].host),
		    .path = bytes_str(asks[i].path),
		    .protocol = bytes_str(asks[i].protocol), .nonce = nonce,
		    .extra = &extra, .n_extra = 1 };
		buf_init(&b, 4096);
		CHECK_MSG(wshake_put_request(&ask, &b) == asks[i].err,
		    "row %zu", i);
		CHECK((b.n == 0) == (asks[i].err != 0));
		buf_free(&b);
	}
}

/* ---- requests ---- */

static const struct {
	const char *name, *text;
	int err, status;
} requests[] = {
	{ "good", GOOD_REQUEST, 0, 0 },
	{ "cases and spaces", "GET / HTTP/1.1\r\nHOST:\t h \t\r\n"
	    "UPGRADE: WebSocket\r\nconnection: keep-alive, UPGRADE\r\n"
	    "sec-websocket-version:13\r\nsec-WebSocket-KEY:" KEY "\r\n"
	    "SEC-websocket-protocol: x , " P ",y\r\n\r\n", 0, 0 },
	{ "lists in several fields", REQUEST_LINE HOST
	    "Connection: keep-alive\r\nConnection: upgrade\r\n"
	    "Upgrade: h2c, \r\nUpgrade: ,websocket\r\n" V13 THE_KEY
	    "Sec-WebSocket-Protocol: other\r\n" PROTO "\r\n", 0, 0 },
	{ "unknown fields", REQUEST_LINE HOST UP V13 THE_KEY PROTO
	    "X-Foo:\r\nX-Foo: \xc3\xa9\r\nSec-WebSocket-Extensions: "
	    "permessage-deflate\r\n\r\n", 0, 0 },
	{ "empty body said", REQUEST_LINE HOST UP V13 THE_KEY PROTO
	    "Content-Length: 0\r\n\r\n", 0, 0 },

	{ "no line", "\r\n\r\n", ERR_SYNTAX, 400 },
	{ "no target", "GET\r\n" HOST "\r\n", ERR_SYNTAX, 400 },
	{ "no version", "GET /\r\n" HOST "\r\n", ERR_SYNTAX, 400 },
	{ "1.0", "GET / HTTP/1.0\r\n" HOST "\r\n", ERR_SYNTAX, 400 },
	{ "2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", ERR_SYNTAX, 400 },
	{ "more on the line", "GET / HTTP/1.1 x\r\n" HOST "\r\n",
	    ERR_SYNTAX, 400 },
	{ "two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", ERR_SYNTAX, 400 },
	{ "tab in the line", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", ERR_SYNTAX,
	    400 },
	{ "no method", " / HTTP/1.1\r\n" HOST "\r\n", ERR_SYNTAX, 400 },
	{ "target of another host", "GET http://h/ HTTP/1.1\r\n" HOST "\r\n",
	    ERR_SYNTAX, 400 },
	{ "target with a fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n",
	    ERR_SYNTAX, 400 },
	{ "target not ASCII", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n",
	    ERR_SYNTAX, 400 },
	{ "post", "POST / HTTP/1.1\r\n" HOST "\r\n", ERR_UNSUPPORTED, 405 },
	{ "get in lower case", "get / HTTP/1.1\r\n" HOST "\r\n",
	    ERR_UNSUPPORTED, 405 },
	{ "options *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
	    ERR_UNSUPPORTED, 405 },

	{ "no colon", REQUEST_LINE "Host\r\n\r\n", ERR_SYNTAX, 400 },
	{ "space before the colon", REQUEST_LINE "Host : h\r\n\r\n",
	    ERR_SYNTAX, 400 },
	{ "no name", REQUEST_LINE ": h\r\n\r\n", ERR_SYNTAX, 400 },
	{ "folded", REQUEST_LINE "X: a\r\n b: c\r\n\r\n", ERR_SYNTAX, 400 },
	{ "two hosts", REQUEST_LINE HOST HOST "\r\n", ERR_DUPLICATE, 400 },
	{ "two keys", REQUEST_LINE HOST THE_KEY THE_KEY "\r\n",
	    ERR_DUPLICATE, 400 },
	{ "no host", REQUEST_LINE UP V13 THE_KEY PROTO "\r\n",
	    ERR_MISSING_FIELD, 400 },
	{ "empty host", REQUEST_LINE "Host:\r\n" UP V13 THE_KEY PROTO "\r\n",
	    ERR_CHARACTER, 400 },
	{ "bad host", REQUEST_LINE "Host: a b\r\n" UP V13 THE_KEY PROTO
	    "\r\n", ERR_CHARACTER, 400 },
	{ "a body", REQUEST_LINE HOST UP V13 THE_KEY PROTO
	    "Content-Length: 1\r\n\r\n", ERR_SYNTAX, 400 },
	{ "a chunked body", REQUEST_LINE HOST UP V13 THE_KEY PROTO
	    "Transfer-Encoding: chunked\r\n\r\n", ERR_SYNTAX, 400 },

	{ "a plain get", REQUEST_LINE HOST "\r\n", ERR_VERSION, 426 },
	{ "no upgrade", REQUEST_LINE HOST "Connection: Upgrade\r\n" V13
	    THE_KEY PROTO "\r\n", ERR_VERSION, 426 },
	{ "upgrade to h2c", REQUEST_LINE HOST "Connection: Upgrade\r\n"
	    "Upgrade: h2c\r\n" V13 THE_KEY PROTO "\r\n", ERR_VERSION, 426 },
	{ "no connection", REQUEST_LINE HOST "Upgrade: websocket\r\n" V13
	    THE_KEY PROTO "\r\n", ERR_VERSION, 426 },
	{ "version 8", REQUEST_LINE HOST UP "Sec-WebSocket-Version: 8\r\n"
	    THE_KEY PROTO "\r\n", ERR_VERSION, 426 },
	{ "no version field", REQUEST_LINE HOST UP THE_KEY PROTO "\r\n",
	    ERR_VERSION, 426 },
	{ "no key", REQUEST_LINE HOST UP V13 PROTO "\r\n",
	    ERR_MISSING_FIELD, 400 },
	{ "short key", REQUEST_LINE HOST UP V13 PROTO
	    "Sec-WebSocket-Key: AAAA\r\n\r\n", ERR_SYNTAX, 400 },
	{ "long key", REQUEST_LINE HOST UP V13 PROTO
	    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n",
	    ERR_SYNTAX, 400 },
	{ "key not base64", REQUEST_LINE HOST UP V13 PROTO
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n\r\n",
	    ERR_SYNTAX, 400 },
	{ "no protocol", REQUEST_LINE HOST UP V13 THE_KEY "\r\n",
	    ERR_MISSING_FIELD, 400 },
	{ "another protocol", REQUEST_LINE HOST UP V13 THE_KEY
	    "Sec-WebSocket-Protocol: countersign.agent.v2\r\n\r\n",
	    ERR_MISSING_FIELD, 400 },
	{ "protocol in other case", REQUEST_LINE HOST UP V13 THE_KEY
	    "Sec-WebSocket-Protocol: Countersign.agent.v1\r\n\r\n",
	    ERR_MISSING_FIELD, 400 },
};

TEST(request_table)
{
	struct wshake_request r;
	struct wshake_head h;
	size_t i;
	int err;

	for (i = 0; i < COUNT(requests); i++) {
		wshake_head_init(&h);
		CHECK_INT(feed(&h, requests[i].text), 0);
		err = wshake_read_request(&h, bytes_str(P), &r);
		CHECK_MSG(err == requests[i].err, "%s: %d", requests[i].name,
		    err);
		if (err != 0)
			CHECK_INT(wshake_status_for(err), requests[i].status);
		wshake_head_fini(&h);
	}
}

TEST(incomplete_head)
{
	struct wshake_request r;
	struct wshake_answer a;
	struct wshake_head h;

	wshake_head_init(&h);
	CHECK_INT(feed(&h, "GET / HTTP/1.1\r\n"), ERR_AGAIN);
	CHECK_INT(wshake_read_request(&h, bytes_str(P), &r), ERR_TRUNCATED);
	CHECK_INT(wshake_read_answer(&h, nonce, bytes_str(P), &a),
	    ERR_TRUNCATED);
	CHECK_INT(wshake_read_connect(&h, &a), ERR_TRUNCATED);
	wshake_head_fini(&h);
}

/* ---- replies ---- */

static const struct {
	const char *name, *text;
	int err, status;
	uint32_t retry;
} answers[] = {
	{ "good", STATUS_101 UP THE_ACCEPT PROTO "\r\n", 0, 101, 0 },
	{ "cases", "HTTP/1.1 101 \r\nCONNECTION: upgrade\r\n"
	    "upgrade: WEBSOCKET\r\nsec-websocket-accept:" ACCEPT "\r\n"
	    PROTO "\r\n", 0, 101, 0 },
	{ "no words", "HTTP/1.1 101\r\n" UP THE_ACCEPT PROTO "\r\n", 0, 101,
	    0 },
	{ "refused", "HTTP/1.1 403 Forbidden\r\n\r\n", 0, 403, 0 },
	{ "refused, later", "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n\r\n",
	    0, 503, 120 },
	{ "1.0 refusal", "HTTP/1.0 503 Busy\r\nRetry-After: 7\r\n\r\n", 0,
	    503, 7 },
	{ "redirect", "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", 0,
	    302, 0 },
	{ "retry after a date", "HTTP/1.1 503 Busy\r\n"
	    "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT\r\n\r\n", 0, 503, 0 },
	{ "retry after too long", "HTTP/1.1 429 x\r\n"
	    "Retry-After: 4294967296\r\n\r\n", 0, 429, UINT32_MAX },
	{ "retry after far too long", "HTTP/1.1 429 x\r\n"
	    "Retry-After: 99999999999999999999999\r\n\r\n", 0, 429,
	    UINT32_MAX },
	{ "retry after, largest", "HTTP/1.1 429 x\r\n"
	    "Retry-After: 4294967295\r\n\r\n", 0, 429, UINT32_MAX },
	{ "retry after, negative", "HTTP/1.1 429 x\r\n"
	    "Retry-After: -1\r\n\r\n", 0, 429, 0 },

	{ "not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "short", "HTTP/1.1 10\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "1.2", "HTTP/1.2 101 x\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "2", "HTTP/2 101 xxx\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "no space", "HTTP/1.1x101 x\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "four digits", "HTTP/1.1 1010\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "letters", "HTTP/1.1 1a1 x\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "status 0", "HTTP/1.1 001 x\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "status 600", "HTTP/1.1 600 x\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "bad field", "HTTP/1.1 403 x\r\nA b\r\n\r\n", ERR_SYNTAX, 0, 0 },
	{ "retry after twice", "HTTP/1.1 503 x\r\nRetry-After: 1\r\n"
	    "Retry-After: 2\r\n\r\n", ERR_DUPLICATE, 0, 0 },

	{ "101 of HTTP/1.0", "HTTP/1.0 101 x\r\n" UP THE_ACCEPT PROTO "\r\n",
	    ERR_PROTOCOL, 0, 0 },
	{ "no upgrade", STATUS_101 "Connection: Upgrade\r\n" THE_ACCEPT PROTO
	    "\r\n", ERR_PROTOCOL, 0, 0 },
	{ "no connection", STATUS_101 "Upgrade: websocket\r\n" THE_ACCEPT
	    PROTO "\r\n", ERR_PROTOCOL, 0, 0 },
	{ "no accept", STATUS_101 UP PROTO "\r\n", ERR_PROTOCOL, 0, 0 },
	{ "another accept", STATUS_101 UP PROTO
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
	    ERR_PROTOCOL, 0, 0 },
	{ "two accepts", STATUS_101 UP THE_ACCEPT THE_ACCEPT PROTO "\r\n",
	    ERR_DUPLICATE, 0, 0 },
	{ "no protocol", STATUS_101 UP THE_ACCEPT "\r\n", ERR_PROTOCOL, 0,
	    0 },
	{ "another protocol", STATUS_101 UP THE_ACCEPT
	    "Sec-WebSocket-Protocol: x\r\n\r\n", ERR_PROTOCOL, 0, 0 },
	{ "two protocols", STATUS_101 UP THE_ACCEPT
	    "Sec-WebSocket-Protocol: x, " P "\r\n\r\n", ERR_PROTOCOL, 0, 0 },
	{ "an extension", STATUS_101 UP THE_ACCEPT PROTO
	    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
	    ERR_PROTOCOL, 0, 0 },
};

TEST(answer_table)
{
	struct wshake_answer a;
	struct wshake_head h;
	size_t i;
	int err;

	for (i = 0; i < COUNT(answers); i++) {
		wshake_head_init(&h);
		CHECK_INT(feed(&h, answers[i].text), 0);
		err = wshake_read_answer(&h, nonce, bytes_str(P), &a);
		CHECK_MSG(err == answers[i].err, "%s: %d", answers[i].name,
		    err);
		if (err == 0) {
			CHECK_MSG(a.status == answers[i].status &&
			    a.retry_after_s == answers[i].retry &&
			    a.accepted == (a.status == 101), "%s: %d, %lu",
			    answers[i].name, a.status,
			    (unsigned long)a.retry_after_s);
		}
		wshake_head_fini(&h);
	}
}

/* ---- proxies ---- */

static const struct {
	const char *authority, *user, *password, *text;
	int err;
} connects[] = {
	{ "console.example:443", NULL, NULL, "CONNECT console.example:443 "
	    "HTTP/1.1\r\nHost: console.example:443\r\n\r\n", 0 },
	/* RFC 7617 section 2 and 2.1 */
	{ "[::1]:8443", "Aladdin", "open sesame", "CONNECT [::1]:8443 "
	    "HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic "
	    "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n", 0 },
	{ "h:1", "test", "123\xc2\xa3", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
	    "Proxy-Authorization: Basic dGVzdDoxMjPCow==\r\n\r\n", 0 },
	{ "h:1", "", "", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
	    "Proxy-Authorization: Basic Og==\r\n\r\n", 0 },
	{ "h:1", "u", "a:b", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n"
	    "Proxy-Authorization: Basic dTphOmI=\r\n\r\n", 0 },
	{ "", NULL, NULL, "", ERR_CHARACTER },
	{ "h", NULL, NULL, "", ERR_CHARACTER },
	{ "h:", NULL, NULL, "", ERR_CHARACTER },
	{ ":1", NULL, NULL, "", ERR_CHARACTER },
	{ "1", NULL, NULL, "", ERR_CHARACTER },
	{ "h1", NULL, NULL, "", ERR_CHARACTER },
	{ "h:1x", NULL, NULL, "", ERR_CHARACTER },
	{ "h x:1", NULL, NULL, "", ERR_CHARACTER },
	{ "h\r\n:1", NULL, NULL, "", ERR_CHARACTER },
	{ "h:1", "a:b", "c", "", ERR_CHARACTER },
	{ "h:1", "a\n", "c", "", ERR_CHARACTER },
	{ "h:1", "a", "c\x7f", "", ERR_CHARACTER },
};

TEST(connect_table)
{
	struct wshake_login login;
	struct buf b;
	size_t i;
	int err;

	for (i = 0; i < COUNT(connects); i++) {
		buf_init(&b, 4096);
		login.user = bytes_str(connects[i].user);
		login.password = bytes_str(connects[i].password);
		err = wshake_put_connect(bytes_str(connects[i].authority),
		    connects[i].user != NULL ? &login : NULL, &b);
		CHECK_MSG(err == connects[i].err, "row %zu: %d", i, err);
		CHECK_MEM(b.p, b.n, connects[i].text,
		    strlen(connects[i].text));
		buf_free(&b);
	}
}

static const struct {
	const char *text;
	int err, status;
	bool accepted;
} proxies[] = {
	{ "HTTP/1.1 200 Connection established\r\n\r\n", 0, 200, true },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 0, 200, true },
	{ "HTTP/1.1 204\r\n\r\n", 0, 204, true },
	{ "HTTP/1.1 407 Proxy Authentication Required\r\n"
	    "Proxy-Authenticate: Basic realm=\"x\"\r\n\r\n", 0, 407, false },
	{ "HTTP/1.1 101 x\r\n\r\n", 0, 101, false },
	{ "HTTP/1.1 502 x\r\n\r\n", 0, 502, false },
	{ "200 OK\r\n\r\n", ERR_SYNTAX, 0, false },
};

TEST(proxy_replies)
{
	struct wshake_answer a;
	struct wshake_head h;
	size_t i;
	int err;

	for (i = 0; i < COUNT(proxies); i++) {
		wshake_head_init(&h);
		CHECK_INT(feed(&h, proxies[i].text), 0);
		err = wshake_read_connect(&h, &a);
		CHECK_MSG(err == proxies[i].err, "row %zu: %d", i, err);
		if (err == 0)
			CHECK_MSG(a.status == proxies[i].status &&
			    a.accepted == proxies[i].accepted, "row %zu", i);
		wshake_head_fini(&h);
	}
}

/* ---- refusals ---- */

TEST(refusals)
{
	static const int known[] = { 400, 401, 403, 404, 405, 408, 426, 429,
	    431, 500, 503 };
	struct wshake_answer a;
	struct wshake_head h;
	struct bytes in;
	struct buf b;
	size_t i;

	buf_init(&b, 4096);
	for (i = 0; i < COUNT(known); i++) {
		buf_clear(&b);
		CHECK_INT(wshake_put_refusal(known[i], (uint32_t)i, &b), 0);
		wshake_head_init(&h);
		in = buf_bytes(&b);
		CHECK_INT(wshake_head_feed(&h, &in), 0);
		CHECK_INT(in.n, 0);
		CHECK_INT(wshake_read_answer(&h, nonce, bytes_str(P), &a), 0);
		CHECK(!a.accepted);
		CHECK_INT(a.status, known[i]);
		CHECK_INT(a.retry_after_s, i);
		wshake_head_fini(&h);
	}
	buf_clear(&b);
	CHECK_INT(wshake_put_refusal(426, 9, &b), 0);
	buf_put_u8(&b, 0);
	CHECK_STR((char *)b.p, "HTTP/1.1 426 Upgrade Required\r\n"
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Retry-After: 9\r\nConnection: close\r\n"
	    "Content-Length: 0\r\n\r\n");
	buf_clear(&b);
	CHECK_INT(wshake_put_refusal(200, 0, &b), ERR_RANGE);
	CHECK_INT(b.n, 0);
	buf_free(&b);
	CHECK_INT(wshake_status_for(ERR_TOO_LARGE), 431);
	CHECK_INT(wshake_status_for(ERR_NOMEM), 503);
	CHECK_INT(wshake_status_for(ERR_CRYPTO), 500);
}

/* What does not fit leaves the buffer as it was. */
TEST(full_buffer)
{
	struct wshake_ask ask = { .host = bytes_str("h"),
	    .path = bytes_str("/"), .protocol = bytes_str(P), .nonce = nonce };
	struct wshake_login login = { bytes_str("user"), bytes_str("pass") };
	struct wshake_request r = { .key = bytes_str(KEY) };
	struct buf b;
	size_t cap;
	char *big;

	for (cap = 1; cap < 40; cap += 38) {
		buf_init(&b, cap);
		buf_put_u8(&b, 'x');
		CHECK_INT(wshake_put_request(&ask, &b), ERR_TOO_LARGE);
		CHECK_INT(b.n, 1);
		b.err = 0;
		CHECK_INT(wshake_put_accept(&r, bytes_str(P), &b),
		    ERR_TOO_LARGE);
		CHECK_INT(b.n, 1);
		b.err = 0;
		CHECK_INT(wshake_put_connect(bytes_str("h:1"), &login, &b),
		    ERR_TOO_LARGE);
		CHECK_INT(b.n, 1);
		b.err = 0;
		CHECK_INT(wshake_put_refusal(503, 0, &b), ERR_TOO_LARGE);
		CHECK_INT(b.n, 1);
		buf_free(&b);
	}
	CHECK((big = malloc(9000)) != NULL);
	memset(big, 'a', 9000);
	login.password = bytes_of(big, 9000);
	buf_init(&b, 100000);
	CHECK_INT(wshake_put_connect(bytes_str("h:1"), &login, &b),
	    ERR_TOO_LARGE);
	CHECK_INT(b.n, 0);
	buf_free(&b);
	free(big);
}

TEST(without_memory)
{
	struct wshake_ask ask = { .host = bytes_str("h"),
	    .path = bytes_str("/"), .protocol = bytes_str(P), .nonce = nonce };
	struct wshake_login login = { bytes_str("user"), bytes_str("pass") };
	struct wshake_request r = { .key = bytes_str(KEY) };
	struct wshake_head h, taken;
	struct wshake_answer a;
	struct bytes in;
	struct buf b;
	int err;

	wshake_head_init(&taken);
	CHECK_INT(feed(&taken, STATUS_101 UP THE_ACCEPT PROTO "\r\n"), 0);
	OOM_LOOP {
		wshake_head_init(&h);
		buf_init(&b, 4096);
		in = bytes_str("GET / HTTP/1.1\r\n\r\n");
		err = wshake_head_feed(&h, &in);
		if (err == 0)
			err = wshake_put_request(&ask, &b);
		if (err == 0)
			err = wshake_put_connect(bytes_str("h:1"), &login, &b);
		if (err == 0)
			err = wshake_put_accept(&r, bytes_str(P), &b);
		if (err == 0)
			err = wshake_put_refusal(503, 1, &b);
		if (err == 0)
			err = wshake_read_answer(&taken, nonce, bytes_str(P),
			    &a);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		buf_free(&b);
		wshake_head_fini(&h);
	}
	wshake_head_fini(&taken);
}

TEST_MAIN()
