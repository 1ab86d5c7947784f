/*
 * journal.c - the journal on disk: append, one sync, the next segment.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/journal.h"
#include "agent/gate/journal_inside.h"

#include "common/merkle.h"
#include "platform/file.h"

#include <stdlib.h>
#include <string.h>

/* Room is taken in steps: each is one more change of the file's metadata. */
#define RESERVE_STEP (UINT64_C(1) << 20)


void
journal_set_segment(struct journal *j, uint64_t bytes, uint64_t records)
{
	j->segment_bytes = bytes;
	j->segment_records = records;
}

struct journal_segment *
journal_last(struct journal *j)
{
	return &j->segments[j->n_segments - 1];
}

int
journal_add_segment(struct journal *j, uint64_t first, uint64_t bytes,
    bool gzip)
{
	struct journal_segment *s = realloc(j->segments,
	    (j->n_segments + 1) * sizeof(*s));

	if (s == NULL)
		return ERR_NOMEM;
	j->segments = s;
	s[j->n_segments].first = first;
	s[j->n_segments].gzip = gzip;
	s[j->n_segments++].bytes = bytes;
	return 0;
}

void
journal_file_name(const struct journal_segment *s,
    char ret_name[JOURNAL_GZIP_NAME_SIZE])
{
	if (s->gzip)
		journal_gzip_name(s->first, ret_name);
	else
		journal_name(s->first, ret_name);
}

size_t
journal_segment_of(const struct journal *j, uint64_t index)
{
	size_t low = 0, high = j->n_segments, mid;

	while (high - low > 1) {
		mid = low + (high - low) / 2;
		if (j->segments[mid].first <= index)
			low = mid;
		else
			high = mid;
	}
	return low;
}

int
journal_mark(struct journal *j, uint64_t index, uint64_t offset)
{
	uint64_t *m;
	size_t size;

	if ((index - journal_last(j)->first) % JOURNAL_MARK_EACH != 0)
		return 0;
	if (j->n_marks == j->marks_size) {
		size = j->marks_size == 0 ? 16 : 2 * j->marks_size;
		if ((m = realloc(j->marks, size * sizeof(*m))) == NULL)
			return ERR_NOMEM;
		j->marks = m;
		j->marks_size = size;
	}
	j->marks[j->n_marks++] = offset;
	return 0;
}

/* ---- room ---- */

int
journal_take_room(struct journal *j, uint64_t until)
{
	uint64_t want, free_bytes;
	int err;

	if (!j->has_reserve) {
		if ((err = file_free_space(j->dir, &free_bytes)) != 0)
			return err;
		return free_bytes >= JOURNAL_RESERVE ? 0 : ERR_NO_SPACE;
	}
	while (j->reserved < until) {
		want = until - j->reserved;
		if (want < RESERVE_STEP)
			want = RESERVE_STEP;
		err = file_reserve(j->fd, j->reserved, want);
		if (err == ERR_UNSUPPORTED) {
			j->has_reserve = false;
			return journal_take_room(j, until);
		}
		if (err != 0)
			return err;
		j->reserved += want;
	}
	return 0;
}

/* Whether one more entry of n bytes may go where it would go. */
static int
room_for(struct journal *j, size_t n, bool must)
{
	uint64_t end = journal_last(j)->bytes + j->pending.n + n;
	int err = journal_take_room(j, end + JOURNAL_RESERVE);

	if (err != ERR_NO_SPACE || !must)
		return err;
	/* It may use what was set aside; without a reserve, it may try. */
	return !j->has_reserve || end <= j->reserved ? 0 : ERR_NO_SPACE;
}

/* ---- segments ---- */

int
journal_begin_segment(struct journal *j, uint64_t first)
{
	char name[JOURNAL_NAME_SIZE];
	struct journal old = *j;
	int fd = -1, err;

	journal_name(first, name);
	if ((err = file_create(j->dir, name, &fd)) != 0)
		return err;
	j->fd = fd;
	j->reserved = 0;
	err = journal_take_room(j, JOURNAL_RESERVE);
	if (err == 0 && (err = file_sync_dir(j->dir)) == 0)
		err = journal_add_segment(j, first, 0, false);
	if (err != 0) {
		j->fd = old.fd;
		j->reserved = old.reserved;
		file_close(&fd);
		if (file_remove(j->dir, name) != 0)
			return ERR_IO;
		return err;
	}
	j->n_marks = 0;
	if (old.fd >= 0) {
		/* Room behind its end is not needed any more. */
		err = file_truncate(old.fd,
		    j->segments[j->n_segments - 2].bytes);
		/* The new one has begun, room or not. */
		if (err == ERR_NO_SPACE)
			err = 0;
		file_close(&old.fd);
	}
	return err;
}

bool
journal_wants_state(const struct journal *j)
{
	const struct journal_segment *last = &j->segments[j->n_segments - 1];

	if (j->next == last->first)
		return j->next > 0;
	return last->bytes + j->pending.n >= j->segment_bytes &&
	    j->next % j->segment_records == 0 && j->next != j->no_room_at;
}

int
journal_rotate(struct journal *j)
{
	int err;

	if (j->failed != 0)
		return j->failed;
	if (j->next == journal_last(j)->first)
		return 0;
	if ((err = journal_sync(j)) != 0)
		return err;
	/* The hashes of what is sealed are not made again. */
	if ((err = tiles_sync(j->tiles)) == 0)
		err = journal_begin_segment(j, j->next);
	if (err == ERR_NO_SPACE)
		j->no_room_at = j->next;
	else
		j->failed = err;
	return err;
}

/* ---- appending ---- */

int
journal_append(struct journal *j, struct bytes payload, bool must,
    uint64_t *ret_index)
{
	size_t before;
	struct sha256 leaf;
	int err;

	if (j->failed != 0)
		return j->failed;
	if (payload.n > CAP_RECORD)
		return ERR_TOO_LARGE;
	if ((err = room_for(j, ENTRY_HEADER + payload.n, must)) != 0)
		return err;
	before = j->pending.n;
	entry_write(&j->pending, j->next, payload);
	merkle_leaf(payload, &leaf);
	buf_put(&j->leaves, leaf.b, sizeof(leaf.b));
	if ((err = buf_error(&j->pending)) == 0 &&
	    (err = buf_error(&j->leaves)) == 0)
		err = journal_mark(j, j->next, journal_last(j)->bytes +
		    before);
	if (err != 0) {
		j->pending.n = before;
		j->leaves.n = (size_t)(j->next - j->synced) * sizeof(leaf.b);
		j->pending.err = j->leaves.err = 0;
		return err;
	}
	*ret_index = j->next++;
	return 0;
}

/* What is on disk comes into the tree. */
static int
add_leaves(struct journal *j)
{
	struct sha256 leaf;
	size_t at;
	int err = 0;

	for (at = 0; at < j->leaves.n && err == 0; at += sizeof(leaf.b)) {
		memcpy(leaf.b, j->leaves.p + at, sizeof(leaf.b));
		err = tiles_add(j->tiles, &leaf);
	}
	return err;
}

static void
empty(struct buf *b)
{
	/* A burst's memory is not kept for the quiet after it. */
	if (b->size > JOURNAL_KEEP)
		buf_free(b);
	else
		buf_clear(b);
}

int
journal_sync(struct journal *j)
{
	int err;

	if (j->failed != 0 || j->pending.n == 0)
		return j->failed;
	err = file_write_at(j->fd, journal_last(j)->bytes,
	    buf_bytes(&j->pending));
	if (err == 0)
		err = file_sync(j->fd);
	if (err == 0)
		err = add_leaves(j);
	if (err != 0) {
		j->failed = err;
		return err;
	}
	journal_last(j)->bytes += j->pending.n;
	j->synced = j->next;
	empty(&j->pending);
	empty(&j->leaves);
	return 0;
}

uint64_t
journal_next(const struct journal *j)
{
	return j->next;
}

uint64_t
journal_synced(const struct journal *j)
{
	return j->synced;
}

uint64_t
journal_first(const struct journal *j)
{
	return j->segments[0].first;
}

bool
journal_segment_after(const struct journal *j, uint64_t index,
    uint64_t *ret_first)
{
	size_t i = journal_segment_of(j, index);

	if (j->segments[i].first <= index)
		i++;
	if (i == j->n_segments)
		return false;
	*ret_first = j->segments[i].first;
	return true;
}

uint64_t
journal_bytes(const struct journal *j)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < j->n_segments; i++)
		n += j->segments[i].bytes;
	return n;
}

bool
journal_has_reserve(const struct journal *j)
{
	return j->has_reserve;
}

int
journal_recovered(struct journal *j)
{
	int err = file_remove(j->dir, JOURNAL_TORN_FILE);

	if (err == ERR_NOT_FOUND)
		return 0;
	return err != 0 ? err : file_sync_dir(j->dir);
}

void
journal_tree(struct journal *j, struct merkle_source *ret_source)
{
	ret_source->hash = tiles_hash;
	ret_source->arg = j->tiles;
}

void
journal_show(struct journal *j)
{
	tiles_show(j->tiles);
}

int
journal_root(struct journal *j, uint64_t size, struct sha256 *ret_root)
{
	struct merkle_source source;

	if (size > tiles_size(j->tiles))
		return ERR_RANGE;
	journal_tree(j, &source);
	return merkle_root(&source, size, ret_root);
}

void
journal_close(struct journal *j)
{
	size_t i;

	if (j == NULL)
		return;
	for (i = 0; i < JOURNAL_STREAMS; i++)
		journal_file_close(&j->streams[i].file);
	journal_compare_end(&j->compare);
	journal_pack_stop(j);
	tiles_close(j->tiles);
	buf_free(&j->pending);
	buf_free(&j->leaves);
	free(j->segments);
	free(j->marks);
	file_close(&j->read_fd);
	file_close(&j->fd);
	file_close(&j->lock);
	file_close(&j->dir);
	free(j);
}
