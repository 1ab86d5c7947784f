/*
 * test_events.c - signals, as something that a loop can read.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "platform/events.h"

#include "tests/harness/test.h"

#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

TEST(each_is_told_of_its_own)
{
	struct events e;
	int stops = -1, all = -1;

	CHECK_INT(events_open(EVENTS_STOP, &stops), 0);
	CHECK_INT(events_open(EVENTS_STOP | EVENTS_RENEW | EVENTS_CHILDREN,
	    &all), 0);
	CHECK(!is_readable(stops) && !is_readable(all));
	CHECK_INT(raise(SIGTERM), 0);
	CHECK_INT(raise(SIGINT), 0);
	CHECK_INT(raise(SIGHUP), 0);
	CHECK(is_readable(stops) && is_readable(all));
	events_take(stops, &e);
	CHECK_INT(e.stops, 2);
	CHECK(!e.renew && !e.children && !is_readable(stops));
	events_take(all, &e);
	CHECK_INT(e.stops, 2);
	CHECK(e.renew && !e.children && !is_readable(all));
	events_take(all, &e);
	CHECK(e.stops == 0 && !e.renew && !e.children);
	events_close(&stops);
	events_close(&all);
	events_close(&all);
	CHECK_INT(all, -1);
}

TEST(a_child_that_ends)
{
	struct pollfd p = { .events = POLLIN };
	struct events e;
	pid_t pid;

	CHECK_INT(events_open(EVENTS_CHILDREN, &p.fd), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(0);
	while (poll(&p, 1, 10000) < 0)
		;
	CHECK(p.revents & POLLIN);
	events_take(p.fd, &e);
	CHECK(e.children && e.stops == 0);
	events_close(&p.fd);
}

/* More signals than a pipe holds lose nothing but their number. */
TEST(a_full_pipe)
{
	struct events e;
	int fd = -1, i;

	CHECK_INT(events_open(EVENTS_STOP, &fd), 0);
	for (i = 0; i < 70000; i++)
		CHECK_INT(raise(SIGTERM), 0);
	events_take(fd, &e);
	CHECK(e.stops > 1000);
	CHECK(!is_readable(fd));
	events_close(&fd);
}

TEST(no_more_than_there_is_room_for)
{
	int fds[EVENTS_OPEN_MAX], extra = -1, i;

	for (i = 0; i < EVENTS_OPEN_MAX; i++)
		CHECK_INT(events_open(EVENTS_RENEW, &fds[i]), 0);
	CHECK_INT(events_open(EVENTS_RENEW, &extra), ERR_NO_SPACE);
	CHECK_INT(extra, -1);
	events_close(&fds[1]);
	CHECK_INT(events_open(EVENTS_RENEW, &fds[1]), 0);
	for (i = 0; i < EVENTS_OPEN_MAX; i++)
		events_close(&fds[i]);
}

/* What nobody listens to is as it was: it ends the process. */
TEST(closing_gives_the_signal_back)
{
	struct sigaction a;
	int one = -1, two = -1;

	CHECK_INT(events_open(EVENTS_STOP, &one), 0);
	CHECK_INT(events_open(EVENTS_STOP, &two), 0);
	events_close(&one);
	CHECK_INT(sigaction(SIGTERM, NULL, &a), 0);
	CHECK(a.sa_handler != SIG_DFL);
	events_close(&two);
	CHECK_INT(sigaction(SIGTERM, NULL, &a), 0);
	CHECK(a.sa_handler == SIG_DFL);
}

TEST_MAIN()
