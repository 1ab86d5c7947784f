/*
 * interop_age.c - lets an enrolled device run for years within a second.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests that have a state folder, while no agent runs on it.
 *
 *	interop_age CONFIG SEGMENTS DAYS [clock]
 *
 * Opens the state folder as the agent does and appends records, all by the
 * agent's own code, until so many segments more have begun; then the device has
 * run for so many days more (clock: its clock went on by them as well). The
 * segments are short, which no reader minds.
 */
#include "agent/gate/gate.h"
#include "agent/gate/journal_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT 20000	/* bytes */

/* A lockdown and its end: what a device can record by itself. */
static int
append(struct gate *g, struct moment *m)
{
	char reason[900];
	int err;

	memset(reason, 'x', sizeof(reason));
	m->boot_ms += 1000;
	err = core_lockdown(g->core, *m, true, "local", "local:root",
	    bytes_of((uint8_t *)reason, sizeof(reason)));
	return err != 0 ? err : core_lockdown(g->core, *m, false, "local",
	    "local:root", bytes_str("over"));
}

static int
age(struct gate *g, unsigned segments, uint64_t days, bool clock)
{
	struct moment m = gate_moment();
	size_t until = g->journal->n_segments + segments;
	int err = 0;

	journal_set_segment(g->journal, SHORT, JOURNAL_SEGMENT_RECORDS);
	while (err == 0 && g->journal->n_segments < until)
		if ((err = append(g, &m)) == 0)
			err = gate_sync(g);
	m.boot_ms += days * 86400000;
	if (clock)
		m.clock += (int64_t)days * 86400;
	if (err == 0 && (err = append(g, &m)) == 0 &&
	    (err = gate_sync(g)) == 0)
		err = checkpoints_make(g->checkpoints);
	return err;
}

int
main(int argc, char **argv)
{
	struct gate g;
	char why[256];
	int err;

	memset(&g, 0, sizeof(g));
	g.state_dir = g.courier_file.fd = g.runner_file.fd = -1;
	log_init(&g.log, "interop_age", false);
	if (argc < 4 || digest_init() != 0 || config_read(argv[1], true, why,
	    sizeof(why), &g.config) != 0) {
		fprintf(stderr, "usage: interop_age CONFIG SEGMENTS DAYS"
		    " [clock]\n");
		return 2;
	}
	if ((err = gate_open(&g, false)) == 0)
		err = age(&g, (unsigned)strtoul(argv[2], NULL, 10),
		    strtoull(argv[3], NULL, 10), argc > 4);
	gate_close(&g);
	if (err != 0)
		fprintf(stderr, "interop_age: %s\n", err_text(err));
	return err != 0;
}
