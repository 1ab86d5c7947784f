/*
 * eventlog.c - handing lines of a record to the system's log: not here.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * Windows has neither syslog nor systemd's journal. A collector reads what
 * `countersign log --follow --json` prints.
 */
#include "platform/eventlog.h"

int
eventlog_open(struct eventlog *e)
{
	(void)e;
	return ERR_UNSUPPORTED;
}

int
eventlog_send(struct eventlog *e, enum service_level level, uint64_t index,
    struct bytes line)
{
	(void)e;
	(void)level;
	(void)index;
	(void)line;
	return ERR_UNSUPPORTED;
}

void
eventlog_close(struct eventlog *e)
{
	e->fd = -1;
}
