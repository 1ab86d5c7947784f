/*
 * test_limiter.c - how many records unverified input may cause.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/gate/limiter.h"
#include "tests/harness/test.h"

TEST(twenty_a_minute_then_one_summary)
{
	struct limiter l = { 0 };
	unsigned i, written = 0;

	CHECK(limiter_deadline(&l) == UINT64_MAX);
	for (i = 0; i < 1000; i++)
		written += limiter_take(&l, 5000 + i) ? 1 : 0;
	CHECK_INT(written, LIMITER_PER_MINUTE);
	CHECK_INT((int)limiter_deadline(&l), 5000 + LIMITER_WINDOW_MS);
	CHECK_INT((int)limiter_due(&l, 6000), 0);
	CHECK_INT((int)limiter_due(&l, 5000 + LIMITER_WINDOW_MS), 980);
	CHECK_INT((int)limiter_due(&l, 5000 + LIMITER_WINDOW_MS), 0);
	CHECK(limiter_deadline(&l) == UINT64_MAX);
}

TEST(a_new_minute_starts_again)
{
	struct limiter l = { 0 };
	unsigned i, minute, written = 0;

	for (minute = 0; minute < 10; minute++)
		for (i = 0; i < 100; i++)
			written += limiter_take(&l, minute *
			    LIMITER_WINDOW_MS + i) ? 1 : 0;
	CHECK_INT(written, 10 * LIMITER_PER_MINUTE);
	CHECK_INT((int)l.held_back, 80);
	CHECK_INT((int)limiter_due(&l, 9 * LIMITER_WINDOW_MS + 99), 9 * 80);
	CHECK_INT((int)limiter_due(&l, 10 * LIMITER_WINDOW_MS), 80);
}

/* The boot clock begins again at 0 after a reboot of a saved state. */
TEST(a_clock_that_went_back_opens_a_window)
{
	struct limiter l = { 0 };
	unsigned i;

	for (i = 0; i < 100; i++)
		(void)limiter_take(&l, 1000000);
	CHECK(limiter_take(&l, 10));
}

TEST_MAIN()
