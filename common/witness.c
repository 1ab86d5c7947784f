/*
 * witness.c - a log asks for a cosignature: the request and what it is worth.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (asks), console (answers, and asks others), cli.
 */
#include "common/witness.h"

#include "common/base64.h"

#include <inttypes.h>
#include <string.h>

#define OLD "old "

int
witness_put_request(struct buf *b, uint64_t old, const struct sha256 *proof,
    size_t n_proof, struct bytes signed_note)
{
	size_t i;

	if (n_proof > WITNESS_PROOF_MAX)
		return ERR_TOO_LARGE;
	buf_printf(b, OLD "%" PRIu64 "\n", old);
	for (i = 0; i < n_proof; i++) {
		base64_encode(b, bytes_of(proof[i].b, sizeof(proof[i].b)));
		buf_put_u8(b, '\n');
	}
	buf_put_u8(b, '\n');
	buf_put_bytes(b, signed_note);
	return buf_error(b);
}

static int
parse_old(struct bytes line, uint64_t *ret_old)
{
	const size_t n = sizeof(OLD) - 1;

	if (line.n < n || memcmp(line.p, OLD, n) != 0)
		return ERR_SYNTAX;
	return checkpoint_parse_size(bytes_of(line.p + n, line.n - n),
	    ret_old);
}

int
witness_parse_request(struct bytes body, struct witness_request *ret_r)
{
	struct bytes rest = body, line;
	struct witness_request r;
	int err;

	if (body.n > WITNESS_REQUEST_MAX)
		return ERR_TOO_LARGE;
	r.n_proof = 0;
	if (!checkpoint_next_line(&rest, &line))
		return ERR_SYNTAX;
	if ((err = parse_old(line, &r.old)) != 0)
		return err;
	for (;;) {
		if (!checkpoint_next_line(&rest, &line))
			return ERR_SYNTAX;
		if (line.n == 0)
			break;
		if (r.n_proof == WITNESS_PROOF_MAX)
			return ERR_TOO_LARGE;
		err = checkpoint_parse_hash(line, &r.proof[r.n_proof++]);
		if (err != 0)
			return err;
	}
	r.signed_note = rest;
	if ((err = note_parse(rest, &r.note)) != 0 ||
	    (err = checkpoint_parse(r.note.text, &r.checkpoint)) != 0)
		return err;
	*ret_r = r;
	return 0;
}

/* At least one of the log's keys has signed, and none of them badly. */
static bool
is_signed(const struct witness_request *r, const struct witness_log *log)
{
	bool found = false;
	size_t i;
	int err;

	for (i = 0; i < log->n_keys; i++) {
		err = note_verify(&r->note, &log->keys[i]);
		if (err != 0 && err != ERR_NOT_FOUND)
			return false;
		found |= err == 0;
	}
	return found;
}

enum witness_status
witness_check(const struct witness_request *r, const struct witness_log *log)
{
	const struct checkpoint *c = &r->checkpoint;
	struct sha256 empty, old_root;

	if (log == NULL)
		return WITNESS_UNKNOWN;
	if (!is_signed(r, log))
		return WITNESS_FORBIDDEN;
	if (r->old > c->size)
		return WITNESS_MALFORMED;
	if (r->old != log->size)
		return WITNESS_CONFLICT;
	digest_sha256(bytes_of(NULL, 0), &empty);
	if (c->size == 0 && !sha256_equal(&c->root, &empty))
		return WITNESS_INCONSISTENT;
	old_root = log->size == 0 ? empty : log->root;
	return merkle_verify_consistency(r->old, &old_root, c->size, &c->root,
	    r->proof, r->n_proof) == 0 ? WITNESS_OK : WITNESS_INCONSISTENT;
}
