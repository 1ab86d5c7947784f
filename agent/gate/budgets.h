/*
 * budgets.h - how many refusals one person's signed input may have recorded.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A signature by a listed key makes a refusal certain and final, and so worth a
 * record each; but whoever holds such a key could fill journal and memory with
 * cards that are refused. Each person has a window like that of unverified
 * input, a wider one.
 */
#ifndef COUNTERSIGN_AGENT_GATE_BUDGETS_H
#define COUNTERSIGN_AGENT_GATE_BUDGETS_H

#include "common/bytes.h"

#define BUDGETS_PER_MINUTE 60
/* People at the same time; the one that was heard longest ago goes. */
#define BUDGETS_PEOPLE 64

struct budget {
	char person[65];
	uint64_t window_start;	/* boot-time clock, ms */
	uint64_t last;
	unsigned used;
};

/* All zeros is none used. */
struct budgets {
	struct budget people[BUDGETS_PEOPLE];
};

/* Whether one more of that person may be recorded; counts it. */
bool budgets_take(struct budgets *b, struct bytes person, uint64_t boot_ms);

#endif
