/*
 * interop_link.c - a device's end of the link's TLS and WebSocket, for scripts.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 *	interop_link CA PORT [PATH [PROTOCOL]]
 *
 * Connects to 127.0.0.1 and asks for the upgrade. What goes in on stdin and
 * comes out on stdout are messages `u32 length | u8 kind | bytes`,
 * little-endian, the length without the header's 5 bytes:
 *	in	T text, B binary, P ping, C close (u16 code, reason),
 *		R bytes into TLS as they are, K end the connection at once
 *	out	O open (exporter, 32 bytes), H upgrade refused (u16 status),
 *		T, B, P, G (pong), C as above, X the end (why)
 * It exists because Python's ssl module has no exporter.
 */
#include "common/link.h"
#include "common/tls.h"
#include "common/ws.h"
#include "common/wshake.h"
#include "tests/harness/interop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 65536
#define HEADER 5
#define MESSAGE_MAX ((size_t)16 << 20)

struct client {
	int fd;
	struct tls *tls;
	struct ws ws;
	struct wshake_head head;
	uint8_t nonce[WSHAKE_NONCE_LEN];
	struct bytes path, protocol;
	bool asked, open;
	struct buf in;			/* of stdin, not yet a message */
	struct buf binary;
	struct buf cipher;
};

__attribute__((noreturn)) static void
end(const char *why)
{
	uint8_t h[HEADER] = { 0, 0, 0, 0, 'X' };

	h[0] = (uint8_t)strlen(why);
	(void)!write(1, h, sizeof(h));
	(void)!write(1, why, strlen(why));
	_exit(0);
}

static void
write_all(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;
	ssize_t r;

	while (n > 0) {
		r = write(fd, at, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			if (fd == 1)
				_exit(0);
			end("cut off");
		}
		at += r;
		n -= (size_t)r;
	}
}

static void
tell(char kind, struct bytes a)
{
	struct buf b;

	buf_init(&b, MESSAGE_MAX + HEADER);
	buf_put_u32le(&b, (uint32_t)a.n);
	buf_put_u8(&b, (uint8_t)kind);
	buf_put_bytes(&b, a);
	if (buf_error(&b) != 0)
		end("too large");
	write_all(1, b.p, b.n);
	buf_free(&b);
}

/* ---- going out ---- */

static void
flush(struct client *c)
{
	buf_clear(&c->cipher);
	if (tls_take(c->tls, &c->cipher) != 0)
		end("no memory");
	write_all(c->fd, c->cipher.p, c->cipher.n);
}

static void
send_plain(struct client *c, struct bytes a)
{
	int err;

	while ((err = tls_write(c->tls, &a)) == ERR_AGAIN)
		flush(c);
	if (err != 0)
		end(err_word(err));
	flush(c);
}

static void
send_frame(struct client *c, char kind, struct bytes a)
{
	uint8_t mask[WS_MASK_LEN];
	struct reader r;
	uint16_t code;
	struct buf b;
	int err;

	if (getrandom(mask, sizeof(mask), 0) != sizeof(mask))
		end("random");
	buf_init(&b, MESSAGE_MAX + 64);
	if (kind == 'T' || kind == 'B') {
		err = ws_put_data(&c->ws, kind == 'T' ? WS_TEXT : WS_BINARY,
		    true, true, a, mask, &b);
	} else if (kind == 'P') {
		err = ws_put_ping(&c->ws, a, mask, &b);
	} else {
		reader_init(&r, a);
		code = a.n < 2 ? (uint16_t)WS_CODE_NORMAL : reader_u16le(&r);
		err = ws_put_close(&c->ws, code, a.n < 2 ? a :
		    bytes_of(a.p + 2, a.n - 2), mask, &b);
	}
	if (err != 0)
		end(err_word(err));
	send_plain(c, buf_bytes(&b));
	buf_free(&b);
}

static void
on_order(struct client *c, char kind, struct bytes a)
{
	struct linger l = { 1, 0 };

	switch (kind) {
	case 'K':
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		(void)close(c->fd);
		end("killed");
	case 'R':
		send_plain(c, a);
		break;
	default:
		send_frame(c, kind, a);
		break;
	}
}

static void
on_stdin(struct client *c)
{
	uint8_t *p = buf_reserve(&c->in, READ_SIZE);
	struct reader r;
	ssize_t n;
	uint32_t size;

	if (p == NULL)
		end("too large");
	if ((n = read(0, p, READ_SIZE)) <= 0)
		_exit(0);
	buf_commit(&c->in, (size_t)n);
	while (c->in.n >= HEADER) {
		reader_init(&r, buf_bytes(&c->in));
		size = reader_u32le(&r);
		if (c->in.n - HEADER < size)
			return;
		on_order(c, (char)c->in.p[4],
		    bytes_of(c->in.p + HEADER, size));
		buf_drop(&c->in, HEADER + size);
	}
}

/* ---- coming in ---- */

static void
on_open(struct client *c)
{
	struct ws_limits limits = { LINK_TEXT_CAP, LINK_TEXT_CAP };
	uint8_t exporter[TLS_EXPORTER_LEN];

	ws_init(&c->ws, WS_CLIENT, limits);
	c->open = true;
	if (tls_exporter(c->tls, exporter) != 0)
		end("exporter");
	tell('O', bytes_of(exporter, sizeof(exporter)));
}

static void
on_answer(struct client *c, struct bytes *plain)
{
	struct wshake_answer a;
	uint8_t status[2];
	int err;

	if ((err = wshake_head_feed(&c->head, plain)) == ERR_AGAIN)
		return;
	if (err != 0 || (err = wshake_read_answer(&c->head, c->nonce,
	    c->protocol, &a)) != 0)
		end(err_word(err));
	if (!a.accepted) {
		status[0] = (uint8_t)(a.status & 0xff);
		status[1] = (uint8_t)(a.status >> 8);
		tell('H', bytes_of(status, sizeof(status)));
		end("refused");
	}
	on_open(c);
}

static void
on_event(struct client *c, const struct ws_event *ev)
{
	struct buf b;

	switch (ev->kind) {
	case WS_TEXT:
		tell('T', ev->data);
		break;
	case WS_BINARY:
		buf_put_bytes(&c->binary, ev->data);
		if (ev->final) {
			tell('B', buf_bytes(&c->binary));
			buf_clear(&c->binary);
		}
		break;
	case WS_PING:
		tell('P', ev->data);
		break;
	case WS_PONG:
		tell('G', ev->data);
		break;
	case WS_CLOSE:
	default:
		buf_init(&b, 1024);
		buf_put_u16le(&b, ev->code);
		buf_put_bytes(&b, ev->data);
		tell('C', buf_bytes(&b));
		buf_free(&b);
		break;
	}
}

static void
on_plain(struct client *c, struct bytes plain)
{
	struct ws_event ev;
	int err;

	if (!c->open)
		on_answer(c, &plain);
	if (!c->open)
		return;
	while ((err = ws_next(&c->ws, &plain, &ev)) == 0)
		on_event(c, &ev);
	if (err != ERR_AGAIN && err != ERR_CLOSED)
		end(err_word(err));
}

static void
ask(struct client *c)
{
	struct wshake_ask a;
	struct buf b;

	c->asked = true;
	if (getrandom(c->nonce, sizeof(c->nonce), 0) != sizeof(c->nonce))
		end("random");
	memset(&a, 0, sizeof(a));
	a.host = bytes_str("127.0.0.1");
	a.path = c->path;
	a.protocol = c->protocol;
	a.nonce = c->nonce;
	buf_init(&b, READ_SIZE);
	if (wshake_put_request(&a, &b) != 0)
		end("request");
	send_plain(c, buf_bytes(&b));
	buf_free(&b);
}

static void
on_cipher(struct client *c, struct bytes in)
{
	struct buf plain;
	int err;

	buf_init(&plain, READ_SIZE);
	do {
		buf_clear(&plain);
		err = tls_feed(c->tls, &in, &plain);
		flush(c);
		if (!c->asked && tls_state(c->tls) == TLS_OPEN)
			ask(c);
		if (plain.n > 0)
			on_plain(c, buf_bytes(&plain));
	} while (err == ERR_AGAIN);
	buf_free(&plain);
	if (err != 0)
		end(err_word(err));
}

static void
on_socket(struct client *c)
{
	static uint8_t data[READ_SIZE];
	ssize_t n = read(c->fd, data, sizeof(data));

	if (n <= 0)
		end("cut off");
	on_cipher(c, bytes_of(data, (size_t)n));
}

/* ---- the beginning ---- */

static int
dial(const char *port)
{
	struct sockaddr_in a;
	int fd, one = 1;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		end("not connected");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

int
main(int argc, char **argv)
{
	struct tls_config *config;
	struct client c;
	struct pollfd p[2];
	struct buf ca;

	if (argc < 3)
		interop_die("interop_link", "CA PORT [PATH [PROTOCOL]]");
	memset(&c, 0, sizeof(c));
	c.path = bytes_str(argc > 3 ? argv[3] : LINK_PATH);
	c.protocol = bytes_str(argc > 4 ? argv[4] : WSHAKE_PROTOCOL);
	buf_init(&c.in, MESSAGE_MAX + READ_SIZE);
	buf_init(&c.binary, MESSAGE_MAX);
	buf_init(&c.cipher, MESSAGE_MAX);
	wshake_head_init(&c.head);
	ca = interop_read(argv[1]);
	if (digest_init() != 0 ||
	    tls_config_new_client(buf_bytes(&ca), &config) != 0 ||
	    tls_new(config, "127.0.0.1", (int64_t)time(NULL), &c.tls) != 0)
		interop_die("interop_link", "TLS");
	c.fd = dial(argv[2]);
	on_cipher(&c, bytes_of(NULL, 0));
	for (;;) {
		p[0] = (struct pollfd){ .fd = 0, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = c.fd, .events = POLLIN };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			end("poll");
		if (p[1].revents != 0)
			on_socket(&c);
		if (c.open && p[0].revents != 0)
			on_stdin(&c);
	}
}
