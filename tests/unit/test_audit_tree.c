/*
 * test_audit_tree.c - what a journal's notes, states, epochs and tiles tell.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "agent/gate/core.h"
#include "common/checkpoint.h"
#include "common/cosignature.h"
#include "common/epoch.h"
#include "common/merkletree.h"
#include "tests/harness/audit_fixture.h"

#define WITNESS "w.example/1"	/* kit.h's root lists it, with this key */
#define WITNESS_SEED 0x71
#define EVERY 16		/* records a segment */

/* What is said in a note, and by whom. */
struct said {
	size_t size;
	unsigned device, epoch;	/* seeds; 0: the right one */
	bool no_device, no_epoch, no_witness;
	unsigned witness;	/* seed */
	const char *origin;
	bool other_root, other_text;	/* cosigned was another one */
};

static struct merkletree tree;

static void
open_segments(struct fx *f)
{
	fx_open(f);
	CHECK_INT(core_first_epoch(f->core, f->m), 0);
	f->segment_every = EVERY;
	saw_runs(f);
	saw_ends(f);
	saw_changes(f);
}

static void
plant(struct fx *f)
{
	struct sha256 leaf;
	size_t i;

	merkletree_fini(&tree);
	for (i = 0; i < f->n_records; i++) {
		merkle_leaf(bytes_of(f->records[i].p, f->records[i].n),
		    &leaf);
		CHECK_INT(merkletree_add(&tree, &leaf), 0);
	}
}

/* The epoch that a checkpoint of that size is of. */
static int64_t
epoch_at(struct fx *f, size_t size)
{
	int64_t epoch = 0;
	size_t i;

	for (i = 0; i < size && i < f->n_records; i++)
		if (fx_record(f, i)->kind == RECORD_EPOCH)
			epoch = fx_record(f, i)->epoch;
	return epoch;
}

static void
put_signature(struct buf *b, const char *name, struct bytes text,
    unsigned seed)
{
	struct note_key key;
	struct signer s;

	kit_signer(seed, &s);
	CHECK_INT(note_key_init(bytes_str(name), NOTE_ED25519, s.public,
	    &key), 0);
	CHECK_INT(note_sign(b, text, &key, &s), 0);
}

static void
put_cosignature(struct buf *b, struct bytes text, unsigned seed)
{
	struct note_key key;
	struct signer s, listed;

	kit_signer(WITNESS_SEED, &listed);
	kit_signer(seed, &s);
	/* One that lies says that it is the listed one. */
	CHECK_INT(note_key_init(bytes_str(WITNESS), NOTE_COSIGNATURE,
	    listed.public, &key), 0);
	CHECK_INT(cosignature_sign(b, text, &key, &s, kit_time(KIT_NOW)), 0);
}

static struct buf
make_note(struct fx *f, const struct said *q)
{
	struct merkle_source s = merkletree_source(&tree);
	int64_t epoch = epoch_at(f, q->size);
	struct sha256 root = { { 0 } };
	char name[EPOCH_NAME_SIZE];
	struct buf text, b;

	if (q->size <= tree.size)
		CHECK_INT(merkle_root(&s, q->size, &root), 0);
	root.b[9] ^= q->other_root;
	buf_init(&text, 4096);
	buf_init(&b, 8192);
	checkpoint_put(&text, bytes_str(q->origin != NULL ? q->origin :
	    "acme/" KIT_DEVICE), q->size, &root);
	buf_put_bytes(&b, buf_bytes(&text));
	buf_put_str(&b, "\n");
	if (!q->no_device)
		put_signature(&b, "acme/" KIT_DEVICE, buf_bytes(&text),
		    q->device != 0 ? q->device : FX_KEY);
	epoch_name("acme", KIT_DEVICE, epoch, name);
	if (epoch > 0 && !q->no_epoch)
		put_signature(&b, name, buf_bytes(&text), q->epoch != 0 ?
		    q->epoch : (unsigned)(epoch % 250) + 1);
	if (q->other_text)
		buf_put_str(&text, "more\n");
	if (!q->no_witness)
		put_cosignature(&b, buf_bytes(&text), q->witness != 0 ?
		    q->witness : WITNESS_SEED);
	buf_put_str(&b, "\xe2\x80\x94 nobody.example AAAAAAEC\n");
	CHECK_INT(buf_error(&b), 0);
	buf_free(&text);
	return b;
}

struct reading {
	size_t first;		/* of a pruned journal */
	bool tiles;
	size_t sealed;
	const struct said *said;	/* the device's checkpoint, or NULL */
	const struct said *cosigned;
	const uint8_t *kept_for;	/* key id, or NULL */
	const char *text;	/* a checkpoint that is no note */
};

static struct audit_witness seen;
static uint64_t agreed;

static int
read_all(struct fx *f, const struct reading *q)
{
	struct audit_source source = { f, load_blob };
	struct merkle_source s = merkletree_source(&tree);
	const struct audit_witness *w;
	struct audit *a;
	struct buf b;
	size_t i;
	int err = 0;

	CHECK_INT(audit_new(&source, &a), 0);
	if (q->first > 0)
		audit_begin_at(a, q->first);
	if (q->tiles)
		audit_use_tiles(a, &s, q->sealed);
	if (q->said != NULL) {
		b = make_note(f, q->said);
		CHECK_INT(audit_add_note(a, AUDIT_NOTE_OWN, buf_bytes(&b),
		    NULL), 0);
		buf_free(&b);
	}
	if (q->cosigned != NULL) {
		b = make_note(f, q->cosigned);
		CHECK_INT(audit_add_note(a, AUDIT_NOTE_COSIGNED,
		    buf_bytes(&b), q->kept_for), 0);
		buf_free(&b);
	}
	if (q->text != NULL)
		CHECK_INT(audit_add_note(a, AUDIT_NOTE_OWN,
		    bytes_str(q->text), NULL), 0);
	for (i = q->first; i < f->n_records && err == 0; i++)
		err = audit_record(a, i, bytes_of(f->records[i].p,
		    f->records[i].n));
	if (err == 0)
		err = audit_finish(a);
	CHECK_INT(audit_finish(a), err);
	finding = *audit_finding(a);
	audit_counts(a, &counts);
	memset(&seen, 0, sizeof(seen));
	if (audit_witnesses(a, &w) > 0)
		seen = w[0];
	CHECK(audit_witnessed(a) == seen.size);
	agreed = audit_agreed(a);
	audit_free(a);
	return err;
}

#define CHECK_READS(f, ...)						\
	CHECK_MSG(read_all(f, &(struct reading){ __VA_ARGS__ }) == 0,	\
	    "record %" PRIu64 ": %s: %.150s", finding.index,		\
	    audit_word(finding.wrong), finding.text)
#define CHECK_WRONG(f, kind, at, ...) do {				\
	CHECK_INT(read_all(f, &(struct reading){ __VA_ARGS__ }),	\
	    ERR_CORRUPT);						\
	CHECK_MSG(finding.wrong == (kind), "%s: %.150s",		\
	    audit_word(finding.wrong), finding.text);			\
	CHECK_INT(finding.index, at);					\
} while (0)
#define SAID(...) &(struct said){ .size = __VA_ARGS__ }

TEST(every_size)
{
	struct fx f;
	size_t n;

	open_segments(&f);
	plant(&f);
	CHECK(f.n_epochs >= 4);
	for (n = 3; n <= f.n_records; n++) {
		CHECK_READS(&f, .said = SAID(n), .cosigned = SAID(n / 2 + 2),
		    .tiles = true, .sealed = f.segment);
		CHECK_INT(agreed, n);
		CHECK_INT(counts.epochs, f.n_epochs);
		CHECK_INT(counts.states, f.n_epochs - 1);
		/* Only where the root file was there already. */
		if (n > 10) {
			CHECK_INT(seen.size, n);
			CHECK_STR(seen.name, WITNESS);
			CHECK_INT(seen.time, kit_time(KIT_NOW));
		}
	}
	/* Nobody has seen it. */
	CHECK_READS(&f, .said = SAID(n - 1, .no_witness = true));
	CHECK_INT(seen.size, 0);
	merkletree_fini(&tree);
	fx_drop(&f);
}

TEST(wrong_notes)
{
	struct fx f;
	size_t n;

	open_segments(&f);
	plant(&f);
	n = f.n_records;
	CHECK_WRONG(&f, AUDIT_ROOT, n - 6, .said = SAID(n - 5,
	    .other_root = true));
	CHECK_WRONG(&f, AUDIT_ROOT, 29, .said = SAID(n), .cosigned =
	    SAID(30, .other_root = true));
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n - 1, .said = SAID(n,
	    .no_device = true));
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n - 1, .said = SAID(n,
	    .device = 9));
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n - 1, .said = SAID(n,
	    .no_epoch = true));
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n - 1, .said = SAID(n,
	    .epoch = 2));
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n - 1, .said = SAID(n,
	    .origin = "acme/d-other"));
	CHECK_WRONG(&f, AUDIT_COSIGNATURE, n - 1, .said = SAID(n,
	    .witness = 9));
	CHECK_WRONG(&f, AUDIT_COSIGNATURE, n - 1, .said = SAID(n,
	    .other_text = true));
	CHECK_WRONG(&f, AUDIT_CUT, n, .said = SAID(n + 1));
	CHECK_WRONG(&f, AUDIT_CUT, n, .said = SAID(n),
	    .cosigned = SAID(n + 7));
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n, .text = "");
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n, .text = "acme/x\n5\n");
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n, .said = NULL);
	/* Another note is no checkpoint of the device's own. */
	CHECK_WRONG(&f, AUDIT_CHECKPOINT, n, .cosigned = SAID(n));
	merkletree_fini(&tree);
	fx_drop(&f);
}

/* A note that was kept for a listed witness's line, and has none. */
TEST(cosignature_gone)
{
	static const uint8_t nobody[4] = { 1, 2, 3, 4 };
	struct note_key key;
	struct signer listed;
	struct fx f;
	size_t n;

	open_segments(&f);
	plant(&f);
	n = f.n_records;
	kit_signer(WITNESS_SEED, &listed);
	CHECK_INT(note_key_init(bytes_str(WITNESS), NOTE_COSIGNATURE,
	    listed.public, &key), 0);
	CHECK_READS(&f, .said = SAID(n), .cosigned = SAID(30),
	    .kept_for = key.id);
	CHECK_READS(&f, .said = SAID(n), .cosigned = SAID(30,
	    .no_witness = true), .kept_for = nobody);
	CHECK_WRONG(&f, AUDIT_COSIGNATURE, 29, .said = SAID(n),
	    .cosigned = SAID(30, .no_witness = true), .kept_for = key.id);
	merkletree_fini(&tree);
	fx_drop(&f);
}

/* A record that is another, though it reads well: told by the tiles. */
TEST(another_record)
{
	struct record rec;
	struct fx f;
	size_t i;

	open_segments(&f);
	plant(&f);
	i = find(&f, RECORD_CARD_REFUSED, 0);
	rec = taken(&f, i);
	record_set_str(&rec, RF_DETAIL, "another text");
	put_back(&f, i, &rec);
	CHECK(i < f.segment);
	CHECK_WRONG(&f, AUDIT_ROOT, i, .said = SAID(f.n_records),
	    .tiles = true, .sealed = f.segment);
	/* Without them the checkpoint tells that one is. */
	CHECK_WRONG(&f, AUDIT_ROOT, f.n_records - 1,
	    .said = SAID(f.n_records));
	merkletree_fini(&tree);
	fx_drop(&f);
}

/*
 * One that is not sealed: the tiles tell it, if they come to what was signed;
 * if not, as after a torn end, they say nothing.
 */
TEST(another_record_at_the_end)
{
	struct record rec;
	struct sha256 leaf;
	struct fx f;
	size_t i, n;

	open_segments(&f);
	for (i = f.n_records; fx_record(&f, --i)->kind !=
	    RECORD_EXEC_RESULT;)
		;
	CHECK(i > f.segment);
	plant(&f);
	n = f.n_records;
	rec = taken(&f, i);
	record_set_int(&rec, RF_WALL_MS, rec.wall_ms + 1);
	put_back(&f, i, &rec);
	CHECK_WRONG(&f, AUDIT_ROOT, i, .said = SAID(n), .tiles = true,
	    .sealed = f.segment);
	CHECK_WRONG(&f, AUDIT_ROOT, i, .said = SAID(n), .cosigned = SAID(n - 1),
	    .tiles = true, .sealed = f.segment);
	/* A checkpoint of before it is right. */
	CHECK_READS(&f, .said = SAID(i), .tiles = true, .sealed = f.segment);
	CHECK_WRONG(&f, AUDIT_ROOT, n - 1, .said = SAID(n,
	    .other_root = true), .tiles = true, .sealed = f.segment);
	/* More hashes than there are records. */
	plant(&f);
	merkle_leaf(bytes_str("x"), &leaf);
	CHECK_INT(merkletree_add(&tree, &leaf), 0);
	CHECK_READS(&f, .said = SAID(n), .tiles = true, .sealed = f.segment);
	merkletree_fini(&tree);
	fx_drop(&f);
}

TEST(states_and_epochs)
{
	struct record rec;
	struct fx f;
	size_t i, k;

	for (k = 0; k < 6; k++) {
		enum audit_wrong want = k < 4 ? AUDIT_SNAPSHOT : AUDIT_EPOCH;
		struct sha256 digest;
		uint8_t sig[64];

		open_segments(&f);
		i = find(&f, k < 4 ? RECORD_STATE : RECORD_EPOCH, 1);
		rec = taken(&f, i);
		switch (k) {
		case 0:
			digest = rec.digest;
			digest.b[0] ^= 1;
			record_set_digest(&rec, RF_DIGEST, &digest);
			break;
		case 1:
			record_set_int(&rec, RF_RUNNING_MS,
			    rec.running_ms + 1);
			break;
		case 2:
			record_set_int(&rec, RF_EPOCH, rec.epoch + 1);
			break;
		case 3:
			rec.files[0].version++;
			break;
		case 4:
			record_set_int(&rec, RF_EPOCH, rec.epoch + 1);
			break;
		default:
			memcpy(sig, rec.sigs[0].sig.p, sizeof(sig));
			sig[5] ^= 1;
			rec.sigs[0].sig = bytes_of(sig, sizeof(sig));
			break;
		}
		put_back(&f, i, &rec);
		plant(&f);
		CHECK_WRONG(&f, want, i, .said = SAID(f.n_records));
		fx_drop(&f);
	}
	merkletree_fini(&tree);
}

/* The device runs for so many days, and there is a record. */
static void
run_for(struct fx *f, int days)
{
	f->m.boot_ms += (uint64_t)days * 86400000;
	CHECK_INT(core_lockdown(f->core, f->m, true, "local", "local:root",
	    bytes_str("old")), 0);
	CHECK_INT(core_lockdown(f->core, f->m, false, "local", "local:root",
	    bytes_str("")), 0);
}

static void
keep_for(struct fx *f, const char *version, const char *days)
{
	char with[64];

	(void)snprintf(with, sizeof(with), "\"retention_days\":%s,"
	    "\"limits\":{", days);
	CHECK_INT(fx_trust(f, TRUST_POLICY, fx_text(f, FX_POLICY,
	    "\"org\":\"acme\",\"version\":1,", version, "\"limits\":{",
	    with, NULL))->answer, CORE_ACCEPTED);
}

/* What counts is whether there was a moment at which it could be pruned. */
TEST(pruned_by_the_policy_of_then)
{
	static const char *const versions[] = {
		"\"org\":\"acme\",\"version\":7,",
		"\"org\":\"acme\",\"version\":8,"
	};
	static const struct {
		const char *days[2];	/* policies, one after the other */
		int runs[2];		/* days that each holds */
		bool may;
	} cases[] = {
		{ { "90", "400" }, { 91, 1 }, true },
		{ { "90", "400" }, { 80, 20 }, false },
		{ { "400", "90" }, { 80, 5 }, false },
		{ { "400", "90" }, { 80, 11 }, true },
		{ { "120", "100" }, { 80, 19 }, false },
		{ { "36500", "36500" }, { 500, 500 }, false },
	};
	size_t i, k, first;
	struct fx f;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_segments(&f);
		keep_for(&f, versions[0], cases[i].days[0]);
		first = 0;
		while (first == 0 || fx_record(&f, first)->kind !=
		    RECORD_STATE) {
			k = f.n_records;
			run_for(&f, 0);
			for (; first == 0 && k < f.n_records; k++)
				if (fx_record(&f, k)->kind == RECORD_STATE)
					first = k;
		}
		run_for(&f, cases[i].runs[0]);
		keep_for(&f, versions[1], cases[i].days[1]);
		run_for(&f, cases[i].runs[1]);
		plant(&f);
		if (cases[i].may)
			CHECK_READS(&f, .first = first, .tiles = true,
			    .sealed = f.segment, .said = SAID(f.n_records));
		else
			CHECK_WRONG(&f, AUDIT_CUT, 0, .first = first,
			    .tiles = true, .sealed = f.segment,
			    .said = SAID(f.n_records));
		merkletree_fini(&tree);
		fx_drop(&f);
	}
}

TEST(pruned)
{
	size_t i, n = 0, first[32] = { 0 };
	struct fx_blob *blob;
	struct fx f;

	open_segments(&f);
	plant(&f);
	for (i = 0; i < f.n_records; i++)
		if (fx_record(&f, i)->kind == RECORD_STATE && n < 32)
			first[n++] = i;
	CHECK(n >= 3);
	/* Nobody prunes what is so young. */
	CHECK_WRONG(&f, AUDIT_CUT, 0, .first = first[1], .tiles = true,
	    .sealed = f.segment, .said = SAID(f.n_records));
	CHECK(strstr(finding.text, "before their time") != NULL);
	/* Old enough for some policy, but not for the one that was there. */
	run_for(&f, 399);
	plant(&f);
	CHECK_WRONG(&f, AUDIT_CUT, 0, .first = first[1], .tiles = true,
	    .sealed = f.segment, .said = SAID(f.n_records));
	merkletree_fini(&tree);
	run_for(&f, 2);
	CHECK_INT(core_lockdown(f.core, f.m, true, "local", "local:root",
	    bytes_str("old")), 0);
	plant(&f);
	for (i = 0; i < n; i++) {
		CHECK_READS(&f, .first = first[i], .tiles = true,
		    .sealed = f.segment, .said = SAID(f.n_records),
		    .cosigned = SAID(first[i] / 2 + 2));
		CHECK_INT(counts.records, f.n_records - first[i]);
		CHECK_INT(seen.size, f.n_records);
		/* A root that only the tiles tell. */
		CHECK_WRONG(&f, AUDIT_ROOT, first[i], .first = first[i],
		    .tiles = true, .sealed = f.segment,
		    .said = SAID(f.n_records),
		    .cosigned = SAID(first[i] / 2 + 2, .other_root = true));
		/* Nothing is known of what was before. */
		CHECK_WRONG(&f, AUDIT_ROOT, first[i], .first = first[i],
		    .said = SAID(f.n_records));
		CHECK_WRONG(&f, AUDIT_SNAPSHOT, first[i] + 1,
		    .first = first[i] + 1, .tiles = true,
		    .sealed = f.n_records, .said = SAID(f.n_records));
	}
	/* Its snapshot is not there, or another. */
	i = first[1];
	{
		struct sha256 name = fx_record(&f, i)->digest;

		blob = blob_of(&f, &name);
	}
	blob->p[blob->n / 2] ^= 1;
	CHECK_WRONG(&f, AUDIT_BLOB, i, .first = i, .tiles = true,
	    .sealed = f.segment, .said = SAID(f.n_records));
	blob->name.b[0] ^= 1;
	CHECK_WRONG(&f, AUDIT_BLOB, i, .first = i, .tiles = true,
	    .sealed = f.segment, .said = SAID(f.n_records));
	/* From the genesis on nobody needs it; that it is gone is told, and
	 * if it is there it is right. */
	CHECK_READS(&f, .said = SAID(f.n_records));
	CHECK_INT(counts.snapshots_gone, 1);
	blob->name.b[0] ^= 1;
	CHECK_WRONG(&f, AUDIT_BLOB, i, .said = SAID(f.n_records));
	merkletree_fini(&tree);
	fx_drop(&f);
}

/* A row of the tiles, of 256 times fewer hashes, or none of it. */
struct rows {
	struct merkle_source inner;
	unsigned level;		/* that is changed, or missing */
	bool missing;
};

static int
changed_row(void *arg, unsigned level, uint64_t n, struct sha256 *ret_hash)
{
	struct rows *r = arg;
	struct sha256 h;
	int err;

	if (level == r->level && r->missing)
		return ERR_RANGE;
	if ((err = r->inner.hash(r->inner.arg, level, n, &h)) != 0)
		return err;
	if (level == r->level && n == 0)
		h.b[3] ^= 1;
	*ret_hash = h;
	return 0;
}

/* Records enough for a hash in the second row; the first ones are read. */
TEST(rows_of_tiles)
{
	struct rows rows = { merkletree_source(&tree), 0, false };
	struct merkle_source s = { changed_row, &rows };
	struct audit_source source;
	struct audit *a;
	struct fx f;
	size_t i, k;

	open_segments(&f);
	while (f.n_records < 300)
		CHECK_INT(core_lockdown(f.core, f.m, f.n_records % 2 == 0,
		    "local", "local:root", bytes_str("again")), 0);
	plant(&f);
	source = (struct audit_source){ &f, load_blob };
	for (k = 0; k < 5; k++) {
		int err = 0;

		rows.level = k == 4 ? 99 : k < 2 ? 8 : 0;
		rows.missing = k % 2 == 1;
		CHECK_INT(audit_new(&source, &a), 0);
		audit_use_tiles(a, &s, f.n_records);
		for (i = 0; i < f.n_records && err == 0; i++)
			err = audit_record(a, i, bytes_of(f.records[i].p,
			    f.records[i].n));
		CHECK_INT(err, k == 4 ? 0 : ERR_CORRUPT);
		if (k < 4) {
			CHECK_INT(audit_finding(a)->wrong, AUDIT_ROOT);
			CHECK_INT(audit_finding(a)->index, k < 2 ? 255 : 0);
		}
		audit_free(a);
	}
	merkletree_fini(&tree);
	fx_drop(&f);
}

/* Runs and ends until so many segments more have begun. */
static void
live(struct fx *f, size_t segments)
{
	size_t until = f->n_epochs + segments;

	while (f->n_epochs < until) {
		struct fx_card *c = fx_run(f, &(struct fx_ask){ 0 });

		fx_end(f, &c->digest, "finished", 0);
		fx_pass(f, 7);
	}
}

/*
 * After the clock was taken back a device knows again what an auditor forgot:
 * its states are not compared until the time is where it was, and then they
 * have to be the same again.
 */
TEST(a_clock_that_was_taken_back)
{
	uint64_t before;
	struct fx f;

	fx_open(&f);
	CHECK_INT(core_first_epoch(f.core, f.m), 0);
	f.segment_every = EVERY;
	live(&f, 4);
	fx_pass(&f, 3600);
	live(&f, 4);
	fx_pass(&f, 3 * 3600);
	live(&f, 4);
	plant(&f);
	CHECK_READS(&f, .said = SAID(f.n_records));
	before = counts.states;
	CHECK(before >= 12);
	f.m.clock -= 2 * 3600;
	CHECK_INT(core_clock_reset(f.core, f.m, "local:root",
	    bytes_str("bad battery"), &f.reply), 0);
	live(&f, 3);
	plant(&f);
	CHECK_READS(&f, .said = SAID(f.n_records));
	CHECK(counts.states <= before + 1);
	CHECK(counts.states_passed >= 2);
	fx_pass(&f, 2 * 3600 + 60);
	live(&f, 4);
	plant(&f);
	CHECK_READS(&f, .said = SAID(f.n_records));
	CHECK(counts.states >= before + 3);
	merkletree_fini(&tree);
	fx_drop(&f);
}

TEST(too_many_notes)
{
	struct audit_source source = { NULL, load_blob };
	struct audit *a;
	int i;

	CHECK_INT(digest_init(), 0);
	CHECK_INT(audit_new(&source, &a), 0);
	for (i = 0; i < AUDIT_NOTES_MAX; i++)
		CHECK_INT(audit_add_note(a, AUDIT_NOTE_COSIGNED,
		    bytes_str("x"), NULL), 0);
	CHECK_INT(audit_add_note(a, AUDIT_NOTE_OWN, bytes_str("x"), NULL),
	    ERR_TOO_LARGE);
	audit_free(a);
}

TEST(without_memory)
{
	struct buf note;
	struct fx f;

	fx_open(&f);
	plant(&f);
	note = make_note(&f, SAID(f.n_records));
	OOM_LOOP {
		struct audit_source source = { &f, load_blob };
		struct audit *a = NULL;
		size_t i;
		int err = audit_new(&source, &a);

		if (err == 0)
			err = audit_add_note(a, AUDIT_NOTE_OWN,
			    buf_bytes(&note), NULL);
		for (i = 0; i < f.n_records && err == 0; i++)
			err = audit_record(a, i, bytes_of(f.records[i].p,
			    f.records[i].n));
		if (err == 0)
			err = audit_finish(a);
		/* A note that could not be parsed for want of memory does not
		 * count as read. */
		CHECK_INT(err, OOM_FIRED() ? ERR_NOMEM : 0);
		audit_free(a);
	}
	buf_free(&note);
	merkletree_fini(&tree);
	fx_drop(&f);
}

TEST_MAIN()
