/*
 * forward.c - every record to the system's log, one line each, for a SIEM.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/forward.h"

#include "agent/gate/gate.h"
#include "common/checkpoint.h"
#include "common/ocsf.h"
#include "platform/eventlog.h"
#include "platform/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FILE_NAME "forwarded"
#define FILE_CAP 64
#define PROGRAM "countersign-record"
/* Lines a turn: the loop has other things to do. */
#define A_TURN 256
/* How long to wait for a log that takes nothing. */
#define RETRY_MS 30000u
/* Records between two writings of how far it came. */
#define NOTE_EVERY 256

struct forward {
	struct gate *g;
	struct eventlog log;
	struct journal_cursor at;
	uint64_t next;		/* index that is to be sent */
	uint64_t noted;		/* as the file has it */
	struct buf record;
	struct buf line;
	uv_timer_t retry;
	bool said;		/* that nobody listens */
};

/* How far it came; where it was never on, from what comes next. */
static uint64_t
read_place(struct gate *g)
{
	uint64_t next = journal_next(g->journal), at;
	struct buf b;

	buf_init(&b, FILE_CAP);
	if (file_read(g->state_dir, FILE_NAME, FILE_CAP, &b) == 0 &&
	    checkpoint_parse_size(buf_bytes(&b), &at) == 0 && at <= next)
		next = at;
	buf_free(&b);
	return next;
}

/* Not synced: after a crash some lines come again. */
static void
note_place(struct forward *f)
{
	struct buf b;

	if (f->noted == f->next)
		return;
	buf_init(&b, FILE_CAP);
	buf_printf(&b, "%" PRIu64, f->next);
	if (buf_error(&b) == 0 && file_put(f->g->state_dir, FILE_NAME,
	    buf_bytes(&b)) == 0)
		f->noted = f->next;
	buf_free(&b);
}

/* The record as a line; one that would be too long goes without the record. */
static int
put_line(struct forward *f, const struct record *rec, struct bytes payload)
{
	const struct ocsf_origin from = { core_org(f->g->core),
	    core_device(f->g->core) };
	const bool whole = payload.n <= EVENTLOG_LINE_MAX / 2;

	buf_clear(&f->line);
	ocsf_put(&f->line, &from, f->next, rec, payload, whole);
	return buf_error(&f->line);
}

static int
send_one(struct forward *f, struct bytes payload)
{
	struct record_doc *d;
	const struct record *rec;
	int err;

	if ((err = record_parse(payload, &d)) != 0)
		return err;
	rec = record_of(d);
	if ((err = put_line(f, rec, payload)) == 0)
		err = eventlog_send(&f->log,
		    (enum service_level)ocsf_syslog_level(rec), f->next,
		    buf_bytes(&f->line));
	record_free(d);
	return err;
}

static void
say_once(struct forward *f, int err)
{
	if (f->said)
		return;
	f->said = true;
	log_event(&f->g->log, SERVICE_WARNING, "records are not forwarded: %s:"
	    " see that the log runs; they are kept and sent then",
	    err_text(err));
}

static void
on_retry(uv_timer_t *t)
{
	forward_push(t->data);
}

void
forward_push(struct forward *f)
{
	struct entry e;
	int i, r = 0;

	if (f == NULL)
		return;
	/* What was pruned meanwhile is not to be had. */
	if (f->next < journal_first(f->g->journal))
		f->next = journal_first(f->g->journal);
	journal_seek(&f->at, f->next);
	for (i = 0; i < A_TURN; i++) {
		if ((r = journal_read(f->g->journal, &f->at, &f->record,
		    &e)) <= 0)
			break;
		if ((r = send_one(f, e.payload)) != 0 && r != ERR_TOO_LARGE)
			break;
		f->next++;
		f->said = false;
	}
	if (r < 0 && r != ERR_AGAIN)
		say_once(f, r);
	if (f->next - f->noted >= NOTE_EVERY)
		note_place(f);
	/* More to do, or nobody to take it. */
	if (r < 0 || i == A_TURN)
		(void)uv_timer_start(&f->retry, on_retry,
		    r < 0 && r != ERR_AGAIN ? RETRY_MS : 1, 0);
}

int
forward_new(struct gate *g, struct forward **ret_f)
{
	static const enum eventlog_kind kinds[] = {
		[FORWARD_SYSLOG] = EVENTLOG_SYSLOG,
		[FORWARD_JOURNALD] = EVENTLOG_JOURNALD
	};
	struct forward *f;

	*ret_f = NULL;
	if (g->config.forward == FORWARD_OFF || g->journal == NULL)
		return 0;
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return ERR_NOMEM;
	if (uv_timer_init(g->loop, &f->retry) != 0) {
		free(f);
		return ERR_IO;
	}
	f->g = g;
	f->retry.data = f;
	f->log = (struct eventlog){ kinds[g->config.forward], PROGRAM,
	    g->config.forward_socket[0] != '\0' ? g->config.forward_socket :
	    NULL, -1 };
	buf_init(&f->record, ENTRY_MAX);
	buf_init(&f->line, 4 * CAP_RECORD + EVENTLOG_LINE_MAX);
	f->next = f->noted = read_place(g);
	*ret_f = f;
	return 0;
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

void
forward_close(struct forward *f)
{
	if (f == NULL)
		return;
	note_place(f);
	eventlog_close(&f->log);
	buf_free(&f->record);
	buf_free(&f->line);
	uv_close((uv_handle_t *)&f->retry, on_closed);
}
