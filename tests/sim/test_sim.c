/*
 * test_sim.c - the core under random interleavings, watched by an oracle.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 *
 * No card runs without what its policy asks for at that moment, none runs
 * twice, and every card comes to exactly one end. SIM_RUNS=n runs another
 * number of seeds, SIM_SEED=n that one alone.
 */
#include "agent/gate/core.h"
#include "tests/sim/world.h"

#define RUNS 10000
#define PARTS 4
/* A fault that is not found in so many runs is not found. */
#define FAULT_RUNS 3000
/* Each so many runs are folded again at their end. */
#define FOLD_EVERY 8

static unsigned long
number(const char *name, unsigned long other)
{
	const char *v = getenv(name);

	return v != NULL ? strtoul(v, NULL, 10) : other;
}

/* Each test has two minutes: a part of the seeds each. */
static void
run_part(unsigned long part)
{
	unsigned long runs = number("SIM_RUNS", RUNS), seed;
	unsigned long only = number("SIM_SEED", 0);
	struct counts n = { 0 };
	struct cast *c = cast_make();
	const char *why;

	for (seed = part + 1; seed <= runs; seed += PARTS) {
		if (only != 0)
			seed = only;
		why = world_run(c, seed, FAULT_NONE,
		    seed / PARTS % FOLD_EVERY == 0, &n);
		CHECK_MSG(why == NULL, "SIM_SEED=%lu: %s", seed, why);
		if (only != 0)
			break;
	}
	printf("# %lu runs: %lu approvals, %lu starts, %lu ends, %lu new"
	    " nonces\n", runs / PARTS, n.accepted, n.starts, n.ends,
	    n.restarts);
	/* It is about something. */
	if (only == 0) {
		CHECK(n.starts > runs / PARTS / 2);
		CHECK(n.ends > 2 * n.starts);
		CHECK(n.accepted > n.starts / 2);
		CHECK(n.restarts > runs / PARTS / 4);
	}
	cast_free(c);
}

TEST(random_interleavings_1) { run_part(0); }
TEST(random_interleavings_2) { run_part(1); }
TEST(random_interleavings_3) { run_part(2); }
TEST(random_interleavings_4) { run_part(3); }

/* The oracle would notice: each planted fault is found. */
TEST(the_oracle_finds_planted_faults)
{
	struct cast *c = cast_make();
	struct counts n = { 0 };
	unsigned long seed;
	int fault;

	for (fault = FAULT_NONE + 1; fault < FAULTS; fault++) {
		for (seed = 1; seed <= FAULT_RUNS; seed++)
			if (world_run(c, seed, (enum fault)fault, false,
			    &n) != NULL)
				break;
		printf("# fault %d: found by seed %lu\n", fault, seed);
		CHECK_MSG(seed <= FAULT_RUNS, "fault %d", fault);
	}
	cast_free(c);
}

TEST_MAIN()
