/*
 * tar.c - headers of a tar archive (POSIX.1-1988 ustar).
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve, export).
 */
#include "console/tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Where the fields stand in the header. */
enum {
	AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124,
	AT_MTIME = 136, AT_SUM = 148, AT_TYPE = 156, AT_MAGIC = 257,
	AT_UNAME = 265, AT_GNAME = 297
};

static const uint8_t zeros[TAR_BLOCK];

void
tar_put_header(struct buf *b, const char *name, uint64_t size, int64_t mtime)
{
	char h[TAR_BLOCK + 1] = "";
	unsigned sum = 0;
	size_t i;

	if (strlen(name) > TAR_NAME_MAX || size > TAR_SIZE_MAX) {
		b->err = b->err != 0 ? b->err : ERR_TOO_LARGE;
		return;
	}
	memcpy(h + AT_NAME, name, strlen(name));
	(void)snprintf(h + AT_MODE, 8, "%07o", 0600);
	(void)snprintf(h + AT_UID, 8, "%07o", 0);
	(void)snprintf(h + AT_GID, 8, "%07o", 0);
	(void)snprintf(h + AT_SIZE, 12, "%011" PRIo64, size);
	(void)snprintf(h + AT_MTIME, 12, "%011" PRIo64,
	    mtime < 0 ? (uint64_t)0 : (uint64_t)mtime & TAR_SIZE_MAX);
	h[AT_TYPE] = '0';
	memcpy(h + AT_MAGIC, "ustar\00000", 8);
	memcpy(h + AT_UNAME, "root", 4);
	memcpy(h + AT_GNAME, "root", 4);
	/* The sum is taken with spaces in its own place. */
	memset(h + AT_SUM, ' ', 8);
	for (i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + AT_SUM, 8, "%06o", sum);
	buf_put(b, h, TAR_BLOCK);
}

void
tar_put_padding(struct buf *b, uint64_t size)
{
	size_t over = (size_t)(size % TAR_BLOCK);

	if (over > 0)
		buf_put(b, zeros, TAR_BLOCK - over);
}

void
tar_put_file(struct buf *b, const char *name, struct bytes content,
    int64_t mtime)
{
	tar_put_header(b, name, content.n, mtime);
	buf_put_bytes(b, content);
	tar_put_padding(b, content.n);
}

void
tar_put_end(struct buf *b)
{
	buf_put(b, zeros, TAR_BLOCK);
	buf_put(b, zeros, TAR_BLOCK);
}
