/*
 * sqlite_fleet.c - devices, their checkpoints and trust files in SQLite.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/store/sqlite.h"

#include <string.h>

#define DEVICE_COLUMNS "n, id, org, key, version, system, arch, split, " \
	"enrolled, seen, next, bytes, alarm, lockdown, tree, note_size, " \
	"note_checked, branch, profiles, sandbox"

static void
read_device(sqlite3_stmt *st, struct store_device *d)
{
	d->n = db_int(st, 0);
	db_text(st, 1, d->id, sizeof(d->id));
	db_text(st, 2, d->org, sizeof(d->org));
	db_fixed(st, 3, d->key, sizeof(d->key));
	db_text(st, 4, d->version, sizeof(d->version));
	db_text(st, 5, d->system, sizeof(d->system));
	db_text(st, 6, d->arch, sizeof(d->arch));
	d->split = db_int(st, 7) != 0;
	d->enrolled = db_int(st, 8);
	d->seen = db_int(st, 9);
	d->next = (uint64_t)db_int(st, 10);
	d->bytes = db_int(st, 11);
	db_text(st, 12, d->alarm, sizeof(d->alarm));
	d->lockdown = db_int(st, 13) != 0;
	d->tree = (uint64_t)db_int(st, 14);
	d->note_size = (uint64_t)db_int(st, 15);
	d->note_checked = (uint64_t)db_int(st, 16);
	d->branch = db_int(st, 17);
	db_text(st, 18, d->profiles, sizeof(d->profiles));
	db_text(st, 19, d->sandbox, sizeof(d->sandbox));
}

int
store_device_add(struct store *s, struct store_device *d)
{
	int err;

	err = db_run(s, NULL, "INSERT INTO device(id, org, key, version, "
	    "system, arch, split, enrolled, seen, next, bytes, alarm, "
	    "lockdown) VALUES(?, ?, ?, '', '', '', 0, ?, 0, 0, 0, '', 0)",
	    "ttbi", d->id, d->org, bytes_of(d->key, sizeof(d->key)),
	    d->enrolled);
	if (err == 0)
		d->n = sqlite3_last_insert_rowid(s->db);
	return err;
}

static int
one_device(sqlite3_stmt *st, struct store_device *ret_d)
{
	int err = db_step(st);

	if (err != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	read_device(st, ret_d);
	db_reset(st);
	return 0;
}

int
store_device_find(struct store *s, const char *id, struct store_device *ret_d)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " DEVICE_COLUMNS " FROM device "
	    "WHERE id = ?", "t", id);
	return err != 0 ? err : one_device(st, ret_d);
}

int
store_device_find_n(struct store *s, int64_t n, struct store_device *ret_d)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT " DEVICE_COLUMNS " FROM device "
	    "WHERE n = ?", "i", n);
	return err != 0 ? err : one_device(st, ret_d);
}

int
store_device_update(struct store *s, const struct store_device *d)
{
	int n, err;

	err = db_run(s, &n, "UPDATE device SET version = ?, system = ?, "
	    "arch = ?, split = ?, seen = ?, next = ?, bytes = ?, "
	    "lockdown = ?, tree = ?, profiles = ?, sandbox = ? WHERE n = ?",
	    "tttiiiiiitti", d->version, d->system, d->arch, (int64_t)d->split,
	    d->seen, (int64_t)d->next, d->bytes, (int64_t)d->lockdown,
	    (int64_t)d->tree, d->profiles, d->sandbox, d->n);
	return err == 0 && n == 0 ? ERR_NOT_FOUND : err;
}

int
store_device_set_alarm(struct store *s, int64_t n, const char *text)
{
	int rows, err;

	err = db_run(s, &rows, "UPDATE device SET alarm = ? WHERE n = ?",
	    "ti", text, n);
	return err == 0 && rows == 0 ? ERR_NOT_FOUND : err;
}

int
store_device_set_branch(struct store *s, int64_t n, int64_t alarm)
{
	return db_run(s, NULL, "UPDATE device SET branch = ? WHERE n = ?",
	    "ii", alarm, n);
}

int
store_device_each(struct store *s, const char *org, const char *after,
    int64_t max, store_device_fn *fn, void *ctx)
{
	struct store_device d;
	sqlite3_stmt *st;
	int err;

	if (org != NULL)
		err = db_query(s, &st, "SELECT " DEVICE_COLUMNS " FROM device "
		    "WHERE org = ? AND id > ? ORDER BY id LIMIT ?", "tti",
		    org, after, max);
	else
		err = db_query(s, &st, "SELECT " DEVICE_COLUMNS " FROM device "
		    "WHERE id > ? ORDER BY id LIMIT ?", "ti", after, max);
	while (err == 0 && (err = db_step(st)) == 1) {
		read_device(st, &d);
		if ((err = fn(ctx, &d)) != 0)
			db_reset(st);
	}
	return err;
}

int
store_checkpoint_set(struct store *s, int64_t device, uint64_t size,
    const struct sha256 *root, struct bytes note)
{
	return db_run(s, NULL, "UPDATE device SET note_size = ?, "
	    "note_root = ?, note = ? WHERE n = ?", "idbi", (int64_t)size,
	    root, note, device);
}

int
store_checkpoint_get(struct store *s, int64_t device, uint64_t *ret_size,
    struct sha256 *ret_root, struct buf *ret_note)
{
	sqlite3_stmt *st;
	int err;

	err = db_query(s, &st, "SELECT note_size, note_root, note "
	    "FROM device WHERE n = ? AND note IS NOT NULL", "i", device);
	if (err != 0)
		return err;
	if ((err = db_step(st)) != 1)
		return err < 0 ? err : ERR_NOT_FOUND;
	*ret_size = (uint64_t)db_int(st, 0);
	db_fixed(st, 1, ret_root->b, sizeof(ret_root->b));
	if (ret_note != NULL)
		buf_put_bytes(ret_note, db_bytes(st, 2));
	db_reset(st);
	return ret_note != NULL ? buf_error(ret_note) : 0;
}

int
store_checkpoint_checked(struct store *s, int64_t device, uint64_t size)
{
	return db_run(s, NULL, "UPDATE device SET note_checked = ? "
	    "WHERE n = ?", "ii", (int64_t)size, device);
}

int
store_installed_set(struct store *s, int64_t device, const char *file,
    const struct store_installed *i)
{
	return db_run(s, NULL, "INSERT INTO installed(device, file, version, "
	    "digest, refused) VALUES(?, ?, ?, ?, ?) "
	    "ON CONFLICT(device, file) DO UPDATE SET "
	    "version = excluded.version, digest = excluded.digest, "
	    "refused = excluded.refused", i->has_refused ? "itidd" : "itidn",
	    device, file, i->version, &i->digest, &i->refused);
}

int
store_installed_find(struct store *s, int64_t device, const char *file,
    struct store_installed *ret_i)
{
	struct store_installed i;
	sqlite3_stmt *st;
	int err;

	memset(&i, 0, sizeof(i));
	err = db_query(s, &st, "SELECT version, digest, refused "
	    "FROM installed WHERE device = ? AND file = ?", "it", device,
	    file);
	if (err != 0)
		return err;
	if ((err = db_step(st)) < 0)
		return err;
	if (err == 1) {
		i.version = db_int(st, 0);
		db_fixed(st, 1, i.digest.b, sizeof(i.digest.b));
		i.has_refused = !db_is_null(st, 2);
		db_fixed(st, 2, i.refused.b, sizeof(i.refused.b));
		db_reset(st);
	}
	*ret_i = i;
	return 0;
}
