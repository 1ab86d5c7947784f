/*
 * journal_reader.c - going through a journal, segment by segment.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 */
#include "common/journal_reader.h"
#include "common/gzip.h"

#include <stdlib.h>
#include <string.h>

/* Room for the longest entry and a good read beside it. */
#define WINDOW ((size_t)128 << 10)
#define HEX_DIGITS 16
/* Of a compressed segment, read at once. */
#define RAW ((size_t)32 << 10)
/* What a disk writes whole or not at all. */
#define SECTOR 512u
/* Bytes by which a compressed segment is known. */
#define MAGIC 3

_Static_assert(WINDOW >= 2 * ENTRY_MAX, "the search overlaps by an entry");

struct journal_reader {
	struct journal_source source;
	uint64_t next;		/* index that is expected */
	bool in_segment;
	bool fresh;		/* whether it is compressed is not yet known */
	bool at_end;		/* of the segment: nothing more to read */
	const char *damage;	/* why its compression ends there, or NULL */
	struct gzip_reader *gzip;	/* of a compressed segment, or NULL */
	uint8_t *raw;		/* what was read of it */
	size_t raw_from, raw_n;	/* and is not yet decompressed */
	uint8_t begin[GZIP_BEGIN_MAX];	/* of that file */
	size_t n_begin;
	uint64_t segment;	/* first index, by its name */
	uint64_t offset;	/* in the segment, of data + from */
	uint64_t last_offset;	/* of the entry that was given last */
	uint64_t last_segment;
	int err;		/* ERR_CORRUPT once it was found */
	struct journal_fault fault;
	size_t from, n;		/* what data holds that was not given yet */
	uint8_t data[WINDOW];
};

static void
write_name(uint64_t first, const char *ending, char *ret_name)
{
	uint8_t b[8];
	size_t i;

	for (i = 0; i < 8; i++)
		b[i] = (uint8_t)(first >> (8 * (7 - i)));
	hex_encode(bytes_of(b, 8), ret_name);
	memcpy(ret_name + HEX_DIGITS, ending, strlen(ending) + 1);
}

static int
parse_name(const char *name, const char *ending, uint64_t *ret_first)
{
	uint64_t first = 0;
	uint8_t b[8];
	size_t i;

	if (strlen(name) != HEX_DIGITS + strlen(ending) ||
	    strcmp(name + HEX_DIGITS, ending) != 0 ||
	    hex_decode(bytes_of(name, HEX_DIGITS), b, 8) != 0)
		return ERR_SYNTAX;
	for (i = 0; i < 8; i++)
		first = first << 8 | b[i];
	*ret_first = first;
	return 0;
}

void
journal_name(uint64_t first, char ret_name[JOURNAL_NAME_SIZE])
{
	write_name(first, ".seg", ret_name);
}

int
journal_name_parse(const char *name, uint64_t *ret_first)
{
	return parse_name(name, ".seg", ret_first);
}

void
journal_gzip_name(uint64_t first, char ret_name[JOURNAL_GZIP_NAME_SIZE])
{
	write_name(first, ".seg.gz", ret_name);
}

int
journal_gzip_name_parse(const char *name, uint64_t *ret_first)
{
	return parse_name(name, ".seg.gz", ret_first);
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

static void
end_compressed(struct journal_reader *r)
{
	gzip_reader_free(r->gzip);
	free(r->raw);
	r->gzip = NULL;
	r->raw = NULL;
	r->raw_from = r->raw_n = 0;
}

void
journal_reader_free(struct journal_reader *r)
{
	if (r == NULL)
		return;
	end_compressed(r);
	free(r);
}

static void
consume(struct journal_reader *r, size_t n)
{
	r->from += n;
	r->n -= n;
	r->offset += n;
}

/* ---- compressed segments ---- */

/* Keeps of what was read of it the first bytes. */
static void
keep_begin(struct journal_reader *r)
{
	size_t n = sizeof(r->begin) - r->n_begin;

	if (n > r->raw_n)
		n = r->raw_n;
	memcpy(r->begin + r->n_begin, r->raw, n);
	r->n_begin += n;
}

/*
 * Whether it begins as the agent lets it: with the index after its last record.
 * One that somebody else compressed says nothing.
 */
static bool
is_well_begun(const struct journal_reader *r)
{
	struct bytes begin = bytes_of(r->begin, r->n_begin), note;
	struct reader n;

	if (!gzip_has_extra(begin))
		return true;
	if (!gzip_note(begin, &note))
		return false;
	reader_init(&n, note);
	return reader_u64le(&n) == r->next && reader_end(&n) == 0;
}

/* What is in data are the segment's first bytes, as they are on disk. */
static int
begin_compressed(struct journal_reader *r)
{
	if ((r->raw = malloc(RAW)) == NULL)
		return ERR_NOMEM;
	memcpy(r->raw, r->data + r->from, r->n < RAW ? r->n : RAW);
	r->raw_n = r->n;
	r->n = 0;
	r->n_begin = 0;
	keep_begin(r);
	return gzip_reader_new(JOURNAL_SEGMENT_MAX, &r->gzip);
}

/* It cannot be read on: what was decompressed so far is given. */
static int
damaged(struct journal_reader *r, const char *what, size_t *ret_n)
{
	r->damage = what;
	*ret_n = 0;
	return 0;
}

/* After the last decompressed byte: nothing may follow it in the file. */
static int
check_end(struct journal_reader *r, size_t *ret_n)
{
	int err = 0;

	if (r->raw_n == 0)
		err = r->source.read(r->source.arg, r->raw, RAW, &r->raw_n);
	if (err == 0 && r->raw_n > 0)
		return damaged(r, "something follows its compressed end",
		    ret_n);
	*ret_n = 0;
	return err;
}

/* Like the source's read. */
static int
read_compressed(struct journal_reader *r, void *ret_p, size_t n, size_t *ret_n)
{
	struct bytes in;
	size_t got = 0;
	int res = 0;

	if (gzip_reader_is_done(r->gzip))
		return check_end(r, ret_n);
	while (res == 0 && got == 0) {
		if (r->raw_n == 0) {
			r->raw_from = 0;
			res = r->source.read(r->source.arg, r->raw, RAW,
			    &r->raw_n);
			if (res != 0)
				return res;
			if (r->raw_n == 0)
				return damaged(r, "its compressed end is"
				    " missing", ret_n);
			keep_begin(r);
		}
		in = bytes_of(r->raw + r->raw_from, r->raw_n);
		res = gzip_read(r->gzip, &in, ret_p, n, &got);
		r->raw_from += r->raw_n - in.n;
		r->raw_n = in.n;
	}
	if (res == ERR_TOO_LARGE)
		return damaged(r, "more comes of it than a segment holds",
		    ret_n);
	if (res == ERR_CORRUPT)
		return damaged(r, "its compressed bytes are damaged", ret_n);
	if (res < 0)
		return res;
	if (res == 1 && got == 0)
		return check_end(r, ret_n);
	*ret_n = got;
	return 0;
}

/* ---- reading on ---- */

static int
read_some(struct journal_reader *r)
{
	uint8_t *to = r->data + r->from + r->n;
	size_t room = WINDOW - r->from - r->n, got;
	int err;

	/* No entry begins so: it would be longer than any. */
	if (r->fresh && r->n >= MAGIC) {
		r->fresh = false;
		if (gzip_is(bytes_of(r->data + r->from, r->n)))
			return begin_compressed(r);
	}
	/* Its beginning is moved to raw once it is known for compressed. */
	if (r->fresh)
		room = RAW - r->n;
	err = r->gzip != NULL ? read_compressed(r, to, room, &got) :
	    r->source.read(r->source.arg, to, room, &got);
	if (err != 0)
		return err;
	r->n += got;
	r->at_end = got == 0;
	return 0;
}

/* Reads until at least want bytes are there, or the segment ends. */
static int
fill(struct journal_reader *r, size_t want)
{
	int err;

	if (r->n >= want || r->at_end)
		return 0;
	if (r->n > 0)
		memmove(r->data, r->data + r->from, r->n);
	r->from = 0;
	while ((r->n < want || r->fresh) && !r->at_end)
		if ((err = read_some(r)) != 0)
			return err;
	return 0;
}

/* 1 in the next segment, 0 if there is none. */
static int
step(struct journal_reader *r)
{
	int got = r->source.segment(r->source.arg, &r->segment);

	if (got != 1 && got != ERR_CORRUPT)
		return got;
	end_compressed(r);
	r->in_segment = true;
	r->fresh = got == 1;
	r->at_end = got != 1;
	r->offset = 0;
	r->from = r->n = 0;
	if (got != 1)
		r->damage = "it is no file that can be read";
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

/*
 * Whether a sector that the entry here is in is all zeros from the entry on.
 * An entry's payload has none, being text: so a disk left the sector out when
 * it wrote what was written together.
 */
static bool
is_hole(const struct journal_reader *r)
{
	const uint8_t *p = r->data + r->from;
	size_t at = 0, end, span = ENTRY_HEADER, i;
	struct reader header;
	uint32_t length;

	reader_init(&header, bytes_of(p, r->n));
	length = reader_u32le(&header);
	if (header.err == 0 && length <= CAP_RECORD)
		span += length;
	for (; at < span && at < r->n; at = end) {
		end = at + SECTOR - (size_t)((r->offset + at) % SECTOR);
		if (end > r->n)
			end = r->n;
		for (i = at; i < end && p[i] == 0; i++)
			;
		if (i == end)
			return true;
	}
	return false;
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
			if (r->damage != NULL)
				return fail(r, JOURNAL_TAMPERED, r->damage);
			if (r->gzip != NULL && !is_well_begun(r))
				return fail(r, JOURNAL_TAMPERED, "its"
				    " compressed form begins as the agent lets"
				    " none begin");
		}
		if ((got = step(r)) != 1)
			return got;
		/* It was made when all before it was on disk. */
		if (r->segment != r->next)
			return fail(r, JOURNAL_TAMPERED,
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
	if (got != 0 && r->damage != NULL)
		return fail(r, JOURNAL_TAMPERED, r->damage);
	/* Only what is whole is compressed. */
	if (got != 0 && r->gzip != NULL)
		return fail(r, JOURNAL_TAMPERED, "it was compressed damaged");
	if (got != 0)
		r->fault.hole = is_hole(r);
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

	*ret_found = false;
	for (;;) {
		if ((err = fill(r, WINDOW)) != 0)
			return err;
		/* Only what is whole, and what is before it, is compressed. */
		if (r->damage != NULL || r->gzip != NULL)
			*ret_found = true;
		if (!*ret_found)
			*ret_found = entry_find(bytes_of(r->data + r->from,
			    r->n), r->next, &at, &e);
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
	int got, err;

	/* Not yet decided. */
	if (r->err != 0 && r->fault.end == JOURNAL_WHOLE) {
		if ((err = search_segment(r, &found)) != 0)
			return err;
		while (!found && (got = step(r)) != 0) {
			if (got < 0 || (got = search_segment(r, &found)) != 0)
				return got;
			r->fault.hole = false;
		}
		/* A hole is one of the last segment's. */
		if (found && r->fault.hole && (got = step(r)) != 0) {
			if (got < 0)
				return got;
			r->fault.hole = false;
		}
		r->fault.end = found ? JOURNAL_TAMPERED : JOURNAL_TORN;
		r->fault.hole = r->fault.hole && found;
	}
	*ret_f = r->fault;
	return 0;
}
