/*
 * checkpoints_inside.h - the inside of checkpoints: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_CHECKPOINTS_INSIDE_H
#define COUNTERSIGN_AGENT_GATE_CHECKPOINTS_INSIDE_H

#include "agent/gate/checkpoints.h"
#include "agent/gate/gate.h"
#include "common/checkpoint.h"

/* Witnesses of a root, and others whose lines are kept too. */
#define WITNESSES_MAX 16
#define COSIG_FILES_MAX 32

/* A witness that the root names, and the newest that it cosigned. */
struct witnessed {
	struct note_key key;
	uint64_t size;		/* 0: nothing yet */
	int64_t time;		/* in its cosignature */
};

struct checkpoints {
	struct gate *g;
	uv_timer_t timer;
	bool running;		/* the timer is the loop's */

	struct buf note;	/* the file */
	uint64_t size;		/* of it; 0: there is none */
	struct sha256 root;
	int64_t made;		/* when; seconds */

	int cosig_dir;		/* -1: not yet */
	size_t n_files;		/* in it */
	struct witnessed witnesses[WITNESSES_MAX];
	size_t n_witnesses;
	struct sha256 root_file;	/* whose witnesses these are */

	/* Of this link. */
	bool welcomed;
	uint64_t theirs;	/* the size that the console has */
	struct buf sent;	/* the note that waits for an answer */
	uint64_t sent_size;
	unsigned conflicts;	/* answers 409 to this note */
	bool waiting;
	uint64_t answered;	/* the size that was answered last */
	bool telling;		/* the console is told that it has a past of
				 * ours that we have not */
};

/* ---- checkpoints.c ---- */

/* Appends the note over the first `size` records, signed twice. */
MUST_CHECK int checkpoints_put_note(struct checkpoints *c, struct buf *b,
    uint64_t size, const struct sha256 *root);
/* A note of this device's own key. ERR_CORRUPT, checkpoint_open()'s errors. */
MUST_CHECK int checkpoints_open_note(struct checkpoints *c,
    struct bytes bytes, struct note *ret_n, struct checkpoint *ret_cp);

/*
 * Whether the epoch whose key the journal names has signed a note over so many
 * records. One that these do not cover yet cannot have. ERR_CORRUPT, ERR_NOMEM.
 */
MUST_CHECK int checkpoints_check_epoch(struct checkpoints *c,
    struct bytes note, uint64_t size);

/* ---- checkpoints_send.c ---- */

/* Asks the console for the newest, if it is there and nothing is under way. */
void checkpoints_send(struct checkpoints *c);

/* ---- witnesses.c ---- */

/* Follows the root's list of witnesses. */
void witnesses_follow(struct checkpoints *c);
/* Keeps the lines that came for a note. Reasons are logged. ERR_NOMEM. */
MUST_CHECK int witnesses_keep(struct checkpoints *c, struct bytes note,
    uint64_t size, struct bytes lines);

#endif
