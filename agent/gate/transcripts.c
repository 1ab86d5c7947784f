/*
 * transcripts.c - what cards print: one file each, growing while it runs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/transcripts.h"

#include "common/digest.h"
#include "platform/file.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER "transcripts"
#define NAME_LENGTH (2 * SHA256_SIZE)

struct transcript {
	struct transcripts *all;
	struct transcript *next;
	struct sha256 card;
	int fd;
	uint64_t output_bytes;	/* of output that may be kept */
	uint64_t room;		/* of file that was set aside */
	uint64_t size;		/* of the file */
	uint64_t last_ms;
	struct digest_ctx hash;
	uint64_t came[2], kept[2];
	bool full;		/* nothing more is kept */
};

struct transcripts {
	int dir;
	uint64_t cap;
	uint64_t stored;	/* bytes of finished files */
	struct transcript *running;
};

static void
name_of(const struct sha256 *card, char ret_name[NAME_LENGTH + 1])
{
	hex_encode(bytes_of(card->b, sizeof(card->b)), ret_name);
}

/*
 * The file that output_bytes of output may become. A byte a frame would be 14
 * times as much, so frames have room of their own, and end the keeping too.
 */
static uint64_t
room_for(uint64_t output_bytes)
{
	return TRANSCRIPT_SALT + output_bytes + output_bytes / 4 +
	    TRANSCRIPT_CHUNK;
}

static struct transcript *
find_running(const struct transcripts *t, const struct sha256 *card)
{
	struct transcript *r;

	for (r = t->running; r != NULL; r = r->next)
		if (sha256_equal(&r->card, card))
			return r;
	return NULL;
}

/* ---- the folder ---- */

struct count {
	struct transcripts *t;
	uint64_t bytes;
};

static int
count_file(void *arg, const char *name)
{
	struct count *c = arg;
	uint64_t size;
	int64_t changed;

	if (file_stat(c->t->dir, name, &size, &changed) == 0)
		c->bytes += size;
	return 0;
}

int
transcripts_open(int state_dir, uint64_t cap, struct transcripts **ret_t)
{
	struct transcripts *t = calloc(1, sizeof(*t));
	struct count c = { .t = t };
	int err;

	if (t == NULL)
		return ERR_NOMEM;
	t->dir = -1;
	t->cap = cap;
	if ((err = file_make_dir_at(state_dir, FOLDER, &t->dir)) == 0)
		err = file_list(t->dir, count_file, &c);
	if (err != 0) {
		transcripts_close(t);
		return err;
	}
	t->stored = c.bytes;
	*ret_t = t;
	return 0;
}

void
transcripts_close(struct transcripts *t)
{
	if (t == NULL)
		return;
	file_close(&t->dir);
	free(t);
}

uint64_t
transcripts_used(const struct transcripts *t)
{
	const struct transcript *r;
	uint64_t used = t->stored;

	for (r = t->running; r != NULL; r = r->next)
		used += r->room;
	return used;
}

bool
transcripts_has_room(const struct transcripts *t, uint64_t output_bytes)
{
	uint64_t used = transcripts_used(t);

	return used <= t->cap && room_for(output_bytes) <= t->cap - used;
}

/* ---- removing ---- */

struct oldest {
	struct transcripts *t;
	transcripts_may_go *may_go;
	void *arg;
	struct sha256 card;
	uint64_t size;
	int64_t changed;
	bool found;
	bool all;	/* remove each that may go, not only find one */
	int err;
};

static int
look_at(void *arg, const char *name)
{
	struct oldest *o = arg;
	struct sha256 card;
	uint64_t size;
	int64_t changed;

	if (hex_decode(bytes_str(name), card.b, sizeof(card.b)) != 0 ||
	    find_running(o->t, &card) != NULL ||
	    file_stat(o->t->dir, name, &size, &changed) != 0 ||
	    (o->found && changed >= o->changed && !o->all) ||
	    !o->may_go(o->arg, &card, changed))
		return 0;
	o->found = true;
	o->card = card;
	o->size = size;
	o->changed = changed;
	if (o->all && (o->err = transcripts_remove(o->t, &card)) ==
	    ERR_NOT_FOUND)
		o->err = 0;
	return o->err;
}

int
transcripts_make_room(struct transcripts *t, uint64_t output_bytes,
    transcripts_may_go *may_go, void *arg)
{
	int err;

	while (!transcripts_has_room(t, output_bytes)) {
		struct oldest o = { .t = t, .may_go = may_go, .arg = arg };

		if ((err = file_list(t->dir, look_at, &o)) != 0)
			return err;
		if (!o.found)
			return ERR_NO_SPACE;
		if ((err = transcripts_remove(t, &o.card)) != 0)
			return err;
	}
	return 0;
}

int
transcripts_clean(struct transcripts *t, transcripts_may_go *may_go,
    void *arg)
{
	struct oldest o = { .t = t, .may_go = may_go, .arg = arg,
	    .all = true };

	return file_list(t->dir, look_at, &o);
}

int
transcripts_remove(struct transcripts *t, const struct sha256 *card)
{
	char name[NAME_LENGTH + 1];
	uint64_t size;
	int64_t changed;
	int err;

	if (find_running(t, card) != NULL)
		return ERR_STATE;
	name_of(card, name);
	if ((err = file_stat(t->dir, name, &size, &changed)) != 0 ||
	    (err = file_remove(t->dir, name)) != 0)
		return err;
	t->stored -= size < t->stored ? size : t->stored;
	return 0;
}

/* ---- writing ---- */

static int
put(struct transcript *r, struct bytes a)
{
	int err = file_write_at(r->fd, r->size, a);

	if (err != 0)
		return err;
	digest_ctx_update(&r->hash, a);
	r->size += a.n;
	return 0;
}

int
transcript_create(struct transcripts *t, const struct sha256 *card,
    uint64_t output_bytes, const uint8_t salt[TRANSCRIPT_SALT],
    struct transcript **ret_t)
{
	char name[NAME_LENGTH + 1];
	struct transcript *r;
	int err;

	if (!transcripts_has_room(t, output_bytes))
		return ERR_NO_SPACE;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return ERR_NOMEM;
	r->card = *card;
	r->output_bytes = output_bytes;
	r->room = room_for(output_bytes);
	digest_ctx_init(&r->hash);
	name_of(card, name);
	if ((err = file_create(t->dir, name, &r->fd)) != 0) {
		free(r);
		return err;
	}
	if ((err = put(r, bytes_of(salt, TRANSCRIPT_SALT))) != 0) {
		file_close(&r->fd);
		free(r);
		/* An empty leftover harms nobody, but its name is taken. */
		if (file_remove(t->dir, name) != 0)
			return ERR_IO;
		return err;
	}
	r->all = t;
	r->next = t->running;
	t->running = r;
	*ret_t = r;
	return 0;
}

/* One frame: header and output, in one write. */
static int
put_frame(struct transcript *r, int stream, uint64_t ms, struct bytes output)
{
	struct buf b;
	int err;

	buf_init(&b, TRANSCRIPT_FRAME + TRANSCRIPT_CHUNK);
	buf_put_u8(&b, (uint8_t)stream);
	buf_put_u64le(&b, ms);
	buf_put_field(&b, output);
	if ((err = buf_error(&b)) == 0)
		err = put(r, buf_bytes(&b));
	buf_free(&b);
	return err;
}

/* How much of the output may still be kept. */
static size_t
room_left(const struct transcript *r, size_t n)
{
	uint64_t kept = r->kept[0] + r->kept[1];
	uint64_t left = r->output_bytes - kept;
	uint64_t file = r->room - r->size;

	if (file <= TRANSCRIPT_FRAME)
		return 0;
	if (left > file - TRANSCRIPT_FRAME)
		left = file - TRANSCRIPT_FRAME;
	return left < n ? (size_t)left : n;
}

int
transcript_append(struct transcript *r, int stream, uint64_t ms,
    struct bytes output)
{
	size_t n;
	int err;

	r->came[stream - 1] += output.n;
	if (ms < r->last_ms)
		ms = r->last_ms;
	r->last_ms = ms;
	while (output.n > 0 && !r->full) {
		n = room_left(r, output.n < TRANSCRIPT_CHUNK ? output.n :
		    TRANSCRIPT_CHUNK);
		if (n == 0) {
			r->full = true;
			break;
		}
		err = put_frame(r, stream, ms, bytes_of(output.p, n));
		if (err != 0) {
			/* What stands half written is no part of it. */
			r->full = true;
			if (file_truncate(r->fd, r->size) != 0)
				return ERR_IO;
			return err == ERR_NO_SPACE || err == ERR_TOO_LARGE ?
			    0 : err;
		}
		r->kept[stream - 1] += n;
		output.p += n;
		output.n -= n;
	}
	return 0;
}

static void
unlink_running(struct transcript *r)
{
	struct transcript **at = &r->all->running;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->all->stored += r->size;
}

int
transcript_finish(struct transcript *r, struct transcript_summary *ret_s)
{
	struct transcript_summary s = {
		.stdout_bytes = r->came[0],
		.stderr_bytes = r->came[1],
		.stdout_kept = r->kept[0],
		.stderr_kept = r->kept[1],
		.bytes = r->size,
	};
	int err = file_sync(r->fd);

	s.truncated = r->kept[0] + r->kept[1] < r->came[0] + r->came[1];
	digest_ctx_final(&r->hash, &s.hash);
	if (err == 0)
		err = file_sync_dir(r->all->dir);
	transcript_abandon(r);
	*ret_s = s;
	return err;
}

void
transcript_abandon(struct transcript *r)
{
	if (r == NULL)
		return;
	unlink_running(r);
	file_close(&r->fd);
	free(r);
}

uint64_t
transcript_bytes(const struct transcript *r)
{
	return r->size;
}

/* ---- reading ---- */

bool
transcripts_is_growing(const struct transcripts *t, const struct sha256 *card)
{
	return find_running(t, card) != NULL;
}

int
transcripts_read(struct transcripts *t, const struct sha256 *card,
    uint64_t offset, void *ret_p, size_t n, size_t *ret_n,
    uint64_t *ret_bytes)
{
	const struct transcript *r = find_running(t, card);
	char name[NAME_LENGTH + 1];
	uint64_t size;
	int fd = -1, err = 0;

	if (r != NULL) {
		size = r->size;
	} else {
		name_of(card, name);
		err = file_open_read(t->dir, name, &fd);
		/* What has its name and is no file is not what was written. */
		if (err == ERR_PERMISSION)
			err = ERR_NOT_FOUND;
		if (err != 0)
			return err;
		err = file_size(fd, &size);
	}
	if (err == 0 && offset >= size)
		n = 0;
	else if (err == 0 && n > size - offset)
		n = (size_t)(size - offset);
	if (err == 0)
		err = file_read_at(r != NULL ? r->fd : fd, offset, ret_p, n,
		    ret_n);
	file_close(&fd);
	if (err == 0)
		*ret_bytes = size;
	return err;
}
