/*
 * journal_read.c - the journal's records, read again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/journal_inside.h"

#include "platform/file.h"

#include <string.h>

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

	if (s != &j->segments[j->n_segments - 1])
		mark = 0;
	c->segment = s->first;
	c->offset = mark == 0 ? 0 : j->marks[mark];
	c->index = s->first + mark * JOURNAL_MARK_EACH;
	c->placed = true;
}

int
journal_read(struct journal *j, struct journal_cursor *c, struct buf *b,
    struct entry *ret_e)
{
	const struct journal_segment *s;
	uint64_t want = c->index;
	int err;

	buf_clear(b);
	if (want >= j->synced)
		return 0;
	if (want < j->segments[0].first)
		return ERR_NOT_FOUND;
	s = &j->segments[journal_segment_of(j, want)];
	if (!c->placed || c->segment != s->first) {
		place(j, s, c);
		while (c->index < want)
			if ((err = read_here(j, s, c, b, ret_e)) != 0)
				return err;
	}
	if ((err = read_here(j, s, c, b, ret_e)) != 0)
		return err;
	return 1;
}
