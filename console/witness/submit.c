/*
 * submit.c - foreign witnesses are asked to cosign our devices' checkpoints.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console (serve).
 */
#include "console/witness/submit.h"

#include "common/cosignature.h"
#include "console/conlog.h"
#include "console/owners.h"
#include "console/store/cosigned.h"
#include "console/tree.h"
#include "console/witness/post.h"
#include "platform/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is due without news: answers that were lost, pauses that are over. */
#define LOOK_MS 5000u
/* A witness that cannot be reached is left alone for so long, then twice. */
#define PAUSE_MS 2000u
#define PAUSE_MOST_MS 300000u
/* One that refuses a device's checkpoint is not asked about that one again
 * for so long, then twice. A newer checkpoint is asked about at once. */
#define RETRY_S 2
#define RETRY_MOST_S 3600
/* Of an answer, to be kept: lines, and their bytes. A device takes 8 KiB. */
#define LINES_MAX 8
#define LINES_ROOM ((size_t)7 << 10)
/* Of a cosignature's time ahead of ours. */
#define AHEAD_S 300
#define REQUEST_CAP ((size_t)WITNESS_REQUEST_MAX)

/* One witness, and the device that it is being asked about. */
struct asked {
	struct submit *s;
	const struct settings_witness *w;
	struct post *post;
	int64_t device;		/* the last one, or the one at hand */
	bool again;		/* the second request about it */
	uint64_t size;		/* of the checkpoint */
	struct buf note;	/* the checkpoint as we have it */
	uint64_t paused_until;	/* uv_now */
	uint64_t pause;
};

struct submit {
	struct console *c;
	uv_timer_t timer;
	struct asked asked[SETTINGS_WITNESSES_MAX];
	size_t n;
	bool closing;
};

static void ask_next(struct asked *a);

/* ---- asking ---- */

/* Asks about the device at hand, from the size that the witness has. */
static int
ask(struct asked *a, uint64_t old)
{
	struct sha256 proof[MERKLE_PROOF_MAX];
	char url[SETTINGS_URL_SIZE + 32];
	struct buf b;
	size_t n = 0;
	int err = 0;

	if (old > 0 && old < a->size)
		err = tree_prove(a->s->c->store, a->device, old, a->size,
		    proof, &n);
	if (err != 0)
		return err;
	buf_init(&b, REQUEST_CAP);
	err = witness_put_request(&b, old, proof, n, buf_bytes(&a->note));
	if (err == 0 && (err = buf_error(&b)) == 0) {
		(void)snprintf(url, sizeof(url), "%s/add-checkpoint",
		    a->w->url);
		err = post_send(a->post, url, buf_bytes(&b));
	}
	buf_free(&b);
	return err;
}

/* Takes up the next device that is due. ERR_NOT_FOUND. */
static int
take_up(struct asked *a)
{
	struct store *store = a->s->c->store;
	struct store_cosig c;
	struct sha256 root;
	int err;

	if ((err = store_cosig_due(store, a->w->key.name, a->device,
	    clock_wall_s(), &a->device)) != 0)
		return err;
	buf_clear(&a->note);
	if ((err = store_checkpoint_get(store, a->device, &a->size, &root,
	    &a->note)) != 0 || (err = store_cosig_find(store, a->device,
	    a->w->key.name, &c)) != 0)
		return err;
	a->again = false;
	return ask(a, c.size);
}

static void
ask_next(struct asked *a)
{
	int err;

	if (a->s->closing || post_is_busy(a->post) ||
	    uv_now(a->s->c->loop) < a->paused_until)
		return;
	err = take_up(a);
	if (err != 0 && err != ERR_NOT_FOUND)
		conlog_event("witness_not_asked witness=%s error=%s",
		    a->w->key.name, err_word(err));
}

/* ---- answers ---- */

/* Writes what came of it; *c has the new state. */
static int
keep(struct asked *a, const struct store_cosig *c, struct bytes note)
{
	struct turn *t = &a->s->c->turn;
	int err;

	if ((err = turn_begin(t)) == 0)
		err = store_cosig_set(a->s->c->store, c, note);
	if (err != 0) {
		turn_fail(t, err);
		return err;
	}
	return turn_settle(t);
}

/* It will not have this checkpoint. */
static int
put_off(struct asked *a, const char *why)
{
	struct store_cosig c;
	int64_t wait;
	int err;

	if (console_may_log(a->s->c))
		conlog_event("witness_refused witness=%s device=%" PRId64
		    " size=%" PRIu64 " reason=%s", a->w->key.name, a->device,
		    a->size, why);
	if ((err = store_cosig_find(a->s->c->store, a->device,
	    a->w->key.name, &c)) != 0)
		return err;
	wait = c.failures < 8 ? RETRY_S << c.failures : RETRY_MOST_S;
	c.failures++;
	c.retry = clock_wall_s() + (wait < RETRY_MOST_S ? wait :
	    RETRY_MOST_S);
	return keep(a, &c, bytes_of(NULL, 0));
}

/* Whether the name is the log's own, or below it. */
static bool
is_of_log(struct bytes name, const struct store_device *d)
{
	char origin[STORE_ORG_SIZE + DEVICEID_SIZE];
	size_t n;

	(void)snprintf(origin, sizeof(origin), "%s/%s", d->org, d->id);
	n = strlen(origin);
	return name.n >= n && memcmp(name.p, origin, n) == 0 &&
	    (name.n == n || name.p[n] == '/');
}

/*
 * Whether the name is of somebody who speaks for himself: a bad line in such a
 * name spoils the note for all who know the key.
 */
static bool
is_known(const struct asked *a, struct bytes name,
    const struct store_device *d)
{
	const struct console *c = a->s->c;
	const struct root *root;
	const struct trust *t;
	size_t i;

	if (is_of_log(name, d) || bytes_is(name, c->self.key.name))
		return true;
	for (i = 0; i < a->s->n; i++)
		if (bytes_is(name, a->s->asked[i].w->key.name))
			return true;
	if (owners_trust(c->owners, d->org, &t) != 0)
		return true;
	root = t != NULL ? trust_root(t) : NULL;
	for (i = 0; root != NULL && i < root->n_witnesses; i++)
		if (bytes_equal(name, root->witnesses[i].name))
			return true;
	return false;
}

/*
 * The lines of its answer that go with the checkpoint: its own first, which
 * was verified; then, as far as there is room, those that mean nothing here.
 */
static void
put_lines(const struct asked *a, const struct store_device *d, struct buf *b,
    struct bytes answer)
{
	const struct note_key *key = &a->w->key;
	struct bytes rest = answer;
	struct note_signature s;
	struct buf value;
	size_t n = 0;

	buf_init(&value, POST_ANSWER_MAX);
	while (note_next(&rest, &value, &s) == 1)
		if (n == 0 && note_signature_is_by(&s, key)) {
			buf_put_bytes(b, s.line);
			n++;
		}
	while (note_next(&answer, &value, &s) == 1)
		if (!note_signature_is_by(&s, key) && n < LINES_MAX &&
		    b->n + s.line.n <= LINES_ROOM && (bytes_is(s.name,
		    key->name) || !is_known(a, s.name, d))) {
			buf_put_bytes(b, s.line);
			n++;
		}
	buf_free(&value);
}

/* The log's lines of the note, without ours. */
static void
put_own(struct buf *b, const struct note *n, const char *witness)
{
	struct bytes rest = n->signatures;
	struct note_signature s;
	struct buf value;

	buf_init(&value, NOTE_MAX);
	buf_put_bytes(b, n->text);
	buf_put_u8(b, '\n');
	while (note_next(&rest, &value, &s) == 1)
		if (!bytes_is(s.name, witness))
			buf_put_bytes(b, s.line);
	buf_free(&value);
}

static int
take_lines(struct asked *a, struct bytes answer)
{
	struct store_device d;
	struct store_cosig c;
	struct buf note, lines;
	struct note n;
	int64_t time = 0;
	int err;

	if ((err = note_parse(buf_bytes(&a->note), &n)) != 0)
		return err;
	err = cosignature_verify(n.text, answer, &a->w->key, &time);
	if (err == 0 && time > clock_wall_s() + AHEAD_S)
		err = ERR_RANGE;
	if (err != 0)
		return put_off(a, err_word(err));
	if ((err = store_device_find_n(a->s->c->store, a->device, &d)) != 0)
		return err;
	buf_init(&lines, POST_ANSWER_MAX);
	buf_init(&note, NOTE_MAX);
	put_lines(a, &d, &lines, answer);
	put_own(&note, &n, a->s->c->self.key.name);
	buf_put_bytes(&note, buf_bytes(&lines));
	memset(&c, 0, sizeof(c));
	c.device = a->device;
	(void)snprintf(c.witness, sizeof(c.witness), "%s", a->w->key.name);
	c.size = a->size;
	c.time = time;
	if ((err = buf_error(&lines)) == 0 && (err = buf_error(&note)) == 0 &&
	    (err = keep(a, &c, buf_bytes(&note))) == 0 &&
	    (err = store_device_find_n(a->s->c->store, a->device, &d)) == 0 &&
	    d.note_size == a->size)
		links_cosigned(&a->s->c->links, d.id, buf_bytes(&lines));
	buf_free(&note);
	buf_free(&lines);
	return err;
}

/* It has another size than we thought: once more, from there. */
static int
take_size(struct asked *a, struct bytes body)
{
	uint64_t size;

	if (body.n > 0 && body.p[body.n - 1] == '\n')
		body.n--;
	if (checkpoint_parse_size(body, &size) != 0)
		return put_off(a, "conflict");
	if (size > a->size)
		return put_off(a, "ahead");
	if (a->again)
		return put_off(a, "conflict");
	a->again = true;
	return ask(a, size);
}

static void
pause_it(struct asked *a, long status)
{
	a->pause = a->pause == 0 ? PAUSE_MS : 2 * a->pause;
	if (a->pause > PAUSE_MOST_MS)
		a->pause = PAUSE_MOST_MS;
	a->paused_until = uv_now(a->s->c->loop) + a->pause;
	if (console_may_log(a->s->c))
		conlog_event("witness_unreachable witness=%s status=%ld",
		    a->w->key.name, status);
}

static void
on_answer(void *ctx, long status, struct bytes body)
{
	struct asked *a = ctx;
	char text[32];
	int err = 0;

	if (status == 0 || status == 429 || status >= 500) {
		pause_it(a, status);
		return;
	}
	a->pause = 0;
	if (status == WITNESS_OK) {
		err = take_lines(a, body);
	} else if (status == WITNESS_CONFLICT) {
		err = take_size(a, body);
	} else {
		(void)snprintf(text, sizeof(text), "%ld", status);
		err = put_off(a, text);
	}
	if (err != 0)
		conlog_event("witness_answer_lost witness=%s error=%s",
		    a->w->key.name, err_word(err));
	else
		ask_next(a);
}

/* ---- its life ---- */

void
submit_news(struct submit *s)
{
	size_t i;

	for (i = 0; s != NULL && i < s->n; i++)
		ask_next(&s->asked[i]);
}

static void
on_look(uv_timer_t *t)
{
	submit_news(t->data);
}

int
submit_new(struct console *c, struct submit **ret_s)
{
	const struct settings *settings = c->settings;
	struct submit *s;
	struct asked *a;
	int err;

	if (settings->n_witnesses == 0) {
		*ret_s = NULL;
		return 0;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ERR_NOMEM;
	s->c = c;
	(void)uv_timer_init(c->loop, &s->timer);
	s->timer.data = s;
	for (; s->n < settings->n_witnesses; s->n++) {
		a = &s->asked[s->n];
		a->s = s;
		a->w = &settings->witnesses[s->n];
		buf_init(&a->note, NOTE_MAX);
		if ((err = post_new(c->loop, on_answer, a, &a->post)) != 0) {
			submit_close(s);
			return err;
		}
	}
	(void)uv_timer_start(&s->timer, on_look, 0, LOOK_MS);
	*ret_s = s;
	return 0;
}

static void
on_closed(uv_handle_t *h)
{
	struct submit *s = h->data;
	size_t i;

	for (i = 0; i < s->n; i++)
		buf_free(&s->asked[i].note);
	free(s);
}

void
submit_close(struct submit *s)
{
	size_t i;

	if (s == NULL || s->closing)
		return;
	s->closing = true;
	for (i = 0; i < s->n; i++)
		post_close(s->asked[i].post);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
