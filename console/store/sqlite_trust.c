/*
 * sqlite_trust.c - the owners' trust files in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/sqlite.h"

#include <string.h>

#define TRUST_COLUMNS "org, file, device, version, issued, expires, digest, " \
	"envelope"

static void
read_trust(sqlite3_stmt *st, struct store_trust *t)
{
	db_text(st, 0, t->org, sizeof(t->org));
	db_text(st, 1, t->file, sizeof(t->file));
	db_text(st, 2, t->device, sizeof(t->device));
	t->version = db_int(st, 3);
	t->issued = db_int(st, 4);
	t->expires = db_int(st, 5);
	db_fixed(st, 6, t->digest.b, sizeof(t->digest.b));
	t->envelope = db_bytes(st, 7);
}

int
store_trust_add(struct store *s, const struct store_trust *t)
{
	return db_run(s, NULL, "INSERT INTO trust(" TRUST_COLUMNS ") "
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)", "tttiiidb", t->org, t->file,
	    t->device, t->version, t->issued, t->expires, &t->digest,
	    t->envelope);
}

int
store_trust_reset(struct store *s, const char *org, const char *file,
    const char *device)
{
	return db_run(s, NULL, "DELETE FROM trust WHERE org = ? AND file = ? "
	    "AND device = ? AND file <> 'root'", "ttt", org, file, device);
}

int
store_trust_find(struct store *s, const char *org, const char *file,
    const char *device, int64_t version, struct buf *ret_envelope,
    struct store_trust *ret_t)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " TRUST_COLUMNS " FROM trust "
	    "WHERE org = ?1 AND file = ?2 AND device = ?3 "
	    "AND (?4 = 0 OR version = ?4) ORDER BY version DESC LIMIT 1",
	    "ttti", org, file, device, version);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	read_trust(st, ret_t);
	err = 0;
	if (ret_envelope != NULL) {
		buf_put_bytes(ret_envelope, ret_t->envelope);
		err = buf_error(ret_envelope);
	}
	ret_t->envelope = ret_envelope != NULL ? buf_bytes(ret_envelope) :
	    bytes_of(NULL, 0);
	db_reset(st);
	return err;
}

int
store_trust_each(struct store *s, const char *org, const char *file,
    const char *device, int64_t above, store_trust_fn *fn, void *ctx)
{
	struct store_trust t;
	sqlite3_stmt *st;
	int err;

	memset(&t, 0, sizeof(t));
	err = db_query(s, &st, "SELECT " TRUST_COLUMNS " FROM trust "
	    "WHERE org = ? AND file = ? AND device = ? AND version > ? "
	    "ORDER BY version", "ttti", org, file, device, above);
	while (err == 0 && (err = db_step(st)) == 1) {
		read_trust(st, &t);
		if ((err = fn(ctx, &t)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_org_each(struct store *s, store_org_fn *fn, void *ctx)
{
	char org[STORE_ORG_SIZE];
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT org FROM trust UNION "
	    "SELECT org FROM device ORDER BY 1", "");
	while (err == 0 && (err = db_step(st)) == 1) {
		db_text(st, 0, org, sizeof(org));
		if ((err = fn(ctx, org)) != 0)
			db_reset(st);
	}
	return err;
}
