/*
 * offer.h - which profiles a machine can keep, as the runner found by trying.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner (finds out), gate (reads).
 *
 * `countersign-runner --probe` prints, and the gate reads, lines of words:
 *
 *	offer 1
 *	layer observe mount ok
 *	layer observe landlock absent
 *	layer repair seccomp failed io_uring_setup: done
 *	profile observe yes profile=observe cgroup=none kill=uid …
 *	profile repair no seccomp: io_uring_setup: done
 *	profile full yes profile=full …
 *	offer profiles=observe,full landlock=0 …
 *	end
 *
 * A layer is `ok` (tried, and it held), `absent` (this kernel does not have it
 * and the profile does without) or `failed`; the rest of the line is for
 * people. A profile with `yes` is followed by what `enforced` of its results
 * says where there is no control group; one with `no` by the reason: the first
 * layer that failed. Fields are only ever added at the end of a line, and
 * lines of other words before the `end`.
 */
#ifndef COUNTERSIGN_COMMON_OFFER_H
#define COUNTERSIGN_COMMON_OFFER_H

#include "common/bytes.h"

/* Longest text about what is enforced, with its NUL. */
#define SANDBOX_TEXT_SIZE 256
/* All layers' lines. */
#define OFFER_LAYERS_SIZE 4096
/* Longest output of the probe that is read. */
#define OFFER_SIZE_MAX 16384u

struct sandbox_offer {
	/* What the runner is told before it tries. */
	bool try_out;		/* else only `full`, and nothing is run */
	uint32_t uid;		/* account of `observe`, as root; 0 none */
	uint32_t gid;

	bool observe;
	bool repair;
	bool full;
	char text[SANDBOX_TEXT_SIZE];	/* in a line: "profiles=full …" */
	/* By enum plan_profile less 1: what holds, or why it is not offered. */
	char why[3][SANDBOX_TEXT_SIZE];
	char layers[OFFER_LAYERS_SIZE];	/* "layer …\n", NUL at the end */
};

/* Appends the lines. */
void offer_put(struct buf *b, const struct sandbox_offer *o);
/*
 * Reads them; ret_o's first part is left 0. ERR_TRUNCATED no `end`; ERR_VERSION
 * it begins otherwise; ERR_SYNTAX a profile's line of another form;
 * ERR_MISSING_FIELD not all profiles; ERR_TOO_LARGE.
 */
MUST_CHECK int offer_read(struct bytes text, struct sandbox_offer *ret_o);

#endif
