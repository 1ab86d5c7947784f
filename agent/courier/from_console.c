/*
 * from_console.c - what the console says: taken apart, handed to the gate.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#include "agent/courier/courier.h"

#include "agent/courier/events.h"
#include "common/base64.h"
#include "common/digest.h"
#include "common/link.h"
#include "platform/clock.h"

#include <stdio.h>
#include <string.h>

/*
 * Each puts the wire message that answers to m into the gate's outlet, and may
 * move on. What m is has been checked against the state.
 */
typedef void handle_fn(struct courier *c, const struct link_msg *m);

static void
on_challenge(struct courier *c, const struct link_msg *m)
{
	uint8_t exporter[TLS_EXPORTER_LEN];
	struct wire_challenge w = { m->u.nonce, exporter };
	struct buf text;

	if (conn_exporter(c->conn, exporter) != 0) {
		courier_hang_up(c, WS_CODE_INTERNAL,
		    "TLS gives no channel binding");
		return;
	}
	buf_init(&text, COURIER_NONCE_TEXT - 1);
	base64url_encode(&text, bytes_of(m->u.nonce, WIRE_NONCE));
	if (buf_error(&text) != 0) {
		buf_free(&text);
		courier_hang_up(c, WS_CODE_INTERNAL, "no memory");
		return;
	}
	memcpy(c->nonce, text.p, text.n);
	c->nonce[text.n] = '\0';
	buf_free(&text);
	wire_put_challenge(&c->to_gate.pending, &w);
	courier_enter(c, WIRE_COURIER_ASKED);
}

static void
on_enrolled(struct courier *c, const struct link_msg *m)
{
	struct wire_enrolled w = { m->type == LINK_ENROLLED,
	    { NULL, 0 } };

	if (!w.ok)
		w.reason = m->u.reason;
	wire_put_enrolled(&c->to_gate.pending, &w);
	courier_enter(c, WIRE_COURIER_ASKED);
}

static void
on_welcome(struct courier *c, const struct link_msg *m)
{
	event_log("synced tls=%s", conn_tls_version(c->conn));
	wire_put_welcome(&c->to_gate.pending, &m->u.welcome);
	courier_enter(c, WIRE_COURIER_SYNCED);
}

static void
on_envelope(struct courier *c, const struct link_msg *m)
{
	static const enum wire_type types[] = {
		[LINK_CARD] = WIRE_CARD,
		[LINK_APPROVAL] = WIRE_APPROVAL,
		[LINK_CANCEL] = WIRE_CANCEL,
		[LINK_TRUST] = WIRE_TRUST,
	};

	wire_put_envelope(&c->to_gate.pending, types[m->type],
	    &m->u.envelope);
}

static void
on_withdraw(struct courier *c, const struct link_msg *m)
{
	wire_put_withdraw(&c->to_gate.pending, &m->u.withdraw);
}

static void
on_have(struct courier *c, const struct link_msg *m)
{
	wire_put_have(&c->to_gate.pending, m->u.n);
}

static void
on_credit(struct courier *c, const struct link_msg *m)
{
	wire_put_credit(&c->to_gate.pending, &m->u.credit);
}

static void
on_cosignature(struct courier *c, const struct link_msg *m)
{
	wire_put_cosignature(&c->to_gate.pending, &m->u.cosignature);
}

static void
on_retry_after(struct courier *c, const struct link_msg *m)
{
	event_log("retry_after seconds=%u", (unsigned)m->u.seconds);
	backoff_ask(&c->backoff, clock_boot_ms(), m->u.seconds);
	courier_hang_up(c, WS_CODE_NORMAL,
	    "the console asks to come back later");
}

/* clang-format off */
static handle_fn *const handlers[] = {
	[LINK_CHALLENGE] = on_challenge,
	[LINK_ENROLLED] = on_enrolled,
	[LINK_ENROL_REFUSED] = on_enrolled,
	[LINK_WELCOME] = on_welcome,
	[LINK_CARD] = on_envelope,
	[LINK_APPROVAL] = on_envelope,
	[LINK_CANCEL] = on_envelope,
	[LINK_TRUST] = on_envelope,
	[LINK_WITHDRAW] = on_withdraw,
	[LINK_HAVE] = on_have,
	[LINK_CREDIT] = on_credit,
	[LINK_COSIGNATURE] = on_cosignature,
	[LINK_RETRY_AFTER] = on_retry_after,
};
/* clang-format on */

void
console_report(struct courier *c, const char *reason, struct bytes what)
{
	struct wire_unreadable w;
	struct sha256 hash;

	if (!quota_take(&c->reports, clock_boot_ms()))
		return;
	digest_sha256(what, &hash);
	w.reason = bytes_str(reason);
	w.length = what.n < UINT32_MAX ? (uint32_t)what.n : UINT32_MAX;
	w.hash = hash.b;
	event_log("unreadable reason=%s length=%u", reason,
	    (unsigned)w.length);
	wire_put_unreadable(&c->to_gate.pending, &w);
}

/* Reports it, and ends the link: our consoles do not do this. */
static void
refuse(struct courier *c, uint16_t code, const char *reason, struct bytes what)
{
	console_report(c, reason, what);
	courier_hang_up(c, code, "the console broke the protocol");
}

static void
on_text(struct courier *c, struct bytes text)
{
	struct link_msg m;
	int err;

	if ((err = link_get_text(LINK_CONSOLE, text, &m)) != 0) {
		refuse(c, WS_CODE_POLICY, err_word(err), text);
		return;
	}
	if (!link_permitted(LINK_DEVICE, c->state, m.type))
		refuse(c, WS_CODE_POLICY, err_word(ERR_STATE), text);
	else
		handlers[m.type](c, &m);
	link_msg_free(&m);
}

static void
on_close(struct courier *c, const struct ws_event *ev)
{
	char quoted[128], why[200];

	(void)snprintf(why, sizeof(why), "the console closed: %u %s",
	    (unsigned)ev->code, event_quote(ev->data, quoted, sizeof(quoted)));
	/* Our answer has its code, which may be one that is never sent. */
	courier_hang_up(c, WS_CODE_NORMAL, why);
}

static void
on_event(struct courier *c, const struct ws_event *ev)
{
	uint8_t mask[WS_MASK_LEN];

	switch (ev->kind) {
	case WS_TEXT:
		on_text(c, ev->data);
		break;
	case WS_BINARY:
		/* Devices send it, consoles have none to send. */
		refuse(c, WS_CODE_UNSUPPORTED, "binary", ev->data);
		break;
	case WS_PING:
		courier_random(c, mask, sizeof(mask));
		buf_clear(&c->frame);
		if (ws_put_pong(&c->ws, ev->data, mask, &c->frame) != 0 ||
		    conn_write(c->conn, buf_bytes(&c->frame)) != 0)
			courier_hang_up(c, 0, "a pong cannot be sent");
		break;
	case WS_CLOSE:
		on_close(c, ev);
		break;
	case WS_PONG:
	default:
		break;
	}
}

/* Whether either side has so much waiting that no more should be made. */
static bool
is_clogged(const struct courier *c)
{
	return outlet_waiting(&c->to_gate) > COURIER_GATE_HIGH ||
	    conn_waiting(c->conn) > CONN_WAIT_HIGH;
}

void
console_read(struct courier *c, struct bytes *plain)
{
	const struct conn *conn = c->conn;
	struct bytes before;
	struct ws_event ev;
	int err;

	while (plain->n > 0 && !is_clogged(c)) {
		before = *plain;
		err = ws_next(&c->ws, plain, &ev);
		if (err == ERR_AGAIN)
			break;
		if (err != 0)
			refuse(c, ws_code_for(err), err_word(err), before);
		else
			on_event(c, &ev);
		if (c->conn != conn)
			break;
	}
	gate_flush(c);
}
