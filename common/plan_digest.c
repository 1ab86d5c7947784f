/*
 * plan_digest.c - the hash of a plan; a file apart, see plan.h.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "common/plan.h"

#include "common/digest.h"

#include <string.h>

int
plan_digest(struct bytes plan, uint8_t ret_digest[32])
{
	struct sha256 d;

	if (plan.n == 0 || plan.n > PLAN_SIZE_MAX)
		return ERR_TOO_LARGE;
	digest_sha256(plan, &d);
	memcpy(ret_digest, d.b, sizeof(d.b));
	return 0;
}
