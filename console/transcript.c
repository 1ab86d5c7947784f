/*
 * transcript.c - reading a transcript file stream by stream.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What may be left out in one call: some milliseconds of work. */
#define SKIP_MAX ((size_t)1 << 20)

int
transcript_open(struct transcript *t, const struct spool *s,
    const struct store_card *card, const uint64_t *skip)
{
	t->fd = -1;
	t->at = 0;
	t->rest = bytes_of(NULL, 0);
	memset(t->skip, 0, sizeof(t->skip));
	if (skip != NULL)
		memcpy(t->skip, skip, sizeof(t->skip));
	demux_init(&t->demux);
	return spool_path(s, card->device, &card->digest, t->path);
}

void
transcript_close(struct transcript *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
}

/* Fills the buffer: 1, or 0 at the end of what there is. */
static int
fill(struct transcript *t)
{
	struct stat st;
	ssize_t n;

	if (t->fd < 0)
		t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0)
		return errno == ENOENT ? 0 : ERR_IO;
	do
		n = pread(t->fd, t->buffer, sizeof(t->buffer), (off_t)t->at);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (n == 0 && fstat(t->fd, &st) != 0))
		return ERR_IO;
	/* It was not what the device said that it is, and comes anew. */
	if (n == 0 && (uint64_t)st.st_size < t->at)
		return ERR_CORRUPT;
	t->at += (uint64_t)n;
	t->rest = bytes_of(t->buffer, (size_t)n);
	return n > 0;
}

/* Leaves out what is not wanted; false if nothing is left of the piece. */
static bool
cut(const struct transcript *t, struct demux_piece *p)
{
	uint64_t skip = t->skip[p->stream], n;

	if (p->offset >= skip)
		return true;
	n = skip - p->offset;
	if (n >= p->data.n)
		return false;
	p->offset += n;
	p->data = bytes_of(p->data.p + n, p->data.n - (size_t)n);
	return true;
}

int
transcript_next(struct transcript *t, struct demux_piece *ret_piece)
{
	struct demux_piece p;
	size_t skipped = 0;
	int r;

	while (skipped < SKIP_MAX) {
		r = demux_next(&t->demux, &t->rest, &p);
		if (r < 0)
			return ERR_CORRUPT;
		if (r == 1 && cut(t, &p)) {
			*ret_piece = p;
			return 1;
		}
		if (r == 1)
			continue;
		if ((r = fill(t)) <= 0)
			return r;
		skipped += t->rest.n;
	}
	return ERR_AGAIN;
}
