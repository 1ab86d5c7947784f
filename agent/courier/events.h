/*
 * events.h - the courier's log: one event a line on stderr, escaped.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 */
#ifndef COUNTERSIGN_AGENT_COURIER_EVENTS_H
#define COUNTERSIGN_AGENT_COURIER_EVENTS_H

#include "common/bytes.h"

/*
 * One line, `countersign-courier: ` and the formatted text. Bytes that are not
 * plain text are escaped, and the line is cut at 600 characters. stderr is the
 * gate's; that nobody reads it, or its disk is full, is no reason to stop.
 */
void event_log(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Text from outside for a line or for `status`: ASCII, the rest escaped, no
 * quotation marks, cut to fit n bytes with its NUL. Returns ret_text.
 */
const char *event_quote(struct bytes text, char *ret_text, size_t n);

#endif
