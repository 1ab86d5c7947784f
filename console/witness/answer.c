/*
 * answer.c - what this console, as a witness, answers to an add-checkpoint.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/witness/answer.h"

#include "common/cosignature.h"
#include "console/store/cosigned.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What we keep of a note: as much as a device takes in `welcome`. */
#define NOTE_KEPT WIRE_NOTE_CAP

/* A log that is being asked about. */
struct subject {
	char origin[STORE_ORIGIN_SIZE];
	bool known;
	struct note_key key;
	bool is_device;
	struct store_device device;
	struct witness_log log;
};

/* ---- which log ---- */

/* "<org>/<device id>" of a device that is enrolled here. */
static int
find_device(const struct answerer *w, struct subject *x)
{
	const char *slash = strrchr(x->origin, '/');
	int err;

	if (slash == NULL || strlen(slash + 1) != DEVICEID_SIZE - 1)
		return ERR_NOT_FOUND;
	err = store_device_find(w->store, slash + 1, &x->device);
	if (err != 0)
		return err;
	if (strlen(x->device.org) != (size_t)(slash - x->origin) ||
	    strncmp(x->device.org, x->origin,
	    (size_t)(slash - x->origin)) != 0)
		return ERR_NOT_FOUND;
	x->is_device = true;
	return note_key_init(bytes_str(x->origin), NOTE_ED25519,
	    x->device.key, &x->key);
}

static int
find_foreign(const struct answerer *w, struct subject *x)
{
	size_t i;

	for (i = 0; i < w->settings->n_logs; i++)
		if (strcmp(w->settings->logs[i].name, x->origin) == 0) {
			x->key = w->settings->logs[i];
			return 0;
		}
	return ERR_NOT_FOUND;
}

static int
find_subject(const struct answerer *w, const struct store_device *own,
    struct bytes origin, struct subject *x)
{
	struct store_log log;
	int err;

	memset(x, 0, sizeof(*x));
	if (origin.n >= sizeof(x->origin) ||
	    memchr(origin.p, '\0', origin.n) != NULL)
		return 0;
	memcpy(x->origin, origin.p, origin.n);
	err = find_device(w, x);
	if (err == ERR_NOT_FOUND && own == NULL)
		err = find_foreign(w, x);
	if (err != 0)
		return err == ERR_NOT_FOUND ? 0 : err;
	if (own != NULL && own->n != x->device.n)
		return 0;
	err = store_log_find(w->store, x->origin, &log);
	if (err != 0 && err != ERR_NOT_FOUND)
		return err;
	x->known = true;
	x->log.keys = &x->key;
	x->log.n_keys = 1;
	if (err == 0) {
		x->log.size = log.size;
		x->log.root = log.root;
	}
	return 0;
}

/* ---- what is kept ---- */

/*
 * The note with the lines of the log's own keys: its name, or below it (a
 * device's epochs). What else anybody hung on it is not ours to keep; with
 * `only` there is room for that key's line alone.
 */
static int
put_note(struct buf *b, const struct witness_request *r, const char *origin,
    const struct note_key *only)
{
	struct bytes rest = r->note.signatures;
	struct note_signature s;
	size_t n = strlen(origin);
	struct buf value;
	int more;

	buf_init(&value, NOTE_MAX);
	buf_put_bytes(b, r->note.text);
	buf_put_u8(b, '\n');
	while ((more = note_next(&rest, &value, &s)) == 1)
		if (only != NULL ? note_signature_is_by(&s, only) :
		    s.name.n >= n && memcmp(s.name.p, origin, n) == 0 &&
		    (s.name.n == n || s.name.p[n] == '/'))
			buf_put_bytes(b, s.line);
	buf_free(&value);
	return more != 0 ? more : buf_error(b);
}

/* As much as there is room for, and our cosignature. ERR_TOO_LARGE. */
static int
keep_note(struct buf *b, const struct witness_request *r,
    const struct subject *x, struct bytes cosignature)
{
	const struct note_key *only = NULL;
	int err;

	for (;; only = &x->key) {
		buf_clear(b);
		if ((err = put_note(b, r, x->origin, only)) == 0) {
			buf_put_bytes(b, cosignature);
			err = buf_error(b);
		}
		if (err != ERR_TOO_LARGE || only != NULL)
			return err;
	}
}

/* Writes down what we are about to say, and puts it into the answer. */
static int
cosign(const struct answerer *w, const struct witness_request *r,
    struct subject *x, struct store_device *d, int64_t now,
    struct ledger_effects *e, struct answer *a)
{
	struct store_log log;
	struct buf note;
	int err;

	buf_init(&note, NOTE_KEPT);
	err = cosignature_sign(&a->body, r->note.text, &w->self->key,
	    &w->self->signer, now);
	if (err == 0)
		err = keep_note(&note, r, x, buf_bytes(&a->body));
	if (err == ERR_TOO_LARGE) {
		/* Of the log's own lines alone: nobody can keep those. */
		a->status = WITNESS_MALFORMED;
		buf_clear(&a->body);
		buf_free(&note);
		return 0;
	}
	/* What foreign witnesses refused was an older one. */
	if (err == 0 && d != NULL && w->settings->n_witnesses > 0)
		err = store_cosig_due_now(w->store, d->n);
	if (err == 0 && d != NULL)
		err = ledger_checkpoint(w->store, d, r->checkpoint.size,
		    &r->checkpoint.root, buf_bytes(&note), now, e);
	if (err == 0) {
		log.size = r->checkpoint.size;
		log.root = r->checkpoint.root;
		log.time = now;
		err = store_log_set(w->store, x->origin, &log,
		    buf_bytes(&note));
	} else if (err == ERR_CONFLICT) {
		a->status = WITNESS_INCONSISTENT;
		buf_clear(&a->body);
		err = 0;
	}
	buf_free(&note);
	return err;
}

static int
answer_known(const struct answerer *w, const struct witness_request *r,
    struct subject *x, struct store_device *own, int64_t now,
    struct ledger_effects *e, struct answer *a)
{
	struct store_device *d = !x->is_device ? NULL :
	    own != NULL ? own : &x->device;
	int err = 0;

	if (x->is_device)
		memcpy(a->device, x->device.id, sizeof(a->device));
	if (a->status == WITNESS_OK)
		return cosign(w, r, x, d, now, e, a);
	/* Refused, but it signed this: what does that say of its past? */
	if (d != NULL && a->status != WITNESS_FORBIDDEN)
		err = ledger_doubt(w->store, d, r->checkpoint.size,
		    &r->checkpoint.root, r->signed_note, own != NULL, now, e);
	if (a->status == WITNESS_CONFLICT) {
		buf_printf(&a->body, "%" PRIu64 "\n", x->log.size);
		if (err == 0)
			err = buf_error(&a->body);
	}
	return err;
}

int
answer_request(const struct answerer *w, struct store_device *own,
    struct bytes request, int64_t now, struct ledger_effects *ret_e,
    struct answer *ret_a)
{
	struct witness_request r;
	struct subject x;
	struct answer a;
	int err;

	memset(&a, 0, sizeof(a));
	buf_init(&a.body, ANSWER_MAX);
	a.status = WITNESS_MALFORMED;
	if ((err = witness_parse_request(request, &r)) == 0) {
		err = find_subject(w, own, r.checkpoint.origin, &x);
		if (err == 0) {
			a.status = witness_check(&r, x.known ? &x.log : NULL);
			if (x.known)
				err = answer_known(w, &r, &x, own, now, ret_e,
				    &a);
		}
	} else if (err != ERR_NOMEM) {
		err = 0;
	}
	if (err != 0) {
		buf_free(&a.body);
		return err;
	}
	*ret_a = a;
	return 0;
}
