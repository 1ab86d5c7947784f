/*
 * export.c - a device's journal as it was replicated, raw or as an archive.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve, export).
 */
#include "console/export.h"

#include "common/entry.h"
#include "common/wire.h"
#include "console/exportnotes.h"
#include "console/files.h"
#include "console/store/trees.h"
#include "console/tar.h"
#include "console/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Records that are read at once. */
#define ROWS 64
#define CHUNK ((size_t)64 << 10)

enum stage { NOTES, RECORDS, EARLIER, BLOBS, TRANSCRIPTS, TILES, EVIDENCE, END,
	DONE };

struct export {
	struct store *store;
	const char *transcripts;
	struct store_device device;
	bool tar;
	enum stage stage;
	struct buf *out;	/* of the call */
	struct buf notes;	/* members that were made at the beginning */
	uint64_t next, until;	/* records */
	uint64_t base;		/* the first one behind the last gap */
	uint64_t segment_end;	/* of the file that is being written */
	uint64_t written;	/* bytes of that file's content */
	bool any;		/* last is set */
	struct sha256 last;	/* blob or transcript */
	int fd;			/* of the transcript that is being copied */
	uint64_t left;		/* of it */
	unsigned level;		/* of the tree */
	uint64_t tile;		/* the next one of that level */
	struct exportnotes_alarms alarms;
};

void
export_free(struct export *x)
{
	if (x == NULL)
		return;
	if (x->fd >= 0)
		(void)close(x->fd);
	buf_free(&x->notes);
	free(x);
}

/* ---- which records ---- */

/* What is behind the last gap is the journal; at its end there may be another
 * of which nothing has come but hashes. */
static int
look_at_gap(void *ctx, const struct store_gap *g)
{
	struct export *x = ctx;

	if (g->until >= x->device.next)
		x->until = g->first;
	else
		x->base = g->until;
	return 0;
}

/* The first gap that ends after x->next. */
static int
find_gap(void *ctx, const struct store_gap *g)
{
	struct export *x = ctx;

	if (g->until <= x->next)
		return 0;
	if (g->first > x->next) {
		x->segment_end = g->first;
		return ERR_EXISTS;
	}
	x->next = g->until;
	return 0;
}

int
export_new(const struct export_order *o, struct export **ret_x)
{
	struct export *x;
	int err;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return ERR_NOMEM;
	x->store = o->store;
	x->transcripts = o->transcripts;
	x->device = o->device;
	x->tar = o->tar;
	x->stage = o->tar ? NOTES : RECORDS;
	x->fd = -1;
	x->until = o->device.next;
	buf_init(&x->notes, EXPORT_PIECE_MAX);
	err = store_gap_each(o->store, x->device.n, look_at_gap, x);
	x->next = o->tar ? x->base : o->from < x->until ? o->from : x->until;
	x->segment_end = x->next;
	/* Now: a later checkpoint would be of more records than these. */
	if (err == 0 && x->tar)
		err = exportnotes_put(o->store, &x->device, o->self,
		    &x->notes);
	if (err != 0) {
		export_free(x);
		return err;
	}
	*ret_x = x;
	return 0;
}

/* ---- records ---- */

static int
put_entry(void *ctx, const struct store_record *r)
{
	struct export *x = ctx;
	size_t before = x->out->n;

	if (r->index >= x->segment_end)
		return ERR_EXISTS;
	entry_write(x->out, r->index, r->payload);
	x->written += x->out->n - before;
	x->next = r->index + 1;
	return 0;
}

/*
 * The header of the next segment, whose size has to be known. It ends where
 * the device's own did: before a `state` record.
 */
static int
begin_segment(struct export *x, const char *folder)
{
	uint64_t bytes, n, next;
	char name[64];
	int err;

	if (!x->tar)
		return 0;
	err = store_segment_next(x->store, x->device.n, x->next, &next);
	if (err == 0 && next < x->segment_end)
		x->segment_end = next;
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	n = x->segment_end - x->next;
	if ((err = store_record_bytes(x->store, x->device.n, x->next,
	    x->segment_end, &bytes)) != 0)
		return err;
	(void)snprintf(name, sizeof(name), "%s/%016" PRIx64 ".seg", folder,
	    x->next);
	x->written = 0;
	tar_put_header(x->out, name, bytes + n * ENTRY_HEADER,
	    x->device.seen);
	return 0;
}

static int
put_some(struct export *x)
{
	int err = store_record_each(x->store, x->device.n, x->next, ROWS,
	    put_entry, x);

	if (err != 0 && err != ERR_EXISTS)
		return err;
	if (x->tar && x->next == x->segment_end)
		tar_put_padding(x->out, x->written);
	return 0;
}

static int
put_records(struct export *x)
{
	int err;

	if (x->next == x->until) {
		x->stage = x->tar ? EARLIER : DONE;
		x->next = x->segment_end = 0;
		return 0;
	}
	if (x->next >= x->segment_end) {
		x->segment_end = x->until;
		if ((err = begin_segment(x, "journal")) != 0)
			return err;
	}
	return put_some(x);
}

/* What there is of before a gap is no part of a journal that reads. */
static int
put_earlier(struct export *x)
{
	int err;

	if (x->next >= x->segment_end) {
		x->segment_end = x->base;
		err = store_gap_each(x->store, x->device.n, find_gap, x);
		if (err != 0 && err != ERR_EXISTS)
			return err;
		if (x->next >= x->base) {
			x->stage = BLOBS;
			return 0;
		}
		if ((err = begin_segment(x, "earlier")) != 0)
			return err;
	}
	return put_some(x);
}

/* ---- blobs and transcripts ---- */

static int
put_blob(struct export *x)
{
	char name[96], hex[2 * SHA256_SIZE + 1];
	struct sha256 hash;
	struct buf content;
	int err;

	buf_init(&content, EXPORT_PIECE_MAX / 2);
	err = store_blob_next(x->store, x->device.n, x->any ? &x->last : NULL,
	    &hash, &content);
	if (err == 0) {
		hex_encode(bytes_of(hash.b, SHA256_SIZE), hex);
		(void)snprintf(name, sizeof(name), "blobs/%s", hex);
		tar_put_file(x->out, name, buf_bytes(&content),
		    x->device.seen);
		x->last = hash;
		x->any = true;
	}
	buf_free(&content);
	if (err != ERR_NOT_FOUND)
		return err;
	x->stage = TRANSCRIPTS;
	x->any = false;
	return 0;
}

/* Copies on; a file that shrank is filled up: its hash will tell. */
static int
copy_transcript(struct export *x)
{
	size_t want = x->left < CHUNK ? (size_t)x->left : CHUNK;
	uint8_t *p = buf_reserve(x->out, want);
	ssize_t n;

	if (p == NULL)
		return ERR_NOMEM;
	do
		n = read(x->fd, p, want);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ERR_IO;
	if (n == 0) {
		memset(p, 0, want);
		n = (ssize_t)want;
	}
	buf_commit(x->out, (size_t)n);
	x->left -= (uint64_t)n;
	x->written += (uint64_t)n;
	if (x->left > 0)
		return 0;
	tar_put_padding(x->out, x->written);
	(void)close(x->fd);
	x->fd = -1;
	return 0;
}

static int
open_transcript(struct export *x, const struct sha256 *card)
{
	char path[FILES_PATH_SIZE], name[96], hex[2 * SHA256_SIZE + 1];
	struct stat st;
	int n;

	hex_encode(bytes_of(card->b, SHA256_SIZE), hex);
	n = snprintf(path, sizeof(path), "%s/%s/%s", x->transcripts,
	    x->device.id, hex);
	if (n < 0 || (size_t)n >= sizeof(path))
		return ERR_TOO_LARGE;
	x->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (x->fd < 0)
		return errno == ENOENT ? 0 : ERR_IO;
	if (fstat(x->fd, &st) != 0 || st.st_size == 0) {
		(void)close(x->fd);
		x->fd = -1;
		return 0;
	}
	(void)snprintf(name, sizeof(name), "transcripts/%s", hex);
	x->left = (uint64_t)st.st_size;
	x->written = 0;
	tar_put_header(x->out, name, x->left, st.st_mtime);
	return 0;
}

static int
put_transcript(struct export *x)
{
	struct store_output o;
	int err;

	if (x->fd >= 0)
		return copy_transcript(x);
	err = store_output_next(x->store, x->device.id,
	    x->any ? &x->last : NULL, &o);
	if (err == ERR_NOT_FOUND) {
		x->stage = TILES;
		return 0;
	}
	if (err != 0)
		return err;
	x->last = o.card;
	x->any = true;
	return open_transcript(x, &o.card);
}

/* ---- tiles ---- */

/* Row `level` of the tree's hashes, as the device keeps it: tile by tile. */
static int
put_tile(struct export *x)
{
	uint64_t hashes = x->until >> (8 * x->level), left;
	size_t before = x->out->n;
	char name[32];
	int err;

	if (hashes == 0 || x->level == STORE_TILE_LEVELS ||
	    x->device.tree < x->until) {
		x->stage = EVIDENCE;
		return 0;
	}
	if (x->tile == 0) {
		(void)snprintf(name, sizeof(name), "tiles/%u", x->level);
		tar_put_header(x->out, name, hashes * SHA256_SIZE,
		    x->device.seen);
		before = x->out->n;
	}
	err = store_tile_get(x->store, x->device.n, x->level, x->tile, x->out);
	if (err != 0)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	left = (hashes - x->tile * TREE_WIDTH) * SHA256_SIZE;
	if (x->out->n - before > left)
		x->out->n = before + (size_t)left;
	x->tile++;
	if (x->tile * TREE_WIDTH < hashes)
		return 0;
	tar_put_padding(x->out, hashes * SHA256_SIZE);
	x->tile = 0;
	x->level++;
	return 0;
}

/* ---- all of it ---- */

static int
fill(struct export *x)
{
	int err;

	switch (x->stage) {
	case NOTES:
		buf_put_bytes(x->out, buf_bytes(&x->notes));
		buf_free(&x->notes);
		x->stage = RECORDS;
		return 0;
	case RECORDS:
		return put_records(x);
	case EARLIER:
		return put_earlier(x);
	case BLOBS:
		return put_blob(x);
	case TRANSCRIPTS:
		return put_transcript(x);
	case TILES:
		return put_tile(x);
	case EVIDENCE:
		err = exportnotes_alarm(x->store, &x->device, &x->alarms,
		    x->out);
		if (err == ERR_NOT_FOUND)
			x->stage = END;
		return err == ERR_NOT_FOUND ? 0 : err;
	case END:
		tar_put_end(x->out);
		x->stage = DONE;
		return 0;
	case DONE:
	default:
		return 0;
	}
}

int
export_next(struct export *x, struct buf *b)
{
	int err = 0;

	buf_clear(b);
	x->out = b;
	while (b->n == 0 && x->stage != DONE && err == 0)
		if ((err = fill(x)) == 0)
			err = buf_error(b);
	return err;
}
