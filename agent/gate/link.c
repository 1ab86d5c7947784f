/*
 * link.c - what the console says, by way of the courier.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The permit table has let the message through; its bytes are still anybody's.
 * A body that does not read is a violation of the courier's, which ends it.
 */
#include "agent/gate/gate.h"

#include "common/digest.h"

#include <string.h>

/* The gate signs hello at most this often. */
#define PROOF_EVERY_MS 1000u

typedef int link_handler(struct gate *g, struct moment m, struct bytes body);

void
link_envelope(const struct wire_envelope *w, struct envelope *ret_e)
{
	size_t i;

	memset(ret_e, 0, sizeof(*ret_e));
	ret_e->type = w->type;
	ret_e->payload = w->payload;
	for (i = 0; i < w->n && i < ENVELOPE_MAX_SIGS; i++) {
		ret_e->sigs[i].keyid = w->sigs[i].keyid;
		ret_e->sigs[i].sig = w->sigs[i].sig;
	}
	ret_e->n_sigs = i;
}

typedef int core_taker(struct core *c, struct moment m,
    const struct envelope *e, struct core_reply *ret_r);

/* Whoever sends what is refused fills no log either. */
static void
tell_refusal(struct gate *g, struct moment m, const char *what,
    const char *reason)
{
	uint64_t more;

	if (!limiter_take(&g->refusals, m.boot_ms))
		return;
	if ((more = limiter_due(&g->refusals, m.boot_ms)) > 0)
		log_event(&g->log, SERVICE_NOTICE, "refused more=%llu",
		    (unsigned long long)more);
	log_event(&g->log, SERVICE_NOTICE, "%s refused reason=%s", what,
	    reason);
}

static int
take_envelope(struct gate *g, struct moment m, struct bytes body,
    enum wire_type type, core_taker *take)
{
	struct wire_envelope w;
	struct core_reply r;
	struct envelope e;
	int err;

	if ((err = wire_get_envelope(type, body, &w)) != 0)
		return ERR_PROTOCOL;
	link_envelope(&w, &e);
	err = take(g->core, m, &e, &r);
	if (err == 0 && r.answer == CORE_REFUSED)
		tell_refusal(g, m, wire_name((uint16_t)type), r.reason);
	return err;
}

static int
on_card(struct gate *g, struct moment m, struct bytes body)
{
	return take_envelope(g, m, body, WIRE_CARD, core_card);
}

static int
on_approval(struct gate *g, struct moment m, struct bytes body)
{
	return take_envelope(g, m, body, WIRE_APPROVAL, core_approval);
}

static int
on_cancel(struct gate *g, struct moment m, struct bytes body)
{
	return take_envelope(g, m, body, WIRE_CANCEL, core_cancel);
}

static int
on_trust(struct gate *g, struct moment m, struct bytes body)
{
	return take_envelope(g, m, body, WIRE_TRUST, core_trust);
}

int
link_prove(struct gate *g, const struct wire_challenge *c)
{
	struct hello h = {
		.org = core_org(g->core),
		.console_nonce = c->nonce,
		.exporter = c->exporter,
		.next = journal_synced(g->journal),
		.offer = executor_offer(g->executor),
		.split = uplink_is_split(),
	};
	uint8_t sig[SIGNER_SIGNATURE_SIZE];
	struct wire_hello w;
	struct buf payload, out;
	int err;

	buf_init(&payload, WIRE_HELLO_CAP);
	buf_init(&out, WIRE_HELLO_CAP + 256);
	if ((err = identity_hello(g->key, &h, &payload, sig)) == 0) {
		w.payload = buf_bytes(&payload);
		w.sig = sig;
		wire_put_hello(&out, &w);
		if ((err = buf_error(&out)) == 0)
			err = uplink_send(g->uplink, buf_bytes(&out));
	}
	buf_free(&payload);
	buf_free(&out);
	return err;
}

static void
on_proof_due(uv_timer_t *t)
{
	struct gate *g = t->data;
	struct wire_challenge c = { g->challenge, g->challenge + WIRE_NONCE };
	int err;

	/* The link may have gone while we waited. */
	if (g->uplink == NULL || uplink_state(g->uplink) != WIRE_GATE_PROVING)
		return;
	g->proven_ms = gate_moment().boot_ms;
	if ((err = link_prove(g, &c)) != 0)
		log_event(&g->log, SERVICE_ERROR, "hello failed reason=%s",
		    err_word(err));
}

/* One signature a second, however often a console asks: the rest waits. */
static int
on_challenge(struct gate *g, struct moment m, struct bytes body)
{
	struct wire_challenge c;
	uint64_t age = m.boot_ms - g->proven_ms;

	if (wire_get_challenge(body, &c) != 0)
		return ERR_PROTOCOL;
	memcpy(g->challenge, c.nonce, WIRE_NONCE);
	memcpy(g->challenge + WIRE_NONCE, c.exporter, WIRE_HASH);
	g->proof.data = g;
	if (g->proven_ms == 0 || age >= PROOF_EVERY_MS)
		on_proof_due(&g->proof);
	else if (uv_timer_start(&g->proof, on_proof_due,
	    PROOF_EVERY_MS - age, 0) != 0)
		return ERR_IO;
	return 0;
}

void
link_config(const struct gate *g, struct wire_config *ret_c)
{
	memset(ret_c, 0, sizeof(*ret_c));
	ret_c->host = bytes_str(g->link.host);
	ret_c->port = g->link.port;
	ret_c->path = bytes_str(g->link.path);
	ret_c->ca_pem = bytes_str(g->link.ca_pem);
	ret_c->proxy = bytes_str(g->config.proxy);
	ret_c->proxy_auth = bytes_str(g->config.proxy_auth);
	ret_c->first_delay_ms = 1000;
}

static int
on_welcome(struct gate *g, struct moment m, struct bytes body)
{
	struct wire_welcome w;
	int err;

	(void)m;
	if (wire_get_welcome(body, &w) != 0)
		return ERR_PROTOCOL;
	err = checkpoints_welcome(g->checkpoints, &w);
	if (err == ERR_ROLLBACK || err == ERR_CONFLICT ||
	    err == ERR_CORRUPT) {
		gate_tampered(g, err == ERR_ROLLBACK ? "journal_rolled_back" :
		    "journal_tampered", "the console has a checkpoint that"
		    " this device signed and its journal does not go with",
		    w.note);
		return 0;
	}
	if (err != 0)
		return err;
	outbox_open(g->outbox);
	return 0;
}

static int
on_cosignature(struct gate *g, struct moment m, struct bytes body)
{
	struct wire_cosignature w;

	(void)m;
	if (wire_get_cosignature(body, &w) != 0)
		return ERR_PROTOCOL;
	return checkpoints_answer(g->checkpoints, &w);
}

static int
on_withdraw(struct gate *g, struct moment m, struct bytes body)
{
	struct wire_withdraw w;
	struct sha256 card;

	if (wire_get_withdraw(body, &w) != 0)
		return ERR_PROTOCOL;
	memcpy(card.b, w.card, sizeof(card.b));
	return core_withdraw(g->core, m, &card, w.reason);
}

/*
 * A console that has more than was ever synced here has seen a later state of
 * this disk (or lies): nothing of this connection counts any more.
 */
static int
on_console_ahead(struct gate *g, struct moment m, uint64_t n)
{
	struct sha256 none = { { 0 } };

	log_event(&g->log, SERVICE_ERROR, "ALARM: the console has %llu records"
	    " of this device, its journal %llu: its disk was put back to an"
	    " earlier state, or the console lies; compare the two before"
	    " anything runs", (unsigned long long)n,
	    (unsigned long long)journal_synced(g->journal));
	uplink_drop(g->uplink, "ALARM: the console has more records than this"
	    " device: its disk was put back, or the console lies");
	return core_link_refused(g->core, m, bytes_str("console_ahead"), 0,
	    &none);
}

static int
on_have(struct gate *g, struct moment m, struct bytes body)
{
	uint64_t n, first = journal_first(g->journal);

	if (wire_get_have(body, &n) != 0)
		return ERR_PROTOCOL;
	if (n > journal_synced(g->journal))
		return on_console_ahead(g, m, n);
	if (n < first)
		/* Too old to be kept: it gets what there is, and hashes. */
		log_event(&g->log, SERVICE_WARNING, "the console lacks records"
		    " that this device has no longer from=%llu to=%llu",
		    (unsigned long long)n, (unsigned long long)first - 1);
	outbox_have(g->outbox, n);
	return 0;
}

static int
on_credit(struct gate *g, struct moment m, struct bytes body)
{
	struct wire_credit c;

	(void)m;
	if (wire_get_credit(body, &c) != 0)
		return ERR_PROTOCOL;
	outbox_credit(g->outbox, &c);
	return 0;
}

static int
on_unreadable(struct gate *g, struct moment m, struct bytes body)
{
	struct wire_unreadable u;
	struct sha256 hash;

	if (wire_get_unreadable(body, &u) != 0)
		return ERR_PROTOCOL;
	memcpy(hash.b, u.hash, sizeof(hash.b));
	return core_link_refused(g->core, m, u.reason, u.length, &hash);
}

/* Followed by the uplink, or of no meaning outside an enrolment. */
static int
on_nothing(struct gate *g, struct moment m, struct bytes body)
{
	(void)g;
	(void)m;
	(void)body;
	return 0;
}

static const struct {
	uint16_t type;
	link_handler *handle;
} handlers[] = {
	{ WIRE_READY, on_nothing },
	{ WIRE_LINK, on_nothing },
	{ WIRE_CHALLENGE, on_challenge },
	{ WIRE_WELCOME, on_welcome },
	{ WIRE_CARD, on_card },
	{ WIRE_APPROVAL, on_approval },
	{ WIRE_CANCEL, on_cancel },
	{ WIRE_TRUST, on_trust },
	{ WIRE_WITHDRAW, on_withdraw },
	{ WIRE_HAVE, on_have },
	{ WIRE_CREDIT, on_credit },
	{ WIRE_COSIGNATURE, on_cosignature },
	{ WIRE_UNREADABLE, on_unreadable },
	{ WIRE_ENROLLED, on_nothing },
};

void
link_message(void *arg, const struct wire_msg *m)
{
	struct gate *g = arg;
	size_t i;
	int err = ERR_PROTOCOL;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == m->type) {
			err = handlers[i].handle(g, gate_moment(), m->body);
			break;
		}
	if (err == ERR_PROTOCOL) {
		uplink_violation(g->uplink, wire_name(m->type));
		err = 0;
	}
	gate_touch(g, err);
}
