/*
 * journal_inside.h - the inside of the journal: what its files share.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#ifndef COUNTERSIGN_AGENT_GATE_JOURNAL_INSIDE_H
#define COUNTERSIGN_AGENT_GATE_JOURNAL_INSIDE_H

#include "agent/gate/journal.h"

#include "agent/gate/tiles.h"
#include "common/gzip.h"
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

/* Looked at, compressed or compared in one step. */
#define JOURNAL_STEP ((size_t)128 << 10)
/* Compressed segments that are read at the same time. */
#define JOURNAL_STREAMS 3

struct journal_segment {
	uint64_t first;		/* index of its first record */
	uint64_t bytes;		/* on disk: of whole, synced entries if plain */
	bool gzip;		/* compressed */
};

/* A file that is one segment, plain or compressed, read from its beginning. */
struct journal_file {
	struct journal_reader *reader;	/* NULL: closed */
	int fd;
	uint64_t first;
	uint64_t at;		/* what is read next */
	bool begun;
};

/* A compressed segment that somebody reads. */
struct journal_stream {
	struct journal_file file;
	uint64_t next;		/* index of the entry that it gives next */
	uint64_t used;		/* when: a count of reads */
};

/* A segment that is compared with the tiles. */
struct journal_compare {
	struct journal_file file;
	uint64_t next, end;	/* indexes */
	uint64_t tile_n;	/* what tile holds, if has_tile */
	bool has_tile;
	struct sha256 tile[TILE_WIDTH];
};

/* A segment that is being compressed, then compared. */
struct journal_pack {
	bool on;
	uint64_t first, end;	/* indexes */
	uint64_t size, in_at, out_at;	/* bytes */
	int in, out;
	struct gzip_writer *writer;	/* NULL: it is being compared */
	struct journal_compare compare;
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
	struct buf leaves;	/* and their hashes in the tree */
	int failed;		/* a sync failed: the error, for ever */
	struct tiles *tiles;
	struct journal_stream streams[JOURNAL_STREAMS];
	uint64_t reads;		/* of streams */
	struct journal_cursor last_read;	/* behind what was read last */

	bool tampered;		/* and the next two say how */
	uint64_t fault_index;
	char fault[160];
	uint64_t checked;	/* what is sealed is good so far: an index */
	uint64_t tiles_checked[TILE_LEVELS];	/* full tiles of each level */
	struct journal_compare compare;
	struct journal_pack pack;
};

/* For tests: small segments. */
void journal_set_segment(struct journal *j, uint64_t bytes, uint64_t records);

struct journal_segment *journal_last(struct journal *j);
/* The number of the segment that a record is in, or will be. */
size_t journal_segment_of(const struct journal *j, uint64_t index);
/* Notes a segment in memory. ERR_NOMEM. */
MUST_CHECK int journal_add_segment(struct journal *j, uint64_t first,
    uint64_t bytes, bool gzip);
/* The name of a segment's file. */
void journal_file_name(const struct journal_segment *s,
    char ret_name[JOURNAL_GZIP_NAME_SIZE]);
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

/* ---- journal_read.c ---- */

/*
 * Opens the file of that name as the segment that begins with that index; the
 * reader reads on in it. It must not move in memory. ERR_CORRUPT: not there.
 */
MUST_CHECK int journal_file_open(struct journal_file *f, int dir,
    const char *name, uint64_t first);
/* Closed is fine, and so is all zeros but for fd -1. */
void journal_file_close(struct journal_file *f);
/* Closes what reads that segment: it goes, or becomes another file. */
void journal_forget(struct journal *j, uint64_t first);

/* ---- journal_check.c ---- */

/* Notes what was tampered with. Gives ERR_CORRUPT. */
int journal_note_fault(struct journal *j, uint64_t index, const char *why);
/* Begins to compare a segment's file with the tiles. */
MUST_CHECK int journal_compare_begin(struct journal *j,
    struct journal_compare *c, const char *name, uint64_t first, uint64_t end);
/*
 * Compares JOURNAL_STEP of it: 1 there is more, 0 all is equal, ERR_CORRUPT
 * it is not: *ret_why says what, c->next where.
 */
MUST_CHECK int journal_compare_step(struct journal *j,
    struct journal_compare *c, const char **ret_why);
void journal_compare_end(struct journal_compare *c);

/* ---- journal_archive.c ---- */

/* Stops compressing, for now. */
void journal_pack_stop(struct journal *j);

#endif
