/*
 * checkpoints.c - what the device says of its journal: made, kept, checked.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersignd.
 */
#include "agent/gate/checkpoints_inside.h"

#include "platform/clock.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After an end or an epoch: its result is on its way first, and ends that
 * come together share one. */
#define SOON_MS 100u
/* After any other record. */
#define LATEST_MS 60000u

int
checkpoints_new(struct gate *g, struct checkpoints **ret_c)
{
	struct checkpoints *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return ERR_NOMEM;
	c->g = g;
	c->cosig_dir = -1;
	buf_init(&c->note, NOTE_MAX);
	buf_init(&c->sent, NOTE_MAX);
	*ret_c = c;
	return 0;
}

void
checkpoints_free(struct checkpoints *c)
{
	if (c == NULL)
		return;
	file_close(&c->cosig_dir);
	buf_free(&c->note);
	buf_free(&c->sent);
	free(c);
}

/* ---- reading ---- */

/* The device's key under the name that is the origin. */
static int
device_key(struct checkpoints *c, const char *org, const char *device,
    struct note_key *ret_key)
{
	char origin[EPOCH_NAME_SIZE];

	(void)snprintf(origin, sizeof(origin), "%s/%s", org, device);
	return note_key_init(bytes_str(origin), NOTE_ED25519,
	    identity_public(c->g->key), ret_key);
}

/*
 * Before the replay the org is not known: the origin says it, and has to be of
 * this device.
 */
static int
key_of_note(struct checkpoints *c, struct bytes note, struct note_key *ret_key)
{
	const char *device = identity_device(c->g->key);
	const uint8_t *slash, *end;
	char org[TEXT_ORG_MAX + 1];
	size_t n;

	if (note.n == 0 || (end = memchr(note.p, '\n', note.n)) == NULL ||
	    (slash = memchr(note.p, '/', (size_t)(end - note.p))) == NULL ||
	    !bytes_is(bytes_of(slash + 1, (size_t)(end - slash - 1)), device))
		return ERR_CORRUPT;
	n = (size_t)(slash - note.p);
	if (n == 0 || n >= sizeof(org))
		return ERR_CORRUPT;
	memcpy(org, note.p, n);
	org[n] = '\0';
	return device_key(c, org, device, ret_key);
}

int
checkpoints_open_note(struct checkpoints *c, struct bytes bytes,
    struct note *ret_n, struct checkpoint *ret_cp)
{
	struct note_key key;
	int err = key_of_note(c, bytes, &key);

	return err != 0 ? err : checkpoint_open(bytes, &key, ret_n, ret_cp);
}

int
checkpoints_read(struct checkpoints *c, struct journal_seal *ret_seal)
{
	struct checkpoint cp;
	struct note n;
	uint64_t size;
	int err;

	buf_clear(&c->note);
	err = file_read(c->g->state_dir, CHECKPOINTS_FILE, NOTE_MAX,
	    &c->note);
	if (err == ERR_TOO_LARGE || err == ERR_PERMISSION)
		return ERR_CORRUPT;
	if (err != 0)
		return err;
	err = checkpoints_open_note(c, buf_bytes(&c->note), &n, &cp);
	if (err != 0)
		return err == ERR_NOMEM ? err : ERR_CORRUPT;
	if ((err = file_stat(c->g->state_dir, CHECKPOINTS_FILE, &size,
	    &c->made)) != 0)
		return err;
	c->size = cp.size;
	c->root = cp.root;
	ret_seal->size = cp.size;
	ret_seal->root = cp.root;
	return 0;
}

/* ---- after the replay ---- */

int
checkpoints_check_epoch(struct checkpoints *c, struct bytes note,
    uint64_t size)
{
	const struct standing *s = core_standing(c->g->core);
	char name[EPOCH_NAME_SIZE];
	struct note_key key;
	struct note n;
	int err;

	if (s->epoch == 0 || size <= s->epoch_index)
		return 0;
	epoch_name(s->org, s->device, s->epoch, name);
	if ((err = note_key_init(bytes_str(name), NOTE_ED25519, s->epoch_key,
	    &key)) == 0 && (err = note_parse(note, &n)) == 0)
		err = note_verify(&n, &key);
	return err == 0 || err == ERR_NOMEM ? err : ERR_CORRUPT;
}

int
checkpoints_check(struct checkpoints *c)
{
	const struct standing *s = core_standing(c->g->core);

	if (c->size == 0)
		return s->epoch > 1 || (s->epoch == 1 &&
		    s->epoch_index + 1 < s->next) ? ERR_NOT_FOUND : 0;
	return checkpoints_check_epoch(c, buf_bytes(&c->note), c->size);
}

/* ---- making ---- */

static int
put_signatures(struct checkpoints *c, struct buf *b, struct bytes text)
{
	const struct standing *s = core_standing(c->g->core);
	char name[EPOCH_NAME_SIZE];
	struct note_key key;
	uint8_t sig[64];
	int err;

	if ((err = device_key(c, s->org, s->device, &key)) != 0 ||
	    (err = identity_sign(c->g->key, text, sig)) != 0)
		return err;
	note_put_line(b, &key, bytes_of(sig, sizeof(sig)));
	epoch_name(s->org, s->device, epochs_number(c->g->epochs), name);
	if ((err = note_key_init(bytes_str(name), NOTE_ED25519,
	    epochs_public(c->g->epochs), &key)) != 0 ||
	    (err = epochs_sign(c->g->epochs, text, sig)) != 0)
		return err;
	note_put_line(b, &key, bytes_of(sig, sizeof(sig)));
	return buf_error(b);
}

int
checkpoints_put_note(struct checkpoints *c, struct buf *b, uint64_t size,
    const struct sha256 *root)
{
	const struct standing *s = core_standing(c->g->core);
	char origin[EPOCH_NAME_SIZE];
	struct buf text;
	int err;

	(void)snprintf(origin, sizeof(origin), "%s/%s", s->org, s->device);
	buf_init(&text, NOTE_MAX);
	checkpoint_put(&text, bytes_str(origin), size, root);
	if ((err = buf_error(&text)) == 0) {
		buf_put_bytes(b, buf_bytes(&text));
		buf_put_u8(b, '\n');
		err = put_signatures(c, b, buf_bytes(&text));
	}
	buf_free(&text);
	return err;
}

int
checkpoints_make(struct checkpoints *c)
{
	uint64_t size = journal_synced(c->g->journal);
	struct sha256 root;
	struct buf b;
	int err;

	if (size <= c->size || epochs_number(c->g->epochs) == 0)
		return 0;
	if ((err = journal_root(c->g->journal, size, &root)) != 0)
		return err;
	buf_init(&b, NOTE_MAX);
	if ((err = checkpoints_put_note(c, &b, size, &root)) == 0)
		err = file_replace(c->g->state_dir, CHECKPOINTS_FILE,
		    buf_bytes(&b));
	if (err == 0) {
		buf_free(&c->note);
		c->note = b;
		c->size = size;
		c->root = root;
		c->made = clock_wall_s();
		journal_show(c->g->journal);
		return 0;
	}
	buf_free(&b);
	return err;
}

/* ---- in time ---- */

static void
on_timer(uv_timer_t *t)
{
	struct checkpoints *c = t->data;
	int err;

	if (c->g->journal == NULL || c->g->broken || c->g->evidence)
		return;
	err = checkpoints_make(c);
	if (err == ERR_CORRUPT) {
		gate_journal_tampered(c->g);
	} else if (err != 0) {
		/* The last one stands; there will be room again. */
		log_event(&c->g->log, SERVICE_WARNING, "checkpoint failed"
		    " reason=%s", err_word(err));
		(void)uv_timer_start(t, on_timer, LATEST_MS, 0);
	} else {
		checkpoints_send(c);
	}
}

int
checkpoints_start(struct checkpoints *c)
{
	if (uv_timer_init(c->g->loop, &c->timer) != 0)
		return ERR_IO;
	c->timer.data = c;
	c->running = true;
	return 0;
}

void
checkpoints_stop(struct checkpoints *c)
{
	if (c == NULL || !c->running)
		return;
	c->running = false;
	uv_close((uv_handle_t *)&c->timer, NULL);
}

void
checkpoints_turn(struct checkpoints *c)
{
	uint64_t size, wait;

	if (!c->running || c->g->evidence)
		return;
	witnesses_follow(c);
	size = journal_synced(c->g->journal);
	if (size > c->size) {
		wait = core_landmark(c->g->core) > c->size ? SOON_MS :
		    LATEST_MS;
		if (!uv_is_active((uv_handle_t *)&c->timer) ||
		    uv_timer_get_due_in(&c->timer) > wait)
			(void)uv_timer_start(&c->timer, on_timer, wait, 0);
	}
	checkpoints_send(c);
}

uint64_t
checkpoints_size(const struct checkpoints *c)
{
	return c->size;
}
