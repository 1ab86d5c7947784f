/*
 * sqlite_traffic.c - what waits for devices, and their output, in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/sqlite.h"

#include <string.h>

int
store_out_add(struct store *s, const struct store_out *o, int64_t *ret_n)
{
	int err;

	err = db_run(s, NULL, "INSERT INTO outbox(device, kind, card, digest, "
	    "expires, body) VALUES(?, ?, ?, ?, ?, ?)", "tiddib", o->device,
	    (int64_t)o->kind, &o->card, &o->digest, o->expires, o->body);
	if (err == 0)
		*ret_n = sqlite3_last_insert_rowid(s->db);
	return err;
}

int
store_out_each(struct store *s, const char *device, int64_t after,
    int64_t max, store_out_fn *fn, void *ctx)
{
	struct store_out o;
	sqlite3_stmt *st;
	int err;

	memset(&o, 0, sizeof(o));
	err = db_query(s, &st, "SELECT n, kind, device, card, digest, "
	    "expires, body FROM outbox WHERE device = ? AND n > ? "
	    "ORDER BY n LIMIT ?", "tii", device, after, max);
	while (err == 0 && (err = db_step(st)) == 1) {
		o.n = db_int(st, 0);
		o.kind = (int)db_int(st, 1);
		db_text(st, 2, o.device, sizeof(o.device));
		db_fixed(st, 3, o.card.b, sizeof(o.card.b));
		db_fixed(st, 4, o.digest.b, sizeof(o.digest.b));
		o.expires = db_int(st, 5);
		o.body = db_bytes(st, 6);
		if ((err = fn(ctx, &o)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_out_answer(struct store *s, const char *device, int kind,
    const struct sha256 *digest)
{
	return db_run(s, NULL, "DELETE FROM outbox WHERE device = ? "
	    "AND kind = ? AND digest = ?", "tid", device, (int64_t)kind,
	    digest);
}

int
store_out_drop_card(struct store *s, const char *device,
    const struct sha256 *card)
{
	return db_run(s, NULL, "DELETE FROM outbox WHERE device = ? "
	    "AND card = ?", "td", device, card);
}

int
store_out_expire(struct store *s, int64_t now)
{
	return db_run(s, NULL, "DELETE FROM outbox WHERE expires <= ?", "i",
	    now);
}

int
store_out_count(struct store *s, const char *device, int64_t *ret_n)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT count(*) FROM outbox WHERE device = ?",
	    "t", device);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_CORRUPT;
	*ret_n = db_int(st, 0);
	db_reset(st);
	return 0;
}

/* ---- output ---- */

#define OUTPUT_COLUMNS "card, device, state, ended, total, hash, tries"

static void
read_output(sqlite3_stmt *st, struct store_output *o)
{
	db_fixed(st, 0, o->card.b, sizeof(o->card.b));
	db_text(st, 1, o->device, sizeof(o->device));
	o->state = (enum store_output_state)db_int(st, 2);
	o->ended = db_int(st, 3) != 0;
	o->total = (uint64_t)db_int(st, 4);
	db_fixed(st, 5, o->hash.b, sizeof(o->hash.b));
	o->tries = db_int(st, 6);
}

int
store_output_set(struct store *s, const struct store_output *o)
{
	return db_run(s, NULL, "INSERT OR REPLACE INTO output("
	    OUTPUT_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?)", "dtiiidi",
	    &o->card, o->device, (int64_t)o->state, (int64_t)o->ended,
	    (int64_t)o->total, &o->hash, o->tries);
}

static int
one_output(sqlite3_stmt *st, struct store_output *ret_o)
{
	int err = db_step(st);

	if (err != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	read_output(st, ret_o);
	db_reset(st);
	return 0;
}

int
store_output_find(struct store *s, const struct sha256 *card,
    struct store_output *ret_o)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " OUTPUT_COLUMNS " FROM output "
	    "WHERE card = ?", "d", card);
	return err != 0 ? err : one_output(st, ret_o);
}

int
store_output_each_open(struct store *s, const char *device,
    store_output_fn *fn, void *ctx)
{
	struct store_output o;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " OUTPUT_COLUMNS " FROM output "
	    "WHERE device = ? AND state = 0 ORDER BY ended", "t", device);
	while (err == 0 && (err = db_step(st)) == 1) {
		read_output(st, &o);
		if ((err = fn(ctx, &o)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_output_next(struct store *s, const char *device,
    const struct sha256 *after, struct store_output *ret_o)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " OUTPUT_COLUMNS " FROM output "
	    "WHERE device = ? AND card > ? ORDER BY card LIMIT 1", "tb",
	    device, bytes_of(after != NULL ? after->b : NULL,
	    after != NULL ? SHA256_SIZE : 0));
	return err != 0 ? err : one_output(st, ret_o);
}
