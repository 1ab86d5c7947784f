/*
 * from_gate.c - what the gate says: checked, and sent to the console.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/courier.h"

#include "agent/courier/events.h"
#include "common/envelope.h"
#include "common/link.h"
#include "platform/clock.h"

#include <stdlib.h>
#include <string.h>

/* What waits for the gate: the mark, a trust file behind it, and small ones. */
#define TO_GATE_CAP (COURIER_GATE_HIGH + 3 * (size_t)WIRE_TRUST_CAP / 2)

/*
 * Each does what the message asks for; what belongs to a link that has gone is
 * dropped. An error is the gate's fault and ends this process.
 */
typedef int handle_fn(struct courier *c, struct bytes body);

/* Sends what was put into c->message, and empties it. */
static int
say(struct courier *c, enum ws_kind kind)
{
	int err = buf_error(&c->message);

	if (err == 0)
		courier_say(c, kind, buf_bytes(&c->message));
	if (c->state != WIRE_COURIER_SYNCED)
		courier_wipe(c->message.p, c->message.n);
	buf_clear(&c->message);
	return err;
}

/* ---- the configuration ---- */

/* Splits at the last (or first) colon. ERR_SYNTAX: none, or an empty part. */
static int
split(struct bytes text, bool last, struct bytes *ret_a, struct bytes *ret_b)
{
	size_t i, at = text.n;

	for (i = 0; i < text.n; i++)
		if (text.p[i] == ':' && (last || at == text.n))
			at = i;
	if (at == text.n || at == 0)
		return ERR_SYNTAX;
	*ret_a = bytes_of(text.p, at);
	*ret_b = bytes_of(text.p + at + 1, text.n - at - 1);
	return 0;
}

static int
read_port(struct bytes text, uint16_t *ret_port)
{
	uint32_t v = 0;
	size_t i;

	if (text.n == 0 || text.n > 5)
		return ERR_SYNTAX;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return ERR_SYNTAX;
		v = v * 10 + (uint32_t)(text.p[i] - '0');
	}
	if (v == 0 || v > UINT16_MAX)
		return ERR_RANGE;
	*ret_port = (uint16_t)v;
	return 0;
}

static int
configure_proxy(struct conn_config *cfg, const struct wire_config *m)
{
	struct bytes host, port, user, password;
	int err;

	if (m->proxy.n == 0)
		return 0;
	if ((err = split(m->proxy, true, &host, &port)) != 0 ||
	    (err = read_port(port, &cfg->proxy_port)) != 0)
		return err;
	/* [v6]: the resolver wants it bare. */
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = bytes_of(host.p + 1, host.n - 2);
	if ((err = bytes_dup_str(host, &cfg->proxy_host)) != 0)
		return err;
	if (m->proxy_auth.n == 0)
		return 0;
	if ((err = split(m->proxy_auth, false, &user, &password)) != 0 ||
	    (err = bytes_dup_str(user, &cfg->proxy_user)) != 0)
		return err;
	return bytes_dup_str(password, &cfg->proxy_password);
}

static int
on_config(struct courier *c, struct bytes body)
{
	struct wire_config m;
	int err;

	if ((err = wire_get_config(body, &m)) != 0 ||
	    (err = bytes_dup_str(m.host, &c->cfg.host)) != 0 ||
	    (err = bytes_dup_str(m.path, &c->cfg.path)) != 0 ||
	    (err = configure_proxy(&c->cfg, &m)) != 0 ||
	    (err = tls_config_new_client(m.ca_pem, &c->cfg.tls)) != 0)
		return err;
	c->cfg.port = m.port;
	backoff_init(&c->backoff, m.first_delay_ms);
	courier_enter(c, WIRE_COURIER_DOWN);
	c->retry_at = clock_boot_ms();
	return 0;
}

void
gate_forget(struct courier *c)
{
	struct conn_config *cfg = &c->cfg;

	tls_config_free(cfg->tls);
	free(cfg->host);
	free(cfg->path);
	free(cfg->proxy_host);
	free(cfg->proxy_user);
	if (cfg->proxy_password != NULL)
		courier_wipe(cfg->proxy_password,
		    strlen(cfg->proxy_password));
	free(cfg->proxy_password);
	wire_in_fini(&c->in);
	outlet_fini(&c->to_gate);
}

/* ---- for the console ---- */

/* Whether the payload has this link's nonce in it: else it answers another. */
static bool
has_nonce(const struct courier *c, struct bytes payload)
{
	size_t n = strlen(c->nonce), i;

	for (i = 0; n > 0 && i + n <= payload.n; i++)
		if (memcmp(payload.p + i, c->nonce, n) == 0)
			return true;
	return false;
}

static int
on_hello(struct courier *c, struct bytes body)
{
	struct wire_envelope e = { .n = 1 };
	struct wire_hello m;
	int err;

	if ((err = wire_get_hello(body, &m)) != 0)
		return err;
	if (c->state != WIRE_COURIER_ASKED || !has_nonce(c, m.payload))
		return 0;
	e.type = envelope_type_text(PAYLOAD_HELLO);
	e.payload = m.payload;
	e.sigs[0].sig = bytes_of(m.sig, WIRE_SIG);
	link_put_envelope(&c->message, LINK_HELLO, &e);
	courier_enter(c, WIRE_COURIER_PROVING);
	return say(c, WS_TEXT);
}

static int
on_enrol(struct courier *c, struct bytes body)
{
	struct wire_enrol m;
	int err;

	if ((err = wire_get_enrol(body, &m)) != 0)
		return err;
	if (c->state != WIRE_COURIER_ASKED)
		return 0;
	/* At once, so that the secret's bytes do not move as it grows. */
	(void)buf_reserve(&c->message, LINK_DEVICE_TEXT_CAP);
	link_put_enrol(&c->message, &m);
	courier_enter(c, WIRE_COURIER_ENROLLING);
	return say(c, WS_TEXT);
}

static int
on_records(struct courier *c, struct bytes body)
{
	struct bytes rest = body;
	struct wire_record r;
	int got;

	while ((got = wire_next_record(&rest, &r)) == 1)
		;
	if (got != 0 || c->state != WIRE_COURIER_SYNCED)
		return got;
	link_put_records(&c->message, body);
	return say(c, WS_BINARY);
}

static int
on_blob(struct courier *c, struct bytes body)
{
	struct wire_blob m;
	int err;

	if ((err = wire_get_blob(body, &m)) != 0 ||
	    c->state != WIRE_COURIER_SYNCED)
		return err;
	link_put_blob(&c->message, &m);
	return say(c, WS_BINARY);
}

static int
on_output(struct courier *c, struct bytes body)
{
	struct wire_output m;
	int err;

	if ((err = wire_get_output(body, &m)) != 0 ||
	    c->state != WIRE_COURIER_SYNCED)
		return err;
	link_put_output(&c->message, &m);
	return say(c, WS_BINARY);
}

static int
on_leaves(struct courier *c, struct bytes body)
{
	struct wire_leaves m;
	int err;

	if ((err = wire_get_leaves(body, &m)) != 0 ||
	    c->state != WIRE_COURIER_SYNCED)
		return err;
	link_put_leaves(&c->message, &m);
	return say(c, WS_BINARY);
}

static int
on_checkpoint(struct courier *c, struct bytes body)
{

	if (c->state != WIRE_COURIER_SYNCED)
		return 0;
	link_put_checkpoint(&c->message, body);
	return say(c, WS_TEXT);
}

static int
on_close(struct courier *c, struct bytes body)
{
	struct bytes reason;
	char why[160];
	int err;

	if ((err = wire_get_close(body, &reason)) != 0)
		return err;
	if (c->state != WIRE_COURIER_DOWN)
		courier_hang_up(c, WS_CODE_NORMAL,
		    event_quote(reason, why, sizeof(why)));
	return 0;
}

/* clang-format off */
static handle_fn *const handlers[] = {
	[WIRE_CONFIG] = on_config,
	[WIRE_HELLO] = on_hello,
	[WIRE_RECORDS] = on_records,
	[WIRE_BLOB] = on_blob,
	[WIRE_OUTPUT] = on_output,
	[WIRE_LEAVES] = on_leaves,
	[WIRE_CHECKPOINT] = on_checkpoint,
	[WIRE_ENROL] = on_enrol,
	[WIRE_CLOSE] = on_close,
};
/* clang-format on */

/* ---- the stream ---- */

static void
violation(struct courier *c, const char *what, int err)
{
	event_log("gate broke the protocol message=%s reason=%s", what,
	    err_word(err));
	courier_quit(c, COURIER_EXIT_VIOLATION);
}

static void
take(struct courier *c, struct bytes data)
{
	struct wire_msg m;
	int r;

	while ((r = wire_in_next(&c->in, &data, c->state, &m)) == 1) {
		r = handlers[m.type](c, m.body);
		if (r != 0) {
			violation(c, wire_name(m.type), r);
			return;
		}
	}
	if (r < 0)
		violation(c, "header", r);
}

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct courier *c = h->data;

	(void)suggested;
	*buf = uv_buf_init((char *)c->scratch, (unsigned)COURIER_SCRATCH);
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct courier *c = s->data;

	if (n == 0)
		return;
	if (n < 0) {
		if (n == UV_EOF && !wire_in_is_idle(&c->in))
			event_log("gate closed in the middle of a message");
		courier_quit(c, COURIER_EXIT_GATE);
		return;
	}
	take(c, bytes_of(buf->base, (size_t)n));
	/* An enrolment's secret, a proxy's password. */
	if (c->state != WIRE_COURIER_SYNCED)
		courier_wipe(buf->base, (size_t)n);
	if (c->conn != NULL && conn_waiting(c->conn) > CONN_WAIT_HIGH) {
		c->gate_paused = true;
		(void)uv_read_stop(s);
	}
}

void
gate_resume(struct courier *c)
{
	if (!c->gate_paused || (c->conn != NULL &&
	    conn_waiting(c->conn) > CONN_WAIT_HIGH / 2))
		return;
	c->gate_paused = false;
	if (uv_read_start((uv_stream_t *)&c->gate, on_alloc, on_read) != 0)
		courier_quit(c, COURIER_EXIT_START);
}

/* The gate has taken something: perhaps the network may be read again. */
static void
on_sent(void *arg, int err)
{
	struct courier *c = arg;

	if (err != 0)
		courier_quit(c, COURIER_EXIT_GATE);
	else if (c->conn != NULL &&
	    outlet_waiting(&c->to_gate) <= COURIER_GATE_HIGH / 2)
		conn_resume(c->conn);
}

void
gate_flush(struct courier *c)
{
	int err = buf_error(&c->to_gate.pending);

	if (err == 0)
		err = outlet_flush(&c->to_gate);
	if (err == ERR_IO) {
		courier_quit(c, COURIER_EXIT_GATE);
	} else if (err != 0) {
		event_log("cannot go on reason=%s", err_word(err));
		courier_quit(c, COURIER_EXIT_START);
	}
}

int
gate_attach(struct courier *c, int fd)
{
	if (uv_pipe_init(&c->loop, &c->gate, 0) != 0)
		return ERR_IO;
	c->gate.data = c;
	wire_in_init(&c->in, WIRE_AT_COURIER);
	quota_init(&c->reports, CAP_REFUSALS_PER_MINUTE);
	outlet_init(&c->to_gate, (uv_stream_t *)&c->gate, TO_GATE_CAP,
	    on_sent, c);
	if (uv_pipe_open(&c->gate, fd) != 0 || uv_read_start(
	    (uv_stream_t *)&c->gate, on_alloc, on_read) != 0)
		return ERR_IO;
	wire_put_ready(&c->to_gate.pending);
	gate_flush(c);
	return 0;
}
