/*
 * sqlite_people.c - API users and enrolment tokens in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/sqlite.h"

#include <string.h>

#define USER_COLUMNS \
	"name, role, org, token_id, token, seed IS NOT NULL, created"

static void
read_user(sqlite3_stmt *st, struct store_user *u)
{
	db_text(st, 0, u->name, sizeof(u->name));
	db_text(st, 1, u->role, sizeof(u->role));
	db_text(st, 2, u->org, sizeof(u->org));
	db_text(st, 3, u->token_id, sizeof(u->token_id));
	db_fixed(st, 4, u->token.b, sizeof(u->token.b));
	u->has_seed = db_int(st, 5) != 0;
	u->created = db_int(st, 6);
}

int
store_user_add(struct store *s, const struct store_user *u,
    const uint8_t *seed)
{
	static const char with[] = "INSERT INTO user(name, role, org, "
	    "token_id, token, created, seed) VALUES(?, ?, ?, ?, ?, ?, ?)";

	return db_run(s, NULL, with, seed != NULL ? "ttttdib" : "ttttdin",
	    u->name, u->role, u->org, u->token_id, &u->token, u->created,
	    bytes_of(seed, seed != NULL ? 32 : 0));
}

int
store_user_remove(struct store *s, const char *name)
{
	int n, err;

	err = db_run(s, &n, "DELETE FROM user WHERE name = ?", "t", name);
	return err == 0 && n == 0 ? ERR_NOT_FOUND : err;
}

int
store_user_find(struct store *s, const char *token_id,
    struct store_user *ret_u)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " USER_COLUMNS " FROM user "
	    "WHERE token_id = ?", "t", token_id);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	read_user(st, ret_u);
	db_reset(st);
	return 0;
}

int
store_user_seed(struct store *s, const char *name, uint8_t ret_seed[32])
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT seed FROM user WHERE name = ? "
	    "AND length(seed) = 32", "t", name);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	db_fixed(st, 0, ret_seed, 32);
	db_reset(st);
	return 0;
}

int
store_user_each(struct store *s, store_user_fn *fn, void *ctx)
{
	struct store_user u;
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " USER_COLUMNS " FROM user "
	    "ORDER BY name", "");
	while (err == 0 && (err = db_step(st)) == 1) {
		read_user(st, &u);
		if ((err = fn(ctx, &u)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_token_add(struct store *s, const struct store_token *t)
{
	return db_run(s, NULL, "INSERT INTO token(secret, org, created, "
	    "expires, key) VALUES(?, ?, ?, ?, NULL)", "dtii", &t->secret,
	    t->org, t->created, t->expires);
}

int
store_token_find(struct store *s, const struct sha256 *secret,
    struct store_token *ret_t)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT org, created, expires, key FROM token "
	    "WHERE secret = ?", "d", secret);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	ret_t->secret = *secret;
	db_text(st, 0, ret_t->org, sizeof(ret_t->org));
	ret_t->created = db_int(st, 1);
	ret_t->expires = db_int(st, 2);
	ret_t->used = !db_is_null(st, 3);
	db_fixed(st, 3, ret_t->key, sizeof(ret_t->key));
	db_reset(st);
	return 0;
}

int
store_token_use(struct store *s, const struct sha256 *secret,
    const uint8_t key[32])
{
	int n, err;

	err = db_run(s, &n, "UPDATE token SET key = ? WHERE secret = ? "
	    "AND key IS NULL", "bd", bytes_of(key, 32), secret);
	return err == 0 && n == 0 ? ERR_NOT_FOUND : err;
}
