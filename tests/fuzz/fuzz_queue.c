/*
 * fuzz_queue.c - any sequence of records: the queue refuses it or stays right.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the fuzzers and their replay.
 *
 * Input: four bytes a record: kind, card, a choice of words and flags, and how
 * many seconds pass.
 */
#include "common/queue.h"
#include "tests/harness/records.h"

#include <stdlib.h>
#include <string.h>

#define CARDS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static struct sha256
digest_of(unsigned n)
{
	struct sha256 d;

	digest_sha256(bytes_of(&n, sizeof(n)), &d);
	return d;
}

static void
make(struct record *rec, const uint8_t *in, int64_t now)
{
	static const char *const outcomes[] = {
		"finished", "timed_out", "killed", "failed_to_start"
	};
	static const char *const people[] = { "x", "bob", "console", "device" };
	enum record_kind kind = (enum record_kind)(1 + in[0] %
	    (RECORD_KINDS - 1));
	struct sha256 d;
	unsigned w = in[2];

	sample_record(rec, kind, (w & 0x80) != 0);
	record_set_time(rec, now, 1);
	d = digest_of(in[1] % CARDS);
	if (record_kind_has(kind, RF_CARD))
		record_set_digest(rec, RF_CARD, &d);
	d = digest_of(100 + w % 4);
	if (record_kind_has(kind, RF_APPROVAL))
		record_set_digest(rec, RF_APPROVAL, &d);
	if (record_kind_has(kind, RF_APPROVER))
		record_set_str(rec, RF_APPROVER, people[w % 4]);
	if (record_kind_has(kind, RF_BY))
		record_set_str(rec, RF_BY, people[w / 4 % 4]);
	if (record_kind_has(kind, RF_ENOUGH))
		record_set_bool(rec, RF_ENOUGH, (w & 0x10) != 0);
	if (record_kind_has(kind, RF_RUNNING))
		record_set_bool(rec, RF_RUNNING, (w & 0x20) != 0);
	if (record_kind_has(kind, RF_FINAL))
		record_set_bool(rec, RF_FINAL, (w & 0x10) != 0);
	if (record_kind_has(kind, RF_OUTCOME))
		record_set_str(rec, RF_OUTCOME, outcomes[w % 4]);
	if (record_kind_has(kind, RF_EXPIRES))
		record_set_int(rec, RF_EXPIRES, now + 1 + w);
	rec->n_approvals = kind == RECORD_EXEC_INTENT && (w & 0x40) ? 1 : 0;
	rec->approvals[0] = d;
}

/* What a card was and what it has become fit together. */
static void
check_step(enum card_state was, const struct queue_item *item)
{
	enum card_state is = item != NULL ? item->state : STATE_NONE;

	require(!state_is_end(was) || is == was || is == STATE_NONE ||
	    is == STATE_PENDING || is == STATE_APPROVED ||
	    is == STATE_REFUSED);
	if (is == STATE_RUNNING)
		require(was == STATE_APPROVED || was == STATE_RUNNING);
	if (state_has_run(is) && is != STATE_RUNNING)
		require(was == STATE_RUNNING || was == is);
	if (item != NULL)
		require((item->ended != 0) == state_is_end(is));
}

static void
check_queue(const struct queue *q)
{
	size_t counts[STATES] = { 0 }, open = 0, approved = 0, waiting;
	const struct queue_item *i;
	int64_t first = INT64_MAX;
	uint64_t turn = 0;
	enum card_state s;

	for (i = queue_first(q); i != NULL; i = queue_next(q, i)) {
		counts[i->state]++;
		require(queue_find(q, &i->digest) == i);
		require(i->n_approvals <= QUEUE_APPROVALS);
		require(i->n_approvals == 0 || state_is_open(i->state));
		if ((i->state == STATE_PENDING ||
		    i->state == STATE_APPROVED) && i->expires < first)
			first = i->expires;
	}
	for (s = STATE_NONE; s < STATES; s++)
		require(queue_count(q, s) == counts[s]);
	for (i = queue_first_open(q); i != NULL; i = queue_next_open(q, i)) {
		require(state_is_open(i->state));
		open++;
	}
	for (i = queue_first_approved(q); i != NULL;
	    i = queue_next_approved(q, i)) {
		require(i->state == STATE_APPROVED);
		require(i->enough_index >= turn);
		turn = i->enough_index;
		approved++;
	}
	waiting = counts[STATE_PENDING] + counts[STATE_APPROVED];
	require(open == waiting + counts[STATE_RUNNING]);
	require(approved == counts[STATE_APPROVED]);
	require(queue_open_count(q) == waiting);
	require(queue_open_of(q, bytes_str("x")) == waiting);
	require(queue_next_expiry(q) == first);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t now = SAMPLE_TIME;
	enum card_state was;
	struct record rec;
	struct queue *q;
	uint64_t index;
	int err;

	if (queue_new(&q) != 0)
		exit(1);
	for (index = 0; size >= 4 && index < 300; index++) {
		const struct queue_item *item;

		now += data[3] < 250 ? data[3] : 4000;
		make(&rec, data, now);
		item = queue_find(q, &rec.card);
		was = item != NULL ? item->state : STATE_NONE;
		err = queue_fold(q, index, &rec);
		require(err == 0 || err == ERR_CORRUPT);
		require((queue_error(q)[0] != '\0') == (err != 0));
		if (err != 0) {
			/* It is to be thrown away; go on with a new one. */
			queue_free(q);
			if (queue_new(&q) != 0)
				exit(1);
		} else {
			check_step(was, queue_find(q, &rec.card));
			check_queue(q);
		}
		if (data[2] == 0x55)
			queue_forget(q, now);
		data += 4;
		size -= 4;
	}
	queue_free(q);
	return 0;
}
