/*
 * test_tiles.c - the tree's hashes on disk: kept, loaded, on a full disk.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/tiles.h"
#include "../fault/file_memory.h"
#include "common/merkle.h"
#include "tests/harness/test.h"

/* Enough for three levels of tiles. */
#define MOST 66000u

static struct sha256 leaves[MOST];

static void
make_leaves(void)
{
	uint32_t i;

	for (i = 0; i < MOST; i++)
		merkle_leaf(bytes_of(&i, sizeof(i)), &leaves[i]);
}

/* The hash of a complete subtree, by itself. */
static void
subtree(unsigned level, uint64_t n, struct sha256 *ret_h)
{
	struct sha256 left, right;

	if (level == 0) {
		*ret_h = leaves[n];
		return;
	}
	subtree(level - 1, 2 * n, &left);
	subtree(level - 1, 2 * n + 1, &right);
	merkle_node(&left, &right, ret_h);
}

static void
check_hash(struct tiles *t, unsigned level, uint64_t n)
{
	struct sha256 is, should;

	CHECK_INT(tiles_hash(t, level, n, &is), 0);
	subtree(level, n, &should);
	CHECK_MSG(sha256_equal(&is, &should), "level %u, %" PRIu64, level, n);
}

/* The first and the last of each level, and some in between. */
static void
check_all(struct tiles *t)
{
	uint64_t size = tiles_size(t), count, n;
	struct sha256 h;
	unsigned level;

	for (level = 0; level < 64; level++) {
		count = size >> level;
		CHECK_INT(tiles_hash(t, level, count, &h), ERR_RANGE);
		CHECK_INT(tiles_hash(t, level, UINT64_MAX, &h), ERR_RANGE);
		if (count == 0)
			continue;
		check_hash(t, level, 0);
		check_hash(t, level, count - 1);
		for (n = 1; n < count; n += 1 + count / 5)
			check_hash(t, level, n);
	}
	CHECK_INT(tiles_hash(t, 64, 0, &h), ERR_RANGE);
}

static void
add_to(struct tiles *t, uint64_t size)
{
	uint64_t i;

	for (i = tiles_size(t); i < size; i++)
		CHECK_INT(tiles_add(t, &leaves[i]), 0);
	CHECK_INT(tiles_size(t), size);
}

static struct tiles *
open_tiles(uint64_t size)
{
	struct tiles *t = NULL;

	CHECK_INT(tiles_open(DISK, &t), 0);
	CHECK_INT(tiles_load(t, size), 0);
	return t;
}

static struct disk_node *
file_of(const char *name)
{
	struct disk_names *names = &disk.nodes[0].names;
	int i = disk_find(names, "tiles");

	CHECK(i >= 0);
	names = &disk.nodes[names->a[i].node].names;
	i = disk_find(names, name);
	return i < 0 ? NULL : &disk.nodes[names->a[i].node];
}

TEST(kept_and_loaded)
{
	static const uint64_t sizes[] = { 0, 1, 2, 255, 256, 257, 511, 512,
	    65535, 65536, 65537, MOST };
	struct tiles *t;
	size_t i;

	make_leaves();
	disk_init();
	t = open_tiles(0);
	CHECK_INT(tiles_keep(t), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add_to(t, sizes[i]);
		check_all(t);
		/* At each of them it may be sealed. */
		if (i % 3 == 0)
			CHECK_INT(tiles_sync(t), 0);
	}
	CHECK_INT(tiles_sync(t), 0);
	check_all(t);
	tiles_close(t);
	/* The form that PROTOCOL.md tells. */
	CHECK_MEM(file_of("0")->durable.p, file_of("0")->durable.n, leaves,
	    sizeof(leaves));
	CHECK_INT(file_of("1")->now.n, MOST / 256 * 32);
	CHECK_INT(file_of("2")->now.n, 32);
	CHECK(file_of("3") == NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		t = open_tiles(sizes[i]);
		CHECK_INT(tiles_size(t), sizes[i]);
		check_all(t);
		/* Those of the last segment are added anew. */
		add_to(t, sizes[i] + 300 < MOST ? sizes[i] + 300 : MOST);
		check_all(t);
		CHECK_INT(tiles_keep(t), 0);
		check_all(t);
		tiles_close(t);
	}
	disk_fini();
}

TEST(nothing_is_changed_before)
{
	struct tiles *t;

	make_leaves();
	disk_init();
	t = open_tiles(0);
	add_to(t, 1000);
	check_all(t);
	CHECK(file_of("0") == NULL);
	CHECK_INT(tiles_keep(t), 0);
	CHECK_INT(file_of("0")->now.n, 1000 * 32);
	/* Nor is it durable before it has to be. */
	CHECK_INT(file_of("0")->durable.n, 0);
	CHECK_INT(tiles_sync(t), 0);
	CHECK_INT(file_of("0")->durable.n, 1000 * 32);
	CHECK_INT(file_of("1")->durable.n, 3 * 32);
	tiles_close(t);
	disk_fini();
}

TEST(too_short)
{
	struct tiles *t;
	struct sha256 h, tile[TILE_WIDTH];

	make_leaves();
	disk_init();
	t = open_tiles(0);
	CHECK_INT(tiles_load(t, 1), ERR_CORRUPT);
	tiles_close(t);
	t = open_tiles(0);
	CHECK_INT(tiles_keep(t), 0);
	add_to(t, 600);
	CHECK_INT(tiles_sync(t), 0);
	tiles_close(t);
	disk_resize(&file_of("0")->now, 599 * 32 + 31);
	CHECK_INT(tiles_open(DISK, &t), 0);
	CHECK_INT(tiles_load(t, 600), ERR_CORRUPT);
	CHECK_INT(tiles_load(t, 599), 0);
	CHECK_INT(tiles_read(t, 0, 0, tile), 0);
	CHECK_MEM(tile, sizeof(tile), leaves, sizeof(tile));
	CHECK_INT(tiles_read(t, 0, 2, tile), ERR_RANGE);
	CHECK_INT(tiles_read(t, 8, 0, tile), ERR_RANGE);
	/* It is cut while it is open. */
	disk_resize(&file_of("0")->now, 100);
	CHECK_INT(tiles_hash(t, 0, 4, &h), ERR_CORRUPT);
	CHECK_INT(tiles_read(t, 0, 1, tile), ERR_CORRUPT);
	tiles_close(t);
	disk_fini();
}

/* The hashes wait in memory, and nothing but the seal fails. */
TEST(full_disk)
{
	struct tiles *t;

	make_leaves();
	disk_init();
	t = open_tiles(0);
	CHECK_INT(tiles_keep(t), 0);
	add_to(t, 300);
	disk.capacity = disk_used();
	add_to(t, 3000);
	check_all(t);
	CHECK_INT(tiles_sync(t), ERR_NO_SPACE);
	check_all(t);
	disk.capacity = SIZE_MAX;
	add_to(t, 3001);
	CHECK_INT(tiles_sync(t), 0);
	check_all(t);
	tiles_close(t);
	t = open_tiles(3001);
	check_all(t);
	tiles_close(t);
	disk_fini();
}

/* What a sync could not write is not tried again. */
TEST(sync_error)
{
	struct tiles *t;

	make_leaves();
	disk_init();
	t = open_tiles(0);
	CHECK_INT(tiles_keep(t), 0);
	add_to(t, 300);
	disk.fail_at = disk.calls + 7;
	disk.fail_err = ERR_NO_SPACE;
	CHECK_INT(tiles_sync(t), ERR_IO);
	CHECK(disk.failed);
	tiles_close(t);
	disk_fini();
}

TEST(no_memory)
{
	struct tiles *t;
	size_t i;
	int err;

	make_leaves();
	OOM_LOOP {
		disk_init();
		t = NULL;
		if ((err = tiles_open(DISK, &t)) == 0 &&
		    (err = tiles_load(t, 0)) == 0)
			for (i = 0; i < 600 && err == 0; i++)
				err = tiles_add(t, &leaves[i]);
		CHECK(err == (OOM_FIRED() ? ERR_NOMEM : 0));
		tiles_close(t);
	}
	disk_fini();
}

TEST_MAIN()
