/*
 * sqlite.h - running statements on the SQLite database of the store.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/store).
 */
#ifndef COUNTERSIGN_CONSOLE_STORE_SQLITE_H
#define COUNTERSIGN_CONSOLE_STORE_SQLITE_H

#include "console/store/store.h"

#include <sqlite3.h>

/* More than there are different statements in this folder. */
#define DB_STATEMENTS_MAX 128

struct store {
	sqlite3 *db;
	bool in_transaction;
	char *path;
	size_t n;
	struct {
		const char *sql;	/* a literal: its address is the key */
		sqlite3_stmt *st;
	} cache[DB_STATEMENTS_MAX];
};

/* A result code of SQLite as an ERR_*. */
int db_error(int code);

/*
 * Prepares sql (a string literal: prepared once and kept), and binds what
 * follows according to types, one letter a parameter:
 *   i int64_t  t const char * (text)  b struct bytes  d const struct sha256 *
 *   n nothing (NULL)
 * What is bound has to live until the statement was reset. ERR_STATE if the
 * same statement is being stepped through further up the stack.
 */
MUST_CHECK int db_query(struct store *s, sqlite3_stmt **ret_st,
    const char *sql, const char *types, ...);
/* 1 a row, 0 no more (then it has been reset), or an error (reset too). */
MUST_CHECK int db_step(sqlite3_stmt *st);
/* Ends a query before its last row; fine after it too. */
void db_reset(sqlite3_stmt *st);
/*
 * Runs a statement that gives no rows. *ret_changes (may be NULL) is how many
 * rows it changed.
 */
MUST_CHECK int db_run(struct store *s, int *ret_changes, const char *sql,
    const char *types, ...);

/* Columns. A text that is too long for dst is cut: the store wrote it. */
int64_t db_int(sqlite3_stmt *st, int column);
void db_text(sqlite3_stmt *st, int column, char *dst, size_t size);
struct bytes db_bytes(sqlite3_stmt *st, int column);
/* Fixed size; zeros if the column is NULL or of another size. */
void db_fixed(sqlite3_stmt *st, int column, void *dst, size_t size);
bool db_is_null(sqlite3_stmt *st, int column);

#endif
