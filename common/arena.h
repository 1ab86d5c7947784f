/*
 * arena.h - memory that is freed all at once, for what a parser reads.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_ARENA_H
#define COUNTERSIGN_COMMON_ARENA_H

#include "common/bytes.h"

struct arena_piece;

/* All zeros is an empty arena. Once an allocation failed it stays failed. */
struct arena {
	struct arena_piece *first;
	int err;
};

/*
 * n zeroed elements of size bytes, aligned for any type, or NULL for n = 0
 * and after a failure (arena_error()).
 */
void *arena_take(struct arena *a, size_t n, size_t size);
/* A copy of the bytes; empty after a failure. */
struct bytes arena_copy(struct arena *a, struct bytes b);
/* 0 or ERR_NOMEM. */
MUST_CHECK int arena_error(const struct arena *a);
/* Frees everything and leaves an empty arena. Idempotent. */
void arena_free(struct arena *a);

#endif
