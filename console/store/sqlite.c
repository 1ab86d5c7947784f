/*
 * sqlite.c - the SQLite database of the store: opening it, running statements.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * WAL with synchronous=FULL: a commit is on the disk when it returns, and the
 * console's commands read and write while `serve` runs.
 */
#include "console/store/sqlite.h"

#include "console/store/schema.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BUSY_MS 5000
/* Pages of 8 KiB in the log before they go into the database: 64 MiB; and on
 * a disk with less than that many bytes left. */
#define LOG_PAGES 8192
#define LOG_PAGES_LEAST 64
#define DISK_SCARCE ((uint64_t)256 << 20)
#define APPLICATION_ID 0x43536e31	/* "CSn1" */

int
db_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_AGAIN;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
		return ERR_CORRUPT;
	case SQLITE_CONSTRAINT:
		return ERR_EXISTS;
	case SQLITE_TOOBIG:
		return ERR_TOO_LARGE;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return ERR_PERMISSION;
	default:
		return ERR_IO;
	}
}

/* ---- statements ---- */

static int
prepare(struct store *s, const char *sql, sqlite3_stmt **ret_st)
{
	sqlite3_stmt *st;
	size_t i;
	int code;

	for (i = 0; i < s->n; i++)
		if (s->cache[i].sql == sql) {
			*ret_st = s->cache[i].st;
			return 0;
		}
	if (s->n == DB_STATEMENTS_MAX)
		return ERR_TOO_LARGE;
	code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
	    &st, NULL);
	if (code != SQLITE_OK)
		return db_error(code);
	s->cache[s->n].sql = sql;
	s->cache[s->n++].st = st;
	*ret_st = st;
	return 0;
}

static int
bind_bytes(sqlite3_stmt *st, int at, struct bytes a)
{
	/* A NULL pointer would bind NULL, not an empty value. */
	return sqlite3_bind_blob64(st, at, a.p != NULL ? a.p :
	    (const uint8_t *)"", a.n, SQLITE_STATIC);
}

static int
bind_all(sqlite3_stmt *st, const char *types, va_list ap)
{
	int at, code = SQLITE_OK;

	for (at = 1; *types != '\0' && code == SQLITE_OK; types++, at++) {
		switch (*types) {
		case 'i':
			code = sqlite3_bind_int64(st, at,
			    va_arg(ap, int64_t));
			break;
		case 't':
			code = sqlite3_bind_text(st, at,
			    va_arg(ap, const char *), -1, SQLITE_STATIC);
			break;
		case 'b':
			code = bind_bytes(st, at, va_arg(ap, struct bytes));
			break;
		case 'd':
			code = sqlite3_bind_blob(st, at,
			    va_arg(ap, const struct sha256 *)->b, SHA256_SIZE,
			    SQLITE_STATIC);
			break;
		default:
			code = sqlite3_bind_null(st, at);
			break;
		}
	}
	return db_error(code);
}

static int
query(struct store *s, sqlite3_stmt **ret_st, const char *sql,
    const char *types, va_list ap)
{
	sqlite3_stmt *st = NULL;
	int err;

	if ((err = prepare(s, sql, &st)) != 0)
		return err;
	if (sqlite3_stmt_busy(st))
		return ERR_STATE;
	if ((err = bind_all(st, types, ap)) != 0) {
		db_reset(st);
		return err;
	}
	*ret_st = st;
	return 0;
}

int
db_query(struct store *s, sqlite3_stmt **ret_st, const char *sql,
    const char *types, ...)
{
	va_list ap;
	int err;

	va_start(ap, types);
	err = query(s, ret_st, sql, types, ap);
	va_end(ap);
	return err;
}

void
db_reset(sqlite3_stmt *st)
{
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
}

int
db_step(sqlite3_stmt *st)
{
	int code = sqlite3_step(st);

	if (code == SQLITE_ROW)
		return 1;
	db_reset(st);
	return db_error(code);
}

int
db_run(struct store *s, int *ret_changes, const char *sql, const char *types,
    ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int err;

	va_start(ap, types);
	err = query(s, &st, sql, types, ap);
	va_end(ap);
	if (err != 0)
		return err;
	if ((err = db_step(st)) == 1) {
		db_reset(st);
		err = 0;
	}
	if (err == 0 && ret_changes != NULL)
		*ret_changes = sqlite3_changes(s->db);
	return err;
}

int64_t
db_int(sqlite3_stmt *st, int column)
{
	return sqlite3_column_int64(st, column);
}

void
db_text(sqlite3_stmt *st, int column, char *dst, size_t size)
{
	const unsigned char *text = sqlite3_column_text(st, column);
	size_t n = (size_t)sqlite3_column_bytes(st, column);

	if (text == NULL)
		n = 0;
	if (n >= size)
		n = size - 1;
	if (n > 0)
		memcpy(dst, text, n);
	dst[n] = '\0';
}

struct bytes
db_bytes(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);
	int n = sqlite3_column_bytes(st, column);

	return bytes_of(p, p == NULL || n < 0 ? 0 : (size_t)n);
}

void
db_fixed(sqlite3_stmt *st, int column, void *dst, size_t size)
{
	struct bytes a = db_bytes(st, column);

	if (a.n == size)
		memcpy(dst, a.p, size);
	else
		memset(dst, 0, size);
}

bool
db_is_null(sqlite3_stmt *st, int column)
{
	return sqlite3_column_type(st, column) == SQLITE_NULL;
}

/* ---- the database ---- */

static int
pragma_int(struct store *s, const char *sql, int64_t *ret_v)
{
	sqlite3_stmt *st;
	int code;

	code = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (code != SQLITE_OK)
		return db_error(code);
	if ((code = sqlite3_step(st)) == SQLITE_ROW)
		*ret_v = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : db_error(code);
}

static int
execute(struct store *s, const char *sql)
{
	return db_error(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* Makes the tables of a new database, or what an older one lacks. */
static int
prepare_schema(struct store *s)
{
	int64_t version = 0, application = 0, tables = 0;
	int err;

	if ((err = execute(s, "BEGIN IMMEDIATE")) != 0)
		return err;
	if ((err = pragma_int(s, "PRAGMA user_version", &version)) == 0 &&
	    (err = pragma_int(s, "PRAGMA application_id",
	    &application)) == 0)
		err = pragma_int(s, "SELECT count(*) FROM sqlite_schema",
		    &tables);
	if (err == 0 && tables > 0 && application != APPLICATION_ID)
		err = ERR_CORRUPT;
	else if (err == 0 && (version < 0 || version > SCHEMA_VERSION))
		err = ERR_VERSION;
	for (; err == 0 && version < SCHEMA_VERSION; version++)
		err = execute(s, schema_steps[version]);
	if (err == 0)
		err = execute(s, "COMMIT");
	if (err != 0)
		(void)execute(s, "ROLLBACK");
	return err;
}

/*
 * The log goes into the database once it is long: a page that was written many
 * times goes once. Where the disk is nearly full it goes at once, so that the
 * log's room is used again.
 */
static int
on_log(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store *s = ctx;
	struct statvfs v;
	bool scarce = false;

	if (pages >= LOG_PAGES_LEAST && statvfs(s->path, &v) == 0)
		scarce = (uint64_t)v.f_bavail * v.f_frsize <
		    DISK_SCARCE;
	if (pages >= LOG_PAGES || scarce)
		(void)sqlite3_wal_checkpoint_v2(db, name,
		    SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

int
store_open(const char *path, struct store **ret_s)
{
	struct store *s;
	int code, fd, err;

	/* SQLite would make it readable for all. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_PERMISSION;
	(void)close(fd);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ERR_NOMEM;
	/* Nobody asks how much memory it has: it need not count each piece. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	err = db_error(code);
	if (err == 0)
		err = db_error(sqlite3_busy_timeout(s->db, BUSY_MS));
	if (err == 0)
		err = execute(s, "PRAGMA page_size=8192;"
		    "PRAGMA journal_mode=WAL;"
		    "PRAGMA synchronous=FULL;"
		    "PRAGMA cache_size=-32768;"
		    "PRAGMA foreign_keys=ON;"
		    "PRAGMA trusted_schema=OFF");
	if (err == 0)
		err = prepare_schema(s);
	if (err == 0 && (s->path = strdup(path)) == NULL)
		err = ERR_NOMEM;
	if (err == 0)
		(void)sqlite3_wal_hook(s->db, on_log, s);
	if (err != 0) {
		store_close(s);
		return err;
	}
	*ret_s = s;
	return 0;
}

void
store_close(struct store *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++)
		(void)sqlite3_finalize(s->cache[i].st);
	(void)sqlite3_close(s->db);
	free(s->path);
	free(s);
}

int
store_begin(struct store *s)
{
	int err;

	if (s->in_transaction)
		return 0;
	/* IMMEDIATE: a lock that comes later could not be waited for. */
	if ((err = db_run(s, NULL, "BEGIN IMMEDIATE", "")) == 0)
		s->in_transaction = true;
	return err;
}

int
store_commit(struct store *s)
{
	int err;

	if (!s->in_transaction)
		return 0;
	if ((err = db_run(s, NULL, "COMMIT", "")) != 0)
		store_rollback(s);
	else
		s->in_transaction = false;
	return err;
}

void
store_rollback(struct store *s)
{
	if (!s->in_transaction)
		return;
	s->in_transaction = false;
	/*
	 * SQLite may have rolled back by itself. A query that is being stepped
	 * through further up the stack ends with an error at its next step.
	 */
	if (!sqlite3_get_autocommit(s->db))
		(void)execute(s, "ROLLBACK");
}

int
store_backup(struct store *s, const char *path)
{
	sqlite3_backup *b;
	sqlite3 *to = NULL;
	int code, fd;

	if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return access(path, F_OK) == 0 ? ERR_EXISTS : ERR_PERMISSION;
	(void)close(fd);
	code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK) {
		b = sqlite3_backup_init(to, "main", s->db, "main");
		if (b != NULL) {
			/* All at once: one consistent state, no starvation. */
			code = sqlite3_backup_step(b, -1);
			(void)sqlite3_backup_finish(b);
			code = code == SQLITE_DONE ? SQLITE_OK : code;
		} else {
			code = sqlite3_errcode(to);
		}
	}
	(void)sqlite3_close(to);
	if (code != SQLITE_OK)
		(void)unlink(path);
	return db_error(code);
}

int
store_value_get(struct store *s, const char *name, struct buf *ret_b)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT value FROM value WHERE name = ?", "t",
	    name);
	if (err != 0)
		return err;
	if ((err = db_step(st)) == 0)
		return ERR_NOT_FOUND;
	if (err < 0)
		return err;
	buf_put_bytes(ret_b, db_bytes(st, 0));
	db_reset(st);
	return buf_error(ret_b);
}

int
store_value_set(struct store *s, const char *name, struct bytes value)
{
	return db_run(s, NULL, "INSERT INTO value(name, value) VALUES(?, ?) "
	    "ON CONFLICT(name) DO UPDATE SET value = excluded.value", "tb",
	    name, value);
}

int
store_ping(struct store *s)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT 1 FROM value LIMIT 1", "");
	if (err != 0)
		return err;
	err = db_step(st);
	db_reset(st);
	return err < 0 ? err : 0;
}

int
store_count(struct store *s, struct store_counts *ret_c)
{
	struct store_counts c;
	sqlite3_stmt *st;
	int err;

	/* next is how many records there are: counting them would be slow. */
	err = db_query(s, &st, "SELECT (SELECT count(*) FROM device), "
	    "(SELECT coalesce(sum(next), 0) FROM device), "
	    "(SELECT count(*) FROM card), (SELECT count(*) FROM user), "
	    "(SELECT count(*) FROM outbox), "
	    "(SELECT page_count FROM pragma_page_count) * "
	    "(SELECT page_size FROM pragma_page_size)", "");
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_CORRUPT;
	c.devices = db_int(st, 0);
	c.records = db_int(st, 1);
	c.cards = db_int(st, 2);
	c.users = db_int(st, 3);
	c.outbox = db_int(st, 4);
	c.bytes = db_int(st, 5);
	db_reset(st);
	*ret_c = c;
	return 0;
}
