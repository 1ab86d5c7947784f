/*
 * journal_inside.h - the inside of the journal: what its two files share.
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
/* Memory of pending records that is kept between two turns. */
#define JOURNAL_KEEP (256u * 1024u)

struct journal_segment {
	uint64_t first;		/* index of its first record */
	uint64_t bytes;		/* of whole, synced entries */
};

/* Where every 256th record stands. */
struct journal_mark {
	uint64_t offset;
	uint32_t segment;
};

struct journal {
	int dir, lock;
	int fd;			/* the last segment, to append */
	int read_fd;		/* another one, to read; -1 none */
	size_t read_segment;
	struct journal_segment *segments;
	size_t n_segments;
	struct journal_mark *marks;
	size_t n_marks, marks_size;
	uint64_t next, synced;
	uint64_t reserved;	/* of the last segment: space is taken so far */
	bool has_reserve;
	struct buf pending;	/* entries that the next sync writes */
	int failed;		/* a sync failed: the error, for ever */
};

struct journal_segment *journal_last(struct journal *j);
/* Notes a segment in memory. ERR_NOMEM. */
MUST_CHECK int journal_add_segment(struct journal *j, uint64_t first,
    uint64_t bytes);
/* Notes where a record stands, if it is a 256th. ERR_NOMEM. */
MUST_CHECK int journal_mark(struct journal *j, uint64_t index,
    size_t segment, uint64_t offset);
/*
 * Takes disk space up to that offset of the last segment; where the file system
 * cannot, its free space is looked at instead. ERR_NO_SPACE, ERR_IO.
 */
MUST_CHECK int journal_take_room(struct journal *j, uint64_t until);
/* Makes the file of a new last segment, with its reserve. file.h's errors. */
MUST_CHECK int journal_begin_segment(struct journal *j, uint64_t first);

#endif
