/*
 * journal_open.c - opening the journal: replay, and what a crash left.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * The reader (journal_reader.h) says what is whole and whether the rest is a
 * torn write or tampering. A torn end above the checkpoint is copied to the
 * file `torn`, then cut off. The copy stays until `recovered` is on disk, so
 * that a crash in between loses neither the bytes nor the fact. Tampering
 * changes nothing.
 */
#include "agent/gate/journal_inside.h"

#include "common/gzip.h"
#include "common/merkle.h"
#include "platform/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "journal"
#define LOCK "lock"
/* An agent that was killed is gone by then. */
#define LOCK_MS 1000u

struct opening {
	struct journal *j;
	const struct journal_seal *seal;
	journal_fold_fn *fold;
	void *arg;
	struct journal_start *start;
	/* The reader's place: segments are opened one after another. */
	size_t next_segment;
	uint64_t offset;
	int fd;
};

static int
corrupt(struct opening *o, uint64_t index, const char *why)
{
	o->start->bad_index = index;
	(void)snprintf(o->start->why, sizeof(o->start->why), "%s", why);
	return ERR_CORRUPT;
}

/* ---- which segments there are ---- */

static int
note_segment(void *arg, const char *name)
{
	struct opening *o = arg;
	uint64_t first, size;
	int64_t changed;
	bool gzip = false;
	int err;

	/* Other files are none of the journal's; a segment that is missing
	 * shows as a gap. */
	if (journal_name_parse(name, &first) != 0) {
		if (journal_gzip_name_parse(name, &first) != 0)
			return 0;
		gzip = true;
	}
	if ((err = file_stat(o->j->dir, name, &size, &changed)) != 0)
		return err;
	return journal_add_segment(o->j, first, size, gzip);
}

static int
by_first(const void *a, const void *b)
{
	const struct journal_segment *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (int)x->gzip - (int)y->gzip;
}

/* Of one that is there in both forms the plain one counts: it is removed only
 * after the other is whole on disk. */
static void
drop_twins(struct journal *j)
{
	size_t i, n = 0;

	for (i = 0; i < j->n_segments; i++)
		if (n == 0 || j->segments[n - 1].first != j->segments[i].first)
			j->segments[n++] = j->segments[i];
	j->n_segments = n;
}

static int
open_segment(struct journal *j, size_t i, int *ret_fd)
{
	char name[JOURNAL_GZIP_NAME_SIZE];

	journal_file_name(&j->segments[i], name);
	return file_open_write(j->dir, name, ret_fd);
}

/* ---- what the reader reads from ---- */

static int
step(void *arg, uint64_t *ret_first)
{
	struct opening *o = arg;
	int err;

	file_close(&o->fd);
	if (o->next_segment == o->j->n_segments)
		return 0;
	if ((err = open_segment(o->j, o->next_segment, &o->fd)) != 0)
		return err;
	*ret_first = o->j->segments[o->next_segment++].first;
	o->offset = 0;
	return 1;
}

static int
read_on(void *arg, void *ret_p, size_t n, size_t *ret_n)
{
	struct opening *o = arg;
	int err = file_read_at(o->fd, o->offset, ret_p, n, ret_n);

	if (err == 0)
		o->offset += *ret_n;
	return err;
}

/* ---- a torn end ---- */

/* Adds the bytes that are about to be cut off to those in `torn`. */
static int
keep_torn(struct opening *o, int fd, uint64_t from, size_t n)
{
	struct buf b;
	uint8_t *to;
	size_t had, got = 0;
	int err;

	buf_init(&b, 2 * JOURNAL_TORN_CAP);
	err = file_read(o->j->dir, JOURNAL_TORN_FILE, JOURNAL_TORN_CAP, &b);
	if (err == ERR_NOT_FOUND)
		err = 0;
	had = b.n;
	if (err == 0 && (to = buf_reserve(&b, n)) == NULL)
		err = buf_error(&b);
	if (err == 0)
		err = file_read_at(fd, from, b.p + had, n, &got);
	if (err == 0 && got != n)
		err = ERR_IO;
	/* They are in it if a crash came between the copy and the cut. */
	if (err == 0 && (had < n || memcmp(b.p + had - n, b.p + had, n) != 0))
		err = file_replace(o->j->dir, JOURNAL_TORN_FILE,
		    bytes_of(b.p, had + n));
	buf_free(&b);
	return err;
}

/* Segments after the torn one hold nothing: a crash came as they began. */
static int
drop_later_segments(struct opening *o, size_t keep)
{
	struct journal *j = o->j;
	char name[JOURNAL_GZIP_NAME_SIZE];
	int err;

	if (keep == j->n_segments)
		return 0;
	while (j->n_segments > keep) {
		journal_file_name(&j->segments[j->n_segments - 1], name);
		if ((err = file_remove(j->dir, name)) != 0)
			return err;
		j->n_segments--;
	}
	return file_sync_dir(j->dir);
}

static int
cut_tail(struct opening *o, const struct journal_fault *f)
{
	struct journal *j = o->j;
	size_t i, at = 0;
	int fd = -1, err;

	while (at < j->n_segments && j->segments[at].first != f->segment)
		at++;
	for (i = at + 1; i < j->n_segments; i++)
		if (j->segments[i].bytes > 0)
			return corrupt(o, f->index, "segments follow the one"
			    " whose end is damaged");
	if (f->bytes > JOURNAL_TORN_CAP)
		return corrupt(o, f->index, "more is damaged at its end than"
		    " one write can leave");
	if ((err = open_segment(j, at, &fd)) == 0 &&
	    (err = keep_torn(o, fd, f->offset, (size_t)f->bytes)) == 0 &&
	    (err = drop_later_segments(o, at + 1)) == 0 &&
	    (err = file_truncate(fd, f->offset)) == 0)
		err = file_sync(fd);
	file_close(&fd);
	if (err == 0)
		j->segments[at].bytes = f->offset;
	return err;
}

/* The reader stopped: a crash, or somebody's hand? */
static int
judge(struct opening *o, struct journal_reader *r)
{
	struct journal_fault f;
	char why[sizeof(o->start->why)];
	bool torn;
	int err;

	if ((err = journal_reader_fault(r, &f)) != 0)
		return err;
	torn = f.end == JOURNAL_TORN || f.hole;
	(void)snprintf(why, sizeof(why), "segment %016" PRIx64 " at byte %"
	    PRIu64 ": %s%s", f.segment, f.offset, f.what,
	    torn ? ", and the checkpoint covers it" :
	    ", and that is no torn write");
	if (!torn || (o->seal != NULL && f.index < o->seal->size))
		return corrupt(o, f.index, why);
	return cut_tail(o, &f);
}

/* ---- opening ---- */

static int
replay(struct opening *o, struct journal_reader *r)
{
	struct journal *j = o->j;
	uint64_t segment, offset;
	struct sha256 leaf;
	struct entry e;
	int got, err;

	while ((got = journal_reader_next(r, &e)) == 1) {
		journal_reader_where(r, &segment, &offset);
		merkle_leaf(e.payload, &leaf);
		if ((segment == journal_last(j)->first &&
		    (err = journal_mark(j, e.index, offset)) != 0) ||
		    (err = tiles_add(j->tiles, &leaf)) != 0 ||
		    (err = o->fold(o->arg, e.index, e.payload)) != 0) {
			o->start->bad_index = e.index;
			return err;
		}
		j->next++;
	}
	return got == ERR_CORRUPT ? judge(o, r) : got;
}

/* What an earlier start cut off and nobody has recorded yet, or this one. */
static int
note_torn(struct opening *o)
{
	struct buf b;
	int err;

	buf_init(&b, 2 * JOURNAL_TORN_CAP);
	err = file_read(o->j->dir, JOURNAL_TORN_FILE, 2 * JOURNAL_TORN_CAP, &b);
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
	return err != 0 ? err : file_lock_within(j->lock, LOCK_MS);
}

static int
find_segments(struct opening *o, int state_dir)
{
	struct journal *j = o->j;
	int err;

	if ((err = file_make_dir_at(state_dir, FOLDER, &j->dir)) != 0 ||
	    (err = lock_folder(j)) != 0 ||
	    (err = file_list(j->dir, note_segment, o)) != 0)
		return err;
	if (j->n_segments > 1)
		qsort(j->segments, j->n_segments, sizeof(*j->segments),
		    by_first);
	drop_twins(j);
	return tiles_open(state_dir, &j->tiles);
}

/* Folds from that segment on: those after it are empty. */
static int
read_segments(struct opening *o, size_t from)
{
	struct journal_source source = { o, step, read_on };
	struct journal_reader *r = NULL;
	int err;

	o->next_segment = from;
	o->j->next = o->start->folded = o->j->segments[from].first;
	err = tiles_load(o->j->tiles, o->j->next);
	if (err == ERR_CORRUPT)
		return corrupt(o, 0, "hashes of the tree are missing in the"
		    " folder tiles");
	if (err != 0)
		return err;
	if ((err = journal_reader_new(&source, &r)) != 0)
		return err;
	journal_reader_begin_at(r, o->j->next);
	err = replay(o, r);
	journal_reader_free(r);
	file_close(&o->fd);
	return err;
}

/*
 * A crash leaves the last segment empty when it comes after the file was made
 * and before its first record was written: then the one before is folded.
 */
static int
read_last(struct opening *o)
{
	struct journal *j = o->j;
	size_t i = j->n_segments;
	int err = 0;

	while (i > 0 && j->next == o->start->folded && err == 0) {
		i--;
		if (j->segments[i].bytes > 0 || i == 0)
			err = read_segments(o, i);
	}
	if (err != 0 || j->n_segments == 0)
		return err;
	o->start->first = j->segments[0].first;
	/* The last is empty, and what a crash leaves before it is not there. */
	if (j->next == o->start->folded && j->next > 0)
		return corrupt(o, j->next, "no segment has a record");
	return 0;
}

/* ---- the segments before those that are folded ---- */

/* Whether the segment's bytes end with the whole entry of that index. */
static bool
ends_with(struct bytes tail, uint64_t index)
{
	struct reader r;
	struct entry e;
	size_t n;

	/* Nothing says where that entry begins: where its length fits. */
	for (n = ENTRY_HEADER + 1; n <= tail.n; n++) {
		reader_init(&r, bytes_of(tail.p + tail.n - n, n));
		if (reader_u32le(&r) == n - ENTRY_HEADER &&
		    entry_read(bytes_of(tail.p + tail.n - n, n), &e) == 0 &&
		    e.index == index)
			return true;
	}
	return false;
}

/* The index after its last, as who compressed it noted. */
static bool
has_note(struct bytes begin, uint64_t next)
{
	struct bytes note;
	struct reader r;

	if (!gzip_note(begin, &note))
		return false;
	reader_init(&r, note);
	return reader_u64le(&r) == next && reader_end(&r) == 0;
}

static int
check_end(struct opening *o, size_t i, uint64_t next, uint8_t *piece)
{
	struct journal_segment *s = &o->j->segments[i];
	size_t n = s->bytes < ENTRY_MAX ? (size_t)s->bytes : ENTRY_MAX;
	int fd = -1, err;
	bool good;

	if ((err = open_segment(o->j, i, &fd)) != 0)
		return err;
	err = file_read_at(fd, s->gzip ? 0 : s->bytes - n, piece, n, &n);
	file_close(&fd);
	if (err != 0)
		return err;
	good = s->gzip ? has_note(bytes_of(piece, n), next) :
	    ends_with(bytes_of(piece, n), next - 1);
	if (!good)
		err = corrupt(o, s->first, "a segment does not end where the"
		    " next begins");
	return err;
}

/* What is in them, journal_check_step() looks at later. */
static int
check_sealed(struct opening *o)
{
	struct journal *j = o->j;
	uint8_t *piece = malloc(ENTRY_MAX);
	int err = 0;
	size_t i;

	if (piece == NULL)
		return ERR_NOMEM;
	for (i = 0; i + 1 < j->n_segments && err == 0 &&
	    j->segments[i + 1].first <= o->start->folded; i++)
		err = check_end(o, i, j->segments[i + 1].first, piece);
	free(piece);
	return err;
}

static int
check_seal(struct opening *o)
{
	struct sha256 root;
	int err;

	if (o->seal == NULL)
		return 0;
	if (o->j->next < o->seal->size) {
		o->start->rolled_back = true;
		return corrupt(o, o->j->next, "it is shorter than its"
		    " checkpoint says");
	}
	err = journal_root(o->j, o->seal->size, &root);
	if (err == 0 && !sha256_equal(&root, &o->seal->root))
		err = corrupt(o, o->seal->size, "its tree has another root"
		    " than its checkpoint says");
	else if (err == ERR_CORRUPT)
		err = corrupt(o, o->seal->size, "hashes of the tree are"
		    " missing in the folder tiles");
	return err;
}

/* Ready to append: the last segment is open and its reserve is taken. */
static int
begin_appending(struct opening *o)
{
	struct journal *j = o->j;
	struct journal_segment *last;
	int err;

	j->synced = j->next;
	if (j->n_segments == 0)
		return journal_begin_segment(j, 0);
	last = journal_last(j);
	if (last->gzip)
		return corrupt(o, last->first, "its last segment is"
		    " compressed");
	if ((err = open_segment(j, j->n_segments - 1, &j->fd)) != 0)
		return err;
	j->reserved = last->bytes;
	return journal_take_room(j, last->bytes + JOURNAL_RESERVE);
}

int
journal_open(int state_dir, const struct journal_seal *seal,
    journal_fold_fn *fold, void *arg, struct journal **ret_j,
    struct journal_start *ret_start)
{
	struct opening o = { .seal = seal, .fold = fold, .arg = arg,
	    .start = ret_start, .fd = -1 };
	struct journal *j = calloc(1, sizeof(*j));
	int err;

	memset(ret_start, 0, sizeof(*ret_start));
	if (j == NULL)
		return ERR_NOMEM;
	j->dir = j->lock = j->fd = j->read_fd = -1;
	j->pack.in = j->pack.out = -1;
	j->has_reserve = true;
	j->no_room_at = UINT64_MAX;
	journal_set_segment(j, JOURNAL_SEGMENT, JOURNAL_SEGMENT_RECORDS);
	buf_init(&j->pending, JOURNAL_TORN_CAP);
	buf_init(&j->leaves, JOURNAL_TORN_CAP);
	o.j = j;
	if ((err = find_segments(&o, state_dir)) == 0 &&
	    (err = read_last(&o)) == 0 && (err = check_sealed(&o)) == 0 &&
	    (err = check_seal(&o)) == 0 && (err = note_torn(&o)) == 0)
		err = begin_appending(&o);
	if (err == 0)
		err = tiles_keep(j->tiles);
	ret_start->records = j->next;
	if (err != 0) {
		journal_close(j);
		return err;
	}
	*ret_j = j;
	return 0;
}
