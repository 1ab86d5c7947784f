/*
 * conlog.h - the console's event log: one event, one line on stderr.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Lines are `countersign-console: name key=value ...`. What came from outside
 * is escaped, and a secret never gets here.
 */
#ifndef COUNTERSIGN_CONSOLE_CONLOG_H
#define COUNTERSIGN_CONSOLE_CONLOG_H

#include "common/bytes.h"

/* One event; the formatted text is cut at 1,000 bytes and escaped. */
void conlog_event(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * An error for the person at the command line: "countersign-console: " and
 * the text ("what was wrong: what to do"), escaped, on stderr.
 */
void conlog_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
