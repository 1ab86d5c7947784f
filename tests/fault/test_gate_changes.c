/*
 * test_gate_changes.c - each byte of what the agent keeps is changed, and each
 * file is cut: below the checkpoint it is noticed, above it it is recovered.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "gate_world.h"

/* What becomes of a start on a disk on which something was changed. */
enum outcome {
	LOCKED,		/* and it is said why: at the start, or soon after */
	RECOVERED,	/* a torn end, which is recorded */
	SHORTER,	/* whole records above the checkpoint are gone */
	THE_SAME,	/* nothing that counts was changed */
	OUTCOMES
};

static struct {
	struct disk disk;
	struct moment m;
	const struct fx_card *open;	/* a card that waits */
	uint8_t nonce[CAP_DEVICE_NONCE];
	uint64_t records, open_hashes;
	size_t above;	/* offset of the last segment's first record that the
			 * checkpoint does not cover */
	unsigned seen[OUTCOMES];
} hand;

/* The auditor's view of blobs that no start reads. */
static bool
is_blob_wrong(void)
{
	struct audit_source source = { NULL, audit_blob };
	struct journal_cursor c;
	enum audit_wrong wrong;
	struct audit *a;
	struct entry e;
	struct buf b;
	int err = 0;

	CHECK_INT(audit_new(&source, &a), 0);
	buf_init(&b, ENTRY_MAX);
	journal_seek(&c, 0);
	while (err == 0 && journal_read(journal, &c, &b, &e) == 1)
		err = audit_record(a, e.index, e.payload);
	wrong = audit_finding(a)->wrong;
	CHECK(err == 0 || wrong == AUDIT_BLOB);
	buf_free(&b);
	audit_free(a);
	return wrong == AUDIT_BLOB;
}

/* Whoever waits for an approval waits for a new one. */
static void
check_new_nonce(const struct fx *f)
{
	const struct queue_item *i = fx_item(f, &hand.open->digest);

	CHECK(i != NULL && i->state == STATE_PENDING);
	CHECK(memcmp(i->device_nonce, hand.nonce, CAP_DEVICE_NONCE) != 0);
}

static enum outcome
look(struct fx *f, const char *what, size_t at)
{
	uint64_t index, records;
	struct sha256 root;
	int err, got = 1;

	no_key = false;
	err = start(f);
	if (err == ERR_CORRUPT || no_key) {
		CHECK_MSG(no_key || begun.why[0] != '\0' || journal == NULL ||
		    core_error(f->core)[0] != '\0' || begun.records > 0,
		    "%s %zu: no word", what, at);
		return LOCKED;
	}
	CHECK_MSG(err == 0, "%s %zu: %s", what, at, err_word(err));
	while (got == 1)
		got = journal_check_step(journal);
	if (got == ERR_CORRUPT) {
		CHECK(journal_fault(journal, &index)[0] != '\0');
		return LOCKED;
	}
	CHECK_INT(got, 0);
	records = begun.records;
	CHECK(records >= sealed && records <= hand.records);
	CHECK_INT(journal_root(journal, sealed, &root), 0);
	CHECK_INT(read_checkpoint(&told[0]), 0);
	CHECK(sha256_equal(&root, &told[0].root));
	if (is_blob_wrong())
		return LOCKED;
	if (begun.torn) {
		check_new_nonce(f);
		return RECOVERED;
	}
	return records < hand.records ? SHORTER : THE_SAME;
}

/* A byte is another (bit at % 8 of it), or the file ends there. */
static enum outcome
change(struct fx *f, int node, const char *name, size_t at, bool cut)
{
	enum outcome o;

	disk_fini();
	disk_copy(&disk, &hand.disk);
	if (cut)
		disk_resize(&disk.nodes[node].now, at);
	else
		disk.nodes[node].now.p[at] ^= (uint8_t)(1u << at % 8);
	o = look(f, name, at);
	stop(f);
	f->m = hand.m;
	hand.seen[o]++;
	return o;
}

/* Two records, which change nothing in the end. */
static void
lock_twice(struct fx *f)
{
	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("drill")), 0);
	CHECK_INT(core_lockdown(f->core, f->m, false, "local", "local:root",
	    bytes_str("over")), 0);
	CHECK_INT(sync_all(), 0);
}

/* A genuine disk: a card waits, two ran, and behind the checkpoint that covers
 * all of it there are two records more. */
static void
live(struct fx *f)
{
	const struct journal_segment *last;
	struct entry e;
	struct buf b;

	prepare(f);
	memset(&hand, 0, sizeof(hand));
	again();
	hand.open = fx_card(f, &(struct fx_ask){ .id = 77 });
	CHECK_INT(start(f), 0);
	CHECK_INT(core_card(f->core, f->m, &hand.open->k.e, &f->reply), 0);
	CHECK_INT(f->reply.answer, CORE_ACCEPTED);
	CHECK_INT(everything(f), 0);
	CHECK_INT(sealed, journal_synced(journal));
	/* A segment that goes on behind the checkpoint. */
	lock_twice(f);
	journal_set_segment(journal, 1 << 20, SEGMENT_RECORDS);
	CHECK_INT(make_checkpoint(), 0);
	lock_twice(f);
	memcpy(hand.nonce, fx_item(f, &hand.open->digest)->device_nonce,
	    CAP_DEVICE_NONCE);
	hand.records = journal_synced(journal);
	CHECK_INT(hand.records, sealed + 2);
	last = journal_last(journal);
	hand.open_hashes = hand.records - last->first;
	CHECK(last->first < sealed && hand.open_hashes >= 4);
	/* Where they begin: two frames before the end. */
	buf_init(&b, 1 << 20);
	buf_reserve(&b, (size_t)last->bytes);
	CHECK_INT(file_read_at(journal->fd, 0, b.p, (size_t)last->bytes,
	    &b.n), 0);
	while (entry_read(bytes_of(b.p + hand.above, b.n - hand.above),
	    &e) == 0 && e.index < sealed)
		hand.above += e.size;
	CHECK_INT(e.index, sealed);
	buf_free(&b);
	stop(f);
	disk_crash(DISK_KEEP);
	disk_copy(&hand.disk, &disk);
	hand.m = f->m;
}

static void
end(struct fx *f)
{
	disk_fini();
	disk = hand.disk;
	finish(f);
}

/* Every file of a folder (NULL: of the state folder itself), at every n-th. */
static void
change_all(struct fx *f, const char *folder, size_t step)
{
	struct disk_node *n = &hand.disk.nodes[0];
	size_t i, at, first = step;
	struct disk_names names;
	int node;

	if (folder != NULL)
		n = &hand.disk.nodes[n->names.a[disk_find(&n->names,
		    folder)].node];
	names = n->names;
	memset(hand.seen, 0, sizeof(hand.seen));
	for (i = 0; i < names.n; i++) {
		node = names.a[i].node;
		if (hand.disk.nodes[node].folder)
			continue;
		for (at = --first % step; at < hand.disk.nodes[node].now.n;
		    at += step) {
			(void)change(f, node, names.a[i].name, at, false);
			(void)change(f, node, names.a[i].name, at, true);
		}
		first = first == 0 ? step : first;
	}
}

/* The node of the segment that is written to: the last plain one. */
static int
last_segment(void)
{
	const struct disk_node *n = &hand.disk.nodes[0];
	const char *best = "";
	int node = -1;
	uint64_t first;
	size_t i;

	n = &hand.disk.nodes[n->names.a[disk_find(&n->names,
	    "journal")].node];
	for (i = 0; i < n->names.n; i++)
		if (journal_name_parse(n->names.a[i].name, &first) == 0 &&
		    strcmp(n->names.a[i].name, best) > 0) {
			best = n->names.a[i].name;
			node = n->names.a[i].node;
		}
	CHECK(node >= 0);
	return node;
}

/* Each byte of the last segment: below the checkpoint, and above it. */
TEST(every_byte_of_the_last_segment)
{
	struct disk_node *n;
	enum outcome o;
	struct entry e;
	struct fx f;
	size_t at, size, second;
	int node;

	live(&f);
	node = last_segment();
	n = &hand.disk.nodes[node];
	CHECK_INT(entry_read(bytes_of(n->now.p + hand.above,
	    n->now.n - hand.above), &e), 0);
	second = hand.above + e.size;
	size = n->now.n;
	CHECK(second < size);
	for (at = 0; at < size; at++) {
		o = change(&f, node, "segment", at, false);
		/* Of the first of the two the next one tells. */
		CHECK_MSG(o == (at < second ? LOCKED : RECOVERED),
		    "flip at %zu: %d", at, (int)o);
		o = change(&f, node, "segment", at, true);
		if (at < hand.above)
			CHECK_MSG(o == LOCKED, "cut at %zu: %d", at, (int)o);
		else
			CHECK_MSG(o == (at == hand.above || at == second ?
			    SHORTER : RECOVERED), "cut at %zu: %d", at,
			    (int)o);
	}
	end(&f);
}

TEST(bytes_of_sealed_segments)
{
	struct fx f;

	live(&f);
	change_all(&f, "journal", 23);
	CHECK(hand.seen[LOCKED] > 100);
	/* Of a compressed file's header some bytes say nothing. */
	CHECK_MSG(hand.seen[THE_SAME] < 10, "%u", hand.seen[THE_SAME]);
	end(&f);
}

TEST(every_byte_of_the_tiles)
{
	struct fx f;

	live(&f);
	change_all(&f, "tiles", 1);
	CHECK_INT(hand.seen[RECOVERED], 0);
	CHECK_INT(hand.seen[SHORTER], 0);
	CHECK(hand.seen[LOCKED] > 100);
	/* Those of the last segment are made anew. */
	CHECK(hand.seen[THE_SAME] <= 2 * 32 * hand.open_hashes);
	end(&f);
}

/* The checkpoint, and the secret of the epoch. */
TEST(every_byte_of_what_goes_with_it)
{
	struct fx f;

	live(&f);
	change_all(&f, NULL, 1);
	CHECK_INT(hand.seen[LOCKED], 2 * (CHECKPOINT_SIZE + 32));
	CHECK_INT(hand.seen[RECOVERED] + hand.seen[SHORTER] +
	    hand.seen[THE_SAME], 0);
	end(&f);
}

TEST(bytes_of_blobs)
{
	struct fx f;

	live(&f);
	change_all(&f, "blobs", 11);
	CHECK(hand.seen[LOCKED] > 500);
	CHECK_INT(hand.seen[RECOVERED] + hand.seen[SHORTER] +
	    hand.seen[THE_SAME], 0);
	end(&f);
}

TEST_MAIN()
