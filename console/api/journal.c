/*
 * journal.c - a device's journal as it was replicated, raw or as an archive.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * Raw: entries in their frames, one after the other, as in a segment file. As
 * an archive: what lies in the device's own folder, journal/, blobs/,
 * transcripts/ and the checkpoint, so that `countersign audit verify` reads
 * either. Both end with the records that there were when it was asked for.
 */
#include "console/api/http.h"

#include "common/entry.h"
#include "common/wire.h"
#include "console/api/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Records in one segment of the archive; read from the store at once. */
#define SEGMENT 4096u
#define ROWS 64
#define CHUNK ((size_t)64 << 10)
#define OUT_MAX ((size_t)8 << 20)

enum stage { RECORDS, BLOBS, TRANSCRIPTS, NOTE, END };

struct export {
	struct console *c;
	struct store_device device;
	bool tar;
	enum stage stage;
	uint64_t next, until;	/* records */
	uint64_t segment_end;	/* of the file that is being written */
	uint64_t written;	/* bytes of that file's content */
	bool any;		/* last is set */
	struct sha256 last;	/* blob or transcript */
	int fd;			/* of the transcript that is being copied */
	uint64_t left;		/* of it */
	struct buf out;
	size_t out_at;
};

static void
free_export(void *cls)
{
	struct export *x = cls;

	if (x->fd >= 0)
		(void)close(x->fd);
	buf_free(&x->out);
	free(x);
}

static int
put_entry(void *ctx, const struct store_record *r)
{
	struct export *x = ctx;
	size_t before = x->out.n;

	if (r->index >= x->segment_end)
		return ERR_EXISTS;
	entry_write(&x->out, r->index, r->payload);
	x->written += x->out.n - before;
	x->next = r->index + 1;
	return 0;
}

/* The header of the next segment, whose size has to be known. */
static int
begin_segment(struct export *x)
{
	uint64_t bytes, n;
	char name[64];
	int err;

	x->segment_end = x->until;
	if (!x->tar)
		return 0;
	if (x->until - x->next > SEGMENT)
		x->segment_end = x->next + SEGMENT;
	n = x->segment_end - x->next;
	err = store_record_bytes(x->c->store, x->device.n, x->next,
	    x->segment_end, &bytes);
	if (err != 0)
		return err;
	(void)snprintf(name, sizeof(name), "journal/%016" PRIx64 ".seg",
	    x->next);
	x->written = 0;
	tar_put_header(&x->out, name, bytes + n * ENTRY_HEADER,
	    x->device.seen);
	return 0;
}

static int
put_records(struct export *x)
{
	int err;

	if (x->next == x->until) {
		x->stage = x->tar ? BLOBS : END;
		return 0;
	}
	if (x->next >= x->segment_end && (err = begin_segment(x)) != 0)
		return err;
	err = store_record_each(x->c->store, x->device.n, x->next, ROWS,
	    put_entry, x);
	if (err != 0 && err != ERR_EXISTS)
		return err;
	if (x->tar && x->next == x->segment_end)
		tar_put_padding(&x->out, x->written);
	return 0;
}

static int
put_blob(struct export *x)
{
	char name[96], hex[2 * SHA256_SIZE + 1];
	struct sha256 hash;
	struct buf content;
	int err;

	buf_init(&content, OUT_MAX / 2);
	err = store_blob_next(x->c->store, x->device.n,
	    x->any ? &x->last : NULL, &hash, &content);
	if (err == 0) {
		hex_encode(bytes_of(hash.b, SHA256_SIZE), hex);
		(void)snprintf(name, sizeof(name), "blobs/%s", hex);
		tar_put_header(&x->out, name, content.n, x->device.seen);
		buf_put_bytes(&x->out, buf_bytes(&content));
		tar_put_padding(&x->out, content.n);
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
	uint8_t *p = buf_reserve(&x->out, want);
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
	buf_commit(&x->out, (size_t)n);
	x->left -= (uint64_t)n;
	x->written += (uint64_t)n;
	if (x->left > 0)
		return 0;
	tar_put_padding(&x->out, x->written);
	(void)close(x->fd);
	x->fd = -1;
	return 0;
}

static int
open_transcript(struct export *x, const struct sha256 *card)
{
	char path[FILES_PATH_SIZE], name[96], hex[2 * SHA256_SIZE + 1];
	struct stat st;
	int err;

	if ((err = spool_path(x->c->spool, x->device.id, card, path)) != 0)
		return err;
	x->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (x->fd < 0)
		return errno == ENOENT ? 0 : ERR_IO;
	if (fstat(x->fd, &st) != 0 || st.st_size == 0) {
		(void)close(x->fd);
		x->fd = -1;
		return 0;
	}
	hex_encode(bytes_of(card->b, SHA256_SIZE), hex);
	(void)snprintf(name, sizeof(name), "transcripts/%s", hex);
	x->left = (uint64_t)st.st_size;
	x->written = 0;
	tar_put_header(&x->out, name, x->left, st.st_mtime);
	return 0;
}

static int
put_transcript(struct export *x)
{
	struct store_output o;
	int err;

	if (x->fd >= 0)
		return copy_transcript(x);
	err = store_output_next(x->c->store, x->device.id,
	    x->any ? &x->last : NULL, &o);
	if (err == ERR_NOT_FOUND) {
		x->stage = NOTE;
		return 0;
	}
	if (err != 0)
		return err;
	x->last = o.card;
	x->any = true;
	return open_transcript(x, &o.card);
}

static int
put_note(struct export *x)
{
	struct sha256 root;
	struct buf note;
	uint64_t size;
	int err;

	buf_init(&note, WIRE_NOTE_CAP);
	err = store_checkpoint_get(x->c->store, x->device.n, &size, &root,
	    &note);
	if (err == 0) {
		tar_put_header(&x->out, "checkpoint", note.n, x->device.seen);
		buf_put_bytes(&x->out, buf_bytes(&note));
		tar_put_padding(&x->out, note.n);
	}
	buf_free(&note);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	tar_put_end(&x->out);
	x->stage = END;
	return 0;
}

static int
fill(struct export *x)
{
	switch (x->stage) {
	case RECORDS:
		return put_records(x);
	case BLOBS:
		return put_blob(x);
	case TRANSCRIPTS:
		return put_transcript(x);
	case NOTE:
		return put_note(x);
	case END:
	default:
		return 0;
	}
}

static ssize_t
read_export(void *cls, uint64_t at, char *buf, size_t max)
{
	struct export *x = cls;
	size_t n;
	int err = 0;

	(void)at;
	while (x->out_at == x->out.n && x->stage != END && err == 0) {
		buf_clear(&x->out);
		x->out_at = 0;
		if ((err = fill(x)) == 0)
			err = buf_error(&x->out);
	}
	if (err != 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = x->out.n - x->out_at;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n > max)
		n = max;
	memcpy(buf, x->out.p + x->out_at, n);
	x->out_at += n;
	return (ssize_t)n;
}

/* The form that is asked for, or a problem. */
static bool
read_query(struct request *r, struct export *x)
{
	const char *form = http_query(r, "export");

	if (http_query_number(r, "from", &x->next) &&
	    (form == NULL || strcmp(form, "tar") == 0) &&
	    (form == NULL || x->next == 0)) {
		x->tar = form != NULL;
		return true;
	}
	http_problem(r, 400, "bad_query", "from or export cannot be",
	    "from is an index; export is tar, and then from is left out");
	return false;
}

void
api_journal(struct request *r)
{
	struct MHD_Response *response;
	struct export *x;
	const char *type;

	if ((x = calloc(1, sizeof(*x))) == NULL) {
		http_error(r, ERR_NOMEM);
		return;
	}
	x->c = r->c;
	x->fd = -1;
	buf_init(&x->out, OUT_MAX);
	if (!api_find_device(r, &x->device) || !read_query(r, x)) {
		free_export(x);
		return;
	}
	x->until = x->device.next;
	if (x->next > x->until)
		x->next = x->until;
	x->segment_end = x->next;
	type = x->tar ? "application/x-tar" : "application/octet-stream";
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CHUNK,
	    read_export, x, free_export);
	if (response == NULL)
		free_export(x);
	http_stream(r, type, response);
}
