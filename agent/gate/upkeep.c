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

#include "common/retention.h"
#include "common/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two pieces. */
#define PAUSE_MS 10u
/* After a piece that could not be done: the disk may be full. */
#define AGAIN_MS 600000u
#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* A card is over so long after its time, whatever it did. */
#define MARGIN_S (2 * 86400)
/* Looked at in one piece. */
#define RECORDS_A_PIECE 400u
#define BLOBS_A_PIECE 16u
/* Of digests of one segment: its records are longer. */
#define LIST_MAX (16u << 20)

struct upkeep {
	struct gate *g;
	uv_timer_t timer;
	bool compressed;	/* so far as it can be now */
	bool pruned;
	bool looked;		/* at the blobs of what was here at the start */
	struct journal_cursor look;
	uint64_t look_first;
	uint64_t look_until;
	/* Of the records that were looked at, to tell what was pruned. */
	struct retention retention;
	int64_t running_ms, days;
	uint64_t boot_ms;
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
	u->look_first = journal_first(g->journal);
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

static bool
names(const struct record *state, const struct sha256 *digest)
{
	size_t i;

	for (i = 0; i < state->n_files; i++)
		if (sha256_equal(&state->files[i].digest, digest))
			return true;
	return false;
}

static void
list_one(struct buf *list, const struct sha256 *digest)
{
	buf_put(list, digest->b, sizeof(digest->b));
}

/*
 * Blobs that nobody needs once a record before the state that stays is gone:
 * cards whose time is long over then, snapshots, trust files that it does not
 * hold. Expired or not, those that it holds stay, and so do roots: each start
 * verifies them from the pin on.
 */
static void
list_blobs(struct buf *list, const struct record *rec,
    const struct record *stays)
{
	size_t i;

	if (rec->kind == RECORD_CARD_RECEIVED &&
	    rec->expires + MARGIN_S < stays->time)
		list_one(list, &rec->card);
	else if (rec->kind == RECORD_STATE)
		list_one(list, &rec->digest);
	else if (rec->kind == RECORD_TRUST && !bytes_is(rec->file, "root") &&
	    !names(stays, &rec->digest))
		list_one(list, &rec->digest);
	/* Those that were held when this segment began. */
	for (i = 0; rec->kind == RECORD_STATE && i < rec->n_files; i++)
		if (!bytes_is(rec->files[i].file, "root") &&
		    !names(stays, &rec->files[i].digest))
			list_one(list, &rec->files[i].digest);
}

static int
list_before(struct gate *g, uint64_t until, const struct record *stays,
    struct buf *list)
{
	struct record_doc *d = NULL;
	struct journal_cursor at;
	struct buf payload;
	struct entry e;
	int r = 0;

	journal_seek(&at, journal_first(g->journal));
	buf_init(&payload, ENTRY_MAX);
	while (at.index < until && (r = journal_read(g->journal, &at, &payload,
	    &e)) == 1) {
		if ((r = record_read(e.payload, &d)) != 0)
			break;
		list_blobs(list, record_of(d), stays);
	}
	record_free(d);
	buf_free(&payload);
	return r < 0 ? r : buf_error(list);
}

/* First the records, then what they name: none is there without its blob. */
static int
prune(struct gate *g, uint64_t until, const struct record *stays)
{
	struct sha256 name;
	struct buf list;
	size_t at;
	int err;

	buf_init(&list, LIST_MAX);
	if ((err = list_before(g, until, stays, &list)) == 0)
		err = journal_prune(g->journal, until);
	for (at = 0; at < list.n && err == 0; at += sizeof(name.b)) {
		memcpy(name.b, list.p + at, sizeof(name.b));
		err = blobs_remove(g->blobs, &name);
	}
	buf_free(&list);
	return err == 0 ? blobs_sync(g->blobs) : err;
}

/* One segment, the oldest, if all of it is older than the policy wants. */
static int
prune_step(struct upkeep *u)
{
	struct gate *g = u->g;
	const struct trust *t = core_trust_files(g->core);
	const struct policy *p = t != NULL ? trust_policy(t) : NULL;
	int64_t keep = retention_days(p) * DAY_MS;
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
			err = prune(g, next, rec);
			more = 1;
		}
	}
	record_free(d);
	return err != 0 ? err : more;
}

/* ---- what records name ---- */

/* How long the policy of that digest keeps what is old. */
static int
take_days(struct upkeep *u, const struct sha256 *policy)
{
	struct policy *p = NULL;
	struct refusal why;
	struct buf b;
	int err;

	buf_init(&b, CAP_TRUST);
	if ((err = blobs_read(u->g->blobs, policy, &b, NULL)) == 0 &&
	    (err = policy_parse(buf_bytes(&b), &p, &why)) == 0)
		u->days = retention_days(p);
	policy_free(p);
	buf_free(&b);
	return err;
}

/* Running time and policy, as the records up to this one have them. */
static int
follow(struct upkeep *u, uint64_t index, const struct record *rec)
{
	size_t i;
	int err = 0;

	if (u->look_first == 0)
		return 0;
	if (rec->kind == RECORD_STATE)
		u->running_ms = rec->running_ms;
	else if (rec->boot_ms > u->boot_ms)
		u->running_ms += (int64_t)(rec->boot_ms - u->boot_ms);
	u->boot_ms = rec->boot_ms;
	if (index == u->look_first) {
		retention_begin(&u->retention, u->running_ms);
		u->days = retention_days(NULL);
		for (i = 0; i < rec->n_files && err == 0; i++)
			if (bytes_is(rec->files[i].file, "policy"))
				err = take_days(u, &rec->files[i].digest);
	} else if (rec->kind == RECORD_TRUST && bytes_is(rec->file,
	    "policy")) {
		err = take_days(u, &rec->digest);
	}
	retention_note(&u->retention, u->running_ms, u->days);
	return err;
}

/* The blob that a record was written behind, if any: 1 there was one. */
static int
look_at_blob(struct upkeep *u, const struct record *rec, const char **ret_what)
{
	struct buf b;
	int err = 0;

	*ret_what = NULL;
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
	}
	buf_free(&b);
	return err != 0 ? err : *ret_what != NULL;
}

static int
look_at(struct upkeep *u, const struct entry *e, const char **ret_what)
{
	struct record_doc *d = NULL;
	int r, err;

	*ret_what = NULL;
	if ((err = record_read(e->payload, &d)) != 0)
		return err;
	r = look_at_blob(u, record_of(d), ret_what);
	if (r >= 0 && (err = follow(u, e->index, record_of(d))) != 0)
		r = err;
	record_free(d);
	return r;
}

static void
accuse(struct upkeep *u, uint64_t index, const char *what, const char *how)
{
	char detail[80];

	(void)snprintf(detail, sizeof(detail), "record %llu: %s %s",
	    (unsigned long long)index, what, how);
	gate_tampered(u->g, "journal_tampered", detail, bytes_of(NULL, 0));
}

/* All were looked at. Was what is not there any more let go by a policy? */
static void
judge_pruned(struct upkeep *u)
{
	if (u->look_first > 0 && journal_first(u->g->journal) ==
	    u->look_first && !retention_allows(&u->retention))
		accuse(u, u->look_first, "those before it", "are gone before"
		    " their time");
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
	int r = 1;

	/* What is pruned in between was let go by the policy of now. */
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
		if (r == 0)
			r = 1;
	}
	buf_free(&payload);
	if ((r == ERR_CORRUPT || r == ERR_NOT_FOUND) && what != NULL) {
		accuse(u, e.index, what, r == ERR_CORRUPT ?
		    "is not what was kept" : "is gone");
		return 0;
	}
	if (r != 1 || u->look.index < u->look_until)
		return r;
	judge_pruned(u);
	return 0;
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
