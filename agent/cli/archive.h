/*
 * archive.h - a journal with its blobs, in a folder or in an export.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 *
 * The same names in both: journal/<index>.seg (or .seg.gz), blobs/<hex>,
 * transcripts/<hex>, tiles/<level>, checkpoint, cosig/<key id>.
 * An export is an uncompressed tar (POSIX ustar), of which only the places of
 * its members are held in memory.
 */
#ifndef COUNTERSIGN_AGENT_CLI_ARCHIVE_H
#define COUNTERSIGN_AGENT_CLI_ARCHIVE_H

#include "common/digest.h"
#include "common/journal_reader.h"

struct archive;

/* ERR_NOT_FOUND, ERR_SYNTAX (no tar), ERR_CORRUPT (a tar that is damaged),
 * ERR_NOMEM, ERR_IO. archive_close() it. */
MUST_CHECK int archive_open(const char *path, struct archive **ret_a);
/* NULL is fine. */
void archive_close(struct archive *a);

/* The index of its first record: not 0 where the oldest were pruned; and of the
 * first in its last segment, which is not sealed yet. */
uint64_t archive_first(const struct archive *a);
uint64_t archive_sealed(const struct archive *a);

/* Its segments from the first, for journal_reader_new(); once at a time. */
void archive_journal(struct archive *a, struct journal_source *ret_s);

/*
 * Appends the file of that name ("checkpoint", "cosig/0a1b2c3d") of at most cap
 * bytes. ERR_NOT_FOUND; ERR_TOO_LARGE; the buffer's and the system's errors.
 */
MUST_CHECK int archive_read(struct archive *a, const char *name, size_t cap,
    struct buf *ret_b);
/* Calls fn for each file right below that folder ("cosig"), in the order of
 * their names, without the folder's, until it returns something else than 0,
 * which is then the result. A folder that is not there has none. */
typedef int archive_list_fn(void *arg, const char *name);
MUST_CHECK int archive_list(struct archive *a, const char *folder,
    archive_list_fn *fn, void *arg);

/* Appends a blob. ERR_NOT_FOUND; the buffer's and the system's errors. */
int archive_blob(void *archive, const struct sha256 *name, struct buf *ret_b);

/* A file to read from here and there. All zeros but fd -1 is a closed one. */
struct archive_file {
	int fd;
	bool is_own;
	uint64_t at, size;	/* in fd; the size is UINT64_MAX in a folder */
};

MUST_CHECK int archive_file_open(struct archive *a, const char *name,
    struct archive_file *ret_f);
/* *ret_n is less than n where the file ends. */
MUST_CHECK int archive_file_read(const struct archive_file *f, uint64_t at,
    void *p, size_t n, size_t *ret_n);
/* Idempotent. */
void archive_file_close(struct archive_file *f);

/*
 * The hash and size of a card's transcript. ERR_NOT_FOUND: it is not there,
 * which after a week it need not be.
 */
MUST_CHECK int archive_transcript(struct archive *a,
    const struct sha256 *card, struct sha256 *ret_hash, uint64_t *ret_size);

#endif
