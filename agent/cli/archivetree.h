/*
 * archivetree.h - what an archive has of its tree: hash tiles and notes.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_ARCHIVETREE_H
#define COUNTERSIGN_AGENT_CLI_ARCHIVETREE_H

#include "agent/cli/archive.h"
#include "common/audit.h"

struct archivetree;

/*
 * The hashes that the archive keeps of its sealed records (tiles/<level>,
 * PROTOCOL.md section 7). The archive has to outlive it. ERR_NOMEM; ERR_IO.
 */
MUST_CHECK int archivetree_open(struct archive *a, struct archivetree **ret_t);
/* NULL is fine. */
void archivetree_close(struct archivetree *t);
/* The records that it has the hashes of; 0: the archive has no tiles. */
uint64_t archivetree_size(const struct archivetree *t);
/* To prove with, up to that size: the source's ERR_RANGE is for what is
 * missing. Good until it is closed. */
struct merkle_source archivetree_source(struct archivetree *t);

/*
 * Gives an auditor all that goes with the records: where they begin, tiles,
 * `checkpoint` and the notes in `cosig/`. The tree has to outlive the audit.
 * Read before the records, so that a journal that grows has them all.
 */
MUST_CHECK int archivetree_audit(struct archive *a, struct archivetree *t,
    struct audit *audit);

#endif
