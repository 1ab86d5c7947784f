/*
 * gzip.h - compressing to and from the gzip format, a piece at a time.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * The only user of zlib. RFC 1952: one member, no name and no time in it, so
 * that the same bytes give the same file; nothing may follow its end. Memory is
 * some 270 KiB to compress and 45 KiB to decompress, however long the data.
 */
#ifndef COUNTERSIGN_COMMON_GZIP_H
#define COUNTERSIGN_COMMON_GZIP_H

#include "common/bytes.h"

/* ---- compressing ---- */

struct gzip_writer;

/* Most bytes of a note, which a file may have in its header. */
#define GZIP_NOTE_MAX 32

/* note: what gzip_note() shall find, or nothing. ERR_NOMEM; ERR_TOO_LARGE. */
MUST_CHECK int gzip_writer_new(struct bytes note, struct gzip_writer **ret_w);
/* NULL is fine. */
void gzip_writer_free(struct gzip_writer *w);
/*
 * Takes all of in and appends to out what comes of it, which is little or
 * nothing for a while; with last, all that is left and the end of the file;
 * after that it may only be freed. The buffer's errors.
 */
MUST_CHECK int gzip_write(struct gzip_writer *w, struct bytes in, bool last,
    struct buf *out);

/* ---- decompressing ---- */

struct gzip_reader;

/* cap: the most that it may decompress to; see gzip_read(). ERR_NOMEM. */
MUST_CHECK int gzip_reader_new(uint64_t cap, struct gzip_reader **ret_r);
/* NULL is fine. */
void gzip_reader_free(struct gzip_reader *r);
/*
 * Takes bytes from the front of *in (which moves on) and gives up to n: 0 with
 * *ret_n bytes, none only where *in is used up; 1 with the last of them: the
 * end of the file was there, with the right checksum and length.
 *   ERR_CORRUPT    not of the format, or another checksum or length
 *   ERR_TOO_LARGE  more than cap comes of it
 *   ERR_NOMEM
 * An error stays. After the end it takes nothing: what is left in *in stands
 * behind the file, where nothing may.
 */
MUST_CHECK int gzip_read(struct gzip_reader *r, struct bytes *in, void *ret_p,
    size_t n, size_t *ret_n);
/* Whether the end was there. */
bool gzip_reader_is_done(const struct gzip_reader *r);

/* Bytes that a file with the longest note begins with. */
#define GZIP_BEGIN_MAX (16 + GZIP_NOTE_MAX)

/*
 * The note of a file that begins so: the subfield "CS" of the header's extra
 * field (RFC 1952 2.3.1.1). Nobody vouches for it. False if there is none, or
 * if anything of the header is not as gzip_writer_new() has it.
 */
bool gzip_note(struct bytes begin, struct bytes *ret_note);
/* Whether a file that begins so has an extra field. */
bool gzip_has_extra(struct bytes begin);
/* Whether a file that begins so is compressed: ID1, ID2 and CM of RFC 1952. */
bool gzip_is(struct bytes begin);

#endif
