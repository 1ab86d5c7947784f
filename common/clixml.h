/*
 * clixml.h - what PowerShell writes as XML on its error stream, as text again.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 *
 * Windows PowerShell serializes its streams when its error output is no
 * console: a line `#< CLIXML`, then one element <Objs>. Of that a person is
 * shown what are texts of errors, warnings and the like; progress and other
 * objects are not. Programs that it starts write into the same stream: between
 * that line and the element, or between what is in it. That is shown. Stored
 * bytes stay as they came; this is for showing them.
 *
 * What is not such a block, or is malformed, comes through unchanged.
 */
#ifndef COUNTERSIGN_COMMON_CLIXML_H
#define COUNTERSIGN_COMMON_CLIXML_H

#include "common/bytes.h"

/* A longer block is shown as it is. */
#define CLIXML_BLOCK_MAX ((size_t)1 << 20)

/* One stream that comes in pieces. */
struct clixml {
	struct buf held;	/* may become a block, or is one */
	size_t looked;		/* of it, for the end of a block */
	bool inside;		/* its beginning is there */
	bool again;		/* one has just ended: another may follow */
	bool marked;		/* its mark is there, and then came other text:
				 * of a program that has the same stream */
};

void clixml_init(struct clixml *c);
void clixml_fini(struct clixml *c);
/*
 * The next bytes: appends to ret_b what is to be shown of those that are
 * decided. ERR_NOMEM; the buffer's errors.
 */
MUST_CHECK int clixml_feed(struct clixml *c, struct bytes in,
    struct buf *ret_b);
/* The stream has ended: what was held is shown as it is. */
MUST_CHECK int clixml_finish(struct clixml *c, struct buf *ret_b);

#endif
