/*
 * test_journal_faults.c - a whole life of the journal on a disk on which every
 * call fails, is cut short or is the last, and whose every byte is changed.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 *
 * The life: small segments that are filled, sealed, looked at, compressed and
 * pruned, with a checkpoint and a cosignature in files of their own. After each
 * accident the journal opens as the gate opens it. What a sync told of is
 * there, what the checkpoint covers is what it was, or somebody is told.
 */
#include "agent/gate/journal_inside.h"
#include "common/merkle.h"
#include "file_memory.h"
#include "tests/harness/test.h"

#define MOST 300
#define TURNS 14
/* A segment is full after so many bytes, at a multiple of so many records. */
#define SEGMENT_BYTES 500
#define SEGMENT_RECORDS 4
#define CHECKPOINT "checkpoint"
#define CHECKPOINT_SIZE (8 + SHA256_SIZE)

/* What was done, and what the disk said is done. */
static struct {
	char text[MOST][160];
	bool state[MOST];	/* a segment begins with it */
	uint64_t appended, synced;
	uint64_t sealed;	/* by a checkpoint that is on disk for sure */
	uint64_t pruned;	/* may be gone before this index */
	bool made_checkpoint;	/* one may be there */
} book;

static struct journal *j;
static struct journal_start start;
static uint64_t folded;

/* ---- the tree, by the book ---- */

static void
tree_hash(uint64_t from, uint64_t n, struct sha256 *ret_h)
{
	struct sha256 left, right;
	uint64_t k = 1;

	if (n == 0) {
		digest_sha256(bytes_of(NULL, 0), ret_h);
	} else if (n == 1) {
		merkle_leaf(bytes_str(book.text[from]), ret_h);
	} else {
		while (2 * k < n)
			k *= 2;
		tree_hash(from, k, &left);
		tree_hash(from + k, n - k, &right);
		merkle_node(&left, &right, ret_h);
	}
}

/* ---- as the gate does it ---- */

static int
fold(void *arg, uint64_t index, struct bytes payload)
{
	(void)arg;
	CHECK(index < book.appended);
	CHECK_MSG(bytes_is(payload, book.text[index]), "record %" PRIu64,
	    index);
	/* A start has all it needs. */
	if (folded == UINT64_MAX)
		CHECK(index == 0 || book.state[index]);
	else
		CHECK_INT(index, folded);
	folded = index + 1;
	return 0;
}

/* The checkpoint's file: 0, ERR_NOT_FOUND, ERR_CORRUPT, or the disk's error. */
static int
read_checkpoint(struct journal_seal *ret_seal)
{
	struct reader r;
	struct buf b;
	int err;

	buf_init(&b, 1000);
	err = file_read(DISK, CHECKPOINT, 1000, &b);
	if (err == 0) {
		reader_init(&r, buf_bytes(&b));
		ret_seal->size = reader_u64le(&r);
		if (b.n == CHECKPOINT_SIZE)
			memcpy(ret_seal->root.b, r.rest.p, SHA256_SIZE);
		else
			err = ERR_CORRUPT;
	}
	buf_free(&b);
	return err;
}

static int
open_journal(void)
{
	struct journal_seal seal = { .size = 0 };
	int err = read_checkpoint(&seal);

	j = NULL;
	folded = UINT64_MAX;
	memset(&start, 0, sizeof(start));
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	err = journal_open(DISK, err == 0 ? &seal : NULL, fold, NULL, &j,
	    &start);
	if (err == 0)
		journal_set_segment(j, SEGMENT_BYTES, SEGMENT_RECORDS);
	return err;
}

static void
close_journal(void)
{
	journal_close(j);
	j = NULL;
}

static int
append_text(const char *kind, bool is_state)
{
	uint64_t i = book.appended, index;
	int err;

	CHECK(i < MOST);
	(void)snprintf(book.text[i], sizeof(book.text[i]),
	    "{\"kind\":\"%s\",\"n\":%" PRIu64 ",\"x\":\"%.*s\"}", kind, i,
	    (int)(i * 13 % 70), "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrs"
	    "tuvwxyzabcdefghijklmnopqrstuvwxyz");
	book.state[i] = is_state;
	err = journal_append(j, bytes_str(book.text[i]), false, &index);
	if (err == 0) {
		CHECK_INT(index, i);
		book.appended++;
	}
	return err;
}

static int
append(void)
{
	int err = 0;

	if (journal_wants_state(j)) {
		err = journal_rotate(j);
		if (err == 0)
			err = append_text("state", true);
		else if (err == ERR_NO_SPACE)
			err = 0;
	}
	return err != 0 ? err : append_text("expired", false);
}

static int
sync_journal(void)
{
	int err = journal_sync(j);

	if (err == 0)
		book.synced = book.appended;
	return err;
}

static int
make_checkpoint(void)
{
	struct sha256 root, should;
	uint64_t size = journal_synced(j);
	uint8_t b[CHECKPOINT_SIZE];
	int cosig = -1, err;
	size_t i;

	if ((err = journal_root(j, size, &root)) != 0)
		return err;
	tree_hash(0, size, &should);
	CHECK(sha256_equal(&root, &should));
	for (i = 0; i < 8; i++)
		b[i] = (uint8_t)(size >> (8 * i));
	memcpy(b + 8, root.b, sizeof(root.b));
	book.made_checkpoint = true;
	err = file_replace(DISK, CHECKPOINT, bytes_of(b, sizeof(b)));
	if (err == 0)
		book.sealed = size;
	if (err == 0 && (err = file_make_dir_at(DISK, "cosig", &cosig)) == 0)
		err = file_replace(cosig, "a1b2", bytes_of(b, sizeof(b)));
	file_close(&cosig);
	return err;
}

/* All that is done while nothing else is; a full disk is no reason to end. */
static int
tend(uint64_t covered)
{
	int got;

	while ((got = journal_check_step(j)) == 1)
		;
	if (got == 0)
		while ((got = journal_compress_step(j, covered)) == 1)
			;
	return got == ERR_NO_SPACE ? 0 : got;
}

static int
prune(uint64_t before)
{
	if (before > book.pruned)
		book.pruned = before;
	return journal_prune(j, before);
}

static int
life(void)
{
	unsigned turn, i;
	int err = open_journal();

	for (turn = 0; turn < TURNS && err == 0; turn++) {
		for (i = 0; i <= turn % 4 && err == 0; i++)
			err = append();
		if (err == 0)
			err = sync_journal();
		if (err == 0 && turn % 3 == 2)
			err = make_checkpoint();
		if (err == 0 && turn % 3 == 2)
			err = tend(book.sealed);
		if (err == 0 && turn == 8)
			err = prune(9);
	}
	return err;
}

static void
begin(void)
{
	memset(&book, 0, sizeof(book));
	disk_init();
}

/* ---- the oracle ---- */

/* Every record that is there is what it was; how many. */
static uint64_t
read_all(void)
{
	struct journal_cursor c;
	uint64_t at = journal_first(j);
	struct entry e;
	struct buf b;
	int got;

	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, at);
	while ((got = journal_read(j, &c, &b, &e)) == 1) {
		CHECK_INT(e.index, at);
		CHECK(bytes_is(e.payload, book.text[at]));
		at++;
	}
	CHECK_INT(got, 0);
	buf_free(&b);
	return at;
}

static void
check_roots(void)
{
	struct sha256 is, should;
	uint64_t n;

	for (n = 0; n <= journal_synced(j); n++) {
		CHECK_INT(journal_root(j, n, &is), 0);
		tree_hash(0, n, &should);
		CHECK(sha256_equal(&is, &should));
	}
	CHECK_INT(journal_root(j, n, &is), ERR_RANGE);
}

static void
check_after(bool torn_may_be)
{
	int err = open_journal();

	CHECK_MSG(err == 0, "%s at %" PRIu64 ": %s", err_word(err),
	    start.bad_index, start.why);
	CHECK(start.records >= book.synced);
	CHECK(start.records <= book.appended);
	CHECK(start.records >= book.sealed);
	CHECK(torn_may_be || !start.torn);
	CHECK(start.first <= book.pruned);
	CHECK(folded == start.records ||
	    (folded == UINT64_MAX && start.records == 0));
	book.appended = book.synced = start.records;
	CHECK_INT(read_all(), start.records);
	check_roots();
	/* And it goes on: all of what was left undone is done. */
	while (book.appended < start.records + 12)
		CHECK_INT(append(), 0);
	CHECK_INT(sync_journal(), 0);
	CHECK_INT(journal_recovered(j), 0);
	CHECK_INT(make_checkpoint(), 0);
	CHECK_INT(tend(book.sealed), 0);
	check_roots();
	CHECK_INT(read_all(), book.synced);
	CHECK_INT(prune(book.pruned), 0);
	close_journal();
	err = open_journal();
	CHECK_MSG(err == 0, "%s: %s", err_word(err), start.why);
	CHECK(!start.torn);
	CHECK_INT(start.records, book.appended);
	CHECK_INT(tend(0), 0);
	CHECK_INT(read_all(), book.synced);
	close_journal();
	disk_fini();
}

/* ---- accidents ---- */

TEST(no_accident)
{
	begin();
	CHECK_INT(life(), 0);
	/* It holds what the others are about. */
	CHECK(journal_first(j) > 0);
	CHECK(j->n_segments >= 4);
	CHECK(j->segments[0].gzip);
	CHECK(!journal_last(j)->gzip);
	CHECK(book.sealed > journal_last(j)->first);
	CHECK(book.sealed < book.synced);
	close_journal();
	check_after(false);
}

TEST(error_at_every_call)
{
	static const int errors[] = { ERR_IO, ERR_NO_SPACE };
	unsigned long n;
	int e, shorten, err;
	bool fired;

	for (e = 0; e < 2; e++)
		for (shorten = 0; shorten < 2; shorten++)
			for (n = 1, fired = true; fired; n++) {
				begin();
				disk.fail_at = n;
				disk.fail_err = errors[e];
				disk.shorten = shorten == 1;
				err = life();
				fired = disk.failed;
				CHECK(fired || err == 0);
				close_journal();
				disk_crash(DISK_KEEP);
				check_after(true);
			}
}

TEST(no_memory)
{
	int err;

	OOM_LOOP {
		begin();
		err = life();
		test_oom_left = 0;
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		close_journal();
		disk_crash(DISK_KEEP);
		check_after(false);
	}
}

/* Full for good, at any moment, until the next start. */
TEST(full_from_every_call_on)
{
	unsigned long n, calls = 0;
	size_t k;

	begin();
	CHECK_INT(life(), 0);
	calls = disk.calls;
	close_journal();
	for (n = 0; n < calls; n += 3)
		for (k = 0; k < 3; k++) {
			begin();
			disk.full_at = n + 1;
			disk.spare = k * 300;
			(void)life();
			close_journal();
			disk_crash(DISK_KEEP);
			disk.capacity = SIZE_MAX;
			check_after(true);
		}
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
			disk.shorten = mode % 2 == 1;
			(void)life();
			fired = disk.dead;
			close_journal();
			disk_crash(mode);
			check_after(true);
		}
}

/* Another crash in the start after it, and in what that start does. */
TEST(crash_again)
{
	enum disk_crash mode;
	unsigned long n, m;
	bool fired = true;

	for (n = 5; fired; n += 13)
		for (m = 1 + n % 5; m < 60; m += 5) {
			mode = (enum disk_crash)((n + m) % DISK_CRASHES);
			begin();
			disk.die_at = n;
			(void)life();
			fired = disk.dead;
			close_journal();
			disk_crash(mode);
			disk.die_at = m;
			if (open_journal() == 0) {
				book.appended = start.records;
				if (book.synced > book.appended)
					book.synced = book.appended;
				while (book.appended < start.records + 6 &&
				    append() == 0)
					;
				if (sync_journal() == 0)
					(void)tend(book.sealed);
			}
			close_journal();
			disk_crash(mode);
			check_after(true);
		}
}

/* ---- somebody's hand ---- */

/* What becomes of a journal that was changed. */
enum outcome {
	NOTICED,	/* locked down, at the start or soon after */
	TORN,		/* a torn end above the checkpoint, and it is said */
	SHORTER,	/* whole records above the checkpoint are gone */
	THE_SAME,	/* nothing that counts was changed */
	OUTCOMES
};

static uint64_t outcomes[OUTCOMES];

/*
 * Opens what was changed and looks at it until there is nothing left to look
 * at. No record that is given is wrong, none below the checkpoint is missing.
 */
static enum outcome
look(const char *what, size_t at)
{
	uint64_t sealed = book.sealed, index;
	int err = open_journal(), got;

	/* A checkpoint that is damaged or gone locks down, too. */
	if (err != 0 || (start.first > book.pruned) ||
	    (start.records == 0 && book.made_checkpoint)) {
		CHECK_MSG(err == ERR_CORRUPT || err == 0, "%s %zu: %s", what,
		    at, err_word(err));
		CHECK(err == 0 || start.why[0] != '\0' || j == NULL);
		close_journal();
		return NOTICED;
	}
	while ((got = journal_check_step(j)) == 1)
		;
	if (got != 0) {
		CHECK_INT(got, ERR_CORRUPT);
		CHECK(journal_fault(j, &index)[0] != '\0');
		/* It stays so, and nothing is compressed then. */
		CHECK_INT(journal_check_step(j), ERR_CORRUPT);
		CHECK_INT(journal_compress_step(j, sealed), ERR_CORRUPT);
		close_journal();
		return NOTICED;
	}
	CHECK_MSG(start.records >= sealed, "%s %zu: %" PRIu64, what, at,
	    start.records);
	CHECK_INT(read_all(), start.records);
	check_roots();
	close_journal();
	if (start.torn)
		return TORN;
	return start.records < book.synced ? SHORTER : THE_SAME;
}

/* Each file of a folder, changed at each byte, cut at each, and removed. */
static void
change_all(const struct disk *whole, const char *folder)
{
	size_t i, at, n, size;
	uint64_t *seen = outcomes;
	char name[DISK_NAME_SIZE];
	struct disk_names names;
	int dir, node, h = -1;

	dir = disk_find(&whole->nodes[0].names, folder);
	CHECK(dir >= 0);
	dir = whole->nodes[0].names.a[dir].node;
	names = whole->nodes[dir].names;
	for (i = 0; i < names.n; i++) {
		node = names.a[i].node;
		size = whole->nodes[node].now.n;
		(void)snprintf(name, sizeof(name), "%s/%s", folder,
		    names.a[i].name);
		for (at = 0; at < 2 * size; at++) {
			disk_fini();
			disk_copy(&disk, whole);
			n = at / 2;
			if (at % 2 == 0)
				disk.nodes[node].now.p[n] ^=
				    (uint8_t)(1u << (n % 8));
			else
				disk_resize(&disk.nodes[node].now, n);
			seen[look(name, at)]++;
		}
		disk_fini();
		disk_copy(&disk, whole);
		CHECK_INT(file_open_dir_at(DISK, folder, &h), 0);
		CHECK_INT(file_remove(h, names.a[i].name), 0);
		file_close(&h);
		seen[look(name, at)]++;
	}
}

/* A life whose disk is looked at again and again. */
static void
live(struct disk *ret_whole)
{
	begin();
	CHECK_INT(life(), 0);
	close_journal();
	disk_crash(DISK_KEEP);
	disk_copy(ret_whole, &disk);
}

TEST(every_byte_of_the_journal)
{
	struct disk whole;

	live(&whole);
	CHECK_INT(look("whole", 0), THE_SAME);
	memset(outcomes, 0, sizeof(outcomes));
	change_all(&whole, "journal");
	/* Only what says nothing is passed over: a compressed file's time
	 * and system (its note is looked at), and the lock. */
	CHECK(outcomes[THE_SAME] < 60);
	CHECK(outcomes[NOTICED] > 1000);
	CHECK(outcomes[TORN] > 50);
	CHECK(outcomes[SHORTER] < 10);
	disk_fini();
	disk = whole;
	disk_fini();
}

TEST(every_byte_of_the_tiles)
{
	struct disk whole;
	size_t open_hashes;

	live(&whole);
	memset(outcomes, 0, sizeof(outcomes));
	change_all(&whole, "tiles");
	open_hashes = (size_t)(book.synced % SEGMENT_RECORDS + 8) * 32;
	CHECK_INT(outcomes[TORN], 0);
	CHECK_INT(outcomes[SHORTER], 0);
	/* Those of the last segment are made anew. */
	CHECK(outcomes[THE_SAME] <= 2 * open_hashes);
	CHECK(outcomes[NOTICED] > 1000);
	disk_fini();
	disk = whole;
	disk_fini();
}

/* The newest checkpoint covers all: what is below it cannot be torn. */
TEST(every_byte_below_the_checkpoint)
{
	struct disk whole;

	begin();
	CHECK_INT(life(), 0);
	CHECK_INT(make_checkpoint(), 0);
	close_journal();
	disk_crash(DISK_KEEP);
	disk_copy(&whole, &disk);
	memset(outcomes, 0, sizeof(outcomes));
	change_all(&whole, "journal");
	CHECK_INT(outcomes[TORN], 0);
	CHECK_INT(outcomes[SHORTER], 0);
	CHECK(outcomes[THE_SAME] < 60);
	disk_fini();
	disk = whole;
	disk_fini();
}

/* What is no record of a sealed segment but stands in its file. */
TEST(more_in_a_sealed_segment)
{
	static const char *const tails[] = { "x", "{}" };
	char name[JOURNAL_GZIP_NAME_SIZE];
	struct disk_names *names;
	struct journal_segment s;
	struct disk whole;
	struct buf b;
	size_t i, k;
	int dir, node;

	live(&whole);
	CHECK_INT(open_journal(), 0);
	buf_init(&b, 1000);
	for (i = 0; i + 1 < j->n_segments; i++)
		for (k = 0; k < 3; k++) {
			s = j->segments[i];
			buf_clear(&b);
			if (k < 2)
				buf_put_str(&b, tails[k]);
			else
				entry_write(&b, j->segments[i + 1].first,
				    bytes_str("{}"));
			close_journal();
			disk_fini();
			disk_copy(&disk, &whole);
			dir = disk_find(&disk.nodes[0].names, "journal");
			names = &disk.nodes[disk.nodes[0].names.a[dir].node]
			    .names;
			journal_file_name(&s, name);
			node = names->a[disk_find(names, name)].node;
			disk_resize(&disk.nodes[node].now,
			    disk.nodes[node].now.n + b.n);
			memcpy(disk.nodes[node].now.p +
			    disk.nodes[node].now.n - b.n, b.p, b.n);
			CHECK_INT(look(name, k), NOTICED);
			disk_fini();
			disk_copy(&disk, &whole);
			CHECK_INT(open_journal(), 0);
		}
	buf_free(&b);
	close_journal();
	disk_fini();
	disk = whole;
	disk_fini();
}

static struct disk_node *
node_of(const char *folder, const char *name)
{
	struct disk_names *names = &disk.nodes[0].names;
	int i = disk_find(names, folder);

	CHECK(i >= 0);
	names = &disk.nodes[names->a[i].node].names;
	i = disk_find(names, name);
	CHECK_MSG(i >= 0, "%s/%s", folder, name);
	return &disk.nodes[names->a[i].node];
}

static void
write_node(struct disk_node *n, const struct buf *b)
{
	disk_resize(&n->now, b->n);
	memcpy(n->now.p, b->p, b->n);
}

/* Writes a segment as it was, but for one record: whole, with checksums. */
static void
forge(const struct journal_segment *s, uint64_t end, uint64_t index,
    const char *text)
{
	char name[JOURNAL_GZIP_NAME_SIZE];
	struct gzip_writer *w;
	struct buf b, packed, note;
	uint64_t i;

	buf_init(&b, 1 << 20);
	buf_init(&packed, 1 << 20);
	buf_init(&note, 8);
	for (i = s->first; i < end; i++)
		entry_write(&b, i, bytes_str(i == index ? text :
		    book.text[i]));
	buf_put_u64le(&note, end);
	CHECK_INT(gzip_writer_new(buf_bytes(&note), &w), 0);
	CHECK_INT(gzip_write(w, buf_bytes(&b), true, &packed), 0);
	gzip_writer_free(w);
	journal_file_name(s, name);
	write_node(node_of("journal", name), s->gzip ? &packed : &b);
	buf_free(&b);
	buf_free(&packed);
	buf_free(&note);
}

static void
forge_hash(uint64_t index, const char *text)
{
	struct sha256 leaf;

	merkle_leaf(bytes_str(text), &leaf);
	memcpy(node_of("tiles", "0")->now.p + index * SHA256_SIZE, leaf.b,
	    SHA256_SIZE);
}

/*
 * A forger who knows the format: each record that is sealed becomes another,
 * and its hash with it. So many records that there are full tiles, too.
 */
TEST(forged)
{
	static const char other[] = "{\"kind\":\"expired\",\"forged\":1}";
	struct journal_segment s[32];
	struct disk whole;
	uint64_t i, end;
	size_t k, n;

	begin();
	CHECK_INT(open_journal(), 0);
	journal_set_segment(j, 3000, 32);
	for (i = 0; i < 280; i++) {
		CHECK_INT(append(), 0);
		CHECK_INT(sync_journal(), 0);
		if (i == 120) {
			CHECK_INT(make_checkpoint(), 0);
			CHECK_INT(tend(book.sealed), 0);
		}
	}
	CHECK_INT(make_checkpoint(), 0);
	n = j->n_segments;
	CHECK(n > 4 && n <= 32 && j->segments[n - 1].first >= 256);
	CHECK(j->segments[0].gzip && !j->segments[n - 2].gzip);
	memcpy(s, j->segments, n * sizeof(s[0]));
	close_journal();
	disk_crash(DISK_KEEP);
	disk_copy(&whole, &disk);
	/* The forger of nothing, to begin with. */
	for (k = 0; k + 1 < n; k++)
		forge(&s[k], s[k + 1].first, UINT64_MAX, other);
	CHECK_INT(look("not forged", 0), THE_SAME);
	for (k = 0; k + 1 < n; k++)
		for (i = s[k].first, end = s[k + 1].first; i < end; i += 7) {
			disk_fini();
			disk_copy(&disk, &whole);
			forge(&s[k], end, i, other);
			CHECK_INT(look("record", i), NOTICED);
			disk_fini();
			disk_copy(&disk, &whole);
			forge(&s[k], end, i, other);
			forge_hash(i, other);
			CHECK_INT(look("record and hash", i), NOTICED);
			disk_fini();
			disk_copy(&disk, &whole);
			forge_hash(i, other);
			CHECK_INT(look("hash", i), NOTICED);
		}
	disk_fini();
	disk = whole;
	disk_fini();
}

TEST_MAIN()
