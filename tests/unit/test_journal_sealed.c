/*
 * test_journal_sealed.c - segments that begin, are sealed, compared,
 * compressed, read by several and removed; batches that lost a sector.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/journal_inside.h"
#include "../fault/file_memory.h"
#include "common/merkle.h"
#include "tests/harness/test.h"

#define MOST 400

static char book[MOST][200];
static uint64_t appended;
static struct journal *j;
static struct journal_start start;
static uint64_t folded_from, folded;

/* ---- a journal of small segments ---- */

static int
fold(void *arg, uint64_t index, struct bytes payload)
{
	(void)arg;
	if (folded++ == 0)
		folded_from = index;
	CHECK_INT(index, folded_from + folded - 1);
	CHECK(bytes_is(payload, book[index]));
	return 0;
}

static int
open_sealed(const struct journal_seal *seal)
{
	int err;

	j = NULL;
	folded = folded_from = 0;
	err = journal_open(DISK, seal, fold, NULL, &j, &start);
	if (err == 0)
		journal_set_segment(j, 600, 4);
	return err;
}

static void
close_journal(void)
{
	journal_close(j);
	j = NULL;
}

static void
append(size_t filling)
{
	uint64_t index;

	CHECK(appended < MOST);
	(void)snprintf(book[appended], sizeof(book[0]), "{\"n\":%" PRIu64
	    ",\"x\":\"%.*s\"}", appended, (int)filling, "abcdefghijklmnopqrst"
	    "uvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefg"
	    "hijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmno");
	CHECK_INT(journal_append(j, bytes_str(book[appended]), false, &index),
	    0);
	CHECK_INT(index, appended);
	appended++;
}

static void
add(unsigned n)
{
	while (n-- > 0) {
		if (journal_wants_state(j))
			CHECK_INT(journal_rotate(j), 0);
		append(40);
	}
	CHECK_INT(journal_sync(j), 0);
}

static void
begin(void)
{
	disk_init();
	appended = 0;
	CHECK_INT(open_sealed(NULL), 0);
}

static void
end(void)
{
	close_journal();
	disk_fini();
}

static void
check_all(void)
{
	int got;

	while ((got = journal_check_step(j)) == 1)
		;
	CHECK_INT(got, 0);
}

static void
compress_all(uint64_t covered)
{
	int got;

	while ((got = journal_compress_step(j, covered)) == 1)
		;
	CHECK_INT(got, 0);
}

/* What the cursor gives next is that record. */
static void
read_next(struct journal_cursor *c, uint64_t index)
{
	struct entry e;
	struct buf b;

	buf_init(&b, ENTRY_MAX);
	CHECK_INT(journal_read(j, c, &b, &e), 1);
	CHECK_INT(e.index, index);
	CHECK(bytes_is(e.payload, book[index]));
	CHECK_INT(c->index, index + 1);
	buf_free(&b);
}

static void
read_all(void)
{
	struct journal_cursor c;
	uint64_t i;

	journal_seek(&c, journal_first(j));
	for (i = journal_first(j); i < journal_synced(j); i++)
		read_next(&c, i);
}

static int
journal_dir(void)
{
	int dir = -1;

	CHECK_INT(file_open_dir_at(DISK, "journal", &dir), 0);
	return dir;
}

static bool
is_there(const char *name)
{
	uint64_t size;
	int64_t changed;
	int dir = journal_dir(), err;

	err = file_stat(dir, name, &size, &changed);
	file_close(&dir);
	CHECK(err == 0 || err == ERR_NOT_FOUND);
	return err == 0;
}

/* ---- beginning a segment ---- */

TEST(wants_state)
{
	uint64_t first;

	begin();
	CHECK(!journal_wants_state(j));
	CHECK_INT(journal_rotate(j), 0);
	CHECK_INT(j->n_segments, 1);
	append(100);
	append(100);
	append(100);
	append(100);
	CHECK(!journal_wants_state(j));
	append(100);
	append(100);
	append(100);
	/* Full, but not at a multiple of four. */
	CHECK(!journal_wants_state(j));
	append(100);
	CHECK(journal_wants_state(j));
	CHECK_INT(journal_rotate(j), 0);
	/* All before was synced; it says so until there is a record. */
	CHECK_INT(journal_synced(j), 8);
	CHECK(journal_wants_state(j));
	CHECK_INT(journal_rotate(j), 0);
	CHECK_INT(j->n_segments, 2);
	CHECK(journal_segment_after(j, 0, &first));
	CHECK_INT(first, 8);
	CHECK(!journal_segment_after(j, 8, &first));
	/* A crash comes here: the one before is folded, the new one waits. */
	close_journal();
	CHECK_INT(open_sealed(NULL), 0);
	CHECK_INT(start.records, 8);
	CHECK_INT(start.folded, 0);
	CHECK_INT(folded, 8);
	CHECK(journal_wants_state(j));
	CHECK_INT(journal_rotate(j), 0);
	append(10);
	CHECK(!journal_wants_state(j));
	CHECK_INT(journal_sync(j), 0);
	close_journal();
	CHECK_INT(open_sealed(NULL), 0);
	CHECK_INT(start.folded, 8);
	CHECK_INT(folded_from, 8);
	CHECK_INT(folded, 1);
	end();
}

/* No room for a segment: the old one goes on, until the next multiple. */
TEST(no_room)
{
	begin();
	append(100);
	append(100);
	append(100);
	append(100);
	append(100);
	append(100);
	append(100);
	append(100);
	CHECK_INT(journal_sync(j), 0);
	disk.capacity = disk_used() + 100;
	CHECK(journal_wants_state(j));
	CHECK_INT(journal_rotate(j), ERR_NO_SPACE);
	CHECK(!journal_wants_state(j));
	disk.capacity = SIZE_MAX;
	append(100);
	append(100);
	append(100);
	CHECK(!journal_wants_state(j));
	append(100);
	CHECK(journal_wants_state(j));
	CHECK_INT(journal_rotate(j), 0);
	append(100);
	CHECK_INT(journal_sync(j), 0);
	read_all();
	end();
}

/* The last one is empty and all before it are gone. */
TEST(nothing_but_an_empty_segment)
{
	int dir;

	begin();
	add(16);
	while (!journal_wants_state(j))
		add(1);
	CHECK_INT(journal_rotate(j), 0);
	close_journal();
	dir = journal_dir();
	CHECK_INT(file_remove(dir, "0000000000000000.seg"), 0);
	if (file_remove(dir, "0000000000000008.seg") != 0)
		CHECK_INT(file_remove(dir, "000000000000000c.seg"), 0);
	file_close(&dir);
	CHECK_INT(open_sealed(NULL), ERR_CORRUPT);
	CHECK(start.why[0] != '\0');
	end();
}

/* ---- the checkpoint ---- */

TEST(seals)
{
	struct journal_seal seal;

	begin();
	add(30);
	seal.size = 30;
	CHECK_INT(journal_root(j, 30, &seal.root), 0);
	close_journal();
	CHECK_INT(open_sealed(&seal), 0);
	close_journal();
	seal.root.b[31] ^= 1;
	CHECK_INT(open_sealed(&seal), ERR_CORRUPT);
	CHECK(!start.rolled_back);
	seal.size = 31;
	CHECK_INT(open_sealed(&seal), ERR_CORRUPT);
	CHECK(start.rolled_back);
	CHECK_INT(start.bad_index, 30);
	/* Of nothing, there is one root. */
	digest_sha256(bytes_of(NULL, 0), &seal.root);
	seal.size = 0;
	CHECK_INT(open_sealed(&seal), 0);
	end();
}

/* Proofs come from tiles and memory, for what is synced. */
TEST(proofs)
{
	struct merkle_source source;
	struct sha256 proof[MERKLE_PROOF_MAX], root, old, leaf;
	uint64_t i, n;
	size_t k;

	begin();
	add(60);
	journal_tree(j, &source);
	for (n = 1; n <= 60; n += 7) {
		CHECK_INT(journal_root(j, n, &root), 0);
		for (i = 0; i < n; i += 3) {
			merkle_leaf(bytes_str(book[i]), &leaf);
			CHECK_INT(merkle_prove_inclusion(&source, i, n, proof,
			    &k), 0);
			CHECK_INT(merkle_verify_inclusion(&leaf, i, n, proof,
			    k, &root), 0);
			if (i == 0)
				continue;
			CHECK_INT(journal_root(j, i, &old), 0);
			CHECK_INT(merkle_prove_consistency(&source, i, n,
			    proof, &k), 0);
			CHECK_INT(merkle_verify_consistency(i, &old, n, &root,
			    proof, k), 0);
		}
	}
	append(1);
	CHECK_INT(journal_root(j, 61, &root), ERR_RANGE);
	end();
}

/* ---- a batch that lost a sector ---- */

static struct disk_node *
node_of(const char *name)
{
	int dir = journal_dir(), i;
	struct disk_names *names = &disk_node_of(dir)->names;

	i = disk_find(names, name);
	CHECK_MSG(i >= 0, "%s", name);
	file_close(&dir);
	return &disk.nodes[names->a[i].node];
}

/*
 * One write of many records, of which one sector is not there and the others
 * are: torn above the checkpoint, tampering below it. A changed byte is
 * tampering in any case.
 */
TEST(holes)
{
	struct journal_seal seal = { .size = 3 };
	struct disk whole;
	struct disk_node *n;
	size_t at, size, before, lost, i;
	uint64_t bad;

	begin();
	journal_set_segment(j, 1 << 20, 4);
	for (i = 0; i < 3; i++)
		append(50);
	CHECK_INT(journal_sync(j), 0);
	CHECK_INT(journal_root(j, 3, &seal.root), 0);
	before = node_of("0000000000000000.seg")->now.n;
	for (i = 0; i < 40; i++)
		append(20 + i * 3);
	CHECK_INT(journal_sync(j), 0);
	size = node_of("0000000000000000.seg")->now.n;
	CHECK(size > 6 * DISK_SECTOR);
	close_journal();
	disk_copy(&whole, &disk);
	for (at = before; at < size; at += DISK_SECTOR - at % DISK_SECTOR) {
		disk_fini();
		disk_copy(&disk, &whole);
		n = node_of("0000000000000000.seg");
		disk_hole(&n->now, at);
		CHECK_INT(open_sealed(&seal), 0);
		CHECK(start.torn);
		CHECK(start.records >= 3 && start.records < 43);
		bad = start.records;
		lost = size - node_of("0000000000000000.seg")->now.n;
		CHECK_INT(start.torn_bytes, lost);
		CHECK(size - lost <= at + DISK_SECTOR);
		CHECK_INT(folded, bad);
		/* All of it is kept until `recovered` is there. */
		CHECK_INT(node_of("torn")->durable.n, lost);
		if (at + DISK_SECTOR + 8 <= size)
			CHECK_MEM(node_of("torn")->now.p + lost - 8, 8,
			    whole.nodes[n - disk.nodes].now.p + size - 8, 8);
		close_journal();
		CHECK_INT(open_sealed(&seal), 0);
		CHECK(start.torn);
		CHECK_INT(start.torn_bytes, lost);
		close_journal();
		/* One byte more than zeros, and it is no such thing; in what
		 * comes last nothing valid follows, as ever. */
		disk_fini();
		disk_copy(&disk, &whole);
		n = node_of("0000000000000000.seg");
		disk_hole(&n->now, at);
		if (at + 2 * DISK_SECTOR < size) {
			n->now.p[at + (DISK_SECTOR - at % DISK_SECTOR) / 2] =
			    'x';
			CHECK_INT(open_sealed(&seal), ERR_CORRUPT);
			CHECK(!is_there("torn"));
		}
		close_journal();
	}
	/* Below the checkpoint. */
	disk_fini();
	disk_copy(&disk, &whole);
	CHECK_INT(open_sealed(NULL), 0);
	seal.size = 43;
	CHECK_INT(journal_root(j, 43, &seal.root), 0);
	close_journal();
	disk_hole(&node_of("0000000000000000.seg")->now, before);
	CHECK_INT(open_sealed(&seal), ERR_CORRUPT);
	CHECK_INT(start.bad_index, 3);
	CHECK(!is_there("torn"));
	disk_fini();
	disk = whole;
	end();
}

/* ---- compressing ---- */

TEST(compressed_when_it_may_be)
{
	uint64_t first;

	begin();
	add(50);
	CHECK(j->n_segments >= 4);
	/* Not before it was looked at. */
	compress_all(50);
	CHECK(!j->segments[0].gzip);
	check_all();
	/* Nor what is not covered, nor the last. */
	CHECK(journal_segment_after(j, 0, &first));
	compress_all(first - 1);
	CHECK(!j->segments[0].gzip);
	compress_all(first);
	CHECK(j->segments[0].gzip && !j->segments[1].gzip);
	CHECK(is_there("0000000000000000.seg.gz"));
	CHECK(!is_there("0000000000000000.seg"));
	read_all();
	compress_all(UINT64_MAX);
	CHECK(j->segments[j->n_segments - 2].gzip);
	CHECK(!journal_last(j)->gzip);
	read_all();
	close_journal();
	CHECK_INT(open_sealed(NULL), 0);
	read_all();
	check_all();
	/* More comes, and is looked at when it is sealed. */
	add(20);
	CHECK_INT(journal_check_step(j), 1);
	check_all();
	compress_all(UINT64_MAX);
	read_all();
	end();
}

TEST(full_disk)
{
	int got, tries = 0;

	begin();
	add(50);
	check_all();
	disk.capacity = disk_used();
	while ((got = journal_compress_step(j, 50)) == 1)
		tries++;
	CHECK_INT(got, ERR_NO_SPACE);
	CHECK(tries > 0);
	CHECK(!j->segments[0].gzip);
	read_all();
	disk.capacity = SIZE_MAX;
	compress_all(50);
	CHECK(j->segments[0].gzip);
	read_all();
	end();
}

/* Both forms are there after a crash: the plain one counts. */
TEST(twins)
{
	struct buf plain;
	int dir;

	begin();
	add(50);
	buf_init(&plain, 1 << 20);
	dir = journal_dir();
	CHECK_INT(file_read(dir, "0000000000000000.seg", 1 << 20, &plain), 0);
	check_all();
	compress_all(50);
	close_journal();
	CHECK_INT(file_put(dir, "0000000000000000.seg", buf_bytes(&plain)),
	    0);
	CHECK_INT(file_put(dir, "0000000000000000.seg.gz.new",
	    bytes_str("half")), 0);
	CHECK_INT(open_sealed(NULL), 0);
	CHECK(!j->segments[0].gzip);
	read_all();
	check_all();
	compress_all(50);
	CHECK(j->segments[0].gzip);
	CHECK(!is_there("0000000000000000.seg"));
	CHECK(!is_there("0000000000000000.seg.gz.new"));
	read_all();
	file_close(&dir);
	buf_free(&plain);
	end();
}

TEST(last_one_compressed)
{
	char plain[JOURNAL_NAME_SIZE], packed[JOURNAL_GZIP_NAME_SIZE];
	struct gzip_writer *w;
	struct buf b, out;
	int dir;

	begin();
	add(50);
	journal_name(journal_last(j)->first, plain);
	journal_gzip_name(journal_last(j)->first, packed);
	close_journal();
	dir = journal_dir();
	buf_init(&b, 1 << 20);
	buf_init(&out, 1 << 20);
	CHECK_INT(file_read(dir, plain, 1 << 20, &b), 0);
	CHECK_INT(gzip_writer_new(bytes_of(NULL, 0), &w), 0);
	CHECK_INT(gzip_write(w, buf_bytes(&b), true, &out), 0);
	gzip_writer_free(w);
	CHECK_INT(file_put(dir, packed, buf_bytes(&out)), 0);
	CHECK_INT(file_remove(dir, plain), 0);
	file_close(&dir);
	buf_free(&b);
	buf_free(&out);
	CHECK_INT(open_sealed(NULL), ERR_CORRUPT);
	CHECK_STR(start.why, "its last segment is compressed");
	end();
}

/* Several read at their own pace, some of them while it is compressed. */
TEST(readers)
{
	struct journal_cursor c[6], late;
	unsigned turn, k, done = 0;
	uint64_t at[6];

	begin();
	add(80);
	check_all();
	for (k = 0; k < 6; k++) {
		at[k] = k * 5;
		journal_seek(&c[k], at[k]);
	}
	for (turn = 0; done < 6; turn++) {
		for (k = 0; k < 6; k++) {
			if (at[k] == 80)
				continue;
			if (turn % (k + 1) == 0)
				read_next(&c[k], at[k]++);
			if (at[k] == 80)
				done++;
		}
		if (turn > 10)
			CHECK(journal_compress_step(j, 80) >= 0);
	}
	CHECK(j->segments[0].gzip);
	/* One that is at the end waits there. */
	late = c[0];
	add(1);
	read_next(&late, 80);
	journal_seek(&late, 500);
	{
		struct entry e;
		struct buf b;

		buf_init(&b, ENTRY_MAX);
		CHECK_INT(journal_read(j, &late, &b, &e), 0);
		buf_free(&b);
	}
	end();
}

/* A file that becomes bad under its reader. */
TEST(bad_under_the_reader)
{
	struct journal_cursor c;
	uint64_t index = 77;
	struct disk_node *n;
	struct entry e;
	struct buf b;

	begin();
	add(50);
	check_all();
	compress_all(50);
	n = node_of("0000000000000000.seg.gz");
	n->now.p[n->now.n / 2] ^= 1;
	journal_seek(&c, 3);
	buf_init(&b, ENTRY_MAX);
	while (journal_read(j, &c, &b, &e) == 1)
		CHECK(bytes_is(e.payload, book[e.index]));
	CHECK_INT(journal_read(j, &c, &b, &e), ERR_CORRUPT);
	CHECK(journal_fault(j, &index)[0] != '\0');
	CHECK(index >= 3 && index < 20);
	CHECK_INT(journal_check_step(j), ERR_CORRUPT);
	CHECK_INT(journal_compress_step(j, 50), ERR_CORRUPT);
	CHECK_INT(journal_prune(j, 50), ERR_CORRUPT);
	CHECK(is_there("0000000000000000.seg.gz"));
	buf_free(&b);
	end();
}

/* Between the look at it and its compression: it is looked at again. */
TEST(bad_under_the_compressor)
{
	struct disk_node *n;
	uint64_t index;
	int got;

	begin();
	add(50);
	check_all();
	n = node_of("0000000000000000.seg");
	n->now.p[30] ^= 1;
	while ((got = journal_compress_step(j, 50)) == 1)
		;
	CHECK_INT(got, ERR_IO);
	CHECK(!j->segments[0].gzip);
	while ((got = journal_check_step(j)) == 1)
		;
	CHECK_INT(got, ERR_CORRUPT);
	(void)journal_fault(j, &index);
	CHECK_INT(index, 0);
	CHECK(is_there("0000000000000000.seg"));
	end();
}

TEST(gone_under_us)
{
	struct journal_cursor c;
	int dir = -1, got, plain;
	struct entry e;
	struct buf b;

	buf_init(&b, ENTRY_MAX);
	for (plain = 0; plain < 2; plain++) {
		begin();
		add(50);
		dir = journal_dir();
		CHECK_INT(file_remove(dir, "0000000000000000.seg"), 0);
		file_close(&dir);
		journal_seek(&c, 0);
		got = 1;
		if (plain == 0)
			got = journal_read(j, &c, &b, &e);
		while (got == 1)
			got = journal_check_step(j);
		CHECK_INT(got, ERR_CORRUPT);
		CHECK_INT(journal_check_step(j), ERR_CORRUPT);
		end();
	}
	/* Or changed. */
	begin();
	add(50);
	node_of("0000000000000000.seg")->now.p[20] ^= 1;
	journal_seek(&c, 0);
	CHECK_INT(journal_read(j, &c, &b, &e), ERR_CORRUPT);
	CHECK_INT(journal_check_step(j), ERR_CORRUPT);
	buf_free(&b);
	end();
}

/* What a crash leaves at the end of a segment, and an empty one behind it. */
TEST(torn_before_an_empty_segment)
{
	struct disk_node *n;
	char name[JOURNAL_NAME_SIZE];
	uint64_t first, next;

	begin();
	add(20);
	while (!journal_wants_state(j))
		add(1);
	first = journal_last(j)->first;
	next = journal_next(j);
	CHECK_INT(journal_rotate(j), 0);
	close_journal();
	journal_name(first, name);
	n = node_of(name);
	disk_resize(&n->now, n->now.n - 3);
	CHECK_INT(open_sealed(NULL), 0);
	CHECK(start.torn);
	CHECK_INT(start.records, next - 1);
	CHECK_INT(start.folded, first);
	CHECK_INT(journal_last(j)->first, first);
	appended = start.records;
	add(10);
	read_all();
	check_all();
	close_journal();
	CHECK_INT(open_sealed(NULL), 0);
	read_all();
	end();
}

/* ---- segments of the real size ---- */

#define BIG 20000

static int
fold_any(void *arg, uint64_t index, struct bytes payload)
{
	(void)arg;
	(void)index;
	CHECK_INT(payload.n, BIG);
	return 0;
}

TEST(real_size)
{
	static uint8_t big[BIG];
	struct journal_cursor c;
	unsigned steps = 0;
	uint64_t i, index;
	struct entry e;
	struct buf b;
	int got;

	disk_init();
	CHECK_INT(journal_open(DISK, NULL, fold_any, NULL, &j, &start), 0);
	for (i = 0; i < 1200; i++) {
		if (journal_wants_state(j)) {
			CHECK_INT(i % 256, 0);
			CHECK_INT(journal_rotate(j), 0);
		}
		memset(big, (int)('a' + i % 26), BIG);
		CHECK_INT(journal_append(j, bytes_of(big, BIG), false,
		    &index), 0);
	}
	CHECK_INT(journal_sync(j), 0);
	CHECK_INT(j->n_segments, 3);
	CHECK_INT(j->segments[1].first, 512);
	while ((got = journal_check_step(j)) == 1)
		steps++;
	CHECK_INT(got, 0);
	CHECK(steps > 100);
	steps = 0;
	while ((got = journal_compress_step(j, 1000)) == 1)
		steps++;
	CHECK_INT(got, 0);
	CHECK(steps > 100);
	CHECK(j->segments[0].gzip && !j->segments[1].gzip);
	CHECK(j->segments[0].bytes < JOURNAL_SEGMENT / 10);
	close_journal();
	CHECK_INT(journal_open(DISK, NULL, fold_any, NULL, &j, &start), 0);
	CHECK_INT(start.records, 1200);
	CHECK_INT(start.folded, 1024);
	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, 300);
	for (i = 300; i < 1200; i++) {
		CHECK_INT(journal_read(j, &c, &b, &e), 1);
		CHECK_INT(e.index, i);
		memset(big, (int)('a' + i % 26), BIG);
		CHECK(bytes_equal(e.payload, bytes_of(big, BIG)));
	}
	/* From anywhere, forth and back. */
	for (i = 0; i < 1200; i = (i + 377) % 1201) {
		journal_seek(&c, i);
		CHECK_INT(journal_read(j, &c, &b, &e), 1);
		CHECK_INT(e.index, i);
		CHECK_INT(e.payload.p[7], 'a' + (int)(i % 26));
		if (i == 1199)
			break;
		CHECK_INT(journal_read(j, &c, &b, &e), 1);
		CHECK_INT(e.index, i + 1);
		if (i == 1120)
			break;
	}
	buf_free(&b);
	end();
}

/* ---- removing ---- */

TEST(pruned)
{
	struct journal_cursor c, inside;
	struct sha256 root, same;
	uint64_t first, second;
	struct entry e;
	struct buf b;

	begin();
	add(80);
	check_all();
	compress_all(40);
	CHECK_INT(journal_root(j, 80, &root), 0);
	CHECK(journal_segment_after(j, 0, &first));
	CHECK(journal_segment_after(j, first, &second));
	journal_seek(&inside, 2);
	read_next(&inside, 2);
	CHECK_INT(journal_prune(j, first - 1), 0);
	CHECK_INT(journal_first(j), 0);
	CHECK_INT(journal_prune(j, second), 0);
	CHECK_INT(journal_first(j), second);
	CHECK(!is_there("0000000000000000.seg.gz"));
	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, second - 1);
	CHECK_INT(journal_read(j, &c, &b, &e), ERR_NOT_FOUND);
	CHECK_INT(journal_read(j, &inside, &b, &e), ERR_NOT_FOUND);
	buf_free(&b);
	read_all();
	/* The tree has them still. */
	CHECK_INT(journal_root(j, 80, &same), 0);
	CHECK(sha256_equal(&root, &same));
	close_journal();
	CHECK_INT(open_sealed(&(struct journal_seal){ 80, root }), 0);
	CHECK_INT(start.first, second);
	check_all();
	read_all();
	/* Never the last one. */
	CHECK_INT(journal_prune(j, UINT64_MAX), 0);
	CHECK_INT(j->n_segments, 1);
	add(20);
	read_all();
	end();
}

/* While it is being compared or compressed. */
TEST(pruned_at_work)
{
	uint64_t first;
	unsigned i;

	for (i = 0; i < 8; i++) {
		begin();
		add(80);
		CHECK(journal_segment_after(j, 0, &first));
		if (i < 4) {
			while (j->compare.file.reader == NULL)
				CHECK_INT(journal_check_step(j), 1);
		} else {
			check_all();
			while (!j->pack.on || (i > 5 &&
			    j->pack.writer != NULL))
				CHECK_INT(journal_compress_step(j, 80), 1);
		}
		CHECK_INT(journal_prune(j, first), 0);
		check_all();
		compress_all(80);
		CHECK(j->segments[0].gzip);
		read_all();
		close_journal();
		CHECK_INT(open_sealed(NULL), 0);
		check_all();
		end();
	}
}

TEST_MAIN()
