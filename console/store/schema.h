/*
 * schema.h - the tables of the SQLite database.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/store).
 */
#ifndef COUNTERSIGN_CONSOLE_STORE_SCHEMA_H
#define COUNTERSIGN_CONSOLE_STORE_SCHEMA_H

#define SCHEMA_VERSION 1

/* Makes every table; run once, in a transaction. */
extern const char *const schema_sql;

#endif
