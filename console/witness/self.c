/*
 * self.c - this console as a witness: its name and its key.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/witness/self.h"

#include "platform/random.h"

#include <stdio.h>
#include <string.h>

void
self_wipe(struct self *self)
{
	signer_wipe(&self->signer);
}

/* The stored one. ERR_NOT_FOUND. */
static int
read_self(struct store *s, uint8_t seed[SIGNER_SEED_SIZE], struct buf *name)
{
	struct buf b;
	int err;

	buf_init(&b, SIGNER_SEED_SIZE);
	err = store_value_get(s, "witness.seed", &b);
	if (err == 0 && b.n != SIGNER_SEED_SIZE)
		err = ERR_CORRUPT;
	if (err == 0)
		memcpy(seed, b.p, SIGNER_SEED_SIZE);
	if (b.p != NULL)
		signer_wipe_memory(b.p, b.size);
	buf_free(&b);
	return err != 0 ? err : store_value_get(s, "witness.name", name);
}

static int
make_self(struct store *s, const struct settings *settings,
    uint8_t seed[SIGNER_SEED_SIZE], struct buf *name)
{
	int err;

	if (settings->witness_name[0] != '\0')
		buf_put_str(name, settings->witness_name);
	else
		buf_printf(name, "%s/witness", settings->names[0]);
	if ((err = buf_error(name)) != 0 ||
	    (err = random_fill(seed, SIGNER_SEED_SIZE)) != 0 ||
	    (err = store_value_set(s, "witness.seed", bytes_of(seed,
	    SIGNER_SEED_SIZE))) != 0)
		return err;
	return store_value_set(s, "witness.name", buf_bytes(name));
}

static int
load(struct store *s, const struct settings *settings,
    uint8_t seed[SIGNER_SEED_SIZE], struct self *self)
{
	struct buf name;
	int err;

	buf_init(&name, NOTE_NAME_MAX);
	err = read_self(s, seed, &name);
	if (err == ERR_NOT_FOUND) {
		buf_clear(&name);
		err = make_self(s, settings, seed, &name);
	}
	if (err == 0 && settings->witness_name[0] != '\0' &&
	    !bytes_is(buf_bytes(&name), settings->witness_name))
		err = ERR_CONFLICT;
	if (err == 0 && (err = signer_from_seed(seed, &self->signer)) == 0)
		err = note_key_init(buf_bytes(&name), NOTE_COSIGNATURE,
		    self->signer.public, &self->key);
	buf_free(&name);
	return err;
}

int
self_load(struct store *s, const struct settings *settings,
    struct self *ret_self)
{
	uint8_t seed[SIGNER_SEED_SIZE];
	struct self self;
	int err;

	memset(&self, 0, sizeof(self));
	/* One transaction: two programs must not make two keys. */
	if ((err = store_begin(s)) == 0) {
		if ((err = load(s, settings, seed, &self)) == 0)
			err = store_commit(s);
		else
			store_rollback(s);
	}
	signer_wipe_memory(seed, sizeof(seed));
	if (err == 0)
		*ret_self = self;
	self_wipe(&self);
	return err;
}
