/*
 * serverhello.h - whether a TLS 1.2 server took up the extended master secret.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: courier, console.
 *
 * TLS 1.2 binds a connection to its handshake only with the extended master
 * secret (RFC 7627; RFC 9266 section 3 asks for it before an exporter is used
 * as a channel binding). mbedTLS offers it, and goes on without it; it has no
 * way to ask afterwards. So this watches the first bytes that the server sends
 * for the one extension in ServerHello, which stands there in the clear. What
 * it cannot follow counts as a no. The handshake itself protects the answer:
 * its Finished messages fail if a byte of it was altered.
 */
#ifndef COUNTERSIGN_COMMON_SERVERHELLO_H
#define COUNTERSIGN_COMMON_SERVERHELLO_H

#include "common/bytes.h"

/* A ServerHello is some 100 bytes; longer ones count as a no. */
#define SERVERHELLO_MAX 1024

struct serverhello {
	uint8_t record[5];	/* header of the record */
	size_t record_n;
	size_t record_left;	/* bytes of its content still to come */
	uint8_t message[SERVERHELLO_MAX];
	size_t message_n;
	bool done, ems;
};

void serverhello_init(struct serverhello *s);

/* More of what the server sent, from the first byte on, cut anywhere. */
void serverhello_feed(struct serverhello *s, struct bytes in);

/* Whether ServerHello came whole and agreed to it. */
bool serverhello_has_ems(const struct serverhello *s);

#endif
