/*
 * resume.c - a journal that goes on behind records which we never had.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/resume.h"

#include "common/snapshot.h"

/* ---- the last gap ---- */

static int
last_one(void *ctx, const struct store_gap *g)
{
	uint64_t *until = ctx;

	*until = g->until;
	return 0;
}

int
resume_at(struct store *s, int64_t device, uint64_t *ret_at)
{
	uint64_t until = 0;
	int err = store_gap_each(s, device, last_one, &until);

	if (err != 0)
		return err;
	if (until == 0)
		return ERR_NOT_FOUND;
	*ret_at = until;
	return 0;
}

/* ---- the snapshot ---- */

struct loading {
	struct store *store;
	int64_t device;
};

static int
load(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	struct loading *l = arg;

	return store_blob_get(l->store, l->device, name, ret_b);
}

int
resume_read(struct store *s, int64_t device, const struct sha256 *snapshot,
    struct standing *ret_s, struct queue **ret_q)
{
	struct loading l = { s, device };
	struct trust *trust;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_CAP);
	err = store_blob_get(s, device, snapshot, &b);
	if (err == 0)
		err = snapshot_decode(buf_bytes(&b), load, &l, ret_s, &trust,
		    ret_q);
	buf_free(&b);
	if (err == 0)
		trust_free(trust);
	return err == ERR_NOT_FOUND || err == ERR_VERSION ? ERR_CORRUPT : err;
}

/* ---- its cards ---- */

/* The record behind the gap. */
struct state {
	uint64_t at;
	bool found;
	struct sha256 digest;
};

static int
read_state(void *ctx, const struct store_record *r)
{
	struct state *x = ctx;
	struct record_doc *doc = NULL;
	int err = record_parse(r->payload, &doc);

	if (err != 0)
		return err == ERR_NOMEM ? err : 0;
	x->found = r->index == x->at && record_of(doc)->kind == RECORD_STATE;
	if (x->found)
		x->digest = record_of(doc)->digest;
	record_free(doc);
	return 0;
}

int
resume_queue(struct store *s, int64_t device, uint64_t *ret_at,
    struct queue **ret_q)
{
	struct state x = { 0, false, { { 0 } } };
	struct standing standing;
	int err;

	err = resume_at(s, device, &x.at);
	if (err == 0)
		err = store_record_each(s, device, x.at, 1, read_state, &x);
	if (err == 0 && x.found) {
		err = resume_read(s, device, &x.digest, &standing, ret_q);
		if (err == 0)
			standing_fini(&standing);
	} else if (err == 0 || err == ERR_NOT_FOUND) {
		err = queue_new(ret_q);
	}
	if (err == ERR_CORRUPT)
		err = queue_new(ret_q);
	if (err == 0)
		*ret_at = x.at;
	return err;
}
