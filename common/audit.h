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
 * The first record that is wrong is named with what is wrong with it.
 *
 * It streams: memory holds the open cards, the digests that have run, and the
 * trust files. Which records there are is the caller's business: segments of a
 * device (journal_reader.h), an export, a console's copy.
 */
#ifndef COUNTERSIGN_COMMON_AUDIT_H
#define COUNTERSIGN_COMMON_AUDIT_H

#include "common/digest.h"
#include "common/journal_reader.h"
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

const struct audit_finding *audit_finding(const struct audit *a);
void audit_counts(const struct audit *a, struct audit_counts *ret_c);
/* The device and org that the journal is of; "" before genesis. */
const char *audit_device(const struct audit *a);
const char *audit_org(const struct audit *a);

/* "proof": static. */
const char *audit_word(enum audit_wrong wrong);

#endif
