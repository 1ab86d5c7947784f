/*
 * interpreter.c - the interpreters of this machine, checked and hashed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate.
 */
#include "agent/gate/interpreter.h"

#include "common/digest.h"

#include <string.h>

/* Hashes the whole file, wherever its offset stands. */
static int
hash_file(const struct program *p, struct sha256 *ret_d)
{
	uint8_t block[65536];
	struct digest_ctx ctx;
	uint64_t at = 0;
	size_t n;
	int r;

	digest_ctx_init(&ctx);
	do {
		r = program_read(p, at, block, sizeof(block), &n);
		if (r != 0)
			return r;
		digest_ctx_update(&ctx, bytes_of(block, n));
		at += n;
	} while (n == sizeof(block));
	if (at != p->size || !program_is_unchanged(p))
		return ERR_CONFLICT;
	digest_ctx_final(&ctx, ret_d);
	return 0;
}

static void
remember(struct interpreter_cache *c, const struct program *p,
    const uint8_t hash[32])
{
	unsigned i = c->next;

	c->entries[i].file = *p;
	c->entries[i].file.fd = -1;
	memcpy(c->entries[i].hash, hash, 32);
	c->entries[i].used = true;
	c->next = (i + 1) % INTERPRETER_CACHE;
}

int
interpreter_hash(struct interpreter_cache *c, const struct program *p,
    uint8_t ret_hash[32])
{
	struct sha256 d;
	unsigned i;
	int r;

	for (i = 0; i < INTERPRETER_CACHE; i++)
		if (c->entries[i].used &&
		    program_is_same(&c->entries[i].file, p)) {
			memcpy(ret_hash, c->entries[i].hash, 32);
			return 0;
		}
	if ((r = hash_file(p, &d)) != 0)
		return r;
	remember(c, p, d.b);
	memcpy(ret_hash, d.b, 32);
	return 0;
}

int
interpreter_check(struct interpreter_cache *c, const char *path,
    uint8_t ret_hash[32])
{
	struct program p;
	int r;

	if ((r = program_open(path, PROGRAM_OWNER_ROOT, &p)) != 0)
		return r;
	r = interpreter_hash(c, &p, ret_hash);
	program_close(&p);
	return r;
}
