/*
 * test_journal.c - the journal on a disk that fails and crashes at every call.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/journal.h"
#include "../fault/file_memory.h"
#include "common/journal_reader.h"
#include "tests/harness/test.h"

#define MOST 2000

/* What was appended, and how much of it a sync said is on disk. */
static struct {
	struct buf text[MOST];
	uint64_t appended, synced;
} book;

/* What the last start folded. */
static struct {
	uint64_t from, n;	/* the first, and the one after the last */
	int err;		/* what fold returns from fail_from on */
	uint64_t fail_from;
} folded;

static struct journal *j;
static struct journal_start start;

static int
fold(void *arg, uint64_t index, struct bytes payload)
{
	CHECK(arg == &folded);
	if (folded.n == 0)
		folded.from = folded.n = index;
	CHECK_INT(index, folded.n);
	if (folded.err != 0 && index >= folded.fail_from)
		return folded.err;
	CHECK(index < book.appended);
	CHECK(bytes_equal(payload, buf_bytes(&book.text[index])));
	folded.n++;
	return 0;
}

/* RFC 6962 2.1, as it is written there. */
static void
tree_hash(uint64_t from, uint64_t n, struct sha256 *ret_h)
{
	uint8_t b[1 + 2 * SHA256_SIZE] = { 1 };
	struct sha256 left, right;
	struct digest_ctx c;
	uint64_t k = 1;

	digest_ctx_init(&c);
	if (n == 1) {
		b[0] = 0;
		digest_ctx_update(&c, bytes_of(b, 1));
		digest_ctx_update(&c, buf_bytes(&book.text[from]));
	} else if (n > 1) {
		while (2 * k < n)
			k *= 2;
		tree_hash(from, k, &left);
		tree_hash(from + k, n - k, &right);
		memcpy(b + 1, left.b, SHA256_SIZE);
		memcpy(b + 1 + SHA256_SIZE, right.b, SHA256_SIZE);
		digest_ctx_update(&c, bytes_of(b, sizeof(b)));
	}
	digest_ctx_final(&c, ret_h);
}

static int
open_journal(uint64_t sealed)
{
	struct journal_seal seal = { .size = sealed };

	tree_hash(0, sealed, &seal.root);
	j = NULL;
	folded.n = folded.from = 0;
	return journal_open(DISK, sealed > 0 ? &seal : NULL, fold, &folded, &j,
	    &start);
}

static void
close_journal(void)
{
	journal_close(j);
	j = NULL;
}

/* A payload of n bytes that tells its index. */
static void
write_in_book(uint64_t index, size_t n)
{
	struct buf *b = &book.text[index];

	CHECK(index < MOST);
	buf_free(b);
	buf_init(b, CAP_RECORD);
	buf_printf(b, "{\"n\":%" PRIu64 ",\"x\":\"", index);
	while (b->n + 2 < n)
		buf_put_u8(b, 'x');
	buf_put_str(b, "\"}");
	CHECK_INT(buf_error(b), 0);
}

static int
append_sized(size_t n, bool must)
{
	uint64_t index = UINT64_MAX;
	int err;

	if (journal_wants_state(j) && (err = journal_rotate(j)) != 0 &&
	    err != ERR_NO_SPACE)
		return err;
	write_in_book(book.appended, n);
	err = journal_append(j, buf_bytes(&book.text[book.appended]), must,
	    &index);
	if (err == 0) {
		CHECK_INT(index, book.appended);
		book.appended++;
	} else {
		CHECK(index == UINT64_MAX);
	}
	return err;
}

static int
append(void)
{
	return append_sized(30 + book.appended * 7 % 100, false);
}

static int
sync_journal(void)
{
	int err = journal_sync(j);

	if (err == 0)
		book.synced = book.appended;
	return err;
}

static void
clear_book(void)
{
	size_t i;

	for (i = 0; i < MOST; i++)
		buf_free(&book.text[i]);
	memset(&book, 0, sizeof(book));
	memset(&folded, 0, sizeof(folded));
}

static void
begin(void)
{
	clear_book();
	disk_init();
}

static void
end(void)
{
	close_journal();
	disk_fini();
	clear_book();
}

/* Reads everything that is synced, from that index on. */
static void
read_from(uint64_t from)
{
	struct journal_cursor c;
	struct entry e;
	struct buf b;
	int got;

	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, from);
	while ((got = journal_read(j, &c, &b, &e)) == 1) {
		CHECK_INT(e.index, from);
		CHECK(bytes_equal(e.payload, buf_bytes(&book.text[from])));
		from++;
	}
	CHECK_INT(got, 0);
	if (from < journal_synced(j))
		CHECK_INT(from, journal_synced(j));
	buf_free(&b);
}

static void
add(unsigned n)
{
	while (n-- > 0)
		CHECK_INT(append(), 0);
	CHECK_INT(sync_journal(), 0);
}

static struct disk_node *
file_of(const char *folder, const char *name)
{
	struct disk_names *names = &disk.nodes[0].names;
	int i = disk_find(names, folder);

	CHECK(i >= 0);
	names = &disk.nodes[names->a[i].node].names;
	i = disk_find(names, name);
	return i < 0 ? NULL : &disk.nodes[names->a[i].node];
}

static struct disk_node *
segment_of(uint64_t first)
{
	char name[JOURNAL_NAME_SIZE];

	journal_name(first, name);
	return file_of("journal", name);
}

TEST(append_and_read)
{
	begin();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 0);
	CHECK(!start.torn);
	CHECK(journal_has_reserve(j));
	CHECK_INT(journal_next(j), 0);
	add(3);
	CHECK_INT(append(), 0);
	CHECK_INT(journal_next(j), 4);
	CHECK_INT(journal_synced(j), 3);
	/* What is not synced is not read. */
	read_from(0);
	CHECK_INT(sync_journal(), 0);
	CHECK_INT(sync_journal(), 0);
	read_from(0);
	read_from(2);
	read_from(4);
	read_from(9);
	CHECK_INT(journal_bytes(j), segment_of(0)->now.n);
	close_journal();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 4);
	add(2);
	read_from(0);
	end();
}

/* Without a sync nothing of it is on disk; closing drops it. */
TEST(no_sync)
{
	begin();
	CHECK_INT(open_journal(0), 0);
	add(2);
	CHECK_INT(append(), 0);
	close_journal();
	book.appended = 2;
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 2);
	CHECK(!start.torn);
	end();
}

TEST(one_sync_for_many)
{
	unsigned long before;
	unsigned i;

	begin();
	CHECK_INT(open_journal(0), 0);
	add(1);
	before = disk.calls;
	for (i = 0; i < 100; i++)
		CHECK_INT(append(), 0);
	CHECK_INT(disk.calls, before);
	CHECK_INT(sync_journal(), 0);
	CHECK_INT(disk.calls, before + 2);
	CHECK_INT(sync_journal(), 0);
	CHECK_INT(disk.calls, before + 2);
	end();
}

TEST(caps)
{
	static uint8_t big[CAP_RECORD + 1];
	uint64_t index = 7;

	begin();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(journal_append(j, bytes_of(big, sizeof(big)), true, &index),
	    ERR_TOO_LARGE);
	CHECK_INT(journal_next(j), 0);
	CHECK_INT(append_sized(CAP_RECORD, false), 0);
	CHECK_INT(append_sized(CAP_RECORD - 1, false), 0);
	CHECK_INT(sync_journal(), 0);
	read_from(0);
	end();
}

TEST(only_one)
{
	struct journal *mine;

	begin();
	CHECK_INT(open_journal(0), 0);
	mine = j;
	CHECK_INT(open_journal(0), ERR_EXISTS);
	j = mine;
	end();
}

/* 600 records, so that a look-up begins at every 256th. */
TEST(seek)
{
	uint64_t i;

	begin();
	CHECK_INT(open_journal(0), 0);
	add(600);
	for (i = 0; i <= 600; i += 37)
		read_from(i);
	close_journal();
	CHECK_INT(open_journal(0), 0);
	for (i = 0; i <= 600; i += 37)
		read_from(i);
	end();
}

TEST(segments)
{
	unsigned i;

	begin();
	CHECK_INT(open_journal(0), 0);
	for (i = 0; i < 1100; i++) {
		CHECK_INT(append_sized(17000, false), 0);
		if (i % 10 == 0)
			CHECK_INT(sync_journal(), 0);
	}
	CHECK_INT(sync_journal(), 0);
	/* 256 of them are 4 MB, so two times 256 make a segment. */
	CHECK(segment_of(512) != NULL);
	CHECK(segment_of(1024) != NULL);
	CHECK(segment_of(256) == NULL);
	/* A closed one keeps no room behind its end. */
	CHECK_INT(segment_of(0)->reserved, segment_of(0)->now.n);
	read_from(0);
	read_from(511);
	read_from(700);
	read_from(1099);
	close_journal();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 1100);
	read_from(500);
	add(3);
	read_from(1000);
	CHECK_INT(journal_bytes(j), segment_of(0)->now.n +
	    segment_of(512)->now.n + segment_of(1024)->now.n);
	end();
}

/* ---- torn ends and tampering ---- */

/* Cut anywhere, as a crash leaves it, or changed anywhere. */
static void
cut_to(size_t n)
{
	struct disk_node *s = segment_of(0);

	disk_resize(&s->now, n);
}

TEST(every_cut)
{
	struct disk whole;
	struct sha256 hash;
	size_t at[7], n, k, i;

	begin();
	CHECK_INT(open_journal(0), 0);
	at[0] = 0;
	for (i = 1; i <= 6; i++) {
		add(1);
		at[i] = segment_of(0)->now.n;
	}
	close_journal();
	disk_copy(&whole, &disk);
	for (n = 0; n <= at[6]; n++) {
		disk_fini();
		disk_copy(&disk, &whole);
		cut_to(n);
		for (k = 0; k < 6 && at[k + 1] <= n; k++)
			;
		digest_sha256(bytes_of(segment_of(0)->now.p + at[k],
		    n - at[k]), &hash);
		CHECK_INT(open_journal(0), 0);
		CHECK_INT(start.records, k);
		CHECK_INT(folded.n, k);
		CHECK_INT(start.torn, n > at[k]);
		if (start.torn) {
			CHECK_INT(start.torn_bytes, n - at[k]);
			CHECK(sha256_equal(&start.torn_hash, &hash));
		}
		CHECK_INT(segment_of(0)->now.n, at[k]);
		if (start.torn)
			CHECK_INT(segment_of(0)->durable.n, at[k]);
		/* Told again until `recovered` is on disk. */
		close_journal();
		CHECK_INT(open_journal(0), 0);
		CHECK_INT(start.torn, n > at[k]);
		CHECK_INT(start.torn_bytes, n - at[k]);
		book.appended = k;
		add(1);
		CHECK_INT(journal_recovered(j), 0);
		close_journal();
		CHECK_INT(open_journal(0), 0);
		CHECK(!start.torn);
		CHECK_INT(start.records, k + 1);
		close_journal();
		book.appended = 6;
		write_in_book(k, 30 + k * 7 % 100);
		/* Below the checkpoint it is no torn write. */
		disk_fini();
		disk_copy(&disk, &whole);
		cut_to(n);
		CHECK_INT(open_journal(6), n == at[6] ? 0 : ERR_CORRUPT);
		if (n < at[6]) {
			CHECK_INT(start.bad_index, k);
			CHECK_INT(segment_of(0)->now.n, n);
			CHECK(start.why[0] != '\0');
		}
		close_journal();
	}
	disk_fini();
	disk = whole;
	end();
}

TEST(every_change)
{
	struct disk whole;
	size_t at[7], i, k, size;
	uint8_t *p;

	begin();
	CHECK_INT(open_journal(0), 0);
	at[0] = 0;
	for (i = 1; i <= 6; i++) {
		add(1);
		at[i] = segment_of(0)->now.n;
	}
	close_journal();
	disk_copy(&whole, &disk);
	for (i = 0; i < at[6]; i++) {
		disk_fini();
		disk_copy(&disk, &whole);
		for (k = 0; at[k + 1] <= i; k++)
			;
		p = segment_of(0)->now.p;
		p[i] ^= 0x20;
		if (k == 5) {
			CHECK_INT(open_journal(0), 0);
			CHECK_INT(start.records, 5);
			CHECK(start.torn);
			CHECK_INT(start.torn_bytes, at[6] - at[5]);
		} else {
			CHECK_INT(open_journal(0), ERR_CORRUPT);
			CHECK_INT(start.bad_index, k);
			/* Evidence: nothing was changed. */
			size = segment_of(0)->now.n;
			CHECK_INT(size, at[6]);
			segment_of(0)->now.p[i] ^= 0x20;
			CHECK_MEM(segment_of(0)->now.p, size,
			    whole.nodes[segment_of(0) - disk.nodes].now.p,
			    size);
			CHECK(file_of("journal", "torn") == NULL);
		}
		close_journal();
	}
	disk_fini();
	disk = whole;
	end();
}

TEST(segments_tampered_with)
{
	struct disk whole;
	unsigned i;
	int what;

	begin();
	CHECK_INT(open_journal(0), 0);
	for (i = 0; i < 600; i++)
		CHECK_INT(append_sized(CAP_RECORD, false), 0);
	CHECK_INT(sync_journal(), 0);
	close_journal();
	CHECK(segment_of(512) != NULL);
	disk_copy(&whole, &disk);
	for (what = 0; what < 5; what++) {
		int dir = -1;

		disk_fini();
		disk_copy(&disk, &whole);
		CHECK_INT(file_open_dir_at(DISK, "journal", &dir), 0);
		switch (what) {
		case 0:		/* the first one is gone */
			CHECK_INT(file_remove(dir, "0000000000000000.seg"),
			    0);
			break;
		case 1:		/* one in between is gone */
			CHECK_INT(file_remove(dir, "0000000000000100.seg"),
			    0);
			break;
		case 2:		/* one has another name */
			CHECK_INT(file_rename(dir, "0000000000000200.seg",
			    "0000000000000201.seg"), 0);
			break;
		case 3:		/* one lost its end */
			disk_resize(&segment_of(256)->now,
			    segment_of(256)->now.n - 1);
			break;
		default:	/* one stands twice */
			disk_bytes_set(&segment_of(512)->now,
			    &segment_of(256)->now);
			break;
		}
		file_close(&dir);
		/* Whether the first may be gone, the records have to say. */
		CHECK_INT(open_journal(0), what == 0 ? 0 : ERR_CORRUPT);
		if (what == 0)
			CHECK_INT(start.first, 256);
		close_journal();
	}
	/* Files that are no segments are nobody's business. */
	disk_fini();
	disk_copy(&disk, &whole);
	{
		int dir = -1;

		CHECK_INT(file_open_dir_at(DISK, "journal", &dir), 0);
		CHECK_INT(file_put(dir, "notes.txt", bytes_str("x")), 0);
		file_close(&dir);
	}
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 600);
	close_journal();
	disk_fini();
	disk = whole;
	end();
}

/* Fold's word is the last: what it refuses is not opened, nor changed. */
TEST(fold_refuses)
{
	begin();
	CHECK_INT(open_journal(0), 0);
	add(5);
	close_journal();
	folded.err = ERR_CORRUPT;
	folded.fail_from = 3;
	CHECK_INT(open_journal(0), ERR_CORRUPT);
	CHECK_INT(start.bad_index, 3);
	CHECK_INT(start.records, 3);
	folded.err = ERR_NOMEM;
	CHECK_INT(open_journal(0), ERR_NOMEM);
	folded.err = 0;
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 5);
	end();
}

/* ---- a full disk ---- */

TEST(full_disk)
{
	unsigned i, n = 0;

	begin();
	CHECK_INT(open_journal(0), 0);
	add(3);
	disk.capacity = disk_used();
	/* Nothing new begins, */
	while (append_sized(30000, false) == 0)
		n++;
	CHECK(n <= 36);
	while (append_sized(40, false) == 0)
		;
	CHECK_INT(sync_journal(), 0);
	/* but 4 MiB of what has begun gets its end. */
	for (i = 0; i < 130; i++) {
		CHECK_INT(append_sized(32000, true), 0);
		CHECK_INT(append_sized(40, false), ERR_NO_SPACE);
		CHECK_INT(sync_journal(), 0);
	}
	CHECK_INT(append_sized(32000, true), 0);
	CHECK_INT(append_sized(32000, true), ERR_NO_SPACE);
	CHECK_INT(sync_journal(), 0);
	read_from(0);
	/* Still the same after a start, and all well with room again. */
	close_journal();
	CHECK_INT(open_journal(0), ERR_NO_SPACE);
	disk.capacity = SIZE_MAX;
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, book.synced);
	add(2);
	end();
}

/* The reserve is still there for a start on a full disk. */
TEST(start_on_a_full_disk)
{
	begin();
	CHECK_INT(open_journal(0), 0);
	add(3);
	disk.capacity = disk_used();
	close_journal();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(append_sized(32000, true), 0);
	CHECK_INT(sync_journal(), 0);
	end();
}

TEST(no_room_for_a_first_segment)
{
	begin();
	disk.capacity = JOURNAL_RESERVE - 1;
	CHECK_INT(open_journal(0), ERR_NO_SPACE);
	disk.capacity = SIZE_MAX;
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 0);
	end();
}

/* With no room for a new segment the old one goes on beyond its size. */
TEST(full_disk_at_the_end_of_a_segment)
{
	unsigned i;

	begin();
	CHECK_INT(open_journal(0), 0);
	for (i = 0; i < 512; i++)
		CHECK_INT(append_sized(17000, false), 0);
	CHECK_INT(sync_journal(), 0);
	disk.capacity = disk_used();
	CHECK_INT(append_sized(17000, true), 0);
	CHECK_INT(sync_journal(), 0);
	CHECK(segment_of(512) == NULL);
	disk.capacity = SIZE_MAX;
	for (i = 513; i < 800; i++)
		CHECK_INT(append_sized(17000, false), 0);
	CHECK_INT(sync_journal(), 0);
	CHECK(segment_of(768) != NULL);
	read_from(500);
	close_journal();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, 800);
	end();
}

/* Where space cannot be taken, free space decides. */
TEST(no_reserve)
{
	begin();
	disk.no_reserve = true;
	CHECK_INT(open_journal(0), 0);
	CHECK(!journal_has_reserve(j));
	add(3);
	disk.capacity = disk_used() + JOURNAL_RESERVE / 2;
	CHECK_INT(append(), ERR_NO_SPACE);
	CHECK_INT(append_sized(32000, true), 0);
	CHECK_INT(sync_journal(), 0);
	end();
}

/* ---- errors and crashes at every call ---- */

/* Appends in several turns. Its errors end it, as they end the agent. */
static int
scenario(void)
{
	unsigned turn, i;
	int err = open_journal(0);

	for (turn = 0; turn < 4 && err == 0; turn++) {
		for (i = 0; i <= turn && err == 0; i++)
			err = append();
		if (err == 0)
			err = sync_journal();
	}
	return err;
}

/* Everything that a sync told of is there, in order, and it goes on. */
static void
check_after(bool crashed)
{
	int err = open_journal(0);

	CHECK_MSG(err == 0, "%s: %s", err_word(err), start.why);
	CHECK(start.records >= book.synced);
	CHECK(start.records <= book.appended);
	CHECK_INT(folded.n, start.records);
	CHECK(crashed || !start.torn);
	book.appended = start.records;
	if (start.torn)
		CHECK(start.torn_bytes > 0);
	CHECK_INT(append(), 0);
	CHECK_INT(sync_journal(), 0);
	CHECK_INT(journal_recovered(j), 0);
	close_journal();
	CHECK_INT(open_journal(0), 0);
	CHECK_INT(start.records, book.appended);
	CHECK(!start.torn);
	read_from(0);
	close_journal();
}

TEST(error_at_every_call)
{
	static const int errors[] = { ERR_IO, ERR_NO_SPACE, ERR_PERMISSION };
	unsigned long n;
	size_t e;
	bool fired;
	int err;

	for (e = 0; e < sizeof(errors) / sizeof(errors[0]); e++)
		for (n = 1, fired = true; fired; n++) {
			begin();
			disk.fail_at = n;
			disk.fail_err = errors[e];
			err = scenario();
			fired = disk.failed;
			CHECK(fired || err == 0);
			/* Whoever met an error meets it again. */
			if (err != 0 && j != NULL && disk.failed)
				CHECK(journal_sync(j) == err ||
				    journal_sync(j) == 0);
			close_journal();
			disk_crash(DISK_KEEP);
			check_after(true);
			end();
		}
}

/* An error of a sync is final, though a second one would have succeeded. */
TEST(sync_error_is_final)
{
	uint64_t index;

	begin();
	CHECK_INT(open_journal(0), 0);
	add(1);
	CHECK_INT(append(), 0);
	disk.fail_at = disk.calls + 2;
	disk.fail_err = ERR_IO;
	CHECK_INT(sync_journal(), ERR_IO);
	CHECK(disk.failed);
	CHECK_INT(sync_journal(), ERR_IO);
	CHECK_INT(journal_append(j, bytes_str("{}"), true, &index), ERR_IO);
	CHECK_INT(journal_synced(j), 1);
	end();
}

TEST(crash_at_every_call)
{
	enum disk_crash mode;
	unsigned long n;
	bool fired;

	for (mode = DISK_LOSE; mode < DISK_CRASHES; mode++)
		for (n = 1, fired = true; fired; n++) {
			begin();
			disk.die_at = n;
			(void)scenario();
			fired = disk.dead;
			close_journal();
			disk_crash(mode);
			check_after(true);
			end();
		}
}

/* A crash while a torn end is cut off: it is told of at the next start. */
TEST(crash_in_recovery)
{
	enum disk_crash mode;
	struct disk torn;
	unsigned long n;
	bool fired;

	begin();
	CHECK_INT(open_journal(0), 0);
	add(4);
	close_journal();
	cut_to(segment_of(0)->now.n - 3);
	disk_crash(DISK_KEEP);
	disk_copy(&torn, &disk);
	for (mode = DISK_LOSE; mode < DISK_CRASHES; mode++)
		for (n = 1, fired = true; fired; n++) {
			disk_fini();
			disk_copy(&disk, &torn);
			book.appended = 4;
			disk.die_at = n;
			(void)open_journal(0);
			fired = disk.dead;
			close_journal();
			disk_crash(mode);
			CHECK_INT(open_journal(0), 0);
			CHECK_INT(start.records, 3);
			CHECK(start.torn);
			CHECK_MSG(start.torn_bytes == 16 + 30 + 3 * 7 - 3,
			    "%" PRIu64, start.torn_bytes);
			close_journal();
		}
	disk_fini();
	disk = torn;
	end();
}

/* The same where a new segment begins. */
TEST(crash_at_a_new_segment)
{
	enum disk_crash mode;
	struct disk full;
	unsigned long n;
	bool fired;
	unsigned i;

	begin();
	CHECK_INT(open_journal(0), 0);
	for (i = 0; i < 256; i++)
		CHECK_INT(append_sized(CAP_RECORD, false), 0);
	CHECK_INT(sync_journal(), 0);
	close_journal();
	disk_crash(DISK_KEEP);
	disk_copy(&full, &disk);
	for (mode = DISK_LOSE; mode < DISK_CRASHES; mode++)
		for (n = 1, fired = true; fired; n++) {
			disk_fini();
			disk_copy(&disk, &full);
			book.appended = book.synced = 256;
			CHECK_INT(open_journal(0), 0);
			disk.die_at = disk.calls + n;
			if (append() == 0 && append() == 0 &&
			    sync_journal() == 0)
				CHECK(segment_of(256) != NULL);
			fired = disk.dead;
			close_journal();
			disk_crash(mode);
			check_after(true);
		}
	disk_fini();
	disk = full;
	end();
}

TEST(no_memory)
{
	int err;

	OOM_LOOP {
		test_oom_left = 0;
		begin();
		test_oom_left = test_oom_round;
		err = open_journal(0);
		test_oom_left = 0;
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		end();
	}
}

TEST_MAIN()
