/*
 * audit.h - verifying a journal, record by record, from nothing but itself.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 *
 * The auditor believes nobody: it builds trust files and queue up again from
 * the records and blobs, and at every record asks what the device should have
 * asked then. Does the card carry its proposer's signature, by the people file
 * of that time? Does each approval's proof verify, and was its signer allowed?
 * Had each run what the policy asked for at that moment, and no card two runs?
 * The first record that is wrong is named with what is wrong with it. With the
 * notes that go with a journal it also says whether these are the records that
 * the device once signed, and up to which one a witness has seen them.
 *
 * It streams: memory holds the open cards, the digests that have run, and the
 * trust files. Which records there are is the caller's business: segments of a
 * device (journal_reader.h), an export, a console's copy.
 */
#ifndef COUNTERSIGN_COMMON_AUDIT_H
#define COUNTERSIGN_COMMON_AUDIT_H

#include "common/journal_reader.h"
#include "common/merkle.h"
#include "common/note.h"
#include "common/record.h"

struct audit;

/* Kinds of wrong. */
enum audit_wrong {
	AUDIT_RIGHT,
	AUDIT_FRAME,		/* damaged or cut short */
	AUDIT_ORDER,		/* an index that does not follow, a clock */
	AUDIT_GRAMMAR,		/* it does not read as a record */
	AUDIT_GENESIS,		/* none, a second one, or it does not read */
	AUDIT_BLOB,		/* absent, or another than the digest says */
	AUDIT_STATE,		/* not possible in the card's state */
	AUDIT_TRUST,		/* a trust file that does not verify */
	AUDIT_CARD,		/* its signature, or it says something else */
	AUDIT_PROOF,		/* an approval's, denial's or cancel's */
	AUDIT_POLICY,		/* ran, or was approved, against the rules */
	AUDIT_TWICE,		/* ran a second time */
	AUDIT_EPOCH,		/* not the next, or not by the one before */
	AUDIT_SNAPSHOT,		/* a `state` that is not what came before */
	AUDIT_ROOT,		/* the tree is another than was signed */
	AUDIT_CHECKPOINT,	/* missing, damaged, or another's */
	AUDIT_COSIGNATURE,	/* a listed witness's, and it does not verify */
	AUDIT_CUT,		/* shorter than a note says */
	AUDIT_WRONGS
};

struct audit_finding {
	enum audit_wrong wrong;
	uint64_t index;		/* of the record; or the first missing one */
	char text[240];		/* for people; ASCII */
};

/* What was gone through. */
struct audit_counts {
	uint64_t records;
	uint64_t bytes;		/* of payloads */
	uint64_t cards;		/* received */
	uint64_t approvals;	/* proofs: approvals, denials, cancels */
	uint64_t runs;
	uint64_t open;		/* cards that the last record leaves open */
	uint64_t epochs;
	uint64_t states;	/* made again and compared */
	uint64_t states_passed;	/* not compared: the clock was taken back */
	uint64_t snapshots_gone;	/* of states that were compared */
	int64_t first_time, last_time;	/* of records; seconds */
};

struct audit_source {
	void *arg;
	/*
	 * Appends the blob with that name to an empty buffer. Whether the
	 * bytes have that digest is the auditor's business. ERR_NOT_FOUND, or
	 * any error, which then ends the audit.
	 */
	int (*blob)(void *arg, const struct sha256 *name, struct buf *ret_b);
};

/* source is copied. ERR_NOMEM. */
MUST_CHECK int audit_new(const struct audit_source *source,
    struct audit **ret_a);
/* NULL is fine. */
void audit_free(struct audit *a);

/* ---- before the first record ---- */

/*
 * The journal's beginning was pruned: the first record is this one, a `state`,
 * whose snapshot is taken for what came before. That needs tiles, and at the
 * end the device's running time says whether the pruned part was old enough.
 */
void audit_begin_at(struct audit *a, uint64_t index);

/*
 * The hashes that the device kept, of the first `size` records: each record is
 * compared with its own, so that a wrong one is told by its index, and so is
 * each hash of 256 times as many. One that is missing is wrong. Hashes of later
 * records may be there or not, and may be of another past; where a root is
 * wrong, and they come to the one that is signed, they tell the index. Copied.
 */
void audit_use_tiles(struct audit *a, const struct merkle_source *tiles,
    uint64_t size);

/* Notes that go with a journal: the device's own newest checkpoint, and one
 * that a witness has cosigned. */
enum audit_note { AUDIT_NOTE_OWN, AUDIT_NOTE_COSIGNED };
#define AUDIT_NOTES_MAX 64

/*
 * The note is copied. id: of one that was kept for the sake of one key's line,
 * the four bytes of that key's id; or NULL. ERR_TOO_LARGE over AUDIT_NOTES_MAX;
 * ERR_NOMEM. One that does not read is told at the end.
 */
MUST_CHECK int audit_add_note(struct audit *a, enum audit_note what,
    struct bytes note, const uint8_t id[4]);

/* ---- records ---- */

/*
 * Verifies the next record; indexes begin at 0. ERR_CORRUPT: it is wrong
 * (audit_finding() says how), and so is every later call; ERR_NOMEM; the
 * source's errors.
 */
MUST_CHECK int audit_record(struct audit *a, uint64_t index,
    struct bytes payload);

/*
 * All records of a reader, to its end. A torn end, which a crash leaves and
 * the next start records and cuts off, is wrong too: AUDIT_FRAME.
 */
MUST_CHECK int audit_journal(struct audit *a, struct journal_reader *r);

/*
 * After the last record: notes that speak of more, that do not read, and a
 * checkpoint that there has to be. ERR_CORRUPT; what an earlier call said.
 */
MUST_CHECK int audit_finish(struct audit *a);

/* ---- what came of it ---- */

const struct audit_finding *audit_finding(const struct audit *a);
void audit_counts(const struct audit *a, struct audit_counts *ret_c);
/* The device and org that the journal is of; "" before genesis. */
const char *audit_device(const struct audit *a);
const char *audit_org(const struct audit *a);

/* Up to where a witness has seen this very tree. */
#define AUDIT_WITNESSES_MAX 64

struct audit_witness {
	char name[NOTE_NAME_MAX + 1];
	uint64_t size;		/* records, from the first of all */
	int64_t time;		/* as it says; seconds */
};

/* Those that a root file listed and whose word is here; points into a. */
size_t audit_witnesses(const struct audit *a,
    const struct audit_witness **ret_w);
/* The most that any of them has seen: from there on nobody has. */
uint64_t audit_witnessed(const struct audit *a);
/* What the device itself has signed for. */
uint64_t audit_agreed(const struct audit *a);

/* "proof": static. */
const char *audit_word(enum audit_wrong wrong);

#endif
