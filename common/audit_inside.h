/*
 * audit_inside.h - the inside of the auditor: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#ifndef COUNTERSIGN_COMMON_AUDIT_INSIDE_H
#define COUNTERSIGN_COMMON_AUDIT_INSIDE_H

#include "common/audit.h"
#include "common/checkpoint.h"
#include "common/deviceid.h"
#include "common/queue.h"
#include "common/retention.h"
#include "common/rules.h"
#include "common/standing.h"
#include "common/trust.h"

/* A card that has run. */
struct audit_ran {
	struct digestmap_node node;
	struct audit_ran *next;
	bool well;		/* it finished with exit code 0 */
};

/* A note that waits for its size, or was found right. */
struct audit_kept {
	enum audit_note what;
	uint8_t *memory;
	struct note note;
	struct checkpoint checkpoint;
	bool has_id;
	uint8_t id[4];			/* of the key that it is kept for */
	bool unreadable, checked;
};

struct audit {
	struct audit_source source;
	struct queue *queue;
	struct trust *trust;		/* NULL before genesis */
	char org[TEXT_ORG_MAX + 1];
	char device[DEVICEID_SIZE];
	bool locked;
	bool locked_for_good;		/* for tampering: nothing lifts it */
	struct digestmap ran;
	struct audit_ran *ran_first;
	struct digestmap nonces;	/* that cards had and lost */
	struct audit_nonce *old_nonces;
	struct sha256 *stale;		/* cards that need a new one */
	size_t n_stale;
	uint64_t first;			/* index that it began with */
	uint64_t next;			/* index that is expected */
	struct retention retention;	/* what was pruned, if anything */
	int64_t floor;			/* no record is from before */
	int64_t latest;			/* of all times */
	int64_t taken_back_from;	/* by a `clock` record */
	struct standing standing;

	struct merkle_frontier frontier;
	struct merkle_source tiles;
	uint64_t tiles_size;
	bool has_other;			/* a leaf that is not sealed differs */
	uint64_t other;			/* from what the tiles have: which */
	struct audit_kept notes[AUDIT_NOTES_MAX];
	size_t n_notes;
	uint64_t next_note;		/* size that the next one waits for */
	uint64_t agreed;
	bool has_checkpoint;
	struct audit_witness witnesses[AUDIT_WITNESSES_MAX];
	size_t n_witnesses;

	struct record_doc *doc;
	const struct record *rec;	/* the one that is looked at */
	int err;			/* once something failed */
	struct audit_finding finding;
	struct audit_counts counts;
};

/* A card and what the rules of that moment say of it. */
struct audit_case {
	struct card *card;
	struct verdict verdict;
	struct rules rules;
	const struct queue_item *item;	/* NULL while it is taken in */
};

/* ---- audit.c ---- */

/* Notes what is wrong with the present record. Returns ERR_CORRUPT. */
int audit_wrong(struct audit *a, enum audit_wrong wrong, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* ---- audit_trust.c ---- */

MUST_CHECK int audit_genesis(struct audit *a);
MUST_CHECK int audit_trust_file(struct audit *a);
MUST_CHECK int audit_lock(struct audit *a);
/*
 * Appends the blob, of which the digest must be that of the type. AUDIT_BLOB,
 * or the source's error.
 */
MUST_CHECK int audit_blob(struct audit *a, const struct sha256 *name,
    enum payload_type type, struct buf *b);
/* The word for what kept everything from running then, or NULL. */
const char *audit_blocked(const struct audit *a);

/* ---- audit_card.c ---- */

/*
 * Everything on a card that was taken in, at the time of this record. What is
 * wrong is a finding. The caller ends it with audit_case_close() also then.
 */
MUST_CHECK int audit_case_open(struct audit *a,
    const struct queue_item *item, struct audit_case *ret_c);
void audit_case_close(struct audit_case *c);

MUST_CHECK int audit_received(struct audit *a);
MUST_CHECK int audit_consent(struct audit *a, const struct queue_item *item);

/* ---- audit_run.c ---- */

/*
 * Whether the item's approvals that count now are enough, without the one of
 * that digest or of that person (NULL: none), and with one more (NULL: none).
 */
bool audit_is_enough(const struct audit *a, const struct audit_case *c,
    const struct sha256 *without, const struct approval *more);
MUST_CHECK int audit_lapsed(struct audit *a, const struct queue_item *item);
MUST_CHECK int audit_intent(struct audit *a, const struct queue_item *item);
/* Notes how a run ended; its record was folded. */
void audit_result(struct audit *a);
/* Notes a run from before the first record here. ERR_NOMEM. */
MUST_CHECK int audit_remember(struct audit *a, const struct queue_item *item);

/* ---- audit_steps.c ---- */

MUST_CHECK int audit_renewed(struct audit *a, const struct queue_item *item);
/* A `recovered`: what waits needs a new nonce before anything else. */
MUST_CHECK int audit_recovered(struct audit *a);
/* Whether the present record's card has one. */
MUST_CHECK int audit_fresh(struct audit *a);
MUST_CHECK int audit_expired(struct audit *a, const struct queue_item *item);
MUST_CHECK int audit_planned(struct audit *a, const struct queue_item *item);
/* A cancel without a proof. */
MUST_CHECK int audit_withdrawn(struct audit *a,
    const struct queue_item *item);
void audit_steps_free(struct audit *a);

/* ---- audit_state.c ---- */

/* The first record, if it is not the genesis. */
MUST_CHECK int audit_begin_pruned(struct audit *a);
/* A `state`, before it is folded. */
MUST_CHECK int audit_state(struct audit *a);
/* Folds the record; trust_floor: of the files before it. */
MUST_CHECK int audit_stand(struct audit *a, int64_t trust_floor);

/* ---- audit_tree.c ---- */

/* Before the first record, but with a standing. */
MUST_CHECK int audit_begin_tree(struct audit *a);
/* The present record's place in the tree. */
MUST_CHECK int audit_leaf(struct audit *a, struct bytes payload);
/* The notes that end with it; it was folded. */
MUST_CHECK int audit_settle(struct audit *a);
void audit_free_notes(struct audit *a);

#endif
