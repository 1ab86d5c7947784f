/*
 * session.c - one conversation with an agent: messages in, messages out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/gateway/session.h"

#include "common/link.h"
#include "common/tls.h"
#include "common/ws.h"
#include "console/conlog.h"
#include "console/fold.h"
#include "console/gateway/hello.h"
#include "console/gateway/outgoing.h"
#include "console/witness/newest.h"
#include "console/witness/submit.h"
#include "platform/clock.h"
#include "platform/random.h"

#include <stdlib.h>
#include <string.h>

/* A record with its place: what one binary message may hold of them. */
#define TOUCHED_MAX ((size_t)1 << 20)

/* A blob as it comes, in order. */
struct blob_in {
	bool open;
	struct sha256 hash;
	uint32_t total;
	struct buf content;
};

struct session {
	struct console *c;
	const struct session_io *io;
	void *ctx;
	enum link_console_state state;
	bool proven;
	bool ended;			/* nothing is done any more */
	uint8_t nonce[WIRE_NONCE];
	uint8_t exporter[TLS_EXPORTER_LEN];
	struct store_device device;
	struct link_entry link;
	struct turn_member member;
	struct outgoing out;
	struct fold *fold;		/* from the hello on */
	bool held_back;			/* some card was refused for now */
	struct buf binary;		/* a binary message as it comes */
	struct blob_in blob;
	/* Of this turn, until it is settled: */
	struct buf touched;		/* digests of cards, 32 bytes each */
	bool enrolled;
	uint64_t told;			/* the last `have` that was sent */
	bool has_answer;		/* to a checkpoint */
	struct answer answer;
	struct ledger_effects effects;
};

static void on_settled(void *ctx, int err);
static void on_poke(void *ctx, enum link_news news);
static void on_replace(void *ctx);
static void on_cosigned(void *ctx, struct bytes lines);

/* ---- its life ---- */

int
session_new(struct console *c, const struct session_io *io, void *ctx,
    const uint8_t *exporter, struct session **ret_s)
{
	struct session *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ERR_NOMEM;
	if (random_fill(s->nonce, sizeof(s->nonce)) != 0) {
		free(s);
		return ERR_IO;
	}
	s->c = c;
	s->io = io;
	s->ctx = ctx;
	s->state = LINK_ASKED;
	memcpy(s->exporter, exporter, sizeof(s->exporter));
	s->member.settled = on_settled;
	s->member.ctx = s;
	s->link.poke = on_poke;
	s->link.replace = on_replace;
	s->link.cosigned = on_cosigned;
	s->link.ctx = s;
	buf_init(&s->binary, LINK_BINARY_CAP);
	buf_init(&s->blob.content, WIRE_TRUST_CAP);
	buf_init(&s->touched, TOUCHED_MAX);
	outgoing_init(&s->out, c, io, ctx);
	*ret_s = s;
	return 0;
}

/* Lets go of everything that others could reach it by. */
static void
end(struct session *s)
{
	s->ended = true;
	links_remove(&s->c->links, &s->link);
	outgoing_fini(&s->out);
	turn_leave(&s->c->turn, &s->member);
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	end(s);
	buf_free(&s->binary);
	buf_free(&s->blob.content);
	buf_free(&s->touched);
	buf_free(&s->answer.body);
	fold_close(s->fold);
	free(s);
}

bool
session_is_proven(const struct session *s)
{
	return s->proven;
}

const char *
session_device(const struct session *s)
{
	return s->proven ? s->device.id : "";
}

uint16_t
session_code(int err)
{
	switch (err) {
	case ERR_NO_SPACE:
	case ERR_AGAIN:
	case ERR_NOMEM:
	case ERR_IO:
	case ERR_CORRUPT:
	case ERR_PERMISSION:
		return WS_CODE_TRY_LATER;
	case ERR_TOO_LARGE:
		return WS_CODE_TOO_LARGE;
	case ERR_STATE:
	case ERR_PROTOCOL:
	case ERR_SYNTAX:
	case ERR_VERSION:
		return WS_CODE_PROTOCOL;
	default:
		return WS_CODE_POLICY;
	}
}

/*
 * Whether the error is the console's own (store, memory) and not the device's:
 * then the whole turn is taken back, everybody's.
 */
static bool
is_ours(int err)
{
	return err != 0 && session_code(err) == WS_CODE_TRY_LATER;
}

/* Sends a message that was put together; frees the buffer. */
static int
send_and_free(struct session *s, struct buf *b)
{
	int err = buf_error(b);

	if (err == 0)
		s->io->send(s->ctx, buf_bytes(b));
	buf_free(b);
	return err;
}

int
session_start(struct session *s)
{
	struct buf b;

	buf_init(&b, 1024);
	link_put_challenge(&b, s->nonce);
	return send_and_free(s, &b);
}

/* ---- enrolment ---- */

static int
refuse_enrolment(struct session *s, const char *reason)
{
	struct buf b;
	int err;

	s->c->counters.agent_refused++;
	if (console_may_log(s->c))
		conlog_event("enrolment_refused reason=%s", reason);
	buf_init(&b, 1024);
	link_put_enrol_refused(&b, bytes_str(reason));
	err = send_and_free(s, &b);
	s->io->close(s->ctx, WS_CODE_POLICY, reason);
	return err;
}

static int
on_enrol(struct session *s, const struct wire_enrol *m)
{
	const char *reason = NULL;
	int err;

	turn_join(&s->c->turn, &s->member);
	if ((err = turn_begin(&s->c->turn)) == 0)
		err = ledger_enrol(s->c->store, m, clock_wall_s(), &reason,
		    &s->device);
	if (err != 0) {
		turn_fail(&s->c->turn, err);
		return err;
	}
	if (reason != NULL)
		return refuse_enrolment(s, reason);
	s->state = LINK_ENROLLING;
	s->enrolled = true;
	return 0;
}

static void
answer_enrolment(struct session *s)
{
	struct buf b;

	s->enrolled = false;
	s->state = LINK_ASKED;
	s->c->counters.enrolments++;
	conlog_event("enrolled device=%s org=%s", s->device.id, s->device.org);
	buf_init(&b, 1024);
	link_put_enrolled(&b);
	(void)send_and_free(s, &b);
	s->io->flush(s->ctx);
}

/* ---- hello ---- */

static int
refuse_hello(struct session *s, const char *device, const char *why, int err)
{
	s->c->counters.hellos_refused++;
	if (console_may_log(s->c))
		conlog_event("hello_refused device=%s reason=%s", device,
		    why);
	return err;
}

static int
send_welcome(struct session *s)
{
	struct wire_welcome w = { false, { NULL, 0 } };
	uint64_t size = 0;
	struct buf note, b;
	int err;

	buf_init(&note, WIRE_NOTE_CAP);
	buf_init(&b, 4 * WIRE_NOTE_CAP);
	err = newest_note(s->c->store, s->device.n, &size, &note);
	if (err == 0) {
		w.has = true;
		w.note = buf_bytes(&note);
	}
	if (err == 0 || err == ERR_NOT_FOUND) {
		link_put_welcome(&b, &w);
		err = send_and_free(s, &b);
	}
	buf_free(&b);
	buf_free(&note);
	return err;
}

static int
send_have(struct session *s)
{
	struct buf b;

	s->told = s->device.next;
	buf_init(&b, 1024);
	link_put_have(&b, s->device.next);
	return send_and_free(s, &b);
}

/* What the hello said becomes what is known of the device. */
static int
note_hello(struct session *s, const struct hello *h)
{
	struct store_device *d = &s->device;
	int err;

	memcpy(d->version, h->version, sizeof(d->version));
	memcpy(d->system, h->system, sizeof(d->system));
	memcpy(d->arch, h->arch, sizeof(d->arch));
	d->split = h->split;
	d->seen = clock_wall_s();
	turn_join(&s->c->turn, &s->member);
	if ((err = turn_begin(&s->c->turn)) == 0 &&
	    (err = store_device_update(s->c->store, d)) == 0)
		err = ledger_hello(s->c->store, d, h->next, d->seen,
		    &s->effects);
	if (err != 0)
		turn_fail(&s->c->turn, err);
	return err;
}

static int
on_hello(struct session *s, const struct wire_envelope *e)
{
	char claim[DEVICEID_SIZE];
	struct store_device d;
	struct hello h;
	int err;

	if ((err = hello_claim(e->payload, claim)) != 0)
		return refuse_hello(s, "?", "malformed", err);
	/* What an older connection brought in this turn is not on disk yet. */
	if (links_find(&s->c->links, claim) != NULL &&
	    (err = turn_settle(&s->c->turn)) != 0)
		return err;
	err = store_device_find(s->c->store, claim, &d);
	if (err == ERR_NOT_FOUND)
		return refuse_hello(s, claim, "not_enrolled", ERR_DENIED);
	if (err != 0)
		return err;
	if ((err = hello_verify(e, d.key, &h)) != 0)
		return refuse_hello(s, claim, "bad_signature", ERR_DENIED);
	if (memcmp(h.console_nonce, s->nonce, sizeof(s->nonce)) != 0)
		return refuse_hello(s, claim, "wrong_nonce", ERR_DENIED);
	if (memcmp(h.exporter, s->exporter, sizeof(s->exporter)) != 0)
		return refuse_hello(s, claim, "wrong_exporter", ERR_DENIED);
	if (strcmp(h.org, d.org) != 0)
		return refuse_hello(s, claim, "wrong_org", ERR_DENIED);
	s->device = d;
	if ((err = fold_open(s->c->store, &s->fold)) != 0 ||
	    (err = note_hello(s, &h)) != 0)
		return err;
	s->proven = true;
	s->state = LINK_SYNCED;
	memcpy(s->link.device, d.id, sizeof(s->link.device));
	links_add(&s->c->links, &s->link);
	conlog_event("connected device=%s version=%s next=%llu ours=%llu",
	    d.id, s->device.version, (unsigned long long)h.next,
	    (unsigned long long)d.next);
	if ((err = send_welcome(s)) == 0 && (err = send_have(s)) == 0 &&
	    s->device.branch == 0)
		outgoing_open(&s->out, &s->device);
	return err;
}

/* As a witness: what we answer is said once it is on the disk. */
static int
on_checkpoint(struct session *s, struct bytes request)
{
	int err;

	if (s->has_answer && (err = turn_settle(&s->c->turn)) != 0)
		return err;
	turn_join(&s->c->turn, &s->member);
	if ((err = turn_begin(&s->c->turn)) == 0)
		err = answer_request(&s->c->answerer, &s->device, request,
		    clock_wall_s(), &s->effects, &s->answer);
	if (err != 0)
		turn_fail(&s->c->turn, err);
	else
		s->has_answer = true;
	return err;
}

static void
send_cosignature(struct session *s, unsigned status, struct bytes body)
{
	struct wire_cosignature m = { (uint16_t)status, body };
	struct buf b;

	buf_init(&b, 4 * WIRE_ANSWER_CAP);
	link_put_cosignature(&b, &m);
	(void)send_and_free(s, &b);
}

static void
answer_checkpoint(struct session *s)
{
	s->has_answer = false;
	send_cosignature(s, s->answer.status, buf_bytes(&s->answer.body));
	buf_free(&s->answer.body);
	if (s->answer.status == WITNESS_OK) {
		s->c->counters.cosigned++;
		submit_news(s->c->submit);
		return;
	}
	s->c->counters.cosigning_refused++;
	if (console_may_log(s->c))
		conlog_event("checkpoint_refused device=%s status=%d",
		    s->device.id, (int)s->answer.status);
}

/* A foreign witness's word for our newest checkpoint. */
static void
on_cosigned(void *ctx, struct bytes lines)
{
	struct session *s = ctx;

	if (s->ended)
		return;
	send_cosignature(s, WITNESS_OK, lines);
	s->io->flush(s->ctx);
}

int
session_text(struct session *s, struct bytes text)
{
	struct link_msg m;
	int err;

	if (s->ended)
		return 0;
	if (text.n > LINK_DEVICE_TEXT_CAP)
		return ERR_TOO_LARGE;
	if ((err = link_get_text(LINK_DEVICE, text, &m)) != 0)
		return err;
	if (!link_permitted(LINK_CONSOLE, s->state, m.type)) {
		err = ERR_STATE;
	} else if (m.type == LINK_ENROL) {
		err = on_enrol(s, &m.u.enrol);
	} else if (m.type == LINK_HELLO) {
		err = on_hello(s, &m.u.envelope);
	} else {
		err = on_checkpoint(s, m.u.request);
	}
	link_msg_free(&m);
	return err;
}

/* ---- records, blobs, output ---- */

/* Remembers which cards changed, to tell who watches once it is settled. */
static void
note_touched(struct session *s, const struct ledger_effects *e)
{
	size_t n = s->touched.n;

	if (!e->has_card || (n >= SHA256_SIZE && memcmp(s->touched.p + n -
	    SHA256_SIZE, e->card.b, SHA256_SIZE) == 0))
		return;
	buf_put(&s->touched, e->card.b, SHA256_SIZE);
}

/* What follows from a record, once it is committed, beside what did before. */
static void
note_effects(struct session *s, const struct ledger_effects *e)
{
	note_touched(s, e);
	s->effects.outputs = s->effects.outputs || e->outputs;
	s->effects.resend = s->effects.resend || e->resend;
	s->held_back = s->held_back || e->held_back;
	s->effects.trust = s->effects.trust || e->trust;
	s->effects.alarm = s->effects.alarm || e->alarm;
}

static int
on_records(struct session *s, struct bytes rest)
{
	struct ledger_effects e;
	struct wire_record r;
	struct ledger l;
	int err;

	if ((err = ledger_begin(&l, s->fold, &s->device,
	    clock_wall_s())) != 0)
		return err;
	while (wire_next_record(&rest, &r) == 1) {
		memset(&e, 0, sizeof(e));
		if ((err = ledger_record(&l, r.index, r.payload, &e)) != 0)
			return err;
		s->c->counters.records++;
		s->c->counters.record_bytes += r.payload.n;
		note_effects(s, &e);
	}
	memset(&e, 0, sizeof(e));
	err = ledger_end(&l, &e);
	note_effects(s, &e);
	if (err == 0 && s->effects.outputs)
		err = outgoing_begin_outputs(&s->out);
	return err;
}

static int
on_blob(struct session *s, const struct wire_blob *m)
{
	struct blob_in *in = &s->blob;
	int err;

	if (m->offset == 0) {
		buf_clear(&in->content);
		in->open = true;
		memcpy(in->hash.b, m->hash, SHA256_SIZE);
		in->total = m->total;
	} else if (!in->open || m->offset != in->content.n ||
	    m->total != in->total ||
	    memcmp(in->hash.b, m->hash, SHA256_SIZE) != 0) {
		return ERR_PROTOCOL;
	}
	if (in->total > WIRE_TRUST_CAP)
		return ERR_TOO_LARGE;
	buf_put_bytes(&in->content, m->data);
	if ((err = buf_error(&in->content)) != 0 || in->content.n < in->total)
		return err;
	err = ledger_blob(s->c->store, &s->device, &in->hash,
	    buf_bytes(&in->content));
	in->open = false;
	buf_free(&in->content);
	if (err == 0)
		err = store_device_update(s->c->store, &s->device);
	return err;
}

/* What fills a disk has its end, whatever a device sends. */
static int
check_quota(struct session *s, size_t n)
{
	int64_t most = s->c->settings->device_mb << 20;

	if (s->device.bytes <= most - (int64_t)n)
		return 0;
	if (console_may_log(s->c))
		conlog_event("device_over_quota device=%s", s->device.id);
	return ERR_NO_SPACE;
}

/*
 * Half a message must not stay: it would be folded twice. So what a device can
 * get wrong is looked for before anything is written, and what fails after
 * that takes the whole turn back. Nobody else pays for a device's mistakes.
 */
static int
store_message(struct session *s, const struct link_msg *m)
{
	bool records = m->type == LINK_RECORDS;
	int err;

	if (records && (err = ledger_check(&s->device, m->u.records)) != 0) {
		end(s);
		return err;
	}
	turn_join(&s->c->turn, &s->member);
	if ((err = turn_begin(&s->c->turn)) == 0)
		err = records ? on_records(s, m->u.records) :
		    on_blob(s, &m->u.blob);
	if (err != 0 && (records || is_ours(err)))
		turn_fail(&s->c->turn, err);
	else if (err != 0)
		end(s);
	return err;
}

static int
on_binary(struct session *s, struct bytes data)
{
	struct link_msg m;
	int err;

	if ((err = link_get_binary(data, &m)) != 0)
		return err;
	if (!link_permitted(LINK_CONSOLE, s->state, m.type)) {
		err = ERR_STATE;
	} else if (m.type == LINK_OUTPUT) {
		s->c->counters.output_bytes += m.u.output.data.n;
		err = outgoing_on_output(&s->out, &m.u.output);
	} else if ((err = check_quota(s, data.n)) == 0) {
		turn_weigh(&s->c->turn, data.n);
		err = store_message(s, &m);
	}
	link_msg_free(&m);
	return err;
}

int
session_binary(struct session *s, struct bytes piece, bool first, bool final)
{
	int err;

	if (s->ended)
		return 0;
	if (s->state != LINK_SYNCED)
		return ERR_STATE;
	if (first && final)
		return on_binary(s, piece);
	if (first)
		buf_clear(&s->binary);
	buf_put_bytes(&s->binary, piece);
	if ((err = buf_error(&s->binary)) != 0)
		return err;
	if (!final)
		return 0;
	err = on_binary(s, buf_bytes(&s->binary));
	buf_free(&s->binary);
	return err;
}

/* ---- after the commit ---- */

static void
wake_touched(struct session *s)
{
	struct sha256 card;
	size_t i;

	for (i = 0; i + SHA256_SIZE <= s->touched.n; i += SHA256_SIZE) {
		memcpy(card.b, s->touched.p + i, SHA256_SIZE);
		watch_wake(&s->c->watch, &card);
	}
	buf_free(&s->touched);
}

/* Who watches the fleet is told; a device that forked gets nothing more. */
static void
stop_forked(struct session *s)
{
	watch_wake(&s->c->watch, &watch_fleet);
	if (s->device.branch != 0)
		outgoing_fini(&s->out);
}

static void
on_settled(void *ctx, int err)
{
	struct session *s = ctx;
	struct ledger_effects e = s->effects;

	memset(&s->effects, 0, sizeof(s->effects));
	if (s->ended)
		return;
	if (err != 0) {
		/* What we hold in memory is ahead of the store: begin anew. */
		conlog_event("turn_failed device=%s error=%s",
		    session_device(s), err_word(err));
		end(s);
		s->io->close(s->ctx, session_code(err), err_word(err));
		return;
	}
	if (s->enrolled)
		answer_enrolment(s);
	if (!s->proven)
		return;
	if (s->device.next != s->told)
		(void)send_have(s);
	if (s->has_answer)
		answer_checkpoint(s);
	wake_touched(s);
	if (e.alarm)
		stop_forked(s);
	if (e.outputs)
		outgoing_outputs_changed(&s->out);
	if (e.resend && s->held_back) {
		s->held_back = false;
		outgoing_rewind(&s->out);
	}
	if (e.trust)
		outgoing_trust_changed(&s->out);
	session_pump(s);
	s->io->flush(s->ctx);
}

/* ---- going out ---- */

void
session_pump(struct session *s)
{
	int err;

	if (s->ended || s->state != LINK_SYNCED)
		return;
	if ((err = outgoing_pump(&s->out)) != 0) {
		conlog_event("outgoing_failed device=%s error=%s",
		    s->device.id, err_word(err));
		end(s);
		s->io->close(s->ctx, session_code(err), err_word(err));
	}
}

/* Somebody else raised or acknowledged an alarm, or took a checkpoint. */
static int
reread(struct session *s)
{
	struct store_device d;
	int err;

	if ((err = store_device_find(s->c->store, s->device.id, &d)) != 0) {
		end(s);
		s->io->close(s->ctx, session_code(err), err_word(err));
		return err;
	}
	memcpy(s->device.alarm, d.alarm, sizeof(d.alarm));
	s->device.branch = d.branch;
	s->device.note_size = d.note_size;
	s->device.note_checked = d.note_checked;
	if (d.branch != 0)
		outgoing_fini(&s->out);
	return 0;
}

static void
on_poke(void *ctx, enum link_news news)
{
	struct session *s = ctx;

	if (news == LINK_NEWS_TRUST)
		outgoing_trust_changed(&s->out);
	if (news == LINK_NEWS_ALARM && reread(s) != 0)
		return;
	session_pump(s);
	s->io->flush(s->ctx);
}

static void
on_replace(void *ctx)
{
	struct session *s = ctx;

	conlog_event("replaced device=%s", s->device.id);
	end(s);
	s->io->close(s->ctx, WS_CODE_POLICY, "another connection of this "
	    "device took over");
}
