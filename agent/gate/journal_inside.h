/*
 * journal_inside.h - the inside of the journal: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_JOURNAL_INSIDE_H
#define COUNTERSIGN_AGENT_GATE_JOURNAL_INSIDE_H

#include "agent/gate/journal.h"

#include "common/journal_reader.h"

#define JOURNAL_TORN_FILE "torn"
/* What one sync writes at most, and so the most that a crash can tear. */
#define JOURNAL_TORN_CAP ((size_t)64 << 20)
/* Read at once for one record. */
#define JOURNAL_PIECE 4096u
/* A place is noted for every so many records of the last segment. */
#define JOURNAL_MARK_EACH 256
/* Memory of pending records that is kept between two turns. */
#define JOURNAL_KEEP (256u * 1024u)

struct journal_segment {
	uint64_t first;		/* index of its first record */
	uint64_t bytes;		/* of whole, synced entries */
};

struct journal {
	int dir, lock;
	int fd;			/* the last segment, to append */
	int read_fd;		/* another one, to read; -1 none */
	uint64_t read_segment;	/* its first index */
	struct journal_segment *segments;
	size_t n_segments;
	/* Where in the last segment every 256th of its records stands. */
	uint64_t *marks;
	size_t n_marks, marks_size;
	/* When a segment is full: the constants, but for tests. */
	uint64_t segment_bytes, segment_records;
	uint64_t next, synced;
	uint64_t no_room_at;	/* no new segment at that index: disk full */
	uint64_t reserved;	/* of the last segment: space is taken so far */
	bool has_reserve;
	struct buf pending;	/* entries that the next sync writes */
	int failed;		/* a sync failed: the error, for ever */
};

/* For tests: small segments. */
void journal_set_segment(struct journal *j, uint64_t bytes, uint64_t records);

struct journal_segment *journal_last(struct journal *j);
/* The number of the segment that a record is in, or will be. */
size_t journal_segment_of(const struct journal *j, uint64_t index);
/* Notes a segment in memory. ERR_NOMEM. */
MUST_CHECK int journal_add_segment(struct journal *j, uint64_t first,
    uint64_t bytes);
/* Notes where a record of the last segment stands, if it is a 256th of it.
 * ERR_NOMEM. */
MUST_CHECK int journal_mark(struct journal *j, uint64_t index,
    uint64_t offset);
/*
 * Takes disk space up to that offset of the last segment; where the file system
 * cannot, its free space is looked at instead. ERR_NO_SPACE, ERR_IO.
 */
MUST_CHECK int journal_take_room(struct journal *j, uint64_t until);
/* Makes the file of a new last segment, with its reserve. file.h's errors. */
MUST_CHECK int journal_begin_segment(struct journal *j, uint64_t first);

#endif
