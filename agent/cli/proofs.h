/*
 * proofs.h - evidence in other people's formats, file by file, in a folder.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 *	README			how to verify all of it with stock programs
 *	log.vkey		the device's key, as C2SP's notes have it
 *	checkpoint		the newest note, and witnesses/<id> those that a
 *				witness cosigned
 *	records/N.json		the bytes of record N
 *	records/N.tlog-proof	its place in the tree (C2SP tlog-proof)
 *	approvals/N.sig		an approval as an SSHSIG, N.msg what it signs
 *	allowed_signers		the people's keys, for ssh-keygen -Y verify
 *	commands		one verifying command a line
 */
#ifndef COUNTERSIGN_AGENT_CLI_PROOFS_H
#define COUNTERSIGN_AGENT_CLI_PROOFS_H

#include "agent/cli/archive.h"

#include "common/record.h"

struct proofs;

/* Which records get files. */
struct proofs_choice {
	bool one;		/* only the record `index` */
	uint64_t index;
	bool of_card;		/* only those that are about `card` */
	struct sha256 card;
};

/* Whether the record of that index is among them. */
bool proofs_is_chosen(const struct proofs_choice *c, uint64_t index,
    const struct record *rec);

/* Begins in a folder, which is made and must be empty. ERR_EXISTS it is not;
 * ERR_NOMEM, the system's errors. */
MUST_CHECK int proofs_new(struct archive *a, const char *folder,
    const struct proofs_choice *choice, struct proofs **ret_p);
void proofs_free(struct proofs *p);	/* NULL is fine */

/* The next record, in order, verified before. The archive's and the system's
 * errors, ERR_NOMEM. */
MUST_CHECK int proofs_record(struct proofs *p, uint64_t index,
    const struct record *rec, struct bytes payload);

/* What was written. */
struct proofs_counts {
	uint64_t records, approvals;
	uint64_t uncovered;	/* that no checkpoint covers: no place in it */
	uint64_t unwrapped;	/* approvals that OpenSSH has no form for */
	uint64_t size;		/* of the checkpoint */
};

/* After the last record: the places in the tree, the notes, the lists. As
 * above; ERR_CORRUPT the checkpoint is not over these records. */
MUST_CHECK int proofs_end(struct proofs *p, struct proofs_counts *ret_c);

#endif
