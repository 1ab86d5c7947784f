/*
 * snapshot.h - a device's folded state as one blob, and back.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: gate, cli, console.
 *
 * A state record names the SHA-256 of such a blob. The same records make the
 * same bytes, wherever they are folded and whatever was forgotten meanwhile:
 * what is over at the time of the snapshot is left out, lists stand in the
 * order of the records. So a start may begin at the blob, and an auditor makes
 * it again from what came before and compares. PROTOCOL.md has the layout.
 *
 * One case is apart: after a `clock` record that took the time back, a device
 * remembers again what an auditor forgot as it streamed; until the time is
 * where it was, snapshots cannot be compared.
 */
#ifndef COUNTERSIGN_COMMON_SNAPSHOT_H
#define COUNTERSIGN_COMMON_SNAPSHOT_H

#include "common/queue.h"
#include "common/standing.h"
#include "common/trust.h"

#define SNAPSHOT_FORMAT 1
/* 10,000 waiting cards with all their approvals are some 30 MiB. */
#define SNAPSHOT_CAP ((size_t)128 << 20)

/*
 * Appends the blob. now: the time of the state record that names it. Failures
 * are the buffer's; ERR_STATE before the genesis.
 */
void snapshot_encode(struct buf *b, const struct standing *s,
    const struct trust *t, const struct queue *q, int64_t now);

/* Where the payloads of trust files come from: appends the blob of that name
 * to an empty buffer. ERR_NOT_FOUND, … */
typedef int snapshot_load_fn(void *arg, const struct sha256 *name,
    struct buf *ret_b);

/*
 * The state that a blob holds; the caller owns the three. Roots and files are
 * verified again on the way, from the pin on. ERR_CORRUPT: it does not read,
 * or a file does not verify or is not there; ERR_VERSION another format;
 * ERR_NOMEM; what load fails with besides.
 */
MUST_CHECK int snapshot_decode(struct bytes blob, snapshot_load_fn *load,
    void *arg, struct standing *ret_s, struct trust **ret_t,
    struct queue **ret_q);

#endif
