/*
 * envelope_verify.c - which keys signed an envelope.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate (on flat fields), cli, console.
 *
 * Apart from envelope.c, so that the courier, which takes envelopes apart,
 * links nothing that belongs to signatures.
 */
#include "common/ed25519.h"
#include "common/envelope.h"

static bool
signed_by(const struct envelope *e, const uint8_t *key, struct bytes pae)
{
	size_t i;

	for (i = 0; i < e->n_sigs; i++) {
		if (ed25519_verify(key, pae, e->sigs[i].sig) == 0)
			return true;
	}
	return false;
}

int
envelope_verify_ed25519(const struct envelope *e,
    const uint8_t *const keys[], size_t n_keys, bool *ret_valid)
{
	struct buf pae;
	size_t i;
	int r;

	if (e->n_sigs > ENVELOPE_MAX_SIGS)
		return ERR_TOO_LARGE;
	if (e->n_sigs > 0 && n_keys > ENVELOPE_MAX_TRIES / e->n_sigs)
		return ERR_TOO_LARGE;
	/* The frame around type and payload is less than 64 bytes. */
	buf_init(&pae, e->type.n + e->payload.n + 64);
	envelope_pae(&pae, e->type, e->payload);
	if ((r = buf_error(&pae)) != 0)
		goto out;
	r = ERR_SIGNATURE;
	for (i = 0; i < n_keys; i++) {
		ret_valid[i] = signed_by(e, keys[i], buf_bytes(&pae));
		if (ret_valid[i])
			r = 0;
	}
out:
	buf_free(&pae);
	return r;
}
