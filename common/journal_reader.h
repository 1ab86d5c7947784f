/*
 * journal_reader.h - going through a journal, segment by segment, entry by
 * entry, and telling a torn end from tampering.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli.
 *
 * Pure: bytes come through callbacks, from files, an archive or a test. It
 * holds one entry and some 128 KiB (80 more for a compressed segment, which it
 * knows by its first bytes), however long the journal is. The gate's
 * start and `countersign audit verify` read with the same code.
 */
#ifndef COUNTERSIGN_COMMON_JOURNAL_READER_H
#define COUNTERSIGN_COMMON_JOURNAL_READER_H

#include "common/entry.h"

/* A segment file's name: 16 hex digits of its first index, ".seg", a NUL. */
#define JOURNAL_NAME_SIZE 21
/* The same with ".gz" behind: a compressed one. */
#define JOURNAL_GZIP_NAME_SIZE 24
/*
 * More than a segment ever grows to: 8 MiB, what one sync writes, and 256
 * records; on a full disk the reserve. No more comes of a compressed one.
 */
#define JOURNAL_SEGMENT_MAX (UINT64_C(128) << 20)

void journal_name(uint64_t first, char ret_name[JOURNAL_NAME_SIZE]);
/* ERR_SYNTAX for any other name. */
MUST_CHECK int journal_name_parse(const char *name, uint64_t *ret_first);
/* The same for the name of a compressed one. */
void journal_gzip_name(uint64_t first, char ret_name[JOURNAL_GZIP_NAME_SIZE]);
MUST_CHECK int journal_gzip_name_parse(const char *name, uint64_t *ret_first);

/* Where the bytes come from. Errors are passed on as they are. */
struct journal_source {
	void *arg;
	/*
	 * Steps to the next segment, in ascending order of names: 1 and the
	 * index in its name, 0 after the last. Of one that is there both
	 * plain and compressed only the plain one: a crash came before it was
	 * removed. ERR_CORRUPT with the index: what has the name is no file;
	 * that is no torn write.
	 */
	int (*segment)(void *arg, uint64_t *ret_first);
	/* Reads on in that segment: up to n bytes as they are on disk,
	 * compressed or not; *ret_n is 0 at its end. */
	int (*read)(void *arg, void *ret_p, size_t n, size_t *ret_n);
};

/* What stopped the reader before the end. */
enum journal_end {
	JOURNAL_WHOLE,		/* nothing did */
	/* The rest is not an entry, and no valid one of this or a later index
	 * follows: a write that a crash cut short. */
	JOURNAL_TORN,
	JOURNAL_TAMPERED
};

struct journal_fault {
	enum journal_end end;
	uint64_t index;		/* of the entry that is missing or bad */
	uint64_t segment;	/* first index of the segment it is in */
	uint64_t offset;	/* where in that segment */
	uint64_t bytes;		/* JOURNAL_TORN: from there on, all segments */
	/*
	 * With JOURNAL_TAMPERED: a sector of what is bad is all zeros and what
	 * follows is in the last segment. One write of many records leaves
	 * that, too, when a crash comes while its sectors are on their way, so
	 * above the checkpoint it need not be somebody's hand. bytes counts
	 * all from there on.
	 */
	bool hole;
	const char *what;	/* static, for people: "it is cut short", … */
};

struct journal_reader;

/* source is copied. ERR_NOMEM. */
MUST_CHECK int journal_reader_new(const struct journal_source *source,
    struct journal_reader **ret_r);
/* Before anything is read: the first entry's index, which is 0 otherwise. */
void journal_reader_begin_at(struct journal_reader *r, uint64_t index);
/* NULL is fine. */
void journal_reader_free(struct journal_reader *r);
/*
 * The next entry: 1 and the entry, whose payload is valid until the next call;
 * 0 after the last one of a journal that is whole; ERR_CORRUPT once the rest is
 * not (and ever after): journal_reader_fault() says how; the source's errors.
 */
MUST_CHECK int journal_reader_next(struct journal_reader *r,
    struct entry *ret_e);
/* Where the entry that was given last stands: its segment and offset. */
void journal_reader_where(const struct journal_reader *r,
    uint64_t *ret_segment, uint64_t *ret_offset);
/*
 * After ERR_CORRUPT: reads all that is left, and decides. The source's errors.
 */
MUST_CHECK int journal_reader_fault(struct journal_reader *r,
    struct journal_fault *ret_f);

#endif
