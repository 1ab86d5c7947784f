/*
 * tlogproof.c - one record's place in a log, to be verified without the log.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/tlogproof.h"

#include "common/base64.h"

#include <inttypes.h>
#include <string.h>

#define FIRST "c2sp.org/tlog-proof@v1"
#define EXTRA "extra "
#define INDEX "index "

int
tlogproof_put(struct buf *b, uint64_t index, const struct sha256 *proof,
    size_t n_proof, struct bytes signed_note)
{
	size_t i;

	if (n_proof > MERKLE_PROOF_MAX)
		return ERR_TOO_LARGE;
	buf_printf(b, FIRST "\n" INDEX "%" PRIu64 "\n", index);
	for (i = 0; i < n_proof; i++) {
		base64_encode(b, bytes_of(proof[i].b, sizeof(proof[i].b)));
		buf_put_u8(b, '\n');
	}
	buf_put_u8(b, '\n');
	buf_put_bytes(b, signed_note);
	return buf_error(b);
}

/* What follows the word in the line, if it begins with it. */
static bool
after(struct bytes line, const char *word, struct bytes *ret_rest)
{
	size_t n = strlen(word);

	if (line.n < n || memcmp(line.p, word, n) != 0)
		return false;
	*ret_rest = bytes_of(line.p + n, line.n - n);
	return true;
}

static int
check_extra(struct bytes text)
{
	struct buf b;
	int err;

	buf_init(&b, TLOGPROOF_EXTRA_MAX);
	err = base64_decode(text, &b);
	buf_free(&b);
	return err == ERR_CHARACTER ? ERR_SYNTAX : err;
}

/* The lines up to the empty one. */
static int
parse_head(struct bytes *rest, struct tlogproof *p)
{
	struct bytes line, value;
	int err;

	if (!checkpoint_next_line(rest, &line) || !bytes_is(line, FIRST) ||
	    !checkpoint_next_line(rest, &line))
		return ERR_SYNTAX;
	if (after(line, EXTRA, &p->extra)) {
		if ((err = check_extra(p->extra)) != 0)
			return err;
		if (!checkpoint_next_line(rest, &line))
			return ERR_SYNTAX;
	}
	if (!after(line, INDEX, &value))
		return ERR_SYNTAX;
	if ((err = checkpoint_parse_size(value, &p->index)) != 0)
		return err;
	for (;;) {
		if (!checkpoint_next_line(rest, &line))
			return ERR_SYNTAX;
		if (line.n == 0)
			return 0;
		if (p->n_proof == MERKLE_PROOF_MAX)
			return ERR_TOO_LARGE;
		err = checkpoint_parse_hash(line, &p->proof[p->n_proof++]);
		if (err != 0)
			return err;
	}
}

int
tlogproof_parse(struct bytes file, struct tlogproof *ret_p)
{
	struct tlogproof p = { .n_proof = 0 };
	struct bytes rest = file;
	int err;

	if (file.n > TLOGPROOF_MAX)
		return ERR_TOO_LARGE;
	if ((err = parse_head(&rest, &p)) != 0)
		return err;
	p.signed_note = rest;
	if ((err = note_parse(rest, &p.note)) != 0 ||
	    (err = checkpoint_parse(p.note.text, &p.checkpoint)) != 0)
		return err;
	*ret_p = p;
	return 0;
}

int
tlogproof_verify(const struct tlogproof *p, struct bytes record,
    const struct note_key *key)
{
	struct sha256 leaf;
	int err;

	if (!bytes_is(p->checkpoint.origin, key->name))
		return ERR_KEY;
	if ((err = note_verify(&p->note, key)) != 0)
		return err;
	merkle_leaf(record, &leaf);
	return merkle_verify_inclusion(&leaf, p->index, p->checkpoint.size,
	    p->proof, p->n_proof, &p->checkpoint.root);
}
