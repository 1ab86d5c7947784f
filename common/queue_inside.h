/*
 * queue_inside.h - the inside of the queue: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_QUEUE_INSIDE_H
#define COUNTERSIGN_COMMON_QUEUE_INSIDE_H

#include "common/queue.h"

/* Look for what can be forgotten at most this often, seconds. */
#define QUEUE_FORGET_EVERY 60
/* Runs are remembered for so long, for rates. */
#define QUEUE_RUN_MEMORY 3600

/* A string that items share. */
struct queue_text {
	struct digestmap_node node;	/* key: its SHA-256 */
	size_t uses;
	size_t open;		/* as a proposer: pending and approved cards */
	char s[];
};

/* A refused approval or cancel. */
struct queue_seen {
	struct digestmap_node node;
	struct queue_seen *next, *prev;
	int64_t until;
};

struct queue {
	struct digestmap by_digest, by_id, texts, seen;
	struct {
		struct queue_item *first, *last;
	} lists[QUEUE_LISTS];
	size_t counts[STATES];
	struct queue_item **heap;	/* pending and approved, by expires */
	size_t heap_n, heap_size;
	struct queue_seen *seen_first, *seen_last;
	int64_t horizon;	/* what is over before is not kept */
	struct queue_item *over;	/* goes with the next record; or NULL */
	int64_t forgot_at;	/* when queue_forget() last looked */
	char error[200];
};

/* ---- queue.c ---- */

/*
 * A shared copy of a string; `none` for NULL and empty ones, which need no
 * drop but may have it. ERR_NOMEM, ERR_CHARACTER (a NUL inside).
 */
MUST_CHECK int queue_text_take(struct queue *q, struct bytes v,
    const char **ret_s);
void queue_text_drop(struct queue *q, const char *s);

/* A new item in state STATE_NONE, found by digest and id (may be empty). */
MUST_CHECK int queue_item_new(struct queue *q, const struct sha256 *digest,
    struct bytes id, struct queue_item **ret_i);
/* Takes it out of everything and frees it. */
void queue_item_drop(struct queue *q, struct queue_item *item);
/* Moves it to that state: lists, counts, heap. ERR_NOMEM. */
MUST_CHECK int queue_item_move(struct queue *q, struct queue_item *item,
    enum card_state next);
/* Takes away the approval at that place, or all of them. */
void queue_item_remove_approval(struct queue *q, struct queue_item *item,
    size_t i);
void queue_item_clear_approvals(struct queue *q, struct queue_item *item);
/* Until when an ended item is remembered. */
int64_t queue_item_until(const struct queue_item *item);

struct queue_item *queue_get(const struct queue *q,
    const struct sha256 *digest);
void queue_list_add(struct queue *q, enum queue_list l,
    struct queue_item *item);

/*
 * Remembers a refused approval. One whose time was over then counts as
 * forgotten, whether or not it is yet: it is remembered anew. ERR_NOMEM.
 */
MUST_CHECK int queue_seen_add(struct queue *q, const struct sha256 *approval,
    int64_t until, int64_t then);

#endif
