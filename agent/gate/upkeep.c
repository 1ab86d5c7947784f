/*
 * upkeep.c - the journal's chores, while there is nothing else to do.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * What is sealed is compared with the tiles, what a witness has cosigned is
 * compressed, what is older than the policy wants is removed, and the blobs
 * that were there at the start are compared with their digests: a piece of some
 * 128 KiB at a time, with a pause after each. When all is done nothing wakes
 * the agent for it until there is more.
 */
#include "agent/gate/gate.h"

#include "common/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two pieces. */
#define PAUSE_MS 10u
/* After a piece that could not be done: the disk may be full. */
#define AGAIN_MS 600000u
#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* Where there is no policy. */
#define DEFAULT_DAYS 400
/* A card is over so long after its time, whatever it did. */
#define MARGIN_S (2 * 86400)
/* Looked at in one piece. */
#define RECORDS_A_PIECE 400u
#define BLOBS_A_PIECE 16u

struct upkeep {
	struct gate *g;
	uv_timer_t timer;
	bool compressed;	/* so far as it can be now */
	bool pruned;
	bool looked;		/* at the blobs of what was here at the start */
	struct journal_cursor look;
	uint64_t look_until;
	uint64_t segment;	/* the newest that was seen */
	uint64_t cosigned;
};

int
upkeep_new(struct gate *g, struct upkeep **ret_u)
{
	struct upkeep *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return ERR_NOMEM;
	u->g = g;
	if (uv_timer_init(g->loop, &u->timer) != 0) {
		free(u);
		return ERR_IO;
	}
	u->timer.data = u;
	u->look_until = journal_synced(g->journal);
	*ret_u = u;
	return 0;
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

void
upkeep_close(struct upkeep *u)
{
	if (u != NULL)
		uv_close((uv_handle_t *)&u->timer, on_closed);
}

/* ---- removing what is too old ---- */

/* The record that begins a segment; its spans live in *d. */
static int
read_state(struct gate *g, uint64_t index, struct record_doc **d)
{
	struct journal_cursor at;
	struct buf payload;
	struct entry e;
	int r;

	memset(&at, 0, sizeof(at));
	journal_seek(&at, index);
	buf_init(&payload, ENTRY_MAX);
	r = journal_read(g->journal, &at, &payload, &e);
	if (r == 1)
		r = record_read(e.payload, d);
	else if (r == 0)
		r = ERR_NOT_FOUND;
	buf_free(&payload);
	return r;
}

/*
 * Blobs that only records before `until` name: cards whose time is long over at
 * that time, trust files that could not be installed after it, snapshots. Roots
 * stay: each start verifies them from the pin on.
 */
static int
drop_blobs(struct gate *g, uint64_t until, int64_t time)
{
	struct record_doc *d = NULL;
	const struct record *rec;
	struct journal_cursor at;
	struct buf payload;
	struct entry e;
	int r = 0;

	memset(&at, 0, sizeof(at));
	journal_seek(&at, journal_first(g->journal));
	buf_init(&payload, ENTRY_MAX);
	while (at.index < until && (r = journal_read(g->journal, &at, &payload,
	    &e)) == 1) {
		if ((r = record_read(e.payload, &d)) != 0)
			break;
		rec = record_of(d);
		if (rec->kind == RECORD_CARD_RECEIVED &&
		    rec->expires + MARGIN_S < time)
			r = blobs_remove(g->blobs, &rec->card);
		else if (rec->kind == RECORD_STATE)
			r = blobs_remove(g->blobs, &rec->digest);
		else if (rec->kind == RECORD_TRUST &&
		    !bytes_is(rec->file, "root") &&
		    rec->expires + MARGIN_S < time)
			r = blobs_remove(g->blobs, &rec->digest);
		if (r != 0)
			break;
	}
	record_free(d);
	buf_free(&payload);
	return r < 0 ? r : blobs_sync(g->blobs);
}

/* One segment, the oldest, if all of it is older than the policy wants. */
static int
prune_step(struct upkeep *u)
{
	struct gate *g = u->g;
	const struct trust *t = core_trust_files(g->core);
	const struct policy *p = t != NULL ? trust_policy(t) : NULL;
	int64_t keep = (p != NULL ? p->retention_days : DEFAULT_DAYS) * DAY_MS;
	struct record_doc *d = NULL;
	const struct record *rec;
	uint64_t next;
	int err = 0, more = 0;

	if (!journal_segment_after(g->journal, journal_first(g->journal),
	    &next))
		return 0;
	if ((err = read_state(g, next, &d)) == 0) {
		rec = record_of(d);
		/* By the records alone: a start can check it (open.c). */
		if (rec->kind == RECORD_STATE &&
		    core_standing(g->core)->running_ms - rec->running_ms >
		    keep) {
			if ((err = drop_blobs(g, next, rec->time)) == 0)
				err = journal_prune(g->journal, next);
			more = 1;
		}
	}
	record_free(d);
	return err != 0 ? err : more;
}

/* ---- what records name ---- */

/* Whether a crash may have come between drop_blobs() and the segment's end. */
static bool
may_lack(struct upkeep *u, uint64_t index)
{
	struct gate *g = u->g;
	struct record_doc *d = NULL;
	uint64_t next;
	bool old = false;

	if (journal_segment_after(g->journal, journal_first(g->journal),
	    &next) && index < next && read_state(g, next, &d) == 0)
		old = core_standing(g->core)->running_ms -
		    record_of(d)->running_ms >
		    CAP_RETENTION_DAYS_MIN * DAY_MS;
	record_free(d);
	return old;
}

/* The blob that a record was written behind, if any: 1 there was one. */
static int
look_at(struct upkeep *u, const struct entry *e, const char **ret_what)
{
	struct record_doc *d = NULL;
	const struct record *rec;
	struct buf b;
	int err;

	if ((err = record_read(e->payload, &d)) != 0)
		return err;
	rec = record_of(d);
	buf_init(&b, SNAPSHOT_CAP);
	if (rec->kind == RECORD_STATE) {
		*ret_what = "its snapshot";
		err = blobs_read_state(u->g->blobs, &rec->digest, &b);
	} else if (rec->kind == RECORD_TRUST) {
		*ret_what = "its trust file";
		err = blobs_read(u->g->blobs, &rec->digest, &b, NULL);
	} else if (rec->kind == RECORD_CARD_RECEIVED) {
		*ret_what = "its card";
		err = blobs_read(u->g->blobs, &rec->card, &b, NULL);
	} else {
		*ret_what = NULL;
	}
	buf_free(&b);
	record_free(d);
	return err != 0 ? err : *ret_what != NULL;
}

/* Each blob is there and is what its record says: the tree covers it by that.
 * 1 there are more; 0 all were looked at, or what was found was told. */
static int
look_step(struct upkeep *u)
{
	struct gate *g = u->g;
	unsigned records = 0, blobs = 0;
	const char *what = NULL;
	struct buf payload;
	struct entry e;
	char detail[80];
	int r = 1;

	if (u->look.index < journal_first(g->journal))
		journal_seek(&u->look, journal_first(g->journal));
	buf_init(&payload, ENTRY_MAX);
	while (r == 1 && records++ < RECORDS_A_PIECE && blobs < BLOBS_A_PIECE) {
		if (u->look.index >= u->look_until ||
		    (r = journal_read(g->journal, &u->look, &payload,
		    &e)) != 1)
			break;
		r = look_at(u, &e, &what);
		blobs += r == 1;
		if (r == 0 || (r == ERR_NOT_FOUND && may_lack(u, e.index)))
			r = 1;
	}
	buf_free(&payload);
	if ((r == ERR_CORRUPT || r == ERR_NOT_FOUND) && what != NULL) {
		(void)snprintf(detail, sizeof(detail), "record %llu: %s %s",
		    (unsigned long long)e.index, what, r == ERR_CORRUPT ?
		    "is not what was kept" : "is gone");
		gate_tampered(g, "journal_tampered", detail,
		    bytes_of(NULL, 0));
		return 0;
	}
	return r == 1 && u->look.index >= u->look_until ? 0 : r;
}

/* ---- a piece at a time ---- */

/* 1 there is more to do. */
static int
piece(struct upkeep *u)
{
	struct gate *g = u->g;
	int r;

	if ((r = journal_check_step(g->journal)) != 0)
		return r;
	if (!u->compressed) {
		if ((r = journal_compress_step(g->journal,
		    u->cosigned)) != 0)
			return r;
		u->compressed = true;
	}
	if (!u->pruned) {
		if ((r = prune_step(u)) != 0)
			return r;
		u->pruned = true;
	}
	if (!u->looked) {
		if ((r = look_step(u)) != 0)
			return r;
		u->looked = true;
	}
	return 0;
}

static void
on_timer(uv_timer_t *t)
{
	struct upkeep *u = t->data;
	struct gate *g = u->g;
	int r;

	if (g->journal == NULL || g->broken || g->evidence)
		return;
	r = piece(u);
	if (g->evidence)
		return;
	if (r == 1) {
		(void)uv_timer_start(t, on_timer, PAUSE_MS, 0);
	} else if (r == ERR_CORRUPT) {
		gate_journal_tampered(g);
	} else if (r < 0) {
		log_event(&g->log, SERVICE_WARNING, "upkeep of the journal"
		    " reason=%s", err_word(r));
		(void)uv_timer_start(t, on_timer, AGAIN_MS, 0);
	}
}

void
upkeep_turn(struct upkeep *u)
{
	struct gate *g = u->g;
	uint64_t cosigned = checkpoints_cosigned(g->checkpoints);
	uint64_t segment = core_landmark_segment(g->core);

	if (u->pruned && segment == u->segment && cosigned == u->cosigned)
		return;
	u->segment = segment;
	u->cosigned = cosigned;
	u->compressed = false;
	u->pruned = false;
	if (!uv_is_active((uv_handle_t *)&u->timer))
		(void)uv_timer_start(&u->timer, on_timer, PAUSE_MS, 0);
}
