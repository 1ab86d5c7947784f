/*
 * log.h - the gate's event log: one event, one line.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The journal is the record; the log is for whoever runs the service. Lines
 * are `name key=value ...`, never raw bytes from outside.
 */
#ifndef COUNTERSIGN_AGENT_GATE_LOG_H
#define COUNTERSIGN_AGENT_GATE_LOG_H

#include "common/bytes.h"
#include "common/digest.h"
#include "platform/service.h"

#include <stdbool.h>

/* Where lines go: to stderr, or to the system's log under `name`. */
struct log {
	bool to_system;
	const char *name;
};

/* Where later lines go; name must live on. */
void log_init(struct log *l, const char *name, bool to_system);

/* One event; the formatted text is escaped and cut at 1,000 bytes. */
void log_event(const struct log *l, enum service_level level,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The first 12 hex digits of a digest, as lines and people name a card. */
const char *log_card(const struct sha256 *d, char ret_text[16]);

#endif
