/*
 * tiles.h - the hashes of the journal's tree, on disk for ever.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Folder `tiles` of the state folder, one file a level: the n-th 32 bytes of
 * file L are the hash of the complete subtree over the records
 * [n << 8L, (n + 1) << 8L). So each 8 KiB of file L, from the first on, are one
 * full tile of that level as in C2SP tlog-tiles, and the rest is the partial
 * one. A file only grows; what follows the hashes of the records that are there
 * is left over from records that a crash took, and is written over.
 *
 * Up to the records of the last segment they are synced when the segment before
 * is sealed; those of the last segment are made of it again at each start, so
 * that no record needs a sync of its hash. In memory are the partial tiles and
 * what a full disk did not take.
 */
#ifndef COUNTERSIGN_AGENT_GATE_TILES_H
#define COUNTERSIGN_AGENT_GATE_TILES_H

#include "common/digest.h"

/* Hashes in a full tile, and the levels of a tree that a tile has. */
#define TILE_WIDTH 256u
#define TILE_LEVELS 8u

struct tiles;

/* Opens the folder in the state folder, making it; nothing is read yet.
 * file.h's errors, ERR_NOMEM. */
MUST_CHECK int tiles_open(int state_dir, struct tiles **ret_t);
/* NULL is fine. */
void tiles_close(struct tiles *t);
/*
 * Begins with the hashes of the first size records, which have to be there.
 * Until tiles_keep() is called no file is changed. ERR_CORRUPT: a file is too
 * short for that. ERR_IO, ERR_NOMEM.
 */
MUST_CHECK int tiles_load(struct tiles *t, uint64_t size);
/* From now on what is added goes to the files. tiles_add()'s errors. */
MUST_CHECK int tiles_keep(struct tiles *t);
/*
 * Adds the next record's leaf hash. A full disk is no error here: the hashes
 * wait in memory for the next try. ERR_IO, ERR_NOMEM: it may not be added to
 * any more.
 */
MUST_CHECK int tiles_add(struct tiles *t, const struct sha256 *leaf);
/*
 * Writes all hashes there are and syncs them. ERR_NO_SPACE: not all could be
 * written, try again; but ERR_IO, also where the sync found the disk full, is
 * final.
 */
MUST_CHECK int tiles_sync(struct tiles *t);
/*
 * Writes the last records' hashes too, without a sync and as far as it can be
 * done: for whoever looks for a record that somebody changed. Nothing rests on
 * them.
 */
void tiles_show(struct tiles *t);
/* How many records' hashes there are. */
uint64_t tiles_size(const struct tiles *t);

/*
 * The hash of the complete subtree over the records [n << level, (n + 1) <<
 * level): the function of a merkle_source whose arg is a struct tiles.
 * ERR_RANGE: there are not so many records. ERR_CORRUPT: the file has become
 * shorter. ERR_IO.
 */
int tiles_hash(void *tiles, unsigned level, uint64_t n, struct sha256 *ret_h);
/*
 * Reads the whole tile n of that level of tiles, TILE_WIDTH hashes, which has
 * to be full. The errors of tiles_hash().
 */
MUST_CHECK int tiles_read(const struct tiles *t, unsigned tile_level,
    uint64_t n, struct sha256 ret_tile[TILE_WIDTH]);
/* The root of a full tile. */
void tiles_fold(const struct sha256 *hashes, size_t n, struct sha256 *ret_h);

#endif
