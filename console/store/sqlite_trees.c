/*
 * sqlite_trees.c - hash tiles, alarms and evidence in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/trees.h"

#include "console/store/sqlite.h"

#include <string.h>

/* A tile's key is its device, its level and its number, so that a device's
 * tiles lie together: 40 bits as a record's key has, 34 for the number. */
#define DEVICE_BITS 40
#define LEVEL_BITS 34
#define PLACE_MASK (((uint64_t)1 << DEVICE_BITS) - 1)
#define NUMBER_END ((uint64_t)1 << 32)

/* ---- tiles ---- */

static int
tile_key(int64_t device, unsigned level, uint64_t n, int64_t *ret_key)
{
	if (level >= STORE_TILE_LEVELS || n >= NUMBER_END)
		return ERR_RANGE;
	*ret_key = (int64_t)(((uint64_t)device << DEVICE_BITS) |
	    ((uint64_t)level << LEVEL_BITS) | n);
	return 0;
}

int
store_tile_set(struct store *s, int64_t device, unsigned level, uint64_t n,
    struct bytes hashes)
{
	int64_t key;
	int err;

	if ((err = tile_key(device, level, n, &key)) != 0)
		return err;
	return db_run(s, NULL, "INSERT INTO tile(key, hashes) VALUES(?, ?) "
	    "ON CONFLICT(key) DO UPDATE SET hashes = excluded.hashes", "ib",
	    key, hashes);
}

/* A row of one blob at column 0, appended. */
static int
one_blob(sqlite3_stmt *st, struct buf *ret_b)
{
	int err = db_step(st);

	if (err != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	buf_put_bytes(ret_b, db_bytes(st, 0));
	db_reset(st);
	return buf_error(ret_b);
}

int
store_tile_get(struct store *s, int64_t device, unsigned level, uint64_t n,
    struct buf *ret_b)
{
	sqlite3_stmt *st;
	int64_t key;
	int err;

	if ((err = tile_key(device, level, n, &key)) != 0)
		return err == ERR_RANGE ? ERR_NOT_FOUND : err;
	err = db_query(s, &st, "SELECT hashes FROM tile WHERE key = ?", "i",
	    key);
	return err != 0 ? err : one_blob(st, ret_b);
}

int
store_tile_next(struct store *s, int64_t device, uint64_t after,
    uint64_t *ret_at, unsigned *ret_level, uint64_t *ret_n,
    struct buf *ret_b)
{
	uint64_t base = (uint64_t)device << DEVICE_BITS, place;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT key, hashes FROM tile WHERE key >= ? "
	    "AND key < ? ORDER BY key LIMIT 1", "ii",
	    (int64_t)(base + (after == UINT64_MAX ? 0 : after + 1)),
	    (int64_t)(base + PLACE_MASK + 1));
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	place = (uint64_t)db_int(st, 0) & PLACE_MASK;
	*ret_at = place;
	*ret_level = (unsigned)(place >> LEVEL_BITS);
	*ret_n = place & (((uint64_t)1 << LEVEL_BITS) - 1);
	buf_put_bytes(ret_b, db_bytes(st, 1));
	db_reset(st);
	return buf_error(ret_b);
}

/* ---- segments ---- */

int
store_segment_add(struct store *s, int64_t device, uint64_t first)
{
	return db_run(s, NULL, "INSERT OR IGNORE INTO segment(device, first) "
	    "VALUES(?, ?)", "ii", device, (int64_t)first);
}

int
store_segment_next(struct store *s, int64_t device, uint64_t after,
    uint64_t *ret_first)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT first FROM segment WHERE device = ? "
	    "AND first > ? ORDER BY first LIMIT 1", "ii", device,
	    (int64_t)after);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	*ret_first = (uint64_t)db_int(st, 0);
	db_reset(st);
	return 0;
}

/* ---- gaps ---- */

int
store_gap_add(struct store *s, int64_t device, const struct store_gap *g,
    bool *ret_fresh)
{
	int rows, err;

	/* It comes in pieces: the last one may not have come to its end. */
	err = db_run(s, &rows, "UPDATE gap SET until = ? WHERE device = ? "
	    "AND first <= ? AND until >= ? AND until < ?", "iiiii",
	    (int64_t)g->until, device, (int64_t)g->first, (int64_t)g->first,
	    (int64_t)g->until);
	if (err == 0 && rows == 0)
		err = db_run(s, &rows, "INSERT INTO gap(device, first, until) "
		    "SELECT ?, ?, ? WHERE NOT EXISTS(SELECT 1 FROM gap "
		    "WHERE device = ? AND first <= ? AND until >= ?)",
		    "iiiiii", device, (int64_t)g->first, (int64_t)g->until,
		    device, (int64_t)g->first, (int64_t)g->until);
	if (err == 0)
		*ret_fresh = rows > 0;
	return err;
}

int
store_gap_each(struct store *s, int64_t device, store_gap_fn *fn, void *ctx)
{
	struct store_gap g;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT first, until FROM gap "
	    "WHERE device = ? ORDER BY first", "i", device);
	while (err == 0 && (err = db_step(st)) == 1) {
		g.first = (uint64_t)db_int(st, 0);
		g.until = (uint64_t)db_int(st, 1);
		if ((err = fn(ctx, &g)) != 0)
			db_reset(st);
	}
	return err;
}

/* ---- alarms ---- */

#define ALARM_SELECT "SELECT alarm.n, device, kind, first, ours, theirs, " \
	"text, time, acknowledged, acknowledged_by, reason, id, org " \
	"FROM alarm JOIN device ON device.n = alarm.device "

static void
read_alarm(sqlite3_stmt *st, struct store_alarm *a)
{
	a->n = db_int(st, 0);
	a->device = db_int(st, 1);
	db_text(st, 2, a->kind, sizeof(a->kind));
	a->first = (uint64_t)db_int(st, 3);
	db_text(st, 4, a->ours, sizeof(a->ours));
	db_text(st, 5, a->theirs, sizeof(a->theirs));
	db_text(st, 6, a->text, sizeof(a->text));
	a->time = db_int(st, 7);
	a->acknowledged = db_int(st, 8);
	db_text(st, 9, a->acknowledged_by, sizeof(a->acknowledged_by));
	db_text(st, 10, a->reason, sizeof(a->reason));
	db_text(st, 11, a->device_id, sizeof(a->device_id));
	db_text(st, 12, a->org, sizeof(a->org));
}

int
store_alarm_add(struct store *s, struct store_alarm *a, struct bytes proof)
{
	int err;

	err = db_run(s, NULL, "INSERT INTO alarm(device, kind, first, ours, "
	    "theirs, text, time, acknowledged, acknowledged_by, reason, "
	    "proof) VALUES(?, ?, ?, ?, ?, ?, ?, 0, '', '', ?)", "ititttib",
	    a->device, a->kind, (int64_t)a->first, a->ours, a->theirs,
	    a->text, a->time, proof);
	if (err == 0)
		a->n = sqlite3_last_insert_rowid(s->db);
	return err;
}

int
store_alarm_find(struct store *s, int64_t n, struct store_alarm *ret_a)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, ALARM_SELECT "WHERE alarm.n = ?", "i", n);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	read_alarm(st, ret_a);
	db_reset(st);
	return 0;
}

int
store_alarm_proof(struct store *s, int64_t n, struct buf *ret_b)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT proof FROM alarm WHERE n = ?", "i", n);
	return err != 0 ? err : one_blob(st, ret_b);
}

static int
each_alarm(sqlite3_stmt *st, store_alarm_fn *fn, void *ctx)
{
	struct store_alarm a;
	int err;

	while ((err = db_step(st)) == 1) {
		read_alarm(st, &a);
		if ((err = fn(ctx, &a)) != 0) {
			db_reset(st);
			break;
		}
	}
	return err;
}

int
store_alarm_each(struct store *s, int64_t device, store_alarm_fn *fn,
    void *ctx)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, ALARM_SELECT "WHERE device = ? "
	    "ORDER BY alarm.n", "i", device);
	return err != 0 ? err : each_alarm(st, fn, ctx);
}

int
store_alarm_each_open(struct store *s, int64_t device, store_alarm_fn *fn,
    void *ctx)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, ALARM_SELECT "WHERE device = ? "
	    "AND acknowledged = 0 ORDER BY alarm.n", "i", device);
	return err != 0 ? err : each_alarm(st, fn, ctx);
}

int
store_alarm_list(struct store *s, const char *org, bool open_only,
    int64_t after, int64_t max, store_alarm_fn *fn, void *ctx)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, ALARM_SELECT "WHERE alarm.n > ? "
	    "AND (? = '' OR org = ?) AND (? = 0 OR acknowledged = 0) "
	    "ORDER BY alarm.n LIMIT ?", "ittii", after,
	    org != NULL ? org : "", org != NULL ? org : "",
	    (int64_t)open_only, max);
	return err != 0 ? err : each_alarm(st, fn, ctx);
}

int
store_alarm_acknowledge(struct store *s, int64_t n, const char *by,
    const char *reason, int64_t now)
{
	struct store_alarm a;
	int rows, err;

	err = db_run(s, &rows, "UPDATE alarm SET acknowledged = ?, "
	    "acknowledged_by = ?, reason = ? WHERE n = ? "
	    "AND acknowledged = 0", "itti", now, by, reason, n);
	if (err != 0 || rows > 0)
		return err;
	return (err = store_alarm_find(s, n, &a)) != 0 ? err : ERR_EXISTS;
}

int
store_alarm_devices(struct store *s, int64_t *ret_n)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT count(DISTINCT device) FROM alarm "
	    "WHERE acknowledged = 0", "");
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_CORRUPT;
	*ret_n = db_int(st, 0);
	db_reset(st);
	return 0;
}

int
store_alarm_each_kind(struct store *s, store_state_fn *fn, void *ctx)
{
	char kind[STORE_WORD_SIZE];
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT kind, count(*) FROM alarm "
	    "WHERE acknowledged = 0 GROUP BY kind ORDER BY kind", "");
	while (err == 0 && (err = db_step(st)) == 1) {
		db_text(st, 0, kind, sizeof(kind));
		if ((err = fn(ctx, kind, db_int(st, 1))) != 0)
			db_reset(st);
	}
	return err;
}

/* ---- evidence ---- */

int
store_evidence_add(struct store *s, int64_t alarm, uint64_t index,
    const struct sha256 *leaf, struct bytes payload, bool *ret_fresh)
{
	int rows, err;

	err = db_run(s, &rows, "INSERT OR IGNORE INTO evidence(alarm, idx, "
	    "leaf, payload) VALUES(?, ?, ?, ?)", "iidb", alarm,
	    (int64_t)index, leaf, payload);
	if (err == 0)
		*ret_fresh = rows > 0;
	return err;
}

int
store_evidence_each(struct store *s, int64_t alarm, int64_t skip, int64_t max,
    store_record_fn *fn, void *ctx)
{
	struct store_record r;
	sqlite3_stmt *st;
	int err;

	memset(&r, 0, sizeof(r));
	err = db_query(s, &st, "SELECT idx, payload FROM evidence "
	    "WHERE alarm = ? ORDER BY idx, n LIMIT ? OFFSET ?", "iii", alarm,
	    max, skip);
	while (err == 0 && (err = db_step(st)) == 1) {
		r.index = (uint64_t)db_int(st, 0);
		r.payload = db_bytes(st, 1);
		if ((err = fn(ctx, &r)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_evidence_count(struct store *s, int64_t alarm, int64_t *ret_n)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT count(*) FROM evidence "
	    "WHERE alarm = ?", "i", alarm);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_CORRUPT;
	*ret_n = db_int(st, 0);
	db_reset(st);
	return 0;
}
