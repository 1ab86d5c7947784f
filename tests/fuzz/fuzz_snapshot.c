/*
 * fuzz_snapshot.c - snapshots: what is read is written again, the same ever
 * after.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: the fuzzers and their replay.
 *
 * Trust files are not there, so that only what has none is read to its end;
 * the queue's part by itself is the second half of the inputs.
 */
#include "common/queue_snapshot.h"
#include "common/snapshot.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static int
load_none(void *arg, const struct sha256 *name, struct buf *ret_b)
{
	(void)arg;
	(void)name;
	(void)ret_b;
	return ERR_NOT_FOUND;
}

static void
fuzz_whole(struct bytes in)
{
	struct standing s;
	struct trust *t;
	struct queue *q;
	struct buf b;

	if (snapshot_decode(in, load_none, NULL, &s, &t, &q) != 0)
		return;
	buf_init(&b, SNAPSHOT_CAP);
	snapshot_encode(&b, &s, t, q, INT64_MIN);
	require(buf_error(&b) == 0);
	buf_free(&b);
	standing_fini(&s);
	trust_free(t);
	queue_free(q);
}

static struct queue *
decode(struct bytes in)
{
	struct reader r;
	struct queue *q;

	require(queue_new(&q) == 0);
	reader_init(&r, in);
	if (queue_decode(&r, q) == 0 && reader_end(&r) == 0)
		return q;
	queue_free(q);
	return NULL;
}

static void
fuzz_queue(struct bytes in)
{
	struct queue *q = decode(in), *again;
	struct buf a, b;

	if (q == NULL)
		return;
	buf_init(&a, SNAPSHOT_CAP);
	buf_init(&b, SNAPSHOT_CAP);
	queue_encode(&a, q, INT64_MIN);
	require(buf_error(&a) == 0);
	require((again = decode(buf_bytes(&a))) != NULL);
	queue_encode(&b, again, INT64_MIN);
	require(bytes_equal(buf_bytes(&a), buf_bytes(&b)));
	require(queue_open_count(q) == queue_open_count(again));
	queue_forget(again, INT64_MAX);
	queue_free(again);
	queue_free(q);
	buf_free(&a);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	require(digest_init() == 0);
	if (size == 0)
		return 0;
	if (data[0] == 0)
		fuzz_whole(bytes_of(data + 1, size - 1));
	else
		fuzz_queue(bytes_of(data + 1, size - 1));
	return 0;
}
