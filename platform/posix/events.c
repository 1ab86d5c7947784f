/*
 * events.c - signals, as something that a loop can read.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 *
 * A handler may do little: it writes the signal's letter into each open pipe.
 */
#include "platform/events.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const struct {
	int number;
	unsigned which;
	char letter;
} signals[] = {
	{ SIGTERM, EVENTS_STOP, 's' },
	{ SIGINT, EVENTS_STOP, 's' },
	{ SIGHUP, EVENTS_RENEW, 'r' },
	{ SIGCHLD, EVENTS_CHILDREN, 'c' },
};
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* The open ones: the only state that a handler can reach. */
static struct {
	volatile sig_atomic_t which;	/* 0: free */
	int read, write;
} slots[EVENTS_OPEN_MAX];

static void
on_signal(int number)
{
	int saved = errno;
	size_t i, k;

	for (k = 0; k < N_SIGNALS; k++) {
		if (signals[k].number != number)
			continue;
		/* A full pipe tells as much. */
		for (i = 0; i < EVENTS_OPEN_MAX; i++)
			if (((unsigned)slots[i].which & signals[k].which) != 0)
				(void)!write(slots[i].write,
				    &signals[k].letter, 1);
	}
	errno = saved;
}

/* Handles what somebody is to be told of, and nothing else. */
static int
install(unsigned changed)
{
	struct sigaction a;
	unsigned wanted = 0;
	size_t i, k;

	for (i = 0; i < EVENTS_OPEN_MAX; i++)
		wanted |= (unsigned)slots[i].which;
	for (k = 0; k < N_SIGNALS; k++) {
		if ((signals[k].which & changed) == 0)
			continue;
		memset(&a, 0, sizeof(a));
		(void)sigfillset(&a.sa_mask);
		a.sa_flags = SA_RESTART | SA_NOCLDSTOP;
		if ((signals[k].which & wanted) != 0)
			a.sa_handler = on_signal;
		else
			a.sa_handler = SIG_DFL;
		if (sigaction(signals[k].number, &a, NULL) != 0)
			return ERR_IO;
	}
	return 0;
}

static int
pipe_of_ours(int ret_fds[2])
{
	int fds[2], i;

	if (pipe(fds) != 0)
		return ERR_IO;
	for (i = 0; i < 2; i++)
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0 ||
		    fcntl(fds[i], F_SETFL, O_NONBLOCK) != 0) {
			(void)close(fds[0]);
			(void)close(fds[1]);
			return ERR_IO;
		}
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int
events_open(unsigned which, int *ret_fd)
{
	int fds[2], err;
	size_t i;

	for (i = 0; i < EVENTS_OPEN_MAX && slots[i].which != 0; i++)
		;
	if (i == EVENTS_OPEN_MAX)
		return ERR_NO_SPACE;
	if ((err = pipe_of_ours(fds)) != 0)
		return err;
	slots[i].read = fds[0];
	slots[i].write = fds[1];
	slots[i].which = (sig_atomic_t)which;
	if ((err = install(which)) != 0) {
		events_close(&fds[0]);
		return err;
	}
	*ret_fd = fds[0];
	return 0;
}

void
events_take(int fd, struct events *ret_e)
{
	struct events e = { 0, false, false };
	char letters[64];
	ssize_t n, i;

	while ((n = read(fd, letters, sizeof(letters))) > 0)
		for (i = 0; i < n; i++) {
			e.stops += letters[i] == 's';
			e.renew = e.renew || letters[i] == 'r';
			e.children = e.children || letters[i] == 'c';
		}
	*ret_e = e;
}

void
events_close(int *fd)
{
	unsigned which = 0;
	size_t i;

	if (*fd < 0)
		return;
	for (i = 0; i < EVENTS_OPEN_MAX; i++) {
		if (slots[i].which == 0 || slots[i].read != *fd)
			continue;
		which = (unsigned)slots[i].which;
		slots[i].which = 0;
		(void)install(which);
		(void)close(slots[i].write);
	}
	(void)close(*fd);
	*fd = -1;
}
