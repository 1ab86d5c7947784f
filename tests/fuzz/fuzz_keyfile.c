/*
 * fuzz_keyfile.c - key files that somebody else wrote.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/keyfile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Whether opening it costs next to nothing. */
static bool
is_cheap(const uint8_t *p, size_t n)
{
	return memmem(p, n, "\"ops\":1,\"mem\":8192,", 19) != NULL ||
	    memmem(p, n, "\"mem\"", 5) == NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct keyfile_info info, again;
	struct bytes text = bytes_of(p, n);
	struct signer s;

	if (digest_init() != 0 || keyfile_read_info(text, &info) != 0)
		return 0;
	if (!is_cheap(p, n))
		return 0;
	if (keyfile_open(text, bytes_str("passphrase"), &again, &s) == 0) {
		if (memcmp(s.public, info.public, 32) != 0 ||
		    again.use != info.use)
			abort();
		signer_wipe(&s);
	} else if (!info.encrypted) {
		abort();
	}
	return 0;
}
