/*
 * test_queue.c - folding records into cards: lives, nonsense, memory.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the unit tests.
 */
#include "common/queue.h"
#include "tests/harness/records.h"
#include "tests/harness/test.h"

#define T0 SAMPLE_TIME
#define MANY 10000

static struct queue *q;
static uint64_t next_index;
static int64_t now = T0;

static struct sha256
digest_of(unsigned n)
{
	struct sha256 d;

	digest_sha256(bytes_of(&n, sizeof(n)), &d);
	return d;
}

static void
begin(struct record *rec, enum record_kind kind, unsigned card)
{
	struct sha256 d = digest_of(card);

	sample_record(rec, kind, false);
	record_set_time(rec, now, 1000);
	if (record_kind_has(kind, RF_CARD))
		record_set_digest(rec, RF_CARD, &d);
}

static int
fold(const struct record *rec)
{
	return queue_fold(q, next_index++, rec);
}

static int
receive_by(unsigned card, const char *proposer, int64_t expires, bool enough)
{
	char id[UUID_TEXT_SIZE];
	struct record rec;

	begin(&rec, RECORD_CARD_RECEIVED, card);
	(void)snprintf(id, sizeof(id), "01890a5d-ac96-774b-bcce-b302%08x",
	    card);
	record_set_str(&rec, RF_ID, id);
	record_set_str(&rec, RF_PROPOSER, proposer);
	record_set_int(&rec, RF_EXPIRES, expires);
	record_set_str(&rec, RF_TOOL, "command");
	record_set_str(&rec, RF_REQUESTER, "ann@example.org");
	if (enough)
		record_set_bool(&rec, RF_ENOUGH, true);
	return fold(&rec);
}

static int
receive(unsigned card)
{
	return receive_by(card, "ai-1", T0 + 3600, false);
}

static int
approve(unsigned card, unsigned approval, const char *who, bool enough)
{
	struct sha256 d = digest_of(1000000 + approval);
	struct record rec;

	begin(&rec, RECORD_APPROVAL_ACCEPTED, card);
	record_set_digest(&rec, RF_APPROVAL, &d);
	record_set_str(&rec, RF_APPROVER, who);
	record_set_int(&rec, RF_EXPIRES, T0 + 900 + approval);
	if (enough)
		record_set_bool(&rec, RF_ENOUGH, true);
	return fold(&rec);
}

static int
lapse(unsigned card, unsigned approval, bool enough)
{
	struct sha256 d = digest_of(1000000 + approval);
	struct record rec;

	begin(&rec, RECORD_APPROVAL_LAPSED, card);
	record_set_digest(&rec, RF_APPROVAL, &d);
	if (enough)
		record_set_bool(&rec, RF_ENOUGH, true);
	return fold(&rec);
}

static int
simple(enum record_kind kind, unsigned card)
{
	struct record rec;

	begin(&rec, kind, card);
	rec.n_approvals = 0;
	return fold(&rec);
}

static int
result(unsigned card, const char *outcome)
{
	struct record rec;

	begin(&rec, RECORD_EXEC_RESULT, card);
	record_set_str(&rec, RF_OUTCOME, outcome);
	record_set_str(&rec, RF_REASON, "veto");
	record_set_int(&rec, RF_EXIT_CODE, 7);
	return fold(&rec);
}

/* by: a person with a proof, or "console" or "device" without. */
static int
cancel(unsigned card, const char *by, bool proof, bool running)
{
	struct record rec;

	begin(&rec, RECORD_CANCELLED, card);
	record_set_str(&rec, RF_BY, by);
	record_set_str(&rec, RF_REASON, "why");
	if (proof) {
		sample_set(&rec, RF_PAYLOAD);
		sample_set(&rec, RF_PROOF);
	}
	if (running)
		record_set_bool(&rec, RF_RUNNING, true);
	return fold(&rec);
}

static int
veto(unsigned card, bool running)
{
	struct record rec;

	begin(&rec, RECORD_VETOED, card);
	record_set_str(&rec, RF_BY, "local:ann");
	record_set_bool(&rec, RF_RUNNING, running);
	return fold(&rec);
}

static int
refuse(unsigned card, bool final)
{
	struct record rec;

	begin(&rec, RECORD_CARD_REFUSED, card);
	record_set_bool(&rec, RF_FINAL, final);
	record_set_str(&rec, RF_REASON, "disabled");
	return fold(&rec);
}

static const struct queue_item *
item_of(unsigned card)
{
	struct sha256 d = digest_of(card);

	return queue_find(q, &d);
}

static enum card_state
state_of(unsigned card)
{
	const struct queue_item *item = item_of(card);

	return item != NULL ? item->state : STATE_NONE;
}

static void
open_queue(void)
{
	next_index = 0;
	now = T0;
	CHECK_INT(queue_new(&q), 0);
}

TEST(received)
{
	const struct queue_item *i;
	struct record rec;

	open_queue();
	CHECK_INT(receive(1), 0);
	begin(&rec, RECORD_CARD_RECEIVED, 1);
	i = item_of(1);
	CHECK_INT(i->state, STATE_PENDING);
	CHECK_INT(i->index, 0);
	CHECK_STR(i->id, "01890a5d-ac96-774b-bcce-b30200000001");
	CHECK_STR(i->proposer, "ai-1");
	CHECK_STR(i->requester, "ann@example.org");
	CHECK_STR(i->tool, "command");
	CHECK_STR(i->decision, "auto");
	CHECK_STR(i->profile, "");
	CHECK_STR(i->boot_id, "x");
	CHECK_STR(i->key, "00112233445566778899aabbccddeeff");
	CHECK_INT(i->received, T0);
	CHECK_INT(i->received_boot_ms, 1000);
	CHECK_INT(i->expires, T0 + 3600);
	CHECK_MEM(i->device_nonce, 16, rec.device_nonce.p, 16);
	CHECK(sha256_equal(&i->policy, &rec.policy));
	CHECK_INT(i->result.exit_code, -1);
	CHECK(queue_find_id(q, bytes_str(i->id)) == i);
	CHECK(queue_knows(q, &i->digest));
	CHECK_INT(queue_open_count(q), 1);
	CHECK_INT(queue_count(q, STATE_PENDING), 1);
	CHECK_INT(queue_open_of(q, bytes_str("ai-1")), 1);
	CHECK_INT(queue_open_of(q, bytes_str("ai-2")), 0);
	/* Not again, not as refused either. */
	CHECK_INT(receive(1), ERR_CORRUPT);
	CHECK(strstr(queue_error(q), "known_card") != NULL);
	CHECK_INT(refuse(1, true), ERR_CORRUPT);
	queue_free(q);
	queue_free(NULL);
}

TEST(refused)
{
	open_queue();
	CHECK_INT(refuse(1, false), 0);
	CHECK(item_of(1) == NULL);
	CHECK_INT(refuse(1, true), 0);
	CHECK_INT(state_of(1), STATE_REFUSED);
	CHECK_STR(item_of(1)->reason, "disabled");
	CHECK_INT(receive(1), ERR_CORRUPT);
	CHECK_INT(queue_open_count(q), 0);
	queue_free(q);
}

TEST(approved_and_run)
{
	const struct queue_item *i;
	struct record rec;

	open_queue();
	CHECK_INT(receive(1), 0);
	CHECK_INT(simple(RECORD_EXEC_INTENT, 1), ERR_CORRUPT);
	CHECK(strstr(queue_error(q), "not_approved") != NULL);
	CHECK_INT(approve(1, 1, "bob", true), 0);
	i = item_of(1);
	CHECK_INT(i->state, STATE_APPROVED);
	CHECK_INT(i->n_approvals, 1);
	CHECK_INT(i->enough_index, 2);
	CHECK_STR(i->approvals[0].approver, "bob");
	CHECK_INT(i->approvals[0].role, 1);
	CHECK_INT(queue_next_lapse(q), T0 + 901);
	CHECK(queue_first_approved(q) == i);
	CHECK(queue_next_approved(q, i) == NULL);
	begin(&rec, RECORD_EXEC_INTENT, 1);
	rec.n_approvals = 1;
	rec.approvals[0] = i->approvals[0].digest;
	CHECK_INT(fold(&rec), 0);
	CHECK_INT(i->state, STATE_RUNNING);
	CHECK_STR(i->profile, "observe");
	CHECK_INT(i->intent_index, 3);
	CHECK_INT(queue_open_count(q), 0);
	CHECK(queue_first_open(q) == i);
	CHECK(queue_first_approved(q) == NULL);
	CHECK_INT(simple(RECORD_EXEC_STARTED, 1), 0);
	CHECK(i->started);
	CHECK_INT(result(1, "finished"), 0);
	CHECK_INT(i->state, STATE_FINISHED);
	CHECK_INT(i->result.exit_code, 7);
	CHECK_INT(i->ended, T0);
	CHECK_INT(i->n_approvals, 0);
	CHECK(queue_first_open(q) == NULL);
	CHECK_INT(result(1, "finished"), ERR_CORRUPT);
	queue_free(q);
}

TEST(foreign_approval_in_intent)
{
	struct record rec;

	open_queue();
	CHECK_INT(receive_by(1, "ai-1", T0 + 60, true), 0);
	begin(&rec, RECORD_EXEC_INTENT, 1);
	rec.n_approvals = 1;
	CHECK_INT(fold(&rec), ERR_CORRUPT);
	queue_free(q);
}

TEST(approvals)
{
	const struct queue_item *i;
	char who[16];
	unsigned n;

	open_queue();
	CHECK_INT(receive(1), 0);
	CHECK_INT(approve(1, 1, "bob", false), 0);
	CHECK_INT(state_of(1), STATE_PENDING);
	/* The same person again replaces. */
	CHECK_INT(approve(1, 2, "bob", false), 0);
	i = item_of(1);
	CHECK_INT(i->n_approvals, 1);
	CHECK_INT(approve(1, 3, "eve", true), 0);
	CHECK_INT(i->state, STATE_APPROVED);
	CHECK_INT(i->enough_index, 3);
	CHECK_INT(approve(1, 4, "joe", true), 0);
	CHECK_INT(i->enough_index, 3);
	CHECK_INT(i->n_approvals, 3);
	/* One that the others make up for; then one that they do not. */
	CHECK_INT(lapse(1, 4, true), 0);
	CHECK_INT(i->state, STATE_APPROVED);
	CHECK_INT(lapse(1, 2, false), 0);
	CHECK_INT(i->state, STATE_PENDING);
	CHECK(queue_first_approved(q) == NULL);
	CHECK_INT(i->n_approvals, 1);
	CHECK_STR(i->approvals[0].approver, "eve");
	CHECK(queue_item_has_approval(i, &i->approvals[0].digest));
	CHECK(!queue_item_has_approval(i, &i->digest));
	/* A new nonce takes all. */
	CHECK_INT(approve(1, 5, "bob", true), 0);
	CHECK_INT(simple(RECORD_NONCE, 1), 0);
	CHECK_INT(i->state, STATE_PENDING);
	CHECK_INT(i->n_approvals, 0);
	for (n = 0; n < QUEUE_APPROVALS; n++) {
		(void)snprintf(who, sizeof(who), "p%u", n);
		CHECK_INT(approve(1, 100 + n, who, false), 0);
	}
	CHECK_INT(approve(1, 99, "one-more", false), ERR_CORRUPT);
	queue_free(q);
}

TEST(nonsense_about_approvals)
{
	struct record rec;

	open_queue();
	CHECK_INT(approve(1, 1, "bob", false), ERR_CORRUPT);
	CHECK(strstr(queue_error(q), "unknown_card") != NULL);
	CHECK_INT(receive(1), 0);
	CHECK_INT(lapse(1, 1, false), ERR_CORRUPT);
	CHECK_INT(approve(1, 1, "bob", false), 0);
	CHECK_INT(approve(1, 1, "bob", false), ERR_CORRUPT);
	CHECK_INT(lapse(1, 1, true), ERR_CORRUPT);
	begin(&rec, RECORD_APPROVAL_ACCEPTED, 1);
	record_set_str(&rec, RF_ROLE, "proposer");
	CHECK_INT(fold(&rec), ERR_CORRUPT);
	queue_free(q);
}

/* How each card ends, from which state, and what is kept of it. */
TEST(ends)
{
	open_queue();
	CHECK_INT(receive(1), 0);
	CHECK_INT(simple(RECORD_DENIED, 1), 0);
	CHECK_INT(state_of(1), STATE_DENIED);
	CHECK_STR(item_of(1)->by, "x");
	CHECK_INT(simple(RECORD_DENIED, 1), ERR_CORRUPT);
	CHECK_INT(receive(2), 0);
	CHECK_INT(simple(RECORD_EXPIRED, 2), 0);
	CHECK_INT(state_of(2), STATE_EXPIRED);
	CHECK_INT(receive(3), 0);
	CHECK_INT(simple(RECORD_PLANNED, 3), 0);
	CHECK_INT(state_of(3), STATE_PLANNED);
	CHECK_INT(receive(4), 0);
	CHECK_INT(veto(4, false), 0);
	CHECK_INT(state_of(4), STATE_VETOED);
	CHECK_STR(item_of(4)->by, "local:ann");
	CHECK_INT(receive(5), 0);
	CHECK_INT(veto(5, true), ERR_CORRUPT);
	queue_free(q);
}

TEST(cancels)
{
	static const struct {
		const char *by;
		bool proof, running;	/* in the record */
		bool was_running;
		int err;
	} t[] = {
		{ "bob", true, false, false, 0 },
		{ "bob", true, true, true, 0 },
		{ "bob", true, false, true, ERR_CORRUPT },
		{ "bob", true, true, false, ERR_CORRUPT },
		{ "bob", false, false, false, ERR_CORRUPT },
		{ "ai-1", true, false, false, 0 },
		{ "ai-1", true, true, true, ERR_CORRUPT },
		{ "ai-1", false, false, false, ERR_CORRUPT },
		{ "console", false, false, false, 0 },
		{ "console", false, true, true, 0 },
		{ "console", false, false, true, ERR_CORRUPT },
		{ "device", false, false, false, 0 },
		{ "device", false, true, true, ERR_CORRUPT },
	};
	struct record rec;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		open_queue();
		CHECK_INT(receive_by(1, "ai-1", T0 + 60, t[i].was_running),
		    0);
		if (t[i].was_running)
			CHECK_INT(simple(RECORD_EXEC_INTENT, 1), 0);
		CHECK_MSG(cancel(1, t[i].by, t[i].proof, t[i].running) ==
		    t[i].err, "row %zu: %s", i, queue_error(q));
		if (t[i].err == 0) {
			CHECK_INT(state_of(1), t[i].was_running ?
			    STATE_RUNNING : STATE_CANCELLED);
			CHECK_STR(item_of(1)->reason, "why");
			CHECK_STR(item_of(1)->by, t[i].by);
			CHECK_INT(item_of(1)->stopping, t[i].was_running);
		}
		queue_free(q);
	}
	open_queue();
	CHECK_INT(receive(1), 0);
	begin(&rec, RECORD_CANCELLED, 1);
	sample_set(&rec, RF_PROOF);
	CHECK_INT(fold(&rec), ERR_CORRUPT);
	queue_free(q);
}

TEST(runs)
{
	static const struct {
		const char *outcome;
		enum card_state state;
	} t[] = {
		{ "finished", STATE_FINISHED },
		{ "timed_out", STATE_TIMED_OUT },
		{ "killed", STATE_KILLED },
		{ "failed_to_start", STATE_FAILED_TO_START },
	};
	unsigned i;

	open_queue();
	for (i = 0; i < 4; i++) {
		CHECK_INT(receive_by(i, "ai-1", T0 + 60, true), 0);
		CHECK_INT(simple(RECORD_EXEC_STARTED, i), ERR_CORRUPT);
		CHECK_INT(result(i, t[i].outcome), ERR_CORRUPT);
		CHECK_INT(simple(RECORD_EXEC_INTENT, i), 0);
		CHECK_INT(veto(i, true), 0);
		CHECK(item_of(i)->stopping);
		/* A second order to stop leaves the first one's words. */
		CHECK_INT(cancel(i, "bob", true, true), 0);
		CHECK_STR(item_of(i)->by, "local:ann");
		CHECK_INT(result(i, t[i].outcome), 0);
		CHECK_INT(state_of(i), t[i].state);
		CHECK_INT(simple(RECORD_EXEC_INTENT, i), ERR_CORRUPT);
	}
	CHECK_INT(receive_by(9, "ai-1", T0 + 60, true), 0);
	CHECK_INT(simple(RECORD_EXEC_INTENT, 9), 0);
	CHECK_INT(simple(RECORD_EXEC_STARTED, 9), 0);
	CHECK_INT(simple(RECORD_EXEC_STARTED, 9), ERR_CORRUPT);
	CHECK_INT(simple(RECORD_EXPIRED, 9), ERR_CORRUPT);
	CHECK_INT(simple(RECORD_DENIED, 9), ERR_CORRUPT);
	CHECK_INT(approve(9, 1, "bob", true), ERR_CORRUPT);
	CHECK_INT(result(9, "exploded"), ERR_CORRUPT);
	CHECK_INT(simple(RECORD_EXEC_INTERRUPTED, 9), 0);
	CHECK_INT(state_of(9), STATE_INTERRUPTED);
	CHECK_INT(queue_runs_since(q, bytes_str("command"), T0), 5);
	CHECK_INT(queue_runs_since(q, bytes_str("command"), T0 + 1), 0);
	CHECK_INT(queue_runs_since(q, bytes_str("other"), T0), 0);
	queue_free(q);
}

/* Kinds that are about no card change nothing, whatever they name. */
TEST(other_kinds)
{
	static const enum record_kind kinds[] = {
		RECORD_GENESIS, RECORD_TRUST, RECORD_REFUSED_SUMMARY,
		RECORD_LOCKDOWN, RECORD_LOCKDOWN_LIFTED, RECORD_TRUST_REFUSED,
		RECORD_LINK_REFUSED, RECORD_CHILD_VIOLATION, RECORD_RECOVERED,
		RECORD_CLOCK, RECORD_VERSION, RECORD_APPROVAL_REFUSED,
		RECORD_CANCEL_REFUSED
	};
	size_t i;

	open_queue();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		CHECK_INT(simple(kinds[i], 1), 0);
	CHECK(queue_first(q) == NULL);
	queue_free(q);
}

/* Each kind that is about a card is refused where there is none. */
TEST(unknown_card)
{
	enum record_kind k;

	open_queue();
	for (k = RECORD_NONCE; k <= RECORD_EXEC_INTERRUPTED; k++) {
		if (k == RECORD_APPROVAL_REFUSED)
			continue;
		CHECK_MSG(simple(k, 1) == ERR_CORRUPT, "%s",
		    record_kind_word(k));
		CHECK(strstr(queue_error(q), "unknown_card") != NULL);
	}
	queue_free(q);
}

TEST(seen)
{
	struct sha256 d = digest_of(5);
	struct record rec;

	open_queue();
	CHECK(!queue_has_seen(q, &d));
	begin(&rec, RECORD_APPROVAL_REFUSED, 1);
	record_set_digest(&rec, RF_APPROVAL, &d);
	CHECK_INT(fold(&rec), 0);
	CHECK_INT(fold(&rec), 0);
	CHECK(queue_has_seen(q, &d));
	queue_forget(q, T0 + CAP_APPROVAL_TTL_MAX + CAP_CLOCK_SKEW);
	CHECK(queue_has_seen(q, &d));
	queue_forget(q, T0 + CAP_APPROVAL_TTL_MAX + CAP_CLOCK_SKEW + 61);
	CHECK(!queue_has_seen(q, &d));
	CHECK_INT(fold(&rec), 0);
	CHECK(!queue_has_seen(q, &d));
	queue_free(q);
}

TEST(resolve)
{
	const struct queue_item *i = NULL;
	char text[DIGEST_TEXT_SIZE];
	struct sha256 d, twin;
	struct record rec;

	open_queue();
	CHECK_INT(receive(1), 0);
	CHECK_INT(receive(2), 0);
	d = digest_of(1);
	digest_text(&d, text);
	CHECK_INT(queue_resolve(q, bytes_str(text), &i), 0);
	CHECK(i == item_of(1));
	CHECK_INT(queue_resolve(q, bytes_str(text + 7), &i), 0);
	CHECK_INT(queue_resolve(q, bytes_of(text, 15), &i), 0);
	CHECK_INT(queue_resolve(q, bytes_of(text + 7, 8), &i), 0);
	CHECK(i == item_of(1));
	CHECK_INT(queue_resolve(q, bytes_of(text + 7, 7), &i), ERR_SYNTAX);
	CHECK_INT(queue_resolve(q, bytes_of(text, 14), &i), ERR_SYNTAX);
	CHECK_INT(queue_resolve(q, bytes_str("0123456789abcdeg"), &i),
	    ERR_SYNTAX);
	CHECK_INT(queue_resolve(q, bytes_str("DEADBEEF"), &i), ERR_SYNTAX);
	CHECK_INT(queue_resolve(q, bytes_str("deadbeef"), &i),
	    ERR_NOT_FOUND);
	CHECK_INT(queue_resolve(q, bytes_str(item_of(2)->id), &i), 0);
	CHECK(i == item_of(2));
	CHECK_INT(queue_resolve(q, bytes_str(SAMPLE_ID), &i), ERR_NOT_FOUND);
	/* Two that begin alike, and two with one id. */
	twin = d;
	twin.b[31] ^= 1;
	begin(&rec, RECORD_CARD_REFUSED, 0);
	record_set_digest(&rec, RF_CARD, &twin);
	record_set_bool(&rec, RF_FINAL, true);
	record_set_str(&rec, RF_ID, item_of(1)->id);
	CHECK_INT(fold(&rec), 0);
	CHECK_INT(queue_resolve(q, bytes_of(text, 30), &i), ERR_CONFLICT);
	CHECK_INT(queue_resolve(q, bytes_str(text), &i), 0);
	CHECK_INT(queue_resolve(q, bytes_str(item_of(1)->id), &i),
	    ERR_CONFLICT);
	CHECK(queue_find_id(q, bytes_str(item_of(1)->id)) == item_of(1));
	queue_free(q);
}

TEST(forget)
{
	open_queue();
	CHECK_INT(receive_by(1, "ai-1", T0 + 100, false), 0);
	CHECK_INT(receive_by(2, "ai-1", T0 + 100, true), 0);
	CHECK_INT(receive_by(3, "ai-1", T0 + 9000, false), 0);
	CHECK_INT(simple(RECORD_EXPIRED, 1), 0);
	CHECK_INT(simple(RECORD_EXEC_INTENT, 2), 0);
	CHECK_INT(simple(RECORD_EXEC_INTERRUPTED, 2), 0);
	queue_forget(q, T0 + 400);
	CHECK(item_of(1) != NULL);
	/* It looks only now and then. */
	queue_forget(q, T0 + 401);
	CHECK(item_of(1) != NULL);
	queue_forget(q, T0 + 460);
	CHECK(item_of(1) == NULL);
	CHECK(item_of(2) != NULL);
	CHECK(queue_find_id(q,
	    bytes_str("01890a5d-ac96-774b-bcce-b30200000001")) == NULL);
	queue_forget(q, T0 + 3601);
	CHECK(item_of(2) == NULL);
	CHECK_INT(queue_runs_since(q, bytes_str("command"), 0), 0);
	CHECK(item_of(3) != NULL);
	queue_forget(q, T0 + 90000);
	CHECK(item_of(3) != NULL);
	/* Its end is long over: it goes with the next record. */
	CHECK_INT(simple(RECORD_EXPIRED, 3), 0);
	CHECK_INT(state_of(3), STATE_EXPIRED);
	CHECK_INT(simple(RECORD_VERSION, 0), 0);
	CHECK(item_of(3) == NULL);
	CHECK(queue_first(q) == NULL);
	queue_free(q);
}

/* A digest whose time is over may come again, before anybody forgot it. */
TEST(claim_is_over)
{
	open_queue();
	CHECK_INT(receive_by(1, "ai-1", T0 + 100, false), 0);
	CHECK_INT(simple(RECORD_EXPIRED, 1), 0);
	now = T0 + 400;
	CHECK_INT(refuse(1, true), ERR_CORRUPT);
	now = T0 + 401;
	CHECK_INT(refuse(1, true), 0);
	CHECK_INT(state_of(1), STATE_REFUSED);
	queue_free(q);
}

TEST(forget_after_the_clock_went_back)
{
	open_queue();
	queue_forget(q, T0 + 1000000);
	CHECK_INT(receive_by(1, "ai-1", T0 + 2000000, false), 0);
	CHECK_INT(simple(RECORD_EXPIRED, 1), 0);
	queue_forget(q, T0);
	CHECK(item_of(1) != NULL);
	queue_forget(q, T0 + 2000301);
	CHECK(item_of(1) == NULL);
	queue_free(q);
}

/* Who became approved first goes first; an item may end while it is current. */
TEST(orders)
{
	const struct queue_item *i, *next;
	unsigned n, seen = 0;

	open_queue();
	for (n = 1; n <= 5; n++)
		CHECK_INT(receive(n), 0);
	CHECK_INT(approve(4, 1, "bob", true), 0);
	CHECK_INT(approve(2, 2, "bob", true), 0);
	CHECK_INT(approve(3, 3, "bob", true), 0);
	CHECK_INT(lapse(4, 1, false), 0);
	CHECK_INT(approve(4, 4, "bob", true), 0);
	i = queue_first_approved(q);
	CHECK(i == item_of(2));
	i = queue_next_approved(q, i);
	CHECK(i == item_of(3));
	i = queue_next_approved(q, i);
	CHECK(i == item_of(4));
	CHECK(queue_next_approved(q, i) == NULL);
	n = 1;
	for (i = queue_first_open(q); i != NULL; i = next, n++) {
		next = queue_next_open(q, i);
		CHECK(i == item_of(n));
		CHECK_INT(simple(RECORD_EXPIRED, n), 0);
		seen++;
	}
	CHECK_INT(seen, 5);
	CHECK(queue_first_open(q) == NULL);
	CHECK(queue_first_approved(q) == NULL);
	n = 1;
	for (i = queue_first(q); i != NULL; i = queue_next(q, i), n++)
		CHECK(i == item_of(n));
	CHECK_INT(n, 6);
	queue_free(q);
}

static int64_t
earliest(const int64_t *expires, const bool *open, unsigned n)
{
	int64_t first = INT64_MAX;
	unsigned i;

	for (i = 0; i < n; i++)
		if (open[i] && expires[i] < first)
			first = expires[i];
	return first;
}

TEST(next_expiry)
{
	static int64_t expires[300];
	static bool open[300];
	unsigned i, seed = 1, n = 300;

	open_queue();
	CHECK_INT(queue_next_expiry(q), INT64_MAX);
	CHECK_INT(queue_next_lapse(q), INT64_MAX);
	for (i = 0; i < 2000; i++) {
		unsigned c;

		seed = seed * 1103515245 + 12345;
		c = seed / 65536 % n;
		if (open[c]) {
			CHECK_INT(simple(RECORD_EXPIRED, c), 0);
			open[c] = false;
			expires[c] = -1;
		} else if (expires[c] == 0) {
			expires[c] = T0 + seed / 1024 % 50;
			open[c] = true;
			CHECK_INT(receive_by(c, "ai-1", expires[c], false),
			    0);
		}
		CHECK_INT(queue_next_expiry(q), earliest(expires, open, n));
	}
	queue_free(q);
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

TEST(ten_thousand_pending)
{
	char who[16];
	size_t before = 0, used;
	unsigned i;

	open_queue();
	if (__sanitizer_get_current_allocated_bytes != NULL)
		before = __sanitizer_get_current_allocated_bytes();
	for (i = 0; i < MANY; i++) {
		(void)snprintf(who, sizeof(who), "ai-%u", i % 50);
		CHECK_INT(receive_by(i, who, T0 + 3600 + i, false), 0);
		CHECK_INT(approve(i, i, "bob", false), 0);
	}
	CHECK_INT(queue_open_count(q), MANY);
	CHECK_INT(queue_open_of(q, bytes_str("ai-7")), MANY / 50);
	if (__sanitizer_get_current_allocated_bytes != NULL) {
		used = __sanitizer_get_current_allocated_bytes() - before;
		CHECK_MSG(used < (size_t)16 << 20, "%zu bytes", used);
	}
	for (i = 0; i < MANY; i++)
		CHECK_INT(simple(RECORD_EXPIRED, i), 0);
	CHECK_INT(queue_open_count(q), 0);
	CHECK_INT(queue_open_of(q, bytes_str("ai-7")), 0);
	queue_free(q);
}

/* Every allocation of a whole life fails once; nothing leaks. */
TEST(no_memory)
{
	struct sha256 d = digest_of(77);
	struct record rec;
	bool fired;
	int err;

	OOM_LOOP {
		next_index = 0;
		err = queue_new(&q);
		if (err == 0)
			err = receive(1);
		if (err == 0)
			err = approve(1, 1, "bob", true);
		if (err == 0)
			err = approve(1, 2, "eve", true);
		if (err == 0)
			err = simple(RECORD_NONCE, 1);
		if (err == 0)
			err = refuse(2, true);
		if (err == 0) {
			begin(&rec, RECORD_CANCEL_REFUSED, 1);
			record_set_digest(&rec, RF_CARD, &d);
			record_set_digest(&rec, RF_APPROVAL, &d);
			err = fold(&rec);
		}
		if (err == 0)
			err = cancel(1, "console", false, false);
		fired = OOM_FIRED();
		CHECK_INT(err, fired ? ERR_NOMEM : 0);
		queue_free(q);
		q = NULL;
	}
}

TEST_MAIN()
