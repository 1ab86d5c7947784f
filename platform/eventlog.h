/*
 * eventlog.h - handing lines of a record to the system's log, none lost.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * Unlike service_log(), which is for people and may drop: a line of up to 64
 * KiB is taken whole or not at all, and the caller hears which.
 */
#ifndef COUNTERSIGN_PLATFORM_EVENTLOG_H
#define COUNTERSIGN_PLATFORM_EVENTLOG_H

#include "common/bytes.h"
#include "platform/service.h"

#include <stdbool.h>

enum eventlog_kind {
	EVENTLOG_SYSLOG,	/* RFC 3164 to the local syslog's socket */
	EVENTLOG_JOURNALD	/* systemd's journal, its native protocol */
};

/* Largest line. */
#define EVENTLOG_LINE_MAX 65536u

struct eventlog {
	enum eventlog_kind kind;
	const char *name;	/* of the program, as the log shows it */
	char *path;		/* of the socket; NULL: the system's own */
	int fd;			/* -1: none yet */
	bool connected;
};

/*
 * Makes the socket, which one that is confined later cannot (guard.h); else
 * the first line does. Whether anybody listens shows then. ERR_CLOSED,
 * ERR_UNSUPPORTED.
 */
MUST_CHECK int eventlog_open(struct eventlog *e);

/*
 * Sends one line without waiting. index is a field of its own where the log
 * has fields. ERR_AGAIN the log takes no more right now; ERR_CLOSED nobody
 * listens; ERR_TOO_LARGE; ERR_UNSUPPORTED this system has no such log.
 */
MUST_CHECK int eventlog_send(struct eventlog *e, enum service_level level,
    uint64_t index, struct bytes line);
/* Idempotent. */
void eventlog_close(struct eventlog *e);

#endif
