/*
 * offers.c - what this machine can hold a card to, found out at each start.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "agent/gate/offers.h"

#include "platform/clock.h"
#include "platform/output.h"
#include "platform/pipes.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

void
offers_none(struct sandbox_offer *ret_o, const char *why)
{
	struct sandbox_offer o = { .full = true };
	size_t i;

	for (i = 0; i < 2; i++)
		(void)snprintf(o.why[i], sizeof(o.why[i]), "%s", why);
	(void)snprintf(o.why[2], sizeof(o.why[2]), "profile=full");
	(void)snprintf(o.text, sizeof(o.text), "profiles=full");
	*ret_o = o;
}

/* The account to try `observe` as; without one `repair` is tried all the
 * same. */
static bool
take_account(struct offers *o, struct identity *ret_id)
{
	int r;

	if (observers_name(0) == NULL || !privileges_is_root() ||
	    identities_check(o->why, sizeof(o->why)) != 0)
		return false;
	if ((r = identities_take(o->ids, IDENTITIES_WAIT_MS, ret_id,
	    &o->slot)) == 0)
		return true;
	o->busy = r == ERR_EXISTS;
	(void)snprintf(o->why, sizeof(o->why), "no account for it: %s",
	    r == ERR_EXISTS ? "other agents of this machine have them all" :
	    err_text(r));
	return false;
}

static int
start(struct offers *o, int runner_fd, const char *const *argv)
{
	int fds[2];
	struct process_fd map[1] = { { 1, -1 } };
	struct process_spec spec = {
		.role = PROCESS_PROBE,
		.exec_fd = runner_fd,
		.argv = argv,
		.fds = map,
		.n_fds = 1,
		.new_session = true,
	};
	int r;

	if ((r = pipes_open(fds)) != 0)
		return r;
	map[0].parent = fds[1];
	r = process_start(&spec, NULL, &o->probe);
	pipes_close(&fds[1]);
	if (r != 0)
		pipes_close(&fds[0]);
	else
		o->output = fds[0];
	return r;
}

void
offers_begin(struct offers *o, int runner_fd, struct identities *ids)
{
	const char *argv[5] = { "countersign-runner", "--probe", NULL, NULL,
	    NULL };
	char uid[16], gid[16];
	struct identity id;

	memset(o, 0, sizeof(*o));
	o->ids = ids;
	o->slot = IDENTITY_NONE;
	o->output = -1;
	offers_none(&o->offer, "nothing was tried");
	if (take_account(o, &id)) {
		(void)snprintf(uid, sizeof(uid), "%u", (unsigned)id.uid);
		(void)snprintf(gid, sizeof(gid), "%u", (unsigned)id.gid);
		argv[2] = uid;
		argv[3] = gid;
	}
	if (start(o, runner_fd, argv) != 0)
		offers_none(&o->offer, "the runner's probe could not be run");
}

/* What it says, or why that does not count. */
static int
take(struct offers *o, struct buf *b)
{
	struct sandbox_offer found;
	int r = output_read(o->output, clock_boot_ms() + OFFERS_WAIT_MS, b);

	if (r == 0)
		r = offer_read(buf_bytes(b), &found);
	if (r != 0) {
		offers_none(&o->offer, r == ERR_AGAIN ?
		    "the runner's probe took too long" :
		    "the runner's probe came to no end");
		return r;
	}
	/* Not even tried: here it is known why. */
	if (!found.observe && o->why[0] != '\0')
		(void)snprintf(found.why[0], sizeof(found.why[0]), "%s",
		    o->why);
	o->offer = found;
	return 0;
}

int
offers_finish(struct offers *o)
{
	struct buf b;
	int r = 0;

	if (o->output >= 0) {
		buf_init(&b, OFFER_SIZE_MAX);
		r = take(o, &b);
		buf_free(&b);
		pipes_close(&o->output);
	} else {
		r = ERR_IO;
	}
	if (o->probe.pid > 0) {
		if (r != 0)
			(void)process_kill(&o->probe, SIGKILL);
		(void)!process_wait_end(&o->probe, NULL);
	}
	identities_release(o->ids, &o->slot);
	return r;
}
