/*
 * service.c - launchd, and the system's log.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * launchd(8) wants to be told nothing: it starts a job, sends SIGTERM to end
 * it, and starts it again if it ends by itself.
 */
#include "platform/service.h"

#include <syslog.h>

void
service_enter(const char *name)
{
	(void)name;
}

void
service_ready(void)
{
}

void
service_alive(void)
{
}

void
service_stopping(void)
{
}

void
service_status(const char *text)
{
	(void)text;
}

uint64_t
service_watchdog_ms(void)
{
	return 0;
}

bool
service_is_mute(void)
{
	return false;
}

void
service_log_open(const char *name)
{
	openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

/* syslog(3) of macOS hands over to the unified log. */
void
service_log(enum service_level level, const char *line)
{
	syslog((int)level, "%s", line);
}
