/*
 * standing.c - what a device's records come to, besides its cards and files.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/standing.h"
#include "common/epoch.h"
#include "common/json.h"
#include "common/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
standing_fini(struct standing *s)
{
	size_t i;

	for (i = 0; i < s->n_roots; i++)
		free(s->roots[i].memory);
	free(s->roots);
	memset(s, 0, sizeof(*s));
}

static int
corrupt(struct standing *s, const char *what)
{
	(void)snprintf(s->error, sizeof(s->error), "%s", what);
	return ERR_CORRUPT;
}

/* A copy of a text, cut where a character ends. */
static void
set_text(char *to, size_t size, struct bytes v)
{
	size_t n = v.n < size ? v.n : size - 1;

	while (n > 0 && n < v.n && (v.p[n] & 0xc0) == 0x80)
		n--;
	if (n > 0)
		memcpy(to, v.p, n);
	to[n] = '\0';
}

/* ---- roots ---- */

int
standing_add_root(struct standing *s, uint64_t index,
    const struct sha256 *digest, const struct record_sig *sigs,
    size_t n_sigs)
{
	struct standing_root *r;
	struct buf b;
	size_t i, n = 1;

	r = realloc(s->roots, (s->n_roots + 1) * sizeof(*r));
	if (r == NULL)
		return ERR_NOMEM;
	s->roots = r;
	for (i = 0; i < n_sigs; i++)
		n += sigs[i].keyid.n + sigs[i].sig.n;
	/* Reserved at once, so that what is put in does not move. */
	buf_init(&b, n);
	if (buf_reserve(&b, n) == NULL)
		return ERR_NOMEM;
	r = &s->roots[s->n_roots++];
	memset(r, 0, sizeof(*r));
	r->index = index;
	r->digest = *digest;
	r->memory = b.p;
	r->n_sigs = n_sigs;
	for (i = 0; i < n_sigs; i++) {
		r->sigs[i].keyid = bytes_of(b.p + b.n, sigs[i].keyid.n);
		buf_put_bytes(&b, sigs[i].keyid);
		r->sigs[i].sig = bytes_of(b.p + b.n, sigs[i].sig.n);
		buf_put_bytes(&b, sigs[i].sig);
	}
	return 0;
}

/* ---- folding ---- */

static int
fold_genesis(struct standing *s, const struct record *rec)
{
	if (s->device[0] != '\0' || s->next != 0)
		return corrupt(s, "a second genesis");
	if (pin_parse(rec->pin, &s->pin) != 0 ||
	    !bytes_is(rec->org, s->pin.org) || !deviceid_is(rec->device))
		return corrupt(s, "its pin or device does not read");
	set_text(s->org, sizeof(s->org), rec->org);
	set_text(s->device, sizeof(s->device), rec->device);
	memcpy(s->device_key, rec->device_key.p, sizeof(s->device_key));
	s->machine = rec->machine;
	return 0;
}

bool
standing_is_tampered(const struct standing *s)
{
	return s->lock.on && strcmp(s->lock.source, "tamper") == 0;
}

static void
fold_lock(struct standing *s, const struct record *rec)
{
	struct standing_lock *l = &s->lock;

	/* It ends by enrolling again, and no other lock hides it. */
	if (standing_is_tampered(s))
		return;
	memset(l, 0, sizeof(*l));
	if (rec->kind == RECORD_LOCKDOWN_LIFTED)
		return;
	l->on = true;
	set_text(l->reason, sizeof(l->reason), rec->reason);
	set_text(l->by, sizeof(l->by), rec->by);
	set_text(l->source, sizeof(l->source), rec->source);
}

static void
fold_version(struct standing *s, const struct record *rec)
{
	struct standing_program *p;

	for (p = s->programs; p < s->programs + STANDING_PROGRAMS; p++)
		if (p->name[0] == '\0' || bytes_is(rec->program, p->name)) {
			set_text(p->name, sizeof(p->name), rec->program);
			p->hash = rec->hash;
			return;
		}
}

static int
fold_epoch(struct standing *s, const struct record *rec)
{
	const uint8_t *by = s->epoch > 0 ? s->epoch_key : s->device_key;
	int err;

	if (rec->epoch != s->epoch + 1)
		return corrupt(s, "an epoch that is not the next");
	if ((err = epoch_check(rec, s->org, s->device, by)) != 0)
		return err == ERR_NOMEM ? err : corrupt(s, "an epoch that the"
		    " key of the one before did not sign");
	s->epoch = rec->epoch;
	memcpy(s->epoch_key, rec->epoch_key.p, sizeof(s->epoch_key));
	s->epoch_index = s->next;
	s->epoch_running_ms = s->running_ms;
	return 0;
}

static int64_t
floor_of(const struct standing *s, int64_t trust_floor)
{
	return trust_floor > s->last_record ? trust_floor : s->last_record;
}

static int
check_state(struct standing *s, const struct record *rec, int64_t trust_floor)
{
	const struct standing_lock *l = &s->lock;

	if (rec->format != SNAPSHOT_FORMAT)
		return corrupt(s, "a format that is not known here");
	if (rec->epoch != s->epoch)
		return corrupt(s, "another epoch than the newest");
	if (rec->running_ms != s->running_ms)
		return corrupt(s, "another running time than the records'");
	if (rec->floor != floor_of(s, trust_floor))
		return corrupt(s, "another clock floor than the records'");
	if (rec->has[RF_SOURCE] != l->on || (l->on &&
	    (!bytes_is(rec->source, l->source) ||
	    !bytes_is(rec->reason, l->reason) || !bytes_is(rec->by, l->by))))
		return corrupt(s, "another lockdown than the records'");
	return 0;
}

int64_t
standing_running(const struct standing *s, uint64_t boot_ms)
{
	uint64_t more = boot_ms > s->last_boot_ms && s->next > 0 ?
	    boot_ms - s->last_boot_ms : 0;

	/* What a record can say; centuries. */
	return more > (uint64_t)(JSON_MAX_INTEGER - s->running_ms) ?
	    JSON_MAX_INTEGER : s->running_ms + (int64_t)more;
}

int
standing_fold(struct standing *s, uint64_t index, const struct record *rec,
    int64_t trust_floor)
{
	int err = 0;

	if (index != s->next)
		return corrupt(s, "it is not the next record");
	if (s->device[0] == '\0' && rec->kind != RECORD_GENESIS)
		return corrupt(s, "the journal has no genesis");
	s->running_ms = standing_running(s, rec->boot_ms);
	s->last_boot_ms = rec->boot_ms;
	switch ((int)rec->kind) {
	case RECORD_GENESIS:
		err = fold_genesis(s, rec);
		break;
	case RECORD_STATE:
		err = check_state(s, rec, trust_floor);
		break;
	case RECORD_EPOCH:
		err = fold_epoch(s, rec);
		break;
	case RECORD_TRUST:
		if (bytes_is(rec->file, "root"))
			err = standing_add_root(s, index, &rec->digest,
			    rec->sigs, rec->n_sigs);
		break;
	case RECORD_LOCKDOWN:
	case RECORD_LOCKDOWN_LIFTED:
		fold_lock(s, rec);
		break;
	case RECORD_VERSION:
		fold_version(s, rec);
		break;
	default:
		break;
	}
	if (err != 0)
		return err;
	/* A clock reset takes the floor back; all else can only raise it. */
	if (rec->kind == RECORD_CLOCK)
		s->last_record = rec->floor;
	else if (rec->time > s->last_record)
		s->last_record = rec->time;
	s->next++;
	return 0;
}

void
standing_state(const struct standing *s, int64_t trust_floor,
    uint64_t boot_ms, struct record *ret_rec)
{
	record_init(ret_rec, RECORD_STATE);
	record_set_int(ret_rec, RF_FORMAT, SNAPSHOT_FORMAT);
	record_set_int(ret_rec, RF_EPOCH, s->epoch);
	record_set_int(ret_rec, RF_RUNNING_MS, standing_running(s, boot_ms));
	record_set_int(ret_rec, RF_FLOOR, floor_of(s, trust_floor));
	if (s->lock.on) {
		record_set_str(ret_rec, RF_SOURCE, s->lock.source);
		record_set_str(ret_rec, RF_REASON, s->lock.reason);
		record_set_str(ret_rec, RF_BY, s->lock.by);
	}
}
