/*
 * arena.c - memory that is freed all at once, for what a parser reads.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/arena.h"

#include <stdlib.h>
#include <string.h>

struct arena_piece {
	struct arena_piece *next;
	max_align_t content[];
};

void *
arena_take(struct arena *a, size_t n, size_t size)
{
	struct arena_piece *p;

	if (a->err != 0 || n == 0)
		return NULL;
	p = n > (SIZE_MAX - sizeof(*p)) / size ? NULL :
	    calloc(1, sizeof(*p) + n * size);
	if (p == NULL) {
		a->err = ERR_NOMEM;
		return NULL;
	}
	p->next = a->first;
	a->first = p;
	return p->content;
}

struct bytes
arena_copy(struct arena *a, struct bytes b)
{
	uint8_t *p = arena_take(a, b.n, 1);

	if (p == NULL)
		return bytes_of(NULL, 0);
	memcpy(p, b.p, b.n);
	return bytes_of(p, b.n);
}

int
arena_error(const struct arena *a)
{
	return a->err;
}

void
arena_free(struct arena *a)
{
	struct arena_piece *p;

	while ((p = a->first) != NULL) {
		a->first = p->next;
		free(p);
	}
	a->err = 0;
}
