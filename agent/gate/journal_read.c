/*
 * journal_read.c - the journal's records, read again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * A plain segment is read at any place. A compressed one is read from its
 * beginning: a few of them stay open where their last reader was, so that who
 * reads on in one does not begin again each time.
 */
#include "agent/gate/journal_inside.h"

#include "platform/file.h"

#include <string.h>

/* ---- one segment's file ---- */

static int
file_step(void *arg, uint64_t *ret_first)
{
	struct journal_file *f = arg;

	if (f->begun)
		return 0;
	f->begun = true;
	*ret_first = f->first;
	return 1;
}

static int
file_more(void *arg, void *ret_p, size_t n, size_t *ret_n)
{
	struct journal_file *f = arg;
	int err = file_read_at(f->fd, f->at, ret_p, n, ret_n);

	if (err == 0)
		f->at += *ret_n;
	return err;
}

int
journal_file_open(struct journal_file *f, int dir, const char *name,
    uint64_t first)
{
	struct journal_source source = { f, file_step, file_more };
	int err;

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->first = first;
	err = file_open_read(dir, name, &f->fd);
	if (err == ERR_NOT_FOUND)
		err = ERR_CORRUPT;
	if (err == 0)
		err = journal_reader_new(&source, &f->reader);
	if (err != 0)
		file_close(&f->fd);
	else
		journal_reader_begin_at(f->reader, first);
	return err;
}

void
journal_file_close(struct journal_file *f)
{
	if (f->reader == NULL)
		return;
	journal_reader_free(f->reader);
	f->reader = NULL;
	file_close(&f->fd);
}

void
journal_forget(struct journal *j, uint64_t first)
{
	size_t i;

	for (i = 0; i < JOURNAL_STREAMS; i++)
		if (j->streams[i].file.reader != NULL &&
		    j->streams[i].file.first == first)
			journal_file_close(&j->streams[i].file);
	if (j->read_fd >= 0 && j->read_segment == first)
		file_close(&j->read_fd);
}

/* ---- compressed segments ---- */

/* The stream that gives that entry next, or one that begins anew. */
static int
find_stream(struct journal *j, const struct journal_segment *s,
    uint64_t index, struct journal_stream **ret_stream)
{
	char name[JOURNAL_GZIP_NAME_SIZE];
	struct journal_stream *oldest = &j->streams[0], *t;
	size_t i;
	int err;

	for (i = 0; i < JOURNAL_STREAMS; i++) {
		t = &j->streams[i];
		if (t->file.reader != NULL && t->file.first == s->first &&
		    t->next == index) {
			*ret_stream = t;
			return 0;
		}
		if (t->file.reader == NULL || (oldest->file.reader != NULL &&
		    t->used < oldest->used))
			oldest = t;
	}
	journal_file_close(&oldest->file);
	journal_file_name(s, name);
	err = journal_file_open(&oldest->file, j->dir, name, s->first);
	oldest->next = s->first;
	*ret_stream = oldest;
	return err;
}

static int
read_stream(struct journal *j, const struct journal_segment *s,
    struct journal_cursor *c, struct buf *b, struct entry *ret_e)
{
	struct journal_stream *t;
	struct entry e;
	int got, err;

	if ((err = find_stream(j, s, c->index, &t)) != 0)
		return err;
	t->used = ++j->reads;
	do {
		got = journal_reader_next(t->file.reader, &e);
		if (got != 1) {
			journal_file_close(&t->file);
			return got == 0 ? ERR_CORRUPT : got;
		}
		t->next++;
	} while (e.index < c->index);
	buf_put(b, e.payload.p, e.payload.n);
	if ((err = buf_error(b)) != 0)
		return err;
	*ret_e = e;
	ret_e->payload = buf_bytes(b);
	c->index++;
	c->offset += e.size;
	/* Its memory goes once the segment was read. */
	if (t->next == (s + 1)->first)
		journal_file_close(&t->file);
	return 0;
}

/* ---- plain ones ---- */

void
journal_seek(struct journal_cursor *c, uint64_t index)
{
	memset(c, 0, sizeof(*c));
	c->index = index;
}

/* A descriptor of that segment: the open one, or the last one read. */
static int
segment_fd(struct journal *j, const struct journal_segment *s, int *ret_fd)
{
	char name[JOURNAL_NAME_SIZE];
	int err;

	if (s == journal_last(j)) {
		*ret_fd = j->fd;
		return 0;
	}
	if (j->read_fd < 0 || j->read_segment != s->first) {
		file_close(&j->read_fd);
		journal_name(s->first, name);
		if ((err = file_open_read(j->dir, name, &j->read_fd)) != 0)
			return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
		j->read_segment = s->first;
	}
	*ret_fd = j->read_fd;
	return 0;
}

/* The entry at the cursor's place, which moves on. */
static int
read_here(struct journal *j, const struct journal_segment *s,
    struct journal_cursor *c, struct buf *b, struct entry *ret_e)
{
	uint64_t left;
	uint8_t *to;
	size_t n;
	int fd, err;

	if (c->offset >= s->bytes)
		return ERR_CORRUPT;
	left = s->bytes - c->offset;
	n = left < JOURNAL_PIECE ? (size_t)left : JOURNAL_PIECE;
	if ((err = segment_fd(j, s, &fd)) != 0)
		return err;
	for (;;) {
		buf_clear(b);
		if ((to = buf_reserve(b, n)) == NULL)
			return buf_error(b);
		if ((err = file_read_at(fd, c->offset, to, n, &n)) != 0)
			return err;
		buf_commit(b, n);
		err = entry_read(buf_bytes(b), ret_e);
		/* Most entries are small; a large one is read once more. */
		if (err != ERR_TRUNCATED || n >= ENTRY_MAX || n >= left)
			break;
		n = left < ENTRY_MAX ? (size_t)left : ENTRY_MAX;
	}
	if (err != 0 || ret_e->index != c->index)
		return ERR_CORRUPT;
	c->offset += ret_e->size;
	c->index++;
	return 0;
}

/* The nearest place before the record that is known. */
static void
place(const struct journal *j, const struct journal_segment *s,
    struct journal_cursor *c)
{
	uint64_t mark = (c->index - s->first) / JOURNAL_MARK_EACH;

	c->placed = true;
	c->segment = s->first;
	if (s == &j->segments[j->n_segments - 1]) {
		c->offset = j->marks[mark];
		c->index = s->first + mark * JOURNAL_MARK_EACH;
	} else if (j->last_read.placed && j->last_read.segment == s->first &&
	    j->last_read.index <= c->index) {
		/* Who begins where somebody left off does not search. */
		*c = j->last_read;
	} else {
		c->offset = 0;
		c->index = s->first;
	}
}

int
journal_read(struct journal *j, struct journal_cursor *c, struct buf *b,
    struct entry *ret_e)
{
	const struct journal_segment *s;
	uint64_t want = c->index;
	int err = 0;

	buf_clear(b);
	if (want >= j->synced)
		return 0;
	if (want < j->segments[0].first)
		return ERR_NOT_FOUND;
	s = &j->segments[journal_segment_of(j, want)];
	if (s->gzip) {
		/* Of the next one nothing is known but that it begins. */
		c->placed = false;
		err = read_stream(j, s, c, b, ret_e);
		if (err == ERR_CORRUPT)
			return journal_note_fault(j, want, "its compressed"
			    " segment cannot be read any more");
		return err != 0 ? err : 1;
	}
	if (!c->placed || c->segment != s->first)
		place(j, s, c);
	while (c->index <= want)
		if ((err = read_here(j, s, c, b, ret_e)) != 0)
			break;
	if (err == ERR_CORRUPT)
		return journal_note_fault(j, c->index,
		    "it cannot be read any more");
	if (err != 0)
		return err;
	j->last_read = *c;
	return 1;
}
