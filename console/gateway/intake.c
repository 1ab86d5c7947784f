/*
 * intake.c - what a device reports: records, blobs, output, checkpoints.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/gateway/session_inside.h"

#include "console/conlog.h"
#include "console/witness/submit.h"
#include "platform/clock.h"

#include <string.h>

/* The largest snapshot of a device's state: 10,000 waiting cards. */
#define SNAPSHOT_TAKEN (32u << 20)

/* ---- checkpoints ---- */

/* As a witness: what we answer is said once it is on the disk. */
int
intake_checkpoint(struct session *s, struct bytes request)
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
	(void)session_send(s, &b);
}

void
intake_answer(struct session *s)
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
void
intake_cosigned(void *ctx, struct bytes lines)
{
	struct session *s = ctx;

	if (s->ended)
		return;
	send_cosignature(s, WIRE_STATUS_OTHERS, lines);
	s->io->flush(s->ctx);
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
	s->resuming = false;
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

/* Hashes of what it removed: then the state, and its journal from there. */
static int
on_leaves(struct session *s, const struct wire_leaves *m)
{
	struct ledger_effects e;
	struct ledger l;
	int err;

	memset(&e, 0, sizeof(e));
	if ((err = ledger_begin(&l, s->fold, &s->device,
	    clock_wall_s())) == 0 &&
	    (err = ledger_leaves(&l, m, &e)) == 0)
		err = ledger_end(&l, &e);
	note_effects(s, &e);
	s->resuming = true;
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
	if (in->total > (s->resuming ? SNAPSHOT_TAKEN : WIRE_TRUST_CAP))
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
	bool blob = m->type == LINK_BLOB;
	int err = 0;

	if (m->type == LINK_RECORDS)
		err = ledger_check(&s->device, m->u.records);
	else if (m->type == LINK_LEAVES)
		err = ledger_check_leaves(s->c->store, &s->device,
		    &m->u.leaves);
	if (err != 0) {
		session_end(s);
		return err;
	}
	turn_join(&s->c->turn, &s->member);
	if ((err = turn_begin(&s->c->turn)) == 0)
		err = blob ? on_blob(s, &m->u.blob) :
		    m->type == LINK_RECORDS ? on_records(s, m->u.records) :
		    on_leaves(s, &m->u.leaves);
	if (err != 0 && (!blob || session_is_ours(err)))
		turn_fail(&s->c->turn, err);
	else if (err != 0)
		session_end(s);
	return err;
}

int
intake_binary(struct session *s, struct bytes data)
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
