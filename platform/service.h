/*
 * service.h - talking to the service manager and the system's log.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, console.
 */
#ifndef COUNTERSIGN_PLATFORM_SERVICE_H
#define COUNTERSIGN_PLATFORM_SERVICE_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Makes us the service of that name (which must live on) where the service
 * manager wants to be talked to before readiness: Windows. Elsewhere, and where
 * it was not the one that started us, nothing happens.
 */
void service_enter(const char *name);

/*
 * Each sends one message to the socket that NOTIFY_SOCKET names (sd_notify(3));
 * where there is none it does nothing. They never block and never fail: a
 * service manager that does not listen must not stop the agent.
 */
void service_ready(void);
void service_alive(void);	/* WATCHDOG=1 */
void service_stopping(void);
/* One line for people ("STATUS="); cut at 200 bytes and at a newline. */
void service_status(const char *text);

/*
 * How often the service manager wants to hear service_alive(), in ms, from
 * WATCHDOG_USEC, and WATCHDOG_PID where set; 0 not at all. Call it at half of
 * that time.
 */
uint64_t service_watchdog_ms(void);

/* Whether what goes to standard error is lost, as a Windows service's is. */
bool service_is_mute(void);

/* How much a line matters; the numbers of syslog(3). */
enum service_level {
	SERVICE_ERROR = 3,
	SERVICE_WARNING = 4,
	SERVICE_NOTICE = 5,
	SERVICE_INFO = 6,
	SERVICE_DEBUG = 7
};

/*
 * Opens the system's log under that name (which must live on) for
 * service_log(). Idempotent.
 */
void service_log_open(const char *name);
/* One line to the system's log. The text is never a format. */
void service_log(enum service_level level, const char *line);

#endif
