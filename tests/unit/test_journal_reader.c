/*
 * test_journal_reader.c - going through journals that are whole, torn and
 * tampered with.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/journal_reader.h"
#include "common/gzip.h"
#include "tests/harness/test.h"

#define SEGMENTS 4

/* A journal in memory, read in pieces of a chosen size. */
struct memory {
	struct {
		uint64_t first;
		struct bytes data;
	} segments[SEGMENTS];
	size_t n;
	size_t next, offset;	/* of the source */
	size_t piece;		/* 0: as much as is asked for */
	int fail_read, fail_segment;
};

static int
memory_segment(void *arg, uint64_t *ret_first)
{
	struct memory *m = arg;

	if (m->fail_segment != 0)
		return m->fail_segment;
	if (m->next == m->n)
		return 0;
	*ret_first = m->segments[m->next++].first;
	m->offset = 0;
	return 1;
}

static int
memory_read(void *arg, void *ret_p, size_t n, size_t *ret_n)
{
	struct memory *m = arg;
	struct bytes data = m->segments[m->next - 1].data;

	if (m->fail_read != 0)
		return m->fail_read;
	if (m->piece != 0 && n > m->piece)
		n = m->piece;
	if (n > data.n - m->offset)
		n = data.n - m->offset;
	if (n > 0)
		memcpy(ret_p, data.p + m->offset, n);
	m->offset += n;
	*ret_n = n;
	return 0;
}

/* What reading it came to. */
struct outcome {
	uint64_t records;
	int err;
	struct journal_fault fault;
};

static struct outcome
read_all(struct memory *m)
{
	struct journal_source source = { m, memory_segment, memory_read };
	struct journal_reader *r;
	struct outcome o = { 0 };
	struct entry e;

	m->next = m->offset = 0;
	CHECK_INT(journal_reader_new(&source, &r), 0);
	while ((o.err = journal_reader_next(r, &e)) == 1) {
		CHECK_INT(e.index, o.records);
		o.records++;
	}
	if (o.err == ERR_CORRUPT) {
		CHECK_INT(journal_reader_fault(r, &o.fault), 0);
		CHECK_INT(o.fault.index, o.records);
		CHECK(o.fault.end != JOURNAL_WHOLE);
		CHECK(o.fault.what != NULL);
		CHECK_INT(journal_reader_next(r, &e), ERR_CORRUPT);
	} else if (o.err == 0) {
		CHECK_INT(journal_reader_fault(r, &o.fault), 0);
		CHECK_INT(o.fault.end, JOURNAL_WHOLE);
	}
	journal_reader_free(r);
	return o;
}

/* Records from..to as one segment; where each begins, and the end. */
static void
make(struct buf *b, uint64_t from, uint64_t to, size_t *ret_at)
{
	char text[64];
	uint64_t i;

	buf_init(b, 1 << 20);
	for (i = from; i < to; i++) {
		*ret_at++ = b->n;
		(void)snprintf(text, sizeof(text),
		    "{\"kind\":\"expired\",\"n\":%" PRIu64 "}", i * i);
		entry_write(b, i, bytes_str(text));
	}
	*ret_at = b->n;
	CHECK_INT(buf_error(b), 0);
}

TEST(names)
{
	char name[JOURNAL_NAME_SIZE];
	uint64_t first = 9;

	journal_name(0, name);
	CHECK_STR(name, "0000000000000000.seg");
	CHECK_INT(journal_name_parse(name, &first), 0);
	CHECK_INT(first, 0);
	journal_name(UINT64_C(0x123456789abcdef0), name);
	CHECK_STR(name, "123456789abcdef0.seg");
	{
		char packed[JOURNAL_GZIP_NAME_SIZE];

		journal_gzip_name(UINT64_C(0x123456789abcdef0), packed);
		CHECK_STR(packed, "123456789abcdef0.seg.gz");
		CHECK_INT(journal_gzip_name_parse(packed, &first), 0);
		CHECK_INT(first, UINT64_C(0x123456789abcdef0));
		CHECK_INT(journal_name_parse(packed, &first), ERR_SYNTAX);
		CHECK_INT(journal_gzip_name_parse(name, &first), ERR_SYNTAX);
	}
	CHECK_INT(journal_name_parse(name, &first), 0);
	CHECK(first == UINT64_C(0x123456789abcdef0));
	CHECK_INT(journal_name_parse("lock", &first), ERR_SYNTAX);
	CHECK_INT(journal_name_parse("", &first), ERR_SYNTAX);
	CHECK_INT(journal_name_parse("000000000000000A.seg", &first),
	    ERR_SYNTAX);
	CHECK_INT(journal_name_parse("0000000000000000.sex", &first),
	    ERR_SYNTAX);
	CHECK_INT(journal_name_parse("00000000000000000.seg", &first),
	    ERR_SYNTAX);
	CHECK_INT(journal_name_parse("000000000000000.seg", &first),
	    ERR_SYNTAX);
}

TEST(whole)
{
	static const size_t pieces[] = { 1, 7, 4096, 0 };
	size_t at[11], i;
	struct memory m = { 0 };
	struct outcome o;
	struct buf a, b;

	o = read_all(&m);
	CHECK_INT(o.err, 0);
	CHECK_INT(o.records, 0);
	make(&a, 0, 4, at);
	make(&b, 4, 10, at);
	m.segments[0].data = buf_bytes(&a);
	m.segments[1].first = 4;
	m.segments[1].data = buf_bytes(&b);
	m.segments[2].first = 10;
	m.n = 3;
	for (i = 0; i < 4; i++) {
		m.piece = pieces[i];
		o = read_all(&m);
		CHECK_INT(o.err, 0);
		CHECK_INT(o.records, 10);
	}
	buf_free(&a);
	buf_free(&b);
}

TEST(where)
{
	struct journal_source source;
	struct journal_reader *r;
	uint64_t segment, offset;
	struct memory m = { 0 };
	struct entry e;
	size_t at_a[5], at_b[7], i;
	struct buf a, b;

	make(&a, 0, 4, at_a);
	make(&b, 4, 10, at_b);
	m.segments[0].data = buf_bytes(&a);
	m.segments[1].first = 4;
	m.segments[1].data = buf_bytes(&b);
	m.n = 2;
	source = (struct journal_source){ &m, memory_segment, memory_read };
	CHECK_INT(journal_reader_new(&source, &r), 0);
	for (i = 0; i < 10; i++) {
		CHECK_INT(journal_reader_next(r, &e), 1);
		journal_reader_where(r, &segment, &offset);
		CHECK_INT(segment, i < 4 ? 0 : 4);
		CHECK_INT(offset, i < 4 ? at_a[i] : at_b[i - 4]);
	}
	journal_reader_free(r);
	buf_free(&a);
	buf_free(&b);
}

/* Cut anywhere: what is before is whole, and a torn end is one record's. */
TEST(every_cut)
{
	struct memory m = { 0 };
	size_t at[7], n, whole;
	struct outcome o;
	struct buf b;

	make(&b, 0, 6, at);
	m.n = 1;
	for (n = 0; n <= b.n; n++) {
		for (whole = 0; whole < 6 && at[whole + 1] <= n; whole++)
			;
		m.segments[0].data = bytes_of(b.p, n);
		o = read_all(&m);
		CHECK_INT(o.records, whole);
		if (n == at[whole]) {
			CHECK_INT(o.err, 0);
			continue;
		}
		CHECK_INT(o.err, ERR_CORRUPT);
		CHECK_INT(o.fault.end, JOURNAL_TORN);
		CHECK_INT(o.fault.offset, at[whole]);
		CHECK_INT(o.fault.bytes, n - at[whole]);
	}
	buf_free(&b);
}

/* A changed byte in the last record looks torn; in any other it is not. */
TEST(every_change)
{
	struct memory m = { 0 };
	size_t at[7], i, whole;
	struct outcome o;
	struct buf b;

	make(&b, 0, 6, at);
	m.segments[0].data = buf_bytes(&b);
	m.n = 1;
	for (i = 0; i < b.n; i++) {
		for (whole = 0; at[whole + 1] <= i; whole++)
			;
		b.p[i] ^= 0x10;
		o = read_all(&m);
		b.p[i] ^= 0x10;
		CHECK_INT(o.err, ERR_CORRUPT);
		CHECK_INT(o.records, whole);
		CHECK_MSG(o.fault.end == (whole == 5 ? JOURNAL_TORN :
		    JOURNAL_TAMPERED), "byte %zu", i);
	}
	buf_free(&b);
}

/* The same over two segments: nothing but the last record may be torn. */
TEST(two_segments)
{
	size_t at_a[5], at_b[4], i, n;
	struct memory m = { 0 };
	struct outcome o;
	struct buf a, b;

	make(&a, 0, 4, at_a);
	make(&b, 4, 7, at_b);
	m.segments[1].first = 4;
	m.segments[1].data = buf_bytes(&b);
	m.n = 2;
	for (n = 0; n < a.n; n++) {
		m.segments[0].data = bytes_of(a.p, n);
		o = read_all(&m);
		CHECK_INT(o.err, ERR_CORRUPT);
		CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	}
	m.segments[0].data = buf_bytes(&a);
	for (i = 0; i < a.n; i++) {
		a.p[i] ^= 0x01;
		o = read_all(&m);
		a.p[i] ^= 0x01;
		CHECK_INT(o.err, ERR_CORRUPT);
		CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	}
	for (n = at_b[2] + 1; n < b.n; n++) {
		m.segments[1].data = bytes_of(b.p, n);
		o = read_all(&m);
		CHECK_INT(o.fault.end, JOURNAL_TORN);
		CHECK_INT(o.fault.segment, 4);
		CHECK_INT(o.fault.bytes, n - at_b[2]);
	}
	/* A torn end, and a segment after it that never got a record. */
	m.segments[0].data = bytes_of(a.p, a.n - 1);
	m.segments[1].data = bytes_of(b.p, 0);
	o = read_all(&m);
	CHECK_INT(o.fault.end, JOURNAL_TORN);
	CHECK_INT(o.fault.bytes, a.n - 1 - at_a[3]);
	buf_free(&a);
	buf_free(&b);
}

TEST(wrong_segments)
{
	struct memory m = { 0 };
	struct outcome o;
	size_t at[7];
	struct buf a, b;

	make(&a, 0, 4, at);
	make(&b, 4, 7, at);
	/* The first one is gone. */
	m.segments[0].first = 4;
	m.segments[0].data = buf_bytes(&b);
	m.n = 1;
	o = read_all(&m);
	CHECK_INT(o.err, ERR_CORRUPT);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	/* One is named wrongly. */
	m.segments[0].first = 0;
	m.segments[0].data = buf_bytes(&a);
	m.segments[1].first = 5;
	m.segments[1].data = buf_bytes(&b);
	m.n = 2;
	o = read_all(&m);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	/* One stands twice: valid records with old indexes. */
	m.segments[1].first = 4;
	m.segments[1].data = buf_bytes(&a);
	o = read_all(&m);
	CHECK_INT(o.records, 4);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	buf_free(&a);
	buf_free(&b);
}

/* Damage, megabytes of it, and a record at the very end. */
TEST(far_away)
{
	const size_t far = 1000000;
	struct memory m = { 0 };
	struct outcome o;
	size_t at[7], n;
	struct buf b;

	make(&b, 0, 3, at);
	b.cap = 2 * far;
	memset(buf_reserve(&b, far), 0, far);
	buf_commit(&b, far);
	m.segments[0].data = buf_bytes(&b);
	m.n = 1;
	o = read_all(&m);
	CHECK_INT(o.fault.end, JOURNAL_TORN);
	CHECK_INT(o.fault.bytes, far);
	/* Wherever the pieces of the search end, it is found. */
	for (n = 0; n < 300; n++) {
		b.n = at[3] + 98000 + 131 * n;
		entry_write(&b, 77, bytes_str("{\"kind\":\"expired\"}"));
		m.segments[0].data = buf_bytes(&b);
		o = read_all(&m);
		CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
		memset(b.p + b.n - 60, 0, 60);
	}
	buf_free(&b);
}

TEST(errors_of_the_source)
{
	struct memory m = { 0 };
	struct outcome o;
	size_t at[4];
	struct buf b;

	make(&b, 0, 3, at);
	m.segments[0].data = buf_bytes(&b);
	m.n = 1;
	m.fail_read = ERR_IO;
	o = read_all(&m);
	CHECK_INT(o.err, ERR_IO);
	m.fail_read = 0;
	m.fail_segment = ERR_PERMISSION;
	o = read_all(&m);
	CHECK_INT(o.err, ERR_PERMISSION);
	buf_free(&b);
}

TEST(no_memory)
{
	struct memory m = { 0 };
	struct journal_source source = { &m, memory_segment, memory_read };
	struct journal_reader *r = NULL;
	int err;

	OOM_LOOP {
		err = journal_reader_new(&source, &r);
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		if (err == 0)
			journal_reader_free(r);
	}
}

/* ---- compressed segments ---- */

static void
pack_noted(struct bytes plain, struct bytes note, struct buf *ret_b)
{
	struct gzip_writer *w;

	buf_init(ret_b, 1 << 20);
	CHECK_INT(gzip_writer_new(note, &w), 0);
	CHECK_INT(gzip_write(w, plain, true, ret_b), 0);
	gzip_writer_free(w);
}

static void
pack(struct bytes plain, struct buf *ret_b)
{
	pack_noted(plain, bytes_of(NULL, 0), ret_b);
}

TEST(compressed)
{
	static const size_t pieces[] = { 0, 1, 2, 3, 1000 };
	struct memory m = { .n = 3 };
	struct buf plain[3], packed[2];
	struct outcome o;
	size_t at[1001], i;

	make(&plain[0], 0, 1000, at);
	make(&plain[1], 1000, 1001, at);
	make(&plain[2], 1001, 1500, at);
	pack(buf_bytes(&plain[0]), &packed[0]);
	pack(buf_bytes(&plain[1]), &packed[1]);
	m.segments[1].first = 1000;
	m.segments[2].first = 1001;
	m.segments[0].data = buf_bytes(&packed[0]);
	m.segments[1].data = buf_bytes(&packed[1]);
	m.segments[2].data = buf_bytes(&plain[2]);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		m.piece = pieces[i];
		o = read_all(&m);
		CHECK_INT(o.err, 0);
		CHECK_INT(o.records, 1500);
	}
	/* Cut or changed anywhere it is never taken for a torn write, and no
	 * entry that was given is wrong. */
	m.piece = 0;
	m.n = 2;
	for (i = 0; i < packed[1].n; i++) {
		packed[1].p[i] ^= 4;
		o = read_all(&m);
		packed[1].p[i] ^= 4;
		CHECK_MSG(o.err == 0 || (o.err == ERR_CORRUPT &&
		    o.fault.end == JOURNAL_TAMPERED) || i < 10,
		    "byte %zu: %d %s", i, o.err, o.fault.what);
		CHECK(o.records == 1000 || o.records == 1001);
		CHECK(!o.fault.hole);
		m.segments[1].data.n = i;
		o = read_all(&m);
		m.segments[1].data.n = packed[1].n;
		CHECK(i < 3 || o.fault.end == JOURNAL_TAMPERED);
	}
	buf_put_u8(&packed[1], 0);
	m.segments[1].data = buf_bytes(&packed[1]);
	o = read_all(&m);
	CHECK_INT(o.records, 1001);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	CHECK_STR(o.fault.what, "something follows its compressed end");
	/* What was compressed was whole. */
	buf_free(&packed[1]);
	pack(bytes_of(plain[1].p, plain[1].n - 1), &packed[1]);
	m.segments[1].data = buf_bytes(&packed[1]);
	o = read_all(&m);
	CHECK_INT(o.records, 1000);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	CHECK_STR(o.fault.what, "it was compressed damaged");
	/* Behind a torn one it is looked into as well. */
	m.segments[0].data = buf_bytes(&plain[0]);
	m.segments[0].data.n--;
	o = read_all(&m);
	CHECK_INT(o.records, 999);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	for (i = 0; i < 3; i++)
		buf_free(&plain[i]);
	buf_free(&packed[0]);
	buf_free(&packed[1]);
}

/*
 * As the agent compresses: no bit of its header is another, unseen. Behind it
 * there may be two ways to say the same (an unused code), and only those pass.
 */
TEST(compressed_by_the_agent)
{
	static const size_t pieces[] = { 0, 1, 3 };
	struct memory m = { .n = 2 };
	struct buf plain[2], packed, note;
	struct outcome o;
	size_t at[1001], i, k;
	unsigned bit;

	make(&plain[0], 0, 60, at);
	make(&plain[1], 60, 100, at);
	buf_init(&note, 8);
	buf_put_u64le(&note, 60);
	pack_noted(buf_bytes(&plain[0]), buf_bytes(&note), &packed);
	m.segments[1].first = 60;
	m.segments[1].data = buf_bytes(&plain[1]);
	m.segments[0].data = buf_bytes(&packed);
	for (k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		m.piece = pieces[k];
		o = read_all(&m);
		CHECK_INT(o.err, 0);
		CHECK_INT(o.records, 100);
	}
	m.piece = 0;
	for (i = 0; i < packed.n; i++)
		for (bit = 0; bit < 8; bit++) {
			packed.p[i] ^= (uint8_t)(1u << bit);
			o = read_all(&m);
			packed.p[i] ^= (uint8_t)(1u << bit);
			CHECK_MSG(o.err == ERR_CORRUPT || (i >= 24 &&
			    o.records == 100), "byte %zu bit %u", i, bit);
			CHECK(i < 3 || o.err == 0 || o.fault.end ==
			    JOURNAL_TAMPERED);
		}
	/* Of one fewer, or more, than are in it. */
	for (i = 59; i <= 61; i += 2) {
		buf_free(&packed);
		buf_clear(&note);
		buf_put_u64le(&note, i);
		pack_noted(buf_bytes(&plain[0]), buf_bytes(&note), &packed);
		m.segments[0].data = buf_bytes(&packed);
		o = read_all(&m);
		CHECK_INT(o.records, 60);
		CHECK_INT(o.fault.index, 60);
		CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	}
	buf_free(&note);
	buf_free(&plain[0]);
	buf_free(&plain[1]);
	buf_free(&packed);
}

/* Zeros without end: no more than a segment holds is made of them. */
TEST(bomb)
{
	static uint8_t zeros[1 << 20];
	struct memory m = { .n = 1 };
	struct gzip_writer *w;
	struct buf packed;
	struct outcome o;
	int i;

	buf_init(&packed, 1 << 20);
	CHECK_INT(gzip_writer_new(bytes_of(NULL, 0), &w), 0);
	for (i = 0; i <= (int)(JOURNAL_SEGMENT_MAX >> 20); i++)
		CHECK_INT(gzip_write(w, bytes_of(zeros, sizeof(zeros)),
		    i == (int)(JOURNAL_SEGMENT_MAX >> 20), &packed), 0);
	gzip_writer_free(w);
	m.segments[0].data = buf_bytes(&packed);
	o = read_all(&m);
	CHECK_INT(o.records, 0);
	CHECK_INT(o.err, ERR_CORRUPT);
	CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
	CHECK(o.fault.bytes <= JOURNAL_SEGMENT_MAX);
	buf_free(&packed);
}

/* ---- a sector that is missing ---- */

static void
zero(struct buf *b, size_t from, size_t n)
{
	memset(b->p + from, 0, n);
}

TEST(holes)
{
	struct memory m = { .n = 1 };
	struct buf b, next;
	struct outcome o;
	size_t at[201], end[2], i, sector;

	make(&b, 0, 200, at);
	make(&next, 200, 201, end);
	CHECK(b.n > 2048);
	for (sector = 512; sector + 512 <= b.n; sector += 512) {
		struct buf hurt;

		buf_init(&hurt, 1 << 20);
		buf_put_bytes(&hurt, buf_bytes(&b));
		zero(&hurt, sector, 512);
		m.segments[0].data = buf_bytes(&hurt);
		o = read_all(&m);
		CHECK_INT(o.err, ERR_CORRUPT);
		for (i = 0; at[i + 1] <= sector; i++)
			;
		CHECK_INT(o.records, i);
		/* In the last sectors nothing valid follows: just torn. */
		if (o.fault.end == JOURNAL_TAMPERED)
			CHECK(o.fault.hole);
		CHECK(o.fault.end == JOURNAL_TAMPERED || sector + 600 > b.n);
		CHECK_INT(o.fault.bytes, b.n - at[i]);
		/* Not with another segment behind it. */
		m.n = 2;
		m.segments[1].first = 200;
		m.segments[1].data = buf_bytes(&next);
		o = read_all(&m);
		m.n = 1;
		CHECK_INT(o.fault.end, JOURNAL_TAMPERED);
		CHECK(!o.fault.hole);
		/* Nor where the zeros do not fill a sector. */
		hurt.p[sector] = b.p[sector] != 0 ? b.p[sector] : 1;
		hurt.p[sector + 511] = 'x';
		m.segments[0].data = buf_bytes(&hurt);
		o = read_all(&m);
		CHECK(!o.fault.hole);
		buf_free(&hurt);
	}
	/* A changed byte makes none. */
	for (i = 0; i < b.n; i++) {
		b.p[i] ^= 0x20;
		m.segments[0].data = buf_bytes(&b);
		o = read_all(&m);
		b.p[i] ^= 0x20;
		CHECK_INT(o.err, ERR_CORRUPT);
		CHECK(!o.fault.hole);
	}
	buf_free(&b);
	buf_free(&next);
}

/* From the middle on, as a start does. */
TEST(begin_at)
{
	struct memory m = { .n = 1 };
	struct journal_source source = { &m, memory_segment, memory_read };
	struct journal_reader *r;
	struct entry e;
	struct buf b;
	size_t at[4];

	make(&b, 40, 43, at);
	m.segments[0].first = 40;
	m.segments[0].data = buf_bytes(&b);
	CHECK_INT(journal_reader_new(&source, &r), 0);
	journal_reader_begin_at(r, 40);
	CHECK_INT(journal_reader_next(r, &e), 1);
	CHECK_INT(e.index, 40);
	CHECK_INT(journal_reader_next(r, &e), 1);
	CHECK_INT(journal_reader_next(r, &e), 1);
	CHECK_INT(journal_reader_next(r, &e), 0);
	journal_reader_free(r);
	buf_free(&b);
}

TEST_MAIN()
