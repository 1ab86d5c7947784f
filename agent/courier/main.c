/*
 * main.c - countersign-courier: starts, gives up what it does not need, runs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-courier.
 *
 * Started by the gate: countersign-courier [--user NAME], with a stream socket
 * to the gate as descriptor 3. Where it is started as root it becomes NAME.
 */
#include "agent/courier/courier.h"

#include "agent/courier/events.h"
#include "common/digest.h"
#include "common/version.h"
#include "platform/pipes.h"
#include "platform/privileges.h"

#include <stdio.h>
#include <string.h>

#define GATE_FD 3

static const char usage[] =
    "usage: countersign-courier [--user NAME]\n"
    "       countersign-courier --help | --version\n"
    "The network process of countersignd, which starts it: with a socket to\n"
    "the gate as descriptor 3. As root it becomes the user NAME.\n";

/* Whether descriptor 3 is what the gate gives us: before anything is opened
 * that could be given that number. */
static int
check_gate(void)
{
	struct peer gate;
	int err = pipes_peer(GATE_FD, &gate);

	if (err != 0)
		event_log("descriptor 3 is not the gate's socket: this program "
		    "is started by countersignd");
	return err;
}

/* 0, or what must not be gone on with. */
static int
drop(const char *user)
{
	struct confinement held;
	struct identity id;
	int err;

	if (user == NULL && privileges_is_root()) {
		event_log("refuses to run as root: give it --user");
		return ERR_PERMISSION;
	}
	if (user != NULL) {
		if ((err = privileges_find_user(user, &id)) != 0 ||
		    (err = privileges_drop(&id)) != 0) {
			event_log("cannot become user=\"%s\" reason=%s", user,
			    err_word(err));
			return err;
		}
	}
	if ((err = privileges_confine_courier(&held)) != 0) {
		event_log("cannot be confined reason=%s", err_word(err));
		return err;
	}
	event_log("ready no_new_privs=%d seccomp=%d landlock=%d",
	    held.no_new_privs, held.seccomp, held.landlock_abi);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *user = NULL;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("countersign-courier " COUNTERSIGN_VERSION);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--user") == 0)
		user = argv[2];
	else if (argc != 1) {
		(void)fputs(usage, stderr);
		return 2;
	}
	if (check_gate() != 0)
		return COURIER_EXIT_START;
	/* A peer that has gone is an error of write(), not the end. */
	if (pipes_forgo_signal() != 0 || digest_init() != 0) {
		event_log("cannot start");
		return COURIER_EXIT_START;
	}
	if (drop(user) != 0)
		return COURIER_EXIT_START;
	return courier_run(GATE_FD);
}
