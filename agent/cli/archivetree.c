/*
 * archivetree.c - what an archive has of its tree: hash tiles and notes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/archivetree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 8		/* of 256 times fewer hashes each */
#define WIDTH 256u

/* A row, and the tile of it that was read last. */
struct row {
	struct archive_file file;
	uint64_t n;		/* which tile; UINT64_MAX: none yet */
	size_t count;		/* hashes in it */
	struct sha256 tile[WIDTH];
};

struct archivetree {
	uint64_t size;
	struct row row[ROWS];
};

int
archivetree_open(struct archive *a, struct archivetree **ret_t)
{
	struct archivetree *t = calloc(1, sizeof(*t));
	char name[16];
	unsigned i;
	int err = 0;

	if (t == NULL)
		return ERR_NOMEM;
	for (i = 0; i < ROWS; i++) {
		t->row[i].n = UINT64_MAX;
		t->row[i].file.fd = -1;
	}
	for (i = 0; i < ROWS && err == 0; i++) {
		snprintf(name, sizeof(name), "tiles/%u", i);
		err = archive_file_open(a, name, &t->row[i].file);
		/* What is no file has no hash: an auditor says which. */
		if (err == ERR_CORRUPT)
			t->size = archive_sealed(a);
		if (err == ERR_NOT_FOUND || err == ERR_CORRUPT)
			err = 0;
	}
	if (err != 0) {
		archivetree_close(t);
		return err;
	}
	/* Those of the last segment are of no sync and may be stale. With one
	 * row there all have to be: an auditor says which hash is not. */
	for (i = 0; i < ROWS; i++)
		if (t->row[i].file.fd >= 0)
			t->size = archive_sealed(a);
	*ret_t = t;
	return 0;
}

void
archivetree_close(struct archivetree *t)
{
	unsigned i;

	if (t == NULL)
		return;
	for (i = 0; i < ROWS; i++)
		archive_file_close(&t->row[i].file);
	free(t);
}

uint64_t
archivetree_size(const struct archivetree *t)
{
	return t->size;
}

static int
row_hash(struct row *row, uint64_t n, struct sha256 *ret_hash)
{
	size_t got;
	int err;

	if (row->file.fd < 0 || n > UINT64_MAX / sizeof(*ret_hash))
		return ERR_RANGE;
	if (row->n != n / WIDTH) {
		row->n = UINT64_MAX;
		err = archive_file_read(&row->file, n / WIDTH *
		    sizeof(row->tile), row->tile, sizeof(row->tile), &got);
		if (err != 0)
			return err;
		row->n = n / WIDTH;
		row->count = got / sizeof(*ret_hash);
	}
	if (n % WIDTH >= row->count)
		return ERR_RANGE;
	*ret_hash = row->tile[n % WIDTH];
	return 0;
}

/* A subtree within a tile is made of the tile's hashes. */
static int
subtree(void *arg, unsigned level, uint64_t n, struct sha256 *ret_hash)
{
	struct archivetree *t = arg;
	struct sha256 h[WIDTH / 2];
	unsigned of = level % 8;
	size_t i, width = (size_t)1 << of;
	int err = 0;

	if (level / 8 >= ROWS)
		return ERR_RANGE;
	for (i = 0; i < width && err == 0; i++)
		err = row_hash(&t->row[level / 8], (n << of) + i, &h[i]);
	for (; width > 1 && err == 0; width /= 2)
		for (i = 0; i < width / 2; i++)
			merkle_node(&h[2 * i], &h[2 * i + 1], &h[i]);
	if (err == 0)
		*ret_hash = h[0];
	return err;
}

struct merkle_source
archivetree_source(struct archivetree *t)
{
	struct merkle_source s = { subtree, t };

	return s;
}

/* ---- for an audit ---- */

struct adding {
	struct archive *archive;
	struct audit *audit;
};

static int
add_note(struct adding *x, const char *name, enum audit_note what,
    const uint8_t id[4])
{
	struct buf b;
	int err;

	buf_init(&b, NOTE_MAX);
	err = archive_read(x->archive, name, NOTE_MAX, &b);
	/* Of another size it is no note either, nor is a folder or a pipe, nor
	 * a listed name that leads nowhere. */
	if (err == ERR_TOO_LARGE || err == ERR_CORRUPT ||
	    (err == ERR_NOT_FOUND && what == AUDIT_NOTE_COSIGNED)) {
		buf_clear(&b);
		err = 0;
	}
	if (err == 0)
		err = audit_add_note(x->audit, what, buf_bytes(&b),
		    id);
	buf_free(&b);
	return err;
}

static int
add_cosigned(void *arg, const char *name)
{
	char path[300];
	uint8_t id[4];

	/* What is no note's name is none of ours: a file half written. */
	if (strlen(name) != 8 || hex_decode(bytes_str(name), id, 4) != 0)
		return 0;
	snprintf(path, sizeof(path), "cosig/%s", name);
	return add_note(arg, path, AUDIT_NOTE_COSIGNED, id);
}

int
archivetree_audit(struct archive *a, struct archivetree *t,
    struct audit *audit)
{
	struct merkle_source s = archivetree_source(t);
	struct adding x = { a, audit };
	int err;

	audit_begin_at(audit, archive_first(a));
	audit_use_tiles(audit, &s, t->size);
	err = add_note(&x, "checkpoint", AUDIT_NOTE_OWN, NULL);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	return archive_list(a, "cosig", add_cosigned, &x);
}
