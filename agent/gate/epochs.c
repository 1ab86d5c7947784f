/*
 * epochs.c - the keys of the epochs: one secret at a time, the old one erased.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/epochs.h"

#include "common/envelope.h"
#include "common/epoch.h"
#include "platform/file.h"
#include "platform/random.h"
#include "platform/secrets.h"

#include <string.h>

#define KEY_NAME "epoch.key"
#define NEW_NAME "epoch.key.new"

/* In secret memory as a whole. */
struct epochs {
	int dir;
	int64_t epoch, next_epoch;	/* 0: none */
	struct signer key, next;
};

int
epochs_new(int dir, struct epochs **ret_e)
{
	struct epochs *e = secrets_alloc(sizeof(*e));

	if (e == NULL)
		return ERR_NOMEM;
	e->dir = dir;
	*ret_e = e;
	return 0;
}

void
epochs_free(struct epochs *e)
{
	secrets_free(e, sizeof(*e));
}

/* ---- files ---- */

static int
read_key(const struct epochs *e, const char *name, struct signer *ret_k)
{
	uint8_t seed[SECRET_SIZE];
	int err = secrets_read_at(e->dir, name, seed);

	if (err == 0)
		err = signer_from_seed(seed, ret_k);
	secrets_wipe(seed, sizeof(seed));
	return err;
}

/*
 * Overwrites a secret before its name goes. Where each write takes new room
 * anyhow, a full disk does not keep the name.
 */
static int
erase(const struct epochs *e, const char *name)
{
	int err = secrets_erase_at(e->dir, name);

	return err == ERR_NO_SPACE || err == ERR_NOT_FOUND ? 0 : err;
}

static int
drop_new(struct epochs *e)
{
	int err = erase(e, NEW_NAME);

	if (err == 0)
		err = file_remove(e->dir, NEW_NAME);
	return err == ERR_NOT_FOUND ? 0 : err;
}

/* The new file takes the old one's place, which is erased first. */
static int
replace(struct epochs *e)
{
	int err = erase(e, KEY_NAME);

	if (err != 0 || (err = file_rename(e->dir, NEW_NAME, KEY_NAME)) != 0)
		return err;
	return file_sync_dir(e->dir);
}

static bool
is_of(const struct signer *k, const uint8_t *public)
{
	return memcmp(k->public, public, sizeof(k->public)) == 0;
}

int
epochs_open(struct epochs *e, int64_t epoch, const uint8_t *public)
{
	struct signer *k = &e->key;
	int err;

	if (epoch == 0)
		return drop_new(e);
	err = read_key(e, KEY_NAME, k);
	if (err == 0 && is_of(k, public)) {
		e->epoch = epoch;
		return drop_new(e);
	}
	if (err != 0 && err != ERR_NOT_FOUND && err != ERR_CORRUPT)
		return err;
	/* A crash came between the record and the change of files. */
	err = read_key(e, NEW_NAME, k);
	if (err == 0 && !is_of(k, public))
		err = ERR_NOT_FOUND;
	if (err != 0) {
		signer_wipe(k);
		return err == ERR_CORRUPT ? ERR_NOT_FOUND : err;
	}
	e->epoch = epoch;
	return replace(e);
}

/* ---- the next ---- */

static int
make(struct epochs *e)
{
	uint8_t seed[SECRET_SIZE];
	int err;

	if ((err = random_fill(seed, sizeof(seed))) == 0 &&
	    (err = drop_new(e)) == 0 &&
	    (err = signer_from_seed(seed, &e->next)) == 0)
		err = secrets_write_at(e->dir, NEW_NAME, seed);
	secrets_wipe(seed, sizeof(seed));
	return err;
}

static int
sign_statement(const struct epochs *e, const struct identity_key *device,
    struct bytes payload, uint8_t ret_sig[64])
{
	struct buf pae;
	int err;

	buf_init(&pae, payload.n + 256);
	envelope_pae(&pae, envelope_type_text(PAYLOAD_EPOCH), payload);
	if ((err = buf_error(&pae)) == 0)
		err = e->epoch > 0 ?
		    signer_sign(&e->key, buf_bytes(&pae), ret_sig) :
		    identity_sign(device, buf_bytes(&pae), ret_sig);
	buf_free(&pae);
	return err;
}

int
epochs_next(struct epochs *e, const struct identity_key *device,
    const struct core_epoch *ask, struct buf *ret_payload,
    uint8_t ret_key[RECORD_DEVICE_KEY], uint8_t ret_sig[64])
{
	struct epoch_fields f = { ask->org, ask->device, ask->epoch, NULL,
	    ask->issued };
	int err;

	if (e->next_epoch != 0 || ask->epoch != e->epoch + 1)
		return ERR_STATE;
	if ((err = make(e)) != 0)
		return err;
	f.key = e->next.public;
	epoch_write(ret_payload, &f);
	if ((err = buf_error(ret_payload)) != 0 || (err = sign_statement(e,
	    device, buf_bytes(ret_payload), ret_sig)) != 0)
		return err;
	memcpy(ret_key, e->next.public, RECORD_DEVICE_KEY);
	e->next_epoch = ask->epoch;
	return 0;
}

bool
epochs_is_pending(const struct epochs *e)
{
	return e->next_epoch != 0;
}

int
epochs_settle(struct epochs *e)
{
	int err;

	if (e->next_epoch == 0)
		return 0;
	if ((err = replace(e)) != 0)
		return err;
	e->key = e->next;
	e->epoch = e->next_epoch;
	e->next_epoch = 0;
	signer_wipe(&e->next);
	return 0;
}

/* ---- using it ---- */

int64_t
epochs_number(const struct epochs *e)
{
	return e->epoch;
}

const uint8_t *
epochs_public(const struct epochs *e)
{
	return e->key.public;
}

int
epochs_sign(const struct epochs *e, struct bytes message, uint8_t ret_sig[64])
{
	return e->epoch > 0 ? signer_sign(&e->key, message, ret_sig) :
	    ERR_STATE;
}
