/*
 * test_deviceid.c - the name of a device, against values made elsewhere.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "common/deviceid.h"
#include "common/digest.h"
#include "tests/harness/test.h"

/* base64.b32encode(hashlib.sha256(key).digest()) of Python's library. */
TEST(same_as_python)
{
	uint8_t key[32];
	char id[DEVICEID_SIZE];
	size_t i;

	CHECK_INT(digest_init(), 0);
	memset(key, 0, sizeof(key));
	deviceid_make(key, id);
	CHECK_STR(id, "d-mzuhvlpymk6xo3epygfy5h4oea");
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	deviceid_make(key, id);
	CHECK_STR(id, "d-mmg42klgyqzwneiskrelxms3j7");
	memset(key, 0xff, sizeof(key));
	deviceid_make(key, id);
	CHECK_STR(id, "d-v6lbg5qpojrv7pnujjnauy6dt4");
	CHECK(deviceid_is(bytes_str(id)));
}

TEST(other_forms_are_none)
{
	static const char *const bad[] = {
		"", "d-", "d-mzuhvlpymk6xo3epygfy5h4oe",
		"d-mzuhvlpymk6xo3epygfy5h4oeaa",
		"D-mzuhvlpymk6xo3epygfy5h4oea",
		"d_mzuhvlpymk6xo3epygfy5h4oea",
		"d-Mzuhvlpymk6xo3epygfy5h4oea",
		"d-mzuhvlpymk6xo3epygfy5h4o1a",
		"d-mzuhvlpymk6xo3epygfy5h4o8a",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!deviceid_is(bytes_str(bad[i])));
}

TEST_MAIN()
