/*
 * journal_open.c - opening the journal: replay, and what a crash left.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A bad entry is a torn write only if nothing valid of a later index follows,
 * in this segment or another, and it stands above what a checkpoint covers.
 * Everything else is tampering, and nothing is changed then.
 */
#include "agent/gate/journal_inside.h"

#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "journal"
#define LOCK "lock"
#define PIECE (256u * 1024u)
/* The most that a torn end can be: one turn's write. */
#define TORN_CAP (UINT64_C(64) << 20)

struct opening {
	struct journal *j;
	uint64_t sealed;
	journal_fold_fn *fold;
	void *arg;
	struct journal_start *start;
	struct buf piece;
};

static int
corrupt(struct opening *o, uint64_t index, const char *why)
{
	o->start->bad_index = index;
	snprintf(o->start->why, sizeof(o->start->why), "%s", why);
	return ERR_CORRUPT;
}

/* ---- which segments there are ---- */

static int
hex_index(const char *name, uint64_t *ret_first)
{
	uint8_t b[8];
	size_t i;
	uint64_t v = 0;

	if (strlen(name) != JOURNAL_NAME_SIZE - 1 ||
	    strcmp(name + 16, ".seg") != 0 ||
	    hex_decode(bytes_of(name, 16), b, sizeof(b)) != 0)
		return ERR_SYNTAX;
	for (i = 0; i < sizeof(b); i++)
		v = v << 8 | b[i];
	*ret_first = v;
	return 0;
}

static int
note_segment(void *arg, const char *name)
{
	struct opening *o = arg;
	uint64_t first, size;
	int64_t changed;
	int err;

	if (strcmp(name, LOCK) == 0 || strcmp(name, JOURNAL_TORN) == 0 ||
	    strcmp(name, JOURNAL_TORN ".new") == 0)
		return 0;
	if (hex_index(name, &first) != 0)
		return corrupt(o, 0, "a file that is no segment stands in"
		    " the journal's folder");
	if ((err = file_stat(o->j->dir, name, &size, &changed)) != 0)
		return err;
	return journal_add_segment(o->j, first, size);
}

static int
by_first(const void *a, const void *b)
{
	const struct journal_segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* ---- one segment ---- */

/* Whether a valid entry of that index or a later one stands in the file. */
static int
find_later(struct opening *o, int fd, uint64_t from, uint64_t size,
    uint64_t least, bool *ret_found)
{
	struct entry e;
	uint8_t *to;
	size_t n, at;
	int err;

	*ret_found = false;
	while (from < size && !*ret_found) {
		n = size - from < PIECE ? (size_t)(size - from) : PIECE;
		buf_clear(&o->piece);
		if ((to = buf_reserve(&o->piece, n)) == NULL)
			return buf_error(&o->piece);
		if ((err = file_read_at(fd, from, to, n, &n)) != 0)
			return err;
		*ret_found = entry_find(bytes_of(to, n), least, &at, &e);
		if (n <= ENTRY_MAX)
			break;
		/* Pieces overlap: an entry may lie across the edge. */
		from += n - (ENTRY_MAX - 1);
	}
	return 0;
}

/* Keeps the bytes that are about to be cut off. */
static int
keep_torn(struct opening *o, int fd, uint64_t from, uint64_t size)
{
	struct buf b;
	uint8_t *to;
	size_t n = 0;
	int err;

	buf_init(&b, 2 * TORN_CAP);
	err = file_read(o->j->dir, JOURNAL_TORN, TORN_CAP, &b);
	if (err == ERR_NOT_FOUND)
		err = 0;
	if (err == 0 && size - from > TORN_CAP)
		err = corrupt(o, o->j->next, "more is damaged at its end"
		    " than one write can leave");
	if (err == 0 && (to = buf_reserve(&b, (size_t)(size - from))) == NULL)
		err = buf_error(&b);
	if (err == 0 && (err = file_read_at(fd, from, to,
	    (size_t)(size - from), &n)) == 0) {
		buf_commit(&b, n);
		err = file_replace(o->j->dir, JOURNAL_TORN, buf_bytes(&b));
	}
	buf_free(&b);
	return err;
}

static int
cut_tail(struct opening *o, int fd, uint64_t from, uint64_t size, bool last)
{
	bool later = false;
	int err;

	if (!last)
		return corrupt(o, o->j->next, "a segment before the last one"
		    " is damaged");
	if (o->j->next < o->sealed)
		return corrupt(o, o->j->next, "it is damaged below what its"
		    " checkpoint covers");
	if ((err = find_later(o, fd, from, size, o->j->next, &later)) != 0)
		return err;
	if (later)
		return corrupt(o, o->j->next, "a record is damaged and later"
		    " ones are whole");
	if ((err = keep_torn(o, fd, from, size)) != 0 ||
	    (err = file_truncate(fd, from)) != 0)
		return err;
	return file_sync(fd);
}

/*
 * Folds what the piece holds; *ret_used bytes of it. 0; ERR_TRUNCATED wants
 * more; ERR_CORRUPT, with *ret_bad: not an entry, and no word of fold's.
 */
static int
fold_piece(struct opening *o, struct bytes data, size_t segment,
    uint64_t at, size_t *ret_used, bool *ret_bad)
{
	struct journal *j = o->j;
	struct entry e;
	size_t used = 0;
	int err = 0;

	while (used < data.n) {
		err = entry_read(bytes_of(data.p + used, data.n - used), &e);
		if (err == 0 && e.index != j->next)
			err = ERR_CORRUPT;
		if (err != 0) {
			*ret_bad = err == ERR_CORRUPT;
			break;
		}
		if ((err = journal_mark(j, e.index, segment,
		    at + used)) != 0 ||
		    (err = o->fold(o->arg, e.index, e.payload)) != 0) {
			o->start->bad_index = e.index;
			break;
		}
		used += e.size;
		j->next++;
	}
	*ret_used = used;
	return err;
}

static int
replay_file(struct opening *o, int fd, size_t segment, bool last)
{
	uint64_t size = o->j->segments[segment].bytes, at = 0;
	size_t n, used;
	uint8_t *to;
	bool bad = false;
	int err = 0;

	while (at < size && !bad) {
		n = size - at < PIECE ? (size_t)(size - at) : PIECE;
		buf_clear(&o->piece);
		if ((to = buf_reserve(&o->piece, n)) == NULL)
			return buf_error(&o->piece);
		if ((err = file_read_at(fd, at, to, n, &n)) != 0)
			return err;
		err = fold_piece(o, bytes_of(to, n), segment, at, &used,
		    &bad);
		at += used;
		if (err == ERR_TRUNCATED && (at + n - used >= size ||
		    used == 0))
			bad = true;
		else if (err != 0 && err != ERR_TRUNCATED && !bad)
			return err;
	}
	if (bad && (err = cut_tail(o, fd, at, size, last)) != 0)
		return err;
	o->j->segments[segment].bytes = at;
	return 0;
}

static int
replay_segment(struct opening *o, size_t i)
{
	struct journal *j = o->j;
	bool last = i + 1 == j->n_segments;
	char name[JOURNAL_NAME_SIZE];
	int fd = -1, err;

	if (j->segments[i].first != j->next)
		return corrupt(o, j->next, "a segment is missing, or its name"
		    " is not its first record's");
	journal_segment_name(j->segments[i].first, name);
	if ((err = file_open_write(j->dir, name, &fd)) != 0)
		return err;
	err = replay_file(o, fd, i, last);
	if (err == 0 && last) {
		j->fd = fd;
		j->reserved = j->segments[i].bytes;
		return 0;
	}
	file_close(&fd);
	return err;
}

/* ---- opening ---- */

/* What an earlier start cut off and nobody has recorded yet. */
static int
note_torn(struct opening *o)
{
	struct buf b;
	int err;

	buf_init(&b, TORN_CAP);
	err = file_read(o->j->dir, JOURNAL_TORN, TORN_CAP, &b);
	if (err == 0) {
		o->start->torn = true;
		o->start->torn_bytes = b.n;
		digest_sha256(buf_bytes(&b), &o->start->torn_hash);
	}
	buf_free(&b);
	return err == ERR_NOT_FOUND ? 0 : err;
}

static int
lock_folder(struct journal *j)
{
	int err = file_open_write(j->dir, LOCK, &j->lock);

	if (err == ERR_NOT_FOUND)
		err = file_create(j->dir, LOCK, &j->lock);
	return err != 0 ? err : file_lock(j->lock);
}

static int
open_files(struct opening *o, int state_dir)
{
	struct journal *j = o->j;
	size_t i;
	int err;

	if ((err = file_make_dir_at(state_dir, FOLDER, &j->dir)) != 0 ||
	    (err = lock_folder(j)) != 0 ||
	    (err = file_list(j->dir, note_segment, o)) != 0)
		return err;
	if (j->n_segments > 1)
		qsort(j->segments, j->n_segments, sizeof(*j->segments),
		    by_first);
	for (i = 0; i < j->n_segments; i++)
		if ((err = replay_segment(o, i)) != 0)
			return err;
	if (j->next < o->sealed)
		return corrupt(o, j->next, "it is shorter than its checkpoint"
		    " says");
	j->synced = j->next;
	if ((err = note_torn(o)) != 0)
		return err;
	return j->n_segments == 0 ? journal_begin_segment(j, 0) : 0;
}

int
journal_open(int state_dir, uint64_t sealed, journal_fold_fn *fold, void *arg,
    struct journal **ret_j, struct journal_start *ret_start)
{
	struct opening o = { .sealed = sealed, .fold = fold, .arg = arg,
	    .start = ret_start };
	struct journal *j = calloc(1, sizeof(*j));
	int err;

	memset(ret_start, 0, sizeof(*ret_start));
	if (j == NULL)
		return ERR_NOMEM;
	j->dir = j->lock = j->fd = j->read_fd = -1;
	j->has_reserve = true;
	buf_init(&j->pending, TORN_CAP);
	buf_init(&o.piece, PIECE);
	o.j = j;
	err = open_files(&o, state_dir);
	ret_start->records = j->next;
	buf_free(&o.piece);
	if (err != 0) {
		journal_close(j);
		return err;
	}
	*ret_j = j;
	return 0;
}
