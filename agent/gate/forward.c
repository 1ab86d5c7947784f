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
/* How long to wait for a log that is not there; and for one that is full, at
 * first and at most. */
#define RETRY_MS 30000u
#define FULL_MS 1u
#define FULL_MOST_MS 1000u
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
	uint64_t wait_ms;	/* of a log that is full */
	bool said;		/* that nobody listens */
};

/* How far it came; where it was never on, from what comes next. */
static void
read_place(struct forward *f)
{
	struct gate *g = f->g;
	uint64_t at;
	struct buf b;

	f->next = journal_next(g->journal);
	f->noted = UINT64_MAX;
	buf_init(&b, FILE_CAP);
	if (file_read(g->state_dir, FILE_NAME, FILE_CAP, &b) == 0 &&
	    checkpoint_parse_size(buf_bytes(&b), &at) == 0 && at <= f->next)
		f->next = f->noted = at;
	buf_free(&b);
}

/* Not synced, but for the first time: after a crash some lines come again. */
static void
note_place(struct forward *f)
{
	const bool first = f->noted == UINT64_MAX;
	const int dir = f->g->state_dir;
	struct buf b;
	int err;

	if (f->noted == f->next)
		return;
	buf_init(&b, FILE_CAP);
	buf_printf(&b, "%" PRIu64, f->next);
	if ((err = buf_error(&b)) == 0)
		err = first ? file_replace(dir, FILE_NAME, buf_bytes(&b)) :
		    file_put(dir, FILE_NAME, buf_bytes(&b));
	if (err == 0)
		f->noted = f->next;
	buf_free(&b);
}

/* The record as a line. */
static int
send_line(struct forward *f, const struct record *rec, struct bytes payload,
    bool whole)
{
	const struct ocsf_origin from = { core_org(f->g->core),
	    core_device(f->g->core) };
	int err;

	buf_clear(&f->line);
	ocsf_put(&f->line, &from, f->next, rec, payload, whole);
	if ((err = buf_error(&f->line)) != 0)
		return err;
	return eventlog_send(&f->log,
	    (enum service_level)ocsf_syslog_level(rec), f->next,
	    buf_bytes(&f->line));
}

/* One that is too long for the log goes without the record in it. */
static int
send_one(struct forward *f, struct bytes payload)
{
	struct record_doc *d;
	int err;

	if ((err = record_parse(payload, &d)) != 0)
		return err;
	err = send_line(f, record_of(d), payload, true);
	if (err == ERR_TOO_LARGE)
		err = send_line(f, record_of(d), payload, false);
	record_free(d);
	if (err == ERR_TOO_LARGE)
		log_event(&f->g->log, SERVICE_WARNING, "a record is too long"
		    " for the log index=%llu", (unsigned long long)f->next);
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

/* When to try again, after that error or as much as a turn may send. */
static uint64_t
next_try(struct forward *f, int err)
{
	if (err < 0 && err != ERR_AGAIN)
		return RETRY_MS;
	if (err == 0)
		return FULL_MS;
	f->wait_ms = f->wait_ms == 0 ? FULL_MS : 2 * f->wait_ms;
	if (f->wait_ms > FULL_MOST_MS)
		f->wait_ms = FULL_MOST_MS;
	return f->wait_ms;
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
		f->wait_ms = 0;
		r = 0;
	}
	if (r < 0 && r != ERR_AGAIN)
		say_once(f, r);
	if (f->next - f->noted >= NOTE_EVERY)
		note_place(f);
	/* More to do, or nobody to take it. */
	if (r < 0 || i == A_TURN)
		(void)uv_timer_start(&f->retry, on_retry, next_try(f, r), 0);
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
	    NULL, -1, false };
	/* What cannot be had now shows with the first line. */
	(void)!eventlog_open(&f->log);
	buf_init(&f->record, ENTRY_MAX);
	buf_init(&f->line, 4 * CAP_RECORD + EVENTLOG_LINE_MAX);
	read_place(f);
	/* From the first time on: a crash before a line is sent loses none. */
	note_place(f);
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
