/*
 * schema.h - the tables of the SQLite database.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (only inside console/store).
 */
#ifndef COUNTERSIGN_CONSOLE_STORE_SCHEMA_H
#define COUNTERSIGN_CONSOLE_STORE_SCHEMA_H

#define SCHEMA_VERSION 4

/*
 * What makes version n + 1 of version n; 0 is an empty database. Each runs in
 * the transaction of all.
 */
extern const char *const schema_steps[SCHEMA_VERSION];

#endif
