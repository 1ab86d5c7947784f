/*
 * conn.c - one connection to the console: from its name to an open WebSocket.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/conn.h"

#include "agent/courier/outlet.h"
#include "agent/courier/resolve.h"
#include "common/wshake.h"
#include "platform/clock.h"
#include "platform/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the host's name and :port, in brackets where it is an IPv6 address. */
#define AUTHORITY_SIZE 300
/* Plaintext of one read: ciphertext is longer, and a record may be waiting. */
#define PLAIN_CAP ((size_t)160 * 1024)
/* Ciphertext that may wait; conn_write() is not called above CONN_WAIT_HIGH. */
#define CIPHER_CAP ((size_t)1024 * 1024)
/* Plaintext of one TLS record (RFC 8446 5.1). */
#define RECORD_MAX ((size_t)16384)
/* The kernel's share of what waits, so that a stalled peer costs no more. */
#define KERNEL_BUFFER (256 * 1024)

enum phase { RESOLVE, CONNECT, PROXY, TLS, UPGRADE, OPEN, CLOSED };

/* clang-format off */
static const struct {
	uint32_t limit_ms;	/* 0 none */
	const char *timeout;	/* what to say then */
	const char *lost;	/* … and if the connection ends meanwhile */
} phases[] = {
	[RESOLVE] = { 30000, "the name server does not answer", "" },
	[CONNECT] = { 10000, "no answer to the connection", "" },
	[PROXY] = { 15000, "the proxy does not answer",
	    "the proxy closed the connection" },
	[TLS] = { 15000, "the TLS handshake takes too long",
	    "closed in the TLS handshake" },
	[UPGRADE] = { 15000, "no answer to the WebSocket upgrade",
	    "closed instead of a WebSocket upgrade" },
	[OPEN] = { 0, "", "the connection broke" },
	[CLOSED] = { 0, "", "" },
};
/* clang-format on */

/* One try at one address. Freed by its close callback. */
struct socket {
	uv_tcp_t tcp;
	uv_connect_t connect;
	struct conn *conn;
	bool last;
};

struct conn {
	const struct conn_config *cfg;
	const struct conn_events *ev;
	void *arg;
	enum phase phase;
	uint64_t deadline;
	bool opening;		/* inside conn_open() */
	/* Does nothing but be closed last: its callback frees the rest. */
	uv_check_t last;

	struct resolve *resolve;
	struct sockaddr_storage addrs[RESOLVE_MAX];
	size_t n_addrs, next_addr;
	struct socket *socket;	/* NULL: none now */

	struct outlet out;
	struct wshake_head head;
	uint8_t nonce[WSHAKE_NONCE_LEN];
	struct tls *tls;
	struct buf plain;
	bool paused;
};

static void connect_next(struct conn *c, const char *why);

static void
phase_set(struct conn *c, enum phase phase)
{
	uint32_t limit = phases[phase].limit_ms;

	c->phase = phase;
	c->deadline = limit > 0 ? clock_boot_ms() + limit : 0;
}

/* ---- the end ---- */

static void
on_last_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	outlet_fini(&c->out);
	wshake_head_fini(&c->head);
	tls_free(c->tls);
	buf_free(&c->plain);
	free(c);
}

static void
conn_free(struct conn *c)
{
	uv_close((uv_handle_t *)&c->last, on_last_closed);
}

static void
on_closed(uv_handle_t *h)
{
	struct socket *s = h->data;

	/* A write that was cut off has been called back by now. */
	if (s->last)
		conn_free(s->conn);
	free(s);
}

/* Lets go of the socket; with last, of everything once it is closed. */
static void
socket_close(struct conn *c, bool last)
{
	struct socket *s = c->socket;

	c->socket = NULL;
	if (s != NULL) {
		s->last = last;
		uv_close((uv_handle_t *)&s->tcp, on_closed);
	} else if (last) {
		conn_free(c);
	}
}

void
conn_close(struct conn *c)
{
	if (c == NULL || c->phase == CLOSED)
		return;
	phase_set(c, CLOSED);
	resolve_cancel(c->resolve);
	c->resolve = NULL;
	/* conn_open() still looks at it, and lets go of it then. */
	if (!c->opening)
		socket_close(c, true);
}

static void
end_asked(struct conn *c, const char *why, uint32_t retry_after_s)
{
	const struct conn_events *ev = c->ev;
	void *arg = c->arg;

	if (c->phase == CLOSED)
		return;
	conn_close(c);
	ev->ended(arg, why, retry_after_s);
}

static void
end(struct conn *c, const char *why)
{
	end_asked(c, why, 0);
}

/* ---- sending ---- */

static void
on_sent(void *arg, int err)
{
	struct conn *c = arg;

	if (c->phase == CLOSED)
		return;
	if (err != 0)
		end(c, phases[c->phase].lost);
	else if (c->phase == OPEN)
		c->ev->room(c->arg);
}

/* Moves what TLS has to say to the socket. */
static int
flush(struct conn *c)
{
	int err;

	if (c->tls != NULL && (err = tls_take(c->tls, &c->out.pending)) != 0)
		return err;
	return outlet_flush(&c->out);
}

/* Record by record, so that TLS itself never holds more than one. */
static int
write_plain(struct conn *c, struct bytes plain)
{
	struct bytes part;
	int err;

	while (plain.n > 0) {
		part = bytes_of(plain.p,
		    plain.n < RECORD_MAX ? plain.n : RECORD_MAX);
		plain = bytes_of(plain.p + part.n, plain.n - part.n);
		if ((err = tls_write(c->tls, &part)) != 0 ||
		    (err = tls_take(c->tls, &c->out.pending)) != 0)
			return err;
	}
	return outlet_flush(&c->out);
}

int
conn_write(struct conn *c, struct bytes plain)
{
	return c->phase == OPEN ? write_plain(c, plain) : ERR_STATE;
}

size_t
conn_waiting(const struct conn *c)
{
	return c->phase == OPEN ? outlet_waiting(&c->out) : 0;
}

/* ---- the steps, one after the other ---- */

static const char *
authority(const struct conn *c, bool leave_default, char *out, size_t n)
{
	bool v6 = strchr(c->cfg->host, ':') != NULL;

	if (leave_default && c->cfg->port == 443)
		(void)snprintf(out, n, "%s%s%s", v6 ? "[" : "", c->cfg->host,
		    v6 ? "]" : "");
	else
		(void)snprintf(out, n, "%s%s%s:%u", v6 ? "[" : "",
		    c->cfg->host, v6 ? "]" : "", (unsigned)c->cfg->port);
	return out;
}

static void
upgrade_begin(struct conn *c)
{
	char host[AUTHORITY_SIZE];
	struct wshake_ask ask = {
		.path = bytes_str(c->cfg->path),
		.protocol = bytes_str(WSHAKE_PROTOCOL),
		.nonce = c->nonce,
	};
	struct buf b;

	phase_set(c, UPGRADE);
	ask.host = bytes_str(authority(c, true, host, sizeof(host)));
	buf_init(&b, WSHAKE_HEAD_MAX);
	if (random_fill(c->nonce, sizeof(c->nonce)) != 0 ||
	    wshake_put_request(&ask, &b) != 0)
		end(c, "the WebSocket request cannot be made");
	else if (write_plain(c, buf_bytes(&b)) != 0)
		end(c, "the WebSocket request cannot be sent");
	buf_free(&b);
}

/* The reply as far as it came; leaves in *in what follows it. */
static void
upgrade_read(struct conn *c, struct bytes *in)
{
	static const char refused[] = "the console refuses the upgrade";
	struct wshake_answer answer;
	int err;

	if ((err = wshake_head_feed(&c->head, in)) == ERR_AGAIN)
		return;
	if (err == 0)
		err = wshake_read_answer(&c->head, c->nonce,
		    bytes_str(WSHAKE_PROTOCOL), &answer);
	wshake_head_fini(&c->head);
	if (err != 0) {
		end(c, "the reply to the upgrade is not a WebSocket's");
	} else if (!answer.accepted) {
		end_asked(c, answer.status == 503 || answer.status == 429 ?
		    "the console is busy" : refused, answer.retry_after_s);
	} else {
		phase_set(c, OPEN);
		c->ev->open(c->arg);
	}
}

static void
tls_begin(struct conn *c)
{
	struct bytes nothing = { NULL, 0 };

	phase_set(c, TLS);
	if (tls_new(c->cfg->tls, c->cfg->host, clock_wall_s(), &c->tls) != 0 ||
	    tls_feed(c->tls, &nothing, &c->plain) != 0 || flush(c) != 0)
		end(c, "TLS cannot be started");
}

static void
proxy_begin(struct conn *c)
{
	char target[AUTHORITY_SIZE];
	struct wshake_login login;
	const char *user = c->cfg->proxy_user;

	phase_set(c, PROXY);
	if (user != NULL) {
		login.user = bytes_str(user);
		login.password = bytes_str(c->cfg->proxy_password);
	}
	if (wshake_put_connect(bytes_str(authority(c, false, target,
	    sizeof(target))), user != NULL ? &login : NULL,
	    &c->out.pending) != 0 || outlet_flush(&c->out) != 0)
		end(c, "the proxy cannot be asked");
}

static void
proxy_read(struct conn *c, struct bytes *in)
{
	struct wshake_answer answer;
	int err;

	if ((err = wshake_head_feed(&c->head, in)) == ERR_AGAIN)
		return;
	if (err == 0)
		err = wshake_read_connect(&c->head, &answer);
	wshake_head_fini(&c->head);
	wshake_head_init(&c->head);
	if (err != 0)
		end(c, "the proxy's answer is not HTTP");
	else if (answer.status == 407)
		end(c, "the proxy asks for a login");
	else if (!answer.accepted)
		end_asked(c, "the proxy refuses", answer.retry_after_s);
	else
		tls_begin(c);
}

/* ---- receiving ---- */

/* Gives out the plaintext that is there, and keeps what is not wanted yet. */
static void
give(struct conn *c)
{
	struct bytes rest = buf_bytes(&c->plain);

	if (c->phase == UPGRADE)
		upgrade_read(c, &rest);
	if (c->phase == OPEN && rest.n > 0)
		c->ev->data(c->arg, &rest);
	if (c->phase == CLOSED)
		return;
	buf_drop(&c->plain, c->plain.n - rest.n);
}

static void
secure_read(struct conn *c, struct bytes *in)
{
	int err = tls_feed(c->tls, in, &c->plain), sent = flush(c);

	if (c->phase == TLS && tls_state(c->tls) == TLS_OPEN)
		upgrade_begin(c);
	if (c->phase == CLOSED)
		return;
	give(c);
	if (c->phase == CLOSED)
		return;
	if (err == ERR_CLOSED)
		end(c, "the console closed the connection");
	else if (err == ERR_AGAIN || err == ERR_NOMEM)
		end(c, "no memory for what came");
	else if (err != 0)
		end(c, tls_problem(c->tls));
	else if (sent != 0)
		end(c, phases[c->phase].lost);
}

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct socket *s = h->data;
	const struct conn_config *cfg = s->conn->cfg;

	(void)suggested;
	*buf = uv_buf_init((char *)cfg->scratch, (unsigned)cfg->scratch_n);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct socket *s = stream->data;
	struct conn *c = s->conn;
	struct bytes in;

	if (n == 0)
		return;
	if (n < 0) {
		end(c, phases[c->phase].lost);
		return;
	}
	in = bytes_of(buf->base, (size_t)n);
	if (c->phase == OPEN)
		c->ev->alive(c->arg);
	if (c->phase == PROXY)
		proxy_read(c, &in);
	if (c->phase != PROXY && c->phase != CLOSED)
		secure_read(c, &in);
	if (c->phase == OPEN && c->plain.n > 0) {
		c->paused = true;
		(void)uv_read_stop(stream);
	}
}

bool
conn_is_paused(const struct conn *c)
{
	return c->paused;
}

void
conn_resume(struct conn *c)
{
	if (c->phase != OPEN || !c->paused)
		return;
	give(c);
	if (c->phase != OPEN || c->plain.n > 0)
		return;
	c->paused = false;
	if (uv_read_start((uv_stream_t *)&c->socket->tcp, on_alloc,
	    on_read) != 0)
		end(c, phases[c->phase].lost);
}

/* ---- getting there ---- */

static void
on_connect(uv_connect_t *req, int status)
{
	struct socket *s = req->data;
	struct conn *c = s->conn;
	int size = KERNEL_BUFFER;

	/* Closed in the meantime, perhaps for the next address. */
	if (status == UV_ECANCELED)
		return;
	if (status != 0) {
		connect_next(c, status == UV_ECONNREFUSED ?
		    "the connection is refused" : "no way to the address");
		return;
	}
	(void)uv_tcp_nodelay(&s->tcp, 1);
	(void)uv_send_buffer_size((uv_handle_t *)&s->tcp, &size);
	outlet_init(&c->out, (uv_stream_t *)&s->tcp, CIPHER_CAP, on_sent, c);
	if (uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read) != 0)
		end(c, "the connection cannot be read");
	else if (c->cfg->proxy_host != NULL)
		proxy_begin(c);
	else
		tls_begin(c);
}

static struct socket *
socket_new(struct conn *c)
{
	struct socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (uv_tcp_init(c->cfg->loop, &s->tcp) != 0) {
		free(s);
		return NULL;
	}
	s->conn = c;
	s->tcp.data = s;
	s->connect.data = s;
	return s;
}

/* Tries the next address; why the last one failed is the last one's answer. */
static void
connect_next(struct conn *c, const char *why)
{
	const struct sockaddr *addr;

	socket_close(c, false);
	while (c->next_addr < c->n_addrs) {
		phase_set(c, CONNECT);
		addr = (const struct sockaddr *)&c->addrs[c->next_addr++];
		if ((c->socket = socket_new(c)) == NULL)
			break;
		if (uv_tcp_connect(&c->socket->connect, &c->socket->tcp, addr,
		    on_connect) == 0)
			return;
		socket_close(c, false);
		why = "no way to the address";
	}
	end(c, why);
}

static void
on_resolved(void *arg, const char *why, const struct sockaddr_storage *addrs,
    size_t n)
{
	struct conn *c = arg;

	c->resolve = NULL;
	memcpy(c->addrs, addrs, n * sizeof(addrs[0]));
	c->n_addrs = n;
	connect_next(c, why);
}

int
conn_open(const struct conn_config *cfg, const struct conn_events *ev,
    void *arg, struct conn **ret_c)
{
	bool proxy = cfg->proxy_host != NULL;
	struct resolve *resolve = NULL;
	struct conn *c;
	int err;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return ERR_NOMEM;
	if (uv_check_init(cfg->loop, &c->last) != 0) {
		free(c);
		return ERR_IO;
	}
	c->last.data = c;
	c->cfg = cfg;
	c->ev = ev;
	c->arg = arg;
	wshake_head_init(&c->head);
	buf_init(&c->plain, PLAIN_CAP);
	phase_set(c, RESOLVE);
	c->opening = true;
	err = resolve_start(cfg->loop, proxy ? cfg->proxy_host : cfg->host,
	    proxy ? cfg->proxy_port : cfg->port, on_resolved, c, &resolve);
	c->opening = false;
	if (err != 0) {
		conn_free(c);
		return err;
	}
	if (c->phase == CLOSED) {
		socket_close(c, true);
		c = NULL;
	} else {
		c->resolve = resolve;
	}
	*ret_c = c;
	return 0;
}

uint64_t
conn_taken(const struct conn *c)
{
	return c->phase == OPEN ? outlet_taken(&c->out) : 0;
}

/* ---- the rest ---- */

void
conn_tidy(struct conn *c)
{
	if (c->plain.n == 0)
		buf_free(&c->plain);
	if (c->phase == OPEN)
		outlet_tidy(&c->out);
}

int
conn_exporter(struct conn *c, uint8_t *ret_binding)
{
	return c->phase == OPEN ? tls_exporter(c->tls, ret_binding) : ERR_STATE;
}

const char *
conn_tls_version(const struct conn *c)
{
	return c->tls != NULL ? tls_version(c->tls) : "";
}

uint64_t
conn_deadline(const struct conn *c)
{
	return c->deadline;
}

void
conn_check_deadline(struct conn *c, uint64_t now)
{
	if (c->deadline == 0 || now < c->deadline)
		return;
	if (c->phase == CONNECT)
		connect_next(c, phases[CONNECT].timeout);
	else
		end(c, phases[c->phase].timeout);
}
