/*
 * journal_reader.c - going through a journal, segment by segment.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "common/journal_reader.h"

#include <stdlib.h>
#include <string.h>

/* Room for the longest entry and a good read beside it. */
#define WINDOW ((size_t)128 << 10)
#define HEX_DIGITS 16

_Static_assert(WINDOW >= 2 * ENTRY_MAX, "the search overlaps by an entry");

struct journal_reader {
	struct journal_source source;
	uint64_t next;		/* index that is expected */
	bool in_segment;
	bool at_end;		/* of the segment: nothing more to read */
	uint64_t segment;	/* first index, by its name */
	uint64_t offset;	/* in the segment, of data + from */
	uint64_t last_offset;	/* of the entry that was given last */
	uint64_t last_segment;
	int err;		/* ERR_CORRUPT once it was found */
	struct journal_fault fault;
	size_t from, n;		/* what data holds that was not given yet */
	uint8_t data[WINDOW];
};

void
journal_name(uint64_t first, char ret_name[JOURNAL_NAME_SIZE])
{
	uint8_t b[8];
	size_t i;

	for (i = 0; i < 8; i++)
		b[i] = (uint8_t)(first >> (8 * (7 - i)));
	hex_encode(bytes_of(b, 8), ret_name);
	memcpy(ret_name + HEX_DIGITS, ".seg", 5);
}

int
journal_name_parse(const char *name, uint64_t *ret_first)
{
	uint64_t first = 0;
	uint8_t b[8];
	size_t i;

	if (strlen(name) != JOURNAL_NAME_SIZE - 1 ||
	    strcmp(name + HEX_DIGITS, ".seg") != 0 ||
	    hex_decode(bytes_of(name, HEX_DIGITS), b, 8) != 0)
		return ERR_SYNTAX;
	for (i = 0; i < 8; i++)
		first = first << 8 | b[i];
	*ret_first = first;
	return 0;
}

int
journal_reader_new(const struct journal_source *source,
    struct journal_reader **ret_r)
{
	struct journal_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->source = *source;
	*ret_r = r;
	return 0;
}

void
journal_reader_begin_at(struct journal_reader *r, uint64_t index)
{
	r->next = index;
}

void
journal_reader_free(struct journal_reader *r)
{
	free(r);
}

static void
consume(struct journal_reader *r, size_t n)
{
	r->from += n;
	r->n -= n;
	r->offset += n;
}

/* Reads until at least want bytes are there, or the segment ends. */
static int
fill(struct journal_reader *r, size_t want)
{
	size_t got;
	int err;

	if (r->n >= want || r->at_end)
		return 0;
	memmove(r->data, r->data + r->from, r->n);
	r->from = 0;
	while (r->n < want && !r->at_end) {
		err = r->source.read(r->source.arg, r->data + r->n,
		    WINDOW - r->n, &got);
		if (err != 0)
			return err;
		r->n += got;
		r->at_end = got == 0;
	}
	return 0;
}

/* 1 in the next segment, 0 if there is none. */
static int
step(struct journal_reader *r)
{
	int got = r->source.segment(r->source.arg, &r->segment);

	if (got != 1)
		return got;
	r->in_segment = true;
	r->at_end = false;
	r->offset = 0;
	r->from = r->n = 0;
	return 1;
}

static int
fail(struct journal_reader *r, enum journal_end end, const char *what)
{
	r->err = ERR_CORRUPT;
	r->fault.end = end;
	r->fault.index = r->next;
	r->fault.segment = r->segment;
	r->fault.offset = r->offset;
	r->fault.what = what;
	return ERR_CORRUPT;
}

/* Makes sure that there is something to read: 1, 0 at the end, or an error. */
static int
find_data(struct journal_reader *r)
{
	int got, err;

	for (;;) {
		if (r->in_segment) {
			if ((err = fill(r, ENTRY_MAX)) != 0)
				return err;
			if (r->n > 0)
				return 1;
		}
		if ((got = step(r)) != 1)
			return got;
		/* The rest will say whether a crash could have left this. */
		if (r->segment != r->next)
			return fail(r, JOURNAL_WHOLE,
			    "a segment begins with another index");
	}
}

int
journal_reader_next(struct journal_reader *r, struct entry *ret_e)
{
	struct entry e;
	int got;

	if (r->err != 0)
		return r->err;
	if ((got = find_data(r)) != 1)
		return got;
	got = entry_read(bytes_of(r->data + r->from, r->n), &e);
	if (got == ERR_TRUNCATED)
		return fail(r, JOURNAL_WHOLE, "it is cut short");
	if (got != 0)
		return fail(r, JOURNAL_WHOLE, "its checksum is wrong");
	/* No crash writes a whole entry to a place where it does not belong. */
	if (e.index != r->next)
		return fail(r, JOURNAL_TAMPERED, "another index stands there");
	r->last_segment = r->segment;
	r->last_offset = r->offset;
	consume(r, e.size);
	r->next++;
	*ret_e = e;
	return 1;
}

void
journal_reader_where(const struct journal_reader *r, uint64_t *ret_segment,
    uint64_t *ret_offset)
{
	*ret_segment = r->last_segment;
	*ret_offset = r->last_offset;
}

/* Whether a valid entry follows in this segment; counts its bytes. */
static int
search_segment(struct journal_reader *r, bool *ret_found)
{
	const size_t overlap = ENTRY_MAX - 1;
	struct entry e;
	size_t at;
	int err;

	for (;;) {
		if ((err = fill(r, WINDOW)) != 0)
			return err;
		*ret_found = entry_find(bytes_of(r->data + r->from, r->n),
		    r->next, &at, &e);
		if (*ret_found)
			return 0;
		at = !r->at_end && r->n > overlap ? r->n - overlap : r->n;
		r->fault.bytes += at;
		consume(r, at);
		if (r->at_end && r->n == 0)
			return 0;
	}
}

int
journal_reader_fault(struct journal_reader *r, struct journal_fault *ret_f)
{
	bool found = false;
	int got = 1, err;

	/* Not yet decided. */
	while (r->err != 0 && r->fault.end == JOURNAL_WHOLE) {
		if ((err = search_segment(r, &found)) != 0)
			return err;
		if (found)
			r->fault.end = JOURNAL_TAMPERED;
		else if ((got = step(r)) == 0)
			r->fault.end = JOURNAL_TORN;
		else if (got < 0)
			return got;
	}
	*ret_f = r->fault;
	return 0;
}
