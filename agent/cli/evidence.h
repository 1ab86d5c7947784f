/*
 * evidence.h - what a console's export has besides the journal: alarms, and
 * records from before what is missing.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign.
 */
#ifndef COUNTERSIGN_AGENT_CLI_EVIDENCE_H
#define COUNTERSIGN_AGENT_CLI_EVIDENCE_H

#include "agent/cli/archivetree.h"

#include "common/jsonw.h"

struct evidence {
	uint64_t earlier;	/* records from before a gap */
	bool bad;		/* one of them is not in the tree: */
	uint64_t bad_index;	/* which */
	uint64_t alarms;
};

/*
 * Compares the records of earlier/ with the tree's hashes, and counts the
 * alarms of evidence/. An archive that has neither is fine. ERR_NOMEM, ERR_IO.
 */
MUST_CHECK int evidence_read(struct archive *a, struct archivetree *t,
    struct evidence *ret_e);
/* Says it, for people and as members of an object; nothing where there is
 * nothing. ERR_NOMEM, ERR_IO. */
MUST_CHECK int evidence_say(struct archive *a, const struct evidence *e);
MUST_CHECK int evidence_put(struct archive *a, const struct evidence *e,
    struct jsonw *w);

#endif
