/*
 * main.c - countersign-runner: starts one approved action and sees to its end.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner.
 *
 * Started by the gate with the descriptors of common/plan.h: reads the plan,
 * starts the payload in its sandbox, says so, waits, ends the whole tree, and
 * says how it ended. Knows nothing but its one action.
 */
#include "agent/runner/broker.h"
#include "agent/runner/shim.h"
#include "common/plan.h"
#include "common/version.h"
#include "common/wire.h"
#include "platform/manager.h"
#include "platform/pipes.h"
#include "platform/sandbox.h"
#include "platform/steward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
/* The sandbox failed, as opposed to the command (which the gate is told). */
#define EXIT_SANDBOX 125
/* Largest status message. */
#define STATUS_SIZE 1024
/* How long the end of a service's script may take, after the payload's. */
#define FINISH_MS 800

/* Writes the status message in b. A gate that has gone needs none. */
static void
send_status(struct buf *b)
{
	if (buf_error(b) == 0)
		(void)!pipes_write_all(PLAN_FD_STATUS, buf_bytes(b));
}

static int
send_failed(const struct sandbox_failure *f)
{
	const struct wire_failed m = { (uint32_t)f->step, (uint32_t)f->error };
	struct buf b;

	buf_init(&b, STATUS_SIZE);
	wire_put_failed(&b, &m);
	send_status(&b);
	buf_free(&b);
	return EXIT_SANDBOX;
}

static void
send_started(const struct sandbox *s)
{
	const struct wire_started m = { (uint32_t)s->pid,
	    bytes_str(s->enforced) };
	struct buf b;

	buf_init(&b, STATUS_SIZE);
	wire_put_started(&b, &m);
	send_status(&b);
	buf_free(&b);
}

/* The wire's words and the sandbox's are the same numbers. */
_Static_assert((int)SANDBOX_ITSELF == (int)WIRE_WHY_ITSELF &&
    (int)SANDBOX_STOPPED == (int)WIRE_WHY_STOPPED &&
    (int)SANDBOX_MEMORY == (int)WIRE_WHY_OOM &&
    (int)SANDBOX_PROCESSES == (int)WIRE_WHY_PROCESSES, "same numbers");

static void
send_ended(const struct sandbox_end *end, const struct broker *broker)
{
	const struct wire_ended m = {
		.how = end->by_signal ? WIRE_HOW_SIGNAL : WIRE_HOW_EXIT,
		.code = end->code,
		.why = (enum wire_why)end->why,
		.wall_us = end->wall_us,
		.cpu_us = end->cpu_us,
		.max_rss_kb = end->max_rss_kb,
		.survivors = end->survivors + broker->ended,
		.services_done = broker->done,
		.services_refused = broker->refused,
		.services_left = broker->left,
	};
	struct buf b;

	buf_init(&b, STATUS_SIZE);
	wire_put_ended(&b, &m);
	send_status(&b);
	buf_free(&b);
}

/* The payload, from its start to its end. */
static int
serve(const struct plan *plan)
{
	struct sandbox_failure f = { PLAN_STEP_DESCRIPTORS, EMFILE };
	struct broker broker = { .done = 0, .steward = -1 };
	struct sandbox_helper *helper = NULL;
	struct sandbox_end end;
	struct sandbox s;

	if ((plan->flags & PLAN_FLAG_SERVICES) != 0) {
		if (broker_open(&broker, plan) != 0)
			return send_failed(&f);
		helper = &broker.helper;
	}
	if (sandbox_start(plan, helper, &f, &s) != 0) {
		if (helper != NULL)
			broker_close(&broker);
		return send_failed(&f);
	}
	send_started(&s);
	sandbox_wait(&s, plan, helper, PLAN_FD_CONTROL, &end);
	if (helper != NULL)
		broker_finish(&broker, FINISH_MS);
	send_ended(&end, &broker);
	if (helper != NULL)
		broker_close(&broker);
	return 0;
}

/* The one action, from plan to end. */
static int
run(void)
{
	struct sandbox_failure f = { PLAN_STEP_PLAN, EINVAL };
	struct plan plan;
	struct buf b;
	int code = 0;

	buf_init(&b, PLAN_SIZE_MAX);
	if (pipes_read_all(PLAN_FD_PLAN, &b) != 0 ||
	    plan_decode(buf_bytes(&b), &plan) != 0)
		code = send_failed(&f);
	else
		code = serve(&plan);
	buf_free(&b);
	return code;
}

/* A number as the gate writes it; UINT32_MAX for anything else. */
static uint32_t
number(const char *s)
{
	char *end;
	unsigned long long v = strtoull(s, &end, 10);

	return *s >= '0' && *s <= '9' && *end == '\0' && v < UINT32_MAX ?
	    (uint32_t)v : UINT32_MAX;
}

/* [UID GID]: the account of `observe`. */
static int
probe(int n_args, char **args)
{
	struct sandbox_offer offer = { .try_out = true };
	struct buf b;
	int code;

	if (n_args == 2) {
		offer.uid = number(args[0]);
		offer.gid = number(args[1]);
	}
	if ((n_args != 0 && n_args != 2) || offer.uid == UINT32_MAX ||
	    offer.gid == UINT32_MAX)
		return -1;
	sandbox_probe(&offer);
	buf_init(&b, OFFER_SIZE_MAX);
	offer_put(&b, &offer);
	code = buf_error(&b) != 0 || fwrite(b.p, 1, b.n, stdout) != b.n ||
	    fflush(stdout) != 0;
	buf_free(&b);
	return code;
}

/* What the service manager says of a unit: becomes who asks it. */
static int
show(const char *unit)
{
	struct manager_command command;
	struct manager m;

	manager_find(&m);
	if (manager_show(&m, unit, &command) != 0 ||
	    manager_become(&command) != 0)
		(void)fprintf(stderr, "countersign-runner: systemd cannot be"
		    " asked for %s\n", unit);
	return 1;
}

static void
usage(FILE *f)
{
	(void)fprintf(f, "usage: countersign-runner [--probe [UID GID] | "
	    "--show UNIT | --version | --help]\n"
	    "Started by countersignd for one approved action.\n"
	    "  --probe    tries what can be enforced on this machine\n"
	    "             UID GID: the account for actions that observe\n"
	    "  --show     what systemd says of that unit\n");
}

int
main(int argc, char **argv)
{
	int code;

	if (shim_is_called(argv[0]))
		return shim_run(argc, argv);
	if (argc == 2 && strcmp(argv[1], "--steward") == 0)
		return steward_serve(STEWARD_FD);
	if (argc >= 2 && strcmp(argv[1], "--inside") == 0)
		return sandbox_inside(argc - 2, argv + 2);
	if (argc >= 2 && strcmp(argv[1], "--probe") == 0 &&
	    (code = probe(argc - 2, argv + 2)) >= 0)
		return code;
	if (argc == 3 && strcmp(argv[1], "--show") == 0)
		return show(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)printf("countersign-runner %s\n", COUNTERSIGN_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (argc > 1 || !pipes_is_open(PLAN_FD_PLAN) ||
	    !pipes_is_open(PLAN_FD_STATUS) ||
	    !pipes_is_open(PLAN_FD_CONTROL)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return run();
}
