/*
 * journal.h - the journal on disk: append, one sync, read again, recover, and
 * the tree over it.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 *
 * Folder `journal` of the state folder: segment files of entries (entry.h),
 * named by their first index, `lock`, and for a while `torn`, the bytes that a
 * recovery cut off. Folder `tiles`: the hashes of the tree (tiles.h). Memory
 * does not grow with the number of records, but for 32 bytes a segment and 16
 * for each 256 records of the last one.
 *
 * A segment is sealed when the next one begins: its bytes never change again
 * and its hashes are in the tiles. Every segment but the one that begins with
 * record 0 has a record at its beginning with all that a start needs (`state`);
 * the host sees to it (journal_wants_state()), the journal reads no record. So
 * a start folds the last segment only. What is in the others it compares with
 * the tiles a piece at a time, while nothing else is to be done
 * (journal_check_step()).
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
/* A segment is full once it has this many bytes, at a multiple of 256. */
#define JOURNAL_SEGMENT (UINT64_C(8) << 20)
#define JOURNAL_SEGMENT_RECORDS 256

struct journal;
struct merkle_source;

/* What the checkpoint says: the root over the first `size` records. */
struct journal_seal {
	uint64_t size;
	struct sha256 root;
};

/* What a start found. */
struct journal_start {
	uint64_t records;	/* whole ones: the next index */
	/*
	 * The first index that is there. Above 0 what came before was pruned,
	 * or somebody took it: what the records say of it decides.
	 */
	uint64_t first;
	uint64_t folded;	/* the first index that fold was given */
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
	/* With ERR_CORRUPT: what there is, is whole, but less than the
	 * checkpoint covers: the disk was put back, or the end was cut. */
	bool rolled_back;
};

/* Takes one record of the replay. Its error ends the opening. */
typedef int journal_fold_fn(void *arg, uint64_t index, struct bytes payload);

/*
 * Opens the journal in the state folder (its descriptor), making it if there
 * is none, locks it, and gives the records of the last segment that has any to
 * fold, in order: the first of them is a `state`, or record 0. A torn end is
 * cut off and kept in `torn`; fold sees no part of it.
 *
 * seal: what the checkpoint covers, NULL if there is none. A torn end below it
 * is tampering, and so is another root, or an end before it.
 *   ERR_CORRUPT     tampering: nothing was changed; *ret_start says where. Also
 *                   what fold refused with ERR_CORRUPT (its own words)
 *   ERR_EXISTS      another agent has it
 *   ERR_PERMISSION  folder or file is not ours alone
 *   ERR_NO_SPACE    not even the reserve
 *   ERR_NOMEM, ERR_IO, fold's errors
 * On failure *ret_start is filled in too, *ret_j is not.
 */
MUST_CHECK int journal_open(int state_dir, const struct journal_seal *seal,
    journal_fold_fn *fold, void *arg, struct journal **ret_j,
    struct journal_start *ret_start);
/* Does not sync: what was appended since the last sync is dropped. NULL is
 * fine. */
void journal_close(struct journal *j);

/* ---- appending ---- */

/*
 * Whether the last segment is full (or the last one is new and empty, after a
 * crash): ask before each append. If so, call journal_rotate(), and if that
 * gives 0, append `state` and what else a segment begins with, then the record
 * that was to come. Stays true until that first record is appended; after
 * ERR_NO_SPACE it is false until the next multiple of 256.
 */
bool journal_wants_state(const struct journal *j);
/*
 * Syncs what was appended, seals the last segment and makes the next one.
 * ERR_NO_SPACE: nothing has happened but the sync, the old one goes on. Any
 * other error is final, as journal_sync()'s. Where the last segment is new and
 * empty it is no work.
 */
MUST_CHECK int journal_rotate(struct journal *j);

/*
 * Adds a record to what the next sync writes. must: it may use the reserve.
 * ERR_NO_SPACE: the disk is full, nothing happened. ERR_TOO_LARGE over
 * CAP_RECORD, ERR_NOMEM. After a failed sync, that error for ever.
 */
MUST_CHECK int journal_append(struct journal *j, struct bytes payload,
    bool must, uint64_t *ret_index);

/*
 * Writes and syncs all that was appended: one sync, however many records. Any
 * error is final: the agent must end, and start again into recovery. Nothing to
 * write is no work.
 */
MUST_CHECK int journal_sync(struct journal *j);

/* The index that the next record gets; and how many are on disk for sure. */
uint64_t journal_next(const struct journal *j);
uint64_t journal_synced(const struct journal *j);
/* The first index that was not pruned. */
uint64_t journal_first(const struct journal *j);
/* Bytes on disk of all segments. */
uint64_t journal_bytes(const struct journal *j);
/* Whether the file system could take the reserve (`status` says if not). */
bool journal_has_reserve(const struct journal *j);

/* `recovered` is synced: the bytes in `torn` are not needed any more. */
MUST_CHECK int journal_recovered(struct journal *j);

/* ---- reading ---- */

/*
 * A place in the journal to read from. The fields are the journal's. All zeros
 * is record 0; it needs no closing.
 */
struct journal_cursor {
	uint64_t index;
	uint64_t segment;	/* first index of its segment, */
	uint64_t offset;	/* and where it stands in it, */
	bool placed;		/* if these two are known */
};

/* Sets the cursor to that record, which need not be there yet. */
void journal_seek(struct journal_cursor *c, uint64_t index);
/*
 * The next synced record: 1, *ret_e with a payload in *b, which is emptied
 * first; 0 when there is none yet. ERR_NOT_FOUND: it was pruned (what is there
 * begins at journal_first()). ERR_CORRUPT (the file changed under us), ERR_IO,
 * ERR_NOMEM; the buffer's cap must be at least ENTRY_MAX.
 */
MUST_CHECK int journal_read(struct journal *j, struct journal_cursor *c,
    struct buf *b, struct entry *ret_e);
/* The first index of the first segment that begins after that index (its
 * record is a `state`). False if there is none. */
bool journal_segment_after(const struct journal *j, uint64_t index,
    uint64_t *ret_first);

/* ---- the tree (RFC 6962, merkle.h) over the payloads ---- */

/*
 * A source for merkle_prove_inclusion() and its like, for any size up to
 * journal_synced(), over pruned records too. Valid as long as j. Its errors:
 * ERR_RANGE beyond what is synced, ERR_CORRUPT (the file changed under us),
 * ERR_IO.
 */
void journal_tree(struct journal *j, struct merkle_source *ret_source);
/* Puts the tree's last hashes beside it for who looks on: tiles_show(). */
void journal_show(struct journal *j);
/* The root over the first size records. The source's errors. */
MUST_CHECK int journal_root(struct journal *j, uint64_t size,
    struct sha256 *ret_root);

/* ---- what is done when there is nothing else to do ---- */

/*
 * Compares some 128 KiB of what is sealed with the tiles: 1 there is more to
 * do, 0 everything sealed so far was looked at (again 1 once another segment is
 * sealed), ERR_CORRUPT: tampering, journal_fault() says where, and every later
 * call says it again; the agent locks itself down. ERR_IO, ERR_NOMEM.
 */
MUST_CHECK int journal_check_step(struct journal *j);
/* After ERR_CORRUPT of journal_check_step() or journal_read(): the record, and
 * in words what is wrong. */
const char *journal_fault(const struct journal *j, uint64_t *ret_index);
/*
 * Compresses some 128 KiB of a segment that journal_check_step() has looked at
 * and that lies below `covered`, the size of a cosigned checkpoint:
 * <name>.seg.gz takes the place of <name>.seg. 1 there is more to do, 0 there
 * is not. ERR_NO_SPACE, ERR_IO, ERR_NOMEM: not final, it may be tried again
 * later; after ERR_IO journal_check_step() may look at that segment once more.
 * ERR_CORRUPT: journal_check_step() said so.
 */
MUST_CHECK int journal_compress_step(struct journal *j, uint64_t covered);
/*
 * Removes the oldest segments, as far as all of their records are before that
 * index; never the last one. The tiles stay, and with them every proof.
 * ERR_IO: some may be gone. ERR_CORRUPT: something was found to be tampered
 * with, and all is kept.
 */
MUST_CHECK int journal_prune(struct journal *j, uint64_t before);

#endif
