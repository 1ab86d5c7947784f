/*
 * test_steward.c - who runs service scripts: what it does, and what it leaves.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * On whatever manager this machine has: the services have no such name, so its
 * program fails, and quickly.
 */
#include "platform/steward.h"

#include "common/plan.h"
#include "platform/pipes.h"
#include "tests/harness/test.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int
plan_file(uint32_t flags, enum plan_profile profile)
{
	struct plan p;
	struct buf b;
	int fd = -1;

	memset(&p, 0, sizeof(p));
	p.profile = profile;
	p.net = PLAN_NET_NONE;
	p.read = PLAN_READ_USER;
	p.survivors = PLAN_KILL;
	p.flags = flags;
	p.program = "/bin/true";
	p.args[0] = "true";
	p.n_args = 1;
	p.cwd = "/";
	if ((flags & PLAN_FLAG_SERVICES) != 0) {
		p.services[0].unit = "cs-no-such-thing.service";
		p.services[0].verbs = PLAN_VERB_STATUS | PLAN_VERB_STOP;
		p.n_services = 1;
	}
	buf_init(&b, PLAN_SIZE_MAX);
	CHECK_INT(plan_encode(&p, &b), 0);
	CHECK_INT(pipes_sealed("plan", buf_bytes(&b), &fd), 0);
	buf_free(&b);
	return fd;
}

/* A steward; its process, and the gate's end. */
static int
open_steward(int *ret_pid)
{
	int fds[2], pid;
	char byte;

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds),
	    0);
	if ((pid = fork()) == 0) {
		(void)close(fds[0]);
		_exit(steward_serve(fds[1]));
	}
	(void)close(fds[1]);
	CHECK_INT(read(fds[0], &byte, 1), 1);
	*ret_pid = pid;
	return fds[0];
}

/* A tender, and the end that tells when it is gone. */
static int
open_tender(int steward, int plan, int *ret_gone)
{
	int held[2], fd = -1;

	CHECK_INT(pipe(held), 0);
	CHECK_INT(steward_ask(steward, plan, held[1], &fd), 0);
	(void)close(held[1]);
	(void)close(plan);
	*ret_gone = held[0];
	return fd;
}

static void
await_gone(int *gone)
{
	char byte;

	CHECK_INT(read(*gone, &byte, 1), 0);
	(void)close(*gone);
	*gone = -1;
}

/* An ended process closes what it held one after the other. */
static void
await_closed(int fd)
{
	struct pollfd p = { .fd = fd };

	CHECK_INT(poll(&p, 1, -1), 1);
	CHECK((p.revents & POLLHUP) != 0);
}

static void
close_steward(int fd, int pid)
{
	int status;

	(void)close(fd);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

static int
await_answer(int fd, struct buf *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int code = 0, r;

	while ((r = steward_get(fd, text, &code)) == ERR_AGAIN)
		CHECK(poll(&p, 1, -1) == 1);
	CHECK_INT(r, 0);
	return code;
}

TEST(what_the_plan_declares)
{
	struct steward_report report = { 7, 7 };
	int pid, gone, steward = open_steward(&pid);
	int fd = open_tender(steward, plan_file(PLAN_FLAG_SERVICES,
	    PLAN_REPAIR), &gone);
	static const struct {
		uint32_t service, verb;
	} refused[] = {
		{ 0, PLAN_VERB_START }, { 0, PLAN_VERB_RESTART },
		{ 0, PLAN_VERB_STATUS | PLAN_VERB_STOP }, { 0, 0x80 },
		{ 1, PLAN_VERB_STATUS }, { 31, PLAN_VERB_STATUS },
		{ 255, PLAN_VERB_STATUS },
	};
	struct buf text;
	size_t i;
	int code;

	buf_init(&text, STEWARD_TEXT_MAX);
	CHECK_INT(steward_get(fd, &text, &code), ERR_AGAIN);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CHECK_INT(steward_put(fd, refused[i].service,
		    refused[i].verb), 0);
		CHECK_INT(await_answer(fd, &text), STEWARD_REFUSED);
	}
	CHECK_INT(steward_put(fd, 256, 1), ERR_USAGE);
	/* It runs, where there is a manager; and fails. */
	CHECK_INT(steward_put(fd, 0, PLAN_VERB_STATUS), 0);
	code = await_answer(fd, &text);
	CHECK(code > 0 || code == STEWARD_FAILED);
	/* None runs that could be ended. */
	CHECK_INT(steward_put(fd, 0, 0), 0);
	CHECK_INT(steward_finish(&fd, 5000, &report), 0);
	CHECK_INT(report.left, 0);
	CHECK_INT(report.ended, 0);
	CHECK_INT(fd, -1);
	CHECK_INT(steward_finish(&fd, 5000, &report), ERR_CLOSED);
	await_gone(&gone);
	buf_free(&text);
	close_steward(steward, pid);
}

TEST(no_services_no_tender)
{
	static const struct {
		uint32_t flags;
		enum plan_profile profile;
	} rows[] = { { 0, PLAN_REPAIR }, { 0, PLAN_FULL } };
	struct steward_report report;
	int pid, gone, fd, steward = open_steward(&pid);
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = open_tender(steward, plan_file(rows[i].flags,
		    rows[i].profile), &gone);
		await_gone(&gone);
		await_closed(fd);
		CHECK_INT(steward_put(fd, 0, PLAN_VERB_STATUS), ERR_IO);
		CHECK_INT(steward_finish(&fd, 5000, &report), ERR_CLOSED);
	}
	/* A file that is no plan. */
	fd = open_tender(steward, dup(STDERR_FILENO), &gone);
	await_gone(&gone);
	CHECK_INT(steward_finish(&fd, 5000, &report), ERR_CLOSED);
	close_steward(steward, pid);
}

/* Several at once; each ends with its runner, and not with the steward. */
TEST(tenders_of_several_runs)
{
	struct steward_report report;
	int pid, fds[4], gone[4], steward = open_steward(&pid);
	size_t i;

	for (i = 0; i < 4; i++)
		fds[i] = open_tender(steward, plan_file(PLAN_FLAG_SERVICES,
		    PLAN_REPAIR), &gone[i]);
	(void)close(fds[0]);
	await_gone(&gone[0]);
	close_steward(steward, pid);
	CHECK_INT(steward_finish(&fds[1], 5000, &report), 0);
	await_gone(&gone[1]);
	/* The runner is killed. */
	(void)close(fds[2]);
	await_gone(&gone[2]);
	/* What is no request. */
	CHECK_INT(send(fds[3], "xyz", 3, 0), 3);
	await_gone(&gone[3]);
	(void)close(fds[3]);
}

TEST(a_steward_that_has_gone)
{
	int pid, steward = open_steward(&pid), fd = -1, status;

	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(steward_ask(steward, STDERR_FILENO, STDERR_FILENO, &fd),
	    ERR_IO);
	CHECK_INT(fd, -1);
	(void)close(steward);
}

TEST_MAIN()
