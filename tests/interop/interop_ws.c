/*
 * interop_ws.c - a WebSocket peer that echoes, for another implementation to
 * talk to.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 *	interop_ws server	listens on a free port of the loopback and
 *				prints `port N`; serves one connection after
 *				another until its stdin ends
 *	interop_ws client PORT	connects there
 *
 * Messages come back as they came. These texts are commands:
 *	fragment N		cut echoed text into fragments of N bytes
 *	ping TEXT		send a ping; a pong comes back as `pong TEXT`
 *	close CODE REASON	close with it
 * How a connection ended goes to stdout: `closed CODE REASON`,
 * `refused STATUS RETRY-AFTER`, or `error WORD`.
 */
#include "common/ws.h"
#include "common/wshake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX ((size_t)64 << 20)

static const struct ws_limits limits = { .frame = 4 << 20, .text = 8 << 20 };

struct peer {
	int fd;
	struct ws ws;
	struct buf out;
	size_t fragment;
};

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static void
must(int err)
{
	if (err == 0)
		return;
	fprintf(stderr, "interop_ws: %s\n", err_text(err));
	exit(2);
}

static const uint8_t *
new_mask(void)
{
	static uint8_t mask[WS_MASK_LEN];

	if (getrandom(mask, sizeof(mask), 0) != sizeof(mask))
		die("getrandom");
	return mask;
}

/* ---- the socket ---- */

static void
flush_out(int fd, struct buf *out)
{
	size_t at = 0;
	ssize_t n;

	must(buf_error(out));
	while (at < out->n) {
		n = send(fd, out->p + at, out->n - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			break;	/* the peer has gone: reading will tell */
		if (n > 0)
			at += (size_t)n;
	}
	buf_clear(out);
}

/* What arrived, or nothing at the end of the connection. */
static struct bytes
receive(int fd)
{
	static uint8_t data[65536];
	ssize_t n;

	do
		n = recv(fd, data, sizeof(data), 0);
	while (n < 0 && errno == EINTR);
	return bytes_of(data, n > 0 ? (size_t)n : 0);
}

static struct sockaddr_in
loopback(unsigned long port)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* ---- messages ---- */

/* Whether text begins with word; the rest, as a string, goes to arg. */
static bool
is_command(struct bytes text, const char *word, char arg[256])
{
	size_t n = strlen(word);

	if (text.n < n || text.n - n > 255 || memcmp(text.p, word, n) != 0)
		return false;
	memcpy(arg, text.p + n, text.n - n);
	arg[text.n - n] = '\0';
	return true;
}

static void
echo_text(struct peer *p, struct bytes text)
{
	size_t n, step = p->fragment > 0 ? p->fragment : SIZE_MAX;
	bool first = true;

	do {
		n = text.n < step ? text.n : step;
		must(ws_put_data(&p->ws, WS_TEXT, first, n == text.n,
		    bytes_of(text.p, n), new_mask(), &p->out));
		text = bytes_of(n > 0 ? text.p + n : text.p, text.n - n);
		first = false;
	} while (text.n > 0);
}

static void
on_text(struct peer *p, struct bytes text)
{
	char arg[256], *reason;
	unsigned long code;

	if (is_command(text, "fragment ", arg)) {
		p->fragment = strtoul(arg, NULL, 10);
	} else if (is_command(text, "ping ", arg)) {
		must(ws_put_ping(&p->ws, bytes_str(arg), new_mask(), &p->out));
	} else if (is_command(text, "close ", arg)) {
		code = strtoul(arg, &reason, 10);
		must(ws_put_close(&p->ws, (uint16_t)code,
		    bytes_str(*reason == ' ' ? reason + 1 : reason),
		    new_mask(), &p->out));
	} else
		echo_text(p, text);
}

static void
on_pong(struct peer *p, struct bytes data)
{
	struct buf text;

	buf_init(&text, 256);
	buf_put_str(&text, "pong ");
	buf_put_bytes(&text, data);
	must(buf_error(&text));
	must(ws_put_data(&p->ws, WS_TEXT, true, true, buf_bytes(&text),
	    new_mask(), &p->out));
	buf_free(&text);
}

static void
on_close(struct peer *p, const struct ws_event *e)
{
	struct bytes none = { NULL, 0 };

	printf("closed %d %.*s\n", e->code, (int)e->data.n,
	    e->data.n > 0 ? (const char *)e->data.p : "");
	if (!ws_is_closed_by_us(&p->ws))
		must(ws_put_close(&p->ws, e->code, none, new_mask(), &p->out));
}

static void
on_event(struct peer *p, const struct ws_event *e)
{
	/* Nothing may be said after a close, but much may still come. */
	if (ws_is_closed_by_us(&p->ws) && e->kind != WS_CLOSE)
		return;
	switch (e->kind) {
	case WS_TEXT:
		on_text(p, e->data);
		break;
	case WS_BINARY:
		must(ws_put_data(&p->ws, WS_BINARY, e->first, e->final,
		    e->data, new_mask(), &p->out));
		break;
	case WS_PING:
		must(ws_put_pong(&p->ws, e->data, new_mask(), &p->out));
		break;
	case WS_PONG:
		on_pong(p, e->data);
		break;
	case WS_CLOSE:
		on_close(p, e);
		break;
	}
}

/* Talks until the connection has ended. in is what came with the handshake. */
static void
talk(int fd, enum ws_role role, struct bytes in)
{
	struct bytes none = { NULL, 0 };
	struct peer p = { .fd = fd };
	struct ws_event e;
	int err;

	ws_init(&p.ws, role, limits);
	buf_init(&p.out, OUT_MAX);
	for (;;) {
		while ((err = ws_next(&p.ws, &in, &e)) == 0)
			on_event(&p, &e);
		if (err != ERR_AGAIN && err != ERR_CLOSED) {
			printf("error %s\n", err_word(err));
			if (!ws_is_closed_by_us(&p.ws))
				must(ws_put_close(&p.ws, ws_code_for(err),
				    none, new_mask(), &p.out));
		}
		flush_out(fd, &p.out);
		if (err != ERR_AGAIN)
			break;
		in = receive(fd);
		if (in.n == 0) {
			printf("error %s\n", err_word(ERR_CLOSED));
			break;
		}
	}
	/* The server ends the connection first (RFC 6455 7.1.1). */
	(void)shutdown(fd, SHUT_WR);
	while (receive(fd).n > 0)
		;
	ws_fini(&p.ws);
	buf_free(&p.out);
	(void)fflush(stdout);
}

/* ---- handshakes ---- */

/* Reads a head; in is what came after it. ERR_CLOSED: the peer went. */
static int
read_head(int fd, struct wshake_head *h, struct bytes *ret_in)
{
	struct bytes in;
	int err;

	wshake_head_init(h);
	do {
		in = receive(fd);
		if (in.n == 0)
			return ERR_CLOSED;
		err = wshake_head_feed(h, &in);
	} while (err == ERR_AGAIN);
	*ret_in = in;
	return err;
}

static void
serve(int fd)
{
	struct wshake_request request;
	struct wshake_head h;
	struct bytes in = { NULL, 0 };
	struct buf out;
	int err;

	buf_init(&out, 65536);
	err = read_head(fd, &h, &in);
	if (err == 0)
		err = wshake_read_request(&h, bytes_str(WSHAKE_PROTOCOL),
		    &request);
	if (err == 0)
		must(wshake_put_accept(&request, bytes_str(WSHAKE_PROTOCOL),
		    &out));
	else
		must(wshake_put_refusal(wshake_status_for(err), 0, &out));
	wshake_head_fini(&h);
	flush_out(fd, &out);
	buf_free(&out);
	if (err == 0)
		talk(fd, WS_SERVER, in);
	(void)close(fd);
}

static int
server(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t n = sizeof(a);
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN },
	    { .events = POLLIN } };
	int fd;

	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, 8) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		die("listen");
	printf("port %d\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	fds[1].fd = fd;
	while (poll(fds, 2, -1) > 0 && fds[0].revents == 0)
		if (fds[1].revents != 0)
			serve(accept(fd, NULL, NULL));
	(void)close(fd);
	return 0;
}

static int
client(const char *port)
{
	struct sockaddr_in a = loopback(strtoul(port, NULL, 10));
	uint8_t nonce[WSHAKE_NONCE_LEN];
	struct wshake_ask ask = { .host = bytes_str("localhost"),
	    .path = bytes_str("/agent"),
	    .protocol = bytes_str(WSHAKE_PROTOCOL), .nonce = nonce };
	struct wshake_answer answer;
	struct wshake_head h;
	struct bytes in = { NULL, 0 };
	struct buf out;
	int fd, err;

	if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
		die("getrandom");
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("connect");
	buf_init(&out, 65536);
	must(wshake_put_request(&ask, &out));
	flush_out(fd, &out);
	buf_free(&out);
	err = read_head(fd, &h, &in);
	if (err == 0)
		err = wshake_read_answer(&h, nonce,
		    bytes_str(WSHAKE_PROTOCOL), &answer);
	wshake_head_fini(&h);
	if (err != 0)
		printf("error %s\n", err_word(err));
	else if (!answer.accepted)
		printf("refused %d %lu\n", answer.status,
		    (unsigned long)answer.retry_after_s);
	else
		talk(fd, WS_CLIENT, in);
	(void)close(fd);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "server") == 0)
		return server();
	if (argc == 3 && strcmp(argv[1], "client") == 0)
		return client(argv[2]);
	fprintf(stderr, "usage: interop_ws server | client PORT\n");
	return 2;
}
