/*
 * sqlite_journal.c - replicated records and their blobs in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/sqlite.h"

#define INDEX_BITS 40
#define INDEX_END ((uint64_t)1 << INDEX_BITS)

/* A device has at most 2^40 records; a later index is past the last one. */
static int64_t
record_key(int64_t device, uint64_t index)
{
	if (index > INDEX_END)
		index = INDEX_END;
	return (device << INDEX_BITS) + (int64_t)index;
}

int
store_record_add(struct store *s, int64_t device, const struct store_record *r)
{
	if (r->index >= INDEX_END)
		return ERR_NO_SPACE;
	return db_run(s, NULL, "INSERT INTO record(key, payload, card) "
	    "VALUES(?, ?, ?)", r->has_card ? "ibd" : "ibn",
	    record_key(device, r->index), r->payload, &r->card);
}

static int
each(sqlite3_stmt *st, store_record_fn *fn, void *ctx)
{
	struct store_record r;
	int err;

	while ((err = db_step(st)) == 1) {
		r.index = (uint64_t)db_int(st, 0) & (INDEX_END - 1);
		r.has_card = !db_is_null(st, 1);
		db_fixed(st, 1, r.card.b, sizeof(r.card.b));
		r.payload = db_bytes(st, 2);
		if ((err = fn(ctx, &r)) != 0) {
			db_reset(st);
			break;
		}
	}
	return err;
}

int
store_record_each(struct store *s, int64_t device, uint64_t from, int64_t max,
    store_record_fn *fn, void *ctx)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT key, card, payload FROM record "
	    "WHERE key >= ? AND key < ? ORDER BY key LIMIT ?", "iii",
	    record_key(device, from), record_key(device, INDEX_END), max);
	return err != 0 ? err : each(st, fn, ctx);
}

int
store_record_each_of_card(struct store *s, int64_t device,
    const struct sha256 *card, uint64_t from, int64_t max,
    store_record_fn *fn, void *ctx)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT key, card, payload FROM record "
	    "WHERE card = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?",
	    "diii", card, record_key(device, from),
	    record_key(device, INDEX_END), max);
	return err != 0 ? err : each(st, fn, ctx);
}

int
store_record_bytes(struct store *s, int64_t device, uint64_t from,
    uint64_t until, uint64_t *ret_bytes)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT coalesce(sum(length(payload)), 0) "
	    "FROM record WHERE key >= ? AND key < ?", "ii",
	    record_key(device, from), record_key(device, until));
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_CORRUPT;
	*ret_bytes = (uint64_t)db_int(st, 0);
	db_reset(st);
	return 0;
}

int
store_blob_add(struct store *s, int64_t device, const struct sha256 *hash,
    struct bytes content, bool *ret_fresh)
{
	int n, err;

	err = db_run(s, NULL, "INSERT OR IGNORE INTO blob(hash, content) "
	    "VALUES(?, ?)", "db", hash, content);
	if (err == 0)
		err = db_run(s, &n, "INSERT OR IGNORE INTO blob_of(device, "
		    "hash) VALUES(?, ?)", "id", device, hash);
	if (err == 0)
		*ret_fresh = n > 0;
	return err;
}

int
store_blob_get(struct store *s, int64_t device, const struct sha256 *hash,
    struct buf *ret_b)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT content FROM blob JOIN blob_of "
	    "USING(hash) WHERE blob_of.device = ? AND blob_of.hash = ?",
	    "id", device, hash);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	buf_put_bytes(ret_b, db_bytes(st, 0));
	db_reset(st);
	return buf_error(ret_b);
}

int
store_blob_next(struct store *s, int64_t device, const struct sha256 *after,
    struct sha256 *ret_hash, struct buf *ret_b)
{
	sqlite3_stmt *st;
	int err;

	/* A NULL bound compares with nothing: an empty blob comes first. */
	err = db_query(s, &st, "SELECT blob_of.hash, content FROM blob_of "
	    "JOIN blob USING(hash) WHERE blob_of.device = ? "
	    "AND blob_of.hash > ? ORDER BY blob_of.hash LIMIT 1", "ib",
	    device, bytes_of(after != NULL ? after->b : NULL,
	    after != NULL ? SHA256_SIZE : 0));
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	db_fixed(st, 0, ret_hash->b, sizeof(ret_hash->b));
	buf_put_bytes(ret_b, db_bytes(st, 1));
	db_reset(st);
	return buf_error(ret_b);
}
