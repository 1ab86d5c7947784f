/*
 * plain.h - what an action may touch, in words that a person reads.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: cli, console.
 */
#ifndef COUNTERSIGN_COMMON_PLAIN_H
#define COUNTERSIGN_COMMON_PLAIN_H

#include "common/action.h"

/*
 * Appends one or a few sentences, without a newline, of what profile, net,
 * read, write and services let the action do, what happens to what it leaves
 * running, and its limits. Profile full begins with "NOT CONFINED". Paths and
 * units are escaped (text_escape()). Failures are the buffer's.
 */
void plain_action(struct buf *b, const struct action *a);

/* The same as member `confinement` of an object. */
struct jsonw;
void plain_write(struct jsonw *w, const struct action *a);

/* "5 minutes", "1 hour", "90 seconds"; "8 MiB", "1,000 bytes". */
void plain_seconds(struct buf *b, int64_t s);
void plain_bytes(struct buf *b, int64_t n);

#endif
