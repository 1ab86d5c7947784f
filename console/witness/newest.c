/*
 * newest.c - a device's newest checkpoint with everybody's word for it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/witness/newest.h"

#include "common/note.h"

#include <string.h>

struct gathering {
	struct bytes text;	/* of the newest one */
	bool others;		/* what came with their lines */
	struct buf *b;
};

static bool
has_line(struct bytes note, struct bytes line)
{
	size_t i;

	for (i = 0; i + line.n <= note.n; i++)
		if (memcmp(note.p + i, line.p, line.n) == 0)
			return true;
	return false;
}

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
		if (bytes_is(s.name, c->witness) != g->others &&
		    g->b->n + s.line.n <= g->b->cap &&
		    !has_line(buf_bytes(g->b), s.line))
			buf_put_bytes(g->b, s.line);
	buf_free(&value);
	return more == ERR_NOMEM ? more : 0;
}

int
newest_note(struct store *s, int64_t device, uint64_t *ret_size,
    struct buf *b)
{
	struct gathering g = { { NULL, 0 }, false, b };
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
		g.others = true;
		if (err == 0)
			err = store_cosig_each(s, device, gather, &g);
	}
	buf_free(&own);
	if (err == 0 && (err = buf_error(b)) == 0)
		*ret_size = size;
	return err;
}
