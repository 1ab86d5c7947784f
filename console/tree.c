/*
 * tree.c - our own Merkle tree over each device's replicated records.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/tree.h"

#include <string.h>

#define WIDTH_BITS 8u
/* Records that are read at once to bring a tree up to them. */
#define ROWS 4096

/* ---- growing ---- */

/* The root of a full tile. The hashes are spent. */
static void
tile_root(uint8_t hashes[TREE_TILE], struct sha256 *ret_root)
{
	struct sha256 *h = (struct sha256 *)(void *)hashes;
	size_t n, i;

	for (n = TREE_WIDTH; n > 1; n /= 2)
		for (i = 0; i < n / 2; i++)
			merkle_node(&h[2 * i], &h[2 * i + 1], &h[i]);
	*ret_root = h[0];
}

/* A tile is full: its root goes into the level above, and so on. */
static int
carry(struct tree *t, uint8_t full[TREE_TILE])
{
	struct sha256 root;
	struct buf up;
	uint64_t n = t->size >> WIDTH_BITS;	/* full tiles of this level */
	unsigned level = 1;
	bool is_full = true;
	int err = 0;

	tile_root(full, &root);
	buf_init(&up, TREE_TILE);
	while (is_full && err == 0) {
		buf_clear(&up);
		/* The tile that the n-th root is the last hash of. */
		n--;
		err = store_tile_get(t->store, t->device, level,
		    n >> WIDTH_BITS, &up);
		if (err == ERR_NOT_FOUND && n % TREE_WIDTH == 0)
			err = 0;
		if (err == 0 && up.n != n % TREE_WIDTH * SHA256_SIZE)
			err = ERR_CORRUPT;
		if (err != 0)
			break;
		buf_put(&up, root.b, SHA256_SIZE);
		if ((err = buf_error(&up)) == 0)
			err = store_tile_set(t->store, t->device, level,
			    n >> WIDTH_BITS, buf_bytes(&up));
		is_full = up.n == TREE_TILE;
		if (err == 0 && is_full) {
			tile_root(up.p, &root);
			n = (n + 1) >> WIDTH_BITS;
			level++;
		}
	}
	buf_free(&up);
	return err;
}

int
tree_add(struct tree *t, const struct sha256 *leaf)
{
	size_t at = t->size % TREE_WIDTH;
	int err;

	memcpy(t->edge + at * SHA256_SIZE, leaf->b, SHA256_SIZE);
	t->size++;
	t->dirty = true;
	if (t->size % TREE_WIDTH != 0)
		return 0;
	err = store_tile_set(t->store, t->device, 0,
	    (t->size >> WIDTH_BITS) - 1, bytes_of(t->edge, TREE_TILE));
	t->dirty = false;
	return err != 0 ? err : carry(t, t->edge);
}

int
tree_flush(struct tree *t)
{
	size_t width = t->size % TREE_WIDTH;
	int err;

	if (!t->dirty || width == 0)
		return 0;
	err = store_tile_set(t->store, t->device, 0, t->size >> WIDTH_BITS,
	    bytes_of(t->edge, width * SHA256_SIZE));
	if (err == 0)
		t->dirty = false;
	return err;
}

static int
add_row(void *ctx, const struct store_record *r)
{
	struct tree *t = ctx;
	struct sha256 leaf;

	if (r->index != t->size)
		return ERR_CORRUPT;
	merkle_leaf(r->payload, &leaf);
	return tree_add(t, &leaf);
}

int
tree_open(struct tree *t, struct store *s, struct store_device *d)
{
	size_t width = d->tree % TREE_WIDTH;
	struct buf edge;
	int err;

	t->store = s;
	t->device = d->n;
	t->size = d->tree;
	t->dirty = false;
	if (width > 0) {
		buf_init(&edge, TREE_TILE);
		err = store_tile_get(s, d->n, 0, d->tree >> WIDTH_BITS,
		    &edge);
		if (err == ERR_NOT_FOUND ||
		    (err == 0 && edge.n != width * SHA256_SIZE))
			err = ERR_CORRUPT;
		if (err == 0)
			memcpy(t->edge, edge.p, edge.n);
		buf_free(&edge);
		if (err != 0)
			return err;
	}
	while (t->size < d->next)
		if ((err = store_record_each(s, d->n, t->size, ROWS, add_row,
		    t)) != 0)
			return err;
	d->tree = t->size;
	return tree_flush(t);
}

/* ---- asking ---- */

/* A walk over the tiles; the last one of each level is remembered. */
struct walk {
	struct store *store;
	int64_t device;
	struct {
		bool any;
		uint64_t n;
		struct buf hashes;
	} tile[STORE_TILE_LEVELS];
};

static void
walk_init(struct walk *w, struct store *s, int64_t device)
{
	unsigned i;

	memset(w, 0, sizeof(*w));
	w->store = s;
	w->device = device;
	for (i = 0; i < STORE_TILE_LEVELS; i++)
		buf_init(&w->tile[i].hashes, TREE_TILE);
}

static void
walk_fini(struct walk *w)
{
	unsigned i;

	for (i = 0; i < STORE_TILE_LEVELS; i++)
		buf_free(&w->tile[i].hashes);
}

static int
load_tile(struct walk *w, unsigned level, uint64_t n)
{
	int err;

	if (level >= STORE_TILE_LEVELS)
		return ERR_RANGE;
	if (w->tile[level].any && w->tile[level].n == n)
		return 0;
	w->tile[level].any = false;
	buf_clear(&w->tile[level].hashes);
	err = store_tile_get(w->store, w->device, level, n,
	    &w->tile[level].hashes);
	if (err != 0)
		return err == ERR_NOT_FOUND ? ERR_RANGE : err;
	w->tile[level].any = true;
	w->tile[level].n = n;
	return 0;
}

/* merkle.h's source: the leaves [n << level, (n + 1) << level). */
static int
walk_hash(void *arg, unsigned level, uint64_t n, struct sha256 *ret_hash)
{
	unsigned up = level / WIDTH_BITS, in = level % WIDTH_BITS;
	struct sha256 h[TREE_WIDTH / 2];
	struct walk *w = arg;
	uint64_t first = n << in;
	size_t width = (size_t)1 << in, i;
	struct buf *b;
	int err;

	if ((err = load_tile(w, up, first >> WIDTH_BITS)) != 0)
		return err;
	b = &w->tile[up].hashes;
	if ((first % TREE_WIDTH + width) * SHA256_SIZE > b->n)
		return ERR_RANGE;
	memcpy(h, b->p + first % TREE_WIDTH * SHA256_SIZE,
	    width * SHA256_SIZE);
	for (; width > 1; width /= 2)
		for (i = 0; i < width / 2; i++)
			merkle_node(&h[2 * i], &h[2 * i + 1], &h[i]);
	*ret_hash = h[0];
	return 0;
}

int
tree_leaf(struct store *s, int64_t device, uint64_t index,
    struct sha256 *ret_leaf)
{
	struct walk w;
	int err;

	walk_init(&w, s, device);
	err = walk_hash(&w, 0, index, ret_leaf);
	walk_fini(&w);
	return err;
}

int
tree_root(struct store *s, int64_t device, uint64_t size,
    struct sha256 *ret_root)
{
	struct merkle_source source = { walk_hash, NULL };
	struct walk w;
	int err;

	walk_init(&w, s, device);
	source.arg = &w;
	err = merkle_root(&source, size, ret_root);
	walk_fini(&w);
	return err;
}

int
tree_prove(struct store *s, int64_t device, uint64_t old, uint64_t size,
    struct sha256 ret_proof[MERKLE_PROOF_MAX], size_t *ret_n)
{
	struct merkle_source source = { walk_hash, NULL };
	struct walk w;
	int err;

	walk_init(&w, s, device);
	source.arg = &w;
	err = merkle_prove_consistency(&source, old, size, ret_proof, ret_n);
	walk_fini(&w);
	return err;
}
