/*
 * audit.c - verifying a journal, record by record.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#include "common/audit.h"
#include "common/audit_inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Cards are forgotten later than on the device, which looked only now and
 * then: what it still knew must be known here.
 */
#define LATER 3600

static const char *const words[AUDIT_WRONGS] = {
	[AUDIT_RIGHT] = "right",
	[AUDIT_FRAME] = "frame",
	[AUDIT_ORDER] = "order",
	[AUDIT_GRAMMAR] = "grammar",
	[AUDIT_GENESIS] = "genesis",
	[AUDIT_BLOB] = "blob",
	[AUDIT_STATE] = "state",
	[AUDIT_TRUST] = "trust",
	[AUDIT_CARD] = "card",
	[AUDIT_PROOF] = "proof",
	[AUDIT_POLICY] = "policy",
	[AUDIT_TWICE] = "twice",
	[AUDIT_EPOCH] = "epoch",
	[AUDIT_SNAPSHOT] = "snapshot",
	[AUDIT_ROOT] = "root",
	[AUDIT_CHECKPOINT] = "checkpoint",
	[AUDIT_COSIGNATURE] = "cosignature",
	[AUDIT_CUT] = "cut",
};

const char *
audit_word(enum audit_wrong wrong)
{
	return (size_t)wrong < AUDIT_WRONGS ? words[wrong] : "unknown";
}

int
audit_new(const struct audit_source *source, struct audit **ret_a)
{
	struct audit *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return ERR_NOMEM;
	a->source = *source;
	a->floor = a->latest = a->taken_back_from = INT64_MIN;
	a->next_note = UINT64_MAX;
	if ((err = queue_new(&a->queue)) != 0) {
		free(a);
		return err;
	}
	*ret_a = a;
	return 0;
}

void
audit_free(struct audit *a)
{
	struct audit_ran *r;

	if (a == NULL)
		return;
	while ((r = a->ran_first) != NULL) {
		a->ran_first = r->next;
		free(r);
	}
	digestmap_free(&a->ran);
	audit_steps_free(a);
	trust_free(a->trust);
	queue_free(a->queue);
	standing_fini(&a->standing);
	audit_free_notes(a);
	record_free(a->doc);
	free(a);
}

int
audit_wrong(struct audit *a, enum audit_wrong wrong, const char *fmt, ...)
{
	va_list ap;

	a->finding.wrong = wrong;
	a->finding.index = a->next;
	va_start(ap, fmt);
	(void)vsnprintf(a->finding.text, sizeof(a->finding.text), fmt, ap);
	va_end(ap);
	return ERR_CORRUPT;
}

const struct audit_finding *
audit_finding(const struct audit *a)
{
	return &a->finding;
}

void
audit_counts(const struct audit *a, struct audit_counts *ret_c)
{
	*ret_c = a->counts;
	ret_c->open = queue_open_count(a->queue) +
	    queue_count(a->queue, STATE_RUNNING);
}

const char *
audit_device(const struct audit *a)
{
	return a->device;
}

const char *
audit_org(const struct audit *a)
{
	return a->org;
}

/* Times go up, but where the clock was taken back. */
static int
check_time(struct audit *a)
{
	const struct record *rec = a->rec;

	if (rec->kind == RECORD_CLOCK) {
		a->floor = rec->floor < rec->time ? rec->floor : rec->time;
		return 0;
	}
	if (rec->time < a->floor)
		return audit_wrong(a, AUDIT_ORDER,
		    "it is from before the record that precedes it");
	a->floor = rec->time;
	return 0;
}

/* Steps of a card that is there; one that is not, is the fold's to say. */
static int
check_step(struct audit *a, const struct queue_item *item)
{
	const struct record *rec = a->rec;
	int err;

	switch ((int)rec->kind) {
	case RECORD_APPROVAL_ACCEPTED:
		err = audit_fresh(a);
		return err == 0 ? audit_consent(a, item) : err;
	case RECORD_DENIED:
		return audit_consent(a, item);
	case RECORD_CANCELLED:
		return rec->has[RF_PROOF] ? audit_consent(a, item) :
		    audit_withdrawn(a, item);
	case RECORD_APPROVAL_LAPSED:
		return rec->enough ? audit_lapsed(a, item) : 0;
	case RECORD_NONCE:
		return audit_renewed(a, item);
	case RECORD_EXPIRED:
		return audit_expired(a, item);
	case RECORD_PLANNED:
		return audit_planned(a, item);
	default:
		return 0;
	}
}

/* What the record says against what it should say, before it is folded. */
static int
check_meaning(struct audit *a)
{
	const struct record *rec = a->rec;
	const struct queue_item *item = queue_find(a->queue, &rec->card);
	int err;

	switch ((int)rec->kind) {
	case RECORD_GENESIS:
		return audit_genesis(a);
	case RECORD_TRUST:
		return audit_trust_file(a);
	case RECORD_STATE:
		return audit_state(a);
	case RECORD_LOCKDOWN:
	case RECORD_LOCKDOWN_LIFTED:
		return audit_lock(a);
	case RECORD_RECOVERED:
		return audit_recovered(a);
	case RECORD_CARD_RECEIVED:
		return audit_received(a);
	case RECORD_EXEC_INTENT:
		err = audit_fresh(a);
		return err == 0 ? audit_intent(a, item) : err;
	default:
		return item != NULL ? check_step(a, item) : 0;
	}
}

/* Where it begins: with a genesis, or with what was kept of a pruned part. */
static int
begin(struct audit *a)
{
	int err;

	if (a->next != a->first)
		return 0;
	if (a->first > 0 && (err = audit_begin_pruned(a)) != 0)
		return err;
	return audit_begin_tree(a);
}

/* The record becomes part of all that is known. */
static int
fold(struct audit *a, int64_t trust_floor)
{
	int err = queue_fold(a->queue, a->next, a->rec);

	if (err == ERR_CORRUPT)
		return audit_wrong(a, AUDIT_STATE, "%s",
		    queue_error(a->queue));
	if (err == 0)
		err = audit_stand(a, trust_floor);
	if (err == 0 && a->rec->kind == RECORD_EXEC_RESULT)
		audit_result(a);
	return err;
}

static int
verify(struct audit *a, struct bytes payload)
{
	int64_t floor;
	int err;

	err = record_read(payload, &a->doc);
	if (err == ERR_NOMEM)
		return err;
	if (err != 0)
		return audit_wrong(a, AUDIT_GRAMMAR,
		    "it does not read as a record: %s", err_text(err));
	a->rec = record_of(a->doc);
	if ((a->rec->kind == RECORD_GENESIS) != (a->next == 0))
		return audit_wrong(a, AUDIT_GENESIS, a->next == 0 ?
		    "the journal does not begin with one" : "a second one");
	if ((err = begin(a)) != 0 || (err = check_time(a)) != 0)
		return err;
	floor = a->trust != NULL ? trust_clock_floor(a->trust) : 0;
	queue_forget(a->queue, a->rec->time - LATER);
	if ((err = check_meaning(a)) != 0 ||
	    (err = audit_leaf(a, payload)) != 0 ||
	    (err = fold(a, floor)) != 0)
		return err;
	return audit_settle(a);
}

int
audit_record(struct audit *a, uint64_t index, struct bytes payload)
{
	if (a->err != 0)
		return a->err;
	a->rec = NULL;
	if (index != a->next)
		a->err = audit_wrong(a, AUDIT_ORDER, "record %" PRIu64
		    " stands where %" PRIu64 " should", index, a->next);
	else
		a->err = verify(a, payload);
	if (a->err != 0)
		return a->err;
	if (a->next == a->first)
		a->counts.first_time = a->rec->time;
	a->counts.last_time = a->rec->time;
	a->counts.records++;
	a->counts.bytes += payload.n;
	a->next++;
	return 0;
}

int
audit_journal(struct audit *a, struct journal_reader *r)
{
	struct journal_fault f;
	struct entry e;
	int got, err = a->err;

	if (err != 0)
		return err;
	while ((got = journal_reader_next(r, &e)) == 1)
		if ((err = audit_record(a, e.index, e.payload)) != 0)
			return err;
	if (got == 0)
		return 0;
	a->err = got;
	if (got != ERR_CORRUPT || (a->err = journal_reader_fault(r, &f)) != 0)
		return a->err;
	a->err = audit_wrong(a, AUDIT_FRAME, "segment %016" PRIx64
	    " at byte %" PRIu64 ": %s; %s", f.segment, f.offset, f.what,
	    f.end == JOURNAL_TORN ? "nothing valid follows: a crash cut it"
	    " short, or somebody did" : "a crash leaves no such thing");
	return a->err;
}
