/*
 * test_broker.c - which services a payload gets, and which it does not.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * The service manager is a script that says how it was called.
 */
#include "agent/runner/broker.h"
#include "platform/messages.h"
#include "platform/steward.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plan
declared(void)
{
	struct plan p;

	memset(&p, 0, sizeof(p));
	p.profile = PLAN_REPAIR;
	p.flags = PLAN_FLAG_SERVICES;
	p.services[0].unit = "web.service";
	p.services[0].verbs = PLAN_VERB_RESTART | PLAN_VERB_STATUS;
	p.services[1].unit = "db@1.service";
	p.services[1].verbs = PLAN_VERB_STOP;
	p.n_services = 2;
	return p;
}

TEST(declared_unit_and_verb_only)
{
	static const struct {
		const char *request;
		int index;
		const char *id;
	} rows[] = {
		{ "1 restart web.service", 0, "1" },
		{ "12345678901234567890 status web.service", 0,
		    "12345678901234567890" },
		{ "7 stop db@1.service", 1, "7" },
		/* another verb, another unit, another's verb */
		{ "1 stop web.service", -1, "1" },
		{ "1 restart db@1.service", -1, "1" },
		{ "1 restart dbus.service", -1, "1" },
		{ "1 restart web", -1, "1" },
		{ "1 restart web.service.d", -1, "1" },
		{ "1 restart Web.service", -1, "1" },
		{ "1 restart web.service ", -1, "1" },
		{ "1 restart  web.service", -1, "1" },
		{ "1 restart web.service dbus.service", -1, "1" },
		{ "1 restart web.service\n", -1, "1" },
		{ "1 restart --root=/ web.service", -1, "1" },
		{ "1 daemon-reload ", -1, "1" },
		{ "1 daemon-reload web.service", -1, "1" },
		{ "1 RESTART web.service", -1, "1" },
		{ "1 restartx web.service", -1, "1" },
		{ "1 restar web.service", -1, "1" },
		{ "1  web.service", -1, "1" },
		{ "1 restart", -1, "1" },
		{ "1 restart ", -1, "1" },
		{ "1", -1, "1" },
		{ "", -1, "" }, { " ", -1, "" },
		{ "x restart web.service", -1, "" },
		{ "-1 restart web.service", -1, "" },
		{ "123456789012345678901 restart web.service", -1, "" },
		{ "restart web.service", -1, "" },
	};
	struct plan p = declared();
	const char *verb = NULL;
	char id[24];
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = broker_permits(&p, bytes_str(rows[i].request), id, &verb);
		CHECK_MSG(r == rows[i].index, "%s: %d", rows[i].request, r);
		CHECK_STR(id, rows[i].id);
	}
	CHECK_INT(broker_permits(&p, bytes_of("1 restart web.service\0", 22),
	    id, &verb), -1);
}

/* ---- with a manager ------------------------------------------------------ */

struct fixture {
	char dir[32];
	char program[64];
	struct manager manager;
	struct plan plan;
	struct broker b;
	int payload;
};

static void
open_fixture(struct fixture *f, enum manager_kind kind, const char *script)
{
	FILE *out;

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/cs-broker-XXXXXX");
	CHECK(mkdtemp(f->dir) != NULL);
	(void)snprintf(f->program, sizeof(f->program), "%s/m", f->dir);
	out = fopen(f->program, "w");
	CHECK(out != NULL);
	(void)fprintf(out, "#!/bin/sh\n%s\n", script);
	CHECK_INT(fclose(out), 0);
	CHECK_INT(chmod(f->program, 0755), 0);
	f->manager = (struct manager){ kind, f->program };
	f->plan = declared();
	CHECK_INT(broker_open_with(&f->b, &f->plan, &f->manager), 0);
	/* As sandbox_start() does. */
	f->payload = dup(f->b.helper.payload_fd);
	CHECK(f->payload >= 0);
	(void)close(f->b.helper.payload_fd);
	f->b.helper.payload_fd = -1;
}

static void
close_fixture(struct fixture *f)
{
	broker_close(&f->b);
	(void)close(f->payload);
	CHECK_INT(unlink(f->program), 0);
	CHECK_INT(rmdir(f->dir), 0);
}

/* What sandbox_wait() does, until there is an answer. */
static const char *
ask(struct fixture *f, const char *request)
{
	static char answer[BROKER_ANSWER_MAX + 65];
	struct sandbox_helper *h = &f->b.helper;
	struct pollfd p[3];
	int status, pid, rounds;
	ssize_t n;

	CHECK_INT(messages_put(f->payload, bytes_str(request)), 0);
	for (rounds = 0; rounds < 10000; rounds++) {
		p[0] = (struct pollfd){ h->fds[0], POLLIN, 0 };
		p[1] = (struct pollfd){ h->fds[1], POLLIN, 0 };
		p[2] = (struct pollfd){ f->payload, POLLIN, 0 };
		CHECK(poll(p, 3, 10) >= 0);
		if ((p[2].revents & POLLIN) != 0) {
			n = read(f->payload, answer, sizeof(answer) - 1);
			CHECK(n > 0);
			answer[n] = '\0';
			return answer;
		}
		if ((p[0].revents | p[1].revents) != 0)
			h->ready(h->arg);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			CHECK(h->ended(h->arg, pid, status));
	}
	CHECK_MSG(false, "no answer to %s", request);
	return NULL;
}

#define SHOWS(unit, rest) "if [ \"$1\" = show ]; then echo Id=" unit "; "   \
	"echo LoadState=loaded; " rest "; exit 0; fi; "

TEST(does_what_was_declared)
{
	struct fixture f;

	open_fixture(&f, MANAGER_SYSTEMD, SHOWS("web.service", ":")
	    "echo \"$@\"; env | grep -c . ; exit 3");
	CHECK_STR(ask(&f, "5 restart web.service"), "5 3\n--no-pager "
	    "--no-ask-password restart -- web.service\n10\n");
	CHECK_STR(ask(&f, "6 status web.service"), "6 3\n--no-pager "
	    "--no-ask-password status -- web.service\n10\n");
	CHECK_INT(f.b.done, 2);
	CHECK_STR(ask(&f, "7 restart dbus.service"),
	    "7 77\nnot part of the approved action\n");
	CHECK_STR(ask(&f, "nonsense"),
	    "0 77\nnot part of the approved action\n");
	CHECK_INT(f.b.refused, 2);
	CHECK_INT(f.b.done, 2);
	/* The unit's real name is another. */
	CHECK_STR(ask(&f, "8 stop db@1.service"),
	    "8 77\nanother name of another unit\n");
	CHECK_INT(f.b.refused, 3);
	close_fixture(&f);
}

/* What it runs lies in a root: writing there and restarting it is `full`. */
TEST(needs_full_is_looked_at_again)
{
	struct fixture f;

	open_fixture(&f, MANAGER_SYSTEMD, SHOWS("web.service",
	    "echo 'ExecStart={ path=/srv/app/bin ; argv[]=/srv/app/bin }'")
	    "echo ran");
	CHECK_STR(ask(&f, "1 restart web.service"), "1 0\nran\n");
	f.plan.roots[0] = "/srv/app";
	f.plan.n_roots = 1;
	CHECK_STR(ask(&f, "2 restart web.service"), "2 77\nit runs or reads "
	    "what this action may write: that needs profile full\n");
	/* Looking is not running. */
	CHECK_STR(ask(&f, "3 status web.service"), "3 0\nran\n");
	f.plan.roots[0] = "/srv/ap";
	CHECK_STR(ask(&f, "4 restart web.service"), "4 0\nran\n");
	close_fixture(&f);
}

TEST(what_cannot_be_looked_up_is_refused)
{
	struct fixture f;

	open_fixture(&f, MANAGER_SYSTEMD, "[ \"$1\" != show ] || exit 1; "
	    "echo ran");
	CHECK_STR(ask(&f, "1 restart web.service"),
	    "1 77\nwhat the unit is made of cannot be looked up\n");
	close_fixture(&f);
	open_fixture(&f, MANAGER_SYSTEMD, "echo Id=web.service; echo ran");
	CHECK_STR(ask(&f, "1 restart web.service"),
	    "1 77\nwhat the unit is made of cannot be looked up\n");
	close_fixture(&f);
}

/* ---- scripts, which the steward runs ------------------------------------- */

/* What the tender would be sent, and what it says to it: the test is it. */
static const char *
ask_steward(struct fixture *f, int steward, const char *request,
    const char want[2], struct bytes say)
{
	static char answer[BROKER_ANSWER_MAX + 65];
	struct sandbox_helper *h = &f->b.helper;
	char got[4];
	ssize_t n;

	CHECK_INT(messages_put(f->payload, bytes_str(request)), 0);
	h->ready(h->arg);
	if (want != NULL) {
		CHECK_INT(read(steward, got, sizeof(got)), 2);
		CHECK_MEM(got, 2, want, 2);
		CHECK_INT(h->fds[1], f->b.steward);
		/* Nothing yet. */
		h->ready(h->arg);
		CHECK_INT(f->b.step, BROKER_AWAITING);
		if (say.n > 0)
			CHECK_INT(messages_put(steward, say), 0);
		else
			CHECK_INT(shutdown(steward, SHUT_RDWR), 0);
		h->ready(h->arg);
	}
	n = read(f->payload, answer, sizeof(answer) - 1);
	CHECK(n > 0);
	answer[n] = '\0';
	return answer;
}

TEST(scripts_are_the_stewards)
{
	struct fixture f;
	uint8_t big[5 + STEWARD_TEXT_MAX] = { 1 };
	const char *a;
	int pair[2];

	open_fixture(&f, MANAGER_OPENRC, "echo never");
	CHECK_STR(ask_steward(&f, -1, "9 restart web.service", NULL,
	    bytes_of(NULL, 0)),
	    "9 69\nservices cannot be started from here\n");
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	f.b.steward = pair[0];
	CHECK_STR(ask_steward(&f, pair[1], "1 restart web.service",
	    "\0\x04", bytes_of("\1\3\0\0\0so it is\n", 14)),
	    "1 3\nso it is\n");
	CHECK_STR(ask_steward(&f, pair[1], "2 stop db@1.service",
	    "\1\x02", bytes_of("\1\x8f\0\0\0", 5)), "2 143\n");
	CHECK_INT(f.b.done, 2);
	CHECK_STR(ask_steward(&f, pair[1], "3 stop web.service", NULL,
	    bytes_of(NULL, 0)), "3 77\nnot part of the approved action\n");
	/* It would not, or could not. */
	CHECK_STR(ask_steward(&f, pair[1], "4 restart web.service",
	    "\0\x04", bytes_of("\1\xff\xff\xff\xff", 5)),
	    "4 69\nthe service manager cannot be run\n");
	memset(big + 5, 'x', sizeof(big) - 5);
	a = ask_steward(&f, pair[1], "5 restart web.service", "\0\x04",
	    bytes_of(big, sizeof(big)));
	CHECK_INT(strlen(a), BROKER_ANSWER_MAX + 4);
	CHECK_INT(f.b.done, 3);
	f.plan.roots[0] = "/srv/app";
	f.plan.n_roots = 1;
	CHECK_STR(ask_steward(&f, pair[1], "6 restart web.service", NULL,
	    bytes_of(NULL, 0)), "6 77\nwhat it runs cannot be looked up "
	    "here, and this action may write: that needs profile full\n");
	CHECK_STR(ask_steward(&f, pair[1], "7 status web.service", "\0\x10",
	    bytes_of("\1\0\0\0\0", 5)), "7 0\n");
	/* It has gone, and then there is none. */
	CHECK_STR(ask_steward(&f, pair[1], "8 status web.service", "\0\x10",
	    bytes_of(NULL, 0)),
	    "8 69\nwhat runs service scripts has gone\n");
	CHECK_STR(ask_steward(&f, -1, "9 status web.service", NULL,
	    bytes_of(NULL, 0)),
	    "9 69\nservices cannot be started from here\n");
	CHECK_INT(f.b.refused, 2);
	(void)close(pair[1]);
	close_fixture(&f);
}

TEST(no_manager)
{
	struct fixture f;

	open_fixture(&f, MANAGER_NONE, "");
	CHECK_STR(ask(&f, "1 restart web.service"),
	    "1 69\nthis machine has no service manager\n");
	close_fixture(&f);
}

TEST(a_manager_that_fails)
{
	struct fixture f;

	open_fixture(&f, MANAGER_SYSTEMD, SHOWS("web.service", ":")
	    "kill -TERM $$");
	CHECK_STR(ask(&f, "1 restart web.service"), "1 143\n");
	CHECK_INT(unlink(f.program), 0);
	CHECK_STR(ask(&f, "2 restart web.service"),
	    "2 69\nsystemctl cannot be run\n");
	CHECK(fclose(fopen(f.program, "w")) == 0);
	close_fixture(&f);
}

/* A daemon that it starts has its output; what it says is bounded. */
TEST(output_is_bounded_and_not_waited_for)
{
	struct fixture f;
	const char *a;
	char path[80];
	int daemon;
	FILE *pid;

	open_fixture(&f, MANAGER_SYSTEMD, SHOWS("web.service", ":")
	    "head -c 300000 /dev/zero | "
	    "tr '\\0' x; sleep 600 & echo $! >$0.pid; exit 0");
	a = ask(&f, "1 restart web.service");
	CHECK(strncmp(a, "1 0\nxxx", 7) == 0);
	CHECK_INT(strlen(a), BROKER_ANSWER_MAX + 4);
	(void)snprintf(path, sizeof(path), "%s.pid", f.program);
	CHECK((pid = fopen(path, "r")) != NULL);
	CHECK_INT(fscanf(pid, "%d", &daemon), 1);
	(void)fclose(pid);
	CHECK_INT(kill(daemon, SIGKILL), 0);
	CHECK_INT(unlink(path), 0);
	close_fixture(&f);
}

TEST(a_payload_that_goes)
{
	struct fixture f;

	open_fixture(&f, MANAGER_SYSTEMD, "echo ran");
	(void)close(f.payload);
	f.b.helper.ready(f.b.helper.arg);
	CHECK_INT(f.b.helper.fds[0], -1);
	f.payload = open("/dev/null", O_RDONLY);
	close_fixture(&f);
}

TEST_MAIN()
