/*
 * sqlite_cards.c - cards as their devices' records have them, in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/sqlite.h"

#include <stdint.h>
#include <string.h>

#define CARD_COLUMNS "digest, id, org, device, tool, submitted_by, " \
	"submitted, created, expires, state, reason, has_records, " \
	"proposer, last_record, changed"

static void
read_card(sqlite3_stmt *st, struct store_card *c)
{
	memset(c, 0, sizeof(*c));
	db_fixed(st, 0, c->digest.b, sizeof(c->digest.b));
	db_text(st, 1, c->id, sizeof(c->id));
	db_text(st, 2, c->org, sizeof(c->org));
	db_text(st, 3, c->device, sizeof(c->device));
	db_text(st, 4, c->tool, sizeof(c->tool));
	db_text(st, 5, c->submitted_by, sizeof(c->submitted_by));
	c->submitted = db_int(st, 6);
	c->created = db_int(st, 7);
	c->expires = db_int(st, 8);
	db_text(st, 9, c->state, sizeof(c->state));
	db_text(st, 10, c->reason, sizeof(c->reason));
	c->has_records = db_int(st, 11) != 0;
	db_text(st, 12, c->proposer, sizeof(c->proposer));
	c->last_record = (uint64_t)db_int(st, 13);
	c->changed = db_int(st, 14);
}

int
store_card_add(struct store *s, const struct store_card *c)
{
	return db_run(s, NULL, "INSERT INTO card(" CARD_COLUMNS ", envelope) "
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "dtttttiiittitiib", &c->digest, c->id, c->org, c->device, c->tool,
	    c->submitted_by, c->submitted, c->created, c->expires, c->state,
	    c->reason, (int64_t)c->has_records, c->proposer,
	    (int64_t)c->last_record, c->changed, c->envelope);
}

int
store_card_update(struct store *s, const struct store_card *c)
{
	int n, err;

	err = db_run(s, &n, "UPDATE card SET state = ?, reason = ?, "
	    "has_records = ?, proposer = ?, last_record = ?, changed = ? "
	    "WHERE digest = ?", "ttitiid", c->state, c->reason,
	    (int64_t)c->has_records, c->proposer, (int64_t)c->last_record,
	    c->changed, &c->digest);
	return err == 0 && n == 0 ? ERR_NOT_FOUND : err;
}

int
store_card_find(struct store *s, const struct sha256 *digest,
    struct buf *ret_envelope, struct store_card *ret_c)
{
	sqlite3_stmt *st;
	int err;

	if (ret_envelope != NULL)
		err = db_query(s, &st, "SELECT " CARD_COLUMNS ", envelope "
		    "FROM card WHERE digest = ?", "d", digest);
	else
		err = db_query(s, &st, "SELECT " CARD_COLUMNS " FROM card "
		    "WHERE digest = ?", "d", digest);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	read_card(st, ret_c);
	if (ret_envelope != NULL) {
		buf_put_bytes(ret_envelope, db_bytes(st, 15));
		ret_c->envelope = buf_bytes(ret_envelope);
		err = buf_error(ret_envelope);
	} else {
		err = 0;
	}
	db_reset(st);
	return err;
}

int
store_card_find_id(struct store *s, const char *id, struct sha256 *ret_digest)
{
	struct sha256 digest;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT digest FROM card WHERE id = ? LIMIT 2",
	    "t", id);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	db_fixed(st, 0, digest.b, sizeof(digest.b));
	if ((err = db_step(st)) != 0) {
		db_reset(st);
		return err < 0 ? err : ERR_CONFLICT;
	}
	*ret_digest = digest;
	return 0;
}

static int
each(sqlite3_stmt *st, store_card_fn *fn, void *ctx)
{
	struct store_card c;
	int err;

	while ((err = db_step(st)) == 1) {
		read_card(st, &c);
		if ((err = fn(ctx, &c)) != 0) {
			db_reset(st);
			break;
		}
	}
	return err;
}

/*
 * A query for each index: with one for all, no index would serve. The other
 * conditions are looked at row by row.
 */
#define LIST_REST "AND (?1 IS NULL OR org = ?1) " \
	"AND (?2 IS NULL OR submitted_by = ?2) AND submitted < ?3 "
#define LIST_END " ORDER BY submitted DESC, digest LIMIT ?4"

int
store_card_each(struct store *s, const struct store_card_filter *f,
    store_card_fn *fn, void *ctx)
{
	int64_t before = f->before > 0 ? f->before : INT64_MAX;
	int64_t max = f->max > 0 ? f->max : -1;
	sqlite3_stmt *st;
	int err;

	if (f->device != NULL)
		err = db_query(s, &st, "SELECT " CARD_COLUMNS " FROM card "
		    "WHERE device = ?5 AND (?6 IS NULL OR state = ?6) "
		    LIST_REST LIST_END, "ttiitt", f->org, f->submitted_by,
		    before, max, f->device, f->state);
	else if (f->state != NULL)
		err = db_query(s, &st, "SELECT " CARD_COLUMNS " FROM card "
		    "WHERE state = ?5 " LIST_REST LIST_END, "ttiit", f->org,
		    f->submitted_by, before, max, f->state);
	else
		err = db_query(s, &st, "SELECT " CARD_COLUMNS " FROM card "
		    "WHERE 1 " LIST_REST LIST_END, "ttii", f->org,
		    f->submitted_by, before, max);
	return err != 0 ? err : each(st, fn, ctx);
}

int
store_card_each_undelivered(struct store *s, int64_t now, store_card_fn *fn,
    void *ctx)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " CARD_COLUMNS " FROM card "
	    "WHERE state = 'undelivered' AND expires <= ? LIMIT 1000", "i",
	    now);
	return err != 0 ? err : each(st, fn, ctx);
}

int
store_card_next_expiry(struct store *s, int64_t *ret_t)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT coalesce(min(expires), 0) FROM card "
	    "WHERE state = 'undelivered'", "");
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_CORRUPT;
	*ret_t = db_int(st, 0);
	db_reset(st);
	return 0;
}

int
store_card_each_state(struct store *s, store_state_fn *fn, void *ctx)
{
	char state[STORE_WORD_SIZE];
	sqlite3_stmt *st;
	int64_t n;
	int err;

	err = db_query(s, &st, "SELECT state, count(*) FROM card "
	    "GROUP BY state", "");
	while (err == 0 && (err = db_step(st)) == 1) {
		db_text(st, 0, state, sizeof(state));
		n = db_int(st, 1);
		if ((err = fn(ctx, state, n)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_card_each_in(struct store *s, const char *device, const char *state,
    store_digest_fn *fn, void *ctx)
{
	struct sha256 digest;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT digest FROM card WHERE device = ? "
	    "AND state = ?", "tt", device, state);
	while (err == 0 && (err = db_step(st)) == 1) {
		db_fixed(st, 0, digest.b, sizeof(digest.b));
		if ((err = fn(ctx, &digest)) != 0)
			db_reset(st);
	}
	return err;
}
