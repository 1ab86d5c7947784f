/*
 * fuzz_entry.c - a journal of any bytes: read, judged, cut and read again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the fuzzers and their replay.
 *
 * Input: a byte for the size of reads, a byte for how much of the rest is the
 * first segment (in 256ths), the rest.
 */
#include "common/journal_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	struct bytes segments[2];
	uint64_t first[2];
	size_t n, next, offset, piece;
};

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static int
step(void *arg, uint64_t *ret_first)
{
	struct memory *m = arg;

	if (m->next == m->n)
		return 0;
	*ret_first = m->first[m->next++];
	m->offset = 0;
	return 1;
}

static int
fill(void *arg, void *ret_p, size_t n, size_t *ret_n)
{
	struct memory *m = arg;
	struct bytes s = m->segments[m->next - 1];

	if (n > m->piece)
		n = m->piece;
	if (n > s.n - m->offset)
		n = s.n - m->offset;
	if (n > 0)
		memcpy(ret_p, s.p + m->offset, n);
	m->offset += n;
	*ret_n = n;
	return 0;
}

/* How many records it gives, and where and how it ends. */
static uint64_t
read_all(struct memory *m, struct journal_fault *ret_f)
{
	struct journal_source source = { m, step, fill };
	struct journal_reader *r;
	uint64_t n = 0;
	struct entry e;
	int got;

	m->next = 0;
	if (journal_reader_new(&source, &r) != 0)
		exit(1);
	while ((got = journal_reader_next(r, &e)) == 1) {
		require(e.index == n++);
		require(e.payload.n > 0 && e.payload.n <= CAP_RECORD);
	}
	require(got == 0 || got == ERR_CORRUPT);
	require(journal_reader_fault(r, ret_f) == 0);
	require((got == 0) == (ret_f->end == JOURNAL_WHOLE));
	journal_reader_free(r);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory m = { .n = 1 };
	struct journal_fault f, again;
	struct entry e;
	uint64_t n;
	size_t cut;

	if (size < 2)
		return 0;
	m.piece = data[0] == 0 ? 65536 : data[0];
	cut = (size - 2) * data[1] / 256;
	m.segments[0] = bytes_of(data + 2, size - 2);
	if (data[1] != 0) {
		m.segments[0].n = cut;
		m.segments[1] = bytes_of(data + 2 + cut, size - 2 - cut);
		/* The name that the second one should have, if it is read. */
		m.n = 1;
		m.first[1] = read_all(&m, &f);
		m.n = 2;
	}
	n = read_all(&m, &f);
	if (f.end == JOURNAL_TORN && f.segment == m.first[m.n - 1] &&
	    m.n == 1) {
		/* What is left after the cut is whole. */
		require(f.offset + f.bytes == m.segments[0].n);
		m.segments[0].n = (size_t)f.offset;
		require(read_all(&m, &again) == n);
		require(again.end == JOURNAL_WHOLE);
	}
	(void)entry_find(bytes_of(data, size), 0, &cut, &e);
	return 0;
}
