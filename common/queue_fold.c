/*
 * queue_fold.c - what a record makes of the queue.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#include "common/approval.h"
#include "common/queue_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who ends cards without a proof, in `by`. */
#define BY_CONSOLE "console"
#define BY_DEVICE "device"

/* One fold: everything that its steps need. */
struct fold {
	struct queue *q;
	uint64_t index;
	const struct record *rec;
	struct queue_item *item;
};

static int
corrupt(struct fold *f, const char *what)
{
	char hex[2 * SHA256_SIZE + 1];

	hex_encode(bytes_of(f->rec->card.b, SHA256_SIZE), hex);
	(void)snprintf(f->q->error, sizeof(f->q->error), "%s of card %.16s: %s",
	    record_kind_word(f->rec->kind), hex, what);
	return ERR_CORRUPT;
}

/* Takes a string over. */
static int
set_text(struct fold *f, struct bytes v, const char **to)
{
	const char *s;
	int err;

	if ((err = queue_text_take(f->q, v, &s)) != 0)
		return err == ERR_NOMEM ? err : corrupt(f, "a NUL in a text");
	queue_text_drop(f->q, *to);
	*to = s;
	return 0;
}

/* A copy of a short text, cut where a character ends. */
static void
set_reason(struct queue_item *item, struct bytes v)
{
	size_t n = v.n < sizeof(item->reason) ? v.n : sizeof(item->reason) - 1;

	while (n > 0 && n < v.n && (v.p[n] & 0xc0) == 0x80)
		n--;
	if (n > 0)
		memcpy(item->reason, v.p, n);
	item->reason[n] = '\0';
}

static const char *
constant_word(struct bytes v, const char *const *words)
{
	for (; *words != NULL; words++)
		if (bytes_is(v, *words))
			return *words;
	return "";
}

static const char *
profile_word(struct bytes v)
{
	static const char *const words[] = {
		"observe", "repair", "full", NULL
	};

	return constant_word(v, words);
}

static void
set_key(char to[KEYID_SIZE], struct bytes key)
{
	if (key.n < KEYID_SIZE && key.n > 0)
		memcpy(to, key.p, key.n);
}

/* Asks the table, and goes where it says. */
static int
step(struct fold *f, enum card_event event)
{
	struct queue_item *item = f->item;
	const char *word = "";
	enum card_state next;
	char what[80];

	if (state_next(item->state, event, &next, &word) != 0) {
		(void)snprintf(what, sizeof(what), "%s while %s: %s",
		    state_event_word(event), state_word(item->state), word);
		return corrupt(f, what);
	}
	if (next == STATE_APPROVED && item->state != STATE_APPROVED)
		item->enough_index = f->index;
	if (state_is_end(next) && !state_is_end(item->state)) {
		item->ended = f->rec->time;
		queue_item_clear_approvals(f->q, item);
	}
	return queue_item_move(f->q, item, next);
}

/*
 * The item of a digest that a new card may not have. One whose time is over
 * has been forgotten where the record was made, if not yet here.
 */
static int
claim(struct fold *f)
{
	struct queue_item *old = queue_get(f->q, &f->rec->card);

	if (old != NULL && state_is_end(old->state) &&
	    queue_item_until(old) < f->rec->time) {
		queue_item_drop(f->q, old);
		old = NULL;
	}
	if (old != NULL)
		return corrupt(f, "known_card");
	return queue_item_new(f->q, &f->rec->card, f->rec->id, &f->item);
}

static int
fold_received(struct fold *f)
{
	static const char *const decisions[] = {
		"auto", "approval_needed", NULL
	};
	const struct record *rec = f->rec;
	struct queue_item *item;
	int err;

	if (rec->proposer.n == 0)
		return corrupt(f, "no proposer");
	if ((err = claim(f)) != 0)
		return err;
	item = f->item;
	if ((err = set_text(f, rec->proposer, &item->proposer)) != 0 ||
	    (err = set_text(f, rec->requester, &item->requester)) != 0 ||
	    (err = set_text(f, rec->tool, &item->tool)) != 0 ||
	    (err = set_text(f, rec->boot_id, &item->boot_id)) != 0)
		return err;
	set_key(item->key, rec->key);
	item->index = f->index;
	item->received = rec->time;
	item->received_boot_ms = rec->boot_ms;
	item->created = rec->created;
	item->expires = rec->expires;
	item->profile = profile_word(rec->profile);
	item->decision = constant_word(rec->decision, decisions);
	item->require_manager = rec->require_manager;
	item->policy = rec->policy;
	memcpy(item->device_nonce, rec->device_nonce.p,
	    sizeof(item->device_nonce));
	if ((err = step(f, EVENT_RECEIVE)) == 0 && rec->enough)
		err = step(f, EVENT_ENOUGH);
	return err;
}

static int
fold_card_refused(struct fold *f)
{
	/* A card lives a day at most, and may be made a little ahead. */
	const int64_t longest = CAP_CARD_LIFE + 2 * CAP_CLOCK_SKEW;
	const struct record *rec = f->rec;
	int err;

	if (!rec->final)
		return 0;
	if ((err = claim(f)) != 0 ||
	    (err = set_text(f, rec->proposer, &f->item->proposer)) != 0)
		return err;
	f->item->index = f->index;
	f->item->received = rec->time;
	f->item->received_boot_ms = rec->boot_ms;
	f->item->expires = rec->has[RF_EXPIRES] ? rec->expires :
	    rec->time + longest;
	set_reason(f->item, rec->reason);
	return step(f, EVENT_REFUSE);
}

static int
fold_nonce(struct fold *f)
{
	struct queue_item *item = f->item;
	int err;

	if ((err = step(f, EVENT_RENEW)) != 0)
		return err;
	queue_item_clear_approvals(f->q, item);
	memcpy(item->device_nonce, f->rec->device_nonce.p,
	    sizeof(item->device_nonce));
	return set_text(f, f->rec->boot_id, &item->boot_id);
}

/* Makes place for one more approval at the end; its person's earlier one
 * goes. */
static int
approval_place(struct fold *f)
{
	struct queue_item *item = f->item;
	struct queue_approval *p;
	size_t i;

	if (queue_item_has_approval(item, &f->rec->approval))
		return corrupt(f, "accepted already");
	for (i = 0; i < item->n_approvals; i++) {
		if (bytes_is(f->rec->approver, item->approvals[i].approver)) {
			queue_item_remove_approval(f->q, item, i);
			break;
		}
	}
	if (item->n_approvals == QUEUE_APPROVALS)
		return corrupt(f, "too many approvals");
	p = realloc(item->approvals,
	    (item->n_approvals + 1) * sizeof(item->approvals[0]));
	if (p == NULL)
		return ERR_NOMEM;
	item->approvals = p;
	return 0;
}

/* The roles in which somebody approves; 0 for others. */
static int
approver_role(struct bytes word)
{
	return bytes_is(word, "technician") ? (int)APPROVAL_TECHNICIAN :
	    bytes_is(word, "admin") ? (int)APPROVAL_ADMIN :
	    bytes_is(word, "manager") ? (int)APPROVAL_MANAGER : 0;
}

static int
fold_accepted(struct fold *f)
{
	const struct record *rec = f->rec;
	struct queue_approval *a;
	const char *approver = "";
	int role = approver_role(rec->role), err;

	if (role == 0)
		return corrupt(f, "a role that does not approve");
	/* The table first: nothing is added to a card that has ended. */
	if ((err = step(f, rec->enough ? EVENT_ENOUGH : EVENT_APPROVE)) != 0 ||
	    (err = set_text(f, rec->approver, &approver)) != 0)
		return err;
	if ((err = approval_place(f)) != 0) {
		queue_text_drop(f->q, approver);
		return err;
	}
	a = &f->item->approvals[f->item->n_approvals];
	memset(a, 0, sizeof(*a));
	a->approver = approver;
	a->digest = rec->approval;
	a->policy = rec->policy;
	a->role = role;
	set_key(a->key, rec->key);
	a->issued = rec->issued;
	a->expires = rec->expires;
	a->index = f->index;
	f->item->n_approvals++;
	return 0;
}

static int
fold_lapsed(struct fold *f)
{
	struct queue_item *item = f->item;
	size_t i;

	for (i = 0; i < item->n_approvals; i++) {
		if (!sha256_equal(&item->approvals[i].digest,
		    &f->rec->approval))
			continue;
		queue_item_remove_approval(f->q, item, i);
		return step(f, f->rec->enough ? EVENT_SPARE : EVENT_LAPSE);
	}
	return corrupt(f, "no such approval");
}

/* What a refused approval or cancel is remembered for: it comes again. */
static int
fold_seen(struct fold *f)
{
	const struct record *rec = f->rec;

	if (!rec->has[RF_APPROVAL] || !rec->has[RF_CARD])
		return 0;
	return queue_seen_add(f->q, &rec->approval,
	    rec->time + CAP_APPROVAL_TTL_MAX + CAP_CLOCK_SKEW, rec->time);
}

static int
fold_denied(struct fold *f)
{
	int err = step(f, EVENT_DENY);

	return err != 0 ? err : set_text(f, f->rec->approver, &f->item->by);
}

/* Whoever ends a card says whether it ran: then it is only told to stop. */
static int
fold_stop(struct fold *f, enum card_event event, const char *reason)
{
	struct queue_item *item = f->item;
	bool running = item->state == STATE_RUNNING;
	int err;

	if ((err = step(f, event)) != 0)
		return err;
	if (f->rec->running != running)
		return corrupt(f, running ? "it was running" :
		    "it was not running");
	if (running && item->stopping)
		return 0;
	item->stopping = running;
	set_reason(item, bytes_str(reason));
	return set_text(f, f->rec->by, &item->by);
}

static int
fold_vetoed(struct fold *f)
{
	return fold_stop(f, EVENT_VETO, "veto");
}

static int
fold_cancelled(struct fold *f)
{
	const struct record *rec = f->rec;
	char reason[QUEUE_REASON_SIZE];
	enum card_event event;

	if (rec->has[RF_PAYLOAD] != rec->has[RF_PROOF])
		return corrupt(f, "half a proof");
	if (rec->has[RF_PROOF])
		event = bytes_is(rec->by, f->item->proposer) ?
		    EVENT_CANCEL_BY_PROPOSER : EVENT_CANCEL_BY_APPROVER;
	else if (bytes_is(rec->by, BY_CONSOLE))
		event = rec->running ? EVENT_WITHDRAW_STOP : EVENT_WITHDRAW;
	else if (bytes_is(rec->by, BY_DEVICE))
		event = EVENT_CANCEL_BY_DEVICE;
	else
		return corrupt(f, "by somebody without a proof");
	(void)snprintf(reason, sizeof(reason), "%.*s",
	    (int)(rec->reason.n < sizeof(reason) ? rec->reason.n :
	    sizeof(reason) - 1), (const char *)rec->reason.p);
	return fold_stop(f, event, reason);
}

static int
fold_expired(struct fold *f)
{
	return step(f, EVENT_EXPIRE);
}

static int
fold_planned(struct fold *f)
{
	return step(f, EVENT_PLAN);
}

static int
fold_intent(struct fold *f)
{
	const struct record *rec = f->rec;
	struct queue_item *item = f->item;
	size_t i;
	int err;

	for (i = 0; i < rec->n_approvals; i++)
		if (!queue_item_has_approval(item, &rec->approvals[i]))
			return corrupt(f, "an approval that it does not have");
	if ((err = step(f, EVENT_INTENT)) != 0)
		return err;
	item->intent_index = f->index;
	item->intent_time = rec->time;
	item->plan = rec->plan;
	item->profile = profile_word(rec->profile);
	queue_list_add(f->q, QUEUE_RUNS, item);
	return 0;
}

static int
fold_started(struct fold *f)
{
	int err = step(f, EVENT_STARTED);

	if (err == 0 && f->item->started)
		return corrupt(f, "started already");
	f->item->started = true;
	return err;
}

static int
fold_result(struct fold *f)
{
	static const struct {
		const char *word;
		enum card_event event;
	} outcomes[] = {
		{ "finished", EVENT_FINISH },
		{ "timed_out", EVENT_TIME_OUT },
		{ "killed", EVENT_KILL },
		{ "failed_to_start", EVENT_FAIL_START },
	};
	const struct record *rec = f->rec;
	struct queue_result *r = &f->item->result;
	size_t i;
	int err;

	for (i = 0; !bytes_is(rec->outcome, outcomes[i].word); i++)
		if (i + 1 == sizeof(outcomes) / sizeof(outcomes[0]))
			return corrupt(f, "an outcome that is none");
	if ((err = step(f, outcomes[i].event)) != 0)
		return err;
	if (rec->has[RF_EXIT_CODE])
		r->exit_code = rec->exit_code;
	r->signal = rec->signal;
	r->wall_ms = rec->wall_ms;
	r->stdout_bytes = rec->stdout_bytes;
	r->stderr_bytes = rec->stderr_bytes;
	r->truncated = rec->truncated;
	r->transcript_bytes = rec->transcript_bytes;
	r->transcript_hash = rec->transcript_hash;
	set_reason(f->item, rec->reason);
	return 0;
}

static int
fold_interrupted(struct fold *f)
{
	int err = step(f, EVENT_INTERRUPT);

	if (err == 0)
		set_reason(f->item, f->rec->reason);
	return err;
}

/* What folds a kind; those without a row have nothing to do with cards. */
struct fold_kind {
	int (*fold)(struct fold *f);
	bool needs_item;	/* of the card that it names */
};

/* clang-format off */
static const struct fold_kind kinds[RECORD_KINDS] = {
	[RECORD_CARD_RECEIVED]		= { fold_received, false },
	[RECORD_CARD_REFUSED]		= { fold_card_refused, false },
	[RECORD_NONCE]			= { fold_nonce, true },
	[RECORD_APPROVAL_ACCEPTED]	= { fold_accepted, true },
	[RECORD_APPROVAL_REFUSED]	= { fold_seen, false },
	[RECORD_APPROVAL_LAPSED]	= { fold_lapsed, true },
	[RECORD_DENIED]			= { fold_denied, true },
	[RECORD_VETOED]			= { fold_vetoed, true },
	[RECORD_CANCELLED]		= { fold_cancelled, true },
	[RECORD_EXPIRED]		= { fold_expired, true },
	[RECORD_PLANNED]		= { fold_planned, true },
	[RECORD_EXEC_INTENT]		= { fold_intent, true },
	[RECORD_EXEC_STARTED]		= { fold_started, true },
	[RECORD_EXEC_RESULT]		= { fold_result, true },
	[RECORD_EXEC_INTERRUPTED]	= { fold_interrupted, true },
	[RECORD_CANCEL_REFUSED]		= { fold_seen, false },
};
/* clang-format on */

int
queue_fold(struct queue *q, uint64_t index, const struct record *rec)
{
	struct fold f = { q, index, rec, NULL };
	const struct fold_kind *k = &kinds[rec->kind];
	int err;

	q->error[0] = '\0';
	if (q->over != NULL)
		queue_item_drop(q, q->over);
	if (k->fold == NULL)
		return 0;
	if (k->needs_item) {
		if ((f.item = queue_get(q, &rec->card)) == NULL)
			return corrupt(&f, "unknown_card");
	}
	if ((err = k->fold(&f)) != 0 || f.item == NULL)
		return err;
	f.item->last_index = index;
	/* Not at once: whoever made the record may still look at the item. */
	if (state_is_end(f.item->state) &&
	    queue_item_until(f.item) < q->horizon)
		q->over = f.item;
	return 0;
}
