/*
 * conn.c - one agent's connection: TLS, the upgrade, WebSocket, time limits.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/gateway/conn.h"

#include "common/link.h"
#include "console/conlog.h"
#include "platform/clock.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_S 30

struct conn_write {
	uv_write_t req;
	struct conn *c;
	size_t n;
	uint8_t data[];
};

static void set_reading(struct conn *c, bool on);
static void flush(struct conn *c);

/* ---- the end ---- */

static void
on_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	if (--c->handles > 0)
		return;
	session_free(c->session);
	tls_free(c->tls);
	wshake_head_fini(&c->head);
	ws_fini(&c->ws);
	gateway_forget(c->gateway, c);
	free(c);
}

/*
 * The handles go now; the memory, and the session that may be further up the
 * stack, once the loop lets go of them.
 */
void
conn_drop(struct conn *c)
{
	if (c->gone)
		return;
	c->gone = true;
	c->stage = CONN_CLOSING;
	gateway_set_proven(c->gateway, c);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void
on_timer(uv_timer_t *t)
{
	struct conn *c = t->data;
	uint64_t now = uv_now(t->loop);

	if (c->stage == CONN_CLOSING) {
		conn_drop(c);
		return;
	}
	if (c->unproven_at != NULL) {
		conn_close(c, WS_CODE_POLICY, "no proof in time");
		return;
	}
	if ((c->unsent > 0 && now - c->moved >= CONN_STUCK_MS) ||
	    (c->reading && now - c->heard >= CONN_IDLE_MS)) {
		conlog_event("silent device=%s", session_device(c->session));
		conn_drop(c);
		return;
	}
	(void)uv_timer_start(t, on_timer, CONN_STUCK_MS / 2, 0);
}

/* ---- writing ---- */

static void
on_written(uv_write_t *req, int status)
{
	struct conn_write *w = req->data;
	struct conn *c = w->c;

	c->unsent -= w->n;
	c->moved = uv_now(req->handle->loop);
	free(w);
	if (c->gone)
		return;
	if (status != 0) {
		conn_drop(c);
		return;
	}
	if (c->unsent >= CONN_ROOM)
		return;
	set_reading(c, true);
	if (c->stage == CONN_WS) {
		session_pump(c->session);
		flush(c);
	}
}

/* Writes what the socket takes at once, and has the loop write the rest. */
static void
write_out(struct conn *c, struct bytes a)
{
	struct conn_write *w;
	uv_buf_t b;
	int n;

	if (c->unsent == 0) {
		c->moved = uv_now(c->tcp.loop);
		b = uv_buf_init((char *)(uintptr_t)a.p, (unsigned)a.n);
		n = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
		if (n < 0 && n != UV_EAGAIN) {
			conn_drop(c);
			return;
		}
		if (n > 0)
			a = bytes_of(a.p + n, a.n - (size_t)n);
	}
	if (a.n == 0)
		return;
	if ((w = malloc(sizeof(*w) + a.n)) == NULL) {
		conn_drop(c);
		return;
	}
	w->c = c;
	w->n = a.n;
	w->req.data = w;
	memcpy(w->data, a.p, a.n);
	b = uv_buf_init((char *)w->data, (unsigned)a.n);
	if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &b, 1, on_written) != 0) {
		free(w);
		conn_drop(c);
		return;
	}
	c->unsent += a.n;
}

static void
flush(struct conn *c)
{
	struct buf *b = &c->gateway->cipher;

	if (c->gone || c->tls == NULL || tls_pending(c->tls) == 0)
		return;
	buf_clear(b);
	if (tls_take(c->tls, b) != 0) {
		conn_drop(c);
		return;
	}
	write_out(c, buf_bytes(b));
	if (c->unsent >= CONN_BACKLOG)
		set_reading(c, false);
}

/* Encrypts; what comes out leaves at the end of the turn at the latest. */
static void
send_plain(struct conn *c, struct bytes a)
{
	int err;

	if (c->gone)
		return;
	while ((err = tls_write(c->tls, &a)) == ERR_AGAIN && !c->gone)
		flush(c);
	if (err != 0) {
		conn_drop(c);
		return;
	}
	if (!c->dirty) {
		c->dirty = true;
		c->next_dirty = c->gateway->dirty;
		c->gateway->dirty = c;
	}
}

void
conn_flush_all(struct gateway *g)
{
	struct conn *c;

	while ((c = g->dirty) != NULL) {
		g->dirty = c->next_dirty;
		c->dirty = false;
		flush(c);
	}
}

/* ---- what the session asks for ---- */

static void
io_send(void *ctx, struct bytes text)
{
	struct conn *c = ctx;
	struct buf *b = &c->gateway->frames;

	if (c->stage != CONN_WS)
		return;
	buf_clear(b);
	if (ws_put_data(&c->ws, WS_TEXT, true, true, text, NULL, b) != 0)
		conn_drop(c);
	else
		send_plain(c, buf_bytes(b));
	/* A trust file is large and rare: do not keep room for one. */
	if (b->size > TLS_OUTPUT_MAX)
		buf_free(b);
}

static bool
io_has_room(void *ctx)
{
	struct conn *c = ctx;

	return c->stage == CONN_WS &&
	    c->unsent + tls_pending(c->tls) < CONN_ROOM;
}

static void
io_flush(void *ctx)
{
	struct conn *c = ctx;

	if (!c->in_read)
		flush(c);
}

static void
io_close(void *ctx, uint16_t code, const char *reason)
{
	conn_close(ctx, code, reason);
}

static const struct session_io io = {
	io_send, io_has_room, io_flush, io_close
};

void
conn_close(struct conn *c, uint16_t code, const char *reason)
{
	struct buf b;

	if (c->gone || c->stage == CONN_CLOSING)
		return;
	if (c->stage == CONN_WS) {
		buf_init(&b, 1024);
		if (ws_put_close(&c->ws, code, bytes_str(reason), NULL,
		    &b) == 0)
			send_plain(c, buf_bytes(&b));
		buf_free(&b);
	}
	if (c->gone)
		return;
	gateway_set_proven(c->gateway, c);
	c->stage = CONN_CLOSING;
	(void)tls_close(c->tls);
	flush(c);
	/* The other side closes, having read why; or the time is over. */
	if (!c->gone)
		(void)uv_timer_start(&c->timer, on_timer, CONN_CLOSE_MS, 0);
}

/* ---- reading ---- */

static void
refuse_upgrade(struct conn *c, int status, uint32_t retry_after_s)
{
	struct buf b;

	c->gateway->console->counters.agent_refused++;
	buf_init(&b, 1024);
	if (wshake_put_refusal(status, retry_after_s, &b) == 0)
		send_plain(c, buf_bytes(&b));
	buf_free(&b);
	conn_close(c, WS_CODE_NONE, "");
}

static int
begin_session(struct conn *c)
{
	uint8_t exporter[TLS_EXPORTER_LEN];
	struct ws_limits limits = { LINK_BINARY_CAP, LINK_DEVICE_TEXT_CAP };
	int err;

	ws_init(&c->ws, WS_SERVER, limits);
	c->stage = CONN_WS;
	if ((err = tls_exporter(c->tls, exporter)) != 0 ||
	    (err = session_new(c->gateway->console, &io, c, exporter,
	    &c->session)) != 0)
		return err;
	return session_start(c->session);
}

static void
on_http(struct conn *c, struct bytes *plain)
{
	struct bytes protocol = bytes_str(WSHAKE_PROTOCOL);
	struct gateway *g = c->gateway;
	struct wshake_request r;
	struct buf b;
	int err;

	if ((err = wshake_head_feed(&c->head, plain)) == ERR_AGAIN)
		return;
	if (err != 0 || (err = wshake_read_request(&c->head, protocol,
	    &r)) != 0) {
		refuse_upgrade(c, wshake_status_for(err), 0);
		return;
	}
	if (!bytes_is(r.path, LINK_PATH)) {
		refuse_upgrade(c, 404, 0);
		return;
	}
	if (g->n_conns > (size_t)g->console->settings->connections) {
		refuse_upgrade(c, 503, RETRY_AFTER_S);
		return;
	}
	buf_init(&b, 1024);
	if ((err = wshake_put_accept(&r, protocol, &b)) == 0)
		send_plain(c, buf_bytes(&b));
	buf_free(&b);
	wshake_head_fini(&c->head);
	if (err == 0 && !c->gone)
		err = begin_session(c);
	if (err != 0)
		conn_close(c, session_code(err), err_word(err));
}

static int
on_event(struct conn *c, const struct ws_event *ev)
{
	struct buf b;
	int err;

	switch (ev->kind) {
	case WS_TEXT:
		return session_text(c->session, ev->data);
	case WS_BINARY:
		return session_binary(c->session, ev->data, ev->first,
		    ev->final);
	case WS_PING:
		buf_init(&b, 1024);
		if ((err = ws_put_pong(&c->ws, ev->data, NULL, &b)) == 0)
			send_plain(c, buf_bytes(&b));
		buf_free(&b);
		return err;
	case WS_CLOSE:
		conn_close(c, WS_CODE_NORMAL, "");
		return 0;
	case WS_PONG:
	default:
		return 0;
	}
}

static void
on_ws(struct conn *c, struct bytes *plain)
{
	struct ws_event ev;
	int err = 0;

	while (c->stage == CONN_WS &&
	    (err = ws_next(&c->ws, plain, &ev)) == 0) {
		if ((err = on_event(c, &ev)) != 0) {
			if (console_may_log(c->gateway->console))
				conlog_event("agent_closed device=%s error=%s",
				    session_device(c->session),
				    err_word(err));
			conn_close(c, session_code(err), err_word(err));
			return;
		}
		if (c->unproven_at != NULL && session_is_proven(c->session)) {
			gateway_set_proven(c->gateway, c);
			(void)uv_timer_start(&c->timer, on_timer,
			    CONN_STUCK_MS / 2, 0);
		}
	}
	if (c->stage == CONN_WS && err != ERR_AGAIN) {
		if (console_may_log(c->gateway->console))
			conlog_event("agent_closed device=%s websocket=%s",
			    session_device(c->session), err_word(err));
		conn_close(c, ws_code_for(err), err_word(err));
	}
}

static void
on_plain(struct conn *c, struct bytes plain)
{
	if (c->stage == CONN_TLS && tls_state(c->tls) != TLS_HANDSHAKE)
		c->stage = CONN_HTTP;
	if (c->stage == CONN_HTTP && plain.n > 0)
		on_http(c, &plain);
	if (c->stage == CONN_WS)
		on_ws(c, &plain);
}

/* TLS takes the rest of what was read; an error ends the connection. */
static void
on_cipher(struct conn *c, struct bytes in)
{
	struct buf *plain = &c->gateway->plain;
	int err;

	do {
		buf_clear(plain);
		err = tls_feed(c->tls, &in, plain);
		if (plain->n > 0 || err == 0)
			on_plain(c, buf_bytes(plain));
	} while (err == ERR_AGAIN && c->stage != CONN_CLOSING);
	if (err == 0 || c->stage == CONN_CLOSING)
		return;
	if (err != ERR_CLOSED && console_may_log(c->gateway->console))
		conlog_event("tls_failed problem=\"%s\"",
		    tls_problem(c->tls));
	conn_close(c, WS_CODE_NORMAL, "");
}

static void
on_alloc(uv_handle_t *h, size_t size, uv_buf_t *ret_buf)
{
	struct conn *c = h->data;

	(void)size;
	*ret_buf = uv_buf_init((char *)c->gateway->read, GATEWAY_READ);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	(void)buf;
	if (n == 0 || c->gone)
		return;
	if (n < 0) {
		if (c->session != NULL && session_is_proven(c->session))
			conlog_event("disconnected device=%s",
			    session_device(c->session));
		conn_drop(c);
		return;
	}
	c->heard = uv_now(stream->loop);
	if (c->stage == CONN_CLOSING)
		return;
	c->in_read = true;
	on_cipher(c, bytes_of(c->gateway->read, (size_t)n));
	c->in_read = false;
	flush(c);
}

static void
set_reading(struct conn *c, bool on)
{
	if (on == c->reading || c->gone)
		return;
	c->reading = on;
	if (on)
		c->heard = uv_now(c->tcp.loop);
	if (on && uv_read_start((uv_stream_t *)&c->tcp, on_alloc,
	    on_read) != 0)
		conn_drop(c);
	else if (!on)
		(void)uv_read_stop((uv_stream_t *)&c->tcp);
}

/* ---- the beginning ---- */

struct conn *
conn_new(struct gateway *g)
{
	struct conn *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->gateway = g;
	c->handles = 2;
	(void)uv_tcp_init(g->console->loop, &c->tcp);
	(void)uv_timer_init(g->console->loop, &c->timer);
	c->tcp.data = c;
	c->timer.data = c;
	wshake_head_init(&c->head);
	return c;
}

void
conn_accept(struct conn *c, uv_stream_t *listener)
{
	struct gateway *g = c->gateway;

	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 || g->closing ||
	    g->n_conns > (size_t)g->console->settings->connections +
	    (size_t)g->console->settings->unproven ||
	    tls_new(g->tls, NULL, clock_wall_s(), &c->tls) != 0) {
		g->console->counters.agent_refused++;
		conn_drop(c);
		return;
	}
	(void)uv_tcp_nodelay(&c->tcp, 1);
	(void)uv_timer_start(&c->timer, on_timer, CONN_PROVE_MS, 0);
	set_reading(c, true);
}
