/*
 * test_http.c - URLs, and HTTP answers cut at every place.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "agent/cli/http.h"
#include "tests/harness/test.h"

TEST(urls)
{
	static const struct {
		const char *text;
		int err;
		bool tls;
		const char *host;
		uint16_t port;
		const char *prefix;
	} rows[] = {
		{ "https://a.example", 0, true, "a.example", 443, "" },
		{ "http://127.0.0.1:8080", 0, false, "127.0.0.1", 8080, "" },
		{ "https://[::1]:9/x/", 0, true, "::1", 9, "/x" },
		{ "https://[::1]", 0, true, "::1", 443, "" },
		{ "https://h/a/b//", 0, true, "h", 443, "/a/b" },
		{ "ftp://h", ERR_SYNTAX, false, "", 0, "" },
		{ "https://", ERR_SYNTAX, false, "", 0, "" },
		{ "https://:80", ERR_SYNTAX, false, "", 0, "" },
		{ "https://u@h", ERR_SYNTAX, false, "", 0, "" },
		{ "https://h?x", ERR_SYNTAX, false, "", 0, "" },
		{ "https://h#x", ERR_SYNTAX, false, "", 0, "" },
		{ "https://h\r\nX: y", ERR_SYNTAX, false, "", 0, "" },
		{ "https://h:0", ERR_RANGE, false, "", 0, "" },
		{ "https://h:65536", ERR_RANGE, false, "", 0, "" },
		{ "https://h:", ERR_RANGE, false, "", 0, "" },
		{ "https://h:8a", ERR_SYNTAX, false, "", 0, "" },
		{ "https://[::1", ERR_SYNTAX, false, "", 0, "" },
		{ "https://[::1]x", ERR_SYNTAX, false, "", 0, "" },
	};
	struct http_url u;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = http_url_parse(rows[i].text, &u);

		CHECK_MSG(err == rows[i].err, "%s: %d", rows[i].text, err);
		if (err != 0)
			continue;
		CHECK(u.tls == rows[i].tls);
		CHECK_INT(u.port, rows[i].port);
		CHECK_STR(u.host, rows[i].host);
		CHECK_STR(u.prefix, rows[i].prefix);
	}
}

TEST(local_hosts)
{
	struct http_url u;

	CHECK_INT(http_url_parse("http://localhost", &u), 0);
	CHECK(http_url_is_local(&u));
	CHECK_INT(http_url_parse("http://127.1.2.3", &u), 0);
	CHECK(http_url_is_local(&u));
	CHECK_INT(http_url_parse("http://127.example", &u), 0);
	CHECK(!http_url_is_local(&u));
	CHECK_INT(http_url_parse("http://console", &u), 0);
	CHECK(!http_url_is_local(&u));
}

TEST(request)
{
	struct http_url u;
	struct buf b;

	buf_init(&b, 4096);
	CHECK_INT(http_url_parse("https://[::1]:9/x", &u), 0);
	http_put_request(&b, &u, "POST", "/v1/cards", "tok", bytes_str("{}"));
	buf_put_u8(&b, 0);
	CHECK_INT(buf_error(&b), 0);
	CHECK(strstr((char *)b.p, "POST /x/v1/cards HTTP/1.1\r\n"
	    "Host: [::1]:9\r\nAuthorization: Bearer tok\r\n") ==
	    (char *)b.p);
	CHECK(strstr((char *)b.p, "Content-Length: 2\r\n\r\n{}") != NULL);
	buf_free(&b);
}

static const struct {
	const char *text;
	bool at_end;		/* only the end of the stream ends it */
	int status;
	const char *body;
} answers[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200,
	    "hello" },
	{ "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", false, 200, "" },
	{ "HTTP/1.1 204 No\r\nX: y\r\n\r\n", false, 204, "" },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
	    "Content-Length: 2\r\n\r\nok", false, 201, "ok" },
	{ "HTTP/1.0 404 X\r\n\r\nto the end", true, 404, "to the end" },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
	    "A;x=y\r\n0123456789\r\n0\r\n\r\n", false, 200,
	    "hello0123456789" },
};

/* Cut in two at every byte, it reads the same. */
TEST(answers_in_two_pieces)
{
	size_t i, cut;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		size_t n = strlen(answers[i].text);

		for (cut = 0; cut <= n; cut++) {
			struct http_reply r;
			struct buf body;

			buf_init(&body, 4096);
			http_reply_init(&r, &body);
			CHECK_INT(http_reply_feed(&r, bytes_of(
			    answers[i].text, cut)), 0);
			if (cut < n && !answers[i].at_end)
				CHECK(!r.whole);
			CHECK_INT(http_reply_feed(&r, bytes_of(
			    answers[i].text + cut, n - cut)), 0);
			CHECK(r.whole != answers[i].at_end);
			CHECK_INT(http_reply_end(&r), 0);
			CHECK_INT(r.status, answers[i].status);
			CHECK_MEM(body.p, body.n, answers[i].body,
			    strlen(answers[i].body));
			http_reply_fini(&r);
			buf_free(&body);
		}
	}
}

TEST(answers_that_are_none)
{
	static const char *const bad[] = {
		"SSH-2.0-OpenSSH\r\n\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
		("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "fffffffffff\r\n"),
	};
	struct http_reply r;
	struct buf body;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_init(&body, 4096);
		http_reply_init(&r, &body);
		CHECK_MSG(http_reply_feed(&r, bytes_str(bad[i])) ==
		    ERR_PROTOCOL, "%s", bad[i]);
		http_reply_fini(&r);
		buf_free(&body);
	}
}

TEST(answers_that_end_too_early)
{
	struct http_reply r;
	struct buf body;

	buf_init(&body, 4);
	http_reply_init(&r, &body);
	CHECK_INT(http_reply_feed(&r, bytes_str("HTTP/1.1 200 OK\r\n"
	    "Content-Length: 4\r\n\r\nabc")), 0);
	CHECK_INT(http_reply_end(&r), ERR_TRUNCATED);
	http_reply_fini(&r);
	/* And one that is larger than who asks has room for. */
	buf_clear(&body);
	http_reply_init(&r, &body);
	CHECK_INT(http_reply_feed(&r, bytes_str("HTTP/1.1 200 OK\r\n"
	    "Content-Length: 5\r\n\r\nabcde")), ERR_TOO_LARGE);
	http_reply_fini(&r);
	buf_free(&body);
}

TEST_MAIN()
