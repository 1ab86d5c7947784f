/*
 * checkpoints_send.c - asking the console for its cosignature.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/checkpoints_inside.h"

#include "common/witness.h"

#include <stdlib.h>
#include <string.h>

/* How long it may take to tell the console of another past of ours. */
#define TELLING_MS 1000u
/* A console that says 409 to one note more often than this is left alone. */
#define CONFLICTS_MAX 3

static int
send_request(struct checkpoints *c, uint64_t size, struct bytes note)
{
	struct sha256 proof[MERKLE_PROOF_MAX];
	struct merkle_source tree;
	struct buf request, out;
	size_t n;
	int err;

	journal_tree(c->g->journal, &tree);
	err = merkle_prove_consistency(&tree, c->theirs, size, proof, &n);
	if (err != 0)
		return err;
	buf_init(&request, WIRE_REQUEST_CAP);
	buf_init(&out, WIRE_REQUEST_CAP + 64);
	err = witness_put_request(&request, c->theirs, proof, n, note);
	if (err == 0 && (err = buf_error(&request)) == 0) {
		wire_put_checkpoint(&out, buf_bytes(&request));
		if ((err = buf_error(&out)) == 0)
			err = uplink_send(c->g->uplink, buf_bytes(&out));
	}
	buf_free(&request);
	buf_free(&out);
	return err;
}

void
checkpoints_send(struct checkpoints *c)
{
	struct gate *g = c->g;
	int err;

	if (!c->welcomed || c->waiting || c->size == 0 ||
	    c->size <= c->answered || c->theirs > c->size ||
	    g->uplink == NULL || uplink_state(g->uplink) != WIRE_GATE_SYNCED ||
	    outbox_sent(g->outbox) < c->size)
		return;
	if (c->sent_size != c->size)
		c->conflicts = 0;
	buf_clear(&c->sent);
	buf_put_bytes(&c->sent, buf_bytes(&c->note));
	c->sent_size = c->size;
	if ((err = buf_error(&c->sent)) == 0)
		err = send_request(c, c->size, buf_bytes(&c->note));
	if (err == 0) {
		c->waiting = true;
		return;
	}
	c->answered = c->size;
	log_event(&g->log, SERVICE_WARNING, "checkpoint not sent reason=%s",
	    err_word(err));
}

/* ---- another past ---- */

static void
on_told(uv_timer_t *t)
{
	struct checkpoints *c = t->data;

	gate_begin_anew(c->g);
}

/*
 * The console holds a checkpoint of ours with another root: two machines have
 * this identity, or a disk was put back and grew again. What we sign for as
 * many records is the proof of it, and nobody else could tell.
 */
static void
tell_other_past(struct checkpoints *c, uint64_t size,
    const struct sha256 *root)
{
	struct buf note;

	buf_init(&note, NOTE_MAX);
	c->theirs = size;
	if (c->running && checkpoints_put_note(c, &note, size, root) == 0 &&
	    send_request(c, size, buf_bytes(&note)) == 0 &&
	    uv_timer_start(&c->timer, on_told, TELLING_MS, 0) == 0)
		c->telling = true;
	buf_free(&note);
}

bool
checkpoints_is_telling(const struct checkpoints *c)
{
	return c->telling;
}

/* ---- what comes back ---- */

/* The size that the witness has; the proof begins there. */
static void
on_conflict(struct checkpoints *c, struct bytes body)
{
	uint64_t size;

	if (body.n > 0 && body.p[body.n - 1] == '\n')
		body.n--;
	if (checkpoint_parse_size(body, &size) == 0 && size <= c->sent_size &&
	    c->conflicts++ < CONFLICTS_MAX) {
		c->theirs = size;
		c->answered = size < c->sent_size ? 0 : c->sent_size;
		return;
	}
	log_event(&c->g->log, SERVICE_ERROR, "ALARM: the console has cosigned"
	    " another checkpoint of this device than its journal has: its"
	    " disk was put back, or the console lies");
}

/*
 * Other witnesses' word, which the console asked them for. While a newer
 * checkpoint waits for its answer, it is of an older one: it comes again with
 * the next welcome, or for the newer one.
 */
static int
take_others(struct checkpoints *c, struct bytes lines)
{
	if (c->waiting || c->sent_size == 0)
		return 0;
	return witnesses_keep(c, buf_bytes(&c->sent), c->sent_size, lines);
}

int
checkpoints_answer(struct checkpoints *c, const struct wire_cosignature *m)
{
	int err = 0;

	if (c->telling) {
		/* It knows. */
		gate_begin_anew(c->g);
		return 0;
	}
	if (m->status == WIRE_STATUS_OTHERS)
		return take_others(c, m->body);
	/* One that nobody asked for says nothing. */
	if (!c->waiting)
		return 0;
	c->waiting = false;
	c->answered = c->sent_size;
	if (m->status == WITNESS_OK) {
		c->theirs = c->sent_size;
		err = witnesses_keep(c, buf_bytes(&c->sent), c->sent_size,
		    m->body);
	} else if (m->status == WITNESS_CONFLICT) {
		on_conflict(c, m->body);
	} else {
		log_event(&c->g->log, SERVICE_WARNING, "checkpoint not"
		    " cosigned status=%u size=%llu", (unsigned)m->status,
		    (unsigned long long)c->sent_size);
	}
	checkpoints_send(c);
	return err;
}

int
checkpoints_welcome(struct checkpoints *c, const struct wire_welcome *w)
{
	struct checkpoint cp;
	struct sha256 root;
	struct note n;
	int err;

	c->welcomed = true;
	c->waiting = false;
	c->answered = 0;
	c->sent_size = 0;
	c->theirs = 0;
	if (!w->has)
		return 0;
	err = checkpoints_open_note(c, w->note, &n, &cp);
	if (err != 0) {
		log_event(&c->g->log, SERVICE_WARNING, "the console's"
		    " checkpoint is not this device's own");
		return err == ERR_NOMEM ? err : 0;
	}
	if (cp.size > journal_synced(c->g->journal))
		return ERR_ROLLBACK;
	if ((err = journal_root(c->g->journal, cp.size, &root)) != 0)
		return err;
	if (!sha256_equal(&root, &cp.root)) {
		tell_other_past(c, cp.size, &root);
		return ERR_CONFLICT;
	}
	c->theirs = cp.size;
	return 0;
}
