/*
 * cosigned.h - what the store keeps of checkpoints: those that we cosigned as
 * a witness, and what other witnesses said to those of our devices.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Rules and errors are store.h's.
 */
#ifndef COUNTERSIGN_CONSOLE_STORE_COSIGNED_H
#define COUNTERSIGN_CONSOLE_STORE_COSIGNED_H

#include "console/store/store.h"

/* An origin line: C2SP has no limit; "<org>/<device id>" has 93 bytes. */
#define STORE_ORIGIN_SIZE 256

/* ---- our own word, as a witness ---- */

struct store_log {
	uint64_t size;
	struct sha256 root;
	int64_t time;			/* of the cosignature */
};

/* The newest checkpoint of an origin that we cosigned. */
MUST_CHECK int store_log_find(struct store *s, const char *origin,
    struct store_log *ret_l);
/* The note as it came, with our line behind it. */
MUST_CHECK int store_log_note(struct store *s, const char *origin,
    struct buf *ret_note);
/* By the SHA-256 of the origin, as it is asked for over HTTP. */
MUST_CHECK int store_log_note_by_hash(struct store *s,
    const struct sha256 *origin_hash, struct buf *ret_note);
MUST_CHECK int store_log_set(struct store *s, const char *origin,
    const struct store_log *l, struct bytes note);

/* ---- what foreign witnesses answered ---- */

/* One witness about one device. */
struct store_cosig {
	int64_t device;
	char witness[STORE_ORIGIN_SIZE];	/* its key name */
	uint64_t size;			/* the last one it cosigned; 0: none */
	int64_t time;			/* of that cosignature */
	int64_t retry;			/* not asked again before this time */
	int64_t failures;		/* in a row */
};
typedef int store_cosig_fn(void *ctx, const struct store_cosig *c,
    struct bytes note);

/* All zero (but its names), and 0, if nothing is known. */
MUST_CHECK int store_cosig_find(struct store *s, int64_t device,
    const char *witness, struct store_cosig *ret_c);
/* note: the checkpoint with this witness's line; empty leaves the old one. */
MUST_CHECK int store_cosig_set(struct store *s, const struct store_cosig *c,
    struct bytes note);
/* Those of a device that have a note. */
MUST_CHECK int store_cosig_each(struct store *s, int64_t device,
    store_cosig_fn *fn, void *ctx);
/* All witnesses may be asked about that device again. */
MUST_CHECK int store_cosig_due_now(struct store *s, int64_t device);
/*
 * The next device after that number (in a ring: 0 begins) whose newest
 * checkpoint was compared with our tree, and which that witness has not
 * cosigned and may be asked for now. ERR_NOT_FOUND.
 */
MUST_CHECK int store_cosig_due(struct store *s, const char *witness,
    int64_t after, int64_t now, int64_t *ret_device);

#endif
