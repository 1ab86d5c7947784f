/*
 * audit_state.c - the auditor on states and epochs, and where it begins.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/audit_inside.h"

#include "common/snapshot.h"

#include <stdlib.h>
#include <string.h>

void
audit_begin_at(struct audit *a, uint64_t index)
{
	a->first = a->next = index;
}

/* ---- a journal whose beginning was pruned ---- */

static int
load(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	struct audit *a = arg;

	return a->source.blob(a->source.arg, name, ret_b);
}

/* The snapshot has these bytes. */
static int
read_snapshot(struct audit *a, struct buf *b)
{
	struct sha256 hash;
	int err = a->source.blob(a->source.arg, &a->rec->digest, b);

	if (err == ERR_NOT_FOUND || err == ERR_TOO_LARGE ||
	    err == ERR_CORRUPT)
		return audit_wrong(a, AUDIT_BLOB, "its snapshot: %s",
		    err_text(err));
	if (err != 0)
		return err;
	digest_sha256(buf_bytes(b), &hash);
	if (!sha256_equal(&hash, &a->rec->digest))
		return audit_wrong(a, AUDIT_BLOB,
		    "its snapshot has other bytes than the record says");
	return 0;
}

static int
take_snapshot(struct audit *a, struct bytes blob)
{
	struct standing s;
	struct trust *t;
	struct queue *q;
	char id[DEVICEID_SIZE];
	int err;

	err = snapshot_decode(blob, load, a, &s, &t, &q);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return audit_wrong(a, AUDIT_SNAPSHOT,
		    "its snapshot does not read: %s", err_text(err));
	standing_fini(&a->standing);
	queue_free(a->queue);
	a->standing = s;
	a->trust = t;
	a->queue = q;
	deviceid_make(s.device_key, id);
	if (strcmp(id, s.device) != 0 || s.next != a->next)
		return audit_wrong(a, AUDIT_SNAPSHOT,
		    "its snapshot is of another device or another record");
	memcpy(a->org, s.org, sizeof(a->org));
	memcpy(a->device, s.device, sizeof(a->device));
	a->locked = s.lock.on;
	a->locked_for_good = standing_is_tampered(&s);
	return 0;
}

int
audit_begin_pruned(struct audit *a)
{
	const struct queue_item *i;
	struct buf b;
	int err;

	if (a->rec->kind != RECORD_STATE)
		return audit_wrong(a, AUDIT_SNAPSHOT,
		    "the journal begins here, and not with a state");
	buf_init(&b, SNAPSHOT_CAP);
	retention_begin(&a->retention, a->rec->running_ms);
	err = read_snapshot(a, &b);
	if (err == 0)
		err = take_snapshot(a, buf_bytes(&b));
	buf_free(&b);
	for (i = err == 0 ? queue_first(a->queue) : NULL;
	    i != NULL && err == 0; i = queue_next(a->queue, i))
		if (i->intent_index > 0)
			err = audit_remember(a, i);
	return err;
}

/* ---- each state is what came before it ---- */

static bool
has_files(const struct audit *a, const struct record *rec)
{
	struct trust_held h;
	size_t n = 0;
	int f;

	for (f = TRUST_ROOT; f < TRUST_FILES; f++) {
		if (!trust_held(a->trust, (enum trust_file)f, &h))
			continue;
		if (n == rec->n_files || !bytes_is(rec->files[n].file,
		    trust_file_word((enum trust_file)f)) ||
		    rec->files[n].version != h.head.version ||
		    !sha256_equal(&rec->files[n].digest, &h.digest))
			return false;
		n++;
	}
	return n == rec->n_files;
}

/*
 * The same records make the same bytes. Those that are kept are not needed
 * here, but if they are there, a start of the device would believe them.
 */
static int
compare_snapshot(struct audit *a)
{
	struct sha256 hash;
	struct buf b;
	int err;

	buf_init(&b, SNAPSHOT_CAP);
	err = a->source.blob(a->source.arg, &a->rec->digest, &b);
	if (err == 0) {
		digest_sha256(buf_bytes(&b), &hash);
		if (!sha256_equal(&hash, &a->rec->digest))
			err = audit_wrong(a, AUDIT_BLOB, "its snapshot has"
			    " other bytes than the record says");
	} else if (err == ERR_TOO_LARGE || err == ERR_CORRUPT) {
		err = audit_wrong(a, AUDIT_BLOB, "its snapshot: %s",
		    err_text(err));
	} else if (err == ERR_NOT_FOUND) {
		a->counts.snapshots_gone++;
		err = 0;
	}
	if (err != 0) {
		buf_free(&b);
		return err;
	}
	buf_clear(&b);
	snapshot_encode(&b, &a->standing, a->trust, a->queue, a->rec->time);
	if ((err = buf_error(&b)) == 0) {
		digest_sha256(buf_bytes(&b), &hash);
		if (!sha256_equal(&hash, &a->rec->digest))
			err = audit_wrong(a, AUDIT_SNAPSHOT, "its snapshot is"
			    " not what the records before it come to");
	}
	buf_free(&b);
	return err;
}

int
audit_state(struct audit *a)
{
	if (a->trust == NULL)
		return 0;
	if (!has_files(a, a->rec))
		return audit_wrong(a, AUDIT_SNAPSHOT,
		    "it names other trust files than were installed");
	/*
	 * After the clock was taken back a device remembers again what was
	 * forgotten here, until the time is where it was.
	 */
	if (a->next == a->first)
		return 0;
	if (a->rec->time <= a->taken_back_from) {
		a->counts.states_passed++;
		return 0;
	}
	a->counts.states++;
	return compare_snapshot(a);
}

static enum audit_wrong
kind_of_wrong(const struct record *rec)
{
	switch ((int)rec->kind) {
	case RECORD_EPOCH:
		return AUDIT_EPOCH;
	case RECORD_STATE:
		return AUDIT_SNAPSHOT;
	case RECORD_GENESIS:
		return AUDIT_GENESIS;
	default:
		return AUDIT_ORDER;
	}
}

int
audit_stand(struct audit *a, int64_t trust_floor)
{
	int err;

	if (a->rec->kind == RECORD_CLOCK && a->latest > a->taken_back_from)
		a->taken_back_from = a->latest;
	if (a->rec->time > a->latest)
		a->latest = a->rec->time;
	err = standing_fold(&a->standing, a->next, a->rec, trust_floor);
	if (err == ERR_CORRUPT)
		return audit_wrong(a, kind_of_wrong(a->rec), "%s",
		    a->standing.error);
	if (err == 0)
		retention_note(&a->retention, a->standing.running_ms,
		    retention_days(a->trust != NULL ? trust_policy(a->trust) :
		    NULL));
	if (err == 0 && a->rec->kind == RECORD_EPOCH)
		a->counts.epochs++;
	return err;
}
