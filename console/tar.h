/*
 * tar.h - headers of a tar archive (POSIX.1-1988 ustar).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve, export).
 */
#ifndef COUNTERSIGN_CONSOLE_TAR_H
#define COUNTERSIGN_CONSOLE_TAR_H

#include "common/bytes.h"

#define TAR_BLOCK 512
/* Longest name, without a NUL. */
#define TAR_NAME_MAX 100
/* The largest file that a header can state. */
#define TAR_SIZE_MAX ((uint64_t)077777777777)

/*
 * Appends the header of a regular file of mode 0600, owned by root. Failures
 * are the buffer's; ERR_TOO_LARGE for a name or size beyond the above.
 */
void tar_put_header(struct buf *b, const char *name, uint64_t size,
    int64_t mtime);
/* Appends zeros up to the next block after size bytes of content. */
void tar_put_padding(struct buf *b, uint64_t size);
/* Appends a whole file: header, content, padding. */
void tar_put_file(struct buf *b, const char *name, struct bytes content,
    int64_t mtime);
/* Appends the end of the archive: two blocks of zeros. */
void tar_put_end(struct buf *b);

#endif
