/*
 * journal.h - the journal on disk: append, one sync, read again, recover.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Folder `journal` of the state folder: segment files of entries (entry.h),
 * named by their first index, `lock`, and for a while `torn`, the bytes that a
 * recovery cut off. Memory does not grow with the number of records, but for
 * 16 bytes for each 256 of them.
 *
 * Space for JOURNAL_RESERVE bytes past the end is always taken beforehand, and
 * only records that must not be lost may use it. So on a full disk nothing new
 * begins, and what has begun still gets its end.
 */
#ifndef COUNTERSIGN_AGENT_GATE_JOURNAL_H
#define COUNTERSIGN_AGENT_GATE_JOURNAL_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/entry.h"

/*
 * For what has begun when the disk is full: the `expired` of 10,000 cards are
 * 1.8 MB; results, denials, vetoes and lockdowns have the rest.
 */
#define JOURNAL_RESERVE (UINT64_C(4) << 20)
/* A segment is closed once it has this many bytes, at a multiple of 256. */
#define JOURNAL_SEGMENT (UINT64_C(8) << 20)
#define JOURNAL_SEGMENT_RECORDS 256

struct journal;

/* What a start found. */
struct journal_start {
	uint64_t records;	/* whole ones: the next index */
	/*
	 * A torn end was cut off, now or by a start that did not come to
	 * journal_recovered(): how many bytes and their SHA-256.
	 */
	bool torn;
	uint64_t torn_bytes;
	struct sha256 torn_hash;
	/* With ERR_CORRUPT: where, and what, in words. */
	uint64_t bad_index;
	char why[160];
};

/* Takes one record of the replay. Its error ends the opening. */
typedef int journal_fold_fn(void *arg, uint64_t index, struct bytes payload);

/*
 * Opens the journal in the state folder (its descriptor), making it if there
 * is none, locks it, and gives every record to fold, in order. A torn end is
 * cut off and kept in `torn`; fold sees no part of it. `sealed`: how many
 * records the checkpoint covers; a torn end below is tampering.
 *   ERR_CORRUPT     tampering: nothing was changed; *ret_start says where. Also
 *                   what fold refused with ERR_CORRUPT (its own words)
 *   ERR_EXISTS      another agent has it
 *   ERR_PERMISSION  folder or file is not ours alone
 *   ERR_NO_SPACE    not even the reserve
 *   ERR_NOMEM, ERR_IO, fold's errors
 * On failure *ret_start is filled in too, *ret_j is not.
 */
MUST_CHECK int journal_open(int state_dir, uint64_t sealed,
    journal_fold_fn *fold, void *arg, struct journal **ret_j,
    struct journal_start *ret_start);
/* Does not sync: what was appended since the last sync is dropped. NULL is
 * fine. */
void journal_close(struct journal *j);

/*
 * Adds a record to what the next sync writes. must: it may use the reserve.
 * ERR_NO_SPACE: the disk is full, nothing happened. ERR_TOO_LARGE over
 * CAP_RECORD, ERR_NOMEM. After a failed sync, that error for ever.
 */
MUST_CHECK int journal_append(struct journal *j, struct bytes payload,
    bool must, uint64_t *ret_index);

/*
 * Writes and syncs all that was appended: one sync, however many records (two
 * and one of the folder where a new segment begins). Any error is final: the
 * agent must end, and start again into recovery. Nothing to write is no work.
 */
MUST_CHECK int journal_sync(struct journal *j);

/* The index that the next record gets; and how many are on disk for sure. */
uint64_t journal_next(const struct journal *j);
uint64_t journal_synced(const struct journal *j);
/* Bytes of all segments. */
uint64_t journal_bytes(const struct journal *j);
/* Whether the file system could take the reserve (`status` says if not). */
bool journal_has_reserve(const struct journal *j);

/* `recovered` is synced: the bytes in `torn` are not needed any more. */
MUST_CHECK int journal_recovered(struct journal *j);

/*
 * A place in the journal to read from. The fields are journal.c's. All zeros
 * is the first record; it needs no closing.
 */
struct journal_cursor {
	uint64_t index;
	uint64_t offset;	/* of that record, if `segment` is right */
	size_t segment;		/* number, not name; */
	bool placed;		/* segment and offset are known */
};

/* Sets the cursor to that record, which need not be there yet. */
void journal_seek(struct journal_cursor *c, uint64_t index);
/*
 * The next synced record: 1, *ret_e with a payload in *b, which is emptied
 * first; 0 when there is none yet. ERR_CORRUPT (the file changed under us),
 * ERR_IO, ERR_NOMEM; the buffer's cap must be at least ENTRY_MAX.
 */
MUST_CHECK int journal_read(struct journal *j, struct journal_cursor *c,
    struct buf *b, struct entry *ret_e);

#endif
