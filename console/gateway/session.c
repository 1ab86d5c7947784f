/*
 * session.c - one conversation with an agent: messages in, messages out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/gateway/session_inside.h"

#include "common/snapshot.h"
#include "common/ws.h"
#include "console/conlog.h"
#include "platform/random.h"

#include <stdlib.h>
#include <string.h>

static void on_settled(void *ctx, int err);
static void on_poke(void *ctx, enum link_news news);
static void on_replace(void *ctx);

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
	s->link.cosigned = intake_cosigned;
	s->link.ctx = s;
	buf_init(&s->binary, LINK_BINARY_CAP);
	/* Larger than a trust file only where a snapshot follows. */
	buf_init(&s->blob.content, SNAPSHOT_CAP);
	buf_init(&s->touched, TOUCHED_MAX);
	outgoing_init(&s->out, c, io, ctx);
	*ret_s = s;
	return 0;
}

void
session_end(struct session *s)
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
	session_end(s);
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

bool
session_is_ours(int err)
{
	return err != 0 && session_code(err) == WS_CODE_TRY_LATER;
}

int
session_send(struct session *s, struct buf *b)
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
	return session_send(s, &b);
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
		err = greeting_enrol(s, &m.u.enrol);
	} else if (m.type == LINK_HELLO) {
		err = greeting_hello(s, &m.u.envelope);
	} else {
		err = intake_checkpoint(s, m.u.request);
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
		return intake_binary(s, piece);
	if (first)
		buf_clear(&s->binary);
	buf_put_bytes(&s->binary, piece);
	if ((err = buf_error(&s->binary)) != 0)
		return err;
	if (!final)
		return 0;
	err = intake_binary(s, buf_bytes(&s->binary));
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
		session_end(s);
		s->io->close(s->ctx, session_code(err), err_word(err));
		return;
	}
	if (s->enrolled)
		greeting_answer(s);
	if (!s->proven)
		return;
	if (s->device.next != s->told)
		(void)greeting_have(s);
	if (s->has_answer)
		intake_answer(s);
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
		session_end(s);
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
		session_end(s);
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
	session_end(s);
	s->io->close(s->ctx, WS_CODE_POLICY, "another connection of this "
	    "device took over");
}
