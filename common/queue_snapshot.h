/*
 * queue_snapshot.h - the queue's part of a snapshot.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 */
#ifndef COUNTERSIGN_COMMON_QUEUE_SNAPSHOT_H
#define COUNTERSIGN_COMMON_QUEUE_SNAPSHOT_H

#include "common/queue.h"

/* Appends the cards and seen approvals but those whose time is over at now. */
void queue_encode(struct buf *b, const struct queue *q, int64_t now);
/*
 * Fills an empty queue. ERR_CORRUPT or the reader's error: it does not read;
 * ERR_NOMEM. Then the queue is to be thrown away.
 */
MUST_CHECK int queue_decode(struct reader *r, struct queue *q);

#endif
