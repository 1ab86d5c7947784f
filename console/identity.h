/*
 * identity.h - the console's own authority and server certificate.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: countersign-console.
 *
 * Made once and kept in the store: agents pin the authority at enrolment, so
 * it lives for long; the server's certificate is made anew when its names
 * change or its time comes.
 */
#ifndef COUNTERSIGN_CONSOLE_IDENTITY_H
#define COUNTERSIGN_CONSOLE_IDENTITY_H

#include "console/settings.h"
#include "console/store/store.h"

#define IDENTITY_PEM_MAX 16384

/* PEM texts; buffers that were initialised. */
struct identity {
	struct buf ca;			/* certificate of the authority */
	struct buf chain, key;		/* the server's */
};

/*
 * Reads it, making what is absent or too old; *ret_fresh says whether the
 * server's certificate is a new one. certgen.h's errors (ERR_CHARACTER: a name
 * in the settings is none) and the store's. On success end it with
 * identity_free().
 */
MUST_CHECK int identity_load(struct store *s, const struct settings *settings,
    int64_t now, bool *ret_fresh, struct identity *ret_i);
void identity_free(struct identity *i);

#endif
