/*
 * spool.c - transcripts as they arrive, in files, until they are whole.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/spool.h"

#include "console/conlog.h"
#include "console/demux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read and hashed at a time while catching up: some 3 ms of work. */
#define STEP_SIZE ((size_t)1 << 20)
/* How often a transcript with another hash is asked for anew. */
#define TRIES_MAX 3

struct spool {
	uv_loop_t *loop;
	uv_idle_t idle;
	struct turn *turn;
	struct watch *watch;
	struct spool_file *first;
	uint8_t *step;			/* STEP_SIZE bytes */
	bool closing;
	char folder[FILES_PATH_SIZE];
};

struct spool_file {
	struct spool *spool;
	struct spool_file *next;
	struct store_output out;
	int fd;
	uint64_t have;			/* bytes in the file */
	uint64_t scanned;		/* of these: hashed and taken apart */
	struct digest_ctx hash;
	struct demux demux;
	bool held;
	bool syncing;			/* sync_req is under way */
	bool broken;			/* unreadable: not looked at again */
	uv_fs_t sync_req;
	struct turn_member member;
	spool_changed_fn *changed;
	void *ctx;
};

static void check_end(struct spool_file *f);
static void on_settled(void *ctx, int err);

/* ---- the whole ---- */

static void
on_idle_closed(uv_handle_t *h)
{
	struct spool *s = h->data;

	free(s->step);
	free(s);
}

int
spool_new(uv_loop_t *loop, const char *folder, struct turn *turn,
    struct watch *watch, struct spool **ret_s)
{
	struct spool *s;
	int err;

	if (strlen(folder) > FILES_PATH_SIZE - 128)
		return ERR_TOO_LARGE;
	if ((err = files_make_folder(folder)) != 0)
		return err;
	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->step = malloc(STEP_SIZE)) == NULL) {
		free(s);
		return ERR_NOMEM;
	}
	s->loop = loop;
	s->turn = turn;
	s->watch = watch;
	(void)snprintf(s->folder, sizeof(s->folder), "%s", folder);
	(void)uv_idle_init(loop, &s->idle);
	s->idle.data = s;
	*ret_s = s;
	return 0;
}

static void
end_spool(struct spool *s)
{
	if (s->closing && s->first == NULL &&
	    !uv_is_closing((uv_handle_t *)&s->idle))
		uv_close((uv_handle_t *)&s->idle, on_idle_closed);
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	s->closing = true;
	end_spool(s);
}

const char *
spool_folder(const struct spool *s)
{
	return s->folder;
}

int
spool_path(const struct spool *s, const char *device,
    const struct sha256 *card, char ret_path[FILES_PATH_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];
	int n;

	hex_encode(bytes_of(card->b, SHA256_SIZE), hex);
	n = snprintf(ret_path, FILES_PATH_SIZE, "%s/%s/%s", s->folder, device,
	    hex);
	return n < 0 || n >= FILES_PATH_SIZE ? ERR_TOO_LARGE : 0;
}

/* ---- one file ---- */

static void
restart_scan(struct spool_file *f)
{
	f->scanned = 0;
	digest_ctx_init(&f->hash);
	demux_init(&f->demux);
}

static void
scan(struct spool_file *f, struct bytes data)
{
	struct demux_piece piece;

	digest_ctx_update(&f->hash, data);
	f->scanned += data.n;
	while (demux_next(&f->demux, &data, &piece) == 1)
		;
}

/* Nobody holds it and nothing is under way: the memory goes. */
static void
drop(struct spool_file *f)
{
	struct spool *s = f->spool;
	struct spool_file **at;

	if (f->held || f->syncing || f->member.joined)
		return;
	for (at = &s->first; *at != f; at = &(*at)->next)
		;
	*at = f->next;
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f);
	end_spool(s);
}

static int
open_file(struct spool *s, struct spool_file *f)
{
	char path[FILES_PATH_SIZE];
	struct stat st;
	char *slash;
	int err;

	if ((err = spool_path(s, f->out.device, &f->out.card, path)) != 0)
		return err;
	slash = strrchr(path, '/');
	*slash = '\0';
	if ((err = files_make_folder(path)) != 0)
		return err;
	*slash = '/';
	f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return files_error(errno);
	if (!S_ISREG(st.st_mode))
		return ERR_PERMISSION;
	f->have = (uint64_t)st.st_size;
	return 0;
}

/* Catches up on one file by a step. */
static void
step_file(struct spool_file *f)
{
	uint64_t left = f->have - f->scanned;
	ssize_t n;

	n = pread(f->fd, f->spool->step, left < STEP_SIZE ? (size_t)left :
	    STEP_SIZE, (off_t)f->scanned);
	if (n <= 0) {
		conlog_event("output_unreadable device=%s", f->out.device);
		f->broken = true;
		return;
	}
	scan(f, bytes_of(f->spool->step, (size_t)n));
	if (f->scanned == f->have)
		check_end(f);
}

static void
on_idle(uv_idle_t *h)
{
	struct spool *s = h->data;
	struct spool_file *f;

	/* One step a turn, whoever's it is. */
	for (f = s->first; f != NULL; f = f->next) {
		if (f->held && !f->broken && f->scanned < f->have) {
			step_file(f);
			return;
		}
	}
	(void)uv_idle_stop(h);
}

int
spool_hold(struct spool *s, const struct store_output *o,
    spool_changed_fn *changed, void *ctx, struct spool_file **ret_f)
{
	struct spool_file *f;
	int err;

	for (f = s->first; f != NULL; f = f->next)
		if (sha256_equal(&f->out.card, &o->card))
			return ERR_STATE;
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return ERR_NOMEM;
	f->spool = s;
	f->out = *o;
	if ((err = open_file(s, f)) != 0) {
		if (f->fd >= 0)
			(void)close(f->fd);
		free(f);
		return err;
	}
	restart_scan(f);
	f->held = true;
	f->changed = changed;
	f->ctx = ctx;
	f->member.settled = on_settled;
	f->member.ctx = f;
	f->next = s->first;
	s->first = f;
	if (f->have > 0)
		(void)uv_idle_start(&s->idle, on_idle);
	*ret_f = f;
	return 0;
}

void
spool_release(struct spool_file *f)
{
	if (f == NULL)
		return;
	f->held = false;
	f->changed = NULL;
	drop(f);
}

const struct sha256 *
spool_card(const struct spool_file *f)
{
	return &f->out.card;
}

uint64_t
spool_have(const struct spool_file *f)
{
	return f->have;
}

bool
spool_wants(const struct spool_file *f)
{
	return f->out.state == STORE_OUTPUT_OPEN &&
	    (!f->out.ended || f->have < f->out.total);
}

enum store_output_state
spool_state(const struct spool_file *f)
{
	return f->out.state;
}

/* ---- what comes ---- */

static int
write_at(int fd, struct bytes data, uint64_t offset)
{
	ssize_t n;

	while (data.n > 0) {
		n = pwrite(fd, data.p, data.n, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return files_error(errno);
		data = bytes_of(data.p + n, data.n - (size_t)n);
		offset += (uint64_t)n;
	}
	return 0;
}

int
spool_write(struct spool_file *f, uint64_t offset, struct bytes data)
{
	uint64_t known;
	int err;

	if (offset > f->have || offset > INT64_MAX - data.n)
		return ERR_RANGE;
	known = f->have - offset;
	if (known >= data.n)
		return 0;
	data = bytes_of(data.p + known, data.n - (size_t)known);
	if (!spool_wants(f) ||
	    (f->out.ended && data.n > f->out.total - f->have))
		return ERR_TOO_LARGE;
	if ((err = write_at(f->fd, data, f->have)) != 0) {
		/* Half a write must not count as come. */
		if (ftruncate(f->fd, (off_t)f->have) != 0)
			conlog_event("output_unwritable device=%s",
			    f->out.device);
		return err;
	}
	f->have += data.n;
	if (f->scanned + data.n == f->have)
		scan(f, data);
	else
		(void)uv_idle_start(&f->spool->idle, on_idle);
	watch_wake(f->spool->watch, &f->out.card);
	check_end(f);
	return 0;
}

void
spool_end(struct spool_file *f, uint64_t total, const struct sha256 *hash)
{
	f->out.ended = true;
	f->out.total = total;
	f->out.hash = *hash;
	check_end(f);
}

/* ---- the end ---- */

/* The change of state is in the store, or not: then a restart looks again. */
static void
on_settled(void *ctx, int err)
{
	struct spool_file *f = ctx;

	if (err != 0)
		f->out.state = STORE_OUTPUT_OPEN;
	else
		watch_wake(f->spool->watch, &f->out.card);
	/* Whoever holds it may let go of it here. */
	if (f->held && err == 0)
		f->changed(f->ctx, f);
	else
		drop(f);
}

static void
set_state(struct spool_file *f, enum store_output_state state)
{
	struct turn *t = f->spool->turn;
	int err;

	f->out.state = state;
	turn_join(t, &f->member);
	if ((err = turn_begin(t)) == 0)
		err = store_output_set(t->store, &f->out);
	if (err != 0) {
		conlog_event("store_failed what=output error=%s",
		    err_word(err));
		turn_fail(t, err);
	}
}

static void
on_synced(uv_fs_t *req)
{
	struct spool_file *f = req->data;
	ssize_t result = req->result;

	uv_fs_req_cleanup(req);
	f->syncing = false;
	if (result != 0)
		conlog_event("output_not_synced device=%s", f->out.device);
	else
		set_state(f, STORE_OUTPUT_COMPLETE);
	drop(f);
}

void
spool_give_up(struct spool_file *f)
{
	if (!f->out.ended || f->out.state != STORE_OUTPUT_OPEN || f->syncing ||
	    f->have >= f->out.total)
		return;
	conlog_event("output_gone device=%s", f->out.device);
	set_state(f, STORE_OUTPUT_BAD);
}

/* Not what the device said that it is: from the beginning, or not at all. */
static void
begin_anew(struct spool_file *f, const char *why)
{
	conlog_event("output_refused device=%s reason=%s try=%d",
	    f->out.device, why, (int)f->out.tries + 1);
	f->out.tries++;
	if (f->out.tries >= TRIES_MAX) {
		set_state(f, STORE_OUTPUT_BAD);
		return;
	}
	if (ftruncate(f->fd, 0) != 0) {
		conlog_event("output_unwritable device=%s", f->out.device);
		return;
	}
	f->have = 0;
	restart_scan(f);
	set_state(f, STORE_OUTPUT_OPEN);
}

static void
check_end(struct spool_file *f)
{
	struct digest_ctx copy = f->hash;
	struct sha256 hash;

	if (!f->out.ended || f->out.state != STORE_OUTPUT_OPEN || f->syncing ||
	    f->have < f->out.total || f->scanned < f->have)
		return;
	digest_ctx_final(&copy, &hash);
	if (f->have > f->out.total || !sha256_equal(&hash, &f->out.hash)) {
		begin_anew(f, f->have > f->out.total ? "length" : "hash");
		return;
	}
	f->syncing = true;
	f->sync_req.data = f;
	if (uv_fs_fsync(f->spool->loop, &f->sync_req, f->fd, on_synced) != 0) {
		f->syncing = false;
		conlog_event("output_not_synced device=%s", f->out.device);
	}
}
