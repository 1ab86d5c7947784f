/*
 * witness.h - a log asks for a cosignature: the request and what it is worth.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (asks), console (answers, and asks others), cli.
 *
 * C2SP tlog-witness, call add-checkpoint. The body and the answers are the same
 * over HTTP and over the link. A witness does, in this order: read, find the
 * log by its origin, witness_check(), keep the new size and root on disk, and
 * only then cosign (cosignature.h) and answer.
 */
#ifndef COUNTERSIGN_COMMON_WITNESS_H
#define COUNTERSIGN_COMMON_WITNESS_H

#include "common/checkpoint.h"
#include "common/merkle.h"

/* Most lines of proof that a request may have. */
#define WITNESS_PROOF_MAX 63
/* Largest body: old size, proof, and a note. */
#define WITNESS_REQUEST_MAX (32u + WITNESS_PROOF_MAX * 45u + 1u + NOTE_MAX)

/* Answers: HTTP status codes. */
enum witness_status {
	WITNESS_OK = 200,		/* body: cosignature lines */
	WITNESS_MALFORMED = 400,	/* or old size above the new */
	WITNESS_FORBIDDEN = 403,	/* no good signature of the log's */
	WITNESS_UNKNOWN = 404,		/* nobody knows the origin */
	WITNESS_CONFLICT = 409,		/* old size is not what was cosigned
					 * last; body: that size, newline */
	WITNESS_INCONSISTENT = 422	/* the proof does not hold */
};
/* The media type of a WITNESS_CONFLICT's body. */
#define WITNESS_SIZE_TYPE "text/x.tlog.size"

struct witness_request {
	uint64_t old;
	struct sha256 proof[WITNESS_PROOF_MAX];
	size_t n_proof;
	struct bytes signed_note;	/* all of it */
	struct note note;
	struct checkpoint checkpoint;
};

/* Appends the body. Failures are the buffer's; ERR_TOO_LARGE a longer proof. */
MUST_CHECK int witness_put_request(struct buf *b, uint64_t old,
    const struct sha256 *proof, size_t n_proof, struct bytes signed_note);
/*
 * Reads a body; ret_r points into it. An error means WITNESS_MALFORMED: the
 * note's and the checkpoint's errors, ERR_SYNTAX, ERR_TOO_LARGE.
 */
MUST_CHECK int witness_parse_request(struct bytes body,
    struct witness_request *ret_r);

/* What a witness knows of a log. */
struct witness_log {
	const struct note_key *keys;	/* any of them is enough */
	size_t n_keys;
	uint64_t size;		/* cosigned last; 0 nothing yet */
	struct sha256 root;	/* of that size */
};

/*
 * What the request deserves, given what is known of the log that its origin
 * names (NULL: nothing). WITNESS_OK: keep its size and root, then cosign.
 */
enum witness_status witness_check(const struct witness_request *r,
    const struct witness_log *log);

#endif
