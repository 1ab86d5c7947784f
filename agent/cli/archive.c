/*
 * archive.c - a journal with its blobs, in a folder or in an export.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#include "agent/cli/archive.h"

#include "common/snapshot.h"
#include "platform/userfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4300
#define BLOCK 512
#define NAME_SIZE 100		/* ustar's, with or without a NUL */
#define PIECE 65536

/* A member of a tar: where its bytes are. */
struct member {
	char name[NAME_SIZE + 1];
	uint64_t at, size;
};

struct segment {
	uint64_t first;
	bool gzip;		/* compressed: the reader sees to that */
};

struct archive {
	char path[PATH_SIZE];
	bool is_tar;
	int tar;		/* the open export, or -1 */
	struct member *members;	/* sorted by name */
	size_t n_members, room;
	struct segment *segments;	/* sorted */
	size_t n_segments, next;
	int fd;			/* the segment that is being read, or -1 */
	uint64_t at, left;	/* in a tar */
};

/* ---- the export ---- */

/* An octal number of a header; white space and NULs end it. */
static int
octal(const char *p, size_t n, uint64_t *ret_v)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v * 8 + (uint64_t)(p[i] - '0');
	if (i == 0 || (i < n && p[i] != ' ' && p[i] != '\0'))
		return ERR_CORRUPT;
	*ret_v = v;
	return 0;
}

static int
check_header(const char h[BLOCK])
{
	uint64_t want;
	unsigned sum = 0;
	size_t i;

	if (memcmp(h + 257, "ustar", 5) != 0)
		return ERR_SYNTAX;
	for (i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)h[i];
	if (octal(h + 148, 8, &want) != 0 || want != sum)
		return ERR_CORRUPT;
	return 0;
}

static int
add_member(struct archive *a, const char h[BLOCK], uint64_t at, uint64_t size)
{
	size_t skip = strncmp(h, "./", 2) == 0 ? 2 : 0;
	struct member *m;

	/* In a folder (ustar's prefix) whose names none of ours begins with. */
	if (memcmp(h + 257, "ustar", 6) == 0 && h[345] != '\0')
		return 0;
	if (a->n_members == a->room) {
		a->room = a->room > 0 ? 2 * a->room : 64;
		m = realloc(a->members, a->room * sizeof(*m));
		if (m == NULL)
			return ERR_NOMEM;
		a->members = m;
	}
	m = &a->members[a->n_members++];
	/* "./" is how tar names what it was told to take as ".". */
	memcpy(m->name, h + skip, NAME_SIZE - skip);
	m->name[NAME_SIZE - skip] = '\0';
	m->at = at;
	m->size = size;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Of two with one name, other programs might take the other. */
static int
check_names(const struct archive *a)
{
	size_t i;

	for (i = 1; i < a->n_members; i++)
		if (by_name(&a->members[i - 1], &a->members[i]) == 0)
			return ERR_CORRUPT;
	return 0;
}

static int
read_tar(struct archive *a)
{
	static const char zeros[BLOCK];
	char h[BLOCK];
	uint64_t at = 0, size;
	size_t n;
	int err;

	for (;;) {
		err = userfile_read_at(a->tar, at, h, BLOCK, &n);
		if (err != 0)
			return err;
		if (n < BLOCK)
			return at == 0 ? ERR_SYNTAX : ERR_CORRUPT;
		if (memcmp(h, zeros, BLOCK) == 0)
			break;
		if ((err = check_header(h)) != 0 ||
		    (err = octal(h + 124, 12, &size)) != 0)
			return at == 0 ? ERR_SYNTAX : ERR_CORRUPT;
		at += BLOCK;
		if ((h[156] == '0' || h[156] == '\0') &&
		    (err = add_member(a, h, at, size)) != 0)
			return err;
		at += (size + BLOCK - 1) / BLOCK * BLOCK;
	}
	if (a->n_members > 0)
		qsort(a->members, a->n_members, sizeof(*a->members), by_name);
	return check_names(a);
}

static const struct member *
find(const struct archive *a, const char *name)
{
	struct member key;

	if (a->n_members == 0 || strlen(name) > NAME_SIZE)
		return NULL;
	memset(&key, 0, sizeof(key));
	memcpy(key.name, name, strlen(name));
	return bsearch(&key, a->members, a->n_members, sizeof(key), by_name);
}

/*
 * A file of a folder. ERR_CORRUPT: what has its name is none, such as a pipe
 * that somebody put there.
 */
static int
open_file(const struct archive *a, const char *name, int *ret_fd)
{
	char path[PATH_SIZE + 80];
	int err;

	snprintf(path, sizeof(path), "%s/%s", a->path, name);
	err = userfile_open(path, ret_fd);
	return err == ERR_USAGE ? ERR_CORRUPT : err;
}

/* ---- segments ---- */

static int
add_segment(void *arg, const char *name)
{
	struct archive *a = arg;
	struct segment s = { .gzip = false }, *p;

	/* What is no segment is none of ours. */
	if (journal_name_parse(name, &s.first) != 0) {
		if (journal_gzip_name_parse(name, &s.first) != 0)
			return 0;
		s.gzip = true;
	}
	/* Of one in both forms the plain one counts; it comes first. */
	if (a->n_segments > 0 &&
	    a->segments[a->n_segments - 1].first == s.first)
		return 0;
	p = realloc(a->segments, (a->n_segments + 1) * sizeof(*p));
	if (p == NULL)
		return ERR_NOMEM;
	a->segments = p;
	a->segments[a->n_segments++] = s;
	return 0;
}

/* In ascending order: the names' beginnings have fixed width. */
static int
list_segments(struct archive *a)
{
	static const char prefix[] = "journal/";
	char dir[PATH_SIZE + 16];
	size_t i;
	int err = 0;

	if (!a->is_tar) {
		snprintf(dir, sizeof(dir), "%s/journal", a->path);
		return userfile_list(dir, add_segment, a);
	}
	for (i = 0; i < a->n_members && err == 0; i++)
		if (strncmp(a->members[i].name, prefix,
		    sizeof(prefix) - 1) == 0)
			err = add_segment(a, a->members[i].name +
			    sizeof(prefix) - 1);
	return err != 0 ? err : a->n_segments > 0 ? 0 : ERR_NOT_FOUND;
}

int
archive_open(const char *path, struct archive **ret_a)
{
	struct archive *a = calloc(1, sizeof(*a));
	int err = 0;

	if (a == NULL)
		return ERR_NOMEM;
	a->tar = a->fd = -1;
	a->is_tar = !userfile_is_dir(path);
	if (snprintf(a->path, sizeof(a->path), "%s", path) >= PATH_SIZE)
		err = ERR_TOO_LARGE;
	if (err == 0 && a->is_tar && (err = userfile_open(path,
	    &a->tar)) == 0)
		err = read_tar(a);
	if (err == 0)
		err = list_segments(a);
	if (err != 0) {
		archive_close(a);
		return err;
	}
	*ret_a = a;
	return 0;
}

void
archive_close(struct archive *a)
{
	if (a == NULL)
		return;
	userfile_close(&a->tar);
	userfile_close(&a->fd);
	free(a->members);
	free(a->segments);
	free(a);
}

uint64_t
archive_first(const struct archive *a)
{
	return a->n_segments > 0 ? a->segments[0].first : 0;
}

uint64_t
archive_sealed(const struct archive *a)
{
	return a->n_segments > 0 ? a->segments[a->n_segments - 1].first : 0;
}

static int
next_segment(void *arg, uint64_t *ret_first)
{
	struct archive *a = arg;
	char name[JOURNAL_GZIP_NAME_SIZE], path[64];
	const struct segment *s;
	const struct member *m;
	int err;

	userfile_close(&a->fd);
	if (a->next == a->n_segments)
		return 0;
	s = &a->segments[a->next++];
	*ret_first = s->first;
	if (s->gzip)
		journal_gzip_name(s->first, name);
	else
		journal_name(s->first, name);
	snprintf(path, sizeof(path), "journal/%s", name);
	if (!a->is_tar) {
		err = open_file(a, path, &a->fd);
		/* It was listed: a link that leads nowhere. */
		if (err == ERR_NOT_FOUND)
			err = ERR_CORRUPT;
		return err != 0 ? err : 1;
	}
	if ((m = find(a, path)) == NULL)
		return ERR_NOT_FOUND;
	a->at = m->at;
	a->left = m->size;
	return 1;
}

static int
read_segment(void *arg, void *p, size_t n, size_t *ret_n)
{
	struct archive *a = arg;
	int err;

	if (!a->is_tar)
		return userfile_read_some(a->fd, p, n, ret_n);
	if (n > a->left)
		n = (size_t)a->left;
	if ((err = userfile_read_at(a->tar, a->at, p, n, ret_n)) != 0)
		return err;
	if (*ret_n < n)
		return ERR_CORRUPT;
	a->at += n;
	a->left -= n;
	return 0;
}

void
archive_journal(struct archive *a, struct journal_source *ret_s)
{
	a->next = 0;
	ret_s->arg = a;
	ret_s->segment = next_segment;
	ret_s->read = read_segment;
}

/* ---- blobs and transcripts ---- */

static int
read_file(struct archive *a, const char *name, size_t cap, struct buf *ret_b)
{
	uint8_t piece[PIECE / 4];
	size_t n = 1;
	int fd = -1, err;

	if ((err = open_file(a, name, &fd)) != 0)
		return err;
	while (err == 0 && n > 0) {
		err = userfile_read_some(fd, piece, sizeof(piece), &n);
		if (err != 0)
			break;
		if (n > cap - ret_b->n)
			err = ERR_TOO_LARGE;
		else
			buf_put(ret_b, piece, n);
		if (err == 0)
			err = buf_error(ret_b);
	}
	userfile_close(&fd);
	return err;
}

static int
read_member(struct archive *a, const struct member *m, struct buf *ret_b)
{
	uint8_t *p;
	size_t n;
	int err;

	if (m->size > SNAPSHOT_CAP)
		return ERR_TOO_LARGE;
	if (m->size == 0)
		return 0;
	if ((p = buf_reserve(ret_b, (size_t)m->size)) == NULL)
		return buf_error(ret_b);
	err = userfile_read_at(a->tar, m->at, p, (size_t)m->size, &n);
	if (err == 0 && n < m->size)
		err = ERR_CORRUPT;
	if (err == 0)
		buf_commit(ret_b, n);
	return err;
}

int
archive_read(struct archive *a, const char *name, size_t cap,
    struct buf *ret_b)
{
	const struct member *m;

	if (!a->is_tar)
		return read_file(a, name, cap, ret_b);
	if ((m = find(a, name)) == NULL)
		return ERR_NOT_FOUND;
	return m->size > cap ? ERR_TOO_LARGE : read_member(a, m, ret_b);
}

int
archive_list(struct archive *a, const char *folder, archive_list_fn *fn,
    void *arg)
{
	char path[PATH_SIZE + 80];
	size_t i, n = strlen(folder);
	int r = 0;

	if (!a->is_tar) {
		snprintf(path, sizeof(path), "%s/%s", a->path, folder);
		return userfile_is_dir(path) ? userfile_list(path, fn, arg) :
		    0;
	}
	for (i = 0; i < a->n_members && r == 0; i++) {
		const char *name = a->members[i].name;

		if (strncmp(name, folder, n) == 0 && name[n] == '/' &&
		    name[n + 1] != '\0' && strchr(name + n + 1, '/') == NULL)
			r = fn(arg, name + n + 1);
	}
	return r;
}

int
archive_blob(void *archive, const struct sha256 *name, struct buf *ret_b)
{
	struct archive *a = archive;
	char hex[2 * SHA256_SIZE + 1], path[2 * SHA256_SIZE + 16];

	hex_encode(bytes_of(name->b, sizeof(name->b)), hex);
	snprintf(path, sizeof(path), "blobs/%s", hex);
	return archive_read(a, path, SNAPSHOT_CAP, ret_b);
}

int
archive_file_open(struct archive *a, const char *name,
    struct archive_file *ret_f)
{
	struct archive_file f = { .fd = a->tar, .size = UINT64_MAX };
	const struct member *m;
	int err;

	if (!a->is_tar) {
		if ((err = open_file(a, name, &f.fd)) != 0)
			return err;
		f.is_own = true;
	} else {
		if ((m = find(a, name)) == NULL)
			return ERR_NOT_FOUND;
		f.at = m->at;
		f.size = m->size;
	}
	*ret_f = f;
	return 0;
}

int
archive_file_read(const struct archive_file *f, uint64_t at, void *p,
    size_t n, size_t *ret_n)
{
	if (at >= f->size) {
		*ret_n = 0;
		return 0;
	}
	if (n > f->size - at)
		n = (size_t)(f->size - at);
	return userfile_read_at(f->fd, f->at + at, p, n, ret_n);
}

void
archive_file_close(struct archive_file *f)
{
	if (f->is_own)
		userfile_close(&f->fd);
	f->is_own = false;
	f->fd = -1;
}

int
archive_transcript(struct archive *a, const struct sha256 *card,
    struct sha256 *ret_hash, uint64_t *ret_size)
{
	char hex[2 * SHA256_SIZE + 1], name[2 * SHA256_SIZE + 16];
	static uint8_t piece[PIECE];
	struct archive_file f;
	struct digest_ctx c;
	uint64_t size = 0;
	size_t n = 1;
	int err;

	hex_encode(bytes_of(card->b, sizeof(card->b)), hex);
	snprintf(name, sizeof(name), "transcripts/%s", hex);
	if ((err = archive_file_open(a, name, &f)) != 0)
		return err;
	digest_ctx_init(&c);
	while (n > 0 && err == 0) {
		err = archive_file_read(&f, size, piece, PIECE, &n);
		if (err == 0)
			digest_ctx_update(&c, bytes_of(piece, n));
		size += n;
	}
	digest_ctx_final(&c, ret_hash);
	*ret_size = size;
	archive_file_close(&f);
	return err;
}
