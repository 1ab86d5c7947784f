/*
 * queue_snapshot.c - the queue's part of a snapshot.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/queue_snapshot.h"
#include "common/approval.h"
#include "common/json.h"
#include "common/queue_inside.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096		/* of a record's texts that an item keeps */
#define ITEMS_MAX (UINT32_C(1) << 24)

enum flag {
	FLAG_MANAGER = 1,
	FLAG_STARTED = 2,
	FLAG_STOPPING = 4,
	FLAG_TRUNCATED = 8,
	FLAGS = 15
};

/* Their places are numbers of the format. */
static const char *const profiles[] = { "", "observe", "repair", "full" };
static const char *const decisions[] = { "", "auto", "approval_needed" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
is_over(const struct queue_item *item, int64_t now)
{
	return state_is_end(item->state) && queue_item_until(item) < now;
}

/* ---- writing ---- */

static void
put_str(struct buf *b, const char *s)
{
	buf_put_field(b, bytes_str(s));
}

static void
put_digest(struct buf *b, const struct sha256 *d)
{
	buf_put(b, d->b, sizeof(d->b));
}

static void
put_int(struct buf *b, int64_t v)
{
	buf_put_u64le(b, (uint64_t)v);
}

static void
put_word(struct buf *b, const char *word, const char *const *words, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(words[i], word) != 0)
		i++;
	buf_put_u8(b, (uint8_t)i);
}

static void
put_approval(struct buf *b, const struct queue_approval *a)
{
	put_digest(b, &a->digest);
	put_digest(b, &a->policy);
	put_str(b, a->approver);
	buf_put_u8(b, (uint8_t)a->role);
	put_str(b, a->key);
	put_int(b, a->issued);
	put_int(b, a->expires);
	buf_put_u64le(b, a->index);
}

/* What the record that brought it says. */
static void
put_arrival(struct buf *b, const struct queue_item *i)
{
	put_digest(b, &i->digest);
	put_str(b, i->id);
	buf_put_u8(b, (uint8_t)i->state);
	buf_put_u64le(b, i->index);
	buf_put_u64le(b, i->last_index);
	put_int(b, i->received);
	buf_put_u64le(b, i->received_boot_ms);
	put_int(b, i->created);
	put_int(b, i->expires);
	put_str(b, i->proposer);
	put_str(b, i->key);
	put_str(b, i->requester);
	put_str(b, i->tool);
	put_word(b, i->profile, profiles, COUNT(profiles));
	put_word(b, i->decision, decisions, COUNT(decisions));
	put_digest(b, &i->policy);
	buf_put(b, i->device_nonce, sizeof(i->device_nonce));
	put_str(b, i->boot_id);
}

static void
put_item(struct buf *b, const struct queue_item *i)
{
	const struct queue_result *r = &i->result;
	size_t k;

	put_arrival(b, i);
	buf_put_u8(b, (uint8_t)((i->require_manager ? FLAG_MANAGER : 0) |
	    (i->started ? FLAG_STARTED : 0) |
	    (i->stopping ? FLAG_STOPPING : 0) |
	    (r->truncated ? FLAG_TRUNCATED : 0)));
	buf_put_u64le(b, i->enough_index);
	buf_put_u64le(b, i->intent_index);
	put_int(b, i->intent_time);
	put_digest(b, &i->plan);
	/* -1 is none. */
	put_int(b, r->exit_code + 1);
	put_int(b, r->signal);
	put_int(b, r->wall_ms);
	put_int(b, r->stdout_bytes);
	put_int(b, r->stderr_bytes);
	put_int(b, r->transcript_bytes);
	put_digest(b, &r->transcript_hash);
	put_str(b, i->reason);
	put_str(b, i->by);
	put_int(b, i->ended);
	buf_put_u8(b, (uint8_t)i->n_approvals);
	for (k = 0; k < i->n_approvals; k++)
		put_approval(b, &i->approvals[k]);
}

void
queue_encode(struct buf *b, const struct queue *q, int64_t now)
{
	const struct queue_item *i;
	const struct queue_seen *s;
	uint32_t n = 0;

	for (i = queue_first(q); i != NULL; i = queue_next(q, i))
		n += !is_over(i, now);
	buf_put_u32le(b, n);
	for (i = queue_first(q); i != NULL; i = queue_next(q, i))
		if (!is_over(i, now))
			put_item(b, i);
	n = 0;
	for (s = q->seen_first; s != NULL; s = s->next)
		n += s->until >= now;
	buf_put_u32le(b, n);
	for (s = q->seen_first; s != NULL; s = s->next) {
		if (s->until < now)
			continue;
		put_digest(b, &s->node.key);
		put_int(b, s->until);
	}
}

/* ---- reading ---- */

/* An item that stands in a list of another order than that of first records. */
struct later {
	struct queue_item *item;
	bool approved;
};

struct decoding {
	struct reader *r;
	struct queue *q;
	struct later *later;
	size_t n;
	int err;		/* ERR_NOMEM */
};

static void
fail(struct decoding *d, int err)
{
	if (err == ERR_NOMEM)
		d->err = err;
	if (d->r->err == 0)
		d->r->err = ERR_CORRUPT;
}

static struct sha256
get_digest(struct decoding *d)
{
	struct bytes v = reader_take(d->r, SHA256_SIZE);
	struct sha256 h = { { 0 } };

	if (v.n == sizeof(h.b))
		memcpy(h.b, v.p, sizeof(h.b));
	return h;
}

/* A number that a record may hold; 1 more for an exit code and one. */
static int64_t
get_int(struct decoding *d)
{
	uint64_t v = reader_u64le(d->r);

	if (v > (uint64_t)JSON_MAX_INTEGER + 1) {
		fail(d, ERR_CORRUPT);
		return 0;
	}
	return (int64_t)v;
}

/* A time of a record; 0 for none. */
static int64_t
get_time(struct decoding *d)
{
	int64_t t = get_int(d);

	if (t > TIME_MAX) {
		fail(d, ERR_CORRUPT);
		return 0;
	}
	return t;
}

static void
get_chars(struct decoding *d, char *to, size_t size)
{
	struct bytes v = reader_field(d->r, size - 1);

	if (v.n == 0)
		return;
	if (memchr(v.p, 0, v.n) != NULL)
		fail(d, ERR_CORRUPT);
	memcpy(to, v.p, v.n);
}

/* A shared text. *to is one already, or "". */
static void
get_text(struct decoding *d, const char **to)
{
	struct bytes v = reader_field(d->r, TEXT_MAX);
	int err;

	if (d->r->err == 0 && (err = queue_text_take(d->q, v, to)) != 0)
		fail(d, err);
}

static const char *
get_word(struct decoding *d, const char *const *words, size_t n)
{
	uint8_t i = reader_u8(d->r);

	if (i >= n) {
		fail(d, ERR_CORRUPT);
		i = 0;
	}
	return words[i];
}

static void
get_approval(struct decoding *d, struct queue_item *item)
{
	struct queue_approval *a = &item->approvals[item->n_approvals++];

	memset(a, 0, sizeof(*a));
	a->approver = "";
	a->digest = get_digest(d);
	a->policy = get_digest(d);
	get_text(d, &a->approver);
	a->role = reader_u8(d->r);
	get_chars(d, a->key, sizeof(a->key));
	a->issued = get_time(d);
	a->expires = get_time(d);
	a->index = (uint64_t)get_int(d);
	if (a->role != (int)APPROVAL_TECHNICIAN &&
	    a->role != (int)APPROVAL_ADMIN && a->role != (int)APPROVAL_MANAGER)
		fail(d, ERR_CORRUPT);
}

static void
get_approvals(struct decoding *d, struct queue_item *item)
{
	size_t n = reader_u8(d->r);

	if (n == 0 || d->r->err != 0)
		return;
	if (n > QUEUE_APPROVALS) {
		fail(d, ERR_CORRUPT);
		return;
	}
	item->approvals = calloc(n, sizeof(item->approvals[0]));
	if (item->approvals == NULL) {
		fail(d, ERR_NOMEM);
		return;
	}
	while (item->n_approvals < n && d->r->err == 0)
		get_approval(d, item);
}

static void
get_arrival(struct decoding *d, struct queue_item *item)
{
	struct bytes nonce;

	item->index = (uint64_t)get_int(d);
	item->last_index = (uint64_t)get_int(d);
	item->received = get_time(d);
	item->received_boot_ms = (uint64_t)get_int(d);
	item->created = get_time(d);
	item->expires = get_time(d);
	get_text(d, &item->proposer);
	get_chars(d, item->key, sizeof(item->key));
	get_text(d, &item->requester);
	get_text(d, &item->tool);
	item->profile = get_word(d, profiles, COUNT(profiles));
	item->decision = get_word(d, decisions, COUNT(decisions));
	item->policy = get_digest(d);
	nonce = reader_take(d->r, CAP_DEVICE_NONCE);
	if (nonce.n == sizeof(item->device_nonce))
		memcpy(item->device_nonce, nonce.p, nonce.n);
	get_text(d, &item->boot_id);
}

static void
get_fate(struct decoding *d, struct queue_item *item)
{
	struct queue_result *r = &item->result;
	uint8_t flags = reader_u8(d->r);

	if (flags > FLAGS)
		fail(d, ERR_CORRUPT);
	item->require_manager = (flags & FLAG_MANAGER) != 0;
	item->started = (flags & FLAG_STARTED) != 0;
	item->stopping = (flags & FLAG_STOPPING) != 0;
	r->truncated = (flags & FLAG_TRUNCATED) != 0;
	item->enough_index = (uint64_t)get_int(d);
	item->intent_index = (uint64_t)get_int(d);
	item->intent_time = get_time(d);
	item->plan = get_digest(d);
	r->exit_code = get_int(d) - 1;
	r->signal = get_int(d);
	r->wall_ms = get_int(d);
	r->stdout_bytes = get_int(d);
	r->stderr_bytes = get_int(d);
	r->transcript_bytes = get_int(d);
	r->transcript_hash = get_digest(d);
	get_chars(d, item->reason, sizeof(item->reason));
	get_text(d, &item->by);
	item->ended = get_time(d);
	get_approvals(d, item);
}

/* An approved one comes into its list later: that has its own order. */
static void
settle(struct decoding *d, struct queue_item *item, enum card_state state)
{
	int err;

	/* One that waits is counted as its proposer's. */
	if (state_is_open(state) && (item->proposer[0] == '\0' ||
	    item->ended != 0)) {
		fail(d, ERR_CORRUPT);
		return;
	}
	err = queue_item_move(d->q, item, state == STATE_APPROVED ?
	    STATE_PENDING : state);
	if (err != 0)
		fail(d, err);
}

static void
get_item(struct decoding *d)
{
	struct sha256 digest = get_digest(d);
	struct bytes id = reader_field(d->r, UUID_TEXT_SIZE - 1);
	enum card_state state = (enum card_state)reader_u8(d->r);
	struct queue_item *item;
	int err;

	if ((id.n > 0 && memchr(id.p, 0, id.n) != NULL) ||
	    (unsigned)state >= STATES || state == STATE_NONE ||
	    queue_get(d->q, &digest) != NULL)
		fail(d, ERR_CORRUPT);
	if (d->r->err != 0)
		return;
	if ((err = queue_item_new(d->q, &digest, id, &item)) != 0) {
		fail(d, err);
		return;
	}
	get_arrival(d, item);
	get_fate(d, item);
	if (d->r->err != 0)
		return;
	settle(d, item, state);
	if (state == STATE_APPROVED || item->intent_index > 0) {
		d->later[d->n].approved = state == STATE_APPROVED;
		d->later[d->n++].item = item;
	}
}

static int
by_enough(const void *a, const void *b)
{
	uint64_t x = ((const struct later *)a)->item->enough_index;
	uint64_t y = ((const struct later *)b)->item->enough_index;

	return x < y ? -1 : x > y;
}

static int
by_intent(const void *a, const void *b)
{
	uint64_t x = ((const struct later *)a)->item->intent_index;
	uint64_t y = ((const struct later *)b)->item->intent_index;

	return x < y ? -1 : x > y;
}

/* The two lists whose order is not that of the first records. */
static void
order(struct decoding *d)
{
	size_t i;
	int err;

	if (d->n == 0)
		return;
	qsort(d->later, d->n, sizeof(d->later[0]), by_enough);
	for (i = 0; i < d->n && d->r->err == 0; i++)
		if (d->later[i].approved && (err = queue_item_move(d->q,
		    d->later[i].item, STATE_APPROVED)) != 0)
			fail(d, err);
	qsort(d->later, d->n, sizeof(d->later[0]), by_intent);
	for (i = 0; i < d->n && d->r->err == 0; i++)
		if (d->later[i].item->intent_index > 0)
			queue_list_add(d->q, QUEUE_RUNS, d->later[i].item);
}

static void
get_items(struct decoding *d)
{
	uint32_t i, n = reader_u32le(d->r);

	/* An item is some hundred bytes at least: no more than fit. */
	if (n > ITEMS_MAX || n > d->r->rest.n / 64)
		fail(d, ERR_CORRUPT);
	if (n == 0 || d->r->err != 0)
		return;
	d->later = calloc(n, sizeof(d->later[0]));
	if (d->later == NULL)
		fail(d, ERR_NOMEM);
	for (i = 0; i < n && d->r->err == 0; i++)
		get_item(d);
	if (d->r->err == 0)
		order(d);
	free(d->later);
}

int
queue_decode(struct reader *r, struct queue *q)
{
	struct decoding d = { .r = r, .q = q };
	struct sha256 digest;
	int64_t until;
	uint32_t i, n;
	int err;

	get_items(&d);
	n = reader_u32le(r);
	for (i = 0; i < n && r->err == 0; i++) {
		digest = get_digest(&d);
		until = get_int(&d);
		if (r->err == 0 && (err = queue_seen_add(q, &digest, until,
		    INT64_MIN)) != 0)
			fail(&d, err);
	}
	return d.err != 0 ? d.err : r->err;
}
