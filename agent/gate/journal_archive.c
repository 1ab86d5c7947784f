/*
 * journal_archive.c - sealed segments: compressed, and one day removed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * At any moment there is one whole form on disk: <name>.gz.new is written,
 * synced, read again and compared with the tree, then takes the name <name>.gz,
 * the folder is synced, and only then the plain one is removed. Where both are
 * there the plain one counts, and the other is made again.
 */
#include "agent/gate/journal_inside.h"

#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "<name>.seg.gz" and ".new" */
#define NEW_NAME_SIZE (JOURNAL_GZIP_NAME_SIZE + 4)

static void
new_name(uint64_t first, char ret_name[NEW_NAME_SIZE])
{
	char name[JOURNAL_GZIP_NAME_SIZE];

	journal_gzip_name(first, name);
	(void)snprintf(ret_name, NEW_NAME_SIZE, "%s.new", name);
}

/* Removes a file that need not be there. */
static int
remove_if(struct journal *j, const char *name)
{
	int err = file_remove(j->dir, name);

	return err == ERR_NOT_FOUND ? 0 : err;
}

/* ---- compressing ---- */

void
journal_pack_stop(struct journal *j)
{
	struct journal_pack *k = &j->pack;

	gzip_writer_free(k->writer);
	k->writer = NULL;
	journal_compare_end(&k->compare);
	file_close(&k->in);
	file_close(&k->out);
	k->on = false;
}

static int
begin_pack(struct journal *j, const struct journal_segment *s)
{
	struct journal_pack *k = &j->pack;
	char name[JOURNAL_NAME_SIZE], fresh[NEW_NAME_SIZE];
	uint64_t end = (s + 1)->first;
	uint8_t note[8];
	size_t i;
	int err;

	for (i = 0; i < sizeof(note); i++)
		note[i] = (uint8_t)(end >> (8 * i));
	journal_name(s->first, name);
	new_name(s->first, fresh);
	k->on = true;
	k->first = s->first;
	k->end = end;
	k->size = s->bytes;
	k->in_at = k->out_at = 0;
	if ((err = remove_if(j, fresh)) != 0 ||
	    (err = file_open_read(j->dir, name, &k->in)) != 0 ||
	    (err = file_create(j->dir, fresh, &k->out)) != 0)
		return err;
	return gzip_writer_new(bytes_of(note, sizeof(note)), &k->writer);
}

/* All is written: read again what a start will read. */
static int
begin_compare(struct journal *j)
{
	struct journal_pack *k = &j->pack;
	char fresh[NEW_NAME_SIZE];
	int err = file_sync(k->out);

	if (err != 0)
		return err;
	gzip_writer_free(k->writer);
	k->writer = NULL;
	file_close(&k->in);
	file_close(&k->out);
	new_name(k->first, fresh);
	return journal_compare_begin(j, &k->compare, fresh, k->first, k->end);
}

static int
pack_some(struct journal *j)
{
	struct journal_pack *k = &j->pack;
	uint8_t *piece = malloc(JOURNAL_STEP);
	struct buf out;
	bool last;
	size_t n = 0;
	int err;

	if (piece == NULL)
		return ERR_NOMEM;
	buf_init(&out, 4 * JOURNAL_STEP);
	err = file_read_at(k->in, k->in_at, piece, JOURNAL_STEP, &n);
	last = k->in_at + n >= k->size;
	if (err == 0 && (n == 0 || k->in_at + n > k->size))
		err = ERR_CORRUPT;
	if (err == 0)
		err = gzip_write(k->writer, bytes_of(piece, n), last, &out);
	if (err == 0 && out.n > 0)
		err = file_write_at(k->out, k->out_at, buf_bytes(&out));
	k->in_at += n;
	k->out_at += out.n;
	buf_free(&out);
	free(piece);
	if (err == 0 && last)
		err = begin_compare(j);
	return err != 0 ? err : 1;
}

/* The compressed form is good: it takes the plain one's place. */
static int
finish_pack(struct journal *j)
{
	struct journal_pack *k = &j->pack;
	struct journal_segment *s =
	    &j->segments[journal_segment_of(j, k->first)];
	char name[JOURNAL_NAME_SIZE], packed[JOURNAL_GZIP_NAME_SIZE];
	char fresh[NEW_NAME_SIZE];
	int err;

	journal_compare_end(&k->compare);
	journal_name(k->first, name);
	journal_gzip_name(k->first, packed);
	new_name(k->first, fresh);
	/* Who reads the plain one goes on in the other. */
	journal_forget(j, k->first);
	if ((err = file_rename(j->dir, fresh, packed)) != 0 ||
	    (err = file_sync_dir(j->dir)) != 0 ||
	    (err = file_remove(j->dir, name)) != 0)
		return err;
	s->gzip = true;
	s->bytes = k->out_at;
	k->on = false;
	err = file_sync_dir(j->dir);
	return err != 0 ? err : 1;
}

static int
pack_step(struct journal *j)
{
	const char *why;
	int got;

	if (j->pack.writer != NULL)
		return pack_some(j);
	got = journal_compare_step(j, &j->pack.compare, &why);
	return got != 0 ? got : finish_pack(j);
}

/* The first plain segment that may be compressed, or NULL. */
static const struct journal_segment *
to_pack(const struct journal *j, uint64_t covered)
{
	const struct journal_segment *s;
	size_t i;

	if (covered > j->checked)
		covered = j->checked;
	for (i = 0; i + 1 < j->n_segments; i++) {
		s = &j->segments[i];
		if ((s + 1)->first > covered)
			break;
		/* A longer one would be taken for a bomb. */
		if (!s->gzip && s->bytes <= JOURNAL_SEGMENT_MAX)
			return s;
	}
	return NULL;
}

int
journal_compress_step(struct journal *j, uint64_t covered)
{
	const struct journal_segment *s;
	int got = 1;

	if (j->tampered || j->failed != 0)
		return j->tampered ? ERR_CORRUPT : j->failed;
	if (j->pack.on) {
		got = pack_step(j);
	} else {
		if ((s = to_pack(j, covered)) == NULL)
			return 0;
		if ((got = begin_pack(j, s)) == 0)
			got = 1;
	}
	if (got > 0)
		return got;
	journal_pack_stop(j);
	/* Which of the two is bad? The plain one is looked at again. */
	if (got == ERR_CORRUPT || got == ERR_NOT_FOUND) {
		if (j->checked > j->pack.first)
			j->checked = j->pack.first;
		journal_compare_end(&j->compare);
		got = ERR_IO;
	}
	return got;
}

/* ---- pruning ---- */

static int
remove_first(struct journal *j)
{
	uint64_t first = j->segments[0].first;
	char name[JOURNAL_NAME_SIZE], packed[JOURNAL_GZIP_NAME_SIZE];
	char fresh[NEW_NAME_SIZE];
	int err;

	if (j->pack.on && j->pack.first == first)
		journal_pack_stop(j);
	if (j->compare.file.reader != NULL && j->compare.file.first == first)
		journal_compare_end(&j->compare);
	journal_forget(j, first);
	journal_name(first, name);
	journal_gzip_name(first, packed);
	new_name(first, fresh);
	if ((err = remove_if(j, fresh)) != 0 ||
	    (err = remove_if(j, packed)) != 0 ||
	    (err = remove_if(j, name)) != 0)
		return err;
	/* Before the next one goes: a crash must leave no gap. */
	if ((err = file_sync_dir(j->dir)) != 0)
		return err;
	j->n_segments--;
	memmove(&j->segments[0], &j->segments[1],
	    j->n_segments * sizeof(j->segments[0]));
	return 0;
}

int
journal_prune(struct journal *j, uint64_t before)
{
	int err = 0;

	/* What was tampered with is evidence. */
	if (j->tampered || j->failed != 0)
		return j->tampered ? ERR_CORRUPT : j->failed;
	while (j->n_segments > 1 && j->segments[1].first <= before && err == 0)
		err = remove_first(j);
	return err;
}
