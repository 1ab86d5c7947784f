/*
 * sqlite_cosigned.c - checkpoints that were cosigned, by us and by others.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/cosigned.h"

#include "console/store/sqlite.h"

#include <stdio.h>
#include <string.h>

/* ---- our own word ---- */

int
store_log_find(struct store *s, const char *origin, struct store_log *ret_l)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT size, root, time FROM log "
	    "WHERE origin = ?", "t", origin);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	ret_l->size = (uint64_t)db_int(st, 0);
	db_fixed(st, 1, ret_l->root.b, sizeof(ret_l->root.b));
	ret_l->time = db_int(st, 2);
	db_reset(st);
	return 0;
}

static int
one_note(sqlite3_stmt *st, struct buf *ret_note)
{
	int err = db_step(st);

	if (err != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	buf_put_bytes(ret_note, db_bytes(st, 0));
	db_reset(st);
	return buf_error(ret_note);
}

int
store_log_note(struct store *s, const char *origin, struct buf *ret_note)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT note FROM log WHERE origin = ?", "t",
	    origin);
	return err != 0 ? err : one_note(st, ret_note);
}

int
store_log_note_by_hash(struct store *s, const struct sha256 *origin_hash,
    struct buf *ret_note)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT note FROM log WHERE hash = ?", "d",
	    origin_hash);
	return err != 0 ? err : one_note(st, ret_note);
}

int
store_log_set(struct store *s, const char *origin, const struct store_log *l,
    struct bytes note)
{
	struct sha256 hash;

	digest_sha256(bytes_str(origin), &hash);
	return db_run(s, NULL, "INSERT INTO log(origin, hash, size, root, "
	    "time, note) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(origin) "
	    "DO UPDATE SET size = excluded.size, root = excluded.root, "
	    "time = excluded.time, note = excluded.note", "tdidib", origin,
	    &hash, (int64_t)l->size, &l->root, l->time, note);
}

/* ---- other witnesses ---- */

#define COSIG_COLUMNS "device, witness, size, time, retry, failures"

static void
read_cosig(sqlite3_stmt *st, struct store_cosig *c)
{
	c->device = db_int(st, 0);
	db_text(st, 1, c->witness, sizeof(c->witness));
	c->size = (uint64_t)db_int(st, 2);
	c->time = db_int(st, 3);
	c->retry = db_int(st, 4);
	c->failures = db_int(st, 5);
}

int
store_cosig_find(struct store *s, int64_t device, const char *witness,
    struct store_cosig *ret_c)
{
	struct store_cosig c;
	sqlite3_stmt *st;
	int err;

	memset(&c, 0, sizeof(c));
	c.device = device;
	(void)snprintf(c.witness, sizeof(c.witness), "%s", witness);
	err = db_query(s, &st, "SELECT " COSIG_COLUMNS " FROM cosig "
	    "WHERE device = ? AND witness = ?", "it", device, witness);
	if (err != 0)
		return err;
	if ((err = db_step(st)) < 0)
		return err;
	if (err == 1) {
		read_cosig(st, &c);
		db_reset(st);
	}
	*ret_c = c;
	return 0;
}

int
store_cosig_set(struct store *s, const struct store_cosig *c,
    struct bytes note)
{
	return db_run(s, NULL, "INSERT INTO cosig(" COSIG_COLUMNS ", note) "
	    "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(device, witness) "
	    "DO UPDATE SET size = excluded.size, time = excluded.time, "
	    "retry = excluded.retry, failures = excluded.failures, "
	    "note = coalesce(excluded.note, note)", note.n > 0 ? "itiiiib" :
	    "itiiiin", c->device, c->witness, (int64_t)c->size, c->time,
	    c->retry, c->failures, note);
}

int
store_cosig_each(struct store *s, int64_t device, store_cosig_fn *fn,
    void *ctx)
{
	struct store_cosig c;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " COSIG_COLUMNS ", note FROM cosig "
	    "WHERE device = ? AND note IS NOT NULL ORDER BY witness", "i",
	    device);
	while (err == 0 && (err = db_step(st)) == 1) {
		read_cosig(st, &c);
		if ((err = fn(ctx, &c, db_bytes(st, 6))) != 0)
			db_reset(st);
	}
	return err;
}

int
store_cosig_due_now(struct store *s, int64_t device)
{
	return db_run(s, NULL, "UPDATE cosig SET retry = 0 WHERE device = ? "
	    "AND retry > 0", "i", device);
}

int
store_cosig_due(struct store *s, const char *witness, int64_t after,
    int64_t now, int64_t *ret_device)
{
	sqlite3_stmt *st;
	int err;

	/* Those behind that number first, then those before it. */
	err = db_query(s, &st, "SELECT device.n FROM device LEFT JOIN cosig "
	    "ON cosig.device = device.n AND cosig.witness = ? "
	    "WHERE device.note_checked = device.note_size "
	    "AND device.note_size > coalesce(cosig.size, 0) "
	    "AND coalesce(cosig.retry, 0) <= ? "
	    "ORDER BY device.n <= ?, device.n LIMIT 1", "tii", witness, now,
	    after);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	*ret_device = db_int(st, 0);
	db_reset(st);
	return 0;
}
