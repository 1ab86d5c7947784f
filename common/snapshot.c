/*
 * snapshot.c - a device's folded state as one blob, and back.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/snapshot.h"
#include "common/json.h"
#include "common/queue_snapshot.h"
#include "common/timefmt.h"

#include <string.h>

/* Longest pin, as in a genesis record. */
#define PIN_MAX 512
/* More roots than a century of yearly ones needs, many times. */
#define ROOTS_MAX 65536u

/* ---- writing ---- */

static void
put_str(struct buf *b, const char *s)
{
	buf_put_field(b, bytes_str(s));
}

static void
put_digest(struct buf *b, const struct sha256 *d)
{
	buf_put(b, d->b, sizeof(d->b));
}

static void
put_genesis(struct buf *b, const struct standing *s)
{
	struct buf pin;

	buf_init(&pin, PIN_MAX);
	pin_write(&pin, &s->pin);
	if (buf_error(&pin) != 0 && b->err == 0)
		b->err = buf_error(&pin);
	put_str(b, s->org);
	put_str(b, s->device);
	buf_put(b, s->device_key, sizeof(s->device_key));
	put_digest(b, &s->machine);
	buf_put_field(b, buf_bytes(&pin));
	buf_free(&pin);
}

static void
put_small(struct buf *b, const struct standing *s)
{
	const struct standing_program *p;

	buf_put_u64le(b, s->next);
	buf_put_u64le(b, (uint64_t)s->last_record);
	buf_put_u64le(b, s->last_boot_ms);
	buf_put_u64le(b, (uint64_t)s->running_ms);
	buf_put_u8(b, s->lock.on);
	put_str(b, s->lock.source);
	put_str(b, s->lock.by);
	put_str(b, s->lock.reason);
	for (p = s->programs; p < s->programs + STANDING_PROGRAMS; p++) {
		put_str(b, p->name);
		put_digest(b, &p->hash);
	}
	buf_put_u64le(b, (uint64_t)s->epoch);
	buf_put(b, s->epoch_key, sizeof(s->epoch_key));
	buf_put_u64le(b, s->epoch_index);
	buf_put_u64le(b, (uint64_t)s->epoch_running_ms);
}

static void
put_sigs(struct buf *b, const struct record_sig *sigs, size_t n)
{
	size_t i;

	buf_put_u8(b, (uint8_t)n);
	for (i = 0; i < n; i++) {
		buf_put_field(b, sigs[i].keyid);
		buf_put_bytes(b, sigs[i].sig);
	}
}

static void
put_roots(struct buf *b, const struct standing *s)
{
	size_t i;

	buf_put_u32le(b, (uint32_t)s->n_roots);
	for (i = 0; i < s->n_roots; i++) {
		buf_put_u64le(b, s->roots[i].index);
		put_digest(b, &s->roots[i].digest);
		put_sigs(b, s->roots[i].sigs, s->roots[i].n_sigs);
	}
}

static void
put_files(struct buf *b, const struct trust *t)
{
	struct record_sig sigs[RECORD_SIGS];
	struct trust_held h;
	size_t i;
	int f;

	buf_put_u64le(b, (uint64_t)trust_clock_floor(t));
	for (f = TRUST_ROOT; f < TRUST_FILES; f++)
		buf_put_u64le(b, (uint64_t)trust_least(t,
		    (enum trust_file)f));
	/* The root is the last of the roots. */
	for (f = TRUST_ROOT + 1; f < TRUST_FILES; f++) {
		if (!trust_held(t, (enum trust_file)f, &h)) {
			buf_put_u8(b, 0);
			continue;
		}
		buf_put_u8(b, 1);
		put_digest(b, &h.digest);
		for (i = 0; i < h.envelope.n_sigs; i++) {
			sigs[i].keyid = h.envelope.sigs[i].keyid;
			sigs[i].sig = h.envelope.sigs[i].sig;
		}
		put_sigs(b, sigs, h.envelope.n_sigs);
	}
}

void
snapshot_encode(struct buf *b, const struct standing *s,
    const struct trust *t, const struct queue *q, int64_t now)
{
	if (s->device[0] == '\0' || t == NULL) {
		if (b->err == 0)
			b->err = ERR_STATE;
		return;
	}
	buf_put_u32le(b, SNAPSHOT_FORMAT);
	put_genesis(b, s);
	put_small(b, s);
	put_roots(b, s);
	put_files(b, t);
	queue_encode(b, q, now);
}

/* ---- reading ---- */

struct decoding {
	struct reader r;
	struct standing *s;
	struct trust *t;
	snapshot_load_fn *load;
	void *arg;
};

static void
fail(struct decoding *d)
{
	if (d->r.err == 0)
		d->r.err = ERR_CORRUPT;
}

static void
get_text(struct decoding *d, char *to, size_t size)
{
	struct bytes v = reader_field(&d->r, size - 1);

	if (v.n > 0 && memchr(v.p, 0, v.n) != NULL)
		fail(d);
	if (v.n > 0)
		memcpy(to, v.p, v.n);
	to[v.n] = '\0';
}

static void
get_bytes(struct decoding *d, void *to, size_t n)
{
	struct bytes v = reader_take(&d->r, n);

	if (v.n == n)
		memcpy(to, v.p, n);
}

/* A number from 0 to what a record may hold. */
static int64_t
get_count(struct decoding *d)
{
	uint64_t v = reader_u64le(&d->r);

	if (v > (uint64_t)JSON_MAX_INTEGER) {
		fail(d);
		return 0;
	}
	return (int64_t)v;
}

static bool
get_flag(struct decoding *d)
{
	uint8_t v = reader_u8(&d->r);

	if (v > 1)
		fail(d);
	return v == 1;
}

static void
get_genesis(struct decoding *d)
{
	struct standing *s = d->s;
	struct bytes pin;

	get_text(d, s->org, sizeof(s->org));
	get_text(d, s->device, sizeof(s->device));
	get_bytes(d, s->device_key, sizeof(s->device_key));
	get_bytes(d, s->machine.b, sizeof(s->machine.b));
	pin = reader_field(&d->r, PIN_MAX);
	if (d->r.err == 0 && (pin_parse(pin, &s->pin) != 0 ||
	    strcmp(s->org, s->pin.org) != 0 ||
	    !deviceid_is(bytes_str(s->device))))
		fail(d);
}

static void
get_small(struct decoding *d)
{
	struct standing *s = d->s;
	struct standing_program *p;

	s->next = (uint64_t)get_count(d);
	s->last_record = get_count(d);
	s->last_boot_ms = (uint64_t)get_count(d);
	s->running_ms = get_count(d);
	s->lock.on = get_flag(d);
	get_text(d, s->lock.source, sizeof(s->lock.source));
	get_text(d, s->lock.by, sizeof(s->lock.by));
	get_text(d, s->lock.reason, sizeof(s->lock.reason));
	for (p = s->programs; p < s->programs + STANDING_PROGRAMS; p++) {
		get_text(d, p->name, sizeof(p->name));
		get_bytes(d, p->hash.b, sizeof(p->hash.b));
	}
	s->epoch = get_count(d);
	get_bytes(d, s->epoch_key, sizeof(s->epoch_key));
	s->epoch_index = (uint64_t)get_count(d);
	s->epoch_running_ms = get_count(d);
	if (s->last_record > TIME_MAX || s->epoch_running_ms > s->running_ms)
		fail(d);
}

static size_t
get_sigs(struct decoding *d, struct record_sig sigs[RECORD_SIGS])
{
	size_t i, n = reader_u8(&d->r);

	if (n > RECORD_SIGS) {
		fail(d);
		return 0;
	}
	for (i = 0; i < n; i++) {
		sigs[i].keyid = reader_field(&d->r, 128);
		sigs[i].sig = reader_take(&d->r, 64);
	}
	return d->r.err == 0 ? n : 0;
}

/* Installs a file as it was, from its blob. */
static int
install(struct decoding *d, enum trust_file file, const struct sha256 *digest,
    const struct record_sig *sigs, size_t n_sigs)
{
	struct envelope e = { .n_sigs = n_sigs };
	struct trust_held h;
	struct refusal why;
	struct buf payload;
	size_t i;
	int err;

	buf_init(&payload, CAP_TRUST);
	err = d->load(d->arg, digest, &payload);
	if (err == 0) {
		e.type = envelope_type_text(trust_file_type(file));
		e.payload = buf_bytes(&payload);
		for (i = 0; i < n_sigs; i++) {
			e.sigs[i].keyid = sigs[i].keyid;
			e.sigs[i].sig = sigs[i].sig;
		}
		err = trust_install(d->t, &e, &why);
		if (err == 0 && (!trust_held(d->t, file, &h) ||
		    !sha256_equal(&h.digest, digest)))
			err = ERR_CORRUPT;
	}
	buf_free(&payload);
	/* A disk that cannot be read just now is no tampering. */
	return err == 0 || err == ERR_NOMEM || err == ERR_IO ? err :
	    ERR_CORRUPT;
}

static int
get_roots(struct decoding *d)
{
	struct record_sig sigs[RECORD_SIGS];
	struct sha256 digest;
	uint64_t index;
	size_t n_sigs;
	uint32_t i, n = reader_u32le(&d->r);
	int err;

	if (n > ROOTS_MAX)
		fail(d);
	for (i = 0; i < n && d->r.err == 0; i++) {
		index = (uint64_t)get_count(d);
		get_bytes(d, digest.b, sizeof(digest.b));
		n_sigs = get_sigs(d, sigs);
		if (d->r.err != 0)
			break;
		if ((err = standing_add_root(d->s, index, &digest, sigs,
		    n_sigs)) != 0 || (err = install(d, TRUST_ROOT, &digest,
		    sigs, n_sigs)) != 0)
			return err;
	}
	return d->r.err;
}

static int
get_files(struct decoding *d)
{
	struct record_sig sigs[RECORD_SIGS];
	int64_t least[TRUST_FILES], floor;
	struct sha256 digest;
	size_t n_sigs;
	int f, err;

	floor = get_count(d);
	for (f = TRUST_ROOT; f < TRUST_FILES; f++)
		least[f] = get_count(d);
	for (f = TRUST_ROOT + 1; f < TRUST_FILES; f++) {
		if (!get_flag(d))
			continue;
		get_bytes(d, digest.b, sizeof(digest.b));
		n_sigs = get_sigs(d, sigs);
		if (d->r.err != 0)
			return d->r.err;
		if ((err = install(d, (enum trust_file)f, &digest, sigs,
		    n_sigs)) != 0)
			return err;
	}
	if (floor > TIME_MAX)
		fail(d);
	if (d->r.err != 0)
		return d->r.err;
	/* Those of files that are not held any more count on. */
	for (f = TRUST_ROOT; f < TRUST_FILES; f++)
		trust_raise(d->t, (enum trust_file)f, least[f]);
	trust_raise_clock_floor(d->t, floor);
	return 0;
}

int
snapshot_decode(struct bytes blob, snapshot_load_fn *load, void *arg,
    struct standing *ret_s, struct trust **ret_t, struct queue **ret_q)
{
	struct standing s;
	struct decoding d = { .s = &s, .load = load, .arg = arg };
	struct queue *q = NULL;
	uint32_t format;
	int err;

	memset(&s, 0, sizeof(s));
	reader_init(&d.r, blob);
	format = reader_u32le(&d.r);
	if (d.r.err == 0 && format != SNAPSHOT_FORMAT)
		return ERR_VERSION;
	get_genesis(&d);
	get_small(&d);
	if ((err = d.r.err) == 0)
		err = trust_new(&s.pin, bytes_str(s.device), &d.t);
	if (err == 0 && (err = get_roots(&d)) == 0 &&
	    (err = get_files(&d)) == 0 && (err = queue_new(&q)) == 0 &&
	    (err = queue_decode(&d.r, q)) == 0)
		err = reader_end(&d.r);
	if (err != 0) {
		standing_fini(&s);
		trust_free(d.t);
		queue_free(q);
		return err == ERR_NOMEM || err == ERR_IO ? err : ERR_CORRUPT;
	}
	*ret_s = s;
	*ret_t = d.t;
	*ret_q = q;
	return 0;
}
