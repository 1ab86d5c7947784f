/*
 * queue.c - keeping the cards: memory, lists, finding, counting, forgetting.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/queue.h"
#include "common/queue_inside.h"

#include <stdlib.h>
#include <string.h>

/* An item that is in no heap. */
#define NOWHERE SIZE_MAX

/* ---- shared strings ---- */

static struct queue_text *
text_of(const char *s)
{
	/* The queue gave it out as const; it is the queue's own memory. */
	uintptr_t at = (uintptr_t)s - offsetof(struct queue_text, s);

	return (struct queue_text *)at;
}

int
queue_text_take(struct queue *q, struct bytes v, const char **ret_s)
{
	struct queue_text *t;
	struct sha256 key;

	if (v.n == 0) {
		*ret_s = "";
		return 0;
	}
	if (memchr(v.p, 0, v.n) != NULL)
		return ERR_CHARACTER;
	digest_sha256(v, &key);
	if ((t = digestmap_find(&q->texts, &key)) == NULL) {
		if ((t = calloc(1, sizeof(*t) + v.n + 1)) == NULL)
			return ERR_NOMEM;
		memcpy(t->s, v.p, v.n);
		t->node.key = key;
		t->node.owner = t;
		if (digestmap_add(&q->texts, &t->node) != 0) {
			free(t);
			return ERR_NOMEM;
		}
	}
	t->uses++;
	*ret_s = t->s;
	return 0;
}

void
queue_text_drop(struct queue *q, const char *s)
{
	struct queue_text *t;

	if (s[0] == '\0')
		return;
	t = text_of(s);
	if (--t->uses > 0)
		return;
	digestmap_remove(&q->texts, &t->node);
	free(t);
}

/* ---- lists ---- */

void
queue_list_add(struct queue *q, enum queue_list l, struct queue_item *item)
{
	item->link[l].prev = q->lists[l].last;
	item->link[l].next = NULL;
	if (q->lists[l].last != NULL)
		q->lists[l].last->link[l].next = item;
	else
		q->lists[l].first = item;
	q->lists[l].last = item;
}

/*
 * Its own link forward stays: who stands on an item that was just closed still
 * comes to the next one.
 */
static void
list_remove(struct queue *q, enum queue_list l, struct queue_item *item)
{
	struct queue_item *prev = item->link[l].prev;
	struct queue_item *next = item->link[l].next;

	if (prev == NULL && q->lists[l].first != item)
		return;
	if (prev != NULL)
		prev->link[l].next = next;
	else
		q->lists[l].first = next;
	if (next != NULL)
		next->link[l].prev = prev;
	else
		q->lists[l].last = prev;
	item->link[l].prev = NULL;
}

/* ---- the heap: which waiting card expires first ---- */

static void
heap_put(struct queue *q, size_t at, struct queue_item *item)
{
	q->heap[at] = item;
	item->heap_at = at;
}

static void
heap_up(struct queue *q, size_t at)
{
	struct queue_item *item = q->heap[at];

	while (at > 0 && q->heap[(at - 1) / 2]->expires > item->expires) {
		heap_put(q, at, q->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(q, at, item);
}

static void
heap_down(struct queue *q, size_t at)
{
	struct queue_item *item = q->heap[at];
	size_t child;

	while ((child = 2 * at + 1) < q->heap_n) {
		if (child + 1 < q->heap_n && q->heap[child + 1]->expires <
		    q->heap[child]->expires)
			child++;
		if (q->heap[child]->expires >= item->expires)
			break;
		heap_put(q, at, q->heap[child]);
		at = child;
	}
	heap_put(q, at, item);
}

static int
heap_add(struct queue *q, struct queue_item *item)
{
	struct queue_item **p;
	size_t size;

	if (q->heap_n == q->heap_size) {
		size = q->heap_size == 0 ? 64 : 2 * q->heap_size;
		p = realloc(q->heap, size * sizeof(struct queue_item *));
		if (p == NULL)
			return ERR_NOMEM;
		q->heap = p;
		q->heap_size = size;
	}
	q->heap[q->heap_n] = item;
	heap_up(q, q->heap_n++);
	return 0;
}

static void
heap_remove(struct queue *q, struct queue_item *item)
{
	size_t at = item->heap_at;

	if (at == NOWHERE)
		return;
	item->heap_at = NOWHERE;
	if (at == --q->heap_n)
		return;
	heap_put(q, at, q->heap[q->heap_n]);
	heap_up(q, at);
	heap_down(q, q->heap[at]->heap_at);
}

/* ---- items ---- */

static void
id_key(struct bytes id, struct sha256 *ret_key)
{
	digest_sha256(id, ret_key);
}

int
queue_item_new(struct queue *q, const struct sha256 *digest, struct bytes id,
    struct queue_item **ret_i)
{
	struct queue_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return ERR_NOMEM;
	item->digest = *digest;
	item->proposer = item->requester = item->tool = item->profile = "";
	item->decision = item->boot_id = item->by = "";
	item->result.exit_code = -1;
	item->heap_at = NOWHERE;
	if (id.n > 0 && id.n < sizeof(item->id))
		memcpy(item->id, id.p, id.n);
	item->by_digest.key = *digest;
	item->by_digest.owner = item->by_id.owner = item;
	if (digestmap_add(&q->by_digest, &item->by_digest) != 0) {
		free(item);
		return ERR_NOMEM;
	}
	if (id.n > 0) {
		id_key(id, &item->by_id.key);
		if (digestmap_add(&q->by_id, &item->by_id) != 0) {
			digestmap_remove(&q->by_digest, &item->by_digest);
			free(item);
			return ERR_NOMEM;
		}
	}
	queue_list_add(q, QUEUE_ALL, item);
	q->counts[STATE_NONE]++;
	*ret_i = item;
	return 0;
}

void
queue_item_remove_approval(struct queue *q, struct queue_item *item, size_t i)
{
	queue_text_drop(q, item->approvals[i].approver);
	memmove(&item->approvals[i], &item->approvals[i + 1],
	    (item->n_approvals - i - 1) * sizeof(item->approvals[0]));
	item->n_approvals--;
}

void
queue_item_clear_approvals(struct queue *q, struct queue_item *item)
{
	while (item->n_approvals > 0)
		queue_item_remove_approval(q, item, item->n_approvals - 1);
	free(item->approvals);
	item->approvals = NULL;
}

void
queue_item_drop(struct queue *q, struct queue_item *item)
{
	enum queue_list l;

	if (q->over == item)
		q->over = NULL;
	for (l = QUEUE_ALL; l < QUEUE_LISTS; l++)
		list_remove(q, l, item);
	heap_remove(q, item);
	digestmap_remove(&q->by_digest, &item->by_digest);
	if (item->id[0] != '\0')
		digestmap_remove(&q->by_id, &item->by_id);
	q->counts[item->state]--;
	queue_item_clear_approvals(q, item);
	queue_text_drop(q, item->proposer);
	queue_text_drop(q, item->requester);
	queue_text_drop(q, item->tool);
	queue_text_drop(q, item->boot_id);
	queue_text_drop(q, item->by);
	free(item);
}

static bool
waits(enum card_state s)
{
	return s == STATE_PENDING || s == STATE_APPROVED;
}

int
queue_item_move(struct queue *q, struct queue_item *item,
    enum card_state next)
{
	enum card_state old = item->state;

	if (waits(next) && !waits(old)) {
		if (heap_add(q, item) != 0)
			return ERR_NOMEM;
		text_of(item->proposer)->open++;
	}
	if (!waits(next) && waits(old)) {
		heap_remove(q, item);
		text_of(item->proposer)->open--;
	}
	if (old == STATE_APPROVED && next != STATE_APPROVED)
		list_remove(q, QUEUE_APPROVED, item);
	if (old != STATE_APPROVED && next == STATE_APPROVED)
		queue_list_add(q, QUEUE_APPROVED, item);
	if (state_is_open(old) && !state_is_open(next))
		list_remove(q, QUEUE_OPEN, item);
	if (!state_is_open(old) && state_is_open(next))
		queue_list_add(q, QUEUE_OPEN, item);
	q->counts[old]--;
	q->counts[next]++;
	item->state = next;
	return 0;
}

/* ---- the whole ---- */

int
queue_new(struct queue **ret_q)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return ERR_NOMEM;
	q->horizon = q->forgot_at = INT64_MIN;
	*ret_q = q;
	return 0;
}

static void
seen_drop(struct queue *q, struct queue_seen *s)
{
	digestmap_remove(&q->seen, &s->node);
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		q->seen_first = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	else
		q->seen_last = s->prev;
	free(s);
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	while (q->lists[QUEUE_ALL].first != NULL)
		queue_item_drop(q, q->lists[QUEUE_ALL].first);
	while (q->seen_first != NULL)
		seen_drop(q, q->seen_first);
	digestmap_free(&q->by_digest);
	digestmap_free(&q->by_id);
	digestmap_free(&q->texts);
	digestmap_free(&q->seen);
	free(q->heap);
	free(q);
}

const char *
queue_error(const struct queue *q)
{
	return q->error;
}

int
queue_seen_add(struct queue *q, const struct sha256 *approval, int64_t until,
    int64_t then)
{
	struct queue_seen *s = digestmap_find(&q->seen, approval);

	if (s != NULL && s->until < then) {
		seen_drop(q, s);
		s = NULL;
	}
	if (s != NULL || until < q->horizon)
		return 0;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ERR_NOMEM;
	s->node.key = *approval;
	s->node.owner = s;
	s->until = until;
	if (digestmap_add(&q->seen, &s->node) != 0) {
		free(s);
		return ERR_NOMEM;
	}
	s->prev = q->seen_last;
	if (q->seen_last != NULL)
		q->seen_last->next = s;
	else
		q->seen_first = s;
	q->seen_last = s;
	return 0;
}

int64_t
queue_item_until(const struct queue_item *item)
{
	int64_t until = item->expires + CAP_DIGEST_MEMORY, run;

	run = item->intent_time + QUEUE_RUN_MEMORY;
	return state_has_run(item->state) && run > until ? run : until;
}

void
queue_forget(struct queue *q, int64_t now)
{
	struct queue_item *item, *next;

	q->horizon = now;
	/* Also after the clock was taken back. */
	if (q->forgot_at != INT64_MIN && now >= q->forgot_at &&
	    now - q->forgot_at < QUEUE_FORGET_EVERY)
		return;
	q->forgot_at = now;
	for (item = q->lists[QUEUE_ALL].first; item != NULL; item = next) {
		next = item->link[QUEUE_ALL].next;
		if (state_is_end(item->state) && queue_item_until(item) < now)
			queue_item_drop(q, item);
	}
	while (q->seen_first != NULL && q->seen_first->until < now)
		seen_drop(q, q->seen_first);
}

/* ---- finding ---- */

struct queue_item *
queue_get(const struct queue *q, const struct sha256 *digest)
{
	return digestmap_find(&q->by_digest, digest);
}

const struct queue_item *
queue_find(const struct queue *q, const struct sha256 *digest)
{
	return queue_get(q, digest);
}

const struct queue_item *
queue_find_id(const struct queue *q, struct bytes id)
{
	struct sha256 key;

	id_key(id, &key);
	return digestmap_find(&q->by_id, &key);
}

bool
queue_knows(const struct queue *q, const struct sha256 *digest)
{
	return queue_get(q, digest) != NULL;
}

bool
queue_has_seen(const struct queue *q, const struct sha256 *approval)
{
	return digestmap_find(&q->seen, approval) != NULL;
}

bool
queue_item_has_approval(const struct queue_item *item,
    const struct sha256 *approval)
{
	size_t i;

	for (i = 0; i < item->n_approvals; i++)
		if (sha256_equal(&item->approvals[i].digest, approval))
			return true;
	return false;
}

static bool
is_hex(struct bytes a)
{
	size_t i;

	for (i = 0; i < a.n; i++)
		if (a.p[i] == 0 || strchr("0123456789abcdef", a.p[i]) == NULL)
			return false;
	return true;
}

int
queue_resolve(const struct queue *q, struct bytes text,
    const struct queue_item **ret_i)
{
	static const char scheme[] = "sha256:";
	const struct queue_item *item, *found = NULL;
	char hex[2 * SHA256_SIZE + 1];
	bool by_id = uuid_check(text) == 0, fits;

	if (text.n >= sizeof(scheme) - 1 &&
	    memcmp(text.p, scheme, sizeof(scheme) - 1) == 0) {
		text.p += sizeof(scheme) - 1;
		text.n -= sizeof(scheme) - 1;
	}
	if (!by_id && (text.n < 8 || text.n >= sizeof(hex) || !is_hex(text)))
		return ERR_SYNTAX;
	for (item = queue_first(q); item != NULL; item = queue_next(q, item)) {
		hex_encode(bytes_of(item->digest.b, SHA256_SIZE), hex);
		fits = by_id ? bytes_is(text, item->id) :
		    memcmp(hex, text.p, text.n) == 0;
		if (fits && found != NULL)
			return ERR_CONFLICT;
		if (fits)
			found = item;
	}
	if (found == NULL)
		return ERR_NOT_FOUND;
	*ret_i = found;
	return 0;
}

/* ---- going through ---- */

const struct queue_item *
queue_first(const struct queue *q)
{
	return q->lists[QUEUE_ALL].first;
}

const struct queue_item *
queue_next(const struct queue *q, const struct queue_item *item)
{
	(void)q;
	return item->link[QUEUE_ALL].next;
}

const struct queue_item *
queue_first_open(const struct queue *q)
{
	return q->lists[QUEUE_OPEN].first;
}

const struct queue_item *
queue_next_open(const struct queue *q, const struct queue_item *item)
{
	(void)q;
	return item->link[QUEUE_OPEN].next;
}

const struct queue_item *
queue_first_approved(const struct queue *q)
{
	return q->lists[QUEUE_APPROVED].first;
}

const struct queue_item *
queue_next_approved(const struct queue *q, const struct queue_item *item)
{
	(void)q;
	return item->link[QUEUE_APPROVED].next;
}

/* ---- counting ---- */

size_t
queue_count(const struct queue *q, enum card_state state)
{
	return (size_t)state < STATES ? q->counts[state] : 0;
}

size_t
queue_open_count(const struct queue *q)
{
	return q->heap_n;
}

size_t
queue_open_of(const struct queue *q, struct bytes proposer)
{
	const struct queue_text *t;
	struct sha256 key;

	digest_sha256(proposer, &key);
	t = digestmap_find(&q->texts, &key);
	return t != NULL ? t->open : 0;
}

size_t
queue_runs_since(const struct queue *q, struct bytes tool, int64_t since)
{
	const struct queue_item *item = q->lists[QUEUE_RUNS].last;
	size_t n = 0;

	for (; item != NULL && item->intent_time >= since;
	    item = item->link[QUEUE_RUNS].prev)
		if (bytes_is(tool, item->tool))
			n++;
	return n;
}

int64_t
queue_next_expiry(const struct queue *q)
{
	return q->heap_n > 0 ? q->heap[0]->expires : INT64_MAX;
}

int64_t
queue_next_lapse(const struct queue *q)
{
	const struct queue_item *item;
	int64_t first = INT64_MAX;
	size_t i;

	for (item = queue_first_open(q); item != NULL;
	    item = queue_next_open(q, item))
		for (i = 0; waits(item->state) && i < item->n_approvals; i++)
			if (item->approvals[i].expires < first)
				first = item->approvals[i].expires;
	return first;
}
