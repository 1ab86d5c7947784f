/*
 * test_courier.c - the courier's timing rules: back-off, pings, quota.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: unit tests.
 */
#include "agent/courier/backoff.h"
#include "agent/courier/pulse.h"
#include "agent/courier/quota.h"
#include "tests/harness/test.h"

/* With the largest chance the wait is the bound itself. */
TEST(backoff_doubles_up_to_its_bound)
{
	static const uint32_t bounds[] = { 1000, 2000, 4000, 8000, 16000,
	    32000, 64000, 128000, 256000, 300000, 300000, 300000 };
	struct backoff b;
	uint64_t now = 5000;
	size_t i;

	backoff_init(&b, 1000);
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		CHECK_INT(backoff_next(&b, now, UINT32_MAX) - now, bounds[i]);
	/* For ever: no shift runs over. */
	for (i = 0; i < 1000; i++)
		CHECK_INT(backoff_next(&b, now, UINT32_MAX) - now, 300000);
	CHECK_INT(backoff_next(&b, now, 0), now);
	CHECK_INT(backoff_next(&b, now, UINT32_MAX / 2) - now, 150000);
}

TEST(backoff_begins_small)
{
	struct backoff b;

	backoff_init(&b, 0);
	CHECK_INT(backoff_next(&b, 10, UINT32_MAX), 11);
	backoff_init(&b, 65535);
	CHECK_INT(backoff_next(&b, 10, UINT32_MAX), 65545);
}

TEST(backoff_resets_after_a_good_link)
{
	struct backoff b;
	int i;

	backoff_init(&b, 1000);
	for (i = 0; i < 5; i++)
		(void)backoff_next(&b, 0, 0);
	/* Up, but not for long enough. */
	backoff_up(&b, 1000);
	CHECK_INT(backoff_next(&b, 1000 + 59999, UINT32_MAX) - 60999, 32000);
	backoff_up(&b, 1000);
	CHECK_INT(backoff_next(&b, 1000 + 60000, UINT32_MAX) - 61000, 1000);
	/* A failure later, without a link in between, is no reset. */
	CHECK_INT(backoff_next(&b, 900000, UINT32_MAX) - 900000, 2000);
}

TEST(backoff_obeys_the_console)
{
	struct backoff b;

	backoff_init(&b, 1000);
	backoff_ask(&b, 100, 120);
	CHECK_INT(backoff_next(&b, 100, UINT32_MAX), 120100);
	/* Once. */
	CHECK_INT(backoff_next(&b, 100, 0), 100);
	/* It lengthens only. */
	backoff_init(&b, 10000);
	backoff_ask(&b, 100, 1);
	CHECK_INT(backoff_next(&b, 100, UINT32_MAX), 10100);
	/* Nobody is sent away for ever. */
	backoff_ask(&b, 0, UINT32_MAX);
	CHECK_INT(backoff_next(&b, 0, 0), 3600000);
}

TEST(pulse_pings_in_its_spread)
{
	struct pulse p;

	pulse_start(&p, 1000, 0);
	CHECK_INT(pulse_next(&p), 1000 + 24000);
	pulse_start(&p, 1000, UINT32_MAX);
	CHECK_INT(pulse_next(&p), 1000 + 36000);
	CHECK_INT(pulse_due(&p, 36999, 0), PULSE_NOTHING);
	CHECK_INT(pulse_due(&p, 37000, 0), PULSE_PING);
	/* Unanswered: the next thing is the end. */
	CHECK_INT(pulse_next(&p), 37000 + PULSE_DEAD_MS);
	CHECK_INT(pulse_due(&p, 37000 + PULSE_DEAD_MS - 1, 0), PULSE_NOTHING);
	CHECK_INT(pulse_due(&p, 37000 + PULSE_DEAD_MS, 0), PULSE_DEAD);
}

TEST(pulse_lives_on_a_sign)
{
	struct pulse p;

	pulse_start(&p, 0, 0);
	CHECK_INT(pulse_due(&p, 24000, 0), PULSE_PING);
	pulse_alive(&p);
	CHECK_INT(pulse_next(&p), 48000);
	CHECK_INT(pulse_due(&p, 47999, 0), PULSE_NOTHING);
	CHECK_INT(pulse_due(&p, 48000, 0), PULSE_PING);
}

TEST(pulse_is_excused_while_we_do_not_read)
{
	struct pulse p;

	pulse_start(&p, 0, 0);
	pulse_excuse(&p, 10);
	CHECK_INT(pulse_next(&p), 24000);
	CHECK_INT(pulse_due(&p, 24000, 0), PULSE_PING);
	pulse_excuse(&p, 43999);
	CHECK_INT(pulse_due(&p, 44000, 0), PULSE_NOTHING);
	/* The next ping does not give the unanswered one more time. */
	CHECK_INT(pulse_due(&p, 48000, 0), PULSE_PING);
	CHECK_INT(pulse_next(&p), 63999);
	CHECK_INT(pulse_due(&p, 63999, 0), PULSE_DEAD);
}

TEST(pulse_stops)
{
	struct pulse p;

	pulse_start(&p, 0, 0);
	CHECK_INT(pulse_due(&p, 24000, 0), PULSE_PING);
	pulse_stop(&p);
	CHECK_INT(pulse_next(&p), 0);
	CHECK_INT(pulse_due(&p, UINT64_MAX, 0), PULSE_NOTHING);
}

TEST(quota_fills_and_empties)
{
	struct quota q;
	int i;

	quota_init(&q, 20);
	for (i = 0; i < 20; i++)
		CHECK(quota_take(&q, 100 + (uint64_t)i));
	CHECK(!quota_take(&q, 120));
	CHECK(!quota_take(&q, 100 + 59999));
	for (i = 0; i < 20; i++)
		CHECK(quota_take(&q, 100 + 60000));
	CHECK(!quota_take(&q, 100 + 60000));
	quota_init(&q, 0);
	CHECK(!quota_take(&q, 0));
}

TEST_MAIN()
