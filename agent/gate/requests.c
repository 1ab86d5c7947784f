/*
 * requests.c - what local people ask of the gate, and its answers.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/gate.h"

#include "agent/gate/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void request_handler(struct gate *g, struct client *c,
    const struct control_request *req);

/* Answers with what view writes. */
static void
answer_json(struct client *c, struct buf *b, int err)
{
	if (err == 0)
		err = buf_error(b);
	if (err == 0)
		client_ok(c, buf_bytes(b));
	else
		client_error(c, 1, err_word(err), err_text(err));
	buf_free(b);
}

/* The card that the text names; answers the client if there is none. */
static const struct queue_item *
find_item(struct gate *g, struct client *c, struct bytes ref)
{
	const struct queue_item *item;
	int err = queue_resolve(core_queue(g->core), ref, &item);

	if (err == 0)
		return item;
	client_error(c, err == ERR_SYNTAX ? 2 : 1, err_word(err),
	    err == ERR_CONFLICT ?
	    "several cards begin like this: give more digits" :
	    err == ERR_SYNTAX ?
	    "name a card by sha256:<hex>, 8 or more of its hex digits, or"
	    " its UUID" :
	    "the device knows no such card: `countersign pending` lists those"
	    " that wait");
	return NULL;
}

static void
on_status(struct gate *g, struct client *c, const struct control_request *req)
{
	struct buf b;

	(void)req;
	buf_init(&b, CONTROL_JSON_CAP);
	answer_json(c, &b, view_status(g, &b));
}

static void
on_pending(struct gate *g, struct client *c,
    const struct control_request *req)
{
	struct buf b;

	buf_init(&b, CONTROL_JSON_CAP);
	answer_json(c, &b, view_cards(g, req->all, &b));
}

static void
on_show(struct gate *g, struct client *c, const struct control_request *req)
{
	const struct queue_item *item = find_item(g, c, req->ref);
	struct buf b;

	if (item == NULL)
		return;
	buf_init(&b, CONTROL_JSON_CAP);
	answer_json(c, &b, view_card_whole(g, item, &b));
}

static void
on_pending_file(struct gate *g, struct client *c,
    const struct control_request *req)
{
	const struct queue_item *item = find_item(g, c, req->ref);
	struct buf b;
	int err;

	if (item == NULL)
		return;
	if (!state_is_open(item->state)) {
		client_error(c, 3, "card_closed",
		    "the card has ended: there is nothing to approve");
		return;
	}
	buf_init(&b, CONTROL_JSON_CAP);
	err = view_pending_file(g, item, &b);
	if (err == ERR_STATE) {
		buf_free(&b);
		client_error(c, 3, "no_trust_files", "the device lacks trust"
		    " files: `countersign status` says which");
		return;
	}
	answer_json(c, &b, err);
}

/* ---- streams ---- */

struct log_stream {
	struct journal_cursor next;
	bool follow;
};

static void
log_pump(struct client *c)
{
	struct gate *g = client_arg(c);
	struct log_stream *s = client_stream_state(c);
	struct buf payload;
	struct entry e;
	int r = 1;

	buf_init(&payload, ENTRY_MAX);
	while (client_room(c) > 0 && (r = journal_read(g->journal, &s->next,
	    &payload, &e)) > 0)
		client_record(c, e.index, e.payload);
	buf_free(&payload);
	if (r < 0)
		client_error(c, 1, err_word(r), "the journal cannot be read:"
		    " `countersign audit verify` says where");
	else if (r == 0 && !s->follow)
		client_end(c);
}

static void
on_log(struct gate *g, struct client *c, const struct control_request *req)
{
	struct log_stream *s = calloc(1, sizeof(*s));
	uint64_t first = journal_first(g->journal);

	if (s == NULL) {
		client_error(c, 1, "no_memory", err_text(ERR_NOMEM));
		return;
	}
	/* What was pruned is not there to be shown. */
	journal_seek(&s->next, req->from < first ? first : req->from);
	s->follow = req->follow;
	client_stream(c, log_pump, s, NULL);
}

struct transcript_stream {
	struct sha256 card;
	uint64_t at;
	bool follow;
};

static void
transcript_pump(struct client *c)
{
	struct gate *g = client_arg(c);
	struct transcript_stream *s = client_stream_state(c);
	const struct queue_item *item;
	uint8_t data[16384];
	uint64_t size;
	size_t n;
	int err = 0;

	while (client_room(c) > 0) {
		err = transcripts_read(g->transcripts, &s->card, s->at, data,
		    sizeof(data), &n, &size);
		if (err != 0 || n == 0)
			break;
		client_data(c, bytes_of(data, n));
		s->at += n;
	}
	if (client_room(c) == 0)
		return;
	item = queue_find(core_queue(g->core), &s->card);
	if (err == ERR_NOT_FOUND && item != NULL && state_is_open(item->state))
		err = 0;
	if (err != 0)
		client_error(c, 1, err_word(err), err == ERR_NOT_FOUND ?
		    "there is no transcript of this card (any more)" :
		    err_text(err));
	else if (!s->follow || item == NULL || !state_is_open(item->state))
		client_end(c);
}

static void
on_transcript(struct gate *g, struct client *c,
    const struct control_request *req)
{
	const struct queue_item *item = find_item(g, c, req->ref);
	struct transcript_stream *s;

	if (item == NULL)
		return;
	if ((s = malloc(sizeof(*s))) == NULL) {
		client_error(c, 1, "no_memory", err_text(ERR_NOMEM));
		return;
	}
	s->card = item->digest;
	s->at = req->from;
	s->follow = req->follow;
	client_stream(c, transcript_pump, s, NULL);
}

/* ---- what changes something ---- */

/* Answers with what the core made of it. */
static void
answer_reply(struct gate *g, struct client *c, const struct core_reply *r,
    int err)
{
	char text[300];
	struct buf b;

	if (err == 0 && r->answer == CORE_REFUSED) {
		snprintf(text, sizeof(text), "refused: %s%s%s", r->reason,
		    r->detail[0] != '\0' ? ": " : "", r->detail);
		client_error(c, 3, r->reason, text);
	} else {
		buf_init(&b, 4096);
		answer_json(c, &b, err != 0 ? err : view_reply(r, &b));
	}
	gate_touch(g, err);
}

static void
on_veto(struct gate *g, struct client *c, const struct control_request *req)
{
	const struct queue_item *item = find_item(g, c, req->ref);
	struct core_reply r;
	int err;

	if (item == NULL)
		return;
	err = core_veto(g->core, gate_moment(), &item->digest,
	    client_name(c), req->reason, &r);
	answer_reply(g, c, &r, err);
}

static void
say_held(struct client *c)
{
	client_error(c, 3, "state_folder", "the state folder cannot be used:"
	    " `countersign status` and the log say why");
}

static void
on_lockdown(struct gate *g, struct client *c,
    const struct control_request *req)
{
	const struct standing_lock *lock = core_lock(g->core);
	struct core_reply r = { .answer = CORE_ACCEPTED };
	int err;

	if (!req->on && g->held) {
		say_held(c);
		return;
	}
	if (!req->on && strcmp(lock->source, "tamper") == 0) {
		client_error(c, 3, "tamper", "this lockdown is for signs of"
		    " tampering: it ends only by enrolling again"
		    " (countersignd enrol)");
		return;
	}
	if (req->on == lock->on)
		r.answer = CORE_KNOWN;
	err = r.answer == CORE_KNOWN ? 0 :
	    gate_lockdown(g, req->on, client_name(c), req->reason);
	answer_reply(g, c, &r, err);
}

static void
on_submit(struct gate *g, struct client *c, const struct control_request *req)
{
	static int (*const takers[])(struct core *, struct moment,
	    const struct envelope *, struct core_reply *) = {
		[CONTROL_SUBMIT_CARD] = core_card,
		[CONTROL_SUBMIT_APPROVAL] = core_approval,
		[CONTROL_SUBMIT_CANCEL] = core_cancel,
		[CONTROL_SUBMIT_TRUST] = core_trust,
	};
	struct envelope e;
	struct core_reply r;
	int err;

	link_envelope(&req->envelope, &e);
	err = takers[req->kind](g->core, gate_moment(), &e, &r);
	answer_reply(g, c, &r, err);
}

static void
on_clock_reset(struct gate *g, struct client *c,
    const struct control_request *req)
{
	struct core_reply r = { .answer = CORE_ACCEPTED };
	int err = core_clock_reset(g->core, gate_moment(), client_name(c),
	    req->reason, &r);

	answer_reply(g, c, &r, err);
}

static const struct {
	enum control_type type;
	bool journal;		/* reads it, or adds to it */
	request_handler *handle;
} handlers[] = {
	{ CONTROL_STATUS, false, on_status },
	{ CONTROL_PENDING, false, on_pending },
	{ CONTROL_SHOW, false, on_show },
	{ CONTROL_LOG, true, on_log },
	{ CONTROL_TRANSCRIPT, false, on_transcript },
	{ CONTROL_VETO, true, on_veto },
	{ CONTROL_LOCKDOWN, false, on_lockdown },
	{ CONTROL_SUBMIT, true, on_submit },
	{ CONTROL_CLOCK_RESET, true, on_clock_reset },
	{ CONTROL_PENDING_FILE, true, on_pending_file },
};

void
requests_handle(void *arg, struct client *c, const struct control_request *req)
{
	struct gate *g = arg;
	size_t i;

	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == req->type)
			break;
	if (i < sizeof(handlers) / sizeof(handlers[0]) &&
	    handlers[i].journal && g->held) {
		say_held(c);
		return;
	}
	if (i < sizeof(handlers) / sizeof(handlers[0]) &&
	    handlers[i].journal && g->journal == NULL) {
		client_error(c, 3, "journal_corrupt", "the journal is kept as"
		    " evidence: copy the state folder, then enrol again"
		    " (countersignd enrol)");
		return;
	}
	if (i < sizeof(handlers) / sizeof(handlers[0])) {
		handlers[i].handle(g, c, req);
		return;
	}
	client_error(c, 2, "usage", "no such request");
}
