/*
 * logs.c - each device's log as C2SP tlog-tiles has it: checkpoint, tiles,
 * bundles of entries.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 *
 * The prefix is /v1/logs/<org>/<device>. Checkpoint and tiles are hashes and
 * for everybody; entries are the records, and need a token that may read
 * journals.
 */
#include "console/api/http.h"

#include "console/tree.h"
#include "console/witness/newest.h"

#include <string.h>

/* Levels that a path can name (6 bits of digits); ours are fewer. */
#define LEVEL_MAX 63u
#define NUMBER_MAX ((uint64_t)1 << 32)

static void
no_such(struct request *r)
{
	http_problem(r, 404, "no_such_tile", "there is nothing at this place "
	    "of the log", "see c2sp.org/tlog-tiles; the checkpoint says what "
	    "there is");
}

/* The device of /v1/logs/{org}/{device}. False: answered. */
static bool
find_log(struct request *r, struct store_device *ret_d)
{
	char id[DEVICEID_SIZE] = "";
	int err;

	if (r->param[1].n < sizeof(id))
		memcpy(id, r->param[1].p, r->param[1].n);
	err = store_device_find(r->c->store, id, ret_d);
	if (err == 0 && !bytes_is(r->param[0], ret_d->org))
		err = ERR_NOT_FOUND;
	if (err == ERR_NOT_FOUND)
		http_problem(r, 404, "unknown_log", "there is no such log",
		    "it is /v1/logs/ORG/DEVICE");
	else if (err != 0)
		http_error(r, err);
	return err == 0;
}

void
api_log_checkpoint(struct request *r)
{
	struct store_device d;
	uint64_t size;
	struct buf b;
	int err;

	if (!find_log(r, &d))
		return;
	buf_init(&b, HTTP_REPLY_MAX);
	if ((err = newest_note(r->c->store, d.n, &size, &b)) == 0) {
		http_reply(r, 200, "text/plain; charset=utf-8", &b);
		return;
	}
	buf_free(&b);
	if (err == ERR_NOT_FOUND)
		no_such(r);
	else
		http_error(r, err);
}

/* ---- tiles ---- */

/* A decimal number without leading zeros, off the front of *text. */
static bool
take_number(struct bytes *text, uint64_t max, uint64_t *ret_v)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < text->n && text->p[i] >= '0' && text->p[i] <= '9' &&
	    v <= max; i++)
		v = v * 10 + (uint64_t)(text->p[i] - '0');
	if (i == 0 || v > max || (i > 1 && text->p[0] == '0'))
		return false;
	*text = bytes_of(text->p + i, text->n - i);
	*ret_v = v;
	return true;
}

/* "x001/x234/067": groups of three digits, an x before all but the last. */
static bool
take_index(struct bytes *text, uint64_t *ret_n)
{
	uint64_t v = 0;
	size_t groups = 0, i;
	bool more;

	do {
		more = text->n > 0 && text->p[0] == 'x';
		if (more)
			*text = bytes_of(text->p + 1, text->n - 1);
		if (text->n < 3 || ++groups > 4)
			return false;
		for (i = 0; i < 3; i++) {
			if (text->p[i] < '0' || text->p[i] > '9')
				return false;
			v = v * 10 + (uint64_t)(text->p[i] - '0');
		}
		*text = bytes_of(text->p + 3, text->n - 3);
		if (groups == 1 && more && v == 0)
			return false;
		if (more) {
			if (text->n == 0 || text->p[0] != '/')
				return false;
			*text = bytes_of(text->p + 1, text->n - 1);
		}
	} while (more);
	*ret_n = v;
	return v < NUMBER_MAX;
}

/* What a path names. */
struct place {
	bool entries;
	unsigned level;
	uint64_t n;
	size_t width;
};

static bool
parse_place(struct bytes path, struct place *ret_p)
{
	static const char entries[] = "entries/";
	uint64_t level = 0, width = TREE_WIDTH;
	struct place p;

	p.entries = path.n > sizeof(entries) - 1 && memcmp(path.p, entries,
	    sizeof(entries) - 1) == 0;
	if (p.entries) {
		path = bytes_of(path.p + sizeof(entries) - 1,
		    path.n - (sizeof(entries) - 1));
	} else {
		if (!take_number(&path, LEVEL_MAX, &level) || path.n == 0 ||
		    path.p[0] != '/')
			return false;
		path = bytes_of(path.p + 1, path.n - 1);
	}
	if (!take_index(&path, &p.n))
		return false;
	if (path.n > 3 && memcmp(path.p, ".p/", 3) == 0) {
		path = bytes_of(path.p + 3, path.n - 3);
		if (!take_number(&path, TREE_WIDTH - 1, &width) || width == 0)
			return false;
	}
	p.level = (unsigned)level;
	p.width = (size_t)width;
	*ret_p = p;
	return path.n == 0;
}

/* Entries of a bundle, one after the other. */
struct bundle {
	struct buf *b;
	uint64_t next;
};

static int
put_entry(void *ctx, const struct store_record *rec)
{
	struct bundle *x = ctx;

	/* One of those that the device removed before we had them. */
	if (rec->index != x->next)
		return ERR_NOT_FOUND;
	x->next++;
	buf_put_u16be(x->b, (uint16_t)rec->payload.n);
	buf_put_bytes(x->b, rec->payload);
	return 0;
}

static int
put_place(struct request *r, const struct store_device *d,
    const struct place *p, struct buf *b)
{
	struct bundle x = { b, p->n * TREE_WIDTH };
	uint64_t end = x.next + p->width;
	int err;

	if (p->entries) {
		if (end > d->next)
			return ERR_NOT_FOUND;
		err = store_record_each(r->c->store, d->n, x.next,
		    (int64_t)p->width, put_entry, &x);
		return err != 0 ? err : x.next < end ? ERR_NOT_FOUND :
		    buf_error(b);
	}
	err = store_tile_get(r->c->store, d->n, p->level, p->n, b);
	if (err == 0 && b->n < p->width * SHA256_SIZE)
		err = ERR_NOT_FOUND;
	if (err == 0)
		b->n = p->width * SHA256_SIZE;
	return err;
}

void
api_log_tile(struct request *r)
{
	struct store_device d;
	struct place p;
	struct buf b;
	int err;

	if (!parse_place(r->param[2], &p)) {
		no_such(r);
		return;
	}
	/* Records have secrets in them; hashes have none. */
	if (p.entries && !http_authenticate_for(r, RIGHT_JOURNAL))
		return;
	if (!find_log(r, &d))
		return;
	if (p.entries && !http_sees_org(r, d.org)) {
		no_such(r);
		return;
	}
	buf_init(&b, HTTP_REPLY_MAX);
	if ((err = put_place(r, &d, &p, &b)) == 0) {
		http_reply(r, 200, "application/octet-stream", &b);
		return;
	}
	buf_free(&b);
	if (err == ERR_NOT_FOUND)
		no_such(r);
	else
		http_error(r, err);
}
