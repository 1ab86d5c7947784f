/*
 * blobs.c - the payloads of cards and trust files, each under its digest.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/blobs.h"

#include "common/caps.h"
#include "common/snapshot.h"
#include "platform/file.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER "blobs"
/* 64 hex digits. */
#define NAME_LENGTH (2 * SHA256_SIZE)
#define NEW_SUFFIX ".new"

struct blobs {
	int dir;
	bool unsynced;
	int failed;	/* a sync failed: the error, for ever */
};

static void
name_of(const struct sha256 *d, char ret_name[NAME_LENGTH + 1])
{
	hex_encode(bytes_of(d->b, sizeof(d->b)), ret_name);
}

/* What was being written when the agent ended was named by no record yet. */
static int
drop_leftover(void *arg, const char *name)
{
	const int *dir = arg;
	size_t n = strlen(name), k = sizeof(NEW_SUFFIX) - 1;
	int err;

	if (n < k || strcmp(name + n - k, NEW_SUFFIX) != 0)
		return 0;
	err = file_remove(*dir, name);
	return err == ERR_NOT_FOUND ? 0 : err;
}

int
blobs_open(int state_dir, struct blobs **ret_b)
{
	struct blobs *b = calloc(1, sizeof(*b));
	int err;

	if (b == NULL)
		return ERR_NOMEM;
	b->dir = -1;
	if ((err = file_make_dir_at(state_dir, FOLDER, &b->dir)) == 0)
		err = file_list(b->dir, drop_leftover, &b->dir);
	if (err != 0) {
		blobs_close(b);
		return err;
	}
	*ret_b = b;
	return 0;
}

void
blobs_close(struct blobs *b)
{
	if (b == NULL)
		return;
	file_close(&b->dir);
	free(b);
}

int
blobs_put(struct blobs *b, const struct sha256 *name, struct bytes payload)
{
	char text[NAME_LENGTH + 1];
	struct buf there;
	int err;

	if (b->failed != 0)
		return b->failed;
	buf_init(&there, CAP_TRUST);
	err = blobs_read(b, name, &there, NULL);
	buf_free(&there);
	if (err == ERR_NOMEM)
		return err;
	name_of(name, text);
	if (err != 0 && (err = file_put(b->dir, text, payload)) != 0)
		return err;
	/* Also if it was there: a crash may have come before its sync. */
	b->unsynced = true;
	return 0;
}

int
blobs_sync(struct blobs *b)
{
	if (b->failed != 0 || !b->unsynced)
		return b->failed;
	if ((b->failed = file_sync_dir(b->dir)) == 0)
		b->unsynced = false;
	return b->failed;
}

/* The type under which the bytes have that digest. */
static int
type_of(const struct sha256 *name, struct bytes payload,
    enum payload_type *ret_type)
{
	static const enum payload_type kinds[] = {
		PAYLOAD_CARD, PAYLOAD_ROOT, PAYLOAD_PEOPLE, PAYLOAD_POLICY,
		PAYLOAD_DEVICE, PAYLOAD_TIMESTAMP
	};
	struct sha256 d;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		digest_pae(envelope_type_text(kinds[i]), payload, &d);
		if (sha256_equal(&d, name)) {
			*ret_type = kinds[i];
			return 0;
		}
	}
	return ERR_CORRUPT;
}

int
blobs_read(struct blobs *b, const struct sha256 *name, struct buf *ret_b,
    enum payload_type *ret_type)
{
	char text[NAME_LENGTH + 1];
	enum payload_type type;
	int err;

	name_of(name, text);
	err = file_read(b->dir, text, CAP_TRUST, ret_b);
	/* Too long, or no file: it is not what was put there. */
	if (err == ERR_TOO_LARGE || err == ERR_PERMISSION)
		return ERR_CORRUPT;
	if (err != 0)
		return err;
	if ((err = type_of(name, buf_bytes(ret_b), &type)) != 0) {
		buf_clear(ret_b);
		return err;
	}
	if (ret_type != NULL)
		*ret_type = type;
	return 0;
}

int
blobs_read_state(struct blobs *b, const struct sha256 *name,
    struct buf *ret_b)
{
	char text[NAME_LENGTH + 1];
	struct sha256 d;
	int err;

	name_of(name, text);
	err = file_read(b->dir, text, SNAPSHOT_CAP, ret_b);
	if (err == ERR_TOO_LARGE || err == ERR_PERMISSION)
		return ERR_CORRUPT;
	if (err != 0)
		return err;
	digest_sha256(buf_bytes(ret_b), &d);
	if (sha256_equal(&d, name))
		return 0;
	buf_clear(ret_b);
	return ERR_CORRUPT;
}

int
blobs_put_state(struct blobs *b, const struct sha256 *name,
    struct bytes snapshot)
{
	char text[NAME_LENGTH + 1];
	int err;

	if (b->failed != 0)
		return b->failed;
	name_of(name, text);
	if ((err = file_put(b->dir, text, snapshot)) == 0)
		b->unsynced = true;
	return err;
}

int
blobs_size(struct blobs *b, const struct sha256 *name, uint64_t *ret_size)
{
	char text[NAME_LENGTH + 1];
	int64_t changed;

	name_of(name, text);
	return file_stat(b->dir, text, ret_size, &changed);
}

int
blobs_remove(struct blobs *b, const struct sha256 *name)
{
	char text[NAME_LENGTH + 1];
	int err;

	name_of(name, text);
	err = file_remove(b->dir, text);
	if (err == 0)
		b->unsynced = true;
	return err == ERR_NOT_FOUND ? 0 : err;
}
