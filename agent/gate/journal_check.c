/*
 * journal_check.c - what is sealed is compared with the tree, bit by bit.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A start has read the last segment and compared the tree's root with the
 * checkpoint. That root is made of the last hashes of each level, so the rest
 * follows downward: first each full tile is compared with the hash of it in the
 * level above, then each record of the sealed segments with its leaf. What is
 * sealed later is looked at as well, before it may be compressed.
 */
#include "agent/gate/journal_inside.h"

#include "common/merkle.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

/* Of 8 KiB each, looked at in one step. */
#define TILES_A_STEP (JOURNAL_STEP / (TILE_WIDTH * SHA256_SIZE))

int
journal_note_fault(struct journal *j, uint64_t index, const char *why)
{
	if (!j->tampered) {
		j->tampered = true;
		j->fault_index = index;
		(void)snprintf(j->fault, sizeof(j->fault), "%s", why);
	}
	return ERR_CORRUPT;
}

const char *
journal_fault(const struct journal *j, uint64_t *ret_index)
{
	*ret_index = j->fault_index;
	return j->fault;
}

/* ---- a segment ---- */

int
journal_compare_begin(struct journal *j, struct journal_compare *c,
    const char *name, uint64_t first, uint64_t end)
{
	c->next = first;
	c->end = end;
	c->has_tile = false;
	return journal_file_open(&c->file, j->dir, name, first);
}

void
journal_compare_end(struct journal_compare *c)
{
	journal_file_close(&c->file);
}

/* The hash that the tree has of that record. */
static int
leaf_of(struct journal *j, struct journal_compare *c, uint64_t index,
    struct sha256 *ret_leaf)
{
	uint64_t n = index / TILE_WIDTH;
	int err;

	if (!c->has_tile || c->tile_n != n) {
		c->has_tile = false;
		err = tiles_read(j->tiles, 0, n, c->tile);
		/* The last one need not be full. */
		if (err == ERR_RANGE)
			return tiles_hash(j->tiles, 0, index, ret_leaf);
		if (err != 0)
			return err;
		c->tile_n = n;
		c->has_tile = true;
	}
	*ret_leaf = c->tile[index % TILE_WIDTH];
	return 0;
}

static int
compare_one(struct journal *j, struct journal_compare *c,
    const struct entry *e, const char **ret_why)
{
	struct sha256 is, should;
	int err;

	merkle_leaf(e->payload, &is);
	if ((err = leaf_of(j, c, e->index, &should)) != 0) {
		*ret_why = "its hash is missing in the folder tiles";
		return err;
	}
	if (!sha256_equal(&is, &should)) {
		*ret_why = "it is not what was hashed";
		return ERR_CORRUPT;
	}
	c->next++;
	return 0;
}

/* The reader has come to the end of the segment, or cannot go on. */
static int
compare_end_of(struct journal_compare *c, int got, const char **ret_why)
{
	struct journal_fault f;
	int err;

	if (got == 0 && c->next == c->end)
		return 0;
	*ret_why = "its segment ends before the next begins";
	if (got == 0)
		return ERR_CORRUPT;
	if (got != ERR_CORRUPT)
		return got;
	if ((err = journal_reader_fault(c->file.reader, &f)) != 0)
		return err;
	*ret_why = f.what;
	return ERR_CORRUPT;
}

int
journal_compare_step(struct journal *j, struct journal_compare *c,
    const char **ret_why)
{
	struct entry e;
	size_t done = 0;
	int got, err;

	while (done < JOURNAL_STEP) {
		if ((got = journal_reader_next(c->file.reader, &e)) != 1)
			return compare_end_of(c, got, ret_why);
		if (c->next == c->end) {
			*ret_why = "its segment goes on where the next begins";
			return ERR_CORRUPT;
		}
		if ((err = compare_one(j, c, &e, ret_why)) != 0)
			return err;
		done += e.size;
	}
	return 1;
}

static int
check_segment(struct journal *j)
{
	const char *why = "";
	int got = journal_compare_step(j, &j->compare, &why);

	if (got == 1)
		return 1;
	if (got == 0) {
		j->checked = j->compare.end;
		got = 1;
	} else if (got == ERR_CORRUPT) {
		got = journal_note_fault(j, j->compare.next, why);
	}
	journal_compare_end(&j->compare);
	return got;
}

/* The next segment that is sealed and was not looked at: 1, or 0. */
static int
next_segment(struct journal *j)
{
	char name[JOURNAL_GZIP_NAME_SIZE];
	const struct journal_segment *s;
	size_t i;
	int err;

	if (j->checked < j->segments[0].first)
		j->checked = j->segments[0].first;
	i = journal_segment_of(j, j->checked);
	s = &j->segments[i];
	if (i + 1 == j->n_segments)
		return 0;
	journal_file_name(s, name);
	err = journal_compare_begin(j, &j->compare, name, s->first,
	    (s + 1)->first);
	if (err == ERR_CORRUPT)
		return journal_note_fault(j, s->first, "its segment is gone");
	return err != 0 ? err : 1;
}

/* ---- tiles ---- */

/* Whether a full tile has the hash that the level above says. */
static int
check_tile(struct journal *j, unsigned level, uint64_t n)
{
	struct sha256 tile[TILE_WIDTH], is, should;
	int err = tiles_read(j->tiles, level, n, tile);

	if (err == 0)
		err = tiles_hash(j->tiles, (level + 1) * TILE_LEVELS, n,
		    &should);
	if (err == 0) {
		tiles_fold(tile, TILE_WIDTH, &is);
		if (!sha256_equal(&is, &should))
			err = ERR_CORRUPT;
	}
	if (err == ERR_CORRUPT)
		return journal_note_fault(j, n << (TILE_LEVELS * (level + 1)),
		    "from it on, hashes of the tree do not fit to each other");
	return err;
}

/* Some full tiles: 1 if there were any, or 0. */
static int
check_tiles(struct journal *j)
{
	uint64_t *done, full;
	unsigned level;
	size_t n = 0;
	int err;

	for (level = 0; level + 1 < TILE_LEVELS; level++) {
		done = &j->tiles_checked[level];
		full = tiles_size(j->tiles) >> (TILE_LEVELS * (level + 1));
		while (*done < full) {
			if (n++ == TILES_A_STEP)
				return 1;
			if ((err = check_tile(j, level, *done)) != 0)
				return err;
			++*done;
		}
	}
	return n > 0;
}

int
journal_check_step(struct journal *j)
{
	int got;

	if (j->tampered)
		return ERR_CORRUPT;
	if (j->compare.file.reader != NULL)
		return check_segment(j);
	if ((got = check_tiles(j)) != 0)
		return got;
	return next_segment(j);
}
