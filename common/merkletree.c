/*
 * merkletree.c - the hashes of a log's tree, held in memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/merkletree.h"

#include <stdlib.h>
#include <string.h>

void
merkletree_fini(struct merkletree *t)
{
	unsigned i;

	for (i = 0; i < 64; i++)
		free(t->row[i].hash);
	memset(t, 0, sizeof(*t));
}

/* Room for one more hash. */
static int
grow(struct merkletree_row *row)
{
	size_t room = row->room > 0 ? 2 * row->room : 16;
	struct sha256 *p;

	if (row->n < row->room)
		return 0;
	p = realloc(row->hash, room * sizeof(*p));
	if (p == NULL)
		return ERR_NOMEM;
	row->hash = p;
	row->room = room;
	return 0;
}

int
merkletree_add(struct merkletree *t, const struct sha256 *leaf)
{
	struct sha256 hash = *leaf;
	unsigned level, top = 0;
	int err;

	/* The new leaf completes a subtree for each one bit at the end. */
	while ((t->size >> top & 1) != 0)
		top++;
	for (level = 0; level <= top; level++)
		if ((err = grow(&t->row[level])) != 0)
			return err;
	for (level = 0; level <= top; level++) {
		struct merkletree_row *row = &t->row[level];

		row->hash[row->n++] = hash;
		if (level < top)
			merkle_node(&row->hash[row->n - 2],
			    &row->hash[row->n - 1], &hash);
	}
	t->size++;
	return 0;
}

static int
get(void *arg, unsigned level, uint64_t n, struct sha256 *ret_hash)
{
	const struct merkletree *t = arg;

	if (level >= 64 || n >= t->row[level].n)
		return ERR_RANGE;
	*ret_hash = t->row[level].hash[n];
	return 0;
}

struct merkle_source
merkletree_source(struct merkletree *t)
{
	struct merkle_source s = { get, t };

	return s;
}
