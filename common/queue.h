/*
 * queue.h - the cards of a device: what the journal's records make of them.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * The queue has no store of its own. It changes in one way only, by folding a
 * record; gate, console and auditor fold the same records with this code and
 * so see the same cards. A record that makes no sense in the state that its
 * card is in is refused: the device wrote nonsense, or somebody else did.
 *
 * A card that has ended is remembered until CAP_DIGEST_MEMORY after its
 * `expires`, and for an hour after it was run (rates), so that it cannot come
 * again: queue_forget() drops what is older. An item stays where it is in
 * memory until then, and at least until the record after its last one.
 */
#ifndef COUNTERSIGN_COMMON_QUEUE_H
#define COUNTERSIGN_COMMON_QUEUE_H

#include "common/digestmap.h"
#include "common/keyid.h"
#include "common/record.h"
#include "common/state.h"
#include "common/uuid.h"

/* Accepted approvals of one card, of different people. */
#define QUEUE_APPROVALS RECORD_APPROVALS
#define QUEUE_REASON_SIZE 64

struct queue;

/* What items are chained in, each in the order of the records: all; pending,
 * approved or running; approved; those that have an intent. */
enum queue_list {
	QUEUE_ALL,
	QUEUE_OPEN,
	QUEUE_APPROVED,
	QUEUE_RUNS,
	QUEUE_LISTS
};

struct queue_approval {
	struct sha256 digest;
	struct sha256 policy;
	const char *approver;	/* person id */
	int role;		/* enum approval_role */
	char key[KEYID_SIZE];
	int64_t issued, expires;
	uint64_t index;		/* of the record */
};

/* How a run went: what exec_result says. */
struct queue_result {
	int64_t exit_code;	/* -1: none */
	int64_t signal;		/* 0: none */
	int64_t wall_ms;
	int64_t stdout_bytes, stderr_bytes;
	bool truncated;
	int64_t transcript_bytes;
	struct sha256 transcript_hash;	/* zeros: none */
};

/*
 * A card. Read it, change nothing. Strings are the queue's and never NULL:
 * what the record did not have is "".
 */
struct queue_item {
	struct sha256 digest;
	char id[UUID_TEXT_SIZE];
	enum card_state state;
	uint64_t index;		/* of card_received, or card_refused */
	uint64_t last_index;	/* of the last record about it */

	/* From card_received; of a refused card what the refusal tells. */
	int64_t received;	/* time of the record */
	uint64_t received_boot_ms;
	int64_t created, expires;
	const char *proposer;	/* person id */
	char key[KEYID_SIZE];	/* whose key signed it */
	const char *requester;
	const char *tool;
	const char *profile;	/* "observe", …; of the run, once it has one */
	const char *decision;	/* "auto", "approval_needed" */
	bool require_manager;
	struct sha256 policy;	/* installed when it came */
	uint8_t device_nonce[CAP_DEVICE_NONCE];
	const char *boot_id;	/* of the start that made the nonce */

	struct queue_approval *approvals;
	size_t n_approvals;
	uint64_t enough_index;	/* the record that made it approved */

	/* From exec_intent on. */
	uint64_t intent_index;
	int64_t intent_time;
	struct sha256 plan;
	bool started;		/* exec_started came */
	bool stopping;		/* vetoed or cancelled while it runs */
	struct queue_result result;

	/* Why it ended or is stopping, and when it ended (0: not yet). */
	char reason[QUEUE_REASON_SIZE];
	const char *by;
	int64_t ended;

	/* The queue's own. */
	struct digestmap_node by_digest, by_id;
	struct {
		struct queue_item *next, *prev;
	} link[QUEUE_LISTS];
	size_t heap_at;
};

/* An empty queue. ERR_NOMEM. */
MUST_CHECK int queue_new(struct queue **ret_q);
/* NULL is fine. */
void queue_free(struct queue *q);

/*
 * Folds the record of that index. Kinds that are not about a card do nothing.
 * ERR_CORRUPT if it makes no sense, with words in queue_error(), or ERR_NOMEM:
 * either way the queue is to be thrown away.
 */
MUST_CHECK int queue_fold(struct queue *q, uint64_t index,
    const struct record *rec);
/* What was wrong with the record; "" if nothing was. */
const char *queue_error(const struct queue *q);

/*
 * Drops ended cards and seen approvals whose time was over then, and until the
 * next call each card that ends with its time over. now must be a time behind
 * which the device's `now` never falls, that is one from a record: a card that
 * was forgotten is kept out by its `expires` alone. After the clock was taken
 * back, fold the whole journal again into a new queue.
 */
void queue_forget(struct queue *q, int64_t now);

/* ---- finding ---- */

/* The card, or NULL; also ended and refused ones that are remembered. */
const struct queue_item *queue_find(const struct queue *q,
    const struct sha256 *digest);
/* The first card with that id, or NULL. */
const struct queue_item *queue_find_id(const struct queue *q,
    struct bytes id);
/* Whether the digest is claimed: no record, no effect if it comes again. */
bool queue_knows(const struct queue *q, const struct sha256 *digest);
/*
 * What a person types: "sha256:<hex>", a prefix of at least 8 hex digits with
 * or without "sha256:", or a UUID. ERR_NOT_FOUND; ERR_CONFLICT it fits
 * several; ERR_SYNTAX it is none of these.
 */
MUST_CHECK int queue_resolve(const struct queue *q, struct bytes text,
    const struct queue_item **ret_i);
/* Whether an approval or cancel was recorded as refused (card_closed, …). */
bool queue_has_seen(const struct queue *q, const struct sha256 *approval);
/* Whether the item has that accepted approval. */
bool queue_item_has_approval(const struct queue_item *item,
    const struct sha256 *approval);

struct people;

/*
 * Whether whoever proposed the card may still propose: the key that signed it
 * is that person's in the people file, valid now, and the role is there.
 */
bool queue_item_proposer_stands(const struct queue_item *item,
    const struct people *p, int64_t now);

/* ---- going through ---- */

/*
 * Every item that is remembered, in the order of their first records; then
 * those that are pending, approved or running; then those that are approved,
 * in the order in which they became so. NULL after the last. An item may be
 * folded to its end while it is the current one if the next was asked for
 * first.
 */
const struct queue_item *queue_first(const struct queue *q);
const struct queue_item *queue_next(const struct queue *q,
    const struct queue_item *item);
const struct queue_item *queue_first_open(const struct queue *q);
const struct queue_item *queue_next_open(const struct queue *q,
    const struct queue_item *item);
const struct queue_item *queue_first_approved(const struct queue *q);
const struct queue_item *queue_next_approved(const struct queue *q,
    const struct queue_item *item);

/* ---- counting ---- */

/* Remembered cards in that state. */
size_t queue_count(const struct queue *q, enum card_state state);
/* Pending and approved ones: those that wait. */
size_t queue_open_count(const struct queue *q);
/* Of these, the proposer's. */
size_t queue_open_of(const struct queue *q, struct bytes proposer);
/* Intents of that tool recorded at `since` (seconds) or later; an hour back
 * is remembered. */
size_t queue_runs_since(const struct queue *q, struct bytes tool,
    int64_t since);
/* The earliest `expires` of pending and approved cards; INT64_MAX: none. */
int64_t queue_next_expiry(const struct queue *q);
/* The earliest `expires` of their accepted approvals; INT64_MAX: none. */
int64_t queue_next_lapse(const struct queue *q);

#endif
