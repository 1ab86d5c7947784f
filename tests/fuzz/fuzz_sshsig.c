/*
 * fuzz_sshsig.c - SSH signatures: a blob has one spelling, armour any lines.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: tests.
 */
#include "common/digest.h"
#include "common/sshsig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
read_blob(struct bytes blob)
{
	struct sshsig_public k;
	struct sshsig s;
	struct buf b;

	buf_init(&b, 2 * SSHSIG_MAX);
	if (sshsig_read_public(blob, &k) == 0) {
		sshsig_write_public(&b, &k);
		if (!bytes_equal(buf_bytes(&b), blob))
			abort();
		buf_clear(&b);
	}
	if (sshsig_read(blob, &s) == 0) {
		sshsig_write(&b, &s);
		if (!bytes_equal(buf_bytes(&b), blob))
			abort();
		if (sshsig_verify(&s, bytes_str("other")) == 0)
			abort();
	}
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bytes text = bytes_of(p, n);
	struct buf blob, again, back;

	if (digest_init() != 0)
		return 0;
	read_blob(text);
	buf_init(&blob, 1 << 20);
	buf_init(&again, 4 << 20);
	buf_init(&back, 1 << 20);
	if (sshsig_dearmour(text, &blob) == 0) {
		sshsig_armour(&again, buf_bytes(&blob));
		if (buf_error(&again) != 0 ||
		    sshsig_dearmour(buf_bytes(&again), &back) != 0 ||
		    !bytes_equal(buf_bytes(&blob), buf_bytes(&back)))
			abort();
		read_blob(buf_bytes(&blob));
	} else if (blob.n != 0) {
		abort();
	}
	buf_free(&blob);
	buf_free(&again);
	buf_free(&back);
	return 0;
}
