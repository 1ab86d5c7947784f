/*
 * identity.c - the device's own key, and what it signs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/identity.h"

#include "common/digest.h"
#include "common/envelope.h"
#include "common/jsonw.h"
#include "common/version.h"
#include "platform/host.h"
#include "platform/random.h"
#include "platform/secrets.h"

#include <string.h>

struct identity_key {
	struct signer signer;
	char device[DEVICEID_SIZE];
};

static int
seed_make(const char *path)
{
	uint8_t seed[SECRET_SIZE];
	int err;

	if ((err = random_fill(seed, sizeof(seed))) == 0)
		err = secrets_write(path, seed);
	secrets_wipe(seed, sizeof(seed));
	return err;
}

int
identity_open(const char *path, bool make, struct identity_key **ret_k)
{
	struct identity_key *k = secrets_alloc(sizeof(*k));
	uint8_t seed[SECRET_SIZE];
	int err;

	if (k == NULL)
		return ERR_NOMEM;
	err = secrets_read(path, seed);
	if (err == ERR_NOT_FOUND && make && (err = seed_make(path)) == 0)
		err = secrets_read(path, seed);
	if (err == 0)
		err = signer_from_seed(seed, &k->signer);
	secrets_wipe(seed, sizeof(seed));
	if (err != 0) {
		identity_close(k);
		return err;
	}
	deviceid_make(k->signer.public, k->device);
	*ret_k = k;
	return 0;
}

void
identity_close(struct identity_key *k)
{
	secrets_free(k, sizeof(*k));
}

const uint8_t *
identity_public(const struct identity_key *k)
{
	return k->signer.public;
}

const char *
identity_device(const struct identity_key *k)
{
	return k->device;
}

static void
put_profiles(struct jsonw *w, const struct sandbox_offer *o)
{
	jsonw_arr(w, "profiles");
	if (o->observe)
		jsonw_cstr(w, NULL, "observe");
	if (o->repair)
		jsonw_cstr(w, NULL, "repair");
	if (o->full)
		jsonw_cstr(w, NULL, "full");
	jsonw_arr_end(w);
}

/* What holds in each of them here, in the words of a result's `enforced`. */
static void
put_sandbox(struct jsonw *w, const struct sandbox_offer *o)
{
	const bool offered[] = { o->observe, o->repair, o->full };
	size_t i;

	jsonw_arr(w, "sandbox");
	for (i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
		if (offered[i])
			jsonw_cstr(w, NULL, o->why[i]);
	jsonw_arr_end(w);
}

int
identity_hello(const struct identity_key *k, const struct hello *h,
    struct buf *ret_payload, uint8_t ret_sig[SIGNER_SIGNATURE_SIZE])
{
	uint8_t nonce[32];
	struct jsonw w;
	struct buf pae;
	int err;

	if ((err = random_fill(nonce, sizeof(nonce))) != 0)
		return err;
	jsonw_init(&w, ret_payload);
	jsonw_obj(&w, NULL);
	jsonw_int(&w, "v", 1);
	jsonw_cstr(&w, "org", h->org);
	jsonw_cstr(&w, "device", k->device);
	jsonw_b64url(&w, "console_nonce", bytes_of(h->console_nonce, 32));
	jsonw_b64url(&w, "device_nonce", bytes_of(nonce, sizeof(nonce)));
	jsonw_b64url(&w, "exporter", bytes_of(h->exporter, 32));
	jsonw_cstr(&w, "version", COUNTERSIGN_VERSION);
	jsonw_cstr(&w, "system", host_system());
	jsonw_cstr(&w, "arch", host_arch());
	jsonw_arr(&w, "reads");
	jsonw_cstr(&w, NULL, "card.v1");
	jsonw_cstr(&w, NULL, "approval.v1");
	jsonw_cstr(&w, NULL, "cancel.v1");
	jsonw_cstr(&w, NULL, "trust.v1");
	jsonw_arr_end(&w);
	put_profiles(&w, h->offer);
	put_sandbox(&w, h->offer);
	jsonw_bool(&w, "split", h->split);
	jsonw_int(&w, "next", (int64_t)h->next);
	jsonw_obj_end(&w);
	if ((err = buf_error(ret_payload)) != 0)
		return err;
	buf_init(&pae, ret_payload->n + 256);
	envelope_pae(&pae, envelope_type_text(PAYLOAD_HELLO),
	    buf_bytes(ret_payload));
	if ((err = buf_error(&pae)) == 0)
		err = signer_sign(&k->signer, buf_bytes(&pae), ret_sig);
	buf_free(&pae);
	return err;
}

int
identity_sign(const struct identity_key *k, struct bytes message,
    uint8_t ret_sig[SIGNER_SIGNATURE_SIZE])
{
	return signer_sign(&k->signer, message, ret_sig);
}

int
identity_machine(struct sha256 *ret_d)
{
	struct buf b;
	int err;

	buf_init(&b, 4096);
	err = host_put_machine(&b);
	if (err == 0)
		err = buf_error(&b);
	if (err == 0)
		digest_sha256(buf_bytes(&b), ret_d);
	buf_free(&b);
	return err;
}
