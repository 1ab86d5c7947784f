/*
 * seatbelt.h - the kernel's sandbox of macOS, by profiles of ours.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner, courier. For platform/macos only.
 */
#ifndef COUNTERSIGN_PLATFORM_MACOS_SEATBELT_H
#define COUNTERSIGN_PLATFORM_MACOS_SEATBELT_H

#include "common/plan.h"

enum seatbelt_profile {
	SEATBELT_OBSERVE,	/* reads; writes only its temporary folder */
	SEATBELT_REPAIR,	/* also writes the plan's roots */
	SEATBELT_COURIER	/* TCP, UDP, names; no programs, no writing */
};

/* What a profile is filled with. */
struct seatbelt_facts {
	const struct plan *plan;	/* roots, masks, net */
	const char *tmp;		/* the temporary folder, real path */
};

/*
 * Confines this process and all that it starts, for good. facts: NULL for the
 * courier. Call it in a process with one thread. ERR_NOT_FOUND a root of the
 * plan is not there; ERR_PERMISSION the system does not take the profile;
 * ERR_TOO_LARGE, ERR_NOMEM.
 */
MUST_CHECK int seatbelt_enter(enum seatbelt_profile which,
    const struct seatbelt_facts *facts);

/*
 * Appends the profile's text, and fills ret_params: names and values in turn,
 * NULL last, as seatbelt_enter() hands them over; real (room for n paths) holds
 * the values. What seatbelt_enter() and tests are made of. Its errors.
 */
#define SEATBELT_PARAMS_MAX (2 * (PLAN_ROOTS_MAX + PLAN_MASKS_MAX + 8) + 1)
struct seatbelt_text {
	struct buf text;
	const char *params[SEATBELT_PARAMS_MAX];
	char *owned[SEATBELT_PARAMS_MAX];	/* freed by seatbelt_fini() */
	size_t n_params, n_owned;
};
MUST_CHECK int seatbelt_write(enum seatbelt_profile which,
    const struct seatbelt_facts *facts, struct seatbelt_text *ret_t);
/* Frees it. */
void seatbelt_fini(struct seatbelt_text *t);

#endif
