/*
 * core_segment.c - what a segment begins with, and a start that begins there.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/core_inside.h"

#include "common/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* A new epoch once so much running time has had records. */
#define EPOCH_EVERY_MS (INT64_C(24) * 3600 * 1000)

/* ---- epochs ---- */

static int
epoch(struct core *c, struct moment m)
{
	struct core_epoch ask = { .org = c->s.org, .device = c->s.device,
	    .epoch = c->s.epoch + 1, .issued = core_now(c, m) };
	uint8_t key[RECORD_DEVICE_KEY], sig[64];
	struct record rec;
	struct buf payload;
	int err;

	buf_init(&payload, CAP_APPROVAL_PAYLOAD);
	err = c->cfg.host->next_epoch(c->cfg.arg, &ask, &payload, key, sig);
	if (err == 0) {
		record_init(&rec, RECORD_EPOCH);
		record_set_int(&rec, RF_EPOCH, ask.epoch);
		record_set_bytes(&rec, RF_EPOCH_KEY,
		    bytes_of(key, sizeof(key)));
		record_add_sig(&rec, bytes_of(NULL, 0),
		    bytes_of(sig, sizeof(sig)));
		record_set_bytes(&rec, RF_PAYLOAD, buf_bytes(&payload));
		err = core_emit_must(c, m, &rec);
	} else if (err == ERR_NO_SPACE) {
		err = 0;
	}
	buf_free(&payload);
	return err;
}

int
core_first_epoch(struct core *c, struct moment m)
{
	return c->s.epoch == 0 ? epoch(c, m) : 0;
}

int
core_daily_epoch(struct core *c, struct moment m)
{
	if (c->s.epoch == 0 || c->s.next <= c->s.epoch_index + 1 ||
	    standing_running(&c->s, m.boot_ms) - c->s.epoch_running_ms <
	    EPOCH_EVERY_MS)
		return 0;
	return epoch(c, m);
}

/* ---- the beginning of a segment ---- */

static void
put_files(const struct core *c, struct record *rec)
{
	struct trust_held h;
	int f;

	rec->has[RF_FILES] = true;
	for (f = TRUST_ROOT; f < TRUST_FILES; f++)
		if (trust_held(c->trust, (enum trust_file)f, &h))
			record_add_file(rec, trust_file_word(
			    (enum trust_file)f), h.head.version, &h.digest);
}

bool
core_has_files(const struct core *c, const struct record *rec)
{
	struct record held;
	size_t i;

	record_init(&held, RECORD_STATE);
	put_files(c, &held);
	if (held.n_files != rec->n_files)
		return false;
	for (i = 0; i < held.n_files; i++)
		if (!bytes_equal(held.files[i].file, rec->files[i].file) ||
		    held.files[i].version != rec->files[i].version ||
		    !sha256_equal(&held.files[i].digest,
		    &rec->files[i].digest))
			return false;
	return true;
}

static int
begin(struct core *c, struct moment m)
{
	struct sha256 name;
	struct record rec;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_CAP);
	snapshot_encode(&b, &c->s, c->trust, c->queue, core_now(c, m));
	if ((err = buf_error(&b)) == 0) {
		digest_sha256(buf_bytes(&b), &name);
		err = c->cfg.host->begin_segment(c->cfg.arg, &name,
		    buf_bytes(&b));
	}
	buf_free(&b);
	if (err != 0)
		return err == ERR_NO_SPACE ? 0 : err;
	standing_state(&c->s, trust_clock_floor(c->trust), m.boot_ms, &rec);
	record_set_digest(&rec, RF_DIGEST, &name);
	put_files(c, &rec);
	if ((err = core_emit_must(c, m, &rec)) != 0)
		return err;
	return c->s.epoch > 0 ? epoch(c, m) : 0;
}

int
core_segment(struct core *c, struct moment m)
{
	int err;

	if (c->in_segment || c->trust == NULL ||
	    !c->cfg.host->wants_state(c->cfg.arg))
		return 0;
	c->in_segment = true;
	err = begin(c, m);
	c->in_segment = false;
	return err;
}

/* ---- a start that begins there ---- */

static int
load_snapshot(const struct core *c, uint64_t index, const struct record *rec,
    struct standing *ret_s, struct trust **ret_t, struct queue **ret_q)
{
	struct buf b;
	int err;

	if (rec->kind != RECORD_STATE)
		return ERR_CORRUPT;
	buf_init(&b, SNAPSHOT_CAP);
	err = c->cfg.host->load_state(c->cfg.arg, &rec->digest, &b);
	if (err == ERR_NOT_FOUND)
		err = ERR_CORRUPT;
	if (err == 0)
		err = snapshot_decode(buf_bytes(&b), c->cfg.host->load,
		    c->cfg.arg, ret_s, ret_t, ret_q);
	buf_free(&b);
	if (err == 0 && ret_s->next != index) {
		standing_fini(ret_s);
		trust_free(*ret_t);
		queue_free(*ret_q);
		err = ERR_CORRUPT;
	}
	return err;
}

int
core_load_state(struct core *c, uint64_t index, const struct record *rec)
{
	struct standing s;
	struct trust *t;
	struct queue *q;
	int err;

	err = load_snapshot(c, index, rec, &s, &t, &q);
	if (err != 0)
		return err == ERR_CORRUPT || err == ERR_VERSION ?
		    core_corrupt(c, index, rec->kind != RECORD_STATE ?
		    "the segment does not begin with a state" :
		    "its snapshot is not there or does not read") : err;
	standing_fini(&c->s);
	queue_free(c->queue);
	c->s = s;
	c->trust = t;
	c->queue = q;
	c->policy_changed = true;
	return 0;
}

/* ---- the queue again ---- */

/* A queue on its way to take the old one's place. */
struct rebuilt {
	const struct core *c;
	struct queue *queue;
	struct record_doc *doc;
	bool begun;
};

/* What was not pruned begins with a state: the queue of its snapshot. */
static int
rebuild_begin(struct rebuilt *r, uint64_t index, const struct record *rec)
{
	struct standing s;
	struct trust *t;
	struct queue *q;
	int err;

	r->begun = true;
	if (index == 0)
		return 0;
	if ((err = load_snapshot(r->c, index, rec, &s, &t, &q)) != 0)
		return err;
	standing_fini(&s);
	trust_free(t);
	queue_free(r->queue);
	r->queue = q;
	return 0;
}

static int
rebuild_record(void *to, uint64_t index, struct bytes payload)
{
	struct rebuilt *r = to;
	int err = record_read(payload, &r->doc);

	if (err == 0 && !r->begun)
		err = rebuild_begin(r, index, record_of(r->doc));
	if (err == 0)
		err = queue_fold(r->queue, index, record_of(r->doc));
	/* What is over by the clock that holds now need not be kept. */
	if (err == 0)
		queue_forget(r->queue, r->c->s.last_record);
	return err;
}

/*
 * What the queue forgot belongs to a future that the clock says is none: the
 * cards would be new to it, and could run again.
 */
int
core_rebuild_queue(struct core *c)
{
	struct rebuilt r = { .c = c };
	int err;

	if ((err = queue_new(&r.queue)) != 0)
		return err;
	err = c->cfg.host->each(c->cfg.arg, rebuild_record, &r);
	record_free(r.doc);
	if (err != 0) {
		queue_free(r.queue);
		return err;
	}
	queue_free(c->queue);
	c->queue = r.queue;
	c->taken_back = false;
	return 0;
}

/* ---- taking the clock back ---- */

struct oldest {
	struct record_doc *doc;
	uint64_t index;
};

/* The first is enough: its own result ends the walk. */
static int
oldest_record(void *to, uint64_t index, struct bytes payload)
{
	struct oldest *o = to;
	int err = record_read(payload, &o->doc);

	o->index = index;
	return err != 0 ? err : ERR_EXISTS;
}

int
core_clock_reset(struct core *c, struct moment m, const char *by,
    struct bytes reason, struct core_reply *ret_r)
{
	struct oldest o = { NULL, 0 };
	struct record rec;
	int err;
	bool too_far;

	err = c->cfg.host->each(c->cfg.arg, oldest_record, &o);
	if (err != ERR_EXISTS) {
		record_free(o.doc);
		return err != 0 ? err : ERR_STATE;
	}
	too_far = o.index > 0 && m.clock < record_of(o.doc)->time;
	record_free(o.doc);
	if (too_far)
		return core_reply(ret_r, CORE_REFUSED, "too_far_back",
		    "what the journal had then was pruned");
	record_init(&rec, RECORD_CLOCK);
	record_set_str(&rec, RF_BY, by);
	record_set_bytes(&rec, RF_REASON, core_reason(reason));
	record_set_int(&rec, RF_FLOOR, m.clock);
	(void)core_reply(ret_r, CORE_ACCEPTED, "", "");
	err = core_emit_must(c, m, &rec);
	return err == 0 ? core_rebuild_queue(c) : err;
}
