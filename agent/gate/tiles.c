/*
 * tiles.c - the hashes of the journal's tree, on disk for ever.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/tiles.h"

#include "common/merkle.h"
#include "platform/file.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER "tiles"
/* Levels of tiles: eight of the tree's each, of at most 64. */
#define FILES 8

/* One level: a file, and the end of it in memory. */
struct level {
	int fd;			/* -1 until it is needed */
	bool unsynced;		/* written to since the last sync */
	uint64_t base;		/* in memory from this hash on, n * 256 */
	uint64_t written;	/* hashes that are in the file */
	struct sha256 *hashes;
	size_t n, room;
};

struct tiles {
	int dir;
	bool keep;		/* files may be changed */
	bool made;		/* a file was made: the folder is not synced */
	struct level levels[FILES];
};

static uint64_t
count_of(const struct level *l)
{
	return l->base + l->n;
}

uint64_t
tiles_size(const struct tiles *t)
{
	return count_of(&t->levels[0]);
}

/* ---- files ---- */

static void
name_of(size_t level, char ret_name[2])
{
	ret_name[0] = (char)('0' + level);
	ret_name[1] = '\0';
}

static int
open_file(struct tiles *t, size_t level, bool make)
{
	struct level *l = &t->levels[level];
	char name[2];
	int err;

	if (l->fd >= 0)
		return 0;
	name_of(level, name);
	err = file_open_write(t->dir, name, &l->fd);
	if (err == ERR_NOT_FOUND && make) {
		if ((err = file_create(t->dir, name, &l->fd)) == 0)
			t->made = true;
	}
	return err;
}

static int
read_hashes(const struct level *l, uint64_t from, struct sha256 *ret_h,
    size_t n)
{
	size_t got = 0;
	int err;

	if (l->fd < 0)
		return ERR_CORRUPT;
	err = file_read_at(l->fd, from * SHA256_SIZE, ret_h,
	    n * SHA256_SIZE, &got);
	if (err == 0 && got != n * SHA256_SIZE)
		err = ERR_CORRUPT;
	return err;
}

/* Writes what is not yet written; full tiles then leave the memory. */
static int
write_level(struct tiles *t, size_t level)
{
	struct level *l = &t->levels[level];
	size_t at = (size_t)(l->written - l->base), full;
	int err;

	if (at < l->n) {
		if ((err = open_file(t, level, true)) != 0)
			return err;
		l->unsynced = true;
		err = file_write_at(l->fd, l->written * SHA256_SIZE,
		    bytes_of(l->hashes + at, (l->n - at) * SHA256_SIZE));
		if (err != 0)
			return err;
		l->written = count_of(l);
	}
	if ((full = l->n - l->n % TILE_WIDTH) == 0)
		return 0;
	memmove(l->hashes, l->hashes + full,
	    (l->n - full) * sizeof(l->hashes[0]));
	l->base += full;
	l->n -= full;
	return 0;
}

/* ---- opening ---- */

int
tiles_open(int state_dir, struct tiles **ret_t)
{
	struct tiles *t = calloc(1, sizeof(*t));
	size_t i;
	int err;

	if (t == NULL)
		return ERR_NOMEM;
	t->dir = -1;
	for (i = 0; i < FILES; i++)
		t->levels[i].fd = -1;
	if ((err = file_make_dir_at(state_dir, FOLDER, &t->dir)) != 0) {
		tiles_close(t);
		return err;
	}
	*ret_t = t;
	return 0;
}

void
tiles_close(struct tiles *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < FILES; i++) {
		file_close(&t->levels[i].fd);
		free(t->levels[i].hashes);
	}
	file_close(&t->dir);
	free(t);
}

/* Room for one more hash. */
static int
grow(struct level *l)
{
	size_t room = l->room == 0 ? TILE_WIDTH : 2 * l->room;
	void *p;

	if (l->n < l->room)
		return 0;
	p = realloc(l->hashes, room * sizeof(l->hashes[0]));
	if (p == NULL)
		return ERR_NOMEM;
	l->hashes = p;
	l->room = room;
	return 0;
}

static int
load_level(struct tiles *t, size_t level, uint64_t count)
{
	struct level *l = &t->levels[level];
	uint64_t size;
	int err;

	l->base = count - count % TILE_WIDTH;
	l->written = count;
	l->n = 0;
	if (count == 0)
		return 0;
	if ((err = open_file(t, level, false)) != 0)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	if ((err = file_size(l->fd, &size)) != 0)
		return err;
	if (size / SHA256_SIZE < count)
		return ERR_CORRUPT;
	if ((err = grow(l)) != 0)
		return err;
	l->n = (size_t)(count % TILE_WIDTH);
	return l->n == 0 ? 0 : read_hashes(l, l->base, l->hashes, l->n);
}

int
tiles_load(struct tiles *t, uint64_t size)
{
	size_t level;
	int err = 0;

	t->keep = false;
	for (level = 0; level < FILES && err == 0; level++)
		err = load_level(t, level, size >> (TILE_LEVELS * level));
	return err;
}

/* ---- adding ---- */

void
tiles_fold(const struct sha256 *hashes, size_t n, struct sha256 *ret_h)
{
	struct sha256 h[TILE_WIDTH];
	size_t i;

	memcpy(h, hashes, n * sizeof(h[0]));
	for (; n > 1; n /= 2)
		for (i = 0; i < n / 2; i++)
			merkle_node(&h[2 * i], &h[2 * i + 1], &h[i]);
	*ret_h = h[0];
}

/* Full tiles go to their file, when it may be changed and the disk has room. */
static int
write_full(struct tiles *t, size_t level)
{
	int err;

	if (!t->keep || t->levels[level].n < TILE_WIDTH)
		return 0;
	err = write_level(t, level);
	return err == ERR_NO_SPACE ? 0 : err;
}

int
tiles_add(struct tiles *t, const struct sha256 *leaf)
{
	struct sha256 h = *leaf;
	struct level *l;
	size_t level;
	int err;

	for (level = 0; level < FILES; level++) {
		l = &t->levels[level];
		if ((err = grow(l)) != 0)
			return err;
		l->hashes[l->n++] = h;
		if (l->n % TILE_WIDTH != 0)
			return 0;
		tiles_fold(l->hashes + l->n - TILE_WIDTH, TILE_WIDTH, &h);
		if ((err = write_full(t, level)) != 0)
			return err;
	}
	return ERR_TOO_LARGE;
}

int
tiles_keep(struct tiles *t)
{
	size_t level;
	int err = 0;

	t->keep = true;
	for (level = 0; level < FILES && err == 0; level++)
		err = write_full(t, level);
	return err;
}

int
tiles_sync(struct tiles *t)
{
	struct level *l;
	size_t level;
	int err;

	for (level = 0; level < FILES; level++)
		if ((err = write_level(t, level)) != 0)
			return err;
	for (level = 0; level < FILES; level++) {
		l = &t->levels[level];
		if (!l->unsynced)
			continue;
		/* Full or not: what a failed sync dropped is not known. */
		if (file_sync(l->fd) != 0)
			return ERR_IO;
		l->unsynced = false;
	}
	if (t->made && file_sync_dir(t->dir) != 0)
		return ERR_IO;
	t->made = false;
	return 0;
}

void
tiles_show(struct tiles *t)
{
	if (t->keep)
		(void)!write_level(t, 0);
}

/* ---- reading ---- */

/* n hashes of one tile: in memory, or in the file. */
static int
take(const struct level *l, uint64_t from, struct sha256 *ret_h, size_t n)
{
	if (from >= count_of(l) || n > count_of(l) - from)
		return ERR_RANGE;
	if (from < l->base)
		return read_hashes(l, from, ret_h, n);
	memcpy(ret_h, l->hashes + (from - l->base), n * sizeof(*ret_h));
	return 0;
}

int
tiles_hash(void *tiles, unsigned level, uint64_t n, struct sha256 *ret_h)
{
	const struct tiles *t = tiles;
	struct sha256 hashes[TILE_WIDTH];
	unsigned shift = level % TILE_LEVELS;
	int err;

	if (level >= FILES * TILE_LEVELS || n > UINT64_MAX >> shift)
		return ERR_RANGE;
	err = take(&t->levels[level / TILE_LEVELS], n << shift, hashes,
	    (size_t)1 << shift);
	if (err == 0)
		tiles_fold(hashes, (size_t)1 << shift, ret_h);
	return err;
}

int
tiles_read(const struct tiles *t, unsigned tile_level, uint64_t n,
    struct sha256 ret_tile[TILE_WIDTH])
{
	if (tile_level >= FILES || n > UINT64_MAX / TILE_WIDTH)
		return ERR_RANGE;
	return take(&t->levels[tile_level], n * TILE_WIDTH, ret_tile,
	    TILE_WIDTH);
}
