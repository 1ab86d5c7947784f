/*
 * alarms.c - what a person has to look at: a journal that was tampered with.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 */
#include "console/alarms.h"

#include "console/conlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Open ones of a device: more would be no more news, and fill the disk. */
#define OPEN_MAX 100
/* What a record costs in the store besides its payload. */
#define EVIDENCE_OVERHEAD 128

static const char *const words[ALARM_KINDS] = {
	[ALARM_FORK] = "fork",
	[ALARM_ROLLBACK] = "rollback",
	[ALARM_CUT] = "cut",
	[ALARM_MISSING] = "missing",
	[ALARM_OTHER] = "other"
};

const char *
alarm_word(enum alarm_kind kind)
{
	return words[kind];
}

void
alarm_case_hashes(struct alarm_case *c, enum alarm_kind kind, uint64_t first,
    const struct sha256 *ours, const struct sha256 *theirs)
{
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->first = first;
	digest_text(ours, c->ours);
	digest_text(theirs, c->theirs);
}

void
alarm_case_sizes(struct alarm_case *c, enum alarm_kind kind, uint64_t first,
    uint64_t ours, uint64_t theirs)
{
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->first = first;
	(void)snprintf(c->ours, sizeof(c->ours), "%" PRIu64, ours);
	(void)snprintf(c->theirs, sizeof(c->theirs), "%" PRIu64, theirs);
}

/* ---- raising ---- */

/* Whether there is the same one, open or not; and how many are open. */
struct search {
	const struct alarm_case *c;
	int64_t same;		/* its number, or 0 */
	int64_t open;
};

static int
look(void *ctx, const struct store_alarm *a)
{
	struct search *f = ctx;
	const struct alarm_case *c = f->c;

	f->open += a->acknowledged == 0;
	if (strcmp(a->kind, words[c->kind]) != 0 || a->first != c->first ||
	    strcmp(a->ours, c->ours) != 0 || strcmp(a->theirs, c->theirs) != 0)
		return 0;
	/* Of `other` the same may come back once it was acknowledged. */
	if (c->kind != ALARM_OTHER || a->acknowledged == 0)
		f->same = a->n;
	return 0;
}

static int
add(struct store *s, struct store_device *d, const struct alarm_case *c,
    int64_t now, int64_t *ret_n)
{
	struct store_alarm a;
	int err;

	memset(&a, 0, sizeof(a));
	a.device = d->n;
	(void)snprintf(a.kind, sizeof(a.kind), "%s", words[c->kind]);
	a.first = c->first;
	memcpy(a.ours, c->ours, sizeof(a.ours));
	memcpy(a.theirs, c->theirs, sizeof(a.theirs));
	(void)snprintf(a.text, sizeof(a.text), "%s", c->text);
	a.time = now;
	if ((err = store_alarm_add(s, &a, c->proof)) != 0)
		return err;
	*ret_n = a.n;
	conlog_event("alarm device=%s kind=%s first=%" PRIu64 " ours=%s "
	    "theirs=%s text=\"%s\"", d->id, a.kind, a.first,
	    a.ours[0] != '\0' ? a.ours : "-",
	    a.theirs[0] != '\0' ? a.theirs : "-", a.text);
	if (d->alarm[0] != '\0')
		return 0;
	(void)snprintf(d->alarm, sizeof(d->alarm), "%s", c->text);
	return store_device_set_alarm(s, d->n, d->alarm);
}

int
alarm_raise(struct store *s, struct store_device *d,
    const struct alarm_case *c, int64_t now, bool *ret_raised)
{
	struct search f = { c, 0, 0 };
	bool fresh;
	int err;

	if ((err = store_alarm_each(s, d->n, look, &f)) != 0)
		return err;
	fresh = f.same == 0 && f.open < OPEN_MAX;
	if (fresh)
		err = add(s, d, c, now, &f.same);
	if (err == 0 && c->kind == ALARM_FORK && d->branch == 0 &&
	    f.same != 0) {
		d->branch = f.same;
		err = store_device_set_branch(s, d->n, d->branch);
	}
	if (err == 0 && fresh)
		*ret_raised = true;
	return err;
}

static int
find_other(void *ctx, const struct store_alarm *a)
{
	(void)ctx;
	return strcmp(a->kind, words[ALARM_OTHER]) == 0 ? ERR_EXISTS : 0;
}

int
alarm_note(struct store *s, struct store_device *d, const char *text,
    int64_t now, bool *ret_raised)
{
	struct alarm_case c;
	int err;

	if (d->alarm[0] != '\0' && (err = store_alarm_each_open(s, d->n,
	    find_other, NULL)) != 0)
		return err == ERR_EXISTS ? 0 : err;
	memset(&c, 0, sizeof(c));
	c.kind = ALARM_OTHER;
	c.first = d->next;
	c.text = text;
	return alarm_raise(s, d, &c, now, ret_raised);
}

/* ---- looking at it ---- */

static int
first_text(void *ctx, const struct store_alarm *a)
{
	memcpy(ctx, a->text, sizeof(a->text));
	return ERR_EXISTS;
}

int
alarm_acknowledge(struct store *s, int64_t n, const char *by,
    const char *reason, int64_t now)
{
	char text[STORE_TEXT_SIZE] = "";
	struct store_alarm a;
	int err;

	if ((err = store_alarm_acknowledge(s, n, by, reason, now)) != 0 ||
	    (err = store_alarm_find(s, n, &a)) != 0)
		return err;
	err = store_alarm_each_open(s, a.device, first_text, text);
	if (err != 0 && err != ERR_EXISTS)
		return err;
	return store_device_set_alarm(s, a.device, text);
}

/* ---- evidence ---- */

int
alarm_keep(struct store *s, struct store_device *d, uint64_t index,
    const struct sha256 *leaf, struct bytes payload)
{
	bool fresh = false;
	int err;

	err = store_evidence_add(s, d->branch, index, leaf, payload, &fresh);
	if (err == 0 && fresh)
		d->bytes += (int64_t)payload.n + EVIDENCE_OVERHEAD;
	return err;
}
