/*
 * greeting.c - how a device becomes known: enrolment, hello, welcome.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/gateway/session_inside.h"

#include "common/ws.h"
#include "console/conlog.h"
#include "console/gateway/hello.h"
#include "console/witness/newest.h"
#include "platform/clock.h"

#include <string.h>

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
	err = session_send(s, &b);
	s->io->close(s->ctx, WS_CODE_POLICY, reason);
	return err;
}

int
greeting_enrol(struct session *s, const struct wire_enrol *m)
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

void
greeting_answer(struct session *s)
{
	struct buf b;

	s->enrolled = false;
	s->state = LINK_ASKED;
	s->c->counters.enrolments++;
	conlog_event("enrolled device=%s org=%s", s->device.id, s->device.org);
	buf_init(&b, 1024);
	link_put_enrolled(&b);
	(void)session_send(s, &b);
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
		err = session_send(s, &b);
	}
	buf_free(&b);
	buf_free(&note);
	return err;
}

int
greeting_have(struct session *s)
{
	struct buf b;

	s->told = s->device.next;
	buf_init(&b, 1024);
	link_put_have(&b, s->device.next);
	return session_send(s, &b);
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
	memcpy(d->profiles, h->profiles, sizeof(d->profiles));
	memcpy(d->sandbox, h->sandbox, sizeof(d->sandbox));
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

int
greeting_hello(struct session *s, const struct wire_envelope *e)
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
	if ((err = send_welcome(s)) == 0 && (err = greeting_have(s)) == 0 &&
	    s->device.branch == 0)
		outgoing_open(&s->out, &s->device);
	return err;
}
