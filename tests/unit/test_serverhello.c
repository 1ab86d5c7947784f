/*
 * test_serverhello.c - finding the extended master secret in a ServerHello.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/serverhello.h"
#include "tests/harness/test.h"

/* 32 bytes of random */
#define RANDOM "000102030405060708090a0b0c0d0e0f" \
    "101112131415161718191a1b1c1d1e1f"
/* version, random, no session id, a suite, no compression: 38 bytes */
#define START "0303" RANDOM "00" "c02b" "00"
#define EMS "0017" "0000"
#define POINTS "000b" "0002" "0100"

static const struct {
	const char *what, *hex;
	bool ems;
} rows[] = {
	{ "EMS alone", "160303 0030 0200002c" START "0004" EMS, true },
	{ "EMS in the middle", "160303 003c 02000038" START "0010" POINTS EMS
	    POINTS, true },
	{ "a session id", "160303 0034 02000030 0303" RANDOM "04 aabbccdd"
	    "c02b 00 0004" EMS, true },
	{ "more messages in the record", "160303 0034 0200002c" START "0004"
	    EMS "0e000000", true },
	{ "more records", "160303 0030 0200002c" START "0004" EMS
	    "1503030002 0228", true },
	{ "in three records", "160303 0002 0200 160303 0003 002c03"
	    "160303 002b 03" RANDOM "00c02b00 0004" EMS, true },

	{ "no extensions at all", "160303 002a 02000026" START, false },
	{ "none in the list", "160303 002c 02000028" START "0000", false },
	{ "only another", "160303 0032 0200002e" START "0006" POINTS, false },
	{ "EMS with content", "160303 0031 0200002d" START "0005 00170001 00",
	    false },
	{ "EMS twice", "160303 0034 02000030" START "0008" EMS EMS, false },
	{ "list too long", "160303 0030 0200002c" START "0005" EMS, false },
	{ "list too short", "160303 0030 0200002c" START "0003" EMS, false },
	{ "extension too long", "160303 0030 0200002c" START "0004 00170001",
	    false },
	{ "half an extension", "160303 002f 0200002b" START "0003 001700",
	    false },
	{ "bytes after the list", "160303 0031 0200002d" START "0004" EMS
	    "00", false },
	{ "cut in the fixed part", "160303 0008 02000004 03030001", false },
	{ "session id too long", "160303 0030 0200002c 0303" RANDOM "ff"
	    "c02b 00 0004" EMS, false },
	{ "an empty message", "160303 0004 02000000", false },
	{ "not whole", "160303 0030 0200002c" START "0004 0017 00", false },
	{ "not even its header", "160303 0030 0200", false },
	{ "an alert first", "150303 0002 0170 160303 0030 0200002c" START
	    "0004" EMS, false },
	{ "application data", "170303 0030 0200002c" START "0004" EMS,
	    false },
	{ "another message first", "160303 0004 00000000 160303 0030 0200002c"
	    START "0004" EMS, false },
	{ "an empty record", "160303 0000 160303 0030 0200002c" START "0004"
	    EMS, false },
	{ "too long a record", "160303 4001 0200002c" START "0004" EMS,
	    false },
	{ "too long a message", "160303 0030 020003fd" START "0004" EMS,
	    false },
	{ "no TLS", "485454502f312e3120343030", false },
	{ "nothing", "", false },
};

TEST(table)
{
	struct serverhello s;
	uint8_t data[200];
	const char *h;
	unsigned v;
	size_t i, k, n, step;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = 0;
		for (h = rows[i].hex; *h != '\0'; h++) {
			if (*h == ' ')
				continue;
			CHECK(sscanf(h++, "%2x", &v) == 1);
			data[n++] = (uint8_t)v;
		}
		for (step = 1; step <= n + 1; step++) {
			serverhello_init(&s);
			for (k = 0; k < n; k += step)
				serverhello_feed(&s, bytes_of(data + k,
				    n - k < step ? n - k : step));
			CHECK_MSG(serverhello_has_ems(&s) == rows[i].ems,
			    "%s by %zu", rows[i].what, step);
		}
	}
}

/* The longest that is taken, all but EMS in one other extension. */
TEST(longest)
{
	struct serverhello s;
	uint8_t data[5 + SERVERHELLO_MAX] = { 22, 3, 3, 4, 0, 2, 0, 3, 252 };
	size_t list = SERVERHELLO_MAX - 4 - 38 - 2, at = 5 + 4 + 38;

	data[at] = (uint8_t)(list >> 8);
	data[at + 1] = (uint8_t)list;
	data[at + 3] = 23;
	data[at + 6] = 0xff;
	data[at + 8] = (uint8_t)((list - 8) >> 8);
	data[at + 9] = (uint8_t)(list - 8);
	serverhello_init(&s);
	serverhello_feed(&s, bytes_of(data, sizeof(data)));
	CHECK(serverhello_has_ems(&s));
}

TEST_MAIN()
