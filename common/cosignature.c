/*
 * cosignature.c - a witness's word for a checkpoint, with the time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/cosignature.h"

#include "common/signer.h"

#include <inttypes.h>
#include <string.h>

/* What is signed. The buffer's errors. */
static int
message(struct buf *b, struct bytes text, uint64_t time)
{
	buf_printf(b, "cosignature/v1\ntime %" PRIu64 "\n", time);
	buf_put_bytes(b, text);
	return buf_error(b);
}

int
cosignature_sign(struct buf *b, struct bytes text, const struct note_key *key,
    const struct signer *signer, int64_t time)
{
	uint8_t sig[SIGNER_SIGNATURE_SIZE];
	struct buf m, value;
	int err;

	if (time < 1)
		return ERR_RANGE;
	buf_init(&m, NOTE_MAX + 64);
	buf_init(&value, COSIGNATURE_SIZE);
	if ((err = message(&m, text, (uint64_t)time)) == 0 &&
	    (err = signer_sign(signer, buf_bytes(&m), sig)) == 0) {
		buf_put_u64be(&value, (uint64_t)time);
		buf_put(&value, sig, sizeof(sig));
		if ((err = buf_error(&value)) == 0) {
			note_put_line(b, key, buf_bytes(&value));
			err = buf_error(b);
		}
	}
	buf_free(&m);
	buf_free(&value);
	return err;
}

/* The value of a line that says that it is the key's. */
static int
verify_value(struct bytes text, struct bytes value,
    const struct note_key *key, int64_t *ret_time)
{
	struct reader r;
	struct bytes sig;
	struct buf m;
	uint64_t time;
	int err;

	reader_init(&r, value);
	(void)reader_take(&r, sizeof(key->id));
	time = reader_u64be(&r);
	sig = reader_take(&r, ED25519_SIGNATURE_SIZE);
	if (reader_end(&r) != 0 || time == 0 || time > INT64_MAX)
		return ERR_SIGNATURE;
	buf_init(&m, NOTE_MAX + 64);
	if ((err = message(&m, text, time)) == 0)
		err = ed25519_verify(key->public, buf_bytes(&m), sig);
	buf_free(&m);
	if (err == 0)
		*ret_time = (int64_t)time;
	return err;
}

int
cosignature_verify(struct bytes text, struct bytes lines,
    const struct note_key *key, int64_t *ret_time)
{
	struct note_signature s;
	struct bytes rest = lines;
	struct buf b;
	int r, found = ERR_NOT_FOUND;

	buf_init(&b, NOTE_MAX);
	while ((r = note_next(&rest, &b, &s)) > 0) {
		if (!note_signature_is_by(&s, key))
			continue;
		if ((found = verify_value(text, s.value, key, ret_time)) != 0)
			break;
	}
	buf_free(&b);
	return r < 0 ? r : found;
}
