/*
 * newest.c - a device's newest checkpoint with everybody's word for it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/witness/newest.h"

#include "common/note.h"

struct gathering {
	struct bytes text;	/* of the newest one */
	struct buf *b;
};

/* The lines of one witness, if they are for this very text. */
static int
gather(void *ctx, const struct store_cosig *c, struct bytes signed_note)
{
	struct gathering *g = ctx;
	struct note_signature s;
	struct note n;
	struct bytes rest;
	struct buf value;
	int more;

	if (note_parse(signed_note, &n) != 0 || !bytes_equal(n.text, g->text))
		return 0;
	rest = n.signatures;
	buf_init(&value, NOTE_MAX);
	while ((more = note_next(&rest, &value, &s)) == 1)
		if (bytes_is(s.name, c->witness) &&
		    g->b->n + s.line.n <= g->b->cap)
			buf_put_bytes(g->b, s.line);
	buf_free(&value);
	return more == ERR_NOMEM ? more : 0;
}

int
newest_note(struct store *s, int64_t device, uint64_t *ret_size,
    struct buf *b)
{
	struct gathering g = { { NULL, 0 }, b };
	struct sha256 root;
	struct buf own;
	struct note n;
	uint64_t size;
	int err;

	buf_init(&own, NOTE_MAX);
	err = store_checkpoint_get(s, device, &size, &root, &own);
	if (err == 0) {
		buf_put_bytes(b, buf_bytes(&own));
		err = buf_error(b);
	}
	if (err == 0 && note_parse(buf_bytes(&own), &n) == 0) {
		g.text = n.text;
		err = store_cosig_each(s, device, gather, &g);
	}
	buf_free(&own);
	if (err == 0 && (err = buf_error(b)) == 0)
		*ret_size = size;
	return err;
}
