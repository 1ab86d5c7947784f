/*
 * schema.c - the tables of the SQLite database, and how old ones are brought
 * up to it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Times are seconds since 1970, hashes 32 bytes. A record's key is its
 * device's number times 2^40 plus its index: so a journal lies together, in
 * its order, and grows at its end.
 */
#include "console/store/schema.h"

static const char version_1[] =
    "PRAGMA application_id = 1129541169;"
    "PRAGMA user_version = 1;"

    "CREATE TABLE value("
    " name TEXT PRIMARY KEY,"
    " value BLOB NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE user("
    " name TEXT PRIMARY KEY,"
    " role TEXT NOT NULL,"
    " org TEXT NOT NULL,"
    " token_id TEXT NOT NULL UNIQUE,"
    " token BLOB NOT NULL,"
    " seed BLOB,"
    " created INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE token("
    " secret BLOB PRIMARY KEY,"
    " org TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " key BLOB) WITHOUT ROWID;"

    "CREATE TABLE device("
    " n INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " org TEXT NOT NULL,"
    " key BLOB NOT NULL UNIQUE,"
    " version TEXT NOT NULL,"
    " system TEXT NOT NULL,"
    " arch TEXT NOT NULL,"
    " split INTEGER NOT NULL,"
    " enrolled INTEGER NOT NULL,"
    " seen INTEGER NOT NULL,"
    " next INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " alarm TEXT NOT NULL,"
    " lockdown INTEGER NOT NULL,"
    " note_size INTEGER NOT NULL DEFAULT 0,"
    " note BLOB);"
    "CREATE INDEX device_org ON device(org, id);"

    "CREATE TABLE record("
    " key INTEGER PRIMARY KEY,"
    " card BLOB,"
    " payload BLOB NOT NULL);"
    "CREATE INDEX record_card ON record(card, key) WHERE card IS NOT NULL;"

    "CREATE TABLE blob("
    " hash BLOB PRIMARY KEY,"
    " content BLOB NOT NULL);"
    "CREATE TABLE blob_of("
    " device INTEGER NOT NULL REFERENCES device(n),"
    " hash BLOB NOT NULL REFERENCES blob(hash),"
    " PRIMARY KEY(device, hash)) WITHOUT ROWID;"

    "CREATE TABLE card("
    " digest BLOB PRIMARY KEY,"
    " id TEXT NOT NULL,"
    " org TEXT NOT NULL,"
    " device TEXT NOT NULL,"
    " tool TEXT NOT NULL,"
    " submitted_by TEXT NOT NULL,"
    " submitted INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " state TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " has_records INTEGER NOT NULL,"
    " proposer TEXT NOT NULL,"
    " last_record INTEGER NOT NULL,"
    " changed INTEGER NOT NULL,"
    " envelope BLOB NOT NULL);"
    "CREATE INDEX card_id ON card(id);"
    "CREATE INDEX card_time ON card(submitted);"
    "CREATE INDEX card_device ON card(device, submitted);"
    "CREATE INDEX card_open ON card(device, state)"
    " WHERE state IN ('pending', 'approved', 'running');"
    "CREATE INDEX card_state ON card(state, submitted);"
    "CREATE INDEX card_undelivered ON card(expires)"
    " WHERE state = 'undelivered';"

    "CREATE TABLE outbox("
    " n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " device TEXT NOT NULL,"
    " kind INTEGER NOT NULL,"
    " card BLOB NOT NULL,"
    " digest BLOB NOT NULL,"
    " expires INTEGER NOT NULL,"
    " body BLOB NOT NULL,"
    " UNIQUE(device, kind, digest));"
    "CREATE INDEX outbox_device ON outbox(device, n);"
    "CREATE INDEX outbox_expires ON outbox(expires);"

    "CREATE TABLE output("
    " card BLOB PRIMARY KEY,"
    " device TEXT NOT NULL,"
    " state INTEGER NOT NULL,"
    " ended INTEGER NOT NULL,"
    " total INTEGER NOT NULL,"
    " hash BLOB,"
    " tries INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX output_device ON output(device, card);"
    "CREATE INDEX output_open ON output(device) WHERE state = 0;"

    "CREATE TABLE trust("
    " org TEXT NOT NULL,"
    " file TEXT NOT NULL,"
    " device TEXT NOT NULL,"
    " version INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " issued INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " envelope BLOB NOT NULL,"
    " PRIMARY KEY(org, file, device, version));"

    "CREATE TABLE installed("
    " device INTEGER NOT NULL REFERENCES device(n),"
    " file TEXT NOT NULL,"
    " version INTEGER NOT NULL,"
    " digest BLOB,"
    " refused BLOB,"
    " PRIMARY KEY(device, file)) WITHOUT ROWID;";

/*
 * device.tree is how many records are in its tiles (all of them, but in a
 * database of version 1); note_checked the size of the newest checkpoint that
 * was compared with that tree; branch the alarm since which what the device
 * sends is evidence and no part of its journal.
 */
static const char version_2[] =
    "PRAGMA user_version = 2;"

    "ALTER TABLE device ADD COLUMN tree INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN note_root BLOB;"
    "ALTER TABLE device ADD COLUMN note_checked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN branch INTEGER NOT NULL DEFAULT 0;"
    "UPDATE device SET note_checked = note_size;"

    "CREATE TABLE tile("
    " key INTEGER PRIMARY KEY,"
    " hashes BLOB NOT NULL);"

    "CREATE TABLE segment("
    " device INTEGER NOT NULL REFERENCES device(n),"
    " first INTEGER NOT NULL,"
    " PRIMARY KEY(device, first)) WITHOUT ROWID;"

    "CREATE TABLE alarm("
    " n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " device INTEGER NOT NULL REFERENCES device(n),"
    " kind TEXT NOT NULL,"
    " first INTEGER NOT NULL,"
    " ours TEXT NOT NULL,"
    " theirs TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " time INTEGER NOT NULL,"
    " acknowledged INTEGER NOT NULL,"
    " acknowledged_by TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " proof BLOB NOT NULL);"
    "CREATE INDEX alarm_device ON alarm(device, n);"
    "CREATE INDEX alarm_open ON alarm(device, kind) WHERE acknowledged = 0;"
    "INSERT INTO alarm(device, kind, first, ours, theirs, text, time,"
    " acknowledged, acknowledged_by, reason, proof)"
    " SELECT n, 'other', 0, '', '', alarm, seen, 0, '', '', x''"
    " FROM device WHERE alarm <> '';"

    "CREATE TABLE evidence("
    " n INTEGER PRIMARY KEY,"
    " alarm INTEGER NOT NULL REFERENCES alarm(n),"
    " idx INTEGER NOT NULL,"
    " leaf BLOB NOT NULL,"
    " payload BLOB NOT NULL,"
    " UNIQUE(alarm, idx, leaf));"

    "CREATE TABLE log("
    " origin TEXT PRIMARY KEY,"
    " hash BLOB NOT NULL UNIQUE,"
    " size INTEGER NOT NULL,"
    " root BLOB NOT NULL,"
    " time INTEGER NOT NULL,"
    " note BLOB NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE cosig("
    " device INTEGER NOT NULL REFERENCES device(n),"
    " witness TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " time INTEGER NOT NULL,"
    " retry INTEGER NOT NULL,"
    " failures INTEGER NOT NULL,"
    " note BLOB,"
    " PRIMARY KEY(device, witness)) WITHOUT ROWID;";

/* What devices say that they can enforce. */
static const char version_3[] =
    "PRAGMA user_version = 3;"

    "ALTER TABLE device ADD COLUMN profiles TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE device ADD COLUMN sandbox TEXT NOT NULL DEFAULT '';";

/* Records that a device had removed before we asked for them. */
static const char version_4[] =
    "PRAGMA user_version = 4;"

    "CREATE TABLE gap("
    " device INTEGER NOT NULL REFERENCES device(n),"
    " first INTEGER NOT NULL,"
    " until INTEGER NOT NULL,"
    " PRIMARY KEY(device, first)) WITHOUT ROWID;";

const char *const schema_steps[SCHEMA_VERSION] = {
	version_1, version_2, version_3, version_4
};
