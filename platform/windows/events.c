/*
 * events.c - stop requests and ended children, as something a loop can read.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "platform/windows/notice.h"

#include "platform/events.h"
#include "platform/windows/wake.h"

#include <string.h>

static struct {
	SRWLOCK lock;
	struct {
		unsigned which;		/* 0: free */
		int fd;
		struct events seen;
	} slots[EVENTS_OPEN_MAX];
	bool hears_keys;
} all = { .lock = SRWLOCK_INIT };

void
notice(unsigned what)
{
	size_t i;

	AcquireSRWLockExclusive(&all.lock);
	for (i = 0; i < EVENTS_OPEN_MAX; i++) {
		if ((all.slots[i].which & what) == 0)
			continue;
		if (what == EVENTS_STOP)
			all.slots[i].seen.stops++;
		else
			all.slots[i].seen.children = true;
		wake_ring(all.slots[i].fd);
	}
	ReleaseSRWLockExclusive(&all.lock);
}

/* In a thread of the system's. TRUE: it does not end us. */
static BOOL WINAPI
on_key(DWORD type)
{
	notice(EVENTS_STOP);
	/* After these the process is ended when this returns. */
	if (type == CTRL_CLOSE_EVENT || type == CTRL_LOGOFF_EVENT ||
	    type == CTRL_SHUTDOWN_EVENT)
		(void)WaitForSingleObject(GetCurrentProcess(), INFINITE);
	return TRUE;
}

int
events_open(unsigned which, int *ret_fd)
{
	int fd = -1, err;
	size_t i;

	if ((err = wake_open(&fd)) != 0)
		return err;
	AcquireSRWLockExclusive(&all.lock);
	for (i = 0; i < EVENTS_OPEN_MAX && all.slots[i].which != 0; i++)
		;
	if (i < EVENTS_OPEN_MAX) {
		memset(&all.slots[i], 0, sizeof(all.slots[i]));
		all.slots[i].which = which;
		all.slots[i].fd = fd;
		if ((which & EVENTS_STOP) != 0 && !all.hears_keys)
			all.hears_keys = SetConsoleCtrlHandler(on_key,
			    TRUE) != 0;
	}
	ReleaseSRWLockExclusive(&all.lock);
	if (i == EVENTS_OPEN_MAX) {
		wake_close(&fd);
		return ERR_NO_SPACE;
	}
	*ret_fd = fd;
	return 0;
}

void
events_take(int fd, struct events *ret_e)
{
	struct events none = { 0, false, false };
	size_t i;

	*ret_e = none;
	AcquireSRWLockExclusive(&all.lock);
	for (i = 0; i < EVENTS_OPEN_MAX; i++)
		if (all.slots[i].which != 0 && all.slots[i].fd == fd) {
			*ret_e = all.slots[i].seen;
			all.slots[i].seen = none;
			wake_quiet(fd);
		}
	ReleaseSRWLockExclusive(&all.lock);
}

void
events_close(int *fd)
{
	unsigned left = 0;
	size_t i;

	if (*fd < 0)
		return;
	AcquireSRWLockExclusive(&all.lock);
	for (i = 0; i < EVENTS_OPEN_MAX; i++) {
		if (all.slots[i].which != 0 && all.slots[i].fd == *fd)
			all.slots[i].which = 0;
		left |= all.slots[i].which;
	}
	if ((left & EVENTS_STOP) == 0 && all.hears_keys) {
		(void)SetConsoleCtrlHandler(on_key, FALSE);
		all.hears_keys = false;
	}
	ReleaseSRWLockExclusive(&all.lock);
	wake_close(fd);
}
